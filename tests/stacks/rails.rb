# ruby rails.rb MISTAKE PORT: Rails' API mode with rack-cors, or Grape, with one mistake of CAUSES.md made on purpose.
MISTAKE, PORT = ARGV[0], ARGV[1].to_i
FAMILY, OWN = MISTAKE.split('_', 2)
A, B = 'http://app.one.test:18901', 'http://app.two.test:18902'
require 'rack/cors'

ALLOW = proc do
  allow do
    origins(*(OWN == 'origin' ? [B] : OWN == 'star' ? ['*'] : [A, B]))
    resource(OWN == 'path' ? '/api/*' : '*', headers: OWN == 'headers' ? ['accept'] : :any, methods: OWN == 'methods' ? %i[get post] : %i[get post put patch delete options head], credentials: !%w[credentials star].include?(OWN))
  end
end

def rails
  require 'action_controller/railtie'
  ENV['RAILS_ENV'] = 'production'
  app = Class.new(Rails::Application) do
    config.root = Dir.pwd
    config.api_only = true
    config.eager_load = false
    config.logger = Logger.new(File::NULL)
    config.secret_key_base = 'x' * 64
    config.hosts = OWN == 'host' ? ['www.one.test'] : []
    config.force_ssl = OWN == 'ssl'
    case OWN
    when 'none' then nil
    when 'last' then config.middleware.use(Rack::Cors, &ALLOW)
    else config.middleware.insert_before(0, Rack::Cors, &ALLOW)
    end
    if OWN == 'auth'
      config.middleware.insert_before(0, Class.new do
        def initialize(app) = @app = app
        def call(env) = env['HTTP_AUTHORIZATION'] ? @app.call(env) : [401, { 'Content-Type' => 'text/plain', 'WWW-Authenticate' => 'Basic realm="Application"' }, ["HTTP Basic: Access denied.\n"]]
      end)
    end
  end
  items = Class.new(ActionController::API) do
    def show = render(json: { ok: true })
    def boom = raise('boom')
    def denied = head(:unauthorized)
  end
  Object.const_set(:ItemsController, items)
  app.initialize!
  app.routes.draw do
    %w[items other api/items].each { |path| match path => 'items#show', via: %i[get post put delete] }
    match 'boom' => 'items#boom', via: %i[get put]
    match 'denied' => 'items#denied', via: %i[get put]
  end
  app
end

def grape
  require 'grape'
  api = Class.new(Grape::API) do
    format :json
    before do
      if OWN == 'before'
        header 'Access-Control-Allow-Origin', A
        header 'Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE'
        header 'Access-Control-Allow-Headers', 'Content-Type'
      end
      error!('401 Unauthorized', 401) if OWN == 'token' && headers['Authorization'].nil?
    end
    %w[items other].each { |path| route(%w[GET POST PUT DELETE], path) { { ok: true } } }
    get('boom') { raise 'boom' }
    rescue_from(:all) { error!({ error: 'boom' }, 500) } if OWN != 'raise'
  end
  Rack::Builder.new do
    use(Rack::Cors, &ALLOW) unless %w[none before].include?(OWN)
    run api
  end.to_app
end

require 'rack/handler/puma'
Rack::Handler::Puma.run(send(FAMILY), Host: '127.0.0.1', Port: PORT, Silent: true)
