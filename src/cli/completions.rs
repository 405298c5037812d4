//! `allclear completions SHELL`: completions for a shell, on standard output.

use super::args::Args;
use super::{Exit, print};
use clap::CommandFactory;
use clap_complete::Shell;

/// Prints them.
pub fn run(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "allclear", &mut script);
    print::out(&String::from_utf8_lossy(&script))
}
