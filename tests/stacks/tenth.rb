# ruby tenth.rb MISTAKE PORT: Sinatra and Rack with rack-cors, as its documentation shows it, with one mistake of CAUSES.md made on purpose.
require 'sinatra/base'
require 'rack/cors'
require 'json'

OWN, PORT = ARGV[0].split('_', 2).last, ARGV[1].to_i
A, WWW = 'http://app.one.test:18901', 'https://www.one.test'

class App < Sinatra::Base
  disable :protection
  set :environment, :production
  before { content_type :json }
  before { headers 'Access-Control-Allow-Origin' => A if %w[hand twice].include?(OWN) }
  get('/health') { '{}' }
  get('/api/items') { [{ id: 1 }].to_json }
  put('/api/items/:id') { '{}' }
  delete('/api/items/:id') { '{}' }
  post('/api/orders') { '{}' }
  options('*') { response.headers['Access-Control-Allow-Methods'] = 'GET, PUT'; response.headers['Access-Control-Allow-Headers'] = 'Content-Type'; 200 } if OWN == 'hand'
end

class Token
  def initialize(app) = @app = app
  def call(env) = env['PATH_INFO'] == '/health' || env['HTTP_AUTHORIZATION'] ? @app.call(env) : [401, { 'Content-Type' => 'application/json' }, ['{"error":"invalid_token"}']]
end

class Crash
  def initialize(app) = @app = app
  def call(env) = env['PATH_INFO'] == '/api/crash' && env['REQUEST_METHOD'] != 'OPTIONS' ? [500, { 'Content-Type' => 'text/html' }, ['<h1>Internal Server Error</h1>']] : @app.call(env)
end

class Secure
  def initialize(app) = @app = app
  def call(env) = env['PATH_INFO'] == '/health' ? @app.call(env) : [301, { 'Location' => "https://#{env['HTTP_HOST'].split(':').first}#{env['PATH_INFO']}", 'Content-Type' => 'text/html' }, []]
end

APP = Rack::Builder.new do
  use Token if OWN == 'auth'
  use Crash if OWN == 'crash'
  use Secure if OWN == 'https'
  unless %w[none hand].include?(OWN)
    use Rack::Cors do
      allow do
        origins OWN == 'origin' ? WWW : OWN == 'star' ? '*' : A
        resource OWN == 'path' ? '/v1/*' : '*', headers: OWN == 'headers' ? ['X-Token'] : :any, methods: OWN == 'methods' ? [:get, :post] : [:get, :post, :put, :patch, :delete, :options, :head], credentials: false
      end
    end
  end
  run App
end
require 'rack/handler/puma'
Rack::Handler::Puma.run(APP.to_app, Host: '127.0.0.1', Port: PORT, Silent: true)
