//! The page's files, part of the program: no folder to install, nothing fetched from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Pages;

const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("assets/index.html")),
    ("/app.css", "text/css; charset=utf-8", include_str!("assets/app.css")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("assets/app.js")),
    ("/dom.js", "text/javascript; charset=utf-8", include_str!("assets/dom.js")),
    ("/feed.js", "text/javascript; charset=utf-8", include_str!("assets/feed.js")),
    ("/views.js", "text/javascript; charset=utf-8", include_str!("assets/views.js")),
    ("/icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// A route for each.
pub fn router() -> Router<Arc<Pages>> {
    FILES.iter().fold(Router::new(), |router, (path, kind, text)| router.route(path, get(async || file(kind, text))))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
