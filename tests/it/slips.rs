//! What is said of a slip in a template, word for word, and where: also in branches that no ticket has taken
//! yet. Found when templates are loaded, by `check`, and nowhere else first.

use crate::station::Station;
use allclear::edge::template::Templates;

/// `line:column: what (cure)` of every fault of one file that stands in the place of a shipped template.
fn told(file: &str, text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join(file), text).expect("a file");
    let problems = Templates::load(Some(directory.path())).err().unwrap_or_default();
    let line = |problem: &allclear::pure::problem::Problem| {
        assert!(problem.path.ends_with(file), "{problem:?}");
        let place = problem.place.as_ref().map_or(String::new(), |at| format!("{}:{}: ", at.line, at.column));
        format!("{place}{} ({})", problem.what, problem.cure.clone().unwrap_or_default())
    };
    problems.iter().map(line).collect()
}

const CLOSE: &str = "close every {{#if}} and {{#each}} with {{/if}} and {{/each}}, innermost first";
const HELPERS: &str = "use {{#if}}, {{#unless}} and {{#each}} alone";

#[test]
fn an_unknown_name_is_an_error_wherever_it_stands() {
    let mut wrong = Vec::new();
    for (case, file, text, wanted) in [
        (
            "alone",
            "foot.txt.hbs",
            "a\n  {{machin}}\n",
            "2:3: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in if",
            "foot.txt.hbs",
            "a\n{{#if machin}}b{{/if}}\n",
            "2:1: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in unless",
            "foot.txt.hbs",
            "{{#unless machin}}b{{/unless}}\n",
            "1:1: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in each",
            "foot.txt.hbs",
            "{{#each machin}}b{{/each}}\n",
            "1:1: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in each with else",
            "foot.txt.hbs",
            "{{#each machin}}b{{else}}c{{/each}}",
            "1:1: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in else if",
            "foot.txt.hbs",
            "{{#if is_overdue}}b{{else if machin}}c{{/if}}",
            "1:1: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in an item",
            "foot.txt.hbs",
            "{{#each hosts}}\n{{lable}}{{/each}}",
            "2:1: 'lable' is not known (did you mean 'label'?)",
        ),
        (
            "above an item",
            "foot.txt.hbs",
            "{{#each hosts}}{{../machin}}{{/each}}",
            "1:16: '../machin' is not known (did you mean 'machines'?)",
        ),
        (
            "from the root",
            "foot.txt.hbs",
            "{{@root.machin}}",
            "1:1: '@root.machin' is not known (did you mean 'machines'?)",
        ),
        (
            "a local one",
            "foot.txt.hbs",
            "{{#each hosts}}{{@indx}}{{/each}}",
            "1:16: '@indx' is not known (did you mean '@index'?)",
        ),
        (
            "below a name",
            "foot.html.hbs",
            "{{clean.mising}}",
            "1:1: 'clean.mising' is not known (did you mean 'missing'?)",
        ),
        (
            "where no ticket leads",
            "foot.html.hbs",
            "{{#if is_overdue}}{{#unless is_overdue}}{{machin}}{{/unless}}{{/if}}",
            "1:41: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in the else of a list that is never empty",
            "reports.txt.hbs",
            "{{#each reports}}{{malware}}{{else}}{{machin}}{{/each}}",
            "1:37: 'machin' is not known (did you mean 'machines'?)",
        ),
        (
            "in a report",
            "report.md.hbs",
            "\n\n{{#if record.machin}}b{{/if}}",
            "3:1: 'record.machin' is not known (did you mean 'machines'?)",
        ),
        (
            "like no name",
            "foot.txt.hbs",
            "{{x}}",
            "1:1: 'x' is not known (use a name that the shipped template of this file uses)",
        ),
        (
            "in a row of a report",
            "row.html.hbs",
            "<tr>\n<td>{{widow}}</td></tr>",
            "2:5: 'widow' is not known (did you mean 'window'?)",
        ),
    ] {
        let told = told(file, text);
        wrong.extend((told != [wanted]).then(|| format!("{case}: {told:?}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn whatever_else_is_wrong_with_a_template_is_told_with_its_place() {
    let mut wrong = Vec::new();
    let unescaped = "it would show a text from outside unescaped (write {{name}}, with two braces)";
    let partial = "there is no template 'nobody' to include (include a shipped one)";
    let endless = |name: &str| {
        format!("'{name}' includes this one in turn, without end (take one of the two inclusions out)")
    };
    for (case, file, text, wanted) in [
        ("an unknown helper", "foot.txt.hbs", "a {{upper id}}", format!("1:3: there is no helper 'upper' ({HELPERS})")),
        (
            "one where no ticket leads",
            "foot.txt.hbs",
            "{{#if is_overdue}}{{else}}{{#if is_overdue}}{{upper id}}{{/if}}{{/if}}",
            format!("1:45: there is no helper 'upper' ({HELPERS})"),
        ),
        ("with", "foot.txt.hbs", "{{#with clean}}a{{/with}}", format!("1:1: there is no helper 'with' ({HELPERS})")),
        ("lookup", "foot.txt.hbs", "{{lookup hosts 9}}", format!("1:1: there is no helper 'lookup' ({HELPERS})")),
        ("a list of a text", "foot.txt.hbs", "{{#each site}}a{{/each}}", "1:1: 'site' is no list (compare it with the shipped template)".to_owned()),
        ("unescaped", "foot.html.hbs", "a\n{{{malware}}}", format!("2:1: {unescaped}")),
        ("unescaped, where no ticket leads", "foot.html.hbs", "{{#if is_overdue}}{{#unless is_overdue}}{{{site}}}{{/unless}}{{/if}}", format!("1:41: {unescaped}")),
        ("unescaped by a sign", "report.md.hbs", "{{&malware}}", format!("1:1: {unescaped}")),
        ("a partial", "foot.html.hbs", "{{> nobody}}", format!("1:1: {partial}")),
        ("a misspelt partial", "clean.html.hbs", "{{> hostss}}", "1:1: there is no template 'hostss' to include; did you mean 'hosts'? (include a shipped one)".to_owned()),
        ("a partial where no ticket leads", "foot.html.hbs", "{{#unless id}}{{> nobody}}{{/unless}}", format!("1:15: {partial}")),
        ("a partial with something in its place", "foot.html.hbs", "{{#> nobody}}a{{/nobody}}", format!("1:1: {partial}")),
        ("itself", "foot.txt.hbs", "a\n{{> foot}}", format!("2:1: {}", endless("foot"))),
        ("itself where no ticket leads", "foot.txt.hbs", "{{#unless id}}{{> foot}}{{/unless}}", format!("1:15: {}", endless("foot"))),
        ("itself, around its own page", "layout.html.hbs", "{{#> layout}}{{> @partial-block}}{{/layout}}", format!("1:1: {}", endless("layout"))),
        ("an inline partial", "foot.html.hbs", "{{#*inline \"x\"}}a{{/inline}}", "1:1: decorators are not known (put it into a template of its own)".to_owned()),
        ("an unknown name as an argument", "foot.txt.hbs", "{{#if (eq machin 1)}}a{{/if}}", "1:1: 'eq' is given a name that is not known, or too few (use names that the shipped template of this file uses)".to_owned()),
        ("an open block", "foot.txt.hbs", "b\n  {{#if id}}\na", format!("2:3: {{{{#if}}}} is never closed ({CLOSE})")),
        ("a block closed by another's end", "foot.txt.hbs", "{{#each hosts}}\n{{/if}}", format!("1:1: {{{{#each}}}} is not closed before {{{{/if}}}} in line 2 ({CLOSE})")),
        ("an open block in a block", "clean.html.hbs", "{{#> layout}}\n{{#if id}}a\n{{/layout}}", format!("2:1: {{{{#if}}}} is not closed before {{{{/layout}}}} in line 3 ({CLOSE})")),
        ("an end alone", "foot.txt.hbs", "a\n{{/if}}", format!("2:1: {{{{/if}}}} closes nothing ({CLOSE})")),
        ("an open tag", "foot.txt.hbs", "a\n {{id", "2:2: this {{ is never closed (write }} behind it)".to_owned()),
        ("what is even and no template", "foot.txt.hbs", "a\n{{}}", "2:3: the template cannot be read from here on (close every {{#if}} and {{#each}} with {{/if}} and {{/each}}, and every {{ with }})".to_owned()),
        ("no subject", "clean.txt.hbs", "Hello\n", "1:1: its first line does not begin with 'Subject:' (write 'Subject: [allclear #{{id}}] ...' there, then an empty line)".to_owned()),
    ] {
        let (told, wanted) = (told(file, text), [wanted]);
        wrong.extend((told != wanted).then(|| format!("{case}: {told:?}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_is_right_is_taken() {
    for (case, file, text) in [
        (
            "a list in a list",
            "foot.txt.hbs",
            "{{#each hosts}}{{@index}}{{#each history}}{{this}}{{../label}}{{../../id}}{{/each}}{{/each}}",
        ),
        (
            "else and else if",
            "foot.txt.hbs",
            "{{#if is_overdue}}a{{else if has_risk}}{{risk}}{{else}}b{{/if}}",
        ),
        ("a comment", "foot.html.hbs", "{{! {{{machin}}} }}{{!-- {{> nobody}} --}}"),
        ("a comparison", "foot.txt.hbs", "{{#if (eq id \"7\")}}a{{/if}}"),
        ("a partial of one's own wording", "strip.html.hbs", "<p>{{strip_signs}}</p>"),
        ("a frame within the frame", "clean.html.hbs", "{{#> layout}}{{#> strip}}a{{/strip}}b{{/layout}}"),
        ("an argument", "foot.txt.hbs", "{{> checklist has_checklist=has_risk}}"),
        ("nothing", "foot.txt.hbs", ""),
    ] {
        assert_eq!(told(file, text), Vec::<String>::new(), "{case}");
    }
}

#[test]
fn check_reads_the_templates_beside_the_site_file() {
    let station = Station::new("state: state\nsources: {lan: {files: x}}\nsites: {}\n", "playbook: quick\n");
    std::fs::create_dir(station.path("templates")).expect("a directory");
    station.write("templates/foot.txt.hbs", "Bye\n{{#if machin}}x{{/if}}\n");
    station.write("templates/fot.txt.hbs", "Bye\n");
    for arguments in [&["check"][..], &["check", "."], &["check", "allclear.yaml"]] {
        let output = station.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {told}");
        assert!(told.contains("templates/fot.txt.hbs"), "{arguments:?}: {told}");
    }
    std::fs::remove_file(station.path("templates/fot.txt.hbs")).expect("it goes");
    for arguments in [&["check"][..], &["check", "templates/foot.txt.hbs"]] {
        let output = station.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {told}");
        assert!(told.contains("templates/foot.txt.hbs:2:1: 'machin' is not known"), "{arguments:?}: {told}");
        assert!(told.contains("{{#if machin}}x{{/if}}"), "{arguments:?}: {told}");
    }
    station.write("templates/foot.txt.hbs", "Bye\n");
    let output = station.run(&["check", "templates/foot.txt.hbs"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_that_takes_no_templates_place_is_told_with_the_name_that_was_meant() {
    let station = Station::new("state: state\nsources: {lan: {files: x}}\nsites: {}\n", "playbook: quick\n");
    std::fs::create_dir(station.path("templates")).expect("a directory");
    // The station's own files are faulty anyway; an error is told from a warning by its words.
    let plain = station.run(&["check"]).status.code();
    for (name, code, piece) in [
        ("loacted.txt.hbs", Some(64), "did you mean located.txt.hbs? `allclear mail template` lists"),
        ("located.text.hbs", Some(64), "did you mean located.txt.hbs?"),
        ("mine.hbs", Some(64), "name it after the one it replaces, or take it away"),
        ("located.txt", plain, "did you mean located.txt.hbs?"),
        ("foot.txt.hbs.bak", plain, "did you mean foot.txt.hbs?"),
        ("notes", plain, "name it after the one it replaces, or take it away"),
        ("README", plain, ""),
        ("README.md", plain, ""),
        (".located.txt.hbs.swp", plain, ""),
        ("located.txt.hbs~", plain, ""),
        ("located.txt.hbs", plain, ""),
    ] {
        let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/located.txt.hbs"));
        std::fs::write(station.path("templates").join(name), text.expect("it is shipped")).expect("a file");
        let output = station.run(&["check"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), code, "{name}: {told}");
        assert!(told.contains(piece), "{name}: {told}");
        assert_eq!(told.contains(&format!("templates/{name}: ")), !piece.is_empty(), "{name}: {told}");
        let is_warned = told.contains(&format!("templates/{name}: warning: "));
        assert_eq!(is_warned, !piece.is_empty() && !name.ends_with(".hbs"), "{name}: {told}");
        std::fs::remove_file(station.path("templates").join(name)).expect("it goes");
    }
}

/// What stands where templates are looked for and is none: told, and never waited for.
#[test]
fn what_cannot_be_read_as_a_template_is_never_passed_over() {
    type Make = fn(&std::path::Path) -> std::io::Result<()>;
    let rows: [(&str, Make, &str); 6] = [
        (
            "a file for the directory",
            |place| std::fs::write(place, "x"),
            "templates: it cannot be looked into",
        ),
        (
            "a link to nowhere",
            |place| std::os::unix::fs::symlink("/nowhere/at/all", place),
            "templates: it cannot be looked into",
        ),
        (
            "a pipe for a template",
            |place| {
                std::fs::create_dir(place)?;
                let made =
                    std::process::Command::new("mkfifo").arg(place.join("located.txt.hbs")).status()?;
                assert!(made.success());
                Ok(())
            },
            "templates/located.txt.hbs: it is no file",
        ),
        (
            "a directory for a template",
            |place| std::fs::create_dir_all(place.join("located.txt.hbs")),
            "templates/located.txt.hbs: it is no file",
        ),
        ("a directory beside them", |place| std::fs::create_dir_all(place.join("old")), ""),
        (
            "a mark before the first line, as Windows writes it",
            |place| {
                std::fs::create_dir(place)?;
                std::fs::write(place.join("located.txt.hbs"), "\u{feff}Subject: x\n\n{{plight}}\n")
            },
            "",
        ),
    ];
    for (row, make, piece) in rows {
        let place = tempfile::tempdir().expect("a directory");
        let place = place.path().join("templates");
        make(&place).expect("it is made");
        let problems = Templates::load(Some(&place)).err().unwrap_or_default();
        let told: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.path.display(), problem.what)).collect();
        assert_eq!(told.len(), usize::from(!piece.is_empty()), "{row}: {told:?}");
        assert!(told.iter().all(|line| line.contains(piece)), "{row}: {told:?}");
    }
}
