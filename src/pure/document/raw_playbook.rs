//! What does `playbooks/NAME.yaml` say, as typed? Shapes only; `playbook` says what they mean.
//!
//! The doc comments here are the descriptions of the JSON Schema, so they speak to whoever writes
//! the file.

use super::field::{Field, Spanned};
use super::leaf::{CronText, Indicator, Length, Name, Network, Ports, Sentence, Share, Size, Title};
use crate::pure::playbook::MailEvent;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A playbook: how tickets of one kind are worked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "allclear playbook")]
pub struct RawPlaybook {
    /// The playbook's name: that of the file, without its ending.
    pub playbook: Field<String>,
    /// Its name in mails; left out, the name.
    pub title: Option<Spanned<Title>>,
    /// A new ticket whose report names one of these gets this playbook.
    #[schemars(extend("default" = [], "items" = {"type": "string", "pattern": "\\S"}))]
    pub malware: Option<Spanned<Vec<Spanned<String>>>>,
    /// What to look for, by name. `reported` is always there: what the ticket's own reports name.
    #[schemars(extend("propertyNames" = {"not": {"const": "reported"}}))]
    pub watchlists: Option<Spanned<BTreeMap<String, Field<RawWatchlist>>>>,
    /// Runs while a ticket is in `reported` or `located`.
    pub locate: Field<RawStage>,
    /// Runs while a ticket is in `verifying`, and in the watch after `clean`.
    pub verify: Field<RawStage>,
    /// Needs no ticket: contacts open one.
    pub detect: Option<Spanned<RawStage>>,
    /// What a run needs in order to pass.
    pub judge: Option<Spanned<RawJudge>>,
    /// What a ticket needs in order to be clean.
    pub clean: Option<Spanned<RawClean>>,
    /// What people do and sign, each `item: text`.
    #[schemars(extend("default" = [], "items" = {
        "type": "object", "minProperties": 1, "maxProperties": 1,
        "additionalProperties": {"type": "string", "pattern": "\\S"}
    }))]
    pub checklist: Option<Spanned<RawChecklist>>,
    /// When a ticket is overdue.
    pub due: Option<Spanned<RawDue>>,
    /// Who gets mail about what.
    #[schemars(extend("default" = []))]
    pub notify: Option<Spanned<Vec<Spanned<RawNotify>>>>,
}

/// Entries of one `item: text` each.
pub type RawChecklist = Vec<Spanned<BTreeMap<String, Spanned<Sentence>>>>;

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependencies" = {"max_age": ["file"]}, "anyOf" = anything()))]
pub struct RawWatchlist {
    /// Addresses and networks, each perhaps with a port of its own.
    #[serde(default)]
    pub addresses: Field<Vec<Spanned<Indicator>>>,
    /// Names, and every name below them, in DNS questions, TLS server names and HTTP Host.
    #[serde(default)]
    pub domains: Field<Vec<Spanned<Name>>>,
    /// Ports; with addresses both must hold, on their own on any address outside the site.
    #[serde(default)]
    pub ports: Field<Vec<Spanned<Ports>>>,
    /// A file with more entries, relative to this file; read again when it changes.
    #[serde(default)]
    pub file: Field<String>,
    /// Older than this, the file is stale and runs are inconclusive.
    pub max_age: Option<Spanned<Length>>,
    /// Addresses that are never a hit, at either end.
    pub except: Option<Spanned<Vec<Spanned<Network>>>>,
    /// Which hosts count: those that contacted any entry, or only those that contacted all.
    #[schemars(extend("default" = "any"))]
    pub require: Option<Spanned<RawRequire>>,
}

/// Any of the keys that name something, and in it something.
fn anything() -> Value {
    let list = |key: &str| json!({"required": [key], "properties": {key: {"minItems": 1}}});
    json!([list("addresses"), list("domains"), list("ports"), {"required": ["file"]}])
}

/// Which hosts count.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RawRequire {
    Any,
    All,
}

/// When to capture, what, and what to look for. Exactly one of cron and every.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["cron"]}, {"required": ["every"]}]))]
pub struct RawStage {
    /// Five-field cron in the site's time zone.
    #[serde(default)]
    pub cron: Field<CronText>,
    /// Fires at the multiples of this duration since 1970-01-01T00:00Z.
    #[serde(default)]
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub every: Field<Length>,
    /// Each occurrence begins up to this much later.
    #[schemars(extend("default" = "0s"))]
    pub jitter: Option<Spanned<Length>>,
    /// What to capture.
    pub capture: Field<RawCapture>,
    /// Watchlists by name; `reported` is what the ticket's own reports name.
    #[schemars(extend("minItems" = 1))]
    pub r#match: Field<Vec<Spanned<String>>>,
    /// Whether the DNS block list is asked in each run.
    #[schemars(extend("default" = false))]
    pub listing: Option<Spanned<bool>>,
}

/// What to capture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCapture {
    /// For how long.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub r#for: Field<Length>,
    /// Stop after so many packets: a run that stops early is inconclusive.
    #[schemars(extend("minimum" = 1))]
    pub packets: Option<Spanned<u64>>,
    /// Stop after so many bytes: a run that stops early is inconclusive.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*(B|KiB|MiB|GiB|TiB)$"))]
    pub bytes: Option<Spanned<Size>>,
    /// A packet filter, pcap-filter(7), as in tcpdump.
    #[schemars(extend("pattern" = "\\S"))]
    pub filter: Option<Spanned<String>>,
    /// Which packets become evidence: those of hits (at most 64 MiB of a source), all that pass the filter
    /// (at most 64 GiB, and never the last GiB of the disk), or none.
    #[schemars(extend("default" = "hits"))]
    pub keep: Option<Spanned<RawKeep>>,
}

/// Which packets become evidence.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RawKeep {
    Hits,
    All,
    Nothing,
}

/// What a run needs in order to pass.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawJudge {
    /// Contacts by inside hosts that make a run fail.
    #[schemars(extend("default" = 1, "minimum" = 1))]
    pub fail_at: Option<Spanned<u64>>,
    /// Share of the planned time that must be watched, at least.
    #[schemars(extend("default" = "95%", "not" = {"pattern": "^[0.]*%$"}))]
    pub watched: Option<Spanned<Share>>,
    /// Packets that must be heard, at least.
    #[schemars(extend("default" = 1000))]
    pub heard: Option<Spanned<u64>>,
    /// Share of packets that may be lost, at most; left out, a known loss above 0.1% is too much and an unknown one is accepted.
    pub lost: Option<Spanned<Share>>,
    /// Whether every blamed host must have said something.
    #[schemars(extend("default" = true))]
    pub blamed_present: Option<Spanned<bool>>,
    /// That many inconclusive runs in a row are mailed.
    #[schemars(extend("default" = 3, "minimum" = 1, "maximum" = 4_294_967_295_u32))]
    pub inconclusive_row: Option<Spanned<u32>>,
}

/// What a ticket needs in order to be clean.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClean {
    /// Passes in a row, with no fail between.
    #[schemars(extend("default" = 5, "minimum" = 1, "maximum" = 4_294_967_295_u32))]
    pub passes: Option<Spanned<u32>>,
    /// Over at least this long.
    #[schemars(extend("default" = "7d"))]
    pub span: Option<Spanned<Length>>,
    /// The chance that a host that is still infected would have been seen.
    #[schemars(extend("default" = "99%", "not" = {"pattern": "^0*100(\\.0*)? *%$"}))]
    pub assurance: Option<Spanned<Share>>,
    /// How often this malware calls, until the ticket's own contacts tell better.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub contact_interval: Option<Spanned<Length>>,
    /// Whether the public address must be off the DNS block list.
    #[schemars(extend("default" = false))]
    pub unlisted: Option<Spanned<bool>>,
    /// How long a clean ticket is watched, with one verify a week, before it is closed.
    #[schemars(extend("default" = "30d"))]
    pub watch: Option<Spanned<Length>>,
}

/// When a ticket is overdue, and who is told. All of it is working time: holds and school breaks do not
/// count.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDue {
    /// From opening to locating.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub located: Option<Spanned<Length>>,
    /// From locating to cleaning.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub cleaned: Option<Spanned<Length>>,
    /// So long before the due date a reminder is mailed, or half of the limit where that is shorter.
    #[schemars(extend("default" = "1d"))]
    pub remind: Option<Spanned<Length>>,
    /// Who else is told of a ticket that is still overdue, each step later than the one before.
    #[schemars(extend("default" = []))]
    pub escalate: Option<Spanned<Vec<Spanned<RawEscalation>>>>,
}

/// A step of the escalation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEscalation {
    /// So long after the due date.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub after: Field<Length>,
    /// `coordinator`, or a mail address; besides those who get the event `overdue`.
    #[schemars(extend("minItems" = 1))]
    pub to: Field<Vec<Spanned<String>>>,
}

/// Who gets mail about what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawNotify {
    /// The events to mail.
    #[schemars(extend("minItems" = 1))]
    pub events: Field<Vec<Spanned<RawEvent>>>,
    /// `coordinator`, or a mail address.
    #[schemars(extend("minItems" = 1))]
    pub to: Field<Vec<Spanned<String>>>,
}

/// An event that can be mailed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RawEvent {
    Opened,
    Located,
    Reminder,
    Overdue,
    Relapsed,
    Inconclusive,
    Clean,
    Listed,
    Closed,
}

impl RawEvent {
    /// The event meant.
    pub fn meant(self) -> MailEvent {
        match self {
            RawEvent::Opened => MailEvent::Opened,
            RawEvent::Located => MailEvent::Located,
            RawEvent::Reminder => MailEvent::Reminder,
            RawEvent::Overdue => MailEvent::Overdue,
            RawEvent::Relapsed => MailEvent::Relapsed,
            RawEvent::Inconclusive => MailEvent::Inconclusive,
            RawEvent::Clean => MailEvent::Clean,
            RawEvent::Listed => MailEvent::Listed,
            RawEvent::Closed => MailEvent::Closed,
        }
    }
}
