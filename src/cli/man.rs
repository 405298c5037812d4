//! `allclear man`: the manual page, in roff, on standard output.

use super::args::Args;
use super::{Exit, print};
use clap::CommandFactory;

/// Prints it.
pub fn run() -> Exit {
    let mut page = Vec::new();
    match clap_mangen::Man::new(Args::command()).render(&mut page) {
        Ok(()) => print::out(&String::from_utf8_lossy(&page)),
        Err(error) => {
            print::note(&format!("the manual page cannot be made: {error}"));
            Exit::Failed
        }
    }
}
