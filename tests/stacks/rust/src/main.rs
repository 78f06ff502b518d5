//! stacks-server MISTAKE PORT: axum with tower-http, actix-web with actix-cors, warp, Salvo, Poem or Rocket, with one mistake of CAUSES.md made on purpose.

mod eighth;
mod eleventh;
mod fourth;

const A: &str = "http://app.one.test:18901";
const B: &str = "http://app.two.test:18902";

async fn axum(own: &str, port: u16) {
    use axum::extract::Request;
    use axum::http::{HeaderValue, Method, StatusCode, header};
    use axum::middleware::{Next, from_fn};
    use axum::response::{IntoResponse, Response};
    use axum::routing::{get, post};
    use axum::Router;
    use tower_http::cors::{AllowOrigin, Any, CorsLayer};

    async fn login(request: Request, next: Next) -> Response {
        if request.headers().contains_key(header::COOKIE) { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() }
    }
    let list = |origins: &[&str]| AllowOrigin::list(origins.iter().map(|o| o.parse::<HeaderValue>().unwrap()).collect::<Vec<_>>());
    let all = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    let good = CorsLayer::new().allow_origin(list(&[A, B])).allow_methods(all.clone()).allow_headers([header::CONTENT_TYPE]).allow_credentials(true);
    let layer = match own {
        "origin" => good.clone().allow_origin(list(&[B])),
        "exact" => CorsLayer::new().allow_origin(B.parse::<HeaderValue>().unwrap()).allow_methods(all).allow_headers([header::CONTENT_TYPE]),
        "slash" => good.clone().allow_origin(format!("{A}/").parse::<HeaderValue>().unwrap()),
        "methods" => good.clone().allow_methods([Method::GET, Method::POST]),
        "headers" => CorsLayer::new().allow_origin(list(&[A, B])).allow_methods(all),
        "credentials" => good.clone().allow_credentials(false),
        "star" => CorsLayer::permissive(),
        "nothing" => CorsLayer::new().allow_methods(Any),
        _ => good.clone(),
    };
    let items = || get(|| async { "{}" }).post(|| async { "{}" }).put(|| async { "{}" }).delete(|| async { "{}" });
    let panics = get(|| async { if true { panic!("boom") }; "" });
    let app = Router::new().route("/items", items());
    let app = match own {
        "early" => app.layer(layer).route("/other", items()),
        "none" => app,
        "route" => Router::new().route("/items", get(|| async { "{}" }).layer(layer)).route("/other", post(|| async { "{}" })),
        "merge" => Router::new().merge(app.layer(layer)).merge(Router::new().route("/other", items())),
        "auth" => app.layer(layer).layer(from_fn(login)),
        "inner" => app.layer(from_fn(login)).layer(layer),
        "outside" => app.layer(layer).layer(from_fn(|request: Request, next: Next| async move {
            let failing = request.uri().path() == "/boom" && request.method() != Method::OPTIONS;
            if failing { StatusCode::INTERNAL_SERVER_ERROR.into_response() } else { next.run(request).await }
        })),
        "panic" => app.route("/boom", panics).layer(layer),
        _ => app.route("/other", items()).layer(layer),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, app).await.unwrap();
}

async fn actix(own: String, port: u16) {
    use actix_cors::Cors;
    use actix_web::dev::Service;
    use actix_web::middleware::{Condition, NormalizePath};
    use actix_web::{App, Either, HttpResponse, HttpServer, web};

    HttpServer::new(move || {
        let good = || Cors::default().allowed_origin(A).allowed_origin(B).allowed_methods(["GET", "POST", "PUT", "DELETE"]).allowed_header("content-type").supports_credentials();
        let cors = match &*own {
            "origin" => Cors::default().allowed_origin(B).allowed_methods(["GET", "POST", "PUT", "DELETE"]).allowed_header("content-type"),
            "unblocked" => Cors::default().allowed_origin(B).allowed_methods(["GET", "POST", "PUT", "DELETE"]).allowed_header("content-type").block_on_origin_mismatch(false),
            "methods" => Cors::default().allowed_origin(A).allowed_methods(["GET", "POST"]).allowed_header("content-type"),
            "headers" => Cors::default().allowed_origin(A).allowed_methods(["GET", "POST", "PUT", "DELETE"]),
            "credentials" => Cors::default().allowed_origin(A).allowed_methods(["GET", "POST", "PUT", "DELETE"]).allowed_header("content-type"),
            "star" => Cors::default().send_wildcard().allow_any_origin().allow_any_method().allow_any_header(),
            "default" => Cors::default(),
            _ => good(),
        };
        let login = own == "auth";
        let items = || web::resource("/items").route(web::get().to(HttpResponse::Ok)).route(web::post().to(HttpResponse::Ok)).route(web::put().to(HttpResponse::Ok)).route(web::delete().to(HttpResponse::Ok));
        let other = || web::resource("/other").route(web::get().to(HttpResponse::Ok)).route(web::put().to(HttpResponse::Ok));
        let boom = web::resource("/boom").to(|| async { HttpResponse::InternalServerError().finish() });
        let app = App::new();
        let app = if own == "scope" { app.service(web::scope("/api").wrap(cors).service(items())).service(items()) }
            else if own == "none" { app.service(items()).service(other()) }
            else if own == "resource" { app.service(items().wrap(cors)).service(other()) }
            else { app.service(web::scope("").wrap(cors).service(items()).service(other()).service(boom)) };
        app.wrap(Condition::new(own == "slash", NormalizePath::trim())).wrap_fn(move |request, service| {
            let refused = login && !request.headers().contains_key("cookie");
            let next = if refused { Either::Left(request.into_response(HttpResponse::Unauthorized().finish())) } else { Either::Right(service.call(request)) };
            async move {
                match next { Either::Left(done) => Ok(done.map_into_boxed_body()), Either::Right(going) => going.await.map(|r| r.map_into_boxed_body()) }
            }
        })
    }).workers(1).bind(("127.0.0.1", port)).unwrap().run().await.unwrap();
}

async fn warp(own: &str, port: u16) {
    use warp::Filter;
    use warp::http::StatusCode;

    let methods = ["GET", "POST", "PUT", "DELETE"];
    let cors = match own {
        "origin" => warp::cors().allow_origin(B).allow_methods(methods).allow_header("content-type"),
        "methods" => warp::cors().allow_origin(A).allow_methods(["GET", "POST"]).allow_header("content-type"),
        "headers" => warp::cors().allow_origin(A).allow_methods(methods),
        "credentials" => warp::cors().allow_origin(A).allow_methods(methods).allow_header("content-type"),
        _ => warp::cors().allow_origin(A).allow_methods(methods).allow_header("content-type").allow_credentials(true),
    };
    let items = warp::path!("items").map(|| "{}");
    let other = warp::path!("other").map(|| "{}");
    let at = ([127, 0, 0, 1], port);
    match own {
        "path" => warp::serve(items.with(cors).or(other)).run(at).await,
        "reject" => {
            // the rejection is turned into an answer outside of the CORS wrapper
            let strict = warp::path!("strict").and(warp::header::<String>("x-never")).map(|_| "{}");
            let recover = |_: warp::Rejection| async { Ok::<_, std::convert::Infallible>(warp::reply::with_status("bad", StatusCode::BAD_REQUEST)) };
            warp::serve(items.or(strict).with(cors).recover(recover)).run(at).await;
        }
        _ => warp::serve(items.or(other).with(cors)).run(at).await,
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (mistake, port) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    let (family, own) = mistake.split_once('_').unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match family {
        "axum" => runtime().block_on(axum(own, port)),
        "axum11" => runtime().block_on(eleventh::serve(own, port)),
        "actix" => actix_web::rt::System::new().block_on(actix(own.to_owned(), port)),
        "salvo" => runtime().block_on(fourth::salvo(own, port)),
        "poem" => runtime().block_on(fourth::poem(own, port)),
        "rocket" => runtime().block_on(eighth::rocket(own.to_owned(), port)),
        _ => runtime().block_on(warp(own, port)),
    }
}
