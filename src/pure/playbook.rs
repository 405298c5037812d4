//! How are tickets of one kind worked? A playbook as meant.
//!
//! Read by `document`, used by `schedule`, `plan`, `verdict` and `ticket`. Every value here has
//! been checked.

pub use crate::pure::mail_event::MailEvent;
use crate::pure::schedule::Schedule;
use crate::pure::site::{Site, SiteFile, Source};
use crate::pure::watchlist::Watchlist;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The watchlist's name for what a ticket's own reports name.
pub const REPORTED: &str = "reported";

/// Everything that people wrote, checked: one site file and the playbooks beside it.
#[derive(Clone, Debug)]
pub struct Library {
    pub site_file: SiteFile,
    pub playbooks: BTreeMap<String, Playbook>,
}

impl Library {
    /// The sources of a site, in the order in which it names them.
    pub fn sources_of<'a>(&'a self, site: &'a Site) -> impl Iterator<Item = &'a Source> {
        site.sources.iter().filter_map(|name| self.site_file.sources.get(name))
    }

    /// The playbook whose `malware` names this one, whole or as a word of it ("W32.Conficker.C" is
    /// conficker); letter case does not matter.
    pub fn playbook_for(&self, malware: &str) -> Option<&Playbook> {
        let malware = malware.to_lowercase();
        let has_word = |name: &String| {
            *name == malware || malware.split(|c: char| !c.is_alphanumeric()).any(|word| word == name)
        };
        self.playbooks.values().find(|playbook| playbook.malware.iter().any(has_word))
    }

    /// The site that `address` is a public address of.
    pub fn site_with_public(&self, address: IpAddr) -> Option<&Site> {
        self.site_file.sites.values().find(|site| site.has_public(address))
    }
}

/// The whole of `playbooks/NAME.yaml`.
#[derive(Clone, Debug)]
pub struct Playbook {
    pub path: PathBuf,
    pub name: String,
    pub title: String,
    /// Malware names, lower case, whose new tickets get this playbook.
    pub malware: Vec<String>,
    pub watchlists: BTreeMap<String, Watchlist>,
    pub locate: Stage,
    pub verify: Stage,
    /// Needs no ticket; `None`: nobody looks without a report.
    pub detect: Option<Stage>,
    pub judge: JudgeCriteria,
    pub clean: CleanCriteria,
    pub checklist: Vec<ChecklistItem>,
    pub due: Due,
    pub notify: Vec<Notify>,
}

impl Playbook {
    /// The stages that it has, in their order, each with its name.
    pub fn stages(&self) -> impl Iterator<Item = (StageName, &Stage)> {
        let names = [StageName::Detect, StageName::Locate, StageName::Verify];
        names.into_iter().filter_map(|name| Some((name, self.stage(name)?)))
    }

    /// The stage of that name; `None` for a `detect` that the playbook does not have.
    pub fn stage(&self, name: StageName) -> Option<&Stage> {
        match name {
            StageName::Detect => self.detect.as_ref(),
            StageName::Locate => Some(&self.locate),
            StageName::Verify => Some(&self.verify),
        }
    }
}

/// The parts of a playbook that have a schedule of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    Detect,
    Locate,
    Verify,
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StageName::Detect => "detect",
            StageName::Locate => "locate",
            StageName::Verify => "verify",
        })
    }
}

/// When to capture, what, and what to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub schedule: Schedule,
    /// Each occurrence begins up to this much later, the same for the same occurrence everywhere.
    pub jitter: Duration,
    pub capture: CaptureSettings,
    /// Watchlist names; `reported` is what the ticket's own reports name.
    pub watchlists: Vec<String>,
    /// Whether the DNSBL is asked in each run.
    pub has_listing: bool,
}

/// What to capture.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureSettings {
    /// How long (`for`).
    pub length: Duration,
    pub packets_max: Option<u64>,
    pub bytes_max: Option<u64>,
    /// pcap-filter(7).
    pub filter: Option<String>,
    pub keep: Keep,
}

/// Which packets become evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    #[default]
    Hits,
    All,
    Nothing,
}

/// `judge:` — what a run needs in order to pass.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeCriteria {
    /// Contacts by inside hosts that make a fail; at least 1.
    pub fail_at: u64,
    /// Share of the planned time that must be watched, 0 to 1.
    pub watched_min: f64,
    /// Packets that must be heard.
    pub heard_packets_min: u64,
    /// Share of packets that may be lost, 0 to 1; `None`: a known loss above 0.1 % is lossy all the
    /// same, an unknown loss is accepted.
    pub lost_max: Option<f64>,
    pub has_blamed_present: bool,
    /// How many inconclusive runs in a row are mailed.
    pub inconclusive_row: u32,
}

/// What holds where a playbook says nothing (design).
impl Default for JudgeCriteria {
    fn default() -> JudgeCriteria {
        JudgeCriteria {
            fail_at: 1,
            watched_min: 0.95,
            heard_packets_min: 1000,
            lost_max: None,
            has_blamed_present: true,
            inconclusive_row: 3,
        }
    }
}

/// `clean:` — what a ticket needs in order to be clean.
#[derive(Clone, Debug, PartialEq)]
pub struct CleanCriteria {
    pub passes: u32,
    pub span: Duration,
    /// 0 to 1.
    pub assurance: f64,
    pub contact_interval: Option<Duration>,
    pub is_unlisted: bool,
    /// How long a clean ticket is watched before it is closed.
    pub watch: Duration,
}

/// What holds where a playbook says nothing (design).
impl Default for CleanCriteria {
    fn default() -> CleanCriteria {
        CleanCriteria {
            passes: 5,
            span: 7 * DAY,
            assurance: 0.99,
            contact_interval: None,
            is_unlisted: false,
            watch: 30 * DAY,
        }
    }
}

/// One thing that people do and sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecklistItem {
    pub item: String,
    pub text: String,
}

/// When a ticket is overdue, and who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// From opening.
    pub located: Option<Duration>,
    /// From locating.
    pub cleaned: Option<Duration>,
    /// So long before the due date people are reminded, or half of the limit where that is shorter.
    pub remind: Duration,
    /// Who else is told, from the earliest step on.
    pub escalate: Vec<Escalation>,
}

impl Default for Due {
    fn default() -> Due {
        Due { located: None, cleaned: None, remind: DAY, escalate: Vec::new() }
    }
}

/// Who is told of a ticket that is still overdue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// From the due date.
    pub after: Duration,
    pub to: Vec<Recipient>,
}

/// Who gets mail about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    pub events: Vec<MailEvent>,
    pub to: Vec<Recipient>,
}

/// Somebody who gets mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The site's tech coordinator.
    Coordinator,
    /// `Name <address>` or `address`.
    Mailbox(String),
}
