//! Who puts the packets on the disk? Batches of pcapng blocks in, one published file out.
//!
//! `evidence` fills the batches. While a wire is listened to, a thread of its own writes and hashes
//! them, and a batch that nobody can take yet is refused: it must never make the capture wait for the
//! disk. Recorded files wait for us, so what is read from them is written at once and never refused.

use super::pcapng;
use super::published::{Draft, Published, Taken};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// What is written at a time: large enough to make calls rare, small enough to be soon on the disk.
pub const BATCH_BYTES: usize = 256 * 1024;

/// Below so much free disk only hits are kept: the log needs room, and so do the hits of other runs.
pub const RESERVE_BYTES: u64 = 1024 * 1024 * 1024;

/// What is never written into by a run: the log lies on the same disk, and has to record what was found.
/// The end of a run with some hundred hosts takes less.
const LOG_ROOM_BYTES: u64 = 1024 * 1024;

/// Whole blocks on their way to the disk.
#[derive(Debug, Default)]
pub struct Batch {
    pub blocks: Vec<u8>,
    /// How many of the blocks are packets.
    pub packets: u64,
}

impl Batch {
    fn new() -> Batch {
        Batch { blocks: Vec::with_capacity(BATCH_BYTES), packets: 0 }
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.packets = 0;
    }
}

/// What the capture may know of the disk without asking it.
#[derive(Debug, Default)]
pub struct Signs {
    is_broken: AtomicBool,
    is_short: AtomicBool,
}

impl Signs {
    /// Whether nothing can be written any more.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Whether the reserve was touched; it stays so for the run, however much is freed.
    pub fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }
}

/// Writes one file. What went wrong is kept until the end, and nothing is written after it.
#[derive(Debug)]
pub struct Pen {
    path: PathBuf,
    taken: Taken,
    /// `None` before the first batch.
    draft: Option<Draft>,
    written_packets: u64,
    unwritten_packets: u64,
    fault: Option<String>,
    signs: Arc<Signs>,
}

/// What came of it.
#[derive(Debug)]
pub struct Written {
    /// `None` when there is none.
    pub file: Option<Published>,
    pub packets: u64,
    /// Handed over, and not in the file.
    pub unwritten_packets: u64,
    /// What went wrong, in words.
    pub fault: Option<String>,
}

impl Written {
    /// There is no file, for `why`.
    pub fn nothing(unwritten_packets: u64, why: String) -> Written {
        Written { file: None, packets: 0, unwritten_packets, fault: Some(why) }
    }
}

impl Pen {
    /// A pen for the file `path`, which is made with the first batch.
    pub fn new(path: &Path, taken: Taken) -> Pen {
        let signs = Signs { is_short: AtomicBool::new(is_short(path)), ..Signs::default() };
        Pen {
            path: path.to_owned(),
            taken,
            draft: None,
            written_packets: 0,
            unwritten_packets: 0,
            fault: None,
            signs: Arc::new(signs),
        }
    }

    fn write(&mut self, batch: &Batch) {
        if batch.blocks.is_empty() {
            return;
        }
        let written = self.write_what_fits(batch);
        self.written_packets += written;
        self.unwritten_packets += batch.packets - written;
        if self.fault.is_some() {
            self.signs.is_broken.store(true, Ordering::Relaxed);
        }
        if !self.signs.is_short() && is_short(&self.path) {
            self.signs.is_short.store(true, Ordering::Relaxed);
        }
    }

    /// Tells how many packets were written: all of them, or those that the disk still took.
    fn write_what_fits(&mut self, batch: &Batch) -> u64 {
        if self.fault.is_some() {
            return 0;
        }
        if self.try_write(&batch.blocks).is_ok() {
            return batch.packets;
        }
        let mut packets = 0;
        for block in pcapng::blocks(&batch.blocks) {
            if let Err(error) = self.try_write(block) {
                self.fault = Some(error.to_string());
                break;
            }
            packets += u64::from(pcapng::is_packet(block));
        }
        packets
    }

    fn try_write(&mut self, blocks: &[u8]) -> io::Result<()> {
        // Where somebody named the file himself, the log is none of its business.
        if self.taken == Taken::SetAside {
            leave_log_room(&self.path, blocks.len())?;
        }
        let draft = match &mut self.draft {
            Some(draft) => draft,
            none => none.insert(Draft::begin(&self.path, self.taken)?),
        };
        draft.write(blocks)
    }

    /// Packets that were handed over and could not be written so far.
    pub fn unwritten_packets(&self) -> u64 {
        self.unwritten_packets
    }

    /// What went wrong so far.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Ends the file with the blocks of `tail` and gives it its name. After a fault, what was written
    /// before it is kept all the same: it is whole as far as it goes.
    pub fn finish(self, tail: &[u8]) -> Written {
        let Pen { draft, written_packets, unwritten_packets, fault, .. } = self;
        if written_packets == 0 {
            // What stands before the first packet may have been written.
            if let Some(draft) = draft {
                draft.discard();
            }
            return Written { file: None, packets: 0, unwritten_packets, fault };
        }
        let mut draft = draft.expect("packets were written to it");
        let ended = draft.write(tail);
        match draft.publish() {
            Ok(published) => Written {
                file: Some(published),
                packets: written_packets,
                unwritten_packets,
                fault: fault.or(ended.err().map(|error| error.to_string())),
            },
            Err(error) => Written {
                file: None,
                packets: 0,
                unwritten_packets: unwritten_packets + written_packets,
                fault: fault.or(Some(error.to_string())),
            },
        }
    }
}

/// Sees to it that the log has its room on the disk of `path` after so many bytes more.
///
/// # Errors
/// It would not.
pub fn leave_log_room(path: &Path, bytes: usize) -> io::Result<()> {
    let wanted_bytes = LOG_ROOM_BYTES.saturating_add(bytes as u64);
    if free_bytes(path).is_none_or(|free_bytes| free_bytes >= wanted_bytes) {
        return Ok(());
    }
    let room = LOG_ROOM_BYTES >> 20;
    Err(io::Error::other(format!("the last {room} MiB of the disk are for the log")))
}

/// Whether less than the reserve is free where `path` lies or will lie.
fn is_short(path: &Path) -> bool {
    free_bytes(path).is_some_and(|free_bytes| free_bytes < RESERVE_BYTES)
}

/// How much is free where `path` lies or will lie. `None` of a disk that cannot be asked: writing will tell.
fn free_bytes(path: &Path) -> Option<u64> {
    let existing = path.ancestors().skip(1).find(|ancestor| ancestor.exists());
    let existing = existing.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::statvfs(existing).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)).ok()
}

/// Who holds the pen, and the batches on their way to it.
#[derive(Debug)]
pub struct Hand {
    held: Held,
    signs: Arc<Signs>,
    /// How many batches there are, with the one that is being filled.
    batches: usize,
    batches_max: usize,
    /// Handed over and not back yet.
    away: usize,
    spare: Vec<Batch>,
}

#[derive(Debug)]
enum Held {
    /// By the thread that reads: it waits for each batch.
    Here(Pen),
    /// By nobody yet: a thread is begun for the first batch.
    Waiting(Pen),
    /// By a thread of its own, between two queues: full batches go to it and come back empty.
    Beside { full: SyncSender<Batch>, empty: Receiver<Batch>, thread: JoinHandle<Pen> },
    /// There could be no thread: why.
    Lost(String),
}

impl Hand {
    /// The pen is held by whoever hands batches over, and waits for none.
    pub fn here(pen: Pen) -> Hand {
        Hand::new(Arc::clone(&pen.signs), Held::Here(pen), 1)
    }

    /// The pen is held by a thread of its own. There are never more than `batches_max` batches,
    /// whatever the disk does.
    pub fn beside(pen: Pen, batches_max: usize) -> Hand {
        Hand::new(Arc::clone(&pen.signs), Held::Waiting(pen), batches_max)
    }

    fn new(signs: Arc<Signs>, held: Held, batches_max: usize) -> Hand {
        Hand { held, signs, batches: 1, batches_max, away: 0, spare: Vec::new() }
    }

    /// What is known of the disk.
    pub fn signs(&self) -> &Signs {
        &self.signs
    }

    /// Hands the batch over and leaves an empty one; false when it cannot be taken now, and stays.
    pub fn take(&mut self, batch: &mut Batch) -> bool {
        if matches!(self.held, Held::Waiting(_)) {
            self.begin_thread();
        }
        match &mut self.held {
            Held::Here(pen) => {
                pen.write(batch);
                batch.clear();
                true
            }
            Held::Beside { full, empty, .. } => {
                let back = empty.try_iter();
                self.spare.extend(back.inspect(|_| self.away -= 1));
                let may_grow = self.batches < self.batches_max;
                let next = self.spare.pop().or_else(|| {
                    self.batches += usize::from(may_grow);
                    may_grow.then(Batch::new)
                });
                let Some(next) = next else { return false };
                self.away += 1;
                // The queue has room for every batch there is; it refuses when the thread is gone.
                full.try_send(mem::replace(batch, next)).is_ok()
            }
            Held::Waiting(_) | Held::Lost(_) => false,
        }
    }

    /// Hands over a batch that is not full, if nothing is on its way: else many small ones would take the
    /// room of large ones, and the next packet has another chance.
    pub fn take_early(&mut self, batch: &mut Batch) {
        if let Held::Beside { empty, .. } = &self.held {
            self.spare.extend(empty.try_iter().inspect(|_| self.away -= 1));
        }
        if self.away == 0 {
            self.take(batch);
        }
    }

    fn begin_thread(&mut self) {
        let (full, to_write) = sync_channel::<Batch>(self.batches_max);
        let (give_back, empty) = sync_channel(self.batches_max);
        let Held::Waiting(mut pen) = mem::replace(&mut self.held, Held::Lost(String::new())) else { return };
        let write_all = move || {
            for mut batch in to_write {
                pen.write(&batch);
                batch.clear();
                // There is room for every batch; at the end nobody wants it back.
                let _ = give_back.try_send(batch);
            }
            pen
        };
        self.held = match thread::Builder::new().name("evidence".to_owned()).spawn(write_all) {
            Ok(thread) => Held::Beside { full, empty, thread },
            Err(error) => {
                self.signs.is_broken.store(true, Ordering::Relaxed);
                Held::Lost(format!("there is no thread for it: {error}"))
            }
        };
    }

    /// Hands the last batch over, waits until all is written, and gives the pen back.
    ///
    /// # Errors
    /// Why it is gone.
    pub fn put_down(self, last: Batch) -> Result<Pen, String> {
        match self.held {
            Held::Here(mut pen) | Held::Waiting(mut pen) => {
                pen.write(&last);
                Ok(pen)
            }
            Held::Beside { full, thread, .. } => {
                // It fails only when the thread is gone, which joining it tells.
                let _ = full.send(last);
                drop(full);
                thread.join().map_err(|_| "by a fault of allclear, report it".to_owned())
            }
            Held::Lost(why) => Err(why),
        }
    }
}
