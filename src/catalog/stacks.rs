//! Server-side stacks: how each is recognised, and the lines to change in it (VERDICTS.md §4, "Fix per stack"; CAUSES.md).

use std::fmt;

use serde::Serialize;

use super::{Side, Stack};
use crate::record::words;

words! {
    /// What can be set in a stack.
    Setting {
        /// The allow-list.
        Origins = "origins",
        /// Credentials.
        Credentials = "credentials",
        /// The list of methods.
        Methods = "methods",
        /// The list of headers.
        Headers = "headers",
        /// How long preflights are kept.
        MaxAge = "max_age",
        /// CORS before login, limiter, redirects and routes.
        Order = "order",
        /// Which paths CORS covers.
        Scope = "scope",
        /// Error answers with CORS headers.
        Errors = "errors",
        /// One layer owns the header.
        OneOwner = "one_owner",
        /// Caches heed the origin.
        Cache = "cache",
        /// The browser's scheme behind a TLS terminator.
        Scheme = "scheme",
    }
}

/// A stack's words. `{origin}`, `{methods}`, `{all_headers}`, `{path}` and their like stand for what the refusal shows.
#[derive(Debug)]
pub struct StackEntry {
    /// Which stack.
    pub stack: Stack,
    /// As its users call it.
    pub title: &'static str,
    /// Application or edge.
    pub side: Side,
    /// By what an answer shows it.
    pub told_by: &'static str,
    /// The lines to change, by setting.
    pub settings: &'static [(Setting, &'static str)],
    /// What usually breaks.
    pub breaks: &'static str,
}

impl Stack {
    /// The stack's words.
    #[must_use]
    pub fn entry(self) -> &'static StackEntry {
        &STACKS[self as usize]
    }

    /// What to write in this stack for a setting; none where it has nothing of the kind.
    #[must_use]
    pub fn setting(self, setting: Setting) -> Option<&'static str> {
        self.entry().settings.iter().find(|(s, _)| *s == setting).map(|(_, text)| *text)
    }
}

use Setting::{Cache, Credentials, Errors, Headers, MaxAge, Methods, OneOwner, Order, Origins, Scheme, Scope};

/// Every stack, in the order of [`Stack::ALL`].
pub static STACKS: &[StackEntry] = &[
    StackEntry {
        stack: Stack::Generic,
        title: "any server",
        side: Side::Application,
        told_by: "nothing",
        settings: &[
            (
                Origins,
                "Access-Control-Allow-Origin: {origin} and Vary: Origin, after comparing the whole Origin with a list",
            ),
            (
                Credentials,
                "Access-Control-Allow-Origin: {origin}, Access-Control-Allow-Credentials: true, Vary: Origin",
            ),
            (Methods, "Access-Control-Allow-Methods: {methods}"),
            (Headers, "Access-Control-Allow-Headers: {all_headers}"),
            (MaxAge, "Access-Control-Max-Age: 600"),
            (
                Order,
                "the CORS code comes first, outside login, limiter, redirects and routes, and answers OPTIONS itself with 204",
            ),
            (Scope, "the CORS code covers {path}, OPTIONS included"),
            (Errors, "the CORS code is the outermost, so that 4xx and 5xx pass through it"),
            (OneOwner, "only one of application and proxy sets Access-Control-* fields"),
            (Cache, "Vary: Origin on every answer, also on those without Access-Control-Allow-Origin"),
            (Scheme, "take the scheme from X-Forwarded-Proto where the peer is the proxy"),
        ],
        breaks: "headers on good answers alone; preflights that meet login, limiter or redirect",
    },
    StackEntry {
        stack: Stack::Express,
        title: "Express with cors",
        side: Side::Application,
        told_by: "X-Powered-By: Express",
        settings: &[
            (
                Origins,
                "app.use(cors({ origin: ['{origin}'] }))  // exact origins, no slash; a function answers callback(null, false), never callback(err), which is a 500",
            ),
            (
                Credentials,
                "app.use(cors({ …, origin: ['{origin}'], credentials: true }))  // the default origin is '*'",
            ),
            (Methods, "cors({ …, methods: [{apostrophed_methods}] })"),
            (
                Headers,
                "cors({ …, allowedHeaders: [{quoted_headers}] })  // or leave it out: cors then echoes what is asked",
            ),
            (MaxAge, "cors({ …, maxAge: 600 })"),
            (
                Order,
                "app.use(cors(options)) above every app.use(auth), limiter, redirect and router; its answer to OPTIONS then ends there",
            ),
            (Scope, "app.use(cors(options)) above the router that has {path}; Express 5 takes no path '*'"),
            (
                Errors,
                "app.use(cors(options)) first; Express keeps headers that are set before an error. In an own error handler do not remove them",
            ),
            (OneOwner, "remove cors() where the proxy sets the headers, or proxy_hide_header them in the proxy"),
            (Cache, "res.vary('Origin') on every answer of {path}; cors does so when origin is a list or function"),
            (Scheme, "app.set('trust proxy', 1)"),
        ],
        breaks: "cors() below auth or router; callback(err) gives 500 without headers; a string as origin is sent as it is, slash and all",
    },
    StackEntry {
        stack: Stack::Fastify,
        title: "Fastify with @fastify/cors",
        side: Side::Application,
        told_by: "Keep-Alive: timeout=72",
        settings: &[
            (Origins, "await app.register(cors, { …, origin: ['{origin}'] })"),
            (Credentials, "register(cors, { …, origin: ['{origin}'], credentials: true })"),
            (
                Methods,
                "register(cors, { …, methods: [{apostrophed_methods}] })  // the default since 11 is GET,HEAD,POST",
            ),
            (Headers, "register(cors, { …, allowedHeaders: [{quoted_headers}] })"),
            (MaxAge, "register(cors, { …, maxAge: 600 })"),
            (
                Order,
                "register @fastify/cors on the root instance before auth hooks and routes; hook: 'onRequest' is the default",
            ),
            (
                Scope,
                "register @fastify/cors on the root instance (or with fastify-plugin): inside a plugin it covers that scope alone, though OPTIONS is answered everywhere",
            ),
            (Errors, "register it on the root instance, so that 404 and errors have it"),
            (OneOwner, "remove @fastify/cors where the proxy sets the headers"),
            (Cache, "reply.vary('Origin'); @fastify/cors does so when origin is a list or function"),
            (Scheme, "fastify({ trustProxy: true })"),
        ],
        breaks: "registered inside a plugin's scope; methods left at the default",
    },
    StackEntry {
        stack: Stack::Flask,
        title: "Flask with Flask-CORS",
        side: Side::Application,
        told_by: "Server: Werkzeug",
        settings: &[
            (Origins, "CORS(app, origins=[\"{origin}\"])  # a string with regex characters is an unanchored regex"),
            (Credentials, "CORS(app, …, origins=[\"{origin}\"], supports_credentials=True)"),
            (Methods, "CORS(app, …, methods=[{quoted_methods}])"),
            (Headers, "CORS(app, …, allow_headers=[{quoted_headers}])"),
            (MaxAge, "CORS(app, …, max_age=600)"),
            (
                Order,
                "in before_request: if request.method == \"OPTIONS\": return  # before login and redirects; app.url_map.strict_slashes = False above the routes",
            ),
            (Scope, "CORS(app, resources={r\"/*\": {\"origins\": [\"{origin}\"]}})  # the pattern must match {path}"),
            (
                Errors,
                "PROPAGATE_EXCEPTIONS and debug off: an unhandled exception otherwise leaves Flask without passing CORS",
            ),
            (
                OneOwner,
                "remove the own after_request that sets Access-Control-Allow-Origin: before CORS(app) it doubles the field, after it Flask-CORS adds nothing",
            ),
            (Cache, "CORS(app, origins=[…], vary_header=True) and Vary: Origin on answers without Origin, too"),
            (Scheme, "app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)"),
        ],
        breaks: "resources= that miss the path; an own after_request beside CORS(app); login in before_request meets OPTIONS",
    },
    StackEntry {
        stack: Stack::Django,
        title: "Django with django-cors-headers",
        side: Side::Application,
        told_by: "Server: WSGIServer, or X-Frame-Options, X-Content-Type-Options, Referrer-Policy and Cross-Origin-Opener-Policy together",
        settings: &[
            (Origins, "CORS_ALLOWED_ORIGINS = [\"{origin}\"]"),
            (Credentials, "CORS_ALLOW_CREDENTIALS = True and CORS_ALLOWED_ORIGINS = [\"{origin}\"]"),
            (Methods, "CORS_ALLOW_METHODS = [{quoted_methods}]"),
            (Headers, "CORS_ALLOW_HEADERS = [{quoted_headers}]"),
            (MaxAge, "CORS_PREFLIGHT_MAX_AGE = 600"),
            (
                Order,
                "MIDDLEWARE: \"corsheaders.middleware.CorsMiddleware\" as the first, above SecurityMiddleware, WhiteNoise and CommonMiddleware (else APPEND_SLASH's 301 is bare)",
            ),
            (Scope, "CORS_URLS_REGEX must match {path} (default: every path)"),
            (
                Errors,
                "CorsMiddleware as the first in MIDDLEWARE, and return responses from middleware instead of raising",
            ),
            (OneOwner, "remove the header from views and proxy; leave it to CorsMiddleware"),
            (Cache, "CorsMiddleware above UpdateCacheMiddleware; it sends Vary: origin by itself"),
            (Scheme, "SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")"),
        ],
        breaks: "CorsMiddleware below CommonMiddleware; CORS_URLS_REGEX; regular expressions without ^ and $",
    },
    StackEntry {
        stack: Stack::Spring,
        title: "Spring",
        side: Side::Application,
        told_by: "body \"Invalid CORS request\"; Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers; JSESSIONID",
        settings: &[
            (
                Origins,
                "config.setAllowedOrigins(List.of(\"{origin}\")) in the CorsConfigurationSource, and http.cors(withDefaults())",
            ),
            (
                Credentials,
                "config.setAllowCredentials(true) with setAllowedOrigins(List.of(\"{origin}\")); * with credentials throws",
            ),
            (Methods, "config.setAllowedMethods(List.of({quoted_methods}))"),
            (Headers, "config.setAllowedHeaders(List.of({quoted_headers}))"),
            (MaxAge, "config.setMaxAge(600L)"),
            (
                Order,
                "http.cors(withDefaults()) in the SecurityFilterChain, with a CorsConfigurationSource bean: the CORS filter then runs before the login filters",
            ),
            (
                Scope,
                "registry.addMapping(\"/**\") or source.registerCorsConfiguration(\"/**\", config); it must match {path}",
            ),
            (Errors, "use the CorsFilter (http.cors) rather than @CrossOrigin: filters' errors have no controller"),
            (
                OneOwner,
                "remove the proxy's header or the own filter that sets it; @CrossOrigin and global configuration merge",
            ),
            (Cache, "leave Vary as Spring sends it"),
            (Scheme, "server.forward-headers-strategy=framework"),
        ],
        breaks: "Spring Security answers 401 or 403 before CORS; * with credentials throws; @CrossOrigin merges with the global configuration",
    },
    StackEntry {
        stack: Stack::AspNet,
        title: "ASP.NET Core",
        side: Side::Application,
        told_by: "Server: Kestrel or Microsoft-IIS; X-Powered-By: ASP.NET",
        settings: &[
            (Origins, "policy.WithOrigins(\"{origin}\")  // no slash at the end"),
            (Credentials, "policy.WithOrigins(\"{origin}\").AllowCredentials()"),
            (Methods, "policy.WithMethods({quoted_methods})"),
            (Headers, "policy.WithHeaders({quoted_headers})"),
            (MaxAge, "policy.SetPreflightMaxAge(TimeSpan.FromMinutes(10))"),
            (
                Order,
                "app.UseRouting(); app.UseCors(); app.UseAuthentication(); app.UseAuthorization(); in this order; in IIS remove the OPTIONS handler",
            ),
            (Scope, "app.UseCors(\"policy\") or RequireCors on the endpoint {path}"),
            (
                Errors,
                "UseCors before UseExceptionHandler's branch ends: the exception handler clears headers, so re-run CORS there",
            ),
            (OneOwner, "remove customHeaders from web.config where UseCors is on"),
            (Cache, "Vary: Origin is sent where more than one origin is listed; list at least two or add it"),
            (Scheme, "app.UseForwardedHeaders() with ForwardedHeaders.XForwardedProto, first"),
        ],
        breaks: "UseCors after authentication; IIS answers OPTIONS itself; a slash in origins; the exception handler clears headers",
    },
    StackEntry {
        stack: Stack::Rack,
        title: "Rails or Sinatra with rack-cors",
        side: Side::Application,
        told_by: "X-Rack-CORS, X-Runtime or X-Cascade; Server: WEBrick, Puma, thin; X-Powered-By: Phusion Passenger",
        settings: &[
            (Origins, "allow { origins '{origin}'; resource '*', headers: :any, methods: :any }"),
            (Credentials, "resource '*', …, credentials: true  # with origins '{origin}', not '*'"),
            (Methods, "resource '*', …, methods: [{symbol_methods}]"),
            (Headers, "resource '*', …, headers: [{quoted_headers}]"),
            (MaxAge, "resource '*', …, max_age: 600"),
            (Order, "config.middleware.insert_before 0, Rack::Cors do … end  # before cache, limiter and login"),
            (Scope, "resource '*' (or a pattern that matches {path})"),
            (Errors, "insert_before 0: Rack::Cors outside ShowExceptions"),
            (OneOwner, "remove the header from controllers and proxy"),
            (Cache, "insert_before 0, outside Rack::Cache; rack-cors sends Vary: Origin"),
            (Scheme, "config.assume_ssl = true, or pass X-Forwarded-Proto"),
        ],
        breaks: "placed after a cache or login; a method not listed falls to the application, which answers without any header",
    },
    StackEntry {
        stack: Stack::Starlette,
        title: "FastAPI or Starlette with CORSMiddleware",
        side: Side::Application,
        told_by: "Server: uvicorn or hypercorn; body \"Disallowed CORS …\" with 400",
        settings: &[
            (Origins, "app.add_middleware(CORSMiddleware, …, allow_origins=[\"{origin}\"])"),
            (
                Credentials,
                "CORSMiddleware(…, allow_origins=[\"{origin}\"], allow_credentials=True)  # [\"*\"] with credentials echoes every origin",
            ),
            (Methods, "CORSMiddleware(…, allow_methods=[{quoted_methods}])  # the default is GET alone"),
            (Headers, "CORSMiddleware(…, allow_headers=[{quoted_headers}])"),
            (MaxAge, "CORSMiddleware(…, max_age=600)"),
            (Order, "add CORSMiddleware last with add_middleware: the last one added is the outermost"),
            (Scope, "add CORSMiddleware to the outer app, not to a mounted one; it must see {path}"),
            (
                Errors,
                "wrap the whole app, app = CORSMiddleware(app, …): an unhandled 500 is made outside every add_middleware",
            ),
            (OneOwner, "remove the proxy's header, or CORSMiddleware"),
            (Cache, "CORSMiddleware sends Vary: Origin only where it names one; add it to answers without Origin"),
            (Scheme, "uvicorn --proxy-headers --forwarded-allow-ips=PROXY (only 127.0.0.1 is trusted by default)"),
        ],
        breaks: "not the outermost middleware; unhandled 500 outside it; allow_methods left at GET; slash redirect 307",
    },
    StackEntry {
        stack: Stack::Go,
        title: "Go with rs/cors",
        side: Side::Application,
        told_by: "text/plain; charset=utf-8 errors with X-Content-Type-Options: nosniff and no Server",
        settings: &[
            (Origins, "cors.Options{…, AllowedOrigins: []string{\"{origin}\"}}"),
            (Credentials, "cors.Options{…, AllowedOrigins: []string{\"{origin}\"}, AllowCredentials: true}"),
            (
                Methods,
                "cors.Options{…, AllowedMethods: []string{{quoted_methods}}}  // the default lacks PUT, PATCH, DELETE",
            ),
            (Headers, "cors.Options{…, AllowedHeaders: []string{{quoted_headers}}}"),
            (MaxAge, "cors.Options{…, MaxAge: 600}"),
            (Order, "http.ListenAndServe(addr, c.Handler(auth(mux))): cors wraps everything"),
            (Scope, "c.Handler(mux) around the whole mux, so that {path} is inside"),
            (Errors, "c.Handler outermost: http.Error keeps headers that are set before"),
            (OneOwner, "do not set the header in handlers, too"),
            (Cache, "leave Vary as rs/cors sends it"),
            (Scheme, "take r.Header.Get(\"X-Forwarded-Proto\") from the proxy"),
        ],
        breaks: "default methods; wrapped inside auth",
    },
    StackEntry {
        stack: Stack::TowerHttp,
        title: "axum or tower with tower-http",
        side: Side::Application,
        told_by: "vary: origin, access-control-request-method, access-control-request-headers, lower case, and no Server",
        settings: &[
            (Origins, "CorsLayer::new().allow_origin(AllowOrigin::list([\"{origin}\".parse()?]))"),
            (Credentials, ".allow_credentials(true), with a list of origins (Any panics)"),
            (Methods, ".allow_methods([{typed_methods}])"),
            (Headers, ".allow_headers([{quoted_headers}].map(HeaderName::from_static))"),
            (MaxAge, ".max_age(Duration::from_secs(600))"),
            (Order, ".layer(cors) last: the last layer added is the outermost"),
            (Scope, ".layer(cors) on the outer Router, after every route and fallback, so that {path} is inside"),
            (Errors, ".layer(cors) outermost, outside timeout and panic layers"),
            (OneOwner, "remove the proxy's header or the layer"),
            (Cache, "leave vary as the layer sends it"),
            (Scheme, "take X-Forwarded-Proto from the proxy"),
        ],
        breaks: "layer order; Any with credentials panics; the router's 405 outside the layer",
    },
    StackEntry {
        stack: Stack::Nginx,
        title: "nginx",
        side: Side::Edge,
        told_by: "Server: nginx or openresty; its own error pages",
        settings: &[
            (
                Origins,
                "in http: map $http_origin $cors { \"{origin}\" $http_origin; } and in the location: add_header Access-Control-Allow-Origin $cors always; add_header Vary Origin always;",
            ),
            (Credentials, "add_header Access-Control-Allow-Credentials true always; with the map of exact origins"),
            (Methods, "add_header Access-Control-Allow-Methods \"{methods}\" always;"),
            (Headers, "add_header Access-Control-Allow-Headers \"{all_headers}\" always;"),
            (MaxAge, "add_header Access-Control-Max-Age 600 always;"),
            (
                Order,
                "if ($request_method = OPTIONS) { add_header Access-Control-Allow-Origin \"{origin}\" always; add_header Access-Control-Allow-Methods \"{method}\" always; add_header Access-Control-Allow-Headers \"{headers}\" always; add_header Access-Control-Allow-Credentials true always; return 204; } in the location of {path}, with every method and header that pages use there: it comes before login, limits and redirects, but OPTIONS must be in a limit_except",
            ),
            (
                Scope,
                "repeat every add_header in the location of {path}: one add_header in a location or in an if drops all inherited ones",
            ),
            (
                Errors,
                "add_header … always: without always errors have none. If the application sends CORS headers itself, add them only where they are missing (twice is refused): in http: map \"$http_origin $upstream_http_access_control_allow_origin\" $cors { \"{origin} \" $http_origin; } map $cors $cors_credentials { \"~.\" true; } and in the location: add_header Access-Control-Allow-Origin $cors always; add_header Access-Control-Allow-Credentials $cors_credentials always;",
            ),
            (OneOwner, "proxy_hide_header Access-Control-Allow-Origin; beside the add_header, or no add_header at all"),
            (Cache, "proxy_cache_key \"$scheme$host$request_uri$http_origin\"; and Vary: Origin from the application"),
            (Scheme, "proxy_set_header X-Forwarded-Proto $scheme;"),
        ],
        breaks: "add_header without always reaches only 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308; add_header in a location or if drops the inherited ones; fields doubled with the application's",
    },
    StackEntry {
        stack: Stack::Apache,
        title: "Apache httpd",
        side: Side::Edge,
        told_by: "Server: Apache",
        settings: &[
            (
                Origins,
                "these lines: ⏎ SetEnvIf Origin \"^{origin_pattern}$\" cors=$0 ⏎ Header always set Access-Control-Allow-Origin %{cors}e env=cors ⏎ Header always merge Vary Origin",
            ),
            (Credentials, "Header always set Access-Control-Allow-Credentials true env=cors"),
            (Methods, "Header always set Access-Control-Allow-Methods \"{methods}\""),
            (Headers, "Header always set Access-Control-Allow-Headers \"{all_headers}\""),
            (MaxAge, "Header always set Access-Control-Max-Age 600"),
            (
                Order,
                "<LimitExcept OPTIONS> around Require, where the application answers OPTIONS; else in the server or VirtualHost, with every method and header that pages use there: ⏎ RewriteEngine On ⏎ RewriteCond %{REQUEST_METHOD} OPTIONS ⏎ RewriteRule ^{path}$ - [R=204,L] ⏎ Header always set Access-Control-Allow-Origin \"{origin}\" \"expr=%{REQUEST_METHOD} == 'OPTIONS' && %{REQUEST_URI} == '{path}'\" ⏎ Header always set Access-Control-Allow-Methods \"{method}\" \"expr=%{REQUEST_METHOD} == 'OPTIONS' && %{REQUEST_URI} == '{path}'\" ⏎ Header always set Access-Control-Allow-Headers \"{headers}\" \"expr=%{REQUEST_METHOD} == 'OPTIONS' && %{REQUEST_URI} == '{path}'\" ⏎ Header always set Access-Control-Allow-Credentials true \"expr=%{REQUEST_METHOD} == 'OPTIONS' && %{REQUEST_URI} == '{path}'\"",
            ),
            (
                Scope,
                "Header always set, not Header set, which a RewriteRule's 204 has not, where {path} is covered (server or Directory, not one Location)",
            ),
            (
                Errors,
                "Header always set Access-Control-Allow-Origin \"{origin}\": without always errors have none. If the application sends it itself, also Header onsuccess unset Access-Control-Allow-Origin (twice is refused)",
            ),
            (
                OneOwner,
                "Header onsuccess unset Access-Control-Allow-Origin for the application's, beside Header always set for the own one; never Header add",
            ),
            (Cache, "Header always merge Vary Origin"),
            (Scheme, "RequestHeader set X-Forwarded-Proto https"),
        ],
        breaks: "Header without always; Header add doubles; login on OPTIONS",
    },
    StackEntry {
        stack: Stack::HaProxy,
        title: "HAProxy",
        side: Side::Edge,
        told_by: "its error pages (<html><body><h1>503 …) without Server; lower-case field names in front of an application that has capitals",
        settings: &[
            (
                Origins,
                "above all other rules: ⏎ http-request set-var(txn.origin) req.hdr(origin) ⏎ http-after-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m str {origin} }",
            ),
            (
                Credentials,
                "http-after-response set-header Access-Control-Allow-Credentials true if { var(txn.origin) -m str {origin} } beside http-request set-var(txn.origin) req.hdr(origin)",
            ),
            (Methods, "http-response set-header Access-Control-Allow-Methods \"{methods}\""),
            (Headers, "http-response set-header Access-Control-Allow-Headers \"{all_headers}\""),
            (MaxAge, "http-response set-header Access-Control-Max-Age 600"),
            (
                Order,
                "!METH_OPTIONS in the condition of http-request auth, deny or redirect, where the application answers OPTIONS; else above them, with every method and header that pages use there: ⏎ acl allowed req.hdr(origin) -m str {origin} ⏎ http-request return status 204 hdr Access-Control-Allow-Origin %[req.hdr(origin)] hdr Access-Control-Allow-Methods \"{method}\" hdr Access-Control-Allow-Headers \"{headers}\" hdr Access-Control-Allow-Credentials true if METH_OPTIONS allowed { path {path} }",
            ),
            (
                Scope,
                "http-after-response set-header in the frontend, so that every answer of {path} has it (http-request return answers OPTIONS alone), or in the backend that serves it",
            ),
            (
                Errors,
                "http-after-response, as http-response does not reach HAProxy's own answers (where pages send cookies, likewise Access-Control-Allow-Credentials true); above all other rules: ⏎ http-request set-var(txn.origin) req.hdr(origin) ⏎ http-after-response set-header Access-Control-Allow-Origin %[var(txn.origin)] if { var(txn.origin) -m str {origin} }",
            ),
            (OneOwner, "http-response set-header (replaces), not add-header"),
            (Cache, "http-response set-header Vary Origin"),
            (Scheme, "http-request set-header X-Forwarded-Proto https if { ssl_fc }"),
        ],
        breaks: "add-header doubles; own error pages carry nothing; redirect scheme https on OPTIONS",
    },
    StackEntry {
        stack: Stack::Caddy,
        title: "Caddy",
        side: Side::Edge,
        told_by: "Server: Caddy, or Via: 1.1 Caddy",
        settings: &[
            (
                Origins,
                "these lines: ⏎ @cors header Origin {origin} ⏎ header @cors Access-Control-Allow-Origin {origin} ⏎ header Vary Origin",
            ),
            (Credentials, "header @cors Access-Control-Allow-Credentials true"),
            (Methods, "header @cors Access-Control-Allow-Methods \"{methods}\""),
            (Headers, "header @cors Access-Control-Allow-Headers \"{all_headers}\""),
            (MaxAge, "header @cors Access-Control-Max-Age 600"),
            (
                Order,
                "let OPTIONS pass to an application that answers it: ⏎ @asked not method OPTIONS ⏎ basic_auth @asked { … } ⏎ (redir, respond, forward_auth alike: Caddy runs them before handle, wherever they stand); else in route { … }, which keeps the order, above them, with every method and header that pages use there: ⏎ @pre { ⏎ method OPTIONS ⏎ path {path} ⏎ } ⏎ header @pre Access-Control-Allow-Origin {origin} ⏎ header @pre Access-Control-Allow-Methods \"{method}\" ⏎ header @pre Access-Control-Allow-Headers \"{headers}\" ⏎ header @pre Access-Control-Allow-Credentials true ⏎ respond @pre 204",
            ),
            (Scope, "put the header lines outside the handle that misses {path}, and name no path in them"),
            (
                Errors,
                "repeat the header lines in handle_errors { … }: header Access-Control-Allow-Origin {origin} and, where pages send cookies, header Access-Control-Allow-Credentials true",
            ),
            (
                OneOwner,
                "in reverse_proxy { … }: header_down -Access-Control-Allow-Origin, which takes the application's off; or take the own header line out",
            ),
            (Cache, "header Vary Origin"),
            (Scheme, "reverse_proxy sends X-Forwarded-Proto by itself; make the application believe it"),
        ],
        breaks: "header without defer doubles; handle_errors has none",
    },
    StackEntry {
        stack: Stack::Envoy,
        title: "Envoy",
        side: Side::Edge,
        told_by: "Server: envoy or istio-envoy; X-Envoy-Upstream-Service-Time",
        settings: &[
            (
                Origins,
                "typed_per_filter_config: envoy.filters.http.cors: CorsPolicy { allow_origin_string_match: [{ exact: \"{origin}\" }] }",
            ),
            (Credentials, "CorsPolicy { allow_credentials: true }"),
            (Methods, "CorsPolicy { allow_methods: \"{methods}\" }"),
            (Headers, "CorsPolicy { allow_headers: \"{all_headers}\" }"),
            (MaxAge, "CorsPolicy { max_age: \"600\" }"),
            (Order, "http_filters: envoy.filters.http.cors before ext_authz, jwt_authn and ratelimit"),
            (Scope, "set the CorsPolicy on the virtual host, not on single routes; {path} must inherit it"),
            (
                Errors,
                "envoy.filters.http.cors in http_filters covers its own 503, too, but no direct_response: there response_headers_to_add: [{ header: { key: Access-Control-Allow-Origin, value: \"{origin}\" } }]",
            ),
            (OneOwner, "response_headers_to_remove: [access-control-allow-origin] for the application's"),
            (Cache, "response_headers_to_add: Vary: Origin"),
            (Scheme, "x-forwarded-proto is sent by itself; make the application believe it"),
        ],
        breaks: "the cors filter after ext_authz; safe_regex without anchors; direct_response",
    },
    StackEntry {
        stack: Stack::Traefik,
        title: "Traefik",
        side: Side::Edge,
        told_by: "nothing of its own; \"Bad Gateway\" and \"404 page not found\" as plain text",
        settings: &[
            (Origins, "headers.accessControlAllowOriginList: [\"{origin}\"]"),
            (Credentials, "headers.accessControlAllowCredentials: true"),
            (Methods, "headers.accessControlAllowMethods: [{methods}]"),
            (Headers, "headers.accessControlAllowHeaders: [{quoted_headers}]"),
            (MaxAge, "headers.accessControlMaxAge: 600"),
            (Order, "attach the headers middleware before forwardAuth, rateLimit and redirectScheme"),
            (Scope, "attach the headers middleware to the router that has {path}"),
            (Errors, "the errors middleware inside the headers middleware"),
            (OneOwner, "remove the application's header: the middleware overrides only what it sets"),
            (Cache, "headers.addVaryHeader: true"),
            (Scheme, "entryPoints.….forwardedHeaders.trustedIPs"),
        ],
        breaks: "attached after forwardAuth; the regex list is unanchored",
    },
    StackEntry {
        stack: Stack::Kong,
        title: "Kong",
        side: Side::Edge,
        told_by: "Server or Via: kong; X-Kong-Upstream-Latency, X-Kong-Proxy-Latency",
        settings: &[
            (Origins, "cors plugin: config.origins: [\"{origin}\"]"),
            (Credentials, "cors plugin: config.credentials: true"),
            (Methods, "cors plugin: config.methods: [{methods}]"),
            (Headers, "cors plugin: config.headers: [{quoted_headers}]"),
            (MaxAge, "cors plugin: config.max_age: 600"),
            (
                Order,
                "config.preflight_continue: false, and a route that takes OPTIONS; login plugins: run_on_preflight: false",
            ),
            (Scope, "enable the cors plugin on the service or globally, so that the route of {path} has it"),
            (Errors, "enable the cors plugin globally"),
            (OneOwner, "remove the application's header (response-transformer), or the plugin"),
            (Cache, "proxy-cache plugin: config.vary_headers: [Origin]"),
            (Scheme, "trusted_ips, and the application believes X-Forwarded-Proto"),
        ],
        breaks: "a route that excludes OPTIONS under a login plugin; origins with regex characters are regular expressions",
    },
    StackEntry {
        stack: Stack::Aws,
        title: "AWS API Gateway, S3, CloudFront or load balancer",
        side: Side::Edge,
        told_by: "x-amzn-RequestId, x-amzn-ErrorType, x-amz-cf-id; Server: AmazonS3, CloudFront or awselb",
        settings: &[
            (
                Origins,
                "HTTP API: cors.allowOrigins: [\"{origin}\"]; S3: CORSRules AllowedOrigins; CloudFront: response headers policy",
            ),
            (Credentials, "HTTP API: cors.allowCredentials: true; CloudFront policy: AccessControlAllowCredentials"),
            (Methods, "cors.allowMethods / AllowedMethods: add {method}; CloudFront: allow OPTIONS and {method}"),
            (Headers, "cors.allowHeaders / AllowedHeaders: add {headers}"),
            (MaxAge, "cors.maxAge / MaxAgeSeconds: 600"),
            (Order, "REST API: an OPTIONS method with a mock integration and authorization NONE"),
            (Scope, "REST API: enable CORS on the resource {path} and deploy again"),
            (Errors, "REST API: gateway responses DEFAULT_4XX and DEFAULT_5XX with Access-Control-Allow-Origin"),
            (OneOwner, "CloudFront response headers policy with override, or only the application"),
            (Cache, "CloudFront: cache policy with the Origin header, or origin request policy CORS-CustomOrigin"),
            (Scheme, "take CloudFront-Forwarded-Proto or X-Forwarded-Proto"),
        ],
        breaks: "authorizer failures without headers; S3 answers only when Origin is sent; CloudFront that does not forward Origin or OPTIONS",
    },
    StackEntry {
        stack: Stack::Cloudflare,
        title: "Cloudflare",
        side: Side::Edge,
        told_by: "Server: cloudflare; CF-RAY, CF-Cache-Status",
        settings: &[
            (Origins, "a Worker, or a response-header transform rule that sets {origin}"),
            (Credentials, "the same rule: Access-Control-Allow-Credentials: true"),
            (Methods, "the same rule: Access-Control-Allow-Methods with {methods}"),
            (Headers, "the same rule: Access-Control-Allow-Headers with {all_headers}"),
            (MaxAge, "the same rule: Access-Control-Max-Age: 600"),
            (Order, "Access: bypass OPTIONS requests to origin; exempt OPTIONS from challenges and rate limits"),
            (Scope, "widen the rule's expression to {path}"),
            (Errors, "custom error responses pass through a Worker that adds the headers"),
            (OneOwner, "set, not add, in the transform rule"),
            (Cache, "a cache rule with Origin in the custom cache key: Vary: Origin alone is ignored"),
            (Scheme, "SSL mode Full, not Flexible"),
        ],
        breaks: "the cache ignores Vary: Origin; Access and bot challenges answer preflights",
    },
    StackEntry {
        stack: Stack::Varnish,
        title: "Varnish",
        side: Side::Edge,
        told_by: "X-Varnish; Via: varnish",
        settings: &[
            (
                Origins,
                "sub vcl_deliver { if (req.http.Origin == \"{origin}\") { set resp.http.Access-Control-Allow-Origin = req.http.Origin; } }",
            ),
            (Credentials, "set resp.http.Access-Control-Allow-Credentials = \"true\";"),
            (Methods, "set resp.http.Access-Control-Allow-Methods = \"{methods}\";"),
            (Headers, "set resp.http.Access-Control-Allow-Headers = \"{all_headers}\";"),
            (MaxAge, "set resp.http.Access-Control-Max-Age = \"600\";"),
            (
                Order,
                "sub vcl_recv { if (req.method == \"OPTIONS\" && req.url ~ \"^{path}\") { return (synth(204)); } } and sub vcl_synth { if (req.method == \"OPTIONS\") { set resp.http.Access-Control-Allow-Origin = \"{origin}\"; set resp.http.Access-Control-Allow-Methods = \"{method}\"; set resp.http.Access-Control-Allow-Headers = \"{headers}\"; set resp.http.Access-Control-Allow-Credentials = \"true\"; } }, with every method and header that pages use there",
            ),
            (Scope, "set the headers in vcl_deliver, for every path"),
            (Errors, "set the headers in vcl_synth and vcl_backend_error, too"),
            (OneOwner, "set in vcl_deliver (replaces the application's)"),
            (Cache, "sub vcl_hash { hash_data(req.http.Origin); } or Vary: Origin from the application"),
            (Scheme, "set req.http.X-Forwarded-Proto in vcl_recv"),
        ],
        breaks: "vcl_synth and vcl_backend_error without headers; Origin not in the hash and no Vary",
    },
];

const _: () = {
    assert!(STACKS.len() == Stack::ALL.len());
    let mut i = 0;
    while i < STACKS.len() {
        assert!(STACKS[i].stack as usize == i, "STACKS is in the order of Stack::ALL");
        i += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stack_tells_every_setting_once() {
        for entry in STACKS {
            let told: Vec<Setting> = entry.settings.iter().map(|(s, _)| *s).collect();
            assert_eq!(told, Setting::ALL, "{}", entry.title);
        }
    }
}
