//! Is this address one of ours?

use ipnet::IpNet;
use std::net::IpAddr;

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
            IpAddr::V4(address) => {
                self.v4.iter().any(|&(mask, network)| u32::from(address) & mask == network)
            }
            IpAddr::V6(address) => {
                self.v6.iter().any(|&(mask, network)| u128::from(address) & mask == network)
            }
        }
    }
}
