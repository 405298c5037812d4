//! Is this address one of ours?

use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::BitAnd;

/// So many networks are asked at a time, in the registers of the processor.
const LANES: usize = 4;

/// The inside networks of a site as masks, for a quick answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Inside {
    v4: Vec<Masks<u32>>,
    v6: Vec<Masks<u128>>,
}

/// Networks of one family.
#[derive(Clone, Debug)]
struct Masks<K> {
    masks: [K; LANES],
    /// First addresses.
    networks: [K; LANES],
}

impl Inside {
    pub(super) fn new(networks: &[IpNet]) -> Inside {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(network) => v4.push((network.netmask().into(), network.network().into())),
                IpNet::V6(network) => v6.push((network.netmask().into(), network.network().into())),
            }
        }
        Inside { v4: masks(&v4), v6: masks(&v6) }
    }

    #[inline(always)]
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => covers(&self.v4, address.into()),
            IpAddr::V6(address) => covers(&self.v6, address.into()),
        }
    }
}

/// Lanes that are left over repeat the first network.
fn masks<K: Copy>(networks: &[(K, K)]) -> Vec<Masks<K>> {
    let lanes = |chunk: &[(K, K)]| {
        let lane = |at: usize| chunk.get(at).unwrap_or(&chunk[0]);
        Masks { masks: std::array::from_fn(|at| lane(at).0), networks: std::array::from_fn(|at| lane(at).1) }
    };
    networks.chunks(LANES).map(lanes).collect()
}

/// Asks all networks: to stop at the first that covers it is a branch that the processor cannot foresee.
#[inline(always)]
fn covers<K: Copy + PartialEq + BitAnd<Output = K>>(all: &[Masks<K>], address: K) -> bool {
    all.iter().fold(false, |is_covered, Masks { masks, networks }| {
        let is_in = |lane: usize| address & masks[lane] == networks[lane];
        (0..LANES).fold(is_covered, |is_covered, lane| is_covered | is_in(lane))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_counts_however_many_there_are() {
        for count in 0..=9_u8 {
            let texts =
                (0..count).flat_map(|number| [format!("10.{number}.0.0/16"), format!("fd0{number}::/16")]);
            let networks: Vec<IpNet> = texts.map(|text| text.parse().expect("a network")).collect();
            let inside = Inside::new(&networks);
            for number in 0..=9_u8 {
                for address in [format!("10.{number}.255.255"), format!("fd0{number}::1")] {
                    let is_inside = inside.contains(address.parse().expect("an address"));
                    assert_eq!(is_inside, number < count, "{address} with {count} networks of each family");
                }
            }
        }
    }
}
