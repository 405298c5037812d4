//! Can a newcomer find out what each command does?

use std::process::{Command, Output};

fn allclear(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_allclear")).args(arguments).output().expect("the program runs")
}

/// The commands that `--help` lists, `help` left out.
fn commands(of: &[&str]) -> Vec<String> {
    let help = allclear(&[of, &["--help"]].concat());
    assert_eq!(help.status.code(), Some(0), "{of:?} --help");
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    let listed = text.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    let lines = listed.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_help_and_a_place_in_the_manual_page() {
    let manual = allclear(&["man"]);
    let manual = String::from_utf8_lossy(&manual.stdout).into_owned();
    let known = commands(&[]);
    assert!(known.len() > 12, "{known:?}");
    for command in &known {
        let page = command.replace('-', "\\-");
        assert!(manual.contains(&format!("allclear\\-{page} \\- ")), "{command} is not in the manual page");
        commands(&[command]);
    }
    for act in commands(&["ticket"]) {
        commands(&["ticket", &act]);
        let page = act.replace('-', "\\-");
        assert!(manual.contains(&format!("allclear\\-ticket\\-{page} \\- ")), "ticket {act} is not there");
    }
}
