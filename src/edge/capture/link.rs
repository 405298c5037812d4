//! Is an interface there, is it up, and what has it dropped? Asked of the kernel.
//!
//! `interface` asks while it listens, since libpcap says nothing of a link that is down.

use std::ffi::CString;
use std::fs;
use std::os::fd::RawFd;

/// What became of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Switched on, and its cable (or radio) connected.
    Up,
    /// Switched on, but no cable, or the other end is down.
    NoCarrier,
    /// Switched off.
    Off,
    /// There is no interface of that name.
    Gone,
}

impl LinkState {
    /// Whether packets could come in.
    pub fn is_up(self) -> bool {
        self == LinkState::Up
    }

    /// Whether it can be listened on.
    pub fn is_on(self) -> bool {
        matches!(self, LinkState::Up | LinkState::NoCarrier)
    }

    /// What is wrong with `interface` and what to do, without a final stop; empty when it is up.
    pub fn advice(self, interface: &str) -> String {
        match self {
            LinkState::Up => String::new(),
            LinkState::NoCarrier => {
                format!("interface {interface} has no carrier: plug in the cable, or switch on its other end")
            }
            LinkState::Off => format!("interface {interface} is down: `ip link set {interface} up`"),
            LinkState::Gone => format!("there is no interface {interface}: `ip link` lists those there are"),
        }
    }
}

/// The number that the kernel gave to an interface; it changes when the interface is made anew.
/// `None` when there is none of that name.
pub fn index(interface: &str) -> Option<u32> {
    let name = CString::new(interface).ok()?;
    // SAFETY: `name` ends with NUL and lives through the call, which only reads it.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// The name by which the kernel's tables list an interface, which may be known by others too
/// (`altname`, ip-link(8)); the same again where there is none of that name.
pub(super) fn listed_name(interface: &str) -> String {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the call writes a name with its NUL, of IF_NAMESIZE bytes at most.
    let is_told = index(interface)
        .is_some_and(|index| !unsafe { libc::if_indextoname(index, name.as_mut_ptr()) }.is_null());
    let name = name.iter().take_while(|byte| is_told && **byte != 0).map(|byte| byte.cast_unsigned());
    match String::from_utf8(name.collect()) {
        Ok(name) if is_told => name,
        _ => interface.to_owned(),
    }
}

/// The number of the interface that a packet socket is bound to; 0 for all of them, and none that there is once
/// its own is gone (packet(7)). `None` when that cannot be told.
pub(super) fn bound_index(socket: RawFd) -> Option<i32> {
    // SAFETY: all zero is a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the descriptor is open, and the call writes no more than `length` bytes of the address.
    let answer = unsafe { libc::getsockname(socket, (&raw mut address).cast(), &raw mut length) };
    (answer == 0 && i32::from(address.sll_family) == libc::AF_PACKET).then_some(address.sll_ifindex)
}

/// The state of an interface now. `any` is no interface of its own and always up.
pub fn state(interface: &str) -> LinkState {
    if interface == "any" {
        return LinkState::Up;
    }
    match flags(interface) {
        None => LinkState::Gone,
        Some(flags) if flags & libc::IFF_UP == 0 => LinkState::Off,
        Some(flags) if flags & libc::IFF_RUNNING == 0 && !has_carrier(interface) => LinkState::NoCarrier,
        Some(_) => LinkState::Up,
    }
}

/// SIOCGIFFLAGS, netdevice(7): asks about the network namespace that this thread is in, which
/// /sys/class/net need not show.
fn flags(interface: &str) -> Option<i32> {
    let mut request = request(interface)?;
    // SAFETY: the call fills in the flags, which are read when it succeeded.
    unsafe { ask(libc::SIOCGIFFLAGS, &mut request).then(|| i32::from(request.ifr_ifru.ifru_flags)) }
}

/// Whether there is a carrier already, while the flags do not say so yet: the kernel brings them up to date when it
/// has time. ETHTOOL_GLINK, linux/ethtool.h; of a driver that does not know it, no.
fn has_carrier(interface: &str) -> bool {
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    const ETHTOOL_GLINK: u32 = 0x0a;
    let Some(mut request) = request(interface) else { return false };
    let mut value = [ETHTOOL_GLINK, 0];
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    ask(SIOCETHTOOL, &mut request) && value[1] != 0
}

/// A request about an interface, netdevice(7); `None` for what can be no name of one.
fn request(interface: &str) -> Option<libc::ifreq> {
    let name = interface.as_bytes();
    // SAFETY: all zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return None;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    Some(request)
}

fn ask(what: libc::c_ulong, request: &mut libc::ifreq) -> bool {
    let Ok(socket) = std::net::UdpSocket::bind(("0.0.0.0", 0)) else { return false };
    // SAFETY: the name ends with NUL (the rest of the array is zero), the descriptor is open, and what the
    // request points to outlives the call.
    unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&socket), what, request) == 0 }
}

/// Packets that the interface or its driver dropped since it was made: `rx_dropped` and
/// `rx_missed_errors` together, as proc_net_dev(5) has them for the network namespace of this thread. libpcap's own
/// number leaves some drivers' drops out (libpcap issue 1328). `None` when it cannot be read.
pub fn dropped_packets(interface: &str) -> Option<u64> {
    dropped_in(&fs::read_to_string("/proc/thread-self/net/dev").ok()?, &listed_name(interface))
}

/// The fourth of the numbers behind the name: bytes, packets, errors, drops.
fn dropped_in(table: &str, interface: &str) -> Option<u64> {
    let lines = table.lines().filter_map(|line| line.split_once(':'));
    let (_, numbers) = lines.into_iter().find(|(name, _)| name.trim() == interface)?;
    numbers.split_whitespace().nth(3)?.parse().ok()
}

/// How many bytes of a socket are mapped into this process: its capture ring (packet(7), proc(5)).
/// `None` when that cannot be told.
pub(super) fn mapped_bytes(socket: RawFd) -> Option<u64> {
    let name = fs::read_link(format!("/proc/self/fd/{socket}")).ok()?;
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with(name.to_string_lossy().as_ref()))?;
    let (from, to) = line.split_whitespace().next()?.split_once('-')?;
    let at = |text| u64::from_str_radix(text, 16).ok();
    at(to)?.checked_sub(at(from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_there_and_others_are_not() {
        assert!(index("lo").is_some());
        assert_ne!(state("lo"), LinkState::Gone);
        for name in ["", "no-such-if", "a-name-that-is-much-too-long", "nul\0inside"] {
            assert_eq!((index(name), state(name)), (None, LinkState::Gone), "{name:?}");
            assert_eq!(listed_name(name), name);
        }
    }

    #[test]
    fn drops_are_those_of_the_interface_itself() {
        let table = "Inter-|   Receive                                                |  Transmit\n \
                     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n    \
                     lo:     100       1    0    0    0     0          0         0      100       1\n  \
                     v0:18446744073709551615 2 3 40 5 6 7 8 9 10\n v01: 1 2 3 41 5\n  bad: 1 2 3 x\n";
        for (name, dropped) in
            [("lo", Some(0)), ("v0", Some(40)), ("v01", Some(41)), ("v", None), ("bad", None), ("", None)]
        {
            assert_eq!(dropped_in(table, name), dropped, "{name}");
        }
        assert!(dropped_packets("lo").is_some());
    }
}
