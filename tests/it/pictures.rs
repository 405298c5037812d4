//! Pictures of tickets that were really lived through: they show what the ticket counts, and no more.

use crate::letters::{eml, letter, templates};
use crate::sample::sample;
use crate::world::{LAB, OFFICE, Seen, World, at, calls_at, ip, silent, switched_off};
use allclear::edge::mailer;
use allclear::edge::template::Form;
use allclear::pure::interval::Interval;
use allclear::pure::picture::{self, HostPictures, Picture};
use allclear::pure::playbook::{MailEvent, StageName};
use allclear::pure::ticket::{Host, Rise, stand};

/// The pictures of a host, as they are now.
fn pictures(world: &World, host: &Host) -> HostPictures {
    let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
    let clean = &context.playbook.clean;
    picture::of_host(world.ticket(), host, &world.ledger(), clean, &context.site.timezone)
}

fn signs(world: &World, host: &str) -> String {
    let host = world.ticket().hosts.iter().find(|known| known.host == ip(host)).expect("it is blamed");
    pictures(world, host).strip.signs().replace(' ', "")
}

#[test]
fn the_curve_ends_where_the_ticket_stands_after_every_night() {
    let mut world = World::with(|playbook| playbook.clean.assurance = 0.999_999);
    world.cleaned_at("2015-05-05T10:00:00Z");
    let mut last = 0.0;
    for day in 6..=24 {
        let seen: fn(Interval) -> Seen = if day % 5 == 0 { switched_off } else { silent };
        world.live_until(&format!("2015-05-{day:02}T12:00:00Z"), seen);
        let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
        let standing = stand(world.ticket(), &context);
        let curve = pictures(&world, &world.ticket().hosts[0]).curve;
        let Rise::Known { cleaned, steps } = &curve.rise else { panic!("{:?}", curve.rise) };
        assert_eq!(*cleaned, at("2015-05-05T10:00:00Z"));
        let end = steps.last().expect("a night was watched").assurance;
        assert!((end - standing.hosts[0].assurance.expect("known")).abs() < 1e-9, "{day} May: {end}");
        assert!(end >= last && steps.is_sorted_by(|a, b| a.assurance <= b.assurance), "{day} May");
        last = end;
    }
    assert!(last > 0.9);
}

#[test]
fn a_strip_tells_apart_what_became_of_each_night() {
    let mut world = World::new();
    world.cleaned_at("2015-05-05T10:00:00Z");
    world.live_until("2015-05-07T12:00:00Z", silent);
    world.live_until("2015-05-08T12:00:00Z", switched_off);
    assert_eq!(signs(&world, LAB), "!!++?", "the two days on which it was found calling come first");
    world.live_until("2015-05-09T12:00:00Z", calls_at("2015-05-08T23:00:00Z", OFFICE, None));
    assert_eq!(signs(&world, OFFICE), "!", "the night by which it was found");
    let lab = signs(&world, LAB);
    assert!(lab.starts_with("!!++?") && !lab[5..].contains('!'), "another host called: {lab}");
    world.live_until("2015-05-10T12:00:00Z", calls_at("2015-05-09T23:00:00Z", LAB, None));
    let rise = pictures(&world, &world.ticket().hosts[0]).curve.rise;
    assert_eq!(rise, Rise::Infected, "no assurance of a host that called again");
}

#[test]
fn a_relapse_that_no_verify_run_saw_is_a_cell_too() {
    for (row, who, more) in [("it called by day", LAB, "!"), ("another one did", OFFICE, "")] {
        let mut world = World::new();
        world.cleaned_at("2015-05-05T10:00:00Z");
        world.live_until("2015-05-07T12:00:00Z", silent);
        world.live_until("2015-05-08T12:00:00Z", switched_off);
        let other = "10.16.40.7";
        world.live_until("2015-05-09T12:00:00Z", calls_at("2015-05-08T23:00:00Z", other, None));
        let before = signs(&world, LAB);
        world.live_until("2015-05-09T18:00:00Z", calls_at("2015-05-09T15:00:00Z", who, None));
        let last =
            world.ticket().runs.iter().rev().find(|run| run.end.as_ref().is_some_and(|end| end.contacts > 0));
        assert_eq!(last.map(|run| run.stage), Some(StageName::Locate), "{row}");
        let after = signs(&world, LAB);
        assert!(before.starts_with("!!++?"), "{row}: {before}");
        assert_eq!(after, format!("{before}{more}"), "{row}");
    }
}

#[test]
fn where_nothing_tells_how_often_it_calls_words_say_so() {
    let mut world = World::with(|playbook| playbook.clean.contact_interval = None);
    world.cleaned_at("2015-05-04T18:00:00Z");
    world.live_until("2015-05-08T12:00:00Z", silent);
    let pictures = pictures(&world, &world.ticket().hosts[0]);
    let zone = jiff::tz::TimeZone::UTC;
    if let Rise::Unknown { .. } = pictures.curve.rise {
        let words = pictures.curve.words(&zone);
        assert!(words.starts_with("assurance not known, wanted "), "{words}");
        assert_eq!(pictures.draw(str::to_string, &zone).len(), 1, "the strip alone");
    } else {
        panic!("it was seen too seldom: {:?}", pictures.curve.rise);
    }
}

#[test]
fn a_mail_that_is_looked_at_first_shows_its_pictures() {
    let letter = letter(&sample(MailEvent::Clean));
    let page = mailer::page(&letter);
    assert_eq!((letter.pictures.len(), page.matches("src=\"data:image/svg+xml,%3Csvg%20").count()), (2, 2));
    assert!(!page.contains("cid:") && page.matches("alt=\"").count() == 2, "{page}");
    let bare = crate::letters::letter(&sample(MailEvent::Opened));
    assert_eq!(mailer::page(&bare), bare.html);
}

#[test]
fn the_pictures_of_one_mail_stay_within_512_kib() {
    let mut mail = letter(&sample(MailEvent::Clean));
    let first = mail.pictures[0].clone();
    let numbered = |number| Picture { id: format!("strip-{number}.7.42@allclear"), ..first.clone() };
    mail.pictures = (0..200).map(numbered).collect();
    let raw = eml(&mail);
    let images: Vec<usize> = raw.split("Content-Type: image/png").skip(1).map(bytes_of_base64).collect();
    let (sum, one) = (images.iter().sum::<usize>(), images[0]);
    assert!(images.len() < 200 && sum <= 512 * 1024 && sum + one > 512 * 1024, "{sum} and {one}");
    assert_eq!(raw.matches("Content-Disposition: inline; filename=\"strip-").count(), images.len());
}

fn bytes_of_base64(part: &str) -> usize {
    let body = part.split_once("\r\n\r\n").expect("a head and a body").1;
    let signs: String = body.split("\r\n--").next().expect("a body").split_whitespace().collect();
    signs.trim_end_matches('=').len() * 3 / 4
}

#[test]
fn a_drawing_holds_no_name_and_a_page_no_markup_of_one() {
    let mut hostile = sample(MailEvent::Clean);
    let evil = "</title></svg><script>alert(1)</script>";
    hostile.ticket.hosts[0].name = Some(evil.to_string());
    let report = templates().report(&hostile.material(), Form::Html).expect("a report");
    let drawings: Vec<&str> =
        report.split("<svg").skip(1).filter_map(|rest| rest.split("</svg>").next()).collect();
    assert_eq!(drawings.len(), 2);
    assert!(drawings.iter().all(|drawing| !drawing.contains("alert") && !drawing.contains("10.16")));
    assert!(!report.contains("<script>") && report.contains("&lt;/svg&gt;&lt;script&gt;"), "{report}");
}
