//! Is this address one of ours?

use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::BitAnd;

/// The inside networks of a site as masks, for a quick answer.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Inside {
    pub(super) fn new(networks: &[IpNet]) -> Inside {
        let mut inside = Inside { v4: Vec::new(), v6: Vec::new() };
        for network in networks {
            match network {
                IpNet::V4(network) => inside.v4.push((network.netmask().into(), network.network().into())),
                IpNet::V6(network) => inside.v6.push((network.netmask().into(), network.network().into())),
            }
        }
        inside
    }

    #[inline]
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => covers(&self.v4, address.into()),
            IpAddr::V6(address) => covers(&self.v6, address.into()),
        }
    }
}

/// Asks all networks: to stop at the first that covers it is a branch that the processor cannot foresee.
#[inline]
fn covers<K: Copy + PartialEq + BitAnd<Output = K>>(networks: &[(K, K)], address: K) -> bool {
    networks.iter().fold(false, |is_covered, &(mask, network)| is_covered | (address & mask == network))
}
