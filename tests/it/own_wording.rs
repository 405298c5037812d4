//! Can somebody's own wording of a mail harm its reader? By leaving out what that reader needs, which is warned of, or
//! by letting a text from outside become markup, which is refused. Found by `check`, before the night.

use crate::station::Station;
use allclear::edge::template::{SHIPPED, Templates};
use allclear::pure::problem::Severity;

/// What `load` says of a site's own templates: errors or warnings, `file:line:column: what (cure)`.
fn told(files: &[(&str, &str)], severity: Severity) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    for (file, text) in files {
        std::fs::write(directory.path().join(file), text).expect("a file");
    }
    let loaded = Templates::load(Some(directory.path()));
    let problems = loaded.map_or_else(|problems| problems, |templates| templates.warnings);
    let line = |problem: &allclear::pure::problem::Problem| {
        assert_eq!(problem.severity, severity, "{problem:?}");
        let file = problem.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let at = problem.place.as_ref().expect("a place");
        format!("{file}:{}:{}: {}", at.line, at.column, problem.what)
    };
    problems.iter().map(line).collect()
}

fn shipped(name: &str) -> &'static str {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).expect("it is shipped").1
}

/// The shipped template with one piece replaced, which has to be in it.
fn changed(name: &str, piece: &str, instead: &str) -> String {
    assert!(shipped(name).contains(piece), "{piece} is not in {name}");
    shipped(name).replace(piece, instead)
}

#[test]
fn of_too_many_files_none_is_passed_over_in_silence() {
    let names: Vec<String> = (0..513).map(|number| format!("old-{number}.bak")).collect();
    let directory = tempfile::tempdir().expect("a directory");
    for name in &names[1..] {
        std::fs::write(directory.path().join(name), "").expect("a file");
    }
    let is_told = || {
        let Err(problems) = Templates::load(Some(directory.path())) else { return false };
        problems.iter().any(|problem| problem.what.starts_with("it holds more than 512 files"))
    };
    assert!(!is_told(), "as many as are looked at");
    std::fs::write(directory.path().join(&names[0]), "").expect("a file");
    assert!(is_told(), "one more");
}

#[test]
fn a_mail_that_leaves_out_what_its_reader_needs_is_warned_of() {
    const HEAD: &str = "Subject: [allclear #{{id}}] x\n\n";
    let whole = "{{plight}}.\nTO DO {{by_when}}: clean it.\n";
    let text = |body: &str| format!("{HEAD}{body}");
    let lines = "the first two lines, which are all that many programs and mails about several mails show,";
    let page = |body: &str| format!("{{{{#> layout}}}}<main>{body}</main>{{{{/layout}}}}");
    let mut wrong = Vec::new();
    let rows: Vec<(&str, &str, String, Option<String>)> = vec![
        ("all four", "located.txt.hbs", text(whole), None),
        (
            "in other words",
            "located.txt.hbs",
            text("{{machines}}: {{malware}}\nTo do {{by_when}}: clean it.\n"),
            None,
        ),
        (
            "in another language",
            "located.txt.hbs",
            text("{{plight}}.\nZU TUN {{by_when}}: bitte neu aufsetzen.{{! TO DO }}\n"),
            None,
        ),
        (
            "no machine",
            "located.txt.hbs",
            text("{{malware}}.\nTO DO {{by_when}}: clean it.\n"),
            Some(format!("located.txt.hbs:1:1: {lines} of 'located' can leave out which machine")),
        ),
        (
            "not what is wrong",
            "located.txt.hbs",
            text("{{machines}}.\nTO DO {{by_when}}: clean it.\n"),
            Some(format!("located.txt.hbs:1:1: {lines} of 'located' can leave out what is wrong")),
        ),
        (
            "not what to do",
            "located.txt.hbs",
            text("{{plight}}.\nIt is due {{by_when}}.\n"),
            Some(format!("located.txt.hbs:1:1: {lines} of 'located' can leave out what to do")),
        ),
        (
            "not by when",
            "located.txt.hbs",
            text("{{plight}}.\nTO DO: clean it.\n"),
            Some(format!("located.txt.hbs:1:1: {lines} of 'located' can leave out by when")),
        ),
        (
            "behind a greeting",
            "located.txt.hbs",
            text(&format!("Good morning,\nthis is allclear.\n\n{whole}")),
            Some(format!(
                "located.txt.hbs:1:1: {lines} of 'located' can leave out which machine, what is wrong, what to do, by when"
            )),
        ),
        (
            "nothing but by when, of nobody found",
            "overdue.txt.hbs",
            changed("overdue.txt.hbs", "TO DO {{by_when}}: find it", "TO DO: find it"),
            Some(format!("overdue.txt.hbs:1:1: {lines} of 'overdue' can leave out by when")),
        ),
        (
            "the address behind which it is",
            "opened.txt.hbs",
            changed("opened.txt.hbs", "A machine behind {{public}} is", "A machine is"),
            Some(format!("opened.txt.hbs:1:1: {lines} of 'opened' can leave out which public address")),
        ),
        (
            "who was not reached",
            "undeliverable.txt.hbs",
            changed("undeliverable.txt.hbs", "{{unreached.person}} was not", "Somebody was not"),
            Some(format!("undeliverable.txt.hbs:1:1: {lines} of 'undeliverable' can leave out who was not reached")),
        ),
        (
            "a mail about several mails",
            "folded.txt.hbs",
            changed("folded.txt.hbs", "{{first}}\n{{second}}\n\n{{#if has_answer}}", "{{first}}\n\n{{#if has_answer}}"),
            Some(format!("folded.txt.hbs:1:1: {lines} of 'folded' can leave out what to do, by when")),
        ),
        ("a digest", "digest.txt.hbs", changed("digest.txt.hbs", "[allclear] ", "[x] "), None),
        ("a page with all four", "located.html.hbs", page("<h1>{{plight}}</h1><p>To do {{by_when}}: clean it"), None),
        (
            "a page without",
            "located.html.hbs",
            page("<h1>{{site}}</h1><p>{{called}}"),
            Some("located.html.hbs:1:1: the page of 'located' can leave out which machine, what to do, by when".to_owned()),
        ),
        ("a page whose cards show it", "located.html.hbs", page("<h1>{{malware}}</h1><p>To do {{by_when}}: clean it{{> hosts}}"), None),
        ("another foot", "foot.txt.hbs", "Bye from {{site}}\n".to_owned(), None),
        ("another report", "report.txt.hbs", "{{site}}\n".to_owned(), None),
    ];
    for (row, file, text, expected) in rows {
        let told = told(&[(file, &text)], Severity::Warning);
        wrong.extend((told != Vec::from_iter(expected)).then(|| format!("{row}: {told:#?}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_shipped_wording_itself_leaves_out_nothing() {
    let files: Vec<(&str, String)> =
        SHIPPED.iter().map(|(name, text)| (*name, format!("{text}\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(told(&files, Severity::Warning), Vec::<String>::new());
}

#[test]
fn check_refuses_a_text_from_outside_that_could_become_markup_and_warns_of_a_fact_left_out() {
    let station = Station::new("state: state\nsources: {lan: {files: x}}\nsites: {}\n", "playbook: quick\n");
    std::fs::create_dir(station.path("templates")).expect("a directory");
    let refused = |place: &str| format!("templates/{place}: a text from outside would");
    for (file, text, code, expected) in [
        ("foot.html.hbs", "<p>\n<a title={{site}}>a</a></p>", 64, refused("foot.html.hbs:2:10")),
        ("foot.html.hbs", "<a href=\"{{malware}}\">a</a>", 64, refused("foot.html.hbs:1:10")),
        ("report.html.hbs", "<script>a('{{malware}}')</script>", 64, refused("report.html.hbs:1:12")),
        ("foot.html.hbs", "<a title=\"{{site}}\">a</a>", 0, String::new()),
        ("foot.txt.hbs", "a <a title={{site}}>", 0, String::new()),
        (
            "located.txt.hbs",
            "Subject: x\n\n{{plight}}.\nTO DO: clean it.\n",
            0,
            "can leave out by when".to_owned(),
        ),
    ] {
        let path = format!("templates/{file}");
        station.write(&path, text);
        let checked = station.run(&["check", &path]);
        let told = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(code), "{text}: {told}");
        assert!(told.contains(&expected) && told.is_empty() == expected.is_empty(), "{text}: {told}");
        std::fs::remove_file(station.path(&path)).expect("it was there");
    }
}
