//! Which pictures are shown of a ticket, and what do they say? One view for each host that has nights.

use super::parts::label;
use super::view::{Material, TicketView};
use crate::pure::picture::{self, HOSTS_MAX, HostPictures, NIGHTS_MAX, Picture, Sign};
use crate::pure::playbook::StageName;
use crate::pure::ticket::Host;
use crate::pure::words::{capitalised, count};
use serde::Serialize;

/// What is shown of one host beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PicturesView {
    /// The host, `10.16.24.93 (LAB-7)`.
    pub label: String,
    /// One sign a night, the newest last: `+ + ? -`.
    pub signs: String,
    /// The nights in a sentence.
    pub nights: String,
    /// The assurance in a sentence.
    pub assurance: String,
    pub drawings: Vec<DrawingView>,
}

/// One drawing. In a mail it is an image with the address `cid:` and its id; in a page, `{{drawing id}}` puts
/// it where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DrawingView {
    pub id: String,
    /// The same in a sentence.
    pub words: String,
    /// In CSS pixels.
    pub width: String,
    pub height: String,
}

/// Puts the pictures into the view: of the hosts that have to be watched and have nights, for the others have
/// nothing to show. Before the first night of watching, the hosts' own lines say when they called.
pub(super) fn add(view: &mut TicketView, material: &Material) {
    if !view.has_strip {
        return;
    }
    let Material { ticket, runs, playbook, .. } = *material;
    let zone = &material.site.timezone;
    let of_host = |host| (host, picture::of_host(ticket, host, runs, &playbook.clean, zone));
    let shown: Vec<(&Host, HostPictures)> =
        ticket.watched_hosts().map(of_host).filter(|(_, of_host)| !of_host.strip.nights.is_empty()).collect();
    let nights = runs.iter().rev().filter(|run| run.stage == StageName::Verify);
    let mut signs: Vec<Sign> = nights.take(NIGHTS_MAX).map(Sign::of).collect();
    for (at, (host, of_host)) in shown.iter().take(HOSTS_MAX).enumerate() {
        signs.extend(of_host.strip.signs_shown());
        let drawings = of_host.draw(|what| id(what, at + 1, material), zone);
        view.pictures.push(of_one(host, of_host, &drawings, material));
        view.drawings.extend(drawings);
    }
    let left_out = shown.len().saturating_sub(HOSTS_MAX) as u64;
    view.legend = legend(&signs);
    view.has_pictures = !view.pictures.is_empty();
    view.has_unpictured = left_out > 0;
    view.unpictured = format!("{} without pictures here", count(left_out, "more machine"));
}

/// What no other mail has: `strip-1.7.42@allclear`, of ticket 7 as it was after event 42 (RFC 2392 wants a
/// Content-ID to be one of its kind).
fn id(what: &str, number: usize, material: &Material) -> String {
    let seq = material.events.last().map_or(0, |recorded| recorded.seq);
    format!("{what}-{number}.{}.{seq}@allclear", material.ticket.id)
}

fn of_one(host: &Host, of_host: &HostPictures, drawings: &[Picture], material: &Material) -> PicturesView {
    let HostPictures { strip, curve } = of_host;
    let zone = &material.site.timezone;
    let drawing = |picture: &Picture| DrawingView {
        id: picture.id.clone(),
        words: picture.words.clone(),
        width: picture.width.to_string(),
        height: picture.height.to_string(),
    };
    PicturesView {
        label: label(host),
        signs: strip.signs(),
        nights: format!("{}.", capitalised(&strip.words(zone))),
        assurance: format!("{}.", capitalised(&curve.words(zone))),
        drawings: drawings.iter().map(drawing).collect(),
    }
}

/// `+ pass, ? inconclusive`: what these signs mean, each once.
fn legend(signs: &[Sign]) -> String {
    let shown = Sign::ALL.into_iter().filter(|sign| signs.contains(sign));
    shown.map(|sign| format!("{} {}", sign.mark(), sign.word())).collect::<Vec<_>>().join(", ")
}
