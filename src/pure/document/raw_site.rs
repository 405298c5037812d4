//! What does `allclear.yaml` say, as typed? Shapes only; `site` says what they mean.
//!
//! The doc comments here are the descriptions of the JSON Schema, so they speak to whoever writes
//! the file.

use super::field::{Field, Spanned};
use super::leaf::{
    CronText, Days, Length, Mailbox, Network, Prefix, ProbeTarget, Size, Smtp, Socket, Title, Zone,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The site file: which networks, sources and people there are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "allclear site file")]
pub struct RawSiteFile {
    /// Directory of database, evidence and outbox, relative to this file.
    #[schemars(extend("default" = "state", "pattern" = "\\S"))]
    pub state: Option<Spanned<String>>,
    /// Address of the dashboard; left out, there is none.
    pub listen: Option<Spanned<Socket>>,
    /// Where packets come from, by name.
    pub sources: Field<BTreeMap<String, Field<RawSource>>>,
    /// The customer networks, by name.
    pub sites: Field<BTreeMap<String, Field<RawSite>>>,
    /// How long evidence is kept; left out, for ever.
    pub evidence: Option<Spanned<RawEvidence>>,
    /// How mail leaves; left out, none does.
    pub mail: Option<Spanned<RawMail>>,
    /// The DNS block list to ask; left out, nothing is looked up.
    #[serde(default)]
    pub listing: Field<RawListing>,
}

/// Where packets come from: exactly one of interface, command and files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["interface"]}, {"required": ["command"]}, {"required": ["files"]}]))]
pub struct RawSource {
    /// A network interface on the inside LAN, never the outside of the NAT.
    #[serde(default)]
    #[schemars(extend("pattern" = "\\S"))]
    pub interface: Field<String>,
    /// A program and its arguments, run without a shell, that writes pcap or pcapng to standard output; `{filter}` becomes the filter of the run.
    #[serde(default)]
    #[schemars(extend("minItems" = 1))]
    pub command: Field<Vec<String>>,
    /// Recorded files, as a glob; read by the packets' own time.
    #[serde(default)]
    #[schemars(extend("pattern" = "\\S"))]
    pub files: Field<String>,
    /// A filter for traffic that is always there; unseen for a whole run, the run is inconclusive.
    #[schemars(extend("pattern" = "\\S"))]
    pub positive_control: Option<Spanned<String>>,
    /// A datagram that allclear sends while it watches and that the capture has to show; unseen, the run is inconclusive.
    pub probe: Option<Spanned<RawProbe>>,
    /// Size of the capture ring of an interface.
    #[schemars(extend("default" = "64MiB", "pattern" = "^0*[1-9][0-9]*(B|KiB|MiB|GiB|TiB)$"))]
    pub ring: Option<Spanned<Size>>,
    /// Runs that it carries at the same time; more wait for their turn. Left out, 64 where each run starts the command.
    #[schemars(extend("minimum" = 1, "maximum" = 4_294_967_295_u32))]
    pub runs_max: Option<Spanned<u32>>,
}

/// A datagram that the capture has to show.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProbe {
    /// An address outside and a port where nobody minds it, such as 192.0.2.1:9; on the way there it has to cross what is watched.
    pub to: Field<ProbeTarget>,
    /// How often, from 10s to 1h.
    #[schemars(extend("default" = "1m"))]
    pub every: Option<Spanned<Length>>,
}

/// One customer network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSite {
    /// Its name in mails; left out, the key.
    pub title: Option<Spanned<Title>>,
    /// The public addresses that complaints name.
    #[schemars(extend("minItems" = 1))]
    pub public: Field<Vec<Spanned<Network>>>,
    /// The networks inside, where the infected host is.
    #[schemars(extend("minItems" = 1))]
    pub inside: Field<Vec<Spanned<Network>>>,
    /// Its own DNS resolvers and forwarders, inside: addresses or networks. What they ask, they ask for other hosts, so that a hit by DNS never blames them alone.
    #[schemars(extend("default" = []))]
    pub resolvers: Option<Spanned<Vec<Spanned<Network>>>>,
    /// Prefixes of its own translators between IPv6 and IPv4 (NAT64, RFC 6052): addresses made with them count as those of IPv4 that they stand for. 64:ff9b::/96 is known.
    #[schemars(extend("default" = []))]
    pub nat64: Option<Spanned<Vec<Spanned<Prefix>>>>,
    /// Its time zone, by IANA name.
    pub timezone: Field<Zone>,
    /// A source by name, or a list of them; a run is blind when any of them is.
    pub source: Field<OneOrMany>,
    /// The tech coordinator: who gets the mails.
    pub coordinator: Field<Mailbox>,
    /// School breaks, first and last day: tickets are on hold.
    #[schemars(extend("default" = []))]
    pub closed: Option<Spanned<Vec<Spanned<Days>>>>,
}

/// One name, or a list of names.
#[derive(Debug, JsonSchema)]
#[schemars(transparent, inline)]
pub struct OneOrMany(
    #[schemars(extend("type" = ["string", "array"], "minItems" = 1))] pub Vec<Spanned<String>>,
);

/// How long evidence is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEvidence {
    /// Older evidence is deleted, and the deletion is on record.
    #[schemars(extend("pattern" = "^0*[1-9][0-9]*[smhdwy]$"))]
    pub keep: Option<Spanned<Length>>,
}

/// How mail leaves: exactly one of smtp and directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["smtp"]}, {"required": ["directory"]}],
    "dependencies" = {"username": ["password_file"], "password_file": ["username"]}))]
pub struct RawMail {
    /// The sender.
    pub from: Field<Mailbox>,
    /// The mail server.
    #[serde(default)]
    pub smtp: Field<Smtp>,
    /// A directory to write .eml files to instead.
    #[serde(default)]
    #[schemars(extend("pattern" = "\\S"))]
    pub directory: Field<String>,
    /// The name to log in with.
    pub username: Option<Spanned<String>>,
    /// A file that holds the password.
    pub password_file: Option<Spanned<String>>,
    /// Mails that one recipient gets within an hour, from 1 to 1000; what is more waits, and comes together in one mail.
    #[schemars(extend("default" = 20, "minimum" = 1, "maximum" = 1000))]
    pub hourly_limit: Option<Spanned<u32>>,
    /// The nightly summary.
    pub digest: Option<Spanned<RawDigest>>,
    /// Who gets the answers to our mails; left out, the postmaster, else the sender.
    pub reply_to: Option<Spanned<Mailbox>>,
    /// Who hears of a mail that reaches nobody else whom the playbook names.
    pub postmaster: Option<Spanned<Mailbox>>,
}

/// The nightly summary.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDigest {
    /// When, in five fields.
    pub cron: Field<CronText>,
    /// Who gets that of all sites.
    pub to: Field<Vec<Spanned<Mailbox>>>,
    /// Whether it is left out when nothing has changed; once a week it comes all the same, as a sign of life.
    #[schemars(extend("default" = false))]
    pub skip_unchanged: Option<Spanned<bool>>,
    /// Whether each coordinator with open tickets gets one of their own, in the zone of their site; who stands in `to` does not.
    #[schemars(extend("default" = true))]
    pub coordinators: Option<Spanned<bool>>,
    /// The zone of its times, by IANA name; left out, that of the first site in the order of their names.
    pub timezone: Option<Spanned<Zone>>,
}

/// How the DNS block list is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawListing {
    /// The list's zone, such as xbl.spamhaus.org.
    pub zone: Field<String>,
    /// Your own resolver; public ones are refused by the list.
    pub resolver: Field<Socket>,
    /// A file that holds the query key.
    pub key_file: Option<Spanned<String>>,
    /// Queries a day, at most.
    #[schemars(extend("default" = 1000))]
    pub daily_limit: Option<Spanned<u32>>,
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Spanned::<Either>::deserialize(deserializer)?;
        Ok(OneOrMany(match text.value {
            Either::One(value) => vec![Spanned { value, span: text.span }],
            Either::Many(names) => names,
        }))
    }
}

enum Either {
    One(String),
    Many(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Either {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherVisitor)
    }
}

struct EitherVisitor;

impl<'de> Visitor<'de> for EitherVisitor {
    type Value = Either;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Either, E> {
        Ok(Either::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Either, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = items.next_element()? {
            names.push(name);
        }
        Ok(Either::Many(names))
    }
}
