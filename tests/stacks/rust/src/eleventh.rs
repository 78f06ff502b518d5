//! axum with tower-http, as a todo list's API is mostly written.

use axum::extract::Request;
use axum::http::{header, HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use tower_http::cors::{Any, CorsLayer};

async fn bearer(request: Request, next: Next) -> Response {
    if request.uri().path() == "/health" || request.headers().contains_key(header::AUTHORIZATION) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, "Missing bearer token").into_response()
    }
}

pub async fn serve(own: &str, port: u16) {
    let todos = || async { Json(vec!["Buy milk"]) };
    let v1 = || Router::new().route("/todos", get(todos).post(todos)).route("/todos/{id}", put(todos).delete(todos));
    let page = |origin: &str| origin.parse::<HeaderValue>().unwrap();
    let good = CorsLayer::new().allow_origin(page(crate::A)).allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE]).allow_headers(Any);
    let app = Router::new().route("/health", get(|| async { "ok" }));
    let app = match own {
        "bearer" => app.nest("/api", v1()).layer(good).layer(from_fn(bearer)),
        "list" => app.nest("/api", v1()).layer(good.allow_origin([page("https://todo.example"), page("https://www.todo.example")])),
        "verbs" => app.nest("/api", v1()).layer(good.allow_methods([Method::GET, Method::POST])),
        "headers" => app.nest("/api", v1()).layer(CorsLayer::new().allow_origin(Any).allow_methods(Any)),
        "slash" => app.nest("/api", v1()).layer(good.allow_origin(page(&format!("{}/", crate::A)))),
        "nest" => app.nest("/public", v1().layer(good)).nest("/api", v1()),
        "nocreds" => app.nest("/api", v1()).layer(good),
        "forgot" => app.nest("/api", v1()),
        _ => panic!("{own}"),
    };
    axum::serve(tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap(), app).await.unwrap();
}
