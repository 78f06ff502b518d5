//! `/metrics`, `/healthz`, `/readyz`, and the page: what is refused now, why, and how far to trust it.
//!
//! One thread serves all of it. It reads snapshots, a ring of what came last, and the database over a read-only connection
//! with a thread of its own; capture never waits for any of them. Nothing here changes anything.

mod access;
mod assets;
mod data;
mod desk;
mod live;
#[cfg(test)]
mod tests;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, serve};
use tokio::sync::Semaphore;

use crate::metrics::Metrics;
use crate::store::StoreStatus;

pub use access::{Access, Token, TokenError};
pub use live::{Recent, Waiting};

use desk::Desk;

/// Requests answered at once; more get 503.
const REQUESTS_MAX: usize = 64;
/// Live pages open at once; more get 503.
const LIVE_MAX: usize = 16;

/// What a page may load and do: its own files and its own data.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Everything that the pages show.
pub struct Pages {
    metrics: Metrics,
    store: Option<Arc<StoreStatus>>,
    recent: Arc<Recent>,
    desk: Option<Desk>,
    access: Access,
    permits: Semaphore,
    live_permits: Arc<Semaphore>,
}

impl Pages {
    /// Pages over these. `database` is read where there is one.
    #[must_use]
    pub fn new(
        metrics: Metrics,
        store: Option<Arc<StoreStatus>>,
        recent: Arc<Recent>,
        database: Option<&Path>,
        access: Access,
    ) -> Arc<Self> {
        Arc::new(Pages {
            metrics,
            store,
            recent,
            desk: database.and_then(Desk::open),
            access,
            permits: Semaphore::new(REQUESTS_MAX),
            live_permits: Arc::new(Semaphore::new(LIVE_MAX)),
        })
    }

    /// Why it is not ready; none when it is.
    fn trouble(&self) -> Option<String> {
        let now = self.metrics.published().read();
        let mut told = Vec::new();
        if now.interfaces.is_empty() {
            told.push("capture has not begun".to_string());
        }
        for interface in &now.interfaces {
            if let Some(why) = &interface.trouble {
                told.push(format!("{}: {why}", interface.name));
            }
        }
        told.extend(self.store.as_ref().and_then(|s| s.trouble()));
        if told.is_empty() { None } else { Some(told.join("\n") + "\n") }
    }
}

/// Serves until the process ends. Blocks its thread.
///
/// # Errors
/// The listener or the runtime cannot be used.
pub fn run(listener: TcpListener, pages: Arc<Pages>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { serve(tokio::net::TcpListener::from_std(listener)?, router(pages)).await })
}

fn router(pages: Arc<Pages>) -> Router {
    let open = Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready));
    let numbers =
        Router::new().route("/metrics", get(metrics)).layer(from_fn_with_state(Arc::clone(&pages), access::numbers));
    let page = assets::router().layer(from_fn_with_state(Arc::clone(&pages), access::page));
    let data = Router::new()
        .route("/api/state", get(data::state))
        .route("/api/words", get(data::words))
        .route("/api/causes", get(data::causes))
        .route("/api/rejections", get(data::rejections))
        .route("/api/targets", get(data::targets))
        .route("/api/findings", get(data::findings))
        .route("/api/checklists", get(data::checklists))
        .route("/api/findings/{id}", get(data::finding))
        .route("/api/transactions/{id}", get(data::transaction))
        .route("/api/live", get(live::live))
        .layer(from_fn_with_state(Arc::clone(&pages), access::data));
    open.merge(numbers)
        .merge(page)
        .merge(data)
        .fallback(async || (StatusCode::NOT_FOUND, "there is no such page\n"))
        .layer(from_fn_with_state(Arc::clone(&pages), bounded))
        .with_state(pages)
}

async fn bounded(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = pages.permits.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once\n").into_response();
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn metrics(State(pages): State<Arc<Pages>>) -> Response {
    match pages.metrics.scrape() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn ready(State(pages): State<Arc<Pages>>) -> Response {
    match pages.trouble() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}
