//! What the engine's records add up to, under labels that never grow with what strangers send.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::catalog::{Cause, Reason, Rule, Severity};
use crate::options::SiteOptions;
use crate::record::{Phase, Site, Transaction, Verdict};

/// Target origins that get a label by giving an answer below 400, beside those that the operator listed.
const TARGETS_MAX: usize = 64;
/// Page origins that get a label by being allowed, where the operator listed none.
const ORIGINS_MAX: usize = 32;
/// Series of `corstap_rejections_total` (CONTRACT.md).
pub(super) const REJECTION_SERIES_MAX: usize = 1000;
/// Series of `corstap_rejection_causes_total`: all causes of `other`, and two or three for each target.
const CAUSE_SERIES_MAX: usize = 150;
/// Combinations of rule and severity, each of which is a series of `corstap_findings_total` and of
/// `corstap_findings_active`. A rule has two or three severities at most.
const FINDING_SERIES_MAX: usize = 150;
/// Bytes of a label's value.
const LABEL_BYTES_MAX: usize = 256;
/// Number of a label value; 0 is `other`.
pub(super) type Label = u16;
const OTHER: Label = 0;

/// The values that one label may take.
#[derive(Debug, Clone)]
pub(super) struct LabelSet {
    values: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, Label, RandomState>,
    room: usize,
    pub(super) overflow: u64,
}

impl LabelSet {
    fn new(listed: &[String], more: usize) -> Self {
        let mut set = LabelSet {
            values: vec!["other".into()],
            numbers: HashMap::default(),
            room: listed.len() + more,
            overflow: 0,
        };
        for value in listed {
            set.admit(&Arc::from(value.as_str()));
        }
        set
    }

    /// Gives a listed value a label of its own. Some: it is new.
    fn list(&mut self, value: &str) -> Option<Label> {
        if self.numbers.contains_key(value) {
            return None;
        }
        self.room += 1;
        self.admit(&Arc::from(value))
    }

    /// Gives the value a label, while there is room. Some: it is new.
    fn admit(&mut self, value: &Arc<str>) -> Option<Label> {
        if self.numbers.len() < self.room && value.len() <= LABEL_BYTES_MAX && !self.numbers.contains_key(value) {
            let number = Label::try_from(self.values.len()).ok()?;
            self.values.push(Arc::clone(value));
            self.numbers.insert(Arc::clone(value), number);
            return Some(number);
        }
        None
    }

    /// The number of every value, `other` first.
    fn all(&self) -> Vec<Label> {
        (0..self.values.len()).filter_map(|n| Label::try_from(n).ok()).collect()
    }

    fn of(&mut self, value: Option<&str>) -> Label {
        let number = value.and_then(|v| self.numbers.get(v)).copied().unwrap_or(OTHER);
        self.overflow += u64::from(number == OTHER);
        number
    }

    pub(super) fn text(&self, number: Label) -> &str {
        self.values.get(usize::from(number)).map_or("other", |v| v)
    }
}

/// What the engine's records add up to.
#[derive(Debug, Clone)]
pub struct Tallies {
    pub(super) transactions: BTreeMap<(Verdict, Site), u64>,
    pub(super) by_target: BTreeMap<(Label, Verdict), u64>,
    pub(super) preflights: BTreeMap<Verdict, u64>,
    pub(super) rejections: BTreeMap<(Reason, Phase, Label, Label), u64>,
    pub(super) rejections_overflow: u64,
    pub(super) causes: BTreeMap<(Cause, Label), u64>,
    pub(super) causes_overflow: u64,
    pub(super) after_effect: BTreeMap<Label, u64>,
    pub(super) findings: BTreeMap<(Rule, Severity), u64>,
    pub(super) findings_overflow: u64,
    pub(super) active: BTreeMap<(Rule, Severity), u64>,
    pub(super) targets: LabelSet,
    pub(super) origins: LabelSet,
}

impl Tallies {
    /// Nothing seen yet; known combinations stand at 0.
    #[must_use]
    pub fn new(site: &SiteOptions) -> Self {
        let origins_more = if site.origins.is_empty() { ORIGINS_MAX } else { 0 };
        let every = |verdict| Site::ALL.iter().map(move |site| ((verdict, *site), 0));
        let rejections = Reason::ALL.iter().flat_map(|r| phases(*r).iter().map(|p| ((*r, *p, OTHER, OTHER), 0)));
        let mut tallies = Tallies {
            transactions: Verdict::ALL.iter().copied().flat_map(every).collect(),
            by_target: BTreeMap::new(),
            preflights: [Verdict::Allowed, Verdict::Blocked, Verdict::Undecided].into_iter().map(|v| (v, 0)).collect(),
            rejections: rejections.collect(),
            rejections_overflow: 0,
            causes: Cause::ALL.iter().map(|cause| ((*cause, OTHER), 0)).collect(),
            causes_overflow: 0,
            after_effect: BTreeMap::new(),
            findings: Rule::ALL.iter().map(|rule| ((*rule, rule.entry().severity), 0)).collect(),
            findings_overflow: 0,
            active: BTreeMap::new(),
            targets: LabelSet::new(&site.targets, TARGETS_MAX),
            origins: LabelSet::new(&site.origins, origins_more),
        };
        for target in tallies.targets.all() {
            tallies.begin_target(target);
        }
        tallies
    }

    /// The operator lists these now. Names listed before keep their labels: a series does not end.
    pub(super) fn configure(&mut self, site: &SiteOptions) {
        for target in &site.targets {
            if let Some(new) = self.targets.list(target) {
                self.begin_target(new);
            }
        }
        for origin in &site.origins {
            self.origins.list(origin);
        }
    }

    /// A target's series begin at 0: Prometheus sees no increase in a series' first sample.
    fn begin_target(&mut self, target: Label) {
        self.after_effect.insert(target, 0);
        for verdict in [Verdict::Allowed, Verdict::Blocked, Verdict::Undecided] {
            self.by_target.insert((target, verdict), 0);
        }
    }

    pub(super) fn on_transaction(&mut self, t: &Transaction) {
        *self.transactions.entry((t.verdict, t.site)).or_default() += 1;
        if let Some(preflight) = &t.preflight {
            *self.preflights.entry(preflight.leg.verdict).or_default() += 1;
        }
        let legs = t.preflight.iter().map(|p| &p.leg).chain(&t.actual);
        if legs.into_iter().any(|leg| leg.status.is_some_and(|status| (200..400).contains(&status)))
            && let Some(new) = self.targets.admit(&t.target_origin)
        {
            self.begin_target(new);
        }
        if t.verdict == Verdict::NotCors {
            return;
        }
        let target = self.targets.of(Some(&t.target_origin));
        *self.by_target.entry((target, t.verdict)).or_default() += 1;
        match (t.verdict, &t.origin) {
            (Verdict::Allowed, Some(origin)) => {
                self.origins.admit(origin);
            }
            (Verdict::Blocked, _) => self.on_rejection(t, target),
            _ => {}
        }
    }

    fn on_rejection(&mut self, t: &Transaction, target: Label) {
        let (Some(reason), Some(phase)) = (t.reason, t.phase) else { return };
        let origin = self.origins.of(t.origin.as_deref());
        let full = self.rejections.len() >= REJECTION_SERIES_MAX;
        let mut key = (reason, phase, target, origin);
        if full && !self.rejections.contains_key(&key) {
            self.rejections_overflow += 1;
            key = (reason, phase, OTHER, OTHER);
        }
        *self.rejections.entry(key).or_default() += 1;
        let full = self.causes.len() >= CAUSE_SERIES_MAX;
        let mut key = (t.cause.unwrap_or(Cause::Unknown), target);
        if full && !self.causes.contains_key(&key) {
            self.causes_overflow += 1;
            key.1 = OTHER;
        }
        *self.causes.entry(key).or_default() += 1;
        if t.blocked_after_effect {
            *self.after_effect.entry(target).or_default() += 1;
        }
    }

    /// A finding is new. Above the cap it counts under another severity of its rule, or not at all but as overflow.
    pub(super) fn on_finding(&mut self, rule: Rule, severity: Severity) {
        if self.findings.len() < FINDING_SERIES_MAX || self.findings.contains_key(&(rule, severity)) {
            *self.findings.entry((rule, severity)).or_default() += 1;
            return;
        }
        self.findings_overflow += 1;
        if let Some(sibling) = self.findings.range_mut((rule, Severity::Info)..=(rule, Severity::Critical)).next() {
            *sibling.1 += 1;
        }
    }

    /// Transactions by verdict.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<&'static str, u64> {
        let mut sums = BTreeMap::new();
        for ((verdict, _), n) in &self.transactions {
            *sums.entry(verdict.id()).or_default() += n;
        }
        sums
    }

    /// Refusals that took effect on the server.
    #[must_use]
    pub fn after_effect_total(&self) -> u64 {
        self.after_effect.values().sum()
    }

    /// Active findings by severity.
    #[must_use]
    pub fn findings_active(&self) -> BTreeMap<&'static str, u64> {
        let mut sums: BTreeMap<_, _> = Severity::ALL.iter().map(|severity| (severity.id(), 0)).collect();
        for ((_, severity), n) in &self.active {
            *sums.entry(severity.id()).or_default() += n;
        }
        sums
    }

    /// Targets with how their transactions ended.
    #[must_use]
    pub fn targets(&self) -> Vec<BTreeMap<&'static str, serde_json::Value>> {
        let row = |target: Label| {
            let ended = |verdict| self.by_target.get(&(target, verdict)).copied().unwrap_or(0);
            let mut row = BTreeMap::from([("target_origin", self.targets.text(target).into())]);
            for verdict in [Verdict::Allowed, Verdict::Blocked, Verdict::Undecided] {
                row.insert(verdict.id(), ended(verdict).into());
            }
            row
        };
        self.targets.all().into_iter().map(row).collect()
    }

    /// Sets what is active now, of the series that there are.
    pub(super) fn set_active(&mut self, active: impl Iterator<Item = (Rule, Severity)>) {
        self.active = self.findings.keys().map(|key| (*key, 0)).collect();
        for key in active {
            if let Some(n) = self.active.get_mut(&key) {
                *n += 1;
            }
        }
    }
}

/// Where a reason can be met: doubts nowhere.
pub(super) fn phases(reason: Reason) -> &'static [Phase] {
    match reason {
        Reason::MissingAllowOrigin
        | Reason::WildcardWithCredentials
        | Reason::MultipleAllowOrigin
        | Reason::InvalidAllowOrigin
        | Reason::AllowOriginMismatch
        | Reason::MissingAllowCredentials => &[Phase::Preflight, Phase::Actual],
        Reason::PreflightRedirect
        | Reason::PreflightStatus
        | Reason::InvalidAllowMethods
        | Reason::InvalidAllowHeaders
        | Reason::MethodNotAllowed
        | Reason::HeaderNotAllowed
        | Reason::PrivateNetworkNotAllowed
        | Reason::PreflightUnanswered => &[Phase::Preflight],
        Reason::RedirectContainsCredentials
        | Reason::DisabledScheme
        | Reason::TooManyRedirects
        | Reason::ActualUnanswered => &[Phase::Actual],
        Reason::CredentialsUnknown
        | Reason::ModeUnknown
        | Reason::TargetUnknown
        | Reason::FamilyUnknown
        | Reason::NotModified
        | Reason::ResponseNotCaptured
        | Reason::RequestNotCaptured
        | Reason::ActualNotSeen
        | Reason::RedirectLeftView
        | Reason::RedirectNotFollowed
        | Reason::ExtensionOrigin => &[],
    }
}
