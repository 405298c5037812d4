//! What does the site file mean, and what in it is wrong?
//!
//! Left of it is `raw_site` (as typed), right of it everything that reads a
//! [`SiteFile`](crate::pure::site::SiteFile). What cannot be read is left out and reported.

use super::field::{Field, Spanned};
use super::leaf::Network;
use super::listing::listing_settings;
use super::mail::mail_settings;
use super::node::Span;
use super::not_yet::NotYet;
use super::probe::{check_not_own, probe};
use super::raw_site::{RawSite, RawSiteFile, RawSource};
use super::sheet::{Outside, Sheet};
use crate::pure::address::is_private;
use crate::pure::problem::Problem;
use crate::pure::site::{Site, SiteFile, Source, SourceKind};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

/// The ring when the file names none: 0.5 s of a full 1 Gb/s.
const RING_BYTES: u64 = 64 << 20;

/// libpcap takes the size of the ring as a signed 32-bit number.
const RING_BYTES_MAX: u64 = i32::MAX as u64;

/// Reads the text of a site file. `None` when nothing of it could be read; else what could be.
pub fn read_site_file(path: &Path, text: &str, outside: Outside<'_>) -> (Option<SiteFile>, Vec<Problem>) {
    let (mut sheet, raw) = Sheet::open::<RawSiteFile>(path, text, outside);
    let meant = raw.map(|raw| meant(&mut sheet, raw));
    (meant, sheet.close())
}

fn meant(sheet: &mut Sheet<'_>, raw: RawSiteFile) -> SiteFile {
    let RawSiteFile { state, listen, sources, sites, evidence, mail, listing } = raw;
    let known = sheet
        .required(&sources, "sources", Span::START)
        .map(|given| given.value.keys().cloned().collect::<Vec<_>>());
    let sites = sheet.required(&sites, "sites", Span::START);
    if let Some(listen) = &listen {
        sheet.not_yet(listen.span, NotYet::Listen);
    }
    let evidence_keep = evidence.and_then(|evidence| evidence.value.keep);
    if let Some(keep) = &evidence_keep {
        sheet.positive("keep", keep.span, &keep.value.0);
        sheet.not_yet(keep.span, NotYet::EvidenceKeep);
    }
    let meant = each(sites, |name, raw, span| site(sheet, name, raw, span, known.as_deref()));
    let file = SiteFile {
        path: sheet.path.to_owned(),
        state: match &state {
            Some(state) => sheet.named_path("state", state),
            None => sheet.resolve("state"),
        },
        listen: listen.map(|listen| listen.value.0),
        sources: each(sources.given(), |name, raw, _| source(sheet, name, raw)),
        evidence_keep: evidence_keep.map(|keep| keep.value.0),
        mail: mail.and_then(|raw| mail_settings(sheet, &raw, &meant)),
        sites: meant,
        has_listing: listing.is_written(),
        listing: listing.given().and_then(|raw| listing_settings(sheet, raw)),
    };
    if let Some(sites) = sites {
        check_public_addresses(sheet, &sites.value);
        for (name, source) in sources.given().iter().flat_map(|sources| &sources.value) {
            if let Some(raw) = source.given().and_then(|source| source.value.probe.as_ref()) {
                check_not_own(sheet, name, raw, &sites.value);
            }
        }
    }
    file
}

fn each<R, T>(
    named: Option<&Spanned<BTreeMap<String, Field<R>>>>,
    mut meant: impl FnMut(&str, &Spanned<R>, Span) -> Option<T>,
) -> BTreeMap<String, T> {
    let entries = named.into_iter().flat_map(|named| &named.value);
    entries
        .filter_map(|(name, field)| field.given().map(|given| (name, given)))
        .filter_map(|(name, given)| Some((name.clone(), meant(name, given, given.span)?)))
        .collect()
}

fn source(sheet: &mut Sheet<'_>, name: &str, raw: &Spanned<RawSource>) -> Option<Source> {
    let RawSource { interface, command, files, positive_control, probe: raw_probe, ring, runs_max } =
        &raw.value;
    sheet.readable("a source", raw.span, name);
    let written = [interface.is_written(), command.is_written(), files.is_written()];
    if written.iter().filter(|is_written| **is_written).count() != 1 {
        let what = format!("the source `{name}` needs exactly one of `interface`, `command` and `files`");
        sheet.error(raw.span, what, "a source is a network interface, a program or recorded files");
    }
    let positive_control = positive_control.as_ref().map(|filter| sheet.filter(filter));
    let probe = raw_probe.as_ref().and_then(|raw| probe(sheet, raw));
    if let Some(ring) = ring {
        check_ring(sheet, ring.span, ring.value.0, interface.is_written());
    }
    let kind = source_kind(sheet, interface, command, files)?;
    let ring_bytes = ring.as_ref().map_or(RING_BYTES, |ring| ring.value.0);
    if let Some(runs_max) = runs_max {
        sheet.positive("runs_max", runs_max.span, &runs_max.value);
    }
    let runs_max = runs_max.as_ref().map(|most| most.value);
    let runs_max = runs_max.or(kind.runs_max_unstated());
    Some(Source { name: name.to_owned(), kind, positive_control, probe, ring_bytes, runs_max })
}

/// Linux names interfaces with 1 to 15 bytes, without blanks and slashes (`dev_valid_name`).
fn check_interface(sheet: &mut Sheet<'_>, interface: &Spanned<String>) {
    let is_wrong = |c: char| c == '/' || c.is_whitespace() || c.is_control();
    if !(1..=15).contains(&interface.value.len()) || interface.value.contains(is_wrong) {
        sheet.error(interface.span, "this is no name of a network interface", "`ip link` shows their names");
    }
    if interface.value == "any" {
        let what =
            "`any` hears packets of tagged and bonded interfaces twice, and none that are sent to others";
        sheet.warn(interface.span, what, "name the interface that the inside network is mirrored to");
    }
}

fn check_ring(sheet: &mut Sheet<'_>, span: Span, bytes: u64, is_interface: bool) {
    sheet.positive("ring", span, &bytes);
    if bytes > RING_BYTES_MAX {
        sheet.error(span, "`ring` is larger than libpcap can take", "give less than `2GiB`");
    }
    if !is_interface {
        sheet.warn(span, "`ring` has no effect here", "only a source with `interface` has a ring");
    }
}

fn source_kind(
    sheet: &mut Sheet<'_>,
    interface: &Field<String>,
    command: &Field<Vec<String>>,
    files: &Field<String>,
) -> Option<SourceKind> {
    if let Some(interface) = interface.given() {
        check_interface(sheet, interface);
        return Some(SourceKind::Interface(interface.value.clone()));
    }
    if let Some(command) = command.given() {
        if command.value.first().is_none_or(String::is_empty) {
            sheet.error(
                command.span,
                "`command` names no program",
                "write `[tcpdump, -U, -w, \"-\", \"{filter}\"]`",
            );
        }
        return Some(SourceKind::Command(command.value.clone()));
    }
    let files = files.given()?;
    let glob = sheet.named_path("files", files);
    Some(SourceKind::Files(glob.to_string_lossy().into_owned()))
}

fn site(
    sheet: &mut Sheet<'_>,
    name: &str,
    raw: &Spanned<RawSite>,
    span: Span,
    known_sources: Option<&[String]>,
) -> Option<Site> {
    let RawSite { title, public, inside, resolvers, nat64, timezone, source, coordinator, closed } =
        &raw.value;
    sheet.readable("a site", span, name);
    let public = networks(sheet, public, "public", span);
    let inside = networks(sheet, inside, "inside", span);
    let resolvers = resolvers.as_ref().map_or(&[][..], |resolvers| &resolvers.value);
    check_resolvers(sheet, resolvers, inside.as_deref().unwrap_or_default());
    let nat64 = nat64.as_ref().map_or(&[][..], |prefixes| &prefixes.value);
    let timezone = sheet.required(timezone, "timezone", span).map(|zone| zone.value.0.clone());
    let sources = sheet.required(source, "source", span);
    if let (Some(sources), Some(known)) = (sources, known_sources) {
        check_sources(sheet, &sources.value.0, sources.span, known);
    }
    let coordinator = sheet.required(coordinator, "coordinator", span).map(|mailbox| mailbox.value.0.clone());
    let closed = closed.iter().flat_map(|closed| &closed.value).map(|days| days.value.0).collect();
    let timezone = timezone?;
    Some(Site {
        name: name.to_owned(),
        title: title.as_ref().map_or_else(|| name.to_owned(), |title| title.value.0.clone()),
        public: public?,
        inside: inside?,
        resolvers: resolvers.iter().map(|network| network.value.0).collect(),
        nat64: nat64.iter().map(|prefix| prefix.value.0).collect(),
        timezone_name: timezone.iana_name().unwrap_or("UTC").to_owned(),
        timezone,
        sources: sources?.value.0.iter().map(|source| source.value.clone()).collect(),
        coordinator: coordinator?,
        closed,
    })
}

fn networks(
    sheet: &mut Sheet<'_>,
    field: &Field<Vec<Spanned<Network>>>,
    key: &str,
    span: Span,
) -> Option<Vec<IpNet>> {
    let list = sheet.required(field, key, span)?;
    if list.value.is_empty() {
        sheet.error(list.span, format!("`{key}` is empty"), "name at least one network");
    }
    for network in &list.value {
        let is_all = network.value.0.prefix_len() == 0;
        if is_all {
            sheet.error(
                network.span,
                format!("`{key}` holds every address there is"),
                "name the site's own networks",
            );
        } else if key == "public" && is_never_public(network.value.0.addr()) {
            let what = format!("`{}` is private", plain(network.value.0));
            sheet.warn(network.span, what, "complaints name the public side of the NAT");
        }
    }
    Some(list.value.iter().map(|network| network.value.0).collect())
}

/// Resolvers are a few hosts inside. Were all of a network resolvers, no host of it could be blamed for
/// what it asks; elsewhere nobody is blamed anyway.
fn check_resolvers(sheet: &mut Sheet<'_>, resolvers: &[Spanned<Network>], inside: &[IpNet]) {
    for resolver in resolvers {
        let network = resolver.value.0;
        if let Some(whole) = inside.iter().find(|inside| network.contains(*inside)) {
            let what = format!("`{}` makes a resolver of every host in `{}`", plain(network), plain(*whole));
            sheet.error(resolver.span, what, "name the resolvers alone");
        } else if !inside.is_empty() && !inside.iter().any(|inside| inside.contains(&network)) {
            let what = format!("`{}` is not inside, so that it has no effect here", plain(network));
            sheet.warn(resolver.span, what, "name the site's own resolvers and forwarders");
        }
    }
}

fn check_sources(sheet: &mut Sheet<'_>, names: &[Spanned<String>], span: Span, known: &[String]) {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    if names.is_empty() {
        sheet.error(span, "`source` is empty", "name at least one source");
    }
    for (index, name) in names.iter().enumerate() {
        if !known.contains(&name.value.as_str()) {
            sheet.unknown(name.span, format!("there is no source `{}`", name.value), &name.value, &known);
        } else if names[..index].iter().any(|earlier| earlier.value == name.value) {
            sheet.error(name.span, format!("the source `{}` is named twice", name.value), "name it once");
        }
    }
}

/// A public address must not be inside, and should not belong to two sites: a complaint names it, and
/// the ticket could be the wrong one's.
fn check_public_addresses(sheet: &mut Sheet<'_>, sites: &BTreeMap<String, Field<RawSite>>) {
    let mut seen: Vec<(IpNet, &str)> = Vec::new();
    for (name, site) in sites {
        let Some(site) = site.given() else { continue };
        let (Some(public), inside) = (site.value.public.given(), site.value.inside.given()) else { continue };
        let inside = inside.map_or(&[][..], |inside| &inside.value);
        for network in &public.value {
            let net = network.value.0;
            if let Some(other) = inside.iter().find(|other| overlaps(net, other.value.0)) {
                let what =
                    format!("`{}` is public and, within `{}`, inside", plain(net), plain(other.value.0));
                sheet.error(network.span, what, "keep it on one side of the NAT");
            }
            if let Some((other, owner)) =
                seen.iter().find(|(other, owner)| *owner != name && overlaps(net, *other))
            {
                let what =
                    format!("`{}` overlaps `{}`, which is public at `{owner}`", plain(net), plain(*other));
                sheet.warn(
                    network.span,
                    what,
                    "a complaint that names it fits both: open its ticket with `--site`",
                );
            }
            seen.push((net, name));
        }
    }
}

/// A network as people write it: one address without its mask.
pub(super) fn plain(network: IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

fn overlaps(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// Whether an address is never seen on the public side of a NAT: private, or RFC 3927, 1122.
fn is_never_public(address: IpAddr) -> bool {
    let is_local = match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    };
    is_local || is_private(address)
}
