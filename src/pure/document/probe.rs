//! Where does a source's probe go, and can it prove anything? The `probe` of a source.
//!
//! Left of it is `raw_site`. A probe that never crosses what is watched, or that goes to somebody who did
//! not ask for it, is a fault.

use super::field::{Field, Spanned};
use super::node::Span;
use super::raw_site::{RawProbe, RawSite};
use super::sheet::Sheet;
use crate::pure::site::ProbeSettings;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How often one is sent when the file does not say.
const EVERY: Duration = Duration::from_secs(60);

/// More often is no control but traffic; less often, a run may have none.
const EVERY_MIN: Duration = Duration::from_secs(10);
const EVERY_MAX: Duration = Duration::from_secs(3600);

/// What to do about a probe that goes to the wrong place.
pub const CURE: &str =
    "name an address outside that the watched traffic goes to as well, such as `192.0.2.1:9`";

/// The probe as meant; `None` when its place is missing.
pub fn probe(sheet: &mut Sheet<'_>, raw: &Spanned<RawProbe>) -> Option<ProbeSettings> {
    let RawProbe { to, every } = &raw.value;
    if let Some(every) = every {
        check_every(sheet, every.span, every.value.0);
    }
    let to = sheet.required(to, "to", raw.span)?;
    if let Some(what) = misplaced(to.value.0) {
        sheet.error(to.span, format!("a probe to `{}` proves nothing: it is {what}", to.value.0), CURE);
    }
    Some(ProbeSettings { to: to.value.0, every: every.as_ref().map_or(EVERY, |every| every.value.0) })
}

fn check_every(sheet: &mut Sheet<'_>, span: Span, every: Duration) {
    if every < EVERY_MIN {
        sheet.error(span, "a probe so often is no control but traffic", "give `10s` or more, such as `1m`");
    } else if every > EVERY_MAX {
        sheet.error(span, "a probe so seldom controls nothing", "give `1h` or less, such as `1m`");
    }
}

/// Why a datagram to this place crosses no network, or reaches many; `None` when it does as it should.
fn misplaced(to: SocketAddr) -> Option<&'static str> {
    let ip = to.ip().to_canonical();
    let is_link_local = match ip {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if to.port() == 0 {
        Some("no port")
    } else if ip.is_loopback() {
        Some("this machine itself")
    } else if ip.is_unspecified() {
        Some("no address")
    } else if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("meant for many")
    } else if is_link_local {
        Some("on the next cable only")
    } else {
        (ip != to.ip()).then_some("an address of IPv4 written as one of IPv6")
    }
}

/// A probe to somewhere inside never crosses the way out, which is what is watched; neither does one to the
/// public side of the site.
pub fn check_not_own(
    sheet: &mut Sheet<'_>,
    source: &str,
    raw: &Spanned<RawProbe>,
    sites: &BTreeMap<String, Field<RawSite>>,
) {
    let Some(to) = raw.value.to.given() else { return };
    let watching = sites.values().filter_map(Field::given).map(|site| &site.value).filter(|site| {
        site.source.given().is_some_and(|names| names.value.0.iter().any(|name| name.value == source))
    });
    let ip = to.value.0.ip().to_canonical();
    for site in watching {
        let own = [(&site.inside, "stays inside, in"), (&site.public, "goes to the site itself,")];
        let mut own = own.into_iter().filter_map(|(field, words)| Some((&field.given()?.value, words)));
        let found = own.find_map(|(networks, words)| {
            let network = networks.iter().find(|network| network.value.0.contains(&ip))?;
            Some((words, network.value.0))
        });
        if let Some((words, network)) = found {
            let network = super::site::plain(network);
            sheet.error(to.span, format!("a probe to `{}` {words} `{network}`", to.value.0), CURE);
            return;
        }
    }
}
