//! Who may read what.
//!
//! On loopback everybody on this machine may read everything. On any other address numbers are open to whoever reaches
//! them, and the page and its data want a token. No web site may read anything: requests that another site's page made are
//! refused, and so is every name in `Host` that is not ours, which is what DNS rebinding cannot avoid sending.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Pages;

/// Fewer bytes than this are no secret.
const TOKEN_BYTES_MIN: usize = 16;

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is too short, or no header could carry it.
    #[error(
        "{path}: a token has at least {TOKEN_BYTES_MIN} visible ASCII characters, such as: head -c 24 /dev/urandom | base64"
    )]
    Unfit {
        /// Which file.
        path: String,
    },
}

/// The secret that opens the page. Prints nothing of itself.
#[derive(Clone)]
pub struct Token(Arc<[u8]>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The file's text without the white space around it.
    ///
    /// # Errors
    /// It cannot be read, or is no token.
    pub fn read(path: &Path) -> Result<Token, TokenError> {
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| TokenError::Unreadable { path: shown.clone(), source })?;
        let text = text.trim();
        if text.len() < TOKEN_BYTES_MIN || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(TokenError::Unfit { path: shown });
        }
        Ok(Token(text.as_bytes().into()))
    }

    /// Takes as long for each wrong guess of the right length, wherever it goes wrong.
    fn is(&self, guess: &[u8]) -> bool {
        guess.len() == self.0.len() && guess.iter().zip(self.0.iter()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

/// Where it is served, and to whom.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Opens the page from elsewhere.
    pub token: Option<Token>,
    /// Names that the page is opened by, beside addresses, `localhost` and this machine's own name.
    pub hosts: Vec<String>,
    /// The address is not loopback.
    pub is_public: bool,
    /// This machine's name.
    pub machine: Option<String>,
}

impl Access {
    /// For an address to listen on.
    #[must_use]
    pub fn new(listen: SocketAddr, token: Option<Token>, hosts: Vec<String>) -> Self {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let machine = machine.map(|name| name.trim().to_string()).filter(|name| !name.is_empty());
        Access { token, hosts, is_public: !listen.ip().is_loopback(), machine }
    }

    /// Whether a `Host` means us. An address does: whoever rebinds a name has that name in `Host`, never an address.
    fn knows_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
            _ => host,
        };
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().chain(&self.machine).any(|known| known.eq_ignore_ascii_case(name))
    }

    fn refuse_strangers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        // HTTP/1.0 without a Host comes from no browser.
        let host = match (hosts.next(), hosts.next()) {
            (None, _) => None,
            (Some(host), None) => Some(host.to_str().map_err(|_| Refusal::Host)?),
            (Some(_), Some(_)) => return Err(Refusal::Host),
        };
        if host.is_some_and(|host| !self.knows_host(host)) {
            return Err(Refusal::Host);
        }
        Ok(())
    }

    /// A page of another site cannot read the answer, but it need not even get one.
    fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
            return Err(Refusal::OtherSite);
        }
        let own = text("host").unwrap_or_default();
        if text("origin").is_some_and(|origin| origin.split_once("://").is_none_or(|(_, host)| host != own)) {
            return Err(Refusal::OtherSite);
        }
        Ok(())
    }

    fn want_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let bearer = sent.and_then(|s| s.split_at_checked(7)).filter(|(s, _)| s.eq_ignore_ascii_case(b"bearer "));
        match bearer {
            Some((_, guess)) if token.is(guess) => Ok(()),
            _ => Err(Refusal::Token),
        }
    }

    fn refuse_public(&self) -> Result<(), Refusal> {
        if self.is_public && self.token.is_none() { Err(Refusal::Public) } else { Ok(()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Host,
    OtherSite,
    Token,
    Public,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Host => {
                let text =
                    "this name is not served here: open it by its address, or start corstap with --listen-host NAME\n";
                (StatusCode::MISDIRECTED_REQUEST, text).into_response()
            }
            Refusal::OtherSite => (StatusCode::FORBIDDEN, "pages of other sites may not read this\n").into_response(),
            Refusal::Token => {
                let asks = [(header::WWW_AUTHENTICATE, "Bearer realm=\"corstap\"")];
                (StatusCode::UNAUTHORIZED, asks, "Authorization: Bearer TOKEN is needed here\n").into_response()
            }
            Refusal::Public => {
                let text = "beyond loopback the page is served with --listen-token-file FILE only; /metrics, /healthz and \
                            /readyz are open\n";
                (StatusCode::FORBIDDEN, text).into_response()
            }
        }
    }
}

/// Before `/metrics`.
pub async fn numbers(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    let (access, headers) = (&pages.access, request.headers());
    let may = access
        .refuse_strangers(headers)
        .and_then(|()| Access::refuse_other_sites(headers))
        .and_then(|()| access.want_token(headers));
    pass(may, request, next).await
}

/// Before the page's own files, which hold no data: the page asks for the token.
pub async fn page(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    let may = pages.access.refuse_strangers(request.headers()).and_then(|()| pages.access.refuse_public());
    pass(may, request, next).await
}

/// Before everything that the page reads.
pub async fn data(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    let (access, headers) = (&pages.access, request.headers());
    let may = access
        .refuse_strangers(headers)
        .and_then(|()| access.refuse_public())
        .and_then(|()| Access::refuse_other_sites(headers))
        .and_then(|()| access.want_token(headers));
    pass(may, request, next).await
}

async fn pass(may: Result<(), Refusal>, request: Request, next: Next) -> Response {
    match may {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}
