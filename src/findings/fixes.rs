//! What to change, in a sentence for each rule (VERDICTS.md §8, column "fix").

use crate::catalog::Rule;

/// What to change; for probing, what to look at.
#[must_use]
pub fn fix_of(rule: Rule) -> &'static str {
    match rule {
        Rule::WildcardOnAuthorised => "answer with the exact origin from an allow-list instead of *",
        Rule::WildcardWithAcac => {
            "pick one: * without credentials, or the exact origin with them; credentialed calls fail as it is"
        }
        Rule::OriginReflectedCredentials => "compare Origin with an allow-list; never echo it",
        Rule::OriginReflected => "use an allow-list, or a static * if the data is public",
        Rule::EmergencyMode => "remove the emergency middleware; restore the allow-list, methods and headers",
        Rule::NullOriginAllowed => "refuse the origin null: any sandboxed frame has it",
        Rule::HttpOriginTrusted => "allow https origins only: whoever is on the network speaks for an http page",
        Rule::OriginMatchFlaw => "compare whole origins, not parts; anchor and escape patterns",
        Rule::SubdomainTrust => "list the hosts; one taken-over subdomain would be trusted",
        Rule::ThirdPartyTrust => "review whether this origin needs credentials; narrow it to the endpoints it uses",
        Rule::CredentialsManyOrigins => "split by endpoint: give each origin only what it uses",
        Rule::DevOriginInProduction => "keep one allow-list per environment",
        Rule::MissingVaryOrigin => "always send Vary: Origin, also on answers without Access-Control-Allow-Origin",
        Rule::VaryOriginUnstable => "append Origin to Vary, do not overwrite it",
        Rule::CachedAcaoMismatch => "put Origin into the cache key (Vary: Origin), then purge",
        Rule::CdnStripsHeaders => "let the cache or response-header policy pass the CORS fields and Vary",
        Rule::DuplicateCorsHeaders => {
            "give the field one owner: the proxy replaces it, or only the application sets it"
        }
        Rule::CorsMissingOnErrors => "send CORS fields on errors too: CORS code outermost, nginx add_header … always",
        Rule::PreflightNeedsAuth => "answer OPTIONS before the layer that asks for a login",
        Rule::PreflightNoRoute => "give OPTIONS a route, before the router or the method filter",
        Rule::PreflightRedirected => "answer OPTIONS before redirects; call the final URL",
        Rule::PreflightFailing => "answer OPTIONS 204 before limiters and the application",
        Rule::AllowListsDisagree => "use one policy for the preflight and for the actual answer",
        Rule::BlockedAfterEffect => "mend the headers; make the call idempotent, since users will retry",
        Rule::MethodsTooBroad => "list the methods that are used",
        Rule::HeadersTooBroad => "list the headers that are used",
        Rule::AuthorizationUnderWildcard => "list authorization by name: * is not to cover it",
        Rule::AcacNotNeeded => "drop Access-Control-Allow-Credentials",
        Rule::PreflightNotCached => "send Access-Control-Max-Age between 600 and 7200",
        Rule::MaxAgeTooLong => "at most 7200: browsers cap what is longer",
        Rule::MaxAgeInvalid => "one field, digits only, at most 7200",
        Rule::CookieNoneInsecure => "add Secure: browsers drop the cookie without it",
        Rule::CookieNotReturnable => "add SameSite=None; Secure, or do not set it here: it never comes back",
        Rule::CookieReadable => "add HttpOnly",
        Rule::CrossSiteWriteAccepted => "check Origin or Sec-Fetch-Site, or use a CSRF token",
        Rule::SimpleJsonPost => "demand Content-Type: application/json, so that a preflight asks first",
        Rule::OpaqueMisuse => "mend the CORS fields; no-cors only hides the answer",
        Rule::CorsHeaderInRequest => {
            "remove Access-Control-Allow-* from the page's request: it only forces a preflight"
        }
        Rule::AcaoSelfOnly => "name the page's origin, not the target's own",
        Rule::PolicyUnsafe => "tighten the policy: same-site or same-origin",
        Rule::DeprecatedHeaders => "drop the field: no browser reads it",
        Rule::PnaHeaderMissing => {
            "send Access-Control-Allow-Private-Network: true to old Chromium; none is needed from 142 on"
        }
        Rule::ClientIgnoresPreflight => "look at the client: it went on though its preflight was refused",
        Rule::HostConflict => "look at the client or the proxy that sends two Host fields",
        Rule::OriginEnumeration | Rule::OriginReflectionTest | Rule::ScannerUserAgent | Rule::OriginNotSerialised => {
            "find out who tests; list own scanners; see whether any of these origins was accepted"
        }
        Rule::PreflightSweep | Rule::PreflightForged => "find out who asks; limit OPTIONS per client if it goes on",
        Rule::CrossSiteWriteNoPreflight => "do not rely on preflights: check Origin and a CSRF token on the server",
        Rule::CsrfFormPost => "check Origin or Sec-Fetch-Site on forms, set cookies SameSite=Lax, use a CSRF token",
        Rule::SecFetchInconsistent => "look at the client, or at a proxy that drops or rewrites Sec-Fetch fields",
        Rule::DnsRebinding => "answer only to the names you know (check Host); bind to loopback; ask for a login",
        Rule::PrivateNetworkProbe => "find out which page does it; close these ports to browsers",
        Rule::XsLeakTiming => {
            "set cookies SameSite=Lax; check Sec-Fetch-Site on endpoints whose timing tells something"
        }
        Rule::WsHijack => "check Origin at the WebSocket handshake",
        Rule::CachePoisonProbe => "put Origin and X-Forwarded-Host into the cache key, or drop them at the edge; purge",
        Rule::InternalCorsHarvest => "take the origin off the inside's allow-lists; find out what was read",
        Rule::CredentialTarget => "stop echoing origins now; end this user's sessions; find out what was read",
    }
}
