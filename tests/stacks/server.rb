# ruby server.rb MISTAKE PORT: Sinatra with rack-cors, or Rack alone, with one mistake of CAUSES.md made on purpose.
require 'sinatra/base'
require 'rack/cors'

MISTAKE, PORT = ARGV[0].delete_prefix('rack_'), ARGV[1].to_i
A, B = 'http://app.one.test:18901', 'http://app.two.test:18902'

class App < Sinatra::Base
  disable :protection
  set :environment, :production
  ['/items', '/api/items', '/other'].each do |path|
    [:get, :post, :put, :patch, :delete].each { |verb| send(verb, path) { content_type :json; '{}' } }
  end
  get('/broken') { halt 500, 'broken' }
end

class Before
  def initialize(app, &said) = (@app, @said = app, said)
  def call(env) = @said.call(env) || @app.call(env)
end

json = { 'Content-Type' => 'application/json' }
ORIGINS = { 'origin' => [B], 'star' => ['*'], 'slash' => [A + '/'] }.fetch(MISTAKE.delete_suffix('_webrick'), [A, B])
METHODS = MISTAKE.start_with?('methods') ? [:get, :post] : :any
HEADERS = MISTAKE.start_with?('headers') ? ['content-type'] : :any
PATHS = MISTAKE.start_with?('path') ? '/api/*' : '*'
CREDENTIALS = !%w[star credentials].include?(MISTAKE)

APP = Rack::Builder.new do
  case MISTAKE
  when 'auth' then use(Before) { |env| env['HTTP_COOKIE'] ? nil : [401, json, ['{}']] }
  when 'limiter'
    left = 4
    use(Before) { |_| (left -= 1) < 0 ? [429, json.merge('Retry-After' => '60'), ['{}']] : nil }
  when 'login' then use(Before) { |env| env['PATH_INFO'] == '/other' ? [302, { 'Location' => '/items' }, []] : nil }
  when 'crash' then use(Before) { |env| env['PATH_INFO'] == '/other' && env['REQUEST_METHOD'] != 'OPTIONS' ? [500, json, ['{}']] : nil }
  end
  unless MISTAKE == 'inside'
    use Rack::Cors do
      allow { origins(*ORIGINS); resource PATHS, headers: HEADERS, methods: METHODS, credentials: CREDENTIALS }
    end
  end
  run App
end

if MISTAKE.end_with?('webrick')
  require 'rack/handler/webrick'
  Rack::Handler::WEBrick.run(APP.to_app, Host: '127.0.0.1', Port: PORT, AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
else
  require 'rack/handler/puma'
  Rack::Handler::Puma.run(APP.to_app, Host: '127.0.0.1', Port: PORT, Silent: true)
end
