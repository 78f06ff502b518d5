//! The numbers in rules' conditions, which `[rules.ID]` of the configuration may set (VERDICTS.md §8 and §9).

use super::Rule;

macro_rules! thresholds {
    ($($(#[doc = $doc:literal])+ $variant:ident = ($rule:ident, $name:literal, $default:literal)),+ $(,)?) => {
        /// A number that a rule compares with; `[rules.ID]` of the configuration may change it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Threshold { $($(#[doc = $doc])+ $variant),+ }

        impl Threshold {
            /// Each threshold: its rule, its name in the configuration, its default, what it means.
            pub const ALL: &'static [(Threshold, Rule, &'static str, f64, &'static str)] =
                &[$((Threshold::$variant, Rule::$rule, $name, $default, concat!($($doc),+))),+];
        }
    };
}

thresholds! {
    /// foreign sites accepted with credentials, none refused, from which an endpoint counts as echoing
    ReflectedCredentialsSites = (OriginReflectedCredentials, "sites_min", 5.0),
    /// foreign sites accepted, none refused, from which an endpoint counts as echoing
    ReflectedSites = (OriginReflected, "sites_min", 5.0),
    /// sites echoed with credentials, none refused
    EmergencySites = (EmergencyMode, "sites_min", 5.0),
    /// different header lists echoed
    EmergencyHeaderSets = (EmergencyMode, "header_sets_min", 2.0),
    /// subdomains of one site accepted with credentials
    SubdomainHosts = (SubdomainTrust, "hosts_min", 6.0),
    /// transactions of one foreign origin with credentials
    ThirdPartyTransactions = (ThirdPartyTrust, "transactions_min", 5.0),
    /// origins accepted with credentials on one host
    ManyOrigins = (CredentialsManyOrigins, "origins_min", 10.0),
    /// error answers without CORS to origins that the endpoint accepts
    ErrorAnswers = (CorsMissingOnErrors, "answers_min", 2.0),
    /// preflights answered 401, 403 or 407
    PreflightNeedsAuth = (PreflightNeedsAuth, "preflights_min", 2.0),
    /// preflights answered 404, 405 or 501
    PreflightNoRoute = (PreflightNoRoute, "preflights_min", 2.0),
    /// preflights answered by a redirect
    PreflightRedirected = (PreflightRedirected, "preflights_min", 2.0),
    /// preflights answered 429 or 5xx, or not at all
    PreflightFailing = (PreflightFailing, "preflights_min", 2.0),
    /// transactions in which preflight and actual disagree
    Disagreements = (AllowListsDisagree, "transactions_min", 2.0),
    /// cross-origin requests seen before an unused method counts as unused
    MethodsActuals = (MethodsTooBroad, "actuals_min", 100.0),
    /// different header lists echoed
    HeaderSets = (HeadersTooBroad, "header_sets_min", 3.0),
    /// requests, none with credentials, before Allow-Credentials counts as not needed
    AcacRequests = (AcacNotNeeded, "requests_min", 200.0),
    /// preflights of one client for one endpoint in 10 minutes
    PreflightsNotCached = (PreflightNotCached, "preflights_min", 20.0),
    /// longest useful Access-Control-Max-Age in seconds
    MaxAge = (MaxAgeTooLong, "seconds_max", 86400.0),
    /// answers that all name the target itself
    SelfOnlyAnswers = (AcaoSelfOnly, "answers_min", 20.0),
    /// seconds between a refused cors request and a no-cors one
    OpaqueSeconds = (OpaqueMisuse, "seconds_max", 60.0),
    /// different origins from one client in 10 minutes
    EnumerationOrigins = (OriginEnumeration, "origins_min", 8.0),
    /// of them never sent by anybody else
    EnumerationOwn = (OriginEnumeration, "own_min", 2.0),
    /// kinds of origin pattern from one client in 10 minutes
    ReflectionKinds = (OriginReflectionTest, "kinds_min", 2.0),
    /// preflights of different path and method without an actual in 5 minutes
    SweepPairs = (PreflightSweep, "pairs_min", 15.0),
    /// different methods asked for one path
    SweepMethods = (PreflightSweep, "methods_min", 5.0),
    /// forged preflights in 10 minutes
    ForgedPreflights = (PreflightForged, "preflights_min", 3.0),
    /// writes without their preflight in 10 minutes
    WritesNoPreflight = (CrossSiteWriteNoPreflight, "requests_min", 2.0),
    /// requests that need a preflight, from a client that never sent one
    WritesNeverAsked = (CrossSiteWriteNoPreflight, "never_asked_min", 20.0),
    /// clients on one path, over a day or more, from which a form post is a usual return
    FormReturnClients = (CsrfFormPost, "return_clients_min", 10.0),
    /// odd requests in 10 minutes for medium severity
    InconsistentRequests = (SecFetchInconsistent, "requests_min", 2.0),
    /// clients with the same oddity from which a proxy is to blame
    InconsistentClients = (SecFetchInconsistent, "clients_max", 5.0),
    /// odd Origins in 10 minutes
    NotSerialised = (OriginNotSerialised, "requests_min", 2.0),
    /// private hosts or ports called by one page in 2 minutes
    PrivateTargets = (PrivateNetworkProbe, "targets_min", 3.0),
    /// the same, for high severity
    PrivateTargetsHigh = (PrivateNetworkProbe, "targets_high_min", 5.0),
    /// requests varying only in their query in 60 seconds
    LeakRequests = (XsLeakTiming, "requests_min", 30.0),
    /// WebSocket connections of an origin from which it is known
    SocketUses = (WsHijack, "known_uses_min", 5.0),
    /// clients of an origin from which it is known
    SocketClients = (WsHijack, "known_clients_min", 3.0),
    /// cache-busting queries with a foreign Origin or X-Forwarded-Host
    PoisonQueries = (CachePoisonProbe, "queries_min", 3.0),
    /// private hosts read by one foreign origin in 10 minutes
    HarvestHosts = (InternalCorsHarvest, "hosts_min", 3.0),
}

impl Rule {
    /// The rule's numbers: name in the configuration, default, meaning.
    pub fn thresholds(self) -> impl Iterator<Item = (&'static str, f64, &'static str)> {
        Threshold::ALL
            .iter()
            .filter(move |t| t.1 == self)
            .map(|(_, _, name, default, means)| (*name, *default, means.trim()))
    }
}
