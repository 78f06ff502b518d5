//! `/metrics`, `/healthz`, `/readyz`, and a page with the last refusals.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, serve};
use tokio::sync::Semaphore;

use crate::metrics::Metrics;
use crate::record::Transaction;
use crate::store::StoreStatus;

/// Requests answered at once; more get 503.
const REQUESTS_MAX: usize = 16;
/// Refusals on the page.
const RECENT_MAX: usize = 100;

/// What the pages show.
pub struct Pages {
    metrics: Metrics,
    store: Option<Arc<StoreStatus>>,
    recent: Arc<Recent>,
    permits: Semaphore,
}

/// One refusal, ready to be shown.
#[derive(Debug, Clone)]
pub struct RecentRow {
    cells: [String; 7],
}

impl RecentRow {
    /// The cells of the page's row.
    #[must_use]
    pub fn of(t: &Transaction) -> Self {
        let or_none = |text: Option<&str>| text.unwrap_or_default().to_string();
        RecentRow {
            cells: [
                t.time.to_string(),
                t.id.to_string(),
                format!("{} {}{}", t.method, t.target_origin, t.path),
                or_none(t.origin.as_deref()),
                or_none(t.phase.map(crate::record::Phase::id)),
                or_none(t.reason.map(crate::catalog::Reason::id)),
                t.detail.clone(),
            ],
        }
    }
}

/// The latest refusals.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<RecentRow>>);

impl Recent {
    /// Adds some, unless the page is read at this very moment: then they stay in `rows` for the next time.
    pub fn publish(&self, rows: &mut Vec<RecentRow>) {
        let Ok(mut place) = self.0.try_lock() else {
            let surplus = rows.len().saturating_sub(RECENT_MAX);
            rows.drain(..surplus);
            return;
        };
        place.extend(rows.drain(..));
        let surplus = place.len().saturating_sub(RECENT_MAX);
        place.drain(..surplus);
    }
}

impl Pages {
    /// Pages over these.
    #[must_use]
    pub fn new(metrics: Metrics, store: Option<Arc<StoreStatus>>, recent: Arc<Recent>) -> Arc<Self> {
        Arc::new(Pages { metrics, store, recent, permits: Semaphore::new(REQUESTS_MAX) })
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
    runtime.block_on(async {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/", get(page))
            .layer(from_fn_with_state(Arc::clone(&pages), bounded))
            .with_state(pages);
        serve(tokio::net::TcpListener::from_std(listener)?, router).await
    })
}

async fn bounded(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = pages.permits.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once\n").into_response();
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
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

async fn page(State(pages): State<Arc<Pages>>) -> Response {
    let rows: Vec<RecentRow> =
        pages.recent.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect();
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>corstap</title><h1>corstap</h1>\
         <p><a href=\"/metrics\">metrics</a> <a href=\"/readyz\">ready?</a></p><h2>Last refusals</h2>\
         <table><tr><th>time (UTC)<th>id<th>request<th>from<th>phase<th>reason<th>detail",
    );
    for row in &rows {
        out.push_str("<tr>");
        for cell in &row.cells {
            out.push_str("<td>");
            escape(&mut out, cell);
        }
    }
    out.push_str(if rows.is_empty() { "<tr><td colspan=\"7\">none until now</table>" } else { "</table>" });
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], out).into_response()
}

/// Text between tags: every string is hostile.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' => {
                write!(out, "&#{};", u32::from(c)).expect("writing to a String does not fail");
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}
