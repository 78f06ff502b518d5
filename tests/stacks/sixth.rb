# ruby sixth.rb MISTAKE PORT: Sinatra with its own protection and fields by hand, on Thin, with one mistake of CAUSES.md made on purpose.
require 'sinatra/base'
require 'rack/cors'

MISTAKE, PORT = ARGV[0].delete_prefix('sinatra_'), ARGV[1].to_i
A, B = 'http://app.one.test:18901', 'http://app.two.test:18902'

class App < Sinatra::Base
  set :environment, :production
  set :show_exceptions, false
  set :raise_errors, false
  MISTAKE == 'protected' ? set(:protection, except: [:json_csrf]) : disable(:protection)
  before do
    headers 'Access-Control-Allow-Origin' => A if %w[before options].include?(MISTAKE)
    headers 'Access-Control-Allow-Origin' => request.env['HTTP_ORIGIN'] if MISTAKE == 'listed' && request.env['HTTP_ORIGIN'] == B
    halt 401, { 'Content-Type' => 'application/json' }, '{"error":"unauthorized"}' if MISTAKE == 'halts' && request.path == '/items' && !request.env['HTTP_AUTHORIZATION']
  end
  if %w[options listed].include?(MISTAKE)
    options('*') { headers 'Access-Control-Allow-Methods' => 'GET, PUT', 'Access-Control-Allow-Headers' => 'Authorization'; 204 }
  end
  ['/items', '/other', '/me'].each do |path|
    [:get, :post, :put, :delete].each { |verb| send(verb, path) { content_type :json; '{}' } }
  end
end

APP = Rack::Builder.new do
  if %w[protected halts].include?(MISTAKE)
    use(Rack::Cors) { allow { origins A, B; resource '*', headers: :any, methods: :any, credentials: true } }
  elsif MISTAKE == 'verbs'
    use(Rack::Cors) { allow { origins A, B; resource '/items', headers: :any, methods: [:get, :post] ; resource '/me', headers: :any, methods: :any } }
  end
  run App
end

require 'rack/handler/thin'
Thin::Logging.silent = true
Rack::Handler::Thin.run(APP.to_app, Host: '127.0.0.1', Port: PORT)
