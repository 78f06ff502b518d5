"""Configurations of the servers in front."""

BEHIND = "node {here}/server.js express_%s {port2}"

NGINX_HEAD = """daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
map $http_origin $allowed {{ default ""; "http://app.one.test:18901" $http_origin; "http://app.two.test:18902" $http_origin; }}
limit_req_zone $binary_remote_addr zone=z:1m rate=2r/m; proxy_cache_path {dir}/c keys_zone=c:1m;
server {{ listen 127.0.0.1:{port}; %s }} }}
"""
ADD = "add_header Access-Control-Allow-Origin $allowed always; add_header Access-Control-Allow-Methods 'GET, POST, PUT, DELETE' always; add_header Access-Control-Allow-Headers 'Content-Type' always; add_header Vary Origin always;"
PRE = "if ($request_method = OPTIONS) {{ " + ADD + " return 204; }} "
PASS = "proxy_pass http://127.0.0.1:{port2}; "


def nginx(server):
    return ("nginx", NGINX_HEAD % server)


def tls(location):
    """A gateway that ends TLS before the recorded port."""
    return ("tls", """daemon off; pid {dir}/tls.pid; error_log {dir}/tls.log; worker_processes 1; events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {dir}/tb; proxy_temp_path {dir}/tp; fastcgi_temp_path {dir}/tf; uwsgi_temp_path {dir}/tu; scgi_temp_path {dir}/ts;
server {{ listen 127.0.0.1:{port3} ssl http2; ssl_certificate {work}/tls.pem; ssl_certificate_key {work}/tls.key;
location / {{ proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host $http_host; %s }} }} }}
""" % location)


def haproxy(front, back="server s 127.0.0.1:{port2}"):
    return ("haproxy", """defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 2s
frontend f
 bind 127.0.0.1:{port}
 %s
 default_backend b
backend b
 %s
""" % (front, back))


def caddy(body):
    return ("caddy", "{{\n admin off\n auto_https off\n}}\nhttp://:{port} {{\n bind 127.0.0.1\n %s\n}}\n" % body)


def apache(body):
    modules = "mpm_event authn_core authz_core authz_user authn_file auth_basic headers alias dir mime proxy proxy_http rewrite setenvif".split()
    load = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in modules)
    return ("apache", "ServerName api.one.test\nListen 127.0.0.1:{port}\nPidFile {dir}/pid\nErrorLog {dir}/error.log\nDefaultRuntimeDir {dir}\nDocumentRoot {dir}\n" + load + "TypesConfig /dev/null\n" + body)


def varnish(sub):
    return ("varnish", """vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port2}"; }}
%s
""" % sub)


def lighttpd(body):
    return ("lighttpd", """server.modules = ("mod_setenv", "mod_redirect", "mod_proxy", "mod_alias")
server.document-root = "{dir}"
alias.url = ("/items" => "/etc/hostname", "/other" => "/etc/hostname")
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{dir}/error.log"
%s
""" % body)


def traefik(router, middlewares, port="{port2}"):
    """`middlewares`: YAML of several, at the indent that they have below `middlewares:`."""
    return ("traefik", """http:
  routers:
%s
  services:
    s:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:%s
  middlewares:
%s
""" % (router, port, middlewares))


def envoy(filters, route_config, port="{port2}"):
    """`filters`: names of the HTTP filters before the router, and their YAML; `route_config`: YAML below a virtual host."""
    listed = "".join("          - name: %s\n            typed_config:\n%s" % (name, text) for name, text in filters)
    return ("envoy.yaml", """static_resources:
  listeners:
  - address:
      socket_address: {{address: 127.0.0.1, port_value: {port}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: x
          http_filters:
%s          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: v
              domains: ["*"]
%s
  clusters:
  - name: c
    connect_timeout: 1s
    type: STATIC
    load_assignment:
      cluster_name: c
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: {{address: 127.0.0.1, port_value: %s}}
""" % (listed, route_config, port))
