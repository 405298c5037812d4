//! Which machines does the demo's school have? Names and addresses, made up.
//!
//! `traffic` lets them talk, `recorder` decides when. The infected one is that of the guide,
//! 10.16.24.93.

use std::net::Ipv4Addr;

/// A machine, or a far end as the LAN sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// As it tells the DHCP server.
    pub name: String,
    pub address: Ipv4Addr,
    pub mac: [u8; 6],
    /// Whether it stays on at night.
    pub is_always_on: bool,
}

/// Machines of one kind, numbered from 1 on in their names, and from `first` on in their addresses.
struct Room {
    name: &'static str,
    machines: u8,
    /// The third byte of their addresses, and the fourth of the first one.
    third: u8,
    first: u8,
    is_always_on: bool,
}

const ROOMS: [Room; 4] = [
    Room { name: "LAB", machines: 20, third: 24, first: 87, is_always_on: true },
    Room { name: "TEACHER", machines: 9, third: 26, first: 11, is_always_on: false },
    Room { name: "OFFICE", machines: 8, third: 30, first: 11, is_always_on: false },
    Room { name: "PRINT", machines: 3, third: 31, first: 11, is_always_on: true },
];

/// What the malware of the demo lives on.
const INFECTED: &str = "LAB-7";

/// The router's inner side: whatever lies outside is reached through it.
const ROUTER: [u8; 6] = [0x02, 0, 10, 16, 0, 1];

/// Every machine that people use.
pub fn machines() -> Vec<Machine> {
    let in_room = |Room { name, machines, third, first, is_always_on }: Room| {
        (0..machines).map(move |number| Machine {
            name: format!("{name}-{}", number + 1),
            is_always_on,
            ..inside(third, first + number)
        })
    };
    ROOMS.into_iter().flat_map(in_room).collect()
}

/// The infected one.
pub fn infected() -> Machine {
    let found = machines().into_iter().find(|machine| machine.name == INFECTED);
    found.expect("the infected machine stands in one of the rooms")
}

/// The school's own server for names, addresses and the time.
pub fn server() -> Machine {
    Machine { name: "SERVER".to_owned(), ..inside(0, 5) }
}

/// A far end on the Internet.
pub fn outside(address: Ipv4Addr) -> Machine {
    Machine { name: String::new(), address, mac: ROUTER, is_always_on: true }
}

fn inside(third: u8, fourth: u8) -> Machine {
    Machine {
        name: String::new(),
        address: Ipv4Addr::new(10, 16, third, fourth),
        // A locally administered address: no vendor has it.
        mac: [0x02, 0, 10, 16, third, fourth],
        is_always_on: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_infected_machine_is_that_of_the_guide_among_dozens_of_others() {
        assert_eq!(infected().address, Ipv4Addr::new(10, 16, 24, 93));
        let mut addresses: Vec<Ipv4Addr> = machines().iter().map(|machine| machine.address).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 40, "each has an address of its own");
    }
}
