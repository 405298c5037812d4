//! Runs the command line and chooses the exit code.

use allclear::edge::memory::LargePages;
use std::process::ExitCode;

#[global_allocator]
static MEMORY: LargePages = LargePages;

fn main() -> ExitCode {
    allclear::cli::main()
}
