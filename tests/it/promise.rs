//! In which ways could a ticket be called clean that is not? Stories that once ended so, or nearly.

use crate::world::{LAB, World, at, ip, silent};
use allclear::pure::ticket::{Act, Phase};

fn sign(world: &mut World, time: &str) {
    world.act(time, Act::Sign { item: "patch".to_owned() }).expect("the item is signed");
}

#[test]
fn a_ticket_whose_last_named_host_is_withdrawn_is_reported_whatever_its_phase() {
    for is_clean in [false, true] {
        let mut world = World::new();
        world.act("2015-05-04T10:00:00Z", Act::Clean { host: Some(ip(LAB)), at: None }).expect("cleaned");
        sign(&mut world, "2015-05-04T11:00:00Z");
        let day = if is_clean { "2015-05-25T12:00:00Z" } else { "2015-05-06T12:00:00Z" };
        world.live_until(day, silent);
        assert_eq!(world.phase(), if is_clean { Phase::Clean } else { Phase::Verifying });
        let withdraw = Act::WithdrawHost { host: ip(LAB), reason: "the wrong machine".to_owned() };
        world.act(day, withdraw).expect("no run has seen it");
        assert_eq!(world.phase(), Phase::Reported, "nobody is blamed any more");
        world.live_until("2015-06-10T12:00:00Z", silent);
        assert_eq!(world.phase(), Phase::Reported, "and silence of nobody proves nothing");
    }
}
