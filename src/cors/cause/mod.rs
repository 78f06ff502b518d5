//! The likeliest mistake behind a refusal, told from the answer and from what else its target answers (CAUSES.md).
//!
//! A reason says what the browser missed; the person on call needs the mistake that made it so. `unknown` is an honest
//! answer: what the wire shows must point to one mistake, or be nearly always that mistake in real stacks.

pub(super) mod memory;
mod server;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use self::memory::{EndpointMemory, Memory, TargetMemory, method_bit, name_bits};
use self::server::Seen;
use super::check::is_redirect;
use super::classify::path_len;
use super::detail::exact;
use super::fields::{is_token, list_items};
use super::location::{Location, Next, resolve};
use super::origin::{Origin, Origins, is_loopback_host, printable, split_host_port};
use super::{ClientId, Target};
use crate::catalog::fixes::{self, Layers, List, PageSigns, Shown};
use crate::catalog::{Cause, Reason, Setting, Side, Stack};
use crate::http::BodyStart;
use crate::http::head::{Head, Name, Spelling};
use crate::http::{Request, Response};
use crate::options::Scheme;
use crate::packet::Time;
use crate::record::{Confidence, Credentials, Leg, Phase, PreflightState, Transaction, Verdict};

/// Ports of development servers (VERDICTS.md §8, `dev_origin_in_production`).
const DEVELOPMENT_PORTS: [u16; 6] = [3000, 3001, 4200, 5173, 8000, 8080];
/// Bytes of a wire value quoted in a fix.
const VALUE_BYTES_MAX: usize = 200;
/// Missing header names that a fix lists.
const NAMES_MAX: usize = 12;
/// Names of a list in view that a fix repeats: a longer one is cut, which nobody's list is.
const LISTED_MAX: usize = 64;
/// A longer name is not repeated.
const NAME_BYTES_MAX: usize = 64;

/// Express's page for an error in production, which says `Internal Server Error` and no more, is not longer.
const PRODUCTION_PAGE_BYTES: u32 = 200;

/// A cause, and how sure.
type Told = (Cause, Confidence);

/// Fills in the cause of a blocked transaction, its confidence, and the fix.
pub(super) fn fill(transaction: &mut Transaction, memory: &Memory, origins: &mut Origins, client: ClientId, now: Time) {
    if transaction.verdict != Verdict::Blocked {
        return;
    }
    let (nothing_of_target, nothing_of_endpoint) = (TargetMemory::default(), EndpointMemory::default());
    let path = transaction.path.get(..path_len(transaction.path.as_bytes())).unwrap_or_default();
    let leg = match transaction.phase {
        Some(Phase::Preflight) => transaction.preflight.as_ref().map(|p| &p.leg),
        Some(Phase::Actual) | None => transaction.actual.as_ref(),
    };
    let origin = leg.and_then(|l| l.request.head.first(Name::Origin)).unwrap_or(b"null");
    let named = leg.and_then(|l| l.response.as_ref()).and_then(|r| r.head.first(Name::AcAllowOrigin));
    let target = memory.target_key(&transaction.target_origin);
    let mut case = Case {
        transaction,
        origins,
        leg,
        origin,
        named_key: memory.origin(named.unwrap_or_default()),
        origin_key: memory.origin(origin),
        asked_names: name_bits(transaction.preflight.iter().flat_map(|p| &*p.requested_headers).map(String::as_bytes)),
        target: memory.target(target).unwrap_or(&nothing_of_target),
        endpoint: memory.endpoint(target, path.as_bytes()).unwrap_or(&nothing_of_endpoint),
        now,
    };
    let (cause, confidence) = case.cause();
    let page = PageSigns {
        development: is_development(origin),
        allow_header_sent: case.sends_allow_header(),
        no_cors_tried: case.endpoint.no_cors_tried(client, now),
    };
    let fix = case.fix(cause, page, path);
    transaction.cause = Some(cause);
    transaction.cause_confidence = Some(confidence);
    transaction.fix = fix;
}

/// A refusal whose answer may not show its mistake by itself: what other pages and other requests meet there may.
pub(super) fn rests_on_others(transaction: &Transaction) -> bool {
    transaction.verdict == Verdict::Blocked
        && matches!(
            transaction.reason,
            Some(
                Reason::MissingAllowOrigin
                    | Reason::AllowOriginMismatch
                    | Reason::InvalidAllowOrigin
                    | Reason::PreflightStatus
            )
        )
}

/// A refusal and what is known besides.
struct Case<'a> {
    transaction: &'a Transaction,
    origins: &'a mut Origins,
    /// The leg that was refused.
    leg: Option<&'a Leg>,
    /// `Origin` as that leg sent it.
    origin: &'a [u8],
    origin_key: u64,
    /// Header names that a preflight asks for, as bits.
    asked_names: u64,
    /// The origin that the answer names.
    named_key: u64,
    target: &'a TargetMemory,
    endpoint: &'a EndpointMemory,
    now: Time,
}

impl Case<'_> {
    fn is_preflight(&self) -> bool {
        self.transaction.phase == Some(Phase::Preflight)
    }

    fn cause(&mut self) -> Told {
        let Some(reason) = self.transaction.reason.map(|r| exact(self.transaction, r)) else { return UNKNOWN };
        let answered = self.leg.and_then(|leg| Some((&*leg.request, leg.response.as_deref()?)));
        let Some((request, response)) = answered else {
            return (Cause::NotHttpOrDown, Confidence::Probable);
        };
        let head = &response.head;
        // Firefox says mismatch for two fields in lower case; whatever the words, there are two
        if head.count(Name::AcAllowOrigin) > 1 {
            return (Cause::TwoLayers, Confidence::Certain);
        }
        match reason {
            Reason::MissingAllowOrigin => self.without_origin(request, response),
            Reason::WildcardWithCredentials => (Cause::CredentialsWithWildcard, Confidence::Certain),
            Reason::MultipleAllowOrigin => several(head.first(Name::AcAllowOrigin).unwrap_or_default()),
            Reason::InvalidAllowOrigin => self.no_origin_in_it(head),
            Reason::AllowOriginMismatch => self.mismatch(request, response),
            Reason::MissingAllowCredentials if head.count(Name::AcAllowCredentials) > 1 => {
                (Cause::TwoLayers, Confidence::Certain)
            }
            Reason::MissingAllowCredentials => (Cause::CredentialsNotAllowed, Confidence::Certain),
            Reason::PreflightRedirect => self.redirect(request, response),
            Reason::PreflightStatus => self.bad_status(request, response),
            Reason::InvalidAllowMethods | Reason::InvalidAllowHeaders => {
                (Cause::ConfigValueMalformed, Confidence::Certain)
            }
            Reason::MethodNotAllowed if self.only_star(head, Name::AcAllowMethods) => {
                (Cause::CredentialsWithWildcard, Confidence::Certain)
            }
            Reason::MethodNotAllowed => (Cause::MethodNotListed, Confidence::Certain),
            Reason::HeaderNotAllowed if self.only_star(head, Name::AcAllowHeaders) => {
                (Cause::CredentialsWithWildcard, Confidence::Certain)
            }
            Reason::HeaderNotAllowed => (Cause::HeaderNotListed, Confidence::Certain),
            Reason::PreflightUnanswered | Reason::ActualUnanswered => (Cause::NotHttpOrDown, Confidence::Probable),
            Reason::PrivateNetworkNotAllowed
            | Reason::RedirectContainsCredentials
            | Reason::DisabledScheme
            | Reason::TooManyRedirects
            | Reason::CredentialsUnknown
            | Reason::ModeUnknown
            | Reason::TargetUnknown
            | Reason::FamilyUnknown
            | Reason::NotModified
            | Reason::ResponseNotCaptured
            | Reason::RequestNotCaptured
            | Reason::ActualNotSeen
            | Reason::RedirectLeftView
            | Reason::RedirectNotFollowed
            | Reason::ExtensionOrigin => UNKNOWN,
        }
    }

    /// The list has `*`, which would have covered a request without credentials.
    fn only_star(&self, head: &Head, list: Name) -> bool {
        self.transaction.credentials == Credentials::Included && lists(head, list, b"*")
    }

    /// A value that is none: empty is also what a list leaves that was searched in vain.
    fn no_origin_in_it(&self, head: &Head) -> Told {
        let empty = head.first(Name::AcAllowOrigin).is_some_and(<[u8]>::is_empty);
        if !empty {
            return (Cause::ConfigValueMalformed, Confidence::Certain);
        }
        // Eve joins what it has of a list, and of the names that it exposes, which mostly are none
        let joined = head.first(Name::AcExposeHeaders) == Some(b"");
        if joined || varies_by_origin(head) || self.target.grants.has_others(self.origin_key, self.now) {
            return (Cause::OriginNotListed, Confidence::Probable);
        }
        (Cause::ConfigValueMalformed, Confidence::Probable)
    }

    // ---- no Access-Control-Allow-Origin ------------------------------------------------------------------------------

    fn without_origin(&self, request: &Request, response: &Response) -> Told {
        match response.body_start {
            BodyStart::InvalidCorsRequest => return self.invalid_cors_request(),
            // Litestar says the same of method and headers, without any field; Starlette names the origin with those
            BodyStart::DisallowedCors if !has_run(&response.head) => return self.refused_by_cors(),
            BodyStart::DisallowedCors | BodyStart::OriginRefused => {
                return (Cause::OriginNotListed, Confidence::Certain);
            }
            // 405 and 501 refuse OPTIONS itself
            BodyStart::MethodRefused if !matches!(response.status, 405 | 501) => {
                return (Cause::MethodNotListed, Confidence::Certain);
            }
            BodyStart::HeadersRefused => return (Cause::HeaderNotListed, Confidence::Certain),
            BodyStart::RouteRefused => return (Cause::CorsNotMounted, Confidence::Certain),
            BodyStart::CorsRefused => return self.refused_in_words(),
            BodyStart::MethodRefused | BodyStart::Unseen | BodyStart::Json | BodyStart::Markup | BodyStart::Other => {}
        }
        let head = &response.head;
        let seen = server::recognise(response);
        match response.status {
            301 | 302 | 303 | 307 | 308 if head.has(Name::Location) => return self.redirect(request, response),
            429 => return (Cause::RateLimited, Confidence::Certain),
            502 | 504 => return (Cause::UpstreamDown, Confidence::Probable),
            503 => return self.unavailable(head, seen),
            520..=530 => return (Cause::NotHttpOrDown, Confidence::Probable),
            413 => return (Cause::ErrorPageWithoutCors, Confidence::Probable),
            // a list that was searched leaves Vary: without it, fields on a login check's answer are fixed ones
            401 | 407 if !varies_by_origin(head) => return self.refused(response, seen),
            _ => {}
        }
        if let Some(cause) = said_in_a_field(head) {
            return (cause, Confidence::Certain);
        }
        if self.is_preflight() && seen.edge.is_none() && refuses_plainly(response) && !self.lists_all(head) {
            // a login check may refuse so, too: not where requests without credentials pass
            let by_cors = response.status == 400 || is_tomcats(response) || self.endpoint.open.is_recent(self.now);
            if by_cors || varies_by_origin(head) {
                return self.refused_by_cors();
            }
        }
        if has_run(head)
            && !(response.status >= 400 && !has_cors_field(head) && self.target.grants.has(self.origin_key, self.now))
        {
            return self.ran_without_origin(response);
        }
        match response.status {
            401 | 403 | 407 => self.refused(response, seen),
            404 if self.runs(Stack::Fastify, seen) => (Cause::CorsNotMounted, Confidence::Probable),
            400..=499 | 501 if self.is_preflight() => self.no_route(response, seen),
            500..=599 => self.failed(response, seen),
            400..=499 => self.error_page(response, seen),
            _ if self.is_preflight() => self.bare_preflight(request, response, seen),
            _ => self.bare_answer(request, response, seen),
        }
    }

    /// 503: nginx's limiter says so, and every other edge that cannot reach the application.
    fn unavailable(&self, head: &Head, seen: Seen) -> Told {
        match seen.edge {
            _ if names_limit(head) => (Cause::RateLimited, Confidence::Probable),
            Some(Stack::Nginx) => {
                // a limiter lets something pass first; a page for maintenance does not
                if self.endpoint.has_worked(self.now) || self.target.limited.is_recent(self.now) {
                    (Cause::RateLimited, Confidence::Probable)
                } else {
                    (Cause::ErrorPageWithoutCors, Confidence::Possible)
                }
            }
            // Varnish sends Retry-After with its own page
            Some(_) => (Cause::UpstreamDown, Confidence::Probable),
            None if head.has(Name::RetryAfter) => (Cause::RateLimited, Confidence::Probable),
            None if seen.application.is_some() => (Cause::ErrorPageWithoutCors, Confidence::Possible),
            // an application that is up would have shown itself
            None => (Cause::UpstreamDown, Confidence::Possible),
        }
    }

    /// The CORS code has left its mark, but not the origin: the allow-list lacks it.
    fn ran_without_origin(&self, response: &Response) -> Told {
        let marked = has_cors_field(&response.head);
        if self.is_preflight() && !marked {
            // Go's rs/cors leaves everything but Vary out for a method or header, too
            if let Some(cause) = self.lacking() {
                return (cause, Confidence::Probable);
            }
            let go = server::recognise(response).application == Some(Stack::Go);
            if go && self.target.grants.has(self.origin_key, self.now) {
                return self.method_or_header(Confidence::Probable);
            }
            if go && !self.target.has_denied(self.origin_key, self.now) {
                let others = self.target.grants.has_others(self.origin_key, self.now);
                return match (others, self.asks_for_a_simple_method()) {
                    (true, _) => (Cause::OriginNotListed, Confidence::Probable),
                    (false, false) => (Cause::OriginOrMethodNotListed, Confidence::Possible),
                    // Content-Type is on its list unless taken off
                    (false, true) if self.asks_for_content_type_alone() => {
                        (Cause::OriginNotListed, Confidence::Possible)
                    }
                    (false, true) => UNKNOWN,
                };
            }
        }
        let actuals = self.target.grants.actuals(self.origin_key, self.now);
        if self.is_preflight() && actuals != 0 && !self.target.preflight_good.is_recent(self.now) {
            // requests pass and no preflight ever does: OPTIONS is answered elsewhere (nginx: an `if` with its own add_header)
            return (Cause::CorsNotMounted, Confidence::Probable);
        }
        let others = self.target.grants.has_others(self.origin_key, self.now);
        (Cause::OriginNotListed, if others { Confidence::Certain } else { Confidence::Probable })
    }

    /// Both lists are in view, and have what the preflight asks for.
    fn lists_all(&self, head: &Head) -> bool {
        let names = self.transaction.preflight.iter().flat_map(|p| &*p.requested_headers);
        lists(head, Name::AcAllowMethods, self.transaction.method.as_bytes())
            && names.into_iter().all(|name| lists(head, Name::AcAllowHeaders, name.as_bytes()))
    }

    /// The CORS code refused a preflight, and does not say for what.
    fn refused_by_cors(&self) -> Told {
        if let Some(cause) = self.lacking() {
            return (cause, Confidence::Probable);
        }
        if self.target.grants.has(self.origin_key, self.now) {
            return self.method_or_header(Confidence::Probable);
        }
        let denied = self.target.has_denied(self.origin_key, self.now) || self.endpoint.bare.is_recent(self.now);
        if denied || self.target.grants.has_others(self.origin_key, self.now) {
            return (Cause::OriginNotListed, Confidence::Probable);
        }
        UNKNOWN
    }

    /// "Not allowed by CORS": guides write it for an origin that is not on the list.
    fn refused_in_words(&self) -> Told {
        match self.refused_by_cors() {
            UNKNOWN => (Cause::OriginNotListed, Confidence::Probable),
            told => told,
        }
    }

    /// 401, 403, 407.
    fn refused(&self, response: &Response, seen: Seen) -> Told {
        if self.is_preflight() && response.status == 403 {
            // Gorilla's, when a header is not on its list
            if let Some(cause) = self.lacking() {
                return (cause, Confidence::Probable);
            }
            // API Gateway has no OPTIONS method there; S3 has no rule that fits
            let head = &response.head;
            if head.first(Name::XAmznErrorType).is_some_and(|v| v.starts_with(b"MissingAuthenticationToken")) {
                return (Cause::CorsNotMounted, Confidence::Probable);
            }
            if head.first(Name::Server) == Some(b"AmazonS3") {
                return (Cause::OriginNotListed, Confidence::Probable);
            }
        }
        let stranger = !self.target.grants.has(self.origin_key, self.now);
        let others = if self.is_preflight() {
            self.target.grants.other_preflights(self.origin_key, self.now)
                || self.target.has_denied(self.origin_key, self.now)
        } else {
            self.endpoint.grants.has_others(self.origin_key, self.now)
        };
        if response.status == 403 && stranger && (others || is_tomcats(response)) {
            return (Cause::OriginNotListed, Confidence::Probable);
        }
        if is_wordless(response) && (seen.edge.is_some() || is_gins(&response.head)) {
            let for_origin = !self.is_preflight() || self.asks_for_content_type_alone();
            let shows = seen.edge.is_none() && for_origin;
            return if shows { (Cause::OriginNotListed, Confidence::Possible) } else { UNKNOWN };
        }
        if self.is_preflight() {
            let sure = if response.status == 403 { Confidence::Probable } else { Confidence::Certain };
            return (Cause::AuthBeforeCors, sure);
        }
        if self.target.preflight_needs_login.is_recent(self.now) {
            return (Cause::AuthBeforeCors, Confidence::Certain);
        }
        // a proxy that adds headers to good answers alone; an application that ran CORS would have them on 401, too
        let adds_by_status = matches!(seen.edge, Some(Stack::Nginx | Stack::Apache));
        let works = self.preflight_passed()
            || self.endpoint.grants.has(self.origin_key, self.now)
            || self.target.preflight_good.is_recent(self.now);
        if adds_by_status && works && !self.target.error_good.is_recent(self.now) {
            return (Cause::ErrorPageWithoutCors, Confidence::Probable);
        }
        (Cause::AuthBeforeCors, if response.status == 401 { Confidence::Probable } else { Confidence::Possible })
    }

    /// 5xx of the application.
    fn failed(&self, response: &Response, seen: Seen) -> Told {
        let express = self.runs(Stack::Express, seen);
        let answers = self.endpoint.bare.is_recent(self.now) || self.endpoint.grants.has(self.origin_key, self.now);
        if self.is_preflight() && answers && !express {
            // requests are answered there, and what answers them fails on OPTIONS
            return (Cause::CorsNotMounted, Confidence::Possible);
        }
        let known = self.preflight_passed() || self.target.grants.has(self.origin_key, self.now);
        if known {
            return (Cause::ErrorPageWithoutCors, Confidence::Probable);
        }
        let others = self.target.grants.has_others(self.origin_key, self.now);
        // Express keeps headers on a crash: bare is a crash of the CORS code itself, callback(new Error()) for an unlisted origin
        if others {
            return (Cause::OriginNotListed, if express { Confidence::Probable } else { Confidence::Possible });
        }
        match (express, self.is_preflight()) {
            // a proxy may add fields to good answers alone, and CORS code that fails says so where a page tells of errors at all
            (true, false) if seen.edge.is_some() || tells_of_an_error(response) => {
                (Cause::ErrorPageWithoutCors, Confidence::Possible)
            }
            // code that answers errors in JSON may hide which one it was: the CORS code's, or that of what runs before it
            (true, _) if response.body_start == BodyStart::Json => UNKNOWN,
            (true, _) if seen.edge.is_none() => (Cause::OriginNotListed, Confidence::Possible),
            // what failed on OPTIONS is the CORS code itself, or what runs before it
            (true, _) | (_, true) => UNKNOWN,
            (false, false) => (Cause::ErrorPageWithoutCors, Confidence::Possible),
        }
    }

    /// A preflight answered 4xx or 501: most often nobody takes OPTIONS there.
    fn no_route(&self, response: &Response, seen: Seen) -> Told {
        if let Some(cause) = self.lacking() {
            return (cause, Confidence::Probable);
        }
        if self.runs(Stack::Rack, seen) && self.endpoint.grants.has(self.origin_key, self.now) {
            return self.method_or_header(Confidence::Probable);
        }
        let stranger = !self.target.grants.has(self.origin_key, self.now);
        if stranger && self.endpoint.grants.other_preflights(self.origin_key, self.now) {
            return (Cause::OriginNotListed, Confidence::Probable);
        }
        match (response.status, response.body_start) {
            (404 | 405 | 501, _) => (Cause::CorsNotMounted, Confidence::Probable),
            // a firewall's rule
            (406 | 418 | 451, BodyStart::Markup) if seen.edge.is_some() && seen.application.is_none() => {
                (Cause::AuthBeforeCors, Confidence::Possible)
            }
            // a host that is not served is refused so, too, whatever the method
            (400, BodyStart::Markup) => UNKNOWN,
            // the application took OPTIONS for a request, and found fault with it
            (_, BodyStart::Json | BodyStart::Markup) => (Cause::CorsNotMounted, Confidence::Possible),
            _ => UNKNOWN,
        }
    }

    /// Preflights of this origin pass, but not this one: what it asks for that they did not.
    fn lacking(&self) -> Option<Cause> {
        let (here, there) = (&self.endpoint.grants, &self.target.grants);
        let methods_here = here.preflights(self.origin_key, self.now);
        let methods = methods_here | there.preflights(self.origin_key, self.now);
        if methods == 0 {
            return None;
        }
        let names = here.names(self.origin_key, self.now) | there.names(self.origin_key, self.now);
        let bit = self.asked_bit();
        if methods_here & bit != 0 || self.asks_for_a_simple_method() {
            return (self.asked_names & !names != 0).then_some(Cause::HeaderNotListed);
        }
        let works_here = methods_here != 0 || here.actuals(self.origin_key, self.now) != 0;
        (works_here && (methods_here != 0 || methods & bit == 0)).then_some(Cause::MethodNotListed)
    }

    /// The origin is fine: what else a preflight can be refused for.
    fn method_or_header(&self, sure: Confidence) -> Told {
        match (self.asks_for_a_simple_method(), self.asks_for_content_type_alone()) {
            (true, _) => (Cause::HeaderNotListed, sure),
            (false, true) => (Cause::MethodNotListed, sure),
            (false, false) => UNKNOWN,
        }
    }

    /// On every list: such a preflight is for its headers.
    fn asks_for_a_simple_method(&self) -> bool {
        matches!(&*self.transaction.method, "GET" | "HEAD" | "POST")
    }

    fn asks_for_content_type_alone(&self) -> bool {
        let mut asked = self.transaction.preflight.iter().flat_map(|p| &*p.requested_headers);
        asked.all(|name| name == "content-type")
    }

    /// Spring's 403 says that its CORS code refused; not what: origin, method or headers, or a path without configuration.
    fn invalid_cors_request(&self) -> Told {
        if self.is_preflight() {
            if let Some(cause) = self.lacking() {
                return (cause, Confidence::Probable);
            }
            // an origin that is not allowed gets 403 on requests, too
            if self.endpoint.bare.is_recent(self.now) {
                return (Cause::CorsNotMounted, Confidence::Probable);
            }
            if self.endpoint.grants.has(self.origin_key, self.now) {
                return self.method_or_header(Confidence::Probable);
            }
        }
        (Cause::OriginOrMethodNotListed, Confidence::Certain)
    }

    /// An actual answered 4xx.
    fn error_page(&self, response: &Response, seen: Seen) -> Told {
        if self.preflight_passed() || self.target.grants.has(self.origin_key, self.now) {
            return (Cause::ErrorPageWithoutCors, Confidence::Probable);
        }
        let denied = self.target.has_denied(self.origin_key, self.now);
        if denied || self.endpoint.grants.has_others(self.origin_key, self.now) {
            return (Cause::OriginNotListed, Confidence::Possible);
        }
        // Express keeps on its errors what CORS code added before; a server's page does not, other applications may or may not
        match response.body_start {
            // nor does a proxy that adds fields to good answers alone
            _ if seen.application == Some(Stack::Express) && seen.edge.is_some() => {
                (Cause::ErrorPageWithoutCors, Confidence::Possible)
            }
            _ if seen.application == Some(Stack::Express) => (Cause::CorsNotMounted, Confidence::Possible),
            BodyStart::Json => UNKNOWN,
            _ if is_json(&response.head) => UNKNOWN,
            _ => (Cause::ErrorPageWithoutCors, Confidence::Possible),
        }
    }

    /// A preflight answered 2xx with nothing.
    fn bare_preflight(&self, request: &Request, response: &Response, seen: Seen) -> Told {
        if let Some(cause) = self.lacking() {
            return (cause, Confidence::Probable);
        }
        if self.target.has_denied(self.origin_key, self.now) && !is_silent(response) {
            return (Cause::OriginNotListed, Confidence::Probable);
        }
        let works = self.endpoint.grants.actuals(self.origin_key, self.now) != 0;
        if works && self.runs(Stack::Rack, seen) {
            return self.method_or_header(Confidence::Probable);
        }
        // a router that answers OPTIONS by itself says Allow, a proxy's canned answer has no Date, an application that takes it for
        // any request sends a page
        let head = &response.head;
        let edge_alone = seen.edge.is_some() && seen.application.is_none();
        let by_router = head.has(Name::Allow) || edge_alone || !head.has(Name::Date);
        if works && !by_router && !head.has(Name::ContentType) {
            return self.method_or_header(Confidence::Possible);
        }
        if is_silent(response) && self.runs(Stack::Rack, seen) && !self.endpoint.bare.is_recent(self.now) {
            let elsewhere = self.target.grants.has(self.origin_key, self.now);
            let lacks = self.method_or_header(Confidence::Possible);
            if elsewhere && lacks != UNKNOWN {
                return lacks;
            }
        }
        self.elsewhere().unwrap_or_else(|| {
            // rack-cors passes over a method, a header and a path that it does not know without a word; where it knows the path,
            // requests show it: by Vary, if not by the origin
            let path_unknown = self.runs(Stack::Rack, seen) && self.target.bare.is_recent(self.now);
            if !is_silent(response) || path_unknown {
                // rules of Apache and Caddy answer preflights themselves, and so do nginx's; this one went past them to the application
                let past = match seen.edge {
                    Some(Stack::Apache | Stack::Caddy) => !server::is_flasks(response) && !server::is_falcons(response),
                    Some(Stack::Nginx) => is_routed(response),
                    _ => false,
                };
                if past { (Cause::CorsNotMounted, Confidence::Possible) } else { self.no_trace(response) }
            } else if is_silent_denial(request, response) {
                (Cause::OriginNotListed, Confidence::Possible)
            } else {
                // by code with a list that lacks the origin, or by code without CORS that wants to be done with OPTIONS
                UNKNOWN
            }
        })
    }

    /// Whether this origin, or only others, are allowed somewhere on the target.
    fn elsewhere(&self) -> Option<Told> {
        if self.target.grants.has(self.origin_key, self.now) {
            return Some((Cause::CorsNotMounted, Confidence::Probable));
        }
        if self.endpoint.grants.has_others(self.origin_key, self.now) {
            return Some((Cause::OriginNotListed, Confidence::Probable));
        }
        let denied = self.target.has_denied(self.origin_key, self.now);
        (denied || self.target.grants.has_others(self.origin_key, self.now))
            .then_some((Cause::OriginNotListed, Confidence::Possible))
    }

    /// An actual answered 2xx (or another final status) with nothing.
    fn bare_answer(&self, request: &Request, response: &Response, seen: Seen) -> Told {
        if is_cacheable(request) && is_hit(&response.head) && !self.endpoint.bare.is_recent(self.now) {
            // not from the cache it has never been bare: who filled it sent no Origin, or another
            let known = self.target.grants.count(self.now) > 0;
            return (Cause::CachedForOtherOrigin, if known { Confidence::Probable } else { Confidence::Possible });
        }
        let fastify = self.runs(Stack::Fastify, seen);
        let asked_here = self.endpoint.grants.preflights(self.origin_key, self.now) != 0;
        if self.preflight_passed() || asked_here {
            // Fastify's hooks know no order, but scopes: its preflights are answered everywhere. Flask's know none, but decorators
            let unordered = fastify || self.runs(Stack::Flask, seen);
            let cause = if unordered { Cause::CorsNotMounted } else { Cause::CorsAfterRouter };
            return (cause, Confidence::Probable);
        }
        let actuals_elsewhere = self.target.grants.actuals(self.origin_key, self.now) != 0;
        let preflights_elsewhere = self.target.grants.preflights(self.origin_key, self.now) != 0;
        let asked_in_vain = self.endpoint.preflight_bare.is_recent(self.now);
        if preflights_elsewhere && !asked_in_vain && !self.target.actual_good.is_recent(self.now) && !fastify {
            return (Cause::CorsAfterRouter, Confidence::Probable);
        }
        if self.target.error_good.is_recent(self.now)
            && !self.target.actual_good.is_recent(self.now)
            && actuals_elsewhere
        {
            // only what no route took has headers
            return (Cause::CorsAfterRouter, Confidence::Probable);
        }
        self.elsewhere().unwrap_or_else(|| {
            // CORS code would have taken OPTIONS, whatever the origin
            let no_route = self.endpoint.no_route.is_recent(self.now);
            if no_route { (Cause::CorsNotMounted, Confidence::Possible) } else { self.no_trace(response) }
        })
    }

    /// An answer without a trace of CORS, and nothing else known: most often there is none.
    fn no_trace(&self, response: &Response) -> Told {
        let known = self.target.servers.application;
        if server::hides_denials(response, known, self.target.routed.is_recent(self.now)) {
            UNKNOWN
        } else {
            (Cause::CorsNotMounted, Confidence::Possible)
        }
    }

    // ---- other reasons -----------------------------------------------------------------------------------------------

    fn redirect(&self, request: &Request, response: &Response) -> Told {
        let plain = if self.is_preflight() { Cause::PreflightRedirected } else { Cause::ActualRedirectWithoutCors };
        let sure =
            if self.is_preflight() || self.preflight_passed() { Confidence::Certain } else { Confidence::Probable };
        let Some((target, next)) = self.next(request, response) else { return (plain, sure) };
        let here = next.parts.host == target.host;
        let back = target.scheme == Scheme::Https && &*next.parts.scheme == "http" && here;
        let circle =
            next.origin == *target.origin && next.path == super::classify::path_and_query(request.head.target());
        if back || (circle && target.scheme == Scheme::Https) {
            return (Cause::SchemeLostBehindTls, Confidence::Probable);
        }
        (plain, sure)
    }

    /// Where `Location` leads.
    fn next(&self, request: &Request, response: &Response) -> Option<(Target, Next)> {
        let hop = self.transaction.hops.last().map_or(&self.transaction.target_origin, |h| &h.target_origin);
        let parsed = Origin::parse(hop.as_bytes());
        let parts = parsed.parts()?;
        let target = Target {
            scheme: if &*parts.scheme == "https" { Scheme::Https } else { Scheme::Http },
            scheme_confidence: Confidence::Probable,
            host: parts.host.clone(),
            port: parts.port,
            origin: hop.clone(),
            site: parts.site.clone(),
        };
        let value = response.head.first(Name::Location)?;
        match resolve(value, &target, request.head.target()) {
            Location::Url(next) => Some((target, next)),
            Location::OtherScheme | Location::Empty | Location::Unusable => None,
        }
    }

    /// A preflight whose status is not 2xx: with the right origin, or (Safari) not even looked at.
    fn bad_status(&mut self, request: &Request, response: &Response) -> Told {
        let head = &response.head;
        let value = head.first(Name::AcAllowOrigin);
        if value.is_none() {
            return self.without_origin(request, response);
        }
        match response.status {
            301 | 302 | 303 | 307 | 308 => return self.redirect(request, response),
            401 | 403 | 407 => return (Cause::AuthBeforeCors, Confidence::Probable),
            429 => return (Cause::RateLimited, Confidence::Certain),
            502..=504 => return (Cause::UpstreamDown, Confidence::Probable),
            _ => {}
        }
        // Starlette: 400 with the origin and the lists, one of which lacks what was asked
        let sure =
            if response.body_start == BodyStart::DisallowedCors { Confidence::Certain } else { Confidence::Probable };
        let asked = request.head.first(Name::AcRequestMethod).unwrap_or_default();
        if head.has(Name::AcAllowMethods) && !lists(head, Name::AcAllowMethods, asked) {
            return (Cause::MethodNotListed, sure);
        }
        let names = self.transaction.preflight.iter().flat_map(|p| &*p.requested_headers);
        if head.has(Name::AcAllowHeaders) && names.into_iter().any(|n| !lists(head, Name::AcAllowHeaders, n.as_bytes()))
        {
            return (Cause::HeaderNotListed, sure);
        }
        if value.is_some_and(|v| v != b"*" && v != self.origin) {
            return self.mismatch(request, response);
        }
        // what adds the fields does not answer preflights, and the application finds fault with OPTIONS
        if response.status >= 400 { (Cause::CorsNotMounted, Confidence::Possible) } else { UNKNOWN }
    }

    fn mismatch(&mut self, request: &Request, response: &Response) -> Told {
        let head = &response.head;
        let value = head.first(Name::AcAllowOrigin).unwrap_or_default();
        if value.iter().any(|b| matches!(b, b',' | b' ')) {
            return several(value);
        }
        let (asked, named) = (self.origins.of(self.origin), self.origins.of(value));
        let same = matches!((asked.parts(), named.parts()), (Some(a), Some(b)) if a == b);
        let path_added = value.strip_prefix(self.origin).is_some_and(|rest| rest.first() == Some(&b'/'));
        if same || path_added || value.eq_ignore_ascii_case(self.origin) || value.contains(&b'*') {
            return (Cause::ConfigValueMalformed, Confidence::Certain);
        }
        let Some(named) = named.parts() else {
            // GraphQL Yoga's answer to a page that is not on its list
            if value == b"null" && self.target.grants.has_others(self.origin_key, self.now) {
                return (Cause::OriginNotListed, Confidence::Probable);
            }
            let sure = if value == b"null" { Confidence::Probable } else { Confidence::Certain };
            return (Cause::ConfigValueMalformed, sure);
        };
        let target = self.origins.of(self.transaction.target_origin.as_bytes());
        let own = target.parts().is_some_and(|t| t.host == named.host);
        let lost = &*named.scheme == "http"
            && target.parts().is_some_and(|t| &*t.scheme == "https")
            && (own || asked.parts().is_some_and(|a| a.host == named.host));
        if lost {
            return (Cause::SchemeLostBehindTls, Confidence::Probable);
        }
        if is_cacheable(request) && !own && !self.is_preflight() {
            let hit = is_hit(head);
            // each page gets its own value here, but for this answer, which has another page's
            let grants = &self.endpoint.grants;
            let varies = grants.has(self.origin_key, self.now) || grants.count(self.now) >= 2;
            let other_page = grants.has(self.named_key, self.now);
            if hit || (varies && other_page && !varies_by_origin(head)) {
                let sure = match (hit, varies) {
                    (true, true) => Confidence::Certain,
                    (true, false) => Confidence::Probable,
                    (false, _) => Confidence::Possible,
                };
                return (Cause::CachedForOtherOrigin, sure);
            }
        }
        (Cause::OriginNotListed, Confidence::Probable)
    }

    // ---- what else is known ------------------------------------------------------------------------------------------

    /// This very transaction's preflight passed (or an earlier one that the browser kept).
    fn preflight_passed(&self) -> bool {
        let sent = self.transaction.preflight.as_ref().is_some_and(|p| p.leg.verdict == Verdict::Allowed);
        !self.is_preflight() && (sent || self.transaction.preflight_state == PreflightState::Cached)
    }

    /// The answer shows it, or another one of its target did.
    fn runs(&self, stack: Stack, seen: Seen) -> bool {
        seen.application == Some(stack) || self.target.servers.application == Some(stack)
    }

    fn asked_bit(&self) -> u8 {
        method_bit(self.transaction.method.as_bytes())
    }

    fn sends_allow_header(&self) -> bool {
        let sent = self
            .transaction
            .actual
            .as_ref()
            .is_some_and(|leg| leg.request.head.fields().iter().any(|f| is_allow_field(f.name)));
        let asked = self.transaction.preflight.iter().flat_map(|p| &*p.requested_headers);
        sent || asked.into_iter().any(|name| name.starts_with("access-control-allow-"))
    }

    // ---- the fix -----------------------------------------------------------------------------------------------------

    /// The stack that has to change, as far as this answer or others of the target show one; then the proxy before it,
    /// where it is not known which of the two adds the headers.
    fn layers(&self, cause: Cause) -> Layers {
        let answer = self.leg.and_then(|l| l.response.as_deref());
        let seen = answer.map(server::recognise).unwrap_or_default();
        let behind = seen.application.or(self.target.servers.application);
        let before = seen.edge.or(self.target.servers.edge).or_else(|| answer.and_then(server::lowers_names));
        let only = |own| Layers { own, edge: None, edge_first: false };
        if cause.entry().side == Side::Edge {
            return only(before.or(behind).unwrap_or(Stack::Generic));
        }
        let edge_spoke = answer.is_some_and(|r| {
            let own_page = is_own_page(r) || (is_redirect(r) && seen.edge == Some(Stack::HaProxy));
            // the application signs what it answers on this path
            let unsigned = self.endpoint.signs && !r.head.has(Name::XPoweredBy);
            (own_page && seen.edge.is_some() && seen.application.is_none()) || unsigned
        });
        if let Some(edge) = before.filter(|_| edge_spoke) {
            return only(edge);
        }
        let preflight = self.transaction.preflight.as_ref().and_then(|p| p.leg.response.as_deref());
        let unsigned = |r: &Response| self.target.signs && !r.head.has(Name::XPoweredBy);
        // an application's errors keep what it has set before: a proxy adds its own to good statuses alone
        let edge_first =
            cause == Cause::ErrorPageWithoutCors || answer.is_some_and(unsigned) || preflight.is_some_and(unsigned);
        Layers { own: behind.unwrap_or(Stack::Generic), edge: before, edge_first }
    }

    fn fix(&self, cause: Cause, page: PageSigns, path: &str) -> String {
        let transaction = self.transaction;
        let origin = pasteable(self.origin).unwrap_or(Shown::SAMPLE.origin);
        let method = if is_token(transaction.method.as_bytes()) { &*transaction.method } else { Shown::SAMPLE.method };
        let preflight = transaction.preflight.as_ref();
        let asked: &[String] = preflight.map_or(&[], |p| &p.requested_headers);
        let answer = preflight.and_then(|p| p.leg.response.as_deref());
        // only what mends a list repeats it
        let list = |name: Name, setting: Setting| {
            let answer = answer.filter(|_| fixes::settings_of(cause).contains(&setting));
            answer.and_then(|r| r.head.joined(name)).unwrap_or_default()
        };
        let methods_list = list(Name::AcAllowMethods, Setting::Methods);
        let headers_list = list(Name::AcAllowHeaders, Setting::Headers);
        let (listed_methods, listed_headers) = (listed(&methods_list), listed(&headers_list));
        let missing = |name: &&str| {
            name.len() <= NAME_BYTES_MAX
                && is_token(name.as_bytes())
                && !listed_headers.iter().any(|i| i.eq_ignore_ascii_case(name))
        };
        let headers: Items<'_> = asked.iter().map(String::as_str).filter(missing).take(NAMES_MAX).collect();
        let headers = if headers.is_empty() { USUAL_HEADERS } else { &*headers };
        let mut all_headers = listed_headers.clone();
        all_headers.extend_from_slice(headers);
        let mut methods = listed_methods.clone();
        if methods.is_empty() {
            methods.extend(["GET", "HEAD", "POST"]);
        }
        if !methods.contains(&method) {
            methods.push(method);
        }
        let plain = |b| matches!(b, b'/' | b'-' | b'_' | b'.' | b'~' | b'{' | b'}' | b':' | b'@');
        let plain_path = path.bytes().all(|b| b.is_ascii_alphanumeric() || plain(b));
        let value = self.value(cause);
        let shown = Shown {
            origin,
            method,
            headers,
            methods: List { items: &methods, in_view: !listed_methods.is_empty() },
            all_headers: List { items: &all_headers, in_view: !listed_headers.is_empty() },
            path: if plain_path { path } else { "the path" },
            target: pasteable(transaction.target_origin.as_bytes()).unwrap_or(Shown::SAMPLE.target),
            value: &value,
        };
        fixes::fix(cause, self.layers(cause), &shown, page)
    }

    /// The value that went wrong, for a person.
    fn value(&self, cause: Cause) -> String {
        let Some(leg) = self.leg else { return "no answer".to_owned() };
        let Some(response) = leg.response.as_deref() else { return "no answer".to_owned() };
        let head = &response.head;
        let quoted = |value: &[u8]| format!("\"{}\"", printable(value.get(..VALUE_BYTES_MAX).unwrap_or(value)));
        match cause {
            Cause::PreflightRedirected | Cause::ActualRedirectWithoutCors | Cause::SchemeLostBehindTls => {
                match self.next(&leg.request, response) {
                    Some((_, next)) => {
                        let end = next.path.iter().position(|b| *b == b'?').unwrap_or(next.path.len());
                        let path = next.path.get(..end.min(VALUE_BYTES_MAX)).unwrap_or_default();
                        format!("{}{}", next.origin, printable(path))
                    }
                    None => status(response),
                }
            }
            Cause::TwoLayers => {
                let name =
                    if head.count(Name::AcAllowOrigin) > 0 { Name::AcAllowOrigin } else { Name::AcAllowCredentials };
                let all: Vec<String> = head.all(name).take(4).map(quoted).collect();
                // Caddy sets its own before it copies what comes from behind; the others append
                let order = match server::recognise(response).edge {
                    Some(Stack::Caddy) => "the proxy's is the first",
                    Some(_) => "the proxy's is the last",
                    None => "a proxy's is mostly the last",
                };
                if all.len() > 1 {
                    format!("it sent {}; {order}", all.join(" then "))
                } else {
                    format!("it sent {}", all.join(""))
                }
            }
            Cause::ConfigValueMalformed => {
                let names = [Name::AcAllowOrigin, Name::AcAllowMethods, Name::AcAllowHeaders];
                let name = match self.transaction.reason {
                    Some(Reason::InvalidAllowMethods) => names[1],
                    Some(Reason::InvalidAllowHeaders) => names[2],
                    _ => names[0],
                };
                quoted(head.first(name).unwrap_or_default())
            }
            _ => status(response),
        }
    }
}

fn status(response: &Response) -> String {
    ["status ", itoa::Buffer::new().format(response.status)].concat()
}

/// What a preflight most often asks for, where none is in view.
const USUAL_HEADERS: &[&str] = &["content-type"];

/// Names and methods of a list.
type Items<'a> = SmallVec<[&'a str; 16]>;

/// What a list names, each once.
fn listed(list: &[u8]) -> Items<'_> {
    let mut items = Items::new();
    for item in list_items(list).filter(|i| *i != b"*" && i.len() <= NAME_BYTES_MAX && is_token(i)).take(LISTED_MAX) {
        let Ok(item) = std::str::from_utf8(item) else { continue };
        if !items.iter().any(|known| known.eq_ignore_ascii_case(item)) {
            items.push(item);
        }
    }
    items
}

const UNKNOWN: Told = (Cause::Unknown, Confidence::Possible);

/// One field with several values: joined on the way from two, or configured as a list.
fn several(value: &[u8]) -> Told {
    let items: Vec<&[u8]> = list_items(value).take(16).collect();
    let doubled = items.iter().enumerate().any(|(i, item)| items.iter().skip(i + 1).any(|other| other == item));
    if items.len() > 1 && (doubled || items.contains(&&b"*"[..])) {
        (Cause::TwoLayers, Confidence::Probable)
    } else {
        (Cause::ConfigValueMalformed, Confidence::Probable)
    }
}

/// Any field of the CORS code but the origin.
fn has_cors_field(head: &Head) -> bool {
    head.fields().iter().any(|f| {
        matches!(f.name, Name::AcAllowCredentials | Name::AcAllowMethods | Name::AcAllowHeaders | Name::AcMaxAge)
            || (f.name == Name::AcExposeHeaders && !head.value_of(f).is_empty())
    })
}

/// A list in view names it, or everything.
fn lists(head: &Head, list: Name, item: &[u8]) -> bool {
    head.joined(list).is_some_and(|v| list_items(&v).any(|i| i.eq_ignore_ascii_case(item) || i == b"*"))
}

/// The CORS code has left a mark.
pub(super) fn has_run(head: &Head) -> bool {
    has_cors_field(head) || varies_by_origin(head)
}

fn varies_by_origin(head: &Head) -> bool {
    head.all(Name::Vary).any(|value| list_items(value).any(|item| item.eq_ignore_ascii_case(b"origin")))
}

pub(super) fn is_allow_field(name: Name) -> bool {
    matches!(
        name,
        Name::AcAllowOrigin
            | Name::AcAllowCredentials
            | Name::AcAllowMethods
            | Name::AcAllowHeaders
            | Name::AcAllowPrivateNetwork
            | Name::AcAllowLocalNetwork
            | Name::AcExposeHeaders
            | Name::AcMaxAge
    )
}

/// `RateLimit-*`, `X-RateLimit-*`.
fn names_limit(head: &Head) -> bool {
    head.of(Name::Other).any(|f| {
        let name = head.name_of(f).to_ascii_lowercase();
        name.starts_with(b"ratelimit") || name.starts_with(b"x-ratelimit") || name.starts_with(b"x-rate-limit")
    })
}

/// A compressed body shows by its type alone what it is.
fn is_json(head: &Head) -> bool {
    head.first(Name::ContentType).is_some_and(|kind| kind.starts_with(b"application/json"))
}

/// A handler took a preflight for any request, or the application's router answered or refused it: nothing there does CORS. PHP's scripts
/// get all there is, those with a list, too; and some routers say no more than `Allow` where a list lacks the origin.
pub(super) fn is_routed(response: &Response) -> bool {
    let head = &response.head;
    if server::is_script(head) || server::is_flasks(response) || has_run(head) || head.has(Name::AcAllowOrigin) {
        return false;
    }
    let seen = server::recognise(response);
    let is_type = |kind: &[u8]| head.first(Name::ContentType).is_some_and(|v| v.starts_with(kind));
    match response.status {
        // not a proxy's own page
        404 | 405 | 501 => seen.edge.is_none() || seen.application.is_some() || !is_type(b"text/html"),
        // finds fault with OPTIONS, in its own form
        400 | 406 | 415 | 422 => response.body_start == BodyStart::Json,
        400.. => false,
        // Express's router and Koa's
        _ if head.has(Name::Allow) => seen.application == Some(Stack::Express) || is_type(b"text/plain"),
        _ => matches!(response.body_start, BodyStart::Json | BodyStart::Markup),
    }
}

/// 403 with nothing at all, where a login check has words or a type, or names its server.
fn is_wordless(response: &Response) -> bool {
    let head = &response.head;
    let seen = server::recognise(response);
    // their own 403 is a page; Caddy's is not
    let names_itself = head.has(Name::Server) && !matches!(seen.edge, Some(Stack::Nginx | Stack::Apache));
    response.status == 403
        && response.body_start == BodyStart::Unseen
        && head.first(Name::ContentLength) == Some(b"0")
        && !head.has(Name::ContentType)
        && !head.has(Name::WwwAuthenticate)
        && seen.application.is_none()
        && !names_itself
}

/// Gin's CORS code refuses an origin so; Go writes the date first.
fn is_gins(head: &Head) -> bool {
    let mut fields = head.fields().iter().filter(|f| f.name != Name::Connection);
    let mut is = |name: Name| fields.next().is_some_and(|f| f.name == name && f.spelling != Spelling::Lower);
    is(Name::Date) && is(Name::ContentLength) && fields.next().is_none()
}

/// Express's page says which error, but in production.
fn tells_of_an_error(response: &Response) -> bool {
    let length = response.head.first(Name::ContentLength).and_then(|v| std::str::from_utf8(v).ok());
    let long = length.and_then(|v| v.parse::<u32>().ok()).is_some_and(|bytes| bytes > PRODUCTION_PAGE_BYTES);
    response.body_start == BodyStart::Markup && long
}

/// Plain words or none, where routers, gateways and login checks mostly send a page or JSON.
fn refuses_plainly(response: &Response) -> bool {
    let head = &response.head;
    let kind = head.first(Name::ContentType);
    let text = kind.is_some_and(|k| k.starts_with(b"text/plain"));
    match response.status {
        // a server that cannot read what it is sent closes the connection
        400 => {
            let closes = head.first(Name::Connection).is_some_and(|v| v.eq_ignore_ascii_case(b"close"));
            (text || kind.is_none()) && !closes && matches!(response.body_start, BodyStart::Unseen | BodyStart::Other)
        }
        403 => text && !head.has(Name::WwwAuthenticate) && response.body_start != BodyStart::Markup,
        _ => false,
    }
}

/// ASP.NET Core's middleware passes a preflight over in silence when its policy lacks the origin.
pub(super) fn is_silent_denial(request: &Request, response: &Response) -> bool {
    is_silent(response) && asks_for_no_header(request) && server::recognise(response).application == Some(Stack::AspNet)
}

/// A preflight's 2xx with nothing, no body either, is written for preflights; a router's own has `Allow`, a handler's has a body, a proxy's
/// is a rule without headers.
fn is_silent(response: &Response) -> bool {
    let head = &response.head;
    (200..300).contains(&response.status)
        && (response.status == 204 || server::has_no_body(response))
        && !has_run(head)
        && !head.has(Name::AcAllowOrigin)
        && !head.has(Name::Allow)
        && server::recognise(response).edge.is_none_or(|edge| is_handed_on(response, edge))
}

/// nginx sends what comes without length in chunks; what it answers itself has a length, and its 200 a type, as Apache's has.
fn is_handed_on(response: &Response, edge: Stack) -> bool {
    let head = &response.head;
    let typed = matches!(edge, Stack::Nginx | Stack::Apache);
    response.status == 200 && !head.has(Name::ContentType) && (typed || head.has(Name::TransferEncoding))
}

/// Whether a preflight's origin alone can be what is refused: it asks for no header that a list may lack.
fn asks_for_no_header(request: &Request) -> bool {
    let asked = request.head.joined(Name::AcRequestHeaders).unwrap_or_default();
    list_items(&asked).all(|item| item.eq_ignore_ascii_case(b"content-type"))
}

/// Tomcat's `CorsFilter`: 403, declared as text, and then no text.
pub(super) fn is_tomcats(response: &Response) -> bool {
    response.status == 403
        && response.body_start == BodyStart::Unseen
        && response.head.first(Name::ContentLength) == Some(b"0")
        && response.head.first(Name::ContentType).is_some_and(|k| k.starts_with(b"text/plain"))
}

/// `BlackSheep` says in a field what its rules do not allow.
fn said_in_a_field(head: &Head) -> Option<Cause> {
    let said = head.first(Name::CorsError)?;
    let says = |word: &[u8]| said.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    if says(b"the origin") {
        Some(Cause::OriginNotListed)
    } else if says(b"the method") {
        Some(Cause::MethodNotListed)
    } else {
        says(b"header").then_some(Cause::HeaderNotListed)
    }
}

fn is_cacheable(request: &Request) -> bool {
    matches!(request.head.method(), b"GET" | b"HEAD")
}

/// Evidence that a cache gave this answer.
pub(super) fn is_hit(head: &Head) -> bool {
    let says_hit = |name: Name| {
        head.all(name).any(|v| v.windows(3).any(|w| w.eq_ignore_ascii_case(b"hit")) || v.eq_ignore_ascii_case(b"stale"))
    };
    // Varnish says 0 of what it handed through
    let aged = head
        .first(Name::Age)
        .is_some_and(|v| !v.is_empty() && v.iter().all(u8::is_ascii_digit) && v.iter().any(|digit| *digit != b'0'));
    // Varnish: two numbers, of this request and of the one that filled the cache
    let varnish = head.first(Name::XVarnish).is_some_and(|v| v.contains(&b' '));
    says_hit(Name::XCache) || says_hit(Name::XCacheStatus) || says_hit(Name::CfCacheStatus) || aged || varnish
}

/// An error page that the proxy wrote itself, as far as one can tell.
fn is_own_page(response: &Response) -> bool {
    response.status >= 400
        && matches!(response.body_start, BodyStart::Markup | BodyStart::Unseen)
        && response.head.first(Name::ContentType).is_none_or(|v| v.starts_with(b"text/html"))
}

/// A page that a development server serves.
fn is_development(origin: &[u8]) -> bool {
    let text = std::str::from_utf8(origin).unwrap_or_default();
    text.split_once("://").and_then(|(_, rest)| split_host_port(rest)).is_some_and(|(host, port)| {
        let port = port.and_then(|p| p.parse().ok());
        is_loopback_host(host) || (is_unpublished(host) && port.is_some_and(|p| DEVELOPMENT_PORTS.contains(&p)))
    })
}

/// An address, or a name that no public server has. Whoever has a public name serves his page in earnest, whatever its port.
fn is_unpublished(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.starts_with('[')
        || last.bytes().all(|b| b.is_ascii_digit())
        || last == host
        || matches!(last, "local" | "test" | "localhost" | "internal")
}

/// An origin that may be pasted into a configuration: nothing but scheme, host and port.
fn pasteable(origin: &[u8]) -> Option<&str> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/' | b'[' | b']');
    let has_scheme = || origin.windows(3).any(|part| part == b"://");
    let fits = origin == b"null" || (origin.len() <= 270 && origin.iter().all(plain) && has_scheme());
    if fits { std::str::from_utf8(origin).ok() } else { None }
}
