//! Which captures and lists are measured? Those of the generator beside the repository, where it is there
//! (`../shared/bench`: it and the programs that show the machine's limits are compiled here); else plainer
//! ones of our own. All lie in the target directory and are made once.

use super::generate;
use super::truth::Truth;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/bench");

/// A capture whose truth is known.
pub struct Capture {
    pub path: PathBuf,
    pub truth: Truth,
}

/// Packets cut to their headers, or whole ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Small,
    Full,
}

impl Kind {
    fn seed(self) -> &'static str {
        match self {
            Kind::Small => "1",
            Kind::Full => "7",
        }
    }
}

/// The directory of the inputs.
pub fn directory() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    fs::create_dir_all(&directory).expect("the target directory can be written");
    directory
}

/// So many packets of a kind, with their truth. `safe` ones hold documentation addresses only and may be
/// replayed on a wire.
pub fn capture(kind: Kind, packets: u64, is_safe: bool) -> Capture {
    let name = if kind == Kind::Small { "small" } else { "full" };
    let path = directory().join(format!("{name}-{packets}{}.pcap", if is_safe { "-safe" } else { "" }));
    let truth = path.with_extension("json");
    if !path.is_file() || !truth.is_file() {
        match generator() {
            Some(generator) => {
                let mut command = Command::new(generator);
                command.arg("traffic").args(["--packets", &packets.to_string()]);
                command.args(["--seed", kind.seed()]);
                match kind {
                    Kind::Small => command.args(["--snaplen", "96"]),
                    Kind::Full => command.args(["--hosts", "8000"]),
                };
                command.args(is_safe.then_some("--safe")).arg("--out").arg(&path).arg("--truth").arg(&truth);
                run(&mut command);
            }
            None => generate::capture(&path, &truth, packets, kind == Kind::Full),
        }
    }
    Capture { truth: Truth::read(&truth), path }
}

/// So many addresses, those called first; the others are in no packet of this kind of capture.
pub fn list(kind: Kind, size: u64, is_safe: bool) -> PathBuf {
    let name = format!("list-{size}-{}{}.txt", kind.seed(), if is_safe { "-safe" } else { "" });
    let path = directory().join(name);
    if !path.is_file() {
        match generator() {
            Some(generator) => {
                let mut command = Command::new(generator);
                command.args(["watchlist", "--seed", kind.seed(), "--size", &size.to_string()]);
                run(command.args(is_safe.then_some("--safe")).arg("--out").arg(&path));
            }
            None => generate::list(&path, size),
        }
    }
    path
}

/// A capture without packets, for what a scan costs beside its packets.
pub fn empty() -> PathBuf {
    let path = directory().join("empty.pcap");
    fs::write(&path, generate::FILE_HEADER).expect("the target directory can be written");
    path
}

/// A file with the given lines.
pub fn lines(name: &str, lines: &[String]) -> PathBuf {
    let path = directory().join(name);
    fs::write(&path, lines.join("\n") + "\n").expect("the target directory can be written");
    path
}

/// One of the programs that lie with the generator as a C source, compiled; `None` where it is not there
/// or no compiler is.
pub fn program(name: &str) -> Option<PathBuf> {
    let source = Path::new(SHARED).join(name).with_extension("c");
    compiled(&source, name, Command::new("gcc").args(["-O3", "-march=native", "-pthread"]))
}

fn generator() -> Option<PathBuf> {
    let source = Path::new(SHARED).join("pcapgen.rs");
    compiled(&source, "pcapgen", Command::new("rustc").args(["--edition", "2021", "-O"]))
}

fn compiled(source: &Path, name: &str, compiler: &mut Command) -> Option<PathBuf> {
    let program = directory().join(name);
    if program.is_file() {
        return Some(program);
    }
    let is_done =
        source.is_file() && compiler.arg(source).arg("-o").arg(&program).status().is_ok_and(|s| s.success());
    is_done.then_some(program)
}

fn run(command: &mut Command) {
    let status = command.status().expect("the generator runs");
    assert!(status.success(), "the generator failed with {status}");
}
