//! Which inside hosts said something, when, and with which MAC address and name?
//!
//! It must never make a host more present than its packets prove: what no longer fits is forgotten,
//! which can only make a run inconclusive.

use super::hash::FastMap;
use super::spans::Spans;
use super::{PRESENCE_SECONDS, Presence};
use crate::pure::address;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::moment::of_nanoseconds;
use crate::pure::packet::Mac;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// So many inside hosts are told apart: a whole /16. Packets from further ones count as heard, without
/// presence.
pub const HEARD_HOSTS_MAX: usize = 65_536;
/// Stretches of presence kept of one host, the newest: a week of coming and going every ten minutes.
const PRESENCE_SPANS_MAX: usize = 1_024;
/// MAC addresses told apart for one inside address; a host with more is not known by any.
const MACS_MAX: usize = 4;
const PRESENCE_NS: i64 = PRESENCE_SECONDS as i64 * 1_000_000_000;

/// The inside hosts that sent something.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    known: FastMap<HostKey, Known>,
    hosts: Vec<HeardHost>,
}

/// What is at hand of a host for its next packet.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Not yet in `hosts`: nearly always the next one takes its place.
    latest: Latest,
    /// Position in `hosts`.
    number: u32,
}

/// The last packet of a host.
#[derive(Clone, Copy, Debug)]
struct Latest {
    time_ns: i64,
    mac: MacKey,
    /// The last one that is in `hosts`: further than the gap from it, this one must go there too.
    noted_ns: i64,
}

#[derive(Clone, Debug)]
struct HeardHost {
    address: IpAddr,
    /// Filled from the front.
    macs: [Option<MacUse>; MACS_MAX],
    has_more_macs: bool,
    spans: Spans,
}

#[derive(Clone, Copy, Debug)]
struct MacUse {
    mac: Mac,
    first_ns: i64,
    last_ns: i64,
}

impl Heard {
    /// Notes that the inside host sent something; tells whether it had sent nothing since `since_ns`.
    #[inline(always)]
    pub(super) fn note(&mut self, host: HostKey, mac: MacKey, time_ns: i64, since_ns: i64) -> bool {
        let Some(Known { latest, number }) = self.known.get_mut(&host) else {
            return self.note_new(host, Latest { time_ns, mac, noted_ns: time_ns });
        };
        let (is_in_order, is_back) = (latest.time_ns <= time_ns, latest.time_ns < since_ns);
        if is_in_order && latest.mac == mac && time_ns.saturating_sub(latest.noted_ns) <= 2 * PRESENCE_NS {
            latest.time_ns = time_ns;
            return is_back;
        }
        let past = std::mem::replace(latest, Latest { time_ns, mac, noted_ns: time_ns });
        let host = &mut self.hosts[*number as usize];
        host.note(past);
        host.note(*latest);
        is_back
    }

    /// Tells whether there was room for it.
    #[cold]
    fn note_new(&mut self, key: HostKey, first: Latest) -> bool {
        if self.hosts.len() >= HEARD_HOSTS_MAX {
            return false;
        }
        let number = u32::try_from(self.hosts.len()).expect("at most HEARD_HOSTS_MAX");
        self.known.insert(key, Known { latest: first, number });
        let (macs, spans) = ([None; MACS_MAX], Spans::EMPTY);
        let mut host = HeardHost { address: address_of(key), macs, has_more_macs: false, spans };
        host.note(first);
        self.hosts.push(host);
        true
    }

    /// Every host with its latest packet.
    fn settled(&self) -> Vec<HeardHost> {
        let mut hosts = self.hosts.clone();
        for known in self.known.values() {
            hosts[known.number as usize].note(known.latest);
        }
        hosts
    }

    /// Forgets the hosts that sent nothing since `time_ns`.
    pub(super) fn forget_before(&mut self, time_ns: i64) {
        let mut kept = Heard::default();
        for host in self.settled() {
            let Some(known) = self.known.get(&host_key(host.address)) else { continue };
            if host.is_heard_since(time_ns) {
                let number = u32::try_from(kept.hosts.len()).expect("at most HEARD_HOSTS_MAX");
                kept.known.insert(host_key(host.address), Known { number, ..*known });
                kept.hosts.push(host);
            }
        }
        *self = kept;
    }

    /// The hosts heard since `since_ns`, as they stand now; of at most [`HEARD_HOSTS_MAX`] heard in all.
    pub(super) fn since(&self, since_ns: i64) -> Company {
        let hosts = self.settled().into_iter().filter(|host| host.is_heard_since(since_ns));
        Company { hosts: hosts.collect() }
    }
}

/// The inside hosts of a stretch of time.
#[derive(Debug)]
pub(super) struct Company {
    hosts: Vec<HeardHost>,
}

impl Company {
    /// How many of them `is_inside`.
    pub(super) fn count(&self, is_inside: impl Fn(IpAddr) -> bool) -> u64 {
        self.hosts.iter().filter(|host| is_inside(host.address)).count() as u64
    }

    /// That there was no room for further hosts, if there was none.
    pub(super) fn note(&self) -> Option<String> {
        (self.hosts.len() >= HEARD_HOSTS_MAX).then(|| {
            format!(
                "{HEARD_HOSTS_MAX} inside hosts were heard, and no more than these are told apart: see whether \
                 `inside` is too wide, or somebody makes addresses up"
            )
        })
    }

    /// The MAC address that identifies each host; a host without one is not in the map.
    pub(super) fn identities(&self) -> HashMap<IpAddr, Mac> {
        identities(&self.hosts)
    }

    /// The presence of every host that `is_wanted` by its address or its identifying MAC address, by
    /// address.
    pub(super) fn presences(&self, is_wanted: impl Fn(IpAddr, Option<Mac>) -> bool) -> Vec<Presence> {
        let identities = identities(&self.hosts);
        let mut presences: Vec<Presence> = self
            .hosts
            .iter()
            .map(|host| (host, identities.get(&host.address).copied()))
            .filter(|(host, mac)| is_wanted(host.address, *mac))
            .map(|(host, mac)| Presence { host: host.address, mac, present: host.present() })
            .collect();
        presences.sort_by_key(|presence| presence.host);
        presences
    }
}

fn identities(hosts: &[HeardHost]) -> HashMap<IpAddr, Mac> {
    let routers = routers(hosts);
    let identity = |host: &HeardHost| {
        let mut own = host.macs.iter().flatten().map(|used| used.mac).filter(|mac| !routers.contains(mac));
        let mac = own.next().filter(|_| !host.has_more_macs)?;
        own.next().is_none().then_some((host.address, mac))
    };
    hosts.iter().filter_map(identity).collect()
}

/// MAC addresses that several inside IPv4 addresses use at one time: those of routers.
fn routers(hosts: &[HeardHost]) -> HashSet<Mac> {
    let mut uses: HashMap<Mac, Vec<(i64, i64)>> = HashMap::new();
    for host in hosts.iter().filter(|host| host.address.is_ipv4()) {
        for used in host.macs.iter().flatten() {
            let present =
                (used.first_ns.saturating_sub(PRESENCE_NS), used.last_ns.saturating_add(PRESENCE_NS));
            uses.entry(used.mac).or_default().push(present);
        }
    }
    uses.into_iter().filter_map(|(mac, times)| has_overlap(times).then_some(mac)).collect()
}

/// An address as one number; IPv4 mapped into IPv6, which no packet carries.
pub(super) type HostKey = u128;

#[inline(always)]
pub(super) fn host_key(address: IpAddr) -> HostKey {
    match address {
        IpAddr::V4(address) => 0xffff_0000_0000 | u128::from(u32::from(address)),
        IpAddr::V6(address) => address.into(),
    }
}

/// A MAC address, or none, as one number: what is written and read in one piece is handed on quickest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MacKey(u64);

/// Set where there is a MAC address, which takes the 48 bits below.
const HAS_MAC: u64 = 1 << 48;

impl MacKey {
    pub(super) const NONE: MacKey = MacKey(0);

    #[inline(always)]
    pub(super) fn of(mac: Mac) -> MacKey {
        let [a, b, c, d, e, f] = mac.0;
        MacKey(
            HAS_MAC
                | u64::from(u32::from_be_bytes([a, b, c, d])) << 16
                | u64::from(u16::from_be_bytes([e, f])),
        )
    }

    /// 49 of them.
    #[inline(always)]
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// What [`MacKey::bits`] gave.
    #[inline(always)]
    pub(super) fn of_bits(bits: u64) -> MacKey {
        MacKey(bits)
    }

    fn mac(self) -> Option<Mac> {
        let [_, _, a, b, c, d, e, f] = self.0.to_be_bytes();
        (self.0 & HAS_MAC != 0).then_some(Mac([a, b, c, d, e, f]))
    }
}

impl From<Option<Mac>> for MacKey {
    fn from(mac: Option<Mac>) -> MacKey {
        mac.map_or(MacKey::NONE, MacKey::of)
    }
}

fn address_of(key: HostKey) -> IpAddr {
    address::of_bytes(&key.to_be_bytes())
}

fn has_overlap(mut times: Vec<(i64, i64)>) -> bool {
    times.sort_unstable();
    times.windows(2).any(|pair| pair[1].0 <= pair[0].1)
}

impl HeardHost {
    fn note(&mut self, Latest { time_ns, mac, .. }: Latest) {
        self.spans.add(time_ns, true, 2 * PRESENCE_NS, PRESENCE_SPANS_MAX);
        if let Some(mac) = mac.mac() {
            self.note_mac(mac, time_ns);
        }
    }

    fn note_mac(&mut self, mac: Mac, time_ns: i64) {
        for used in &mut self.macs {
            let known = used.get_or_insert(MacUse { mac, first_ns: time_ns, last_ns: time_ns });
            if known.mac == mac {
                known.first_ns = known.first_ns.min(time_ns);
                known.last_ns = known.last_ns.max(time_ns);
                return;
            }
        }
        self.has_more_macs = true;
    }

    fn is_heard_since(&self, time_ns: i64) -> bool {
        self.spans.iter().any(|span| span.last_ns >= time_ns)
    }

    fn present(&self) -> Intervals {
        Intervals::of(self.spans.iter().map(|span| {
            let from = span.first_ns.saturating_sub(PRESENCE_NS);
            let to = span.last_ns.saturating_add(PRESENCE_NS);
            Interval::new(of_nanoseconds(from), of_nanoseconds(to))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 0, last])
    }

    fn heard(packets: &[(&str, u8, i64)]) -> Heard {
        let mut heard = Heard::default();
        for &(host, last, second) in packets {
            heard.note(host_key(host.parse().expect(host)), MacKey::of(mac(last)), second * SECOND, 0);
        }
        heard
    }

    #[test]
    fn a_mac_used_by_several_addresses_at_one_time_identifies_nobody() {
        type Packets<'a> = &'a [(&'a str, u8, i64)];
        let rows: [(&str, Packets<'_>, Option<Mac>); 6] = [
            ("its own", &[("10.0.0.1", 1, 0), ("10.0.0.2", 2, 0)], Some(mac(1))),
            ("a router's", &[("10.0.0.1", 9, 0), ("10.0.0.2", 9, 1)], None),
            ("a lease taken over later", &[("10.0.0.1", 1, 0), ("10.0.0.2", 1, 601)], Some(mac(1))),
            ("too soon to tell", &[("10.0.0.1", 1, 0), ("10.0.0.2", 1, 600)], None),
            ("a second address of IPv6", &[("10.0.0.1", 1, 0), ("fd00::1", 1, 0)], Some(mac(1))),
            (
                "mirrored on both sides of a router",
                &[("10.0.0.1", 1, 0), ("10.0.0.1", 9, 0), ("10.0.0.2", 9, 0)],
                Some(mac(1)),
            ),
        ];
        for (row, packets, wanted) in rows {
            let identities = heard(packets).since(i64::MIN).identities();
            assert_eq!(identities.get(&"10.0.0.1".parse().expect("one")).copied(), wanted, "{row}");
        }
    }

    #[test]
    fn presence_reaches_five_minutes_to_both_sides_and_no_further() {
        let heard = heard(&[("10.0.0.1", 1, 1000), ("10.0.0.1", 1, 1600), ("10.0.0.1", 1, 2201)]);
        let presences = heard.since(i64::MIN).presences(|host, _| host.is_ipv4());
        let seconds: Vec<(i64, i64)> =
            presences[0].present.as_slice().iter().map(|i| (i.from.as_second(), i.to.as_second())).collect();
        assert_eq!(seconds, [(700, 1900), (1901, 2501)]);
    }

    #[test]
    fn a_host_that_never_falls_silent_is_present_throughout() {
        let packets: Vec<(&str, u8, i64)> = (0..10).map(|number| ("10.0.0.1", 1, number * 600)).collect();
        let presences = heard(&packets).since(i64::MIN).presences(|_, _| true);
        assert_eq!(presences[0].present.as_slice().len(), 1);
        assert_eq!(presences[0].present.seconds(), 6000.0);
    }

    #[test]
    fn a_blamed_host_is_found_under_its_new_address_by_its_mac() {
        let heard = heard(&[("10.0.0.7", 1, 0), ("10.0.0.8", 2, 0)]);
        let presences = heard.since(i64::MIN).presences(|_, own| own == Some(mac(1)));
        assert_eq!(presences.len(), 1);
        assert_eq!(presences[0].host.to_string(), "10.0.0.7");
    }
}
