//! What does a command that writes pcap or pcapng show between now and the end of the window?
//!
//! Runs the program without a shell, in a process group of its own, and hands its frames to the
//! listener. It must never take a program that died, hangs or writes rubbish for a quiet network.

use super::session::{OnFrame, Session};
use super::stream::{FrameStream, ReadEnd};
use super::tail::Tail;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::lost::Lost;
use crate::pure::moment::{nanoseconds, of_nanoseconds};
use crate::pure::packet::Frame;
use crate::pure::sighting::Stamps;
use crate::pure::verdict::{Ending, Listened};
use crate::pure::watched::{LOOK_GAP_SECONDS_MAX, WatchedTime};
use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How long one wait for output may last; stop and window are looked at after each.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A program that was asked to end has so long to write what it still holds, in seconds.
const GRACE_SECONDS: f64 = 2.0;

/// A program that wrote nothing for longer than this may as well hang: the time is not watched. In
/// seconds; there is hardly a network where five minutes pass without as much as an ARP.
const SILENCE_SECONDS_MAX: f64 = 300.0;

/// Its exit is looked for so often, so long after its output ended.
const EXIT_LOOKS: (u32, Duration) = (100, Duration::from_millis(20));

/// Runs a command until the window ends, somebody stops it, the listener has enough, or it ends by
/// itself. The argument text `{filter}` becomes `filter`.
pub fn listen(argv: &[String], filter: &str, session: &Session<'_>, on_frame: &mut OnFrame<'_>) -> Listened {
    match Running::start(argv, filter, session) {
        Ok(running) => listen_to(running, session, on_frame),
        Err(what) => Listened::nothing(Ending::SourceGone(what)),
    }
}

fn listen_to(mut running: Running<'_>, session: &Session<'_>, on_frame: &mut OnFrame<'_>) -> Listened {
    let mut enough = None;
    let mut first_frame_ns = None;
    let mut stamps = Stamps::since(nanoseconds(running.started));
    let read_end = FrameStream::new(&mut running).for_each(|frame| {
        let time_ns = stamps.time(frame.time_ns, || nanoseconds((session.clock)()));
        first_frame_ns = first_frame_ns.or(Some(time_ns));
        match on_frame(&Frame { time_ns, ..frame }) {
            ControlFlow::Break(ending) => {
                enough = Some(ending);
                ControlFlow::Break(())
            }
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
        }
    });
    let now = (session.clock)();
    running.alive.look(now, true);
    running.hear_out();
    let ending = enough.unwrap_or_else(|| running.ending(&read_end, now));
    if matches!(ending, Ending::TimeUp | Ending::PacketLimit(_) | Ending::ByteLimit(_) | Ending::Stopped) {
        running.talking.look(now, true);
    }
    Listened {
        watched: running.watched(first_frame_ns),
        lost: Lost::told(running.tail.lost_packets()).or_more(read_end.lost),
        off_stamps: stamps.take_off(),
        ..Listened::nothing(ending)
    }
}

/// The arguments with the filter in its place. What goes through ssh is read by a shell at the
/// other end, so there a filter that is an argument of its own is quoted.
fn with_filter(argv: &[String], filter: &str) -> Vec<String> {
    let is_ssh =
        argv.first().is_some_and(|program| Path::new(program).file_name().is_some_and(|name| name == "ssh"));
    let quoted = if is_ssh { format!("'{}'", filter.replace('\'', r"'\''")) } else { filter.to_owned() };
    argv.iter()
        .map(
            |argument| {
                if argument == "{filter}" { quoted.clone() } else { argument.replace("{filter}", filter) }
            },
        )
        .collect()
}

/// A command at work; reading from it waits for its output, but not beyond its time.
struct Running<'a> {
    name: String,
    child: Child,
    stdout: ChildStdout,
    /// `None` once it was closed.
    stderr: Option<ChildStderr>,
    tail: Tail,
    session: &'a Session<'a>,
    started: Timestamp,
    /// When and why it was asked to end.
    asked_to_end: Option<(Timestamp, Ending)>,
    is_at_end: bool,
    first_output: Option<Timestamp>,
    /// Since when it was gone and nothing came, though something that it started holds its output open.
    left_since: Option<Timestamp>,
    alive: WatchedTime,
    talking: WatchedTime,
}

impl<'a> Running<'a> {
    fn start(argv: &[String], filter: &str, session: &'a Session<'a>) -> Result<Running<'a>, String> {
        let argv = with_filter(argv, filter);
        let (program, arguments) =
            argv.split_first().ok_or("command is empty: name a program that writes pcap")?;
        let mut command = Command::new(program);
        command.args(arguments).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        die_with_us(&mut command);
        let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
        let (stdout, stderr) = (child.stdout.take().expect("stdout is piped"), child.stderr.take());
        Ok(Running {
            name: program.clone(),
            child,
            stdout,
            stderr,
            tail: Tail::default(),
            session,
            started: (session.clock)(),
            asked_to_end: None,
            is_at_end: false,
            first_output: None,
            left_since: None,
            alive: WatchedTime::new(LOOK_GAP_SECONDS_MAX),
            talking: WatchedTime::new(SILENCE_SECONDS_MAX),
        })
    }

    /// Asks it to end when its time is up, and tells whether its grace is over too.
    fn is_over(&mut self, now: Timestamp) -> bool {
        if let Some((asked, _)) = &self.asked_to_end {
            return Interval::new(*asked, now).seconds() > GRACE_SECONDS;
        }
        let ending = if now >= self.session.window.to {
            Ending::TimeUp
        } else if self.session.stop.is_requested() {
            Ending::Stopped
        } else {
            self.alive.look(now, true);
            return false;
        };
        self.signal(Signal::TERM);
        self.asked_to_end = Some((now, ending));
        false
    }

    /// Whether the program is gone for as long as its grace, and so is what it left behind: nothing more came.
    fn is_left(&mut self, now: Timestamp) -> bool {
        if self.left_since.is_none() && self.is_gone() {
            self.left_since = Some(now);
        }
        self.left_since.is_some_and(|since| Interval::new(since, now).seconds() > GRACE_SECONDS)
    }

    /// Whether it has exited. It is not buried yet: until then its process group can be no other's.
    fn is_gone(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let child = Pid::from_raw(self.child.id().cast_signed());
        child.is_some_and(|child| matches!(waitid(WaitId::Pid(child), options), Ok(Some(_))))
    }

    /// Waits a little; tells whether there is output to read (or its end).
    fn wait(&mut self) -> bool {
        let Running { stdout, stderr, tail, .. } = self;
        let mut waiting = vec![PollFd::new(stdout, PollFlags::IN)];
        waiting.extend(stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
        // An interrupted wait is a short one.
        let _ = poll(&mut waiting, Some(&WAIT));
        let is_ready: Vec<bool> = waiting.iter().map(|descriptor| !descriptor.revents().is_empty()).collect();
        if is_ready.get(1) == Some(&true) {
            listen_to_stderr(stderr, tail);
        }
        is_ready[0]
    }

    /// Why it ended, when the listener had not enough.
    fn ending(&mut self, read_end: &ReadEnd, now: Timestamp) -> Ending {
        let name = self.name.clone();
        let seconds = Interval::new(self.started, now).seconds();
        let fault = match (&read_end.incomplete, &self.asked_to_end) {
            (Some(what), _) if !self.is_at_end => {
                format!("command {name} does not write a sound capture: {what}")
            }
            (_, Some(_)) if self.first_output.is_none() => {
                format!("command {name} wrote nothing in {seconds:.0} s")
            }
            (_, Some((_, ending))) => return ending.clone(),
            (_, None) => format!("command {name} {} after {seconds:.0} s, before its time", self.exit()),
        };
        Ending::SourceGone(match self.tail.last_lines() {
            Some(lines) => format!("{fault}; it said: {lines}"),
            None => fault,
        })
    }

    /// How it exited, in words.
    fn exit(&mut self) -> String {
        let (looks, pause) = EXIT_LOOKS;
        for _ in 0..looks {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    return match status.code() {
                        Some(code) => format!("exited with code {code}"),
                        None => format!("was ended ({status})"),
                    };
                }
                Ok(None) => thread::sleep(pause),
                Err(_) => break,
            }
        }
        "closed its output".to_owned()
    }

    /// When it was at work and talking. What it held back before its first output counts from the
    /// first packet: tcpdump without `-U` writes late.
    fn watched(&self, first_frame_ns: Option<i64>) -> Intervals {
        let first_frame = first_frame_ns.map(of_nanoseconds);
        let held_back = first_frame
            .zip(self.first_output)
            .map(|(frame, output)| Interval::new(frame.max(self.started), output));
        let talking = self.talking.intervals().union(&Intervals::of(held_back));
        self.alive.intervals().intersection(&talking)
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // It may be gone already; that is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Reads what it said last: as much as a pipe holds. What it started may hold standard error open, and
    /// talk, for ever.
    fn hear_out(&mut self) {
        const READS_MAX: u32 = 16;
        for _ in 0..if self.is_at_end { READS_MAX } else { 0 } {
            let Some(stderr) = &self.stderr else { return };
            let mut waiting = [PollFd::new(stderr, PollFlags::IN)];
            if poll(&mut waiting, Some(&WAIT)) == Ok(0) {
                return;
            }
            listen_to_stderr(&mut self.stderr, &mut self.tail);
        }
    }
}

impl Read for Running<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let now = (self.session.clock)();
            if self.is_over(now) {
                self.is_at_end = true;
                return Ok(0);
            }
            if self.wait() {
                let read = self.stdout.read(buffer)?;
                self.is_at_end = read == 0;
                self.left_since = None;
                if read > 0 && self.asked_to_end.is_none() {
                    self.first_output.get_or_insert(now);
                    self.talking.look(now, true);
                }
                return Ok(read);
            }
            if self.is_left(now) {
                self.is_at_end = true;
                return Ok(0);
            }
        }
    }
}

impl Drop for Running<'_> {
    /// Ends it and all that it started, at once, and waits for it; also when the listener panicked. One
    /// that even the kernel cannot end now (it waits for a disk) is left behind.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.exit();
    }
}

/// Has the kernel kill the program when the thread that listens to it is gone, however that came
/// (prctl(2), PR_SET_PDEATHSIG); what the program itself has started is not reached.
fn die_with_us(command: &mut Command) {
    // SAFETY: it takes its arguments by value and touches no memory of ours.
    let ask = || match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; prctl is a bare system
    // call, with arguments by value, and making an error from errno takes no memory and no lock.
    unsafe { command.pre_exec(ask) };
}

fn listen_to_stderr(stderr: &mut Option<ChildStderr>, tail: &mut Tail) {
    let mut said = [0; 4096];
    match stderr.as_mut().map(|stderr| stderr.read(&mut said)) {
        Some(Ok(bytes)) if bytes > 0 => tail.add(&said[..bytes]),
        Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
        _ => *stderr = None,
    }
}

fn not_started(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("command {program} was not found: install it, or write its full path")
        }
        io::ErrorKind::PermissionDenied => format!("command {program} may not be run: `chmod +x` it"),
        _ => format!("command {program} could not be started: {error}: try it by hand, as this user"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_takes_its_place_in_the_arguments() {
        let rows: [(&str, &[&str], &[&str]); 3] = [
            (
                "an argument of its own",
                &["tcpdump", "-w", "-", "{filter}"],
                &["tcpdump", "-w", "-", "(arp) or ip"],
            ),
            (
                "within an argument",
                &["sh", "-c", "tcpdump '{filter}'"],
                &["sh", "-c", "tcpdump '(arp) or ip'"],
            ),
            (
                "through a remote shell",
                &["/usr/bin/ssh", "fw", "{filter}"],
                &["/usr/bin/ssh", "fw", "'(arp) or ip'"],
            ),
        ];
        for (name, argv, wanted) in rows {
            let argv: Vec<String> = argv.iter().map(|argument| (*argument).to_owned()).collect();
            assert_eq!(with_filter(&argv, "(arp) or ip"), wanted, "{name}");
        }
    }
}
