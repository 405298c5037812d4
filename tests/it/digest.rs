//! Is the morning's digest worth opening? What it says first, what it leaves out, and when it comes.

use crate::storm::{Answer, deliver_until};
use crate::world::{
    LAB, OFFICE, Seen, World, at, calls_every_two_hours, detect, facts, ip, report, silent, switched_off,
};
use allclear::edge::template::Templates;
use allclear::engine::Opening;
use allclear::pure::digest::to_value;
use allclear::pure::interval::Interval;
use allclear::pure::playbook::{Library, StageName};
use allclear::pure::report::Letter;
use allclear::pure::schedule::Schedule;
use allclear::pure::site::{ClosedDays, DigestSettings, Site};
use allclear::pure::ticket::{ALLCLEAR, Act, Digest, Event, Input, Mail, Recorded, Round, TicketId};
use jiff::tz::TimeZone;
use std::time::Duration;

const SOC: &str = "soc@dis.example";

fn settings(cron: &str) -> DigestSettings {
    DigestSettings {
        cron: cron.to_owned(),
        to: vec![SOC.to_owned()],
        is_skipped_unchanged: true,
        has_coordinators: true,
        timezone: TimeZone::UTC,
        timezone_name: "UTC".to_owned(),
    }
}

/// A school on Monday at nine, whose digests go out so.
fn school(settings: DigestSettings, change: impl FnOnce(&mut Library)) -> World {
    let mut world = World::without_ticket(|_| {}, |_| {});
    let mut library = world.engine.library().clone();
    let mail = library.site_file.mail.as_mut().expect("there is mail");
    (mail.digest, mail.hourly_limit) = (Some(settings), 1_000);
    change(&mut library);
    world.engine = world.reopened_with(library);
    world.tick();
    world
}

fn open(world: &mut World, site: &str, tickets: usize) {
    for number in 0..tickets {
        let opening = Opening {
            reference: Some(format!("MARS-{number}")),
            site: site.to_owned(),
            playbook: "conficker".to_owned(),
            public: ip("192.0.2.17"),
            reports: vec![report("2015-05-04T08:00:00Z")],
        };
        world.engine.open_ticket(world.now, "engineer", opening).expect("a ticket opens");
    }
}

/// Every digest so far, with who gets it.
fn digests(world: &World) -> Vec<(Recorded, Vec<String>, Digest)> {
    let events = world.engine.history(TicketId::NONE).expect("the log can be read");
    let digests = events.into_iter().filter_map(|recorded| match recorded.event.clone() {
        Event::RoundQueued { to, round: Round::Digest(digest) } => Some((recorded, to, *digest)),
        _ => None,
    });
    digests.collect()
}

fn times(world: &World, to: &str) -> Vec<String> {
    let meant = digests(world).into_iter().filter(|(_, told, _)| told.iter().any(|told| told == to));
    meant.map(|(recorded, ..)| recorded.at.strftime("%d %H:%M").to_string()).collect()
}

fn last(world: &World, to: &str) -> Digest {
    let meant = digests(world).into_iter().rfind(|(_, told, _)| told.iter().any(|told| told.contains(to)));
    meant.map(|(_, _, digest)| digest).unwrap_or_else(|| panic!("no digest for {to}"))
}

fn section(digest: &Digest, title: &str) -> Vec<String> {
    let found = digest.sections.iter().find(|section| section.title.starts_with(title));
    found.map_or_else(Vec::new, |section| {
        section
            .rows
            .iter()
            .map(|row| format!("{}: {}", row.head, row.text))
            .chain([section.more.clone()])
            .collect()
    })
}

fn letter(digest: &Digest) -> Letter {
    let round = Round::Digest(Box::new(digest.clone()));
    let mail = Mail::new(99, round.event(), at("2015-05-08T06:00:00Z"), vec![SOC.to_owned()]);
    let templates = Templates::load(None).expect("the shipped templates load");
    templates.round_letter(to_value(digest), &mail, "allclear <a@dis.example>").expect("a letter")
}

/// Those of one ticket, which were put together on Tuesday at six.
pub fn with_digest() -> World {
    let mut world = school(settings("0 6 * * *"), |_| {});
    open(&mut world, "springfield", 1);
    deliver_until(&mut world, "2015-05-05T06:10:00Z", |_| Answer::Yes);
    world
}

/// The one for those of the site file, of a school whose machines, malware and title have this name, where one is
/// given.
pub fn busy_week(name: Option<&str>) -> Letter {
    let mut world = school(settings("0 6 * * *"), |library| {
        library.playbooks.get_mut("conficker").expect("there").judge.heard_packets_min = 10;
        let site = library.site_file.sites.get_mut("springfield").expect("there");
        site.title = name.map_or(site.title.clone(), str::to_owned);
    });
    open(&mut world, "springfield", 2);
    if name.is_some() {
        let named = Act::NameHost { host: ip(OFFICE), mac: None, name: name.map(str::to_owned) };
        world.act("2015-05-04T09:00:00Z", named).expect("named");
    }
    world.live_until("2015-05-04T15:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    world.act("2015-05-04T16:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    world.live_until("2015-05-07T06:10:00Z", |window| Seen {
        lost: None,
        watched_seconds: (window.from > at("2015-05-06T12:00:00Z")).then_some(600),
        ..silent(window)
    });
    letter(&last(&world, SOC))
}

#[test]
fn the_whole_digest_of_a_busy_week() {
    let letter = busy_week(None);
    insta::assert_snapshot!("digest_text", format!("Subject: {}\n\n{}", letter.subject, letter.text));
    // The style is that of all mails.
    let body = letter.html.split_once("</head>").expect("a page").1;
    insta::assert_snapshot!("digest_html", body);
    assert_eq!(letter.file_name(), "0000-0099-digest.eml");
}

#[test]
fn the_first_line_names_the_machines_of_a_ticket_in_the_order_of_its_row() {
    let mut world = school(settings("0 6 * * *"), |_| {});
    open(&mut world, "springfield", 1);
    world.live_until("2015-05-04T13:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    // Its address comes before the other's, and it is found after it.
    world.live_until("2015-05-05T06:10:00Z", |window| calls_every_two_hours(window, ip("10.16.1.2"), None));
    world.live_until("2015-05-06T06:10:00Z", |window| calls_every_two_hours(window, ip(OFFICE), None));
    let digest = last(&world, SOC);
    let needs = section(&digest, "Needs you: machines to clean");
    let first = format!("{OFFICE} and 2 more at Springfield School District are infected and not cleaned.");
    assert_eq!((&digest.first, digest.subject.as_str()), (&first, "3 machines are to be cleaned: all sites"));
    assert_eq!(digest.second, "TO DO by Sat 2015-05-09 12:00 UTC: take them off the network, clean them.");
    assert!(needs[0].starts_with(&format!("#1 {OFFICE} and 2 more: ")), "{needs:?}");
    assert!(needs[0].contains("take them off the network, clean them"), "{needs:?}");
}

#[test]
fn it_comes_when_something_is_new_and_once_a_week_when_not() {
    for (row, is_skipped, expected) in [
        ("left out when unchanged", true, vec!["05 06:00", "12 06:00"]),
        ("always", false, vec!["05 06:00", "06 06:00", "07 06:00", "08 06:00", "11 06:00"]),
    ] {
        let mut settings = settings("0 6 * * 1-5");
        settings.is_skipped_unchanged = is_skipped;
        let mut world = school(settings, |library| {
            let playbook = library.playbooks.get_mut("conficker").expect("there");
            playbook.due = Default::default();
        });
        open(&mut world, "springfield", 1);
        world.live_until("2015-05-19T00:00:00Z", silent);
        let seen = times(&world, SOC);
        assert_eq!(seen[..expected.len().min(seen.len())], expected, "{row}");
        let quiet = &digests(&world)[1..].iter().map(|(_, _, digest)| digest.clone()).collect::<Vec<_>>();
        assert!(
            quiet.iter().all(|digest| digest.rest.contains("till watching: 1 ticket")),
            "{row}: {quiet:#?}"
        );
    }
}

#[test]
fn a_digest_that_was_due_while_nobody_was_there_comes_once_and_late() {
    let mut world = school(DigestSettings { is_skipped_unchanged: false, ..settings("0 6 * * *") }, |_| {});
    open(&mut world, "springfield", 1);
    world.now = at("2015-05-09T11:00:00Z");
    world.engine = world.reopened();
    world.tick();
    world.tick();
    assert_eq!(times(&world, SOC), ["09 11:00"], "of five one");
    let digest = last(&world, SOC);
    assert_eq!(digest.late, "Sat 2015-05-09 06:00 UTC");
    assert!(letter(&digest).text.contains("It comes late: it was planned for Sat 2015-05-09 06:00 UTC"));
    world.live_until("2015-05-10T06:00:00Z", silent);
    assert_eq!(times(&world, SOC), ["09 11:00", "10 06:00"], "and the next at its time");
    assert_eq!(last(&world, SOC).late, "");
}

#[test]
fn its_times_are_those_of_its_zone_when_clocks_change() {
    for (row, cron, zone, from, expected) in [
        ("forward", "30 2 * * *", "America/Chicago", "2015-03-08T00:00:00Z", ["08 08:00", "09 07:30"]),
        ("back", "30 1 * * *", "America/Chicago", "2015-11-01T00:00:00Z", ["01 06:30", "02 07:30"]),
    ] {
        let mut settings = settings(cron);
        settings.timezone = TimeZone::get(zone).expect("a zone");
        settings.is_skipped_unchanged = false;
        let mut world = World::without_ticket(|_| {}, |_| {});
        world.now = at(from);
        let mut library = world.engine.library().clone();
        library.site_file.mail.as_mut().expect("there is mail").digest = Some(settings);
        world.engine = world.reopened_with(library);
        world.tick();
        let end = world.now + jiff::SignedDuration::from_hours(35);
        world.live_until(&end.to_string(), silent);
        assert_eq!(times(&world, SOC), expected, "{row}");
    }
}

#[test]
fn a_plan_that_is_new_owes_nothing_of_the_past() {
    let mut world = school(settings("0 6 * * *"), |_| {});
    open(&mut world, "springfield", 1);
    let with = |world: &World, digest: Option<DigestSettings>| {
        let mut library = world.engine.library().clone();
        library.site_file.mail.as_mut().expect("there is mail").digest = digest;
        library
    };
    for (time, plan) in
        [("2015-05-04T12:00:00Z", None), ("2015-05-08T12:00:00Z", Some(settings("0 7 * * *")))]
    {
        world.now = at(time);
        world.engine = world.reopened_with(with(&world, plan));
        world.tick();
        assert_eq!(times(&world, SOC), Vec::<String>::new(), "{time}");
    }
    world.live_until("2015-05-09T08:00:00Z", silent);
    assert_eq!(times(&world, SOC), ["09 07:00"]);
}

fn second_site(library: &mut Library, name: &str, coordinator: &str, zone: &str) {
    let first = library.site_file.sites["springfield"].clone();
    let site = Site {
        name: name.to_owned(),
        title: format!("{name} School"),
        coordinator: coordinator.to_owned(),
        timezone: TimeZone::get(zone).expect("a zone"),
        timezone_name: zone.to_owned(),
        ..first
    };
    library.site_file.sites.insert(name.to_owned(), site);
}

#[test]
fn each_coordinator_gets_one_of_their_own_tickets_in_their_zone() {
    let mut world = school(settings("0 6 * * *"), |library| {
        second_site(library, "shelbyville", "T. C. <TECH@springfield.example>", "UTC");
        second_site(library, "ogdenville", "Og <og@ogdenville.example>", "America/Chicago");
        second_site(library, "quiet", "nobody@quiet.example", "UTC");
        second_site(library, "central", SOC, "UTC");
    });
    for site in ["springfield", "shelbyville", "ogdenville", "central"] {
        open(&mut world, site, 1);
    }
    world.live_until("2015-05-05T06:00:00Z", silent);
    let told: Vec<(Vec<String>, String, String)> =
        digests(&world).into_iter().map(|(_, to, digest)| (to, digest.whose, digest.as_of)).collect();
    let row = |to: &str, whose: &str, as_of: &str| (vec![to.to_owned()], whose.to_owned(), as_of.to_owned());
    let utc = "Tue 2015-05-05 06:00 UTC";
    assert_eq!(
        told,
        [
            row(SOC, "all sites", utc),
            row("Og <og@ogdenville.example>", "ogdenville School", "Tue 2015-05-05 01:00 CDT"),
            row("T. C. <TECH@springfield.example>", "shelbyville School and 1 more site", utc),
        ]
    );
    assert_eq!(section(&last(&world, SOC), "Open"), ["4 tickets: reported, machine not found yet", ""]);
    assert_eq!(section(&last(&world, "og@"), "Open"), ["1 ticket: reported, machine not found yet", ""]);
}

#[test]
fn a_cause_that_many_tickets_share_is_one_line() {
    let mut world = school(settings("0 6 * * *"), |_| {});
    open(&mut world, "springfield", 87);
    world.tick();
    world.now = at("2015-05-05T06:00:00Z");
    let open: Vec<_> = world.engine.open_runs().map(|(ticket, _, run)| (ticket, run.id)).collect();
    for (ticket, run) in open {
        world
            .engine
            .step(world.now, ALLCLEAR, ticket, &Input::Abandoned(vec![(run, Vec::new())]))
            .expect("ended");
    }
    world.tick();
    let digest = last(&world, SOC);
    let rows = section(&digest, "Could not be verified");
    let [missed, more] = &rows[..] else { panic!("{rows:#?}") };
    assert!(missed.starts_with("87 tickets, missed, 870 runs: allclear was not running"), "{missed}");
    assert!(missed.ends_with("(#1, #2, #3, #4, #5 and 82 more)") && more.is_empty(), "{missed}");
    assert!(digest.rest.contains("87 tickets could not be verified"), "{}", digest.rest);
    let needed = section(&digest, "Needs you: machines to find");
    assert_eq!((needed.len(), needed[25].as_str()), (26, "and 62 more: `allclear ticket list`"));
}

/// The night is planned after the digest that comes late, and all the same before it.
#[test]
fn a_late_digest_knows_of_the_nights_that_were_missed() {
    let mut world = school(settings("0 6 * * *"), |library| {
        let cron = allclear::pure::schedule::Cron::parse("0 20 * * *").expect("a good expression");
        let playbook = library.playbooks.get_mut("conficker").expect("there");
        playbook.locate.schedule = allclear::pure::schedule::Schedule::Cron(cron);
    });
    open(&mut world, "springfield", 1);
    world.live_until("2015-05-05T05:00:00Z", silent);
    world.now = at("2015-05-06T05:00:00Z");
    world.tick();
    let digest = last(&world, SOC);
    assert!(digest.rest.contains("1 ticket could not be verified, 1 run is missed"), "{}", digest.rest);
}

/// A ticket that is clean but for the nights, and then this becomes of its night: for those of all sites.
fn after_a_night(become_of: impl Fn(Interval) -> Option<Seen>) -> Digest {
    after_a_night_for(SOC, become_of)
}

fn after_a_night_for(reader: &str, become_of: impl Fn(Interval) -> Option<Seen>) -> Digest {
    let mut world = school(DigestSettings { is_skipped_unchanged: false, ..settings("0 6 * * *") }, |_| {});
    open(&mut world, "springfield", 1);
    world.ticket = TicketId(1);
    world.live_until("2015-05-04T15:00:00Z", |window| calls_every_two_hours(window, ip(LAB), None));
    world.act("2015-05-04T16:00:00Z", Act::Clean { host: None, at: None }).expect("cleaned");
    world.live_until("2015-05-05T19:00:00Z", silent);
    let night = Interval::lasting(at("2015-05-05T20:00:00Z"), std::time::Duration::from_secs(8 * 3600));
    if let Some(seen) = become_of(night) {
        world.now = night.from;
        world.tick();
        let run = world.ticket().open_runs().next().expect("it has begun").id;
        world.now = night.to;
        let input = Input::Captured { run, facts: Box::new(facts(night, seen)), listing: None };
        world.engine.step(world.now, ALLCLEAR, world.ticket, &input).expect("a capture is taken");
    }
    world.now = at("2015-05-06T06:00:00Z");
    world.tick();
    last(&world, reader)
}

/// A coordinator can switch on a machine, and mend no capture.
#[test]
fn what_a_school_cannot_mend_is_not_asked_of_it() {
    let short = |night| Some(Seen { watched_seconds: Some(60), ..silent(night) });
    let off = |night| Some(switched_off(night));
    let (tech, all) = ("tech@", SOC);
    let (short_of, silent_of) = ("watched", "said nothing in the window.");
    let seen_to =
        "TO DO by Wed 2015-05-06 20:00 UTC: see that it is switched on and connected during the capture.";
    for (row, digest, why, expected) in [
        (
            "a capture, of the school",
            after_a_night_for(tech, short),
            short_of,
            "TO DO: nothing for the school; the network",
        ),
        ("a machine, of the school", after_a_night_for(tech, off), silent_of, seen_to),
        (
            "a capture, of all",
            after_a_night_for(all, short),
            short_of,
            "TO DO by Wed 2015-05-06 20:00 UTC: find out",
        ),
        ("a machine, of all", after_a_night_for(all, off), silent_of, seen_to),
    ] {
        let begin = "10.16.24.93 at Springfield School District could not be verified: ";
        let cause = digest.first.strip_prefix(begin).unwrap_or_else(|| panic!("{row}: {}", digest.first));
        assert!(cause.contains(why) && !cause.contains(": "), "{row}: {}", digest.first);
        assert!(digest.second.starts_with(expected), "{row}: {}", digest.second);
    }
}

#[test]
fn it_never_sounds_clean_when_nights_were_missed() {
    let digest = after_a_night(|night| Some(silent(night)));
    assert_eq!(digest.first, "Nothing needs you; 1 ticket is being watched.");
    let short = |night| Some(Seen { watched_seconds: Some(60), ..silent(night) });
    for (row, digest) in [("missed", after_a_night(|_| None)), ("inconclusive", after_a_night(short))] {
        assert!(digest.first.contains("could not be verified: "), "{row}: {}", digest.first);
        assert!(digest.second.starts_with("TO DO by Wed 2015-05-06 "), "{row}: {}", digest.second);
        assert!(digest.rest.contains("1 ticket could not be verified"), "{row}: {}", digest.rest);
        assert!(digest.rest.contains(&format!("1 {row}")), "{row}: {}", digest.rest);
        assert!(!digest.subject.contains("othing"), "{row}: {}", digest.subject);
    }
}

#[test]
fn a_break_is_told_and_is_no_news() {
    let day = |day| jiff::civil::date(2015, 5, day);
    let mut world = school(settings("0 6 * * *"), |library| {
        let site = library.site_file.sites.get_mut("springfield").expect("there");
        site.closed = vec![ClosedDays { first: day(5), last: day(20) }];
    });
    open(&mut world, "springfield", 1);
    world.live_until("2015-05-12T07:00:00Z", silent);
    assert_eq!(times(&world, SOC), ["05 06:00", "12 06:00"], "a week without news");
    let digest = last(&world, SOC);
    assert_eq!(digest.first, "Nothing needs you; 1 ticket is on hold, none is watched.");
    assert_eq!(digest.second, "TO DO: nothing.");
    assert!(digest.rest.contains("still watching: 0 tickets; on hold: 1,"), "{}", digest.rest);
    assert!(section(&digest, "Could not")[0].starts_with("1 ticket, left out"), "{digest:#?}");
}

#[test]
fn mail_that_does_not_arrive_is_told_to_those_who_can_mend_it() {
    let mut world = school(settings("0 6 * * *"), |_| {});
    open(&mut world, "springfield", 3);
    deliver_until(&mut world, "2015-05-05T06:00:00Z", |_| Answer::Never);
    let rows = section(&last(&world, SOC), "Mail that could not");
    assert_eq!(rows, ["Tech Coordinator <tech@springfield.example>: 3 mails, given up: no (#1, #2, #3)", ""]);
    assert!(section(&last(&world, "tech@"), "Mail that could not").is_empty());
}

#[test]
fn hostile_names_stay_in_their_place() {
    let name = "LAB\"><script>alert(1)</script>";
    let mut world = school(settings("0 6 * * *"), |library| {
        library.site_file.sites.get_mut("springfield").expect("there").title =
            "Spring\u{202e}field\r\nBcc: x@y.example".to_owned();
    });
    open(&mut world, "springfield", 1);
    let act = Act::NameHost { host: ip(LAB), mac: None, name: Some(name.to_owned()) };
    world.act("2015-05-04T10:00:00Z", act).expect("named");
    world.live_until("2015-05-05T06:00:00Z", silent);
    let letter = letter(&last(&world, SOC));
    assert!(!letter.html.contains("<script>"), "{}", letter.html);
    for text in [&letter.text, &letter.html, &letter.subject] {
        assert!(!text.contains('\u{202e}') && !text.contains("\nBcc"), "{text}");
    }
    assert!(
        letter.text.starts_with("10.16.24.93 (\"LAB'><script>alert(1)</script>\") at"),
        "{}",
        letter.text
    );
    assert_eq!(letter.subject.lines().count(), 1);
}

/// A run by hand begins later and ends earlier; the digest came in between.
#[test]
fn a_run_that_ends_after_one_that_began_later_is_told() {
    let mut world = school(settings("0 6 * * *"), |library| {
        let locate = &mut library.playbooks.get_mut("conficker").expect("there").locate;
        locate.schedule = Schedule::Every(Duration::from_secs(86_400));
        locate.capture.length = Duration::from_secs(6 * 3600 + 1800);
    });
    open(&mut world, "springfield", 1);
    world.ticket = TicketId(1);
    let end = |world: &mut World, window: Interval, seen: Seen| {
        let run = world.ticket().open_runs().last().expect("it has begun").id;
        world.now = window.to;
        let facts = Box::new(facts(window, seen));
        let input = Input::Captured { run, facts, listing: None };
        world.engine.step(world.now, ALLCLEAR, world.ticket, &input).expect("a capture is taken");
    };
    world.now = at("2015-05-05T00:00:00Z");
    world.tick();
    let night = Interval::lasting(world.now, Duration::from_secs(6 * 3600 + 1800));
    let by_hand = Interval::lasting(at("2015-05-05T01:00:00Z"), Duration::from_secs(600));
    world.now = by_hand.from;
    let length = Duration::from_secs(600);
    world.input(&Input::HandRun { stage: StageName::Locate, window_start: by_hand.from, length });
    end(&mut world, by_hand, silent(by_hand));
    world.now = at("2015-05-05T06:00:00Z");
    world.tick();
    end(&mut world, night, Seen { watched_seconds: Some(60), ..silent(night) });
    world.now = at("2015-05-06T06:00:00Z");
    world.tick();
    let rows = section(&last(&world, SOC), "Could not be verified");
    assert!(rows[0].starts_with("1 ticket, inconclusive: "), "{rows:#?}");
}

#[test]
fn a_detect_stage_that_could_not_watch_is_told_though_no_ticket_is_open() {
    let mut world = school(settings("0 6 * * *"), |library| {
        library.playbooks.get_mut("conficker").expect("there").detect = Some(detect());
    });
    world.now = at("2015-05-05T06:00:00Z");
    world.tick();
    let digest = last(&world, SOC);
    assert_eq!(digest.first, "1 detect stage could not look for new infections.");
    let rows = section(&digest, "Could not be verified");
    assert!(rows[0].starts_with("41 runs of detect, missed: allclear was not running"), "{rows:#?}");
    assert!(rows[0].ends_with("(detect of conficker at springfield)"), "{rows:#?}");
    world.live_until("2015-05-07T06:00:00Z", silent);
    assert_eq!(times(&world, SOC), ["05 06:00"], "after quiet days there is nothing new");
}

#[test]
fn a_digest_that_comes_late_does_not_put_the_next_sign_of_life_off() {
    let mut world = school(settings("0 6 * * 1"), |library| {
        library.playbooks.get_mut("conficker").expect("there").due = Default::default();
    });
    open(&mut world, "springfield", 1);
    world.live_until("2015-05-11T05:59:00Z", silent);
    world.now = at("2015-05-11T09:00:00Z");
    world.tick();
    world.live_until("2015-05-18T07:00:00Z", silent);
    assert_eq!(times(&world, SOC), ["11 09:00", "18 06:00"]);
}

/// Each ticket that needs somebody stands in one row, which tells what is new about it; what is overdue is said
/// first, and in the subject.
#[test]
fn what_is_most_urgent_leads_and_no_ticket_is_told_twice() {
    let mut world = school(settings("0 6 * * *"), |library| {
        let due = &mut library.playbooks.get_mut("conficker").expect("there").due;
        (due.located, due.cleaned) =
            (Some(Duration::from_secs(36 * 3600)), Some(Duration::from_secs(86_400)));
    });
    open(&mut world, "springfield", 3);
    for (id, time, host) in [(1, "2015-05-04T10:00:00Z", LAB), (2, "2015-05-06T05:00:00Z", OFFICE)] {
        world.ticket = TicketId(id);
        let (host, name) = (ip(host), None);
        world.live_until(time, silent);
        world.act(time, Act::NameHost { host, mac: None, name }).expect("named");
    }
    world.live_until("2015-05-06T06:10:00Z", silent);
    let digest = last(&world, SOC);
    assert_eq!(
        digest.subject,
        "2 tickets are OVERDUE, 2 machines are to be cleaned, 1 machine is not found yet: all sites"
    );
    assert_eq!(
        digest.first,
        format!(
            "{LAB} at Springfield School District is infected and not cleaned, and overdue; 2 more tickets need you."
        )
    );
    let second = "TO DO now (it was due Tue 2015-05-05 10:00 UTC): take it off the network, clean it.";
    assert_eq!(digest.second, second);
    let clean = section(&digest, "Needs you: machines to clean");
    assert!(
        clean[0].starts_with(&format!("#1 {LAB}: Springfield School District: OVERDUE: infected")),
        "{clean:#?}"
    );
    assert!(
        clean[1].ends_with(&format!("clean it by Thu 2015-05-07 05:00 UTC (new: located {OFFICE})")),
        "{clean:#?}"
    );
    let find = section(&digest, "Needs you: machines to find");
    assert!(find[0].contains("OVERDUE: infected and not found, sought since"), "{find:#?}");
    assert!(section(&digest, "Changed").is_empty(), "{digest:#?}");
    let rows = digest.sections.iter().flat_map(|section| &section.rows);
    let heads: Vec<&String> = rows.map(|row| &row.head).filter(|head| head.starts_with('#')).collect();
    assert_eq!(heads.len(), 3, "{heads:?}");
}

/// What can be cleaned is not cut off by what nobody has found for weeks.
#[test]
fn a_digest_that_is_cut_shows_what_can_be_cleaned() {
    let mut world = school(settings("0 6 * * *"), |_| {});
    open(&mut world, "springfield", 30);
    world.live_until("2015-05-20T05:00:00Z", |_| Seen::default());
    world.ticket = TicketId(30);
    world.act("2015-05-20T05:30:00Z", Act::NameHost { host: ip(LAB), mac: None, name: None }).expect("named");
    world.live_until("2015-05-20T06:10:00Z", |_| Seen::default());
    let digest = last(&world, SOC);
    assert!(
        section(&digest, "Needs you: machines to clean")[0].starts_with(&format!("#30 {LAB}: ")),
        "{digest:#?}"
    );
    let find = section(&digest, "Needs you: machines to find");
    assert_eq!(find.last().map(String::as_str), Some("and 4 more: `allclear ticket list`"));
}
