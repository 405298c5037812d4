//! Which networks, sources and people are there? The site file as meant.
//!
//! Read by `document`, used by everything to the right. Every value here has been checked.

use crate::pure::address::Translator;
use crate::pure::interval::Interval;
use crate::pure::moment::start_of_day;
use ipnet::IpNet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The whole of `allclear.yaml`. All paths are absolute or relative to the working directory.
#[derive(Clone, Debug)]
pub struct SiteFile {
    pub path: PathBuf,
    /// Directory of database, evidence and outbox.
    pub state: PathBuf,
    pub listen: Option<SocketAddr>,
    pub sources: BTreeMap<String, Source>,
    pub sites: BTreeMap<String, Site>,
    /// Evidence older than this is deleted; `None` keeps it.
    pub evidence_keep: Option<Duration>,
    /// `None`: no mail leaves.
    pub mail: Option<MailSettings>,
    pub listing: Option<ListingSettings>,
    /// Whether there is such a section, in order or not.
    pub has_listing: bool,
}

impl SiteFile {
    /// Mails that one recipient gets within an hour.
    pub fn hourly_limit(&self) -> u32 {
        self.mail.as_ref().map_or(u32::MAX, |mail| mail.hourly_limit)
    }
}

/// Where packets come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub name: String,
    pub kind: SourceKind,
    /// A filter for traffic that is always there; unseen for a whole run, the run is inconclusive.
    pub positive_control: Option<String>,
    /// A datagram that is sent while the source is watched, and that it has to show.
    pub probe: Option<ProbeSettings>,
    /// Size of the capture ring, in bytes.
    pub ring_bytes: u64,
    /// Runs that it carries at the same time; `None` where only the limit of all runs counts.
    pub runs_max: Option<u32>,
}

/// Where a probe goes, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// Outside, on the far side of what is watched.
    pub to: SocketAddr,
    pub every: Duration,
}

/// Runs of a command at the same time when the file does not say: each starts the program once more, and
/// what is at its other end (an appliance, by ssh) is small.
const COMMAND_RUNS_MAX: u32 = 64;

/// What kind of source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// A network interface, by its name.
    Interface(String),
    /// A program and its arguments, run without a shell; writes pcap or pcapng to standard output.
    /// The argument text `{filter}` is replaced by the filter of the run.
    Command(Vec<String>),
    /// A glob of recorded files.
    Files(String),
}

impl SourceKind {
    /// Whether what it shows lies there, and can be read again; else it is gone once it was not listened to.
    pub fn is_recorded(&self) -> bool {
        match self {
            SourceKind::Files(_) => true,
            SourceKind::Interface(_) | SourceKind::Command(_) => false,
        }
    }

    /// Whether it always tells how many packets it lost.
    pub fn has_counted_losses(&self) -> bool {
        match self {
            SourceKind::Interface(_) => true,
            SourceKind::Command(_) | SourceKind::Files(_) => false,
        }
    }

    /// Runs that it carries at the same time where the site file does not say; `None` where only the limit of all
    /// runs counts.
    pub fn runs_max_unstated(&self) -> Option<u32> {
        match self {
            SourceKind::Command(_) => Some(COMMAND_RUNS_MAX),
            SourceKind::Interface(_) | SourceKind::Files(_) => None,
        }
    }

    /// Where its recorded files are; `None` of one that is no recording.
    pub fn recordings(&self) -> Option<&str> {
        match self {
            SourceKind::Files(glob) => Some(glob),
            SourceKind::Interface(_) | SourceKind::Command(_) => None,
        }
    }
}

/// One customer network.
#[derive(Clone, Debug)]
pub struct Site {
    pub name: String,
    pub title: String,
    pub public: Vec<IpNet>,
    pub inside: Vec<IpNet>,
    /// Its own DNS resolvers and forwarders, inside: what they ask, they ask for others.
    pub resolvers: Vec<IpNet>,
    /// Its own translators between IPv6 and IPv4 (NAT64), by their prefixes.
    pub nat64: Vec<Translator>,
    pub timezone: TimeZone,
    /// The zone's IANA name.
    pub timezone_name: String,
    /// Names of its sources, at least one; a run is blind when any of them is.
    pub sources: Vec<String>,
    /// The tech coordinator's mailbox, as `Name <address>` or `address`.
    pub coordinator: String,
    /// School breaks: first and last day, both included, in the site's zone.
    pub closed: Vec<ClosedDays>,
}

impl Site {
    /// Whether `address` is one of the site's public addresses.
    pub fn has_public(&self, address: IpAddr) -> bool {
        self.public.iter().any(|network| network.contains(&address))
    }

    /// Whether `address` lies in one of the site's inside networks.
    pub fn has_inside(&self, address: IpAddr) -> bool {
        self.inside.iter().any(|network| network.contains(&address))
    }

    /// When the site is closed, from the first midnight to the last, in its zone. A midnight that
    /// does not exist there is the first instant after the gap.
    pub fn closed_intervals(&self) -> Vec<Interval> {
        let begin = |day: Date| start_of_day(&self.timezone, day);
        let closed = self.closed.iter().filter_map(|days| {
            let after = days.last.tomorrow().ok()?;
            Some(Interval::new(begin(days.first)?, begin(after)?))
        });
        closed.collect()
    }
}

/// A school break, both days included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedDays {
    pub first: Date,
    pub last: Date,
}

/// Mails an hour that one recipient gets, when the site file does not say: one every three minutes is
/// more than anybody reads.
pub const HOURLY_LIMIT: u32 = 20;

/// The highest limit that a site file may set; so many acceptances of a recipient are kept in memory.
pub const HOURLY_LIMIT_MAX: u32 = 1_000;

/// How mail leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct MailSettings {
    pub from: String,
    pub transport: MailTransport,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    pub digest: Option<DigestSettings>,
    /// Mails that one recipient gets within an hour; what is more is told together.
    pub hourly_limit: u32,
    /// Where answers to our mails go; `None`: to `from`.
    pub reply_to: Option<String>,
    /// Who hears of a mail that reaches nobody else.
    pub postmaster: Option<String>,
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq)]
pub enum MailTransport {
    Smtp {
        host: String,
        port: u16,
        security: MailSecurity,
    },
    /// Each mail becomes an `.eml` file here.
    Directory(PathBuf),
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// `smtp://`
    Plain,
    /// `smtps://`: TLS from the first byte.
    Tls,
    /// `smtp+starttls://`: TLS required after STARTTLS.
    StartTls,
}

/// When digests go out, and to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct DigestSettings {
    /// Five fields, in its zone.
    pub cron: String,
    /// Who gets that of all sites.
    pub to: Vec<String>,
    pub is_skipped_unchanged: bool,
    /// Whether each coordinator gets one of their own tickets.
    pub has_coordinators: bool,
    pub timezone: TimeZone,
    /// The zone's IANA name.
    pub timezone_name: String,
}

/// How the DNSBL is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ListingSettings {
    pub zone: String,
    pub resolver: SocketAddr,
    pub key_file: Option<PathBuf>,
    pub daily_limit: u32,
}
