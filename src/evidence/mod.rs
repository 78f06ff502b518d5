//! Evidence to hand on: for each cause and finding a small capture of just its packets, the verdicts as packet comments.
//!
//! The input is read three times, so that memory depends on what is cited and not on what is read: once by the replay itself,
//! which chooses the transactions to cite ([`Chosen`]); once by an engine of its own, which gives their places
//! ([`places`]); once to copy the packets ([`packets`]). What corstap would not keep of a message is masked byte by byte
//! ([`mask`]); lengths, sequence numbers and checksums stay consistent.

pub mod mask;
pub mod packets;
pub mod pcapng;
pub mod places;
mod rewritten;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::capture::keylog::KeyLog;
use crate::capture::merge::{Feed, FeedOptions};
use crate::catalog::Cause;
use crate::engine::Engine;
use crate::findings::shape_of;
use crate::limits::Limits;
use crate::options::EngineOptions;
use crate::record::{Finding, Transaction, TransactionId, Verdict};
use crate::report::shown;

/// Transactions in one file.
const CITED_MAX: usize = 20;
/// Of these, those of one target, method, path shape and reason: a file shows the spread of a mistake.
const ALIKE_MAX: u8 = 4;
/// Kinds counted for that, of one cause.
const KINDS_MAX: usize = 1000;
/// Files of findings; beyond that they are counted.
const FINDINGS_MAX: usize = 1000;

/// What one file is about.
#[derive(Debug, Default)]
struct Group {
    /// First line of the file's own comment.
    about: String,
    cited: Vec<TransactionId>,
    /// How many there were in all.
    count: u64,
    kinds: BTreeMap<String, u8>,
}

/// Chooses which transactions to cite, while a replay goes on.
#[derive(Debug, Default)]
pub struct Chosen {
    causes: BTreeMap<Cause, Group>,
    files: BTreeMap<String, Group>,
    findings_left_out: u64,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files, by name.
    pub files: Vec<PathBuf>,
    /// Packets in them, each counted once for each file.
    pub packets: u64,
    /// Findings that were too many to get a file.
    pub findings_left_out: u64,
    /// Transactions of which no packet was found again: the input has changed meanwhile.
    pub not_found: u64,
    /// Packets left out under a cap, or because their TCP payload lies in several IP fragments and cannot be masked in place.
    pub packets_left_out: u64,
}

impl Written {
    /// One line for a person.
    #[must_use]
    pub fn told(&self, dir: &Path, raw: bool) -> String {
        let kept = if raw { "as captured: secrets and all" } else { "what may be secret is masked" };
        let mut parts = vec![format!(
            "evidence: {} files with {} packets in {}, {kept}",
            self.files.len(),
            self.packets,
            dir.display()
        )];
        for (count, what) in [
            (self.findings_left_out, "findings were too many for a file of their own"),
            (self.not_found, "transactions were not found again: has the input changed?"),
            (self.packets_left_out, "packets left out: fragmented, or too many"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join("; ")
    }
}

impl Chosen {
    /// Takes a transaction: a refused one may be cited for its cause.
    pub fn on_transaction(&mut self, t: &Transaction) {
        if t.verdict != Verdict::Blocked {
            return;
        }
        let Some(cause) = t.cause else { return };
        let group = self.causes.entry(cause).or_default();
        group.count += 1;
        if group.cited.len() >= CITED_MAX {
            return;
        }
        let reason = t.reason.map_or("", crate::catalog::Reason::id);
        let kind = format!("{} {} {} {reason}", t.method, t.target_origin, shape_of(&t.path));
        if group.kinds.len() >= KINDS_MAX && !group.kinds.contains_key(&kind) {
            return;
        }
        let alike = group.kinds.entry(kind).or_default();
        if *alike < ALIKE_MAX {
            *alike += 1;
            group.cited.push(t.id);
        }
    }

    /// No more transactions will come: takes the findings in their last state.
    pub fn on_findings<'a>(&mut self, findings: impl IntoIterator<Item = &'a Finding>) {
        for (cause, mut group) in std::mem::take(&mut self.causes) {
            group.about = format!("cause {}: {} refused, {} of them here", cause.id(), group.count, group.cited.len());
            self.files.insert(format!("cause-{}.pcapng", cause.id()), group);
        }
        for finding in findings.into_iter().filter(|f| !f.evidence.is_empty()) {
            if self.files.len() >= FINDINGS_MAX {
                self.findings_left_out += 1;
                continue;
            }
            let about = format!(
                "finding {}: {}, severity {}, {}, {} times: {}. {}",
                finding.id,
                finding.rule,
                finding.severity,
                finding.confidence,
                finding.count,
                finding.subject,
                finding.detail
            );
            let cited = finding.evidence.iter().copied().take(CITED_MAX).collect();
            let group = Group { about, cited, ..Group::default() };
            self.files.insert(format!("finding-{}-{}.pcapng", finding.rule.id(), finding.id), group);
        }
    }

    /// Reads the input again and writes the files into `dir`, which is made where it is missing.
    ///
    /// # Errors
    /// A file in the directory, which must be there ([`make_directory`]), could not be written.
    pub fn write(
        &self,
        dir: &Path,
        inputs: &[PathBuf],
        options: &EngineOptions,
        key_log: Option<&Path>,
        raw: bool,
    ) -> anyhow::Result<Written> {
        let wanted: BTreeSet<TransactionId> = self.files.values().flat_map(|g| g.cited.iter().copied()).collect();
        let places = find(&wanted, inputs, options, key_log, raw)?;
        let mut copied = packets::copy(&places, inputs);
        if !raw {
            copied.mask(&places);
        }
        let mut written = Written {
            findings_left_out: self.findings_left_out,
            not_found: (wanted.len() - places.cited()) as u64,
            packets_left_out: copied.left_out,
            ..Written::default()
        };
        for (name, group) in &self.files {
            let mut comment = format!("corstap {}. {}", env!("CARGO_PKG_VERSION"), shown(&group.about));
            if !raw {
                comment.push_str(
                    ". Masked: bodies, other messages on the same connections, and every header value and query value that may \
                     be a secret read X; checksums fit the masked bytes",
                );
            }
            let bytes = copied.file(&places, &group.cited, &comment);
            let path = dir.join(name);
            fs::write(&path, &bytes.bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
            written.packets += bytes.packets;
            written.files.push(path);
        }
        Ok(written)
    }
}

/// Makes the directory, if it is not there, and tries whether files can be made in it.
///
/// # Errors
/// It cannot be made, or nothing can be written there.
pub fn make_directory(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let tried = dir.join(format!(".corstap-{}", std::process::id()));
    let made = fs::File::options().write(true).create_new(true).open(&tried).and_then(|_| fs::remove_file(&tried));
    made.with_context(|| format!("{}: nothing can be written there", dir.display()))
}

/// The second reading: where the wanted transactions' messages lie.
fn find(
    wanted: &BTreeSet<TransactionId>,
    inputs: &[PathBuf],
    options: &EngineOptions,
    key_log: Option<&Path>,
    raw: bool,
) -> anyhow::Result<places::Places> {
    let mut places = places::Places::new(&options.sensor, raw, wanted.clone());
    if wanted.is_empty() {
        return Ok(places);
    }
    let mut engine = Engine::new(&Limits::offline(), options);
    if let Some(path) = key_log {
        let read = KeyLog::new(path).read_all(|text| engine.add_keys(text));
        read.with_context(|| format!("{}: cannot be read again", path.display()))?;
    }
    let mut feed = Feed::open(inputs, FeedOptions::default());
    while let Some((packet, secrets)) = feed.next_with_secrets() {
        if !secrets.is_empty() {
            engine.add_keys(secrets);
        }
        engine.on_packet(&packet, &mut places);
    }
    engine.finish(&mut places);
    places.close();
    Ok(places)
}
