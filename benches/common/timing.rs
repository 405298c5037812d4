//! What does a command cost? Wall time, processor time and memory, the best of several runs in turns, so
//! that a busy machine slows all alike.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command line.
pub type Argv = Vec<String>;

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: Duration,
    pub processor: Duration,
    pub peak_kib: i64,
}

/// How many processors a command may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    One,
    All,
}

impl Cost {
    const NONE: Cost = Cost { wall: Duration::MAX, processor: Duration::MAX, peak_kib: 0 };

    fn or_better(self, other: Cost) -> Cost {
        Cost {
            wall: self.wall.min(other.wall),
            processor: self.processor.min(other.processor),
            peak_kib: self.peak_kib.max(other.peak_kib),
        }
    }

    /// Million packets a second of wall time.
    pub fn rate(&self, packets: u64) -> f64 {
        packets as f64 / self.wall.as_secs_f64() / 1e6
    }

    /// What it took beyond another.
    pub fn beyond(&self, other: &Cost) -> Cost {
        Cost {
            wall: self.wall.saturating_sub(other.wall),
            processor: self.processor.saturating_sub(other.processor),
            peak_kib: self.peak_kib - other.peak_kib,
        }
    }
}

/// The words of a command line.
pub fn argv<const N: usize>(words: [&str; N], files: &[&Path]) -> Argv {
    let files = files.iter().map(|file| file.display().to_string());
    words.into_iter().map(str::to_owned).chain(files).collect()
}

/// Runs all commands so many times in turns; the best of each.
pub fn in_turns(rounds: usize, cores: Cores, commands: &[&Argv]) -> Vec<Cost> {
    let mut best = vec![Cost::NONE; commands.len()];
    for _ in 0..rounds {
        for (best, argv) in best.iter_mut().zip(commands) {
            *best = best.or_better(timed(command(argv, cores).stdout(Stdio::null()).stderr(Stdio::null())));
        }
    }
    best
}

/// The command, held to the first processor when it may use only one.
pub fn command(argv: &[String], cores: Cores) -> Command {
    let held = ["taskset", "-c", "0"].map(str::to_owned);
    let words: Vec<&String> = held.iter().filter(|_| cores == Cores::One).chain(argv).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// What one run of the command takes.
#[expect(clippy::zombie_processes, reason = "wait4 waits for it, and tells its memory too")]
pub fn timed(command: &mut Command) -> Cost {
    let begin = Instant::now();
    let child = command.spawn().expect("the command starts");
    cost(child.id(), begin)
}

/// What a child process took in all, once it has ended.
pub fn cost(id: u32, begin: Instant) -> Cost {
    let pid = i32::try_from(id).expect("process ids are small");
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, and both pointers live through the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(pid, &mut status, 0, &mut usage), pid, "the child can be waited for");
        usage
    };
    let duration = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    let processor = duration(usage.ru_utime) + duration(usage.ru_stime);
    Cost { wall: begin.elapsed(), processor, peak_kib: usage.ru_maxrss }
}
