//! What became of the watch after `clean`? How many of its runs passed, and how many proved nothing.
//!
//! It must never let a watch sound kept because one of many runs could see.

use super::view::{Material, TicketView};
use crate::pure::words::{count, local_time};

pub(super) fn add(view: &mut TicketView, material: &Material) {
    let (ticket, zone) = (material.ticket, &material.site.timezone);
    let watch_end = ticket.confirmed.unwrap_or(material.at).saturating_add(material.playbook.clean.watch);
    view.watch_end = watch_end.map_or_else(|_| String::new(), |end| local_time(end, zone));
    let (planned, passed) = ticket.watch();
    let blind = planned.saturating_sub(passed);
    let planned_runs = count(planned as u64, "run");
    view.watch = format!("{passed} of {} passed", count(planned as u64, "planned run"));
    view.is_watch_kept = passed > 0;
    view.is_watch_whole = passed > 0 && blind == 0;
    view.is_watch_mostly_blind = blind >= passed;
    view.watch_able = format!("{passed} of {planned_runs}");
    view.watch_blind = format!("{blind} of {planned_runs}");
    view.watch_unproved = format!("{blind} proved nothing");
}
