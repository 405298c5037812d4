//! Has somebody asked us to stop?
//!
//! One flag, set by a signal or by the program, looked at by every loop that waits.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often is looked whether somebody has asked, and how long the last words may take.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
const LAST_WORDS_MAX: Duration = Duration::from_millis(200);

/// A request to end soon and cleanly; all clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Stop {
        Stop::default()
    }

    /// A request that SIGINT and SIGTERM make; the second signal ends the process at once, with the
    /// exit code 1 of a command that could not do its work. SIGHUP (the terminal is gone) makes it too,
    /// unless it is ignored (nohup); it never ends the process at once, since one hangup may send several.
    ///
    /// # Errors
    /// When the signals cannot be caught.
    pub fn on_signals() -> io::Result<Stop> {
        let stop = Stop::new();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down and only then raises it.
            signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop.0))?;
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        if !is_ignored(SIGHUP) {
            signal_hook::flag::register(SIGHUP, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Sees to it that the process is gone so long after the request, whatever hangs: a disk, a lock,
    /// a look-up, a pipe that nobody reads.
    ///
    /// # Errors
    /// When the thread that watches cannot be started.
    pub fn end_within(&self, patience: Duration) -> io::Result<()> {
        let stop = self.clone();
        let watch = move || {
            while !stop.is_requested() {
                thread::sleep(LOOK_PAUSE);
            }
            thread::sleep(patience.saturating_sub(LAST_WORDS_MAX));
            // Telling may hang, too.
            thread::spawn(|| tracing::error!("something hangs: ending; the next start names what was lost"));
            thread::sleep(LAST_WORDS_MAX);
            signal_hook::low_level::exit(1);
        };
        thread::Builder::new().name("end".to_owned()).spawn(watch).map(drop)
    }

    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody has asked.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// From now on a file that would grow beyond the limit of this process (`ulimit -f`) cannot be written, as on a
/// full disk; else SIGXFSZ ends the process.
///
/// # Errors
/// When the signal cannot be caught.
pub fn outlive_file_limit() -> io::Result<()> {
    signal_hook::flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false))).map(drop)
}

/// Whether whoever started this process wants it to outlive such signals.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zero is a valid `sigaction`, and without a new one the call only fills it in.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_asks_and_all_clones_hear_it() {
        // As it may be for the tests themselves, under nohup.
        let is_hangup_ignored = is_ignored(SIGHUP);
        for (signal, wanted) in [(SIGTERM, true), (SIGHUP, !is_hangup_ignored)] {
            let stop = Stop::on_signals().expect("signals can be caught");
            let clone = stop.clone();
            assert!(!clone.is_requested());
            // A second SIGTERM would end the tests.
            signal_hook::low_level::raise(signal).expect("the process can signal itself");
            assert_eq!(clone.is_requested(), wanted, "{signal}");
        }
    }

    #[test]
    fn whether_a_signal_is_ignored_is_known() {
        assert!(is_ignored(libc::SIGPIPE), "the runtime of Rust ignores it");
        assert!(!is_ignored(libc::SIGUSR2));
    }
}
