//! The developer's and the infrastructure checklist of each target, judged from traffic (VERDICTS.md §8, end).

use crate::catalog::Rule;
use crate::record::{CheckItem, CheckList, CheckState, Checklist, Family};

use super::book::Book;
use super::facts::Seen;
use super::subject::{Endpoint, Host};
use super::window::Few;

/// Relevant answers, none wrong, from which an item passes.
const RELEVANT_MIN: u64 = 20;

/// What the lists count of one target.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answers to requests with `Origin`, or with CORS fields.
    pub answers: u64,
    authorised: u64,
    named: u64,
    preflights: u64,
    with_credentials: u64,
    lists: u64,
    through_cache: u64,
    cookies: u64,
    errors: u64,
    writes_refused: u64,
    unanswered: bool,
    servers: Few<4>,
    odd_server: bool,
    /// Families with an allowed request that carried credentials.
    families: [bool; 3],
    /// An origin that was let in at least five times and then refused at least three times.
    pub dropped_origin: Option<std::sync::Arc<str>>,
    /// Something was counted since the lists were told.
    pub changed: bool,
}

impl Counts {
    /// Counts one answer.
    pub fn enter(&mut self, seen: &Seen<'_>, endpoint: &Endpoint, book: &Book) {
        self.answers += 1;
        self.changed = true;
        let named = seen.said.allow_origin.is_some();
        let server = seen.o.response.and_then(|r| r.head.first(crate::http::head::Name::Server));
        self.authorised += u64::from(named && endpoint.authorised());
        self.named += u64::from(named && !seen.wildcard());
        self.with_credentials += u64::from(seen.credentials_allowed());
        self.lists += u64::from(seen.said.allow_methods.is_some() || seen.said.allow_headers.is_some());
        self.through_cache += u64::from(seen.said.shared_cache && named);
        self.errors += u64::from(named && seen.said.status >= 400);
        if seen.is_preflight() {
            self.preflights += 1;
            let failed = seen.said.status >= 400 || seen.said.status == 0;
            self.unanswered |= seen.o.response.is_none();
            self.odd_server |= failed && self.servers.len() > 0 && !self.servers.holds(book.digest(server));
        } else if seen.succeeded() {
            self.servers.enter(book.digest(server));
        }
        if seen.cross_site() && !seen.navigates() {
            self.cookies += seen.o.response.map_or(0, |r| r.head.set_cookies().len() as u64);
            let write = seen.o.request.head.method() == b"POST" && seen.asked.cookie;
            self.writes_refused += u64::from(write && (400..500).contains(&seen.said.status));
        }
    }

    /// A page of this family read with credentials.
    pub fn allowed_included(&mut self, family: Family) {
        let which = match family {
            Family::Chromium => 0,
            Family::Firefox => 1,
            Family::Safari => 2,
            Family::Other | Family::Unknown => return,
        };
        if let Some(seen) = self.families.get_mut(which) {
            *seen = true;
        }
    }
}

/// The lists of one target.
#[must_use]
pub fn of(host: &Host, book: &Book) -> Checklist {
    let counts = &host.checks;
    let found = book.found_at(&host.origin);
    let item = |list, id, title, rules: &[Rule], relevant: u64| {
        let failed: Vec<Rule> = rules.iter().copied().filter(|r| found & (1 << *r as u64) != 0).collect();
        let state = if !failed.is_empty() {
            CheckState::Fail
        } else if relevant >= RELEVANT_MIN {
            CheckState::Pass
        } else {
            CheckState::NotSeen
        };
        CheckItem { list, id, title, state, rules: failed, relevant, note: String::new() }
    };
    let dev = CheckList::Developer;
    let infra = CheckList::Infrastructure;
    let mut items = vec![
        item(
            dev,
            "no_wildcard_where_authorised",
            "No * where a login is needed",
            &[Rule::WildcardOnAuthorised, Rule::WildcardWithAcac],
            counts.authorised,
        ),
        item(
            dev,
            "exact_origins",
            "Exact origins, from an allow-list",
            &[
                Rule::OriginReflectedCredentials,
                Rule::OriginReflected,
                Rule::OriginMatchFlaw,
                Rule::EmergencyMode,
                Rule::NullOriginAllowed,
                Rule::HttpOriginTrusted,
                Rule::SubdomainTrust,
                Rule::DevOriginInProduction,
            ],
            counts.named,
        ),
        item(
            dev,
            "vary_origin",
            "Vary: Origin wherever the answer depends on it",
            &[Rule::MissingVaryOrigin, Rule::VaryOriginUnstable],
            counts.named,
        ),
        item(
            dev,
            "options_everywhere",
            "OPTIONS right on every route that needs it",
            &[
                Rule::PreflightNeedsAuth,
                Rule::PreflightNoRoute,
                Rule::PreflightRedirected,
                Rule::PreflightFailing,
                Rule::AllowListsDisagree,
            ],
            counts.preflights,
        ),
        item(
            dev,
            "credentials_where_needed",
            "Credentials only where they are needed",
            &[Rule::AcacNotNeeded, Rule::CredentialsManyOrigins],
            counts.with_credentials,
        ),
        item(
            dev,
            "narrow_lists",
            "Only the methods and headers that are used",
            &[Rule::MethodsTooBroad, Rule::HeadersTooBroad, Rule::AuthorizationUnderWildcard],
            counts.lists,
        ),
        logged(),
        item(
            dev,
            "through_the_cdn",
            "Tested through the CDN",
            &[Rule::CdnStripsHeaders, Rule::CachedAcaoMismatch],
            counts.through_cache,
        ),
        item(
            dev,
            "cross_site_cookies",
            "Cross-site cookies with SameSite=None; Secure",
            &[Rule::CookieNoneInsecure, Rule::CookieNotReturnable, Rule::CookieReadable],
            counts.cookies,
        ),
        browsers(counts),
        item(
            dev,
            "sec_fetch_used",
            "Writes check Sec-Fetch-Site, Origin or a token",
            &[Rule::CrossSiteWriteAccepted, Rule::SimpleJsonPost],
            counts.writes_refused,
        ),
        item(
            infra,
            "cdn",
            "The CDN passes CORS fields and tells origins apart",
            &[Rule::CdnStripsHeaders, Rule::CachedAcaoMismatch],
            counts.through_cache,
        ),
    ];
    items.push(load_balancer(
        counts,
        item(
            infra,
            "load_balancer_options",
            "The load balancer lets OPTIONS through",
            &[Rule::PreflightNoRoute, Rule::PreflightFailing],
            counts.preflights,
        ),
    ));
    items.push(item(
        infra,
        "reverse_proxy",
        "The reverse proxy passes CORS fields, once, on errors too",
        &[Rule::DuplicateCorsHeaders, Rule::CorsMissingOnErrors],
        counts.named,
    ));
    items.push(deploy(
        counts,
        item(infra, "origins_after_deploy", "The same origins after a deployment", &[], counts.named),
    ));
    Checklist { target_origin: host.origin.clone(), items }
}

/// Not visible from outside.
fn logged() -> CheckItem {
    CheckItem {
        list: CheckList::Developer,
        id: "rejections_logged",
        title: "Rejections are logged",
        state: CheckState::NotSeen,
        rules: Vec::new(),
        relevant: 0,
        note: "a server's log is not visible on the wire; corstap's own record is the log".to_owned(),
    }
}

fn browsers(counts: &Counts) -> CheckItem {
    let names = ["chromium", "firefox", "safari"];
    let seen: Vec<&str> = names.iter().zip(counts.families).filter(|(_, seen)| *seen).map(|(name, _)| *name).collect();
    let state = if seen.len() == names.len() { CheckState::Pass } else { CheckState::NotSeen };
    let note = if seen.is_empty() {
        "none was seen to read with credentials".to_owned()
    } else {
        format!("seen: {}", seen.join(", "))
    };
    CheckItem {
        list: CheckList::Developer,
        id: "all_browsers",
        title: "Works with credentials in every family of browsers",
        state,
        rules: Vec::new(),
        relevant: seen.len() as u64,
        note,
    }
}

/// Another server than the one of the actual answers, or nobody, answers OPTIONS.
fn load_balancer(counts: &Counts, mut item: CheckItem) -> CheckItem {
    if item.state == CheckState::Fail && !counts.odd_server && !counts.unanswered {
        item.state = CheckState::NotSeen;
        item.rules.clear();
        item.note.push_str("preflights fail, but the server that answers other requests answers them");
    }
    item
}

fn deploy(counts: &Counts, mut item: CheckItem) -> CheckItem {
    if let Some(origin) = &counts.dropped_origin {
        item.state = CheckState::Fail;
        item.note = format!("{origin} was let in, and is refused now");
    }
    item
}
