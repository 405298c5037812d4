//! What do the commands about mail show and do? The real program, with and without a mail server.

use crate::post_office::{Does, Office, Rule};
use crate::serve::State;
use crate::station::Station;
use allclear::edge::template::SHIPPED;
use serde_json::Value;
use std::fs;
use std::process::Output;

/// A site with one ticket, whose mail goes to this port.
fn state(port: u16) -> State {
    let state = State::new("1s", "60s");
    let path = state.path().join("allclear.yaml");
    let site = fs::read_to_string(&path).expect("it was written");
    fs::write(&path, site.replace("directory: state/outbox", &format!("smtp: smtp://127.0.0.1:{port}")))
        .expect("it is written");
    let opened = state.run(&["ticket", "open", "--from", "page.txt", "--by", "engineer"]);
    assert_eq!(opened.status.code(), Some(0), "{}", String::from_utf8_lossy(&opened.stderr));
    state
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn queue(state: &State) -> Vec<Value> {
    let shown = state.run(&["mail", "queue", "--json"]);
    let value: Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(value["schema"], "allclear.mail_queue/1");
    value["mails"].as_array().expect("mails").clone()
}

#[test]
fn a_refused_mail_is_shown_and_sent_again_beside_a_running_serve() {
    const RULES: &[Rule] = &[("RCPT", 1, Does::Says("550 5.1.1 no such user\u{1b}[31m"))];
    let office = Office::open(RULES);
    let state = state(office.port);
    let waiting = queue(&state);
    assert_eq!((waiting.len(), waiting[0]["state"].as_str()), (1, Some("waiting")));
    assert!(waiting[0]["subject"].as_str().is_some_and(|subject| subject.starts_with("[allclear #1]")));
    let server = state.serve();
    state.wait_for("the mail is refused", || queue(&state).iter().any(|mail| mail["state"] == "refused"));
    let shown = text(&state.run(&["mail", "queue"]));
    assert!(shown.contains("refused") && shown.contains("no such user"), "{shown}");
    assert!(
        shown.contains("nobody sends it any more: mend the cause or the address, then `allclear mail"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let ticket = text(&state.run(&["ticket", "show", "1"]));
    assert!(ticket.contains("no such user"), "{ticket}");
    let listed = text(&state.run(&["ticket", "list"]));
    assert!(listed.contains("mail not delivered"), "{listed}");
    let doctor = text(&state.run(&["doctor"]));
    assert!(doctor.contains("1 refused or given up") && doctor.contains("mail retry"), "{doctor}");
    let number = queue(&state)[0]["mail"].clone();
    let mail = number.to_string();
    let retried = state.run(&["mail", "retry", &mail, "--by", "engineer"]);
    assert_eq!(retried.status.code(), Some(0), "{}", text(&retried));
    state.wait_for("it was accepted", || office.accepted() >= 1);
    state.wait_for("it is on record", || queue(&state).iter().all(|mail| mail["mail"] != number));
    let again = state.run(&["mail", "retry", &mail]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    drop(server);
}

#[test]
fn every_mail_can_be_looked_at_before_anybody_gets_it() {
    let office = Office::open(&[]);
    let state = state(office.port);
    for event in [
        "opened",
        "located",
        "reminder",
        "overdue",
        "relapsed",
        "inconclusive",
        "clean",
        "listed",
        "closed",
        "undeliverable",
    ] {
        for arguments in [vec![event], vec![event, "--html"], vec![event, "--ticket", "1"]] {
            let shown = state.run(&[&["mail", "preview"][..], &arguments].concat());
            let told = text(&shown);
            assert_eq!(shown.status.code(), Some(0), "{arguments:?}: {told}");
            let is_page = arguments.contains(&"--html");
            assert_eq!(told.starts_with("<!DOCTYPE html>"), is_page, "{arguments:?}: {told}");
            assert_eq!(told.contains("Subject: [allclear #1] "), !is_page, "{arguments:?}: {told}");
        }
    }
    let closed = text(&state.run(&["mail", "preview", "closed"]));
    assert!(closed.contains("was not seen again") && closed.contains("planned runs passed"), "{closed}");
    let wrong = state.run(&["mail", "preview", "located\u{1b}[31m"]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(
        text(&wrong).contains("located, reminder") && !text(&wrong).contains('\u{1b}'),
        "{}",
        text(&wrong)
    );
    assert_eq!((queue(&state).len(), office.accepted()), (1, 0), "nothing was sent or queued by looking");
}

#[test]
fn every_mail_that_has_a_template_of_its_own_can_be_looked_at() {
    let office = Office::open(&[]);
    let state = state(office.port);
    let path = state.path().join("allclear.yaml");
    let site = fs::read_to_string(&path).expect("it was written");
    let smtp = format!("smtp: smtp://127.0.0.1:{}", office.port);
    let digest = format!("{smtp}\n  digest: {{cron: \"0 6 * * *\", to: [soc@x.example]}}");
    fs::write(&path, site.replace(&smtp, &digest)).expect("it is written");
    let is_letter = |(name, text): &&(&str, &str)| name.ends_with(".txt.hbs") && text.starts_with("Subject:");
    let letters: Vec<&str> =
        SHIPPED.iter().filter(is_letter).map(|(name, _)| name.trim_end_matches(".txt.hbs")).collect();
    assert_eq!(letters.len(), 12, "{letters:?}");
    for name in letters {
        for arguments in [vec![name], vec![name, "--html"], vec![name, "--ticket", "1"]] {
            let shown = state.run(&[&["mail", "preview"][..], &arguments].concat());
            assert_eq!(shown.status.code(), Some(0), "{arguments:?}: {}", text(&shown));
        }
    }
}

#[test]
fn a_made_up_ticket_is_one_that_could_be() {
    let state = state(Office::open(&[]).port);
    // The first of the playbooks, as one is shipped.
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/conficker.yaml");
    let shipped = fs::read_to_string(shipped)
        .expect("it is shipped")
        .replace("malware: [conficker,", "malware: [kido,");
    let shipped = shipped.replace("downadup, kido]", "downadup]");
    fs::write(state.path().join("playbooks/conficker.yaml"), shipped).expect("it is written");
    for (event, wanted, unwanted) in [
        ("opened", &["TO DO ", "port 1701 of"][..], &["Overdue"][..]),
        ("located", &["infected and calls", "contact"], &[" 0 contacts", "now (it was due"]),
        ("reminder", &["is still not reported as cleaned", "TO DO by"], &[" 0 contacts", "now (it was due"]),
        ("overdue", &["TO DO now (it was due"], &[" 0 contacts", "TO DO by"]),
        (
            "relapsed",
            &["calls a", "again.", "that no longer holds: it calls again", "+ + + !"],
            &[" 0 contacts"],
        ),
        ("inconclusive", &["no proof yet", "+ ? ? ?", "Still missing"], &["infected MAC"]),
        (
            "clean",
            &["passes in a row: ", "confirmed clean: ", "[x] ", "Assurance 9"],
            &["row: 0", "assurance: 0 %", "assurance: not known", "time of: 0", "not signed"],
        ),
        ("listed", &["listed (", "1 relapse", "+ + +"], &["not listed ("]),
        ("closed", &["planned runs passed", "confirmed clean: "], &["0 of ", "but nothing watched"]),
        ("undeliverable", &["550 5.1.1 no such user", "infected"], &[" 0 contacts"]),
        ("folded", &["2 mails about", "OVERDUE"], &[]),
    ] {
        let shown = state.run(&["mail", "preview", event]);
        let told = text(&shown).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(wanted.iter().all(|words| told.contains(words)), "{event}, {wanted:?}: {told}");
        assert!(!unwanted.iter().any(|words| told.contains(words)), "{event}, not {unwanted:?}: {told}");
    }
}

#[test]
fn a_mail_can_tell_what_the_shipped_ones_leave_to_reports() {
    let state = State::new("1s", "60s");
    let templates = state.path().join("templates");
    fs::create_dir(&templates).expect("a directory");
    for (asked, wanted) in [
        ("{{#each timeline}}It happened: {{what}}\n{{/each}}", "It happened: Ticket opened for "),
        ("{{#each runs}}It was watched {{window}}\n{{/each}}", "It was watched "),
    ] {
        let mail = format!("Subject: x\n\n{{{{machines}}}}: {{{{malware}}}}.\nTO DO: nothing.\n\n{asked}");
        fs::write(templates.join("clean.txt.hbs"), mail).expect("a file");
        let told = text(&state.run(&["mail", "preview", "clean"]));
        assert!(told.contains(wanted), "{asked}: {told}");
    }
}

#[test]
fn a_preview_of_what_the_ticket_has_not_come_to_says_so_beside_it() {
    let state = state(Office::open(&[]).port);
    let note = "ticket 1 is 'reported', and no mail about";
    for (event, is_there) in [
        ("opened", true),
        ("reminder", true),
        ("located", false),
        ("clean", false),
        ("closed", false),
        ("folded", true),
    ] {
        let shown = state.run(&["mail", "preview", event, "--ticket", "1"]);
        let (told, out) = (String::from_utf8_lossy(&shown.stderr), String::from_utf8_lossy(&shown.stdout));
        assert_eq!(shown.status.code(), Some(0), "{told}");
        assert_eq!(told.contains(note), !is_there, "{event}: {told}");
        assert!(out.contains("Subject: [allclear #1]") && !out.contains(note), "{event}: {out}");
    }
}

#[test]
fn a_test_mail_tells_each_step_and_goes_to_nobody_else() {
    for (row, rules, address, code, pieces) in [
        (
            "taken",
            &[] as &'static [Rule],
            "tech@x.example",
            0,
            &["greeting: 220", "RCPT TO: 250", "accepted"][..],
        ),
        ("with a name", &[], "Tech <tech@x.example>", 0, &["accepted"]),
        (
            "refused",
            &[("RCPT", 0, Does::Says("550 no such user"))],
            "tech@x.example",
            1,
            &["RCPT TO: 550", "refused"],
        ),
        (
            "busy",
            &[("BANNER", 0, Does::Leaves("421 busy"))],
            "tech@x.example",
            1,
            &["421 busy", "no mail leaves"],
        ),
        ("more than an address", &[], "tech@x.example\r\nRCPT TO:<all@x.example>", 1, &["no mail address"]),
        ("no address", &[], "tech", 1, &["no mail address"]),
    ] {
        let office = Office::open(rules);
        let state = state(office.port);
        let tried = state.run(&["mail", "test", address]);
        let told = text(&tried);
        assert_eq!(tried.status.code(), Some(code), "{row}: {told}");
        assert!(pieces.iter().all(|piece| told.contains(piece)), "{row}: {told}");
        assert_eq!(office.accepted(), usize::from(code == 0), "{row}");
    }
}

#[test]
fn a_shipped_template_can_be_copied_and_what_is_no_template_is_told() {
    let station = Station::new("state: state\nsources: {lan: {files: x}}\nsites: {}\n", "playbook: quick\n");
    std::fs::remove_file(station.path("allclear.yaml")).expect("no site file is needed");
    let listed = text(&station.run(&["mail", "template"]));
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
    for (name, text) in SHIPPED {
        let printed = station.run(&["mail", "template", name]);
        assert_eq!((printed.status.code(), &printed.stdout[..]), (Some(0), text.as_bytes()), "{name}");
    }
    for (name, piece) in [
        ("located", "write located.html.hbs or located.txt.hbs"),
        ("loacted.txt.hbs", "did you mean located.txt.hbs?"),
        ("located.txt", "did you mean located.txt.hbs?"),
        ("\u{1b}[31m", "`allclear mail template` lists them"),
    ] {
        let told = station.run(&["mail", "template", name]);
        assert_eq!(told.status.code(), Some(64), "{name}");
        let told = text(&told);
        assert!(told.contains(piece) && !told.contains('\u{1b}'), "{name}: {told}");
    }
}

#[test]
fn a_held_mail_is_shown_with_its_reason_and_end_and_goes_when_it_is_asked_for() {
    let state = state(1);
    let path = state.path().join("allclear.yaml");
    let site = fs::read_to_string(&path).expect("it was written");
    fs::write(&path, site.replace("  from:", "  hourly_limit: 1\n  from:")).expect("it is written");
    let seen =
        ["--seen", "2019-12-01T10:00", "--malware", "zeus", "--playbook", "quick", "--public", "192.0.2.17"];
    let opened = state.run(&[&["ticket", "open"][..], &seen].concat());
    assert_eq!(opened.status.code(), Some(0), "{}", text(&opened));
    let mails = queue(&state);
    let states: Vec<&Value> = mails.iter().map(|mail| &mail["state"]).collect();
    assert_eq!(states, ["waiting", "held"]);
    assert_eq!((&mails[0]["held_because"], &mails[1]["held_because"]), (&Value::Null, &"limit".into()));
    let shown = text(&state.run(&["mail", "queue"]));
    let number = mails[1]["mail"].to_string();
    for piece in [
        "held back (1 mail an hour to this address, as `hourly_limit` says): it goes when the mails before it are out",
        &format!("`allclear mail retry {number}` lets it go now"),
    ] {
        assert!(shown.contains(piece), "{shown}");
    }
    let all = text(&state.run(&["mail", "retry", "--all", "--by", "engineer"]));
    assert!(all.contains(&format!("mail {} goes again to ", mails[0]["mail"])), "{all}");
    assert!(all.contains(&format!("mail {number} is held back (1 mail an hour")), "{all}");
    assert_eq!(queue(&state)[1]["state"], "held", "it still is");
    let one = text(&state.run(&["mail", "retry", &number, "--by", "engineer"]));
    assert!(one.contains(&format!("mail {number} was held back, and goes to ")), "{one}");
    let after = &queue(&state)[1];
    assert_eq!((&after["state"], &after["since"]), (&"waiting".into(), &mails[1]["since"]));
}
