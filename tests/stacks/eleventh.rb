# ruby eleventh.rb MISTAKE PORT: Sinatra with rack-cors under Puma, as a todo list's API is mostly written, with one mistake of CAUSES.md made on purpose.
require 'json'
require 'sinatra/base'
require 'rack/cors'

OWN, PORT = ARGV[0].split('_', 2).last, ARGV[1]
A = 'http://app.one.test:18901'

class Todos < Sinatra::Base
  set :environment, :production
  before { content_type :json }
  get('/health') { '{}' }
  get('/api/todos') { [{ id: 1 }].to_json }
  post('/api/todos') { status 201 }
  put('/api/todos/:id') { '{}' }
  delete('/api/todos/:id') { status 204 }
  if OWN == 'before'
    before { headers 'Access-Control-Allow-Origin' => A, 'Access-Control-Allow-Methods' => 'GET, POST, PUT, DELETE', 'Access-Control-Allow-Headers' => 'Content-Type' }
  end
end

class Token
  def initialize(app) = @app = app
  def call(env) = env['PATH_INFO'] == '/health' || env['HTTP_AUTHORIZATION'] ? @app.call(env) : [401, { 'Content-Type' => 'application/json' }, ['{"error":"unauthorized"}']]
end

APP = Rack::Builder.new do
  use Token if OWN == 'token'
  unless %w[forgot before].include?(OWN)
    use Rack::Cors do
      allow do
        origins(*(OWN == 'list' ? ['https://todo.example', 'https://www.todo.example'] : [A]))
        resource OWN == 'resource' ? '/public/*' : '/api/*', headers: OWN == 'headers' ? ['Content-Type'] : :any, methods: OWN == 'verbs' ? [:get, :post] : [:get, :post, :put, :delete, :options]
      end
    end
  end
  run Todos
end
require 'rack/handler/puma'
Rack::Handler::Puma.run(APP.to_app, Host: '127.0.0.1', Port: PORT, Silent: true)
