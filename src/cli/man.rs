//! `allclear man`: the manual page, in roff, on standard output.

use super::args::Args;
use super::{Exit, print};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io;

/// Prints it: the program, and then each of its commands.
pub fn run() -> Exit {
    let mut page = Vec::new();
    match render(&mut page) {
        Ok(()) => print::out(&String::from_utf8_lossy(&page)),
        Err(error) => {
            print::note(&format!("the manual page cannot be made: {error}"));
            Exit::Failed
        }
    }
}

fn render(page: &mut Vec<u8>) -> io::Result<()> {
    let mut program = Args::command();
    program.build();
    Man::new(program.clone()).render(page)?;
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    commands.into_iter().try_for_each(|command| render_command(command, page))
}

/// A command's own page, and those of the commands below it.
fn render_command(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_options_section(page)?;
    let below = command.get_subcommands().filter(|command| command.get_name() != "help");
    below.into_iter().try_for_each(|command| render_command(command, page))
}
