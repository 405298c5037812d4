//! Where do the packets go that prove something?
//!
//! `listener` hands over packets that a run keeps; at the end there is one pcapng file with its hash,
//! or none, and a sentence for everything that is not in it. It must never make the capture wait,
//! show a half-written file under its final name, or fill the disk.

use super::account::{ALL_ROOM, Counted, HITS_ROOM, Lacking, NO_ROOM, Room, Tally};
use super::escape::spelt_out;
use super::pcapng::{self, Interface, Machine, OPTION_BYTES_MAX, PACKET_OVERHEAD_BYTES_MAX};
use super::pen::{BATCH_BYTES, Batch, Hand, Pen, Written};
use super::published::Taken;
use crate::pure::packet::Frame;
use crate::pure::playbook::Keep;
use crate::pure::verdict::EvidenceFile;
use std::path::Path;

/// Memory of one source for what the disk has not taken yet: hits are few, and runs can be many.
const HIT_BATCHES_MAX: usize = 16;
/// With `keep: all`, 64 MiB: half a second of 1 Gb/s, as large as the default capture ring.
const ALL_BATCHES_MAX: usize = 256;

/// What is not a hit may wait so long for its batch to be filled, by the clock of the packets.
const BATCH_AGE_NS_MAX: i64 = 1_000_000_000;

/// How many link layers of one source are told apart.
const LINK_TYPES_MAX: usize = 64;

/// Whether packets come by the clock or wait for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// They come when they come: a packet that nobody can take is not kept.
    Live,
    /// They are read from files, and all of them are kept.
    Recorded,
}

/// Where the packets come from, as the file says it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The source's name.
    pub source: String,
    /// The interface, where the source is one; else the source's name again.
    pub interface: String,
    /// 0 when frames are not known to be cut.
    pub snap_bytes: u32,
    pub filter: Option<String>,
    pub pace: Pace,
}

/// The evidence of one source, while it is being gathered. No file is made before the first packet.
pub struct Evidence {
    /// As the event log names it.
    path: String,
    origin: Origin,
    hand: Hand,
    batch: Batch,
    batch_began_ns: i64,
    /// Of the packet at hand; kept for its memory.
    comment: String,
    /// By link type, with the packets of each.
    interfaces: Vec<(u16, u64)>,
    last_ns: i64,
    hits: Tally,
    others: Tally,
    lacking: Lacking,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// `None` when there was nothing to keep, or nothing could be.
    pub file: Option<EvidenceFile>,
    /// What the file lacks and why, each in a sentence.
    pub gaps: Vec<String>,
}

impl Evidence {
    /// Evidence of a run, to lie at `path` below the state directory.
    pub fn of_run(state_dir: &Path, path: String, origin: Origin, keep: Keep) -> Evidence {
        let pen = Pen::new(&state_dir.join(&path), Taken::SetAside);
        let (others, batches_max) = match keep {
            Keep::All => (ALL_ROOM, ALL_BATCHES_MAX),
            Keep::Hits | Keep::Nothing => (NO_ROOM, HIT_BATCHES_MAX),
        };
        Evidence::new(path, origin, pen, batches_max, (HITS_ROOM, others))
    }

    /// What a scan saves under a name that somebody typed.
    pub fn of_scan(path: &Path, origin: Origin) -> Evidence {
        let pen = Pen::new(path, Taken::Replace);
        Evidence::new(path.display().to_string(), origin, pen, ALL_BATCHES_MAX, (ALL_ROOM, ALL_ROOM))
    }

    fn new(path: String, origin: Origin, pen: Pen, batches_max: usize, rooms: (Room, Room)) -> Evidence {
        let (hits, others) = rooms;
        let hand = match origin.pace {
            Pace::Recorded => Hand::here(pen),
            Pace::Live => Hand::beside(pen, batches_max),
        };
        Evidence {
            path,
            origin,
            hand,
            batch: Batch::default(),
            batch_began_ns: 0,
            interfaces: Vec::new(),
            comment: String::new(),
            last_ns: 0,
            hits: Tally::new(hits),
            others: Tally::new(others),
            lacking: Lacking::default(),
        }
    }

    /// Keeps a packet with the names of the watchlists and entries that it matches as its comment. What
    /// cannot be kept is only counted.
    pub fn keep_hit<'n>(
        &mut self,
        frame: &Frame<'_>,
        matches: impl Iterator<Item = (&'n str, impl AsRef<str>)>,
    ) {
        let bytes = frame.bytes.len() as u64;
        if !self.hits.has_room(bytes) {
            self.lacking.past_room += 1;
            return;
        }
        write_comment(&mut self.comment, matches);
        if self.place(frame) {
            self.hits.add(bytes);
            self.hand_over_early(frame, 0);
        }
    }

    /// Keeps a packet that is no hit.
    pub fn keep_other(&mut self, frame: &Frame<'_>) {
        let bytes = frame.bytes.len() as u64;
        if !self.others.has_room(bytes) {
            self.lacking.past_room += 1;
        } else if self.hand.signs().is_short() {
            self.lacking.below_reserve += 1;
        } else {
            self.comment.clear();
            if self.place(frame) {
                self.others.add(bytes);
                self.hand_over_early(frame, BATCH_AGE_NS_MAX);
            }
        }
    }

    /// Whether nothing can be kept any more, as far as is known.
    pub fn is_broken(&self) -> bool {
        self.hand.signs().is_broken()
    }

    /// Puts the packet into the batch; false when it cannot be kept, which is counted.
    fn place(&mut self, frame: &Frame<'_>) -> bool {
        if self.hand.signs().is_broken() {
            self.lacking.unwritten += 1;
            return false;
        }
        let bytes = frame.bytes.len() + self.comment.len() + PACKET_OVERHEAD_BYTES_MAX;
        let is_full = self.batch.packets > 0 && self.batch.blocks.len() + bytes > BATCH_BYTES;
        if is_full && !self.hand.take(&mut self.batch) {
            self.lacking.too_fast += 1;
            return false;
        }
        let Some(interface) = self.interface(frame.link_type) else {
            self.lacking.past_room += 1;
            return false;
        };
        if self.batch.packets == 0 {
            self.batch_began_ns = frame.time_ns;
        }
        pcapng::packet(&mut self.batch.blocks, interface, frame, &self.comment);
        self.batch.packets += 1;
        self.last_ns = self.last_ns.max(frame.time_ns);
        true
    }

    /// Hands over what may not wait until its batch is full, as long as somebody may be killed at any
    /// time. What cannot be taken now goes with the next packet, or at the end.
    fn hand_over_early(&mut self, frame: &Frame<'_>, age_ns_max: i64) {
        let age_ns = frame.time_ns.saturating_sub(self.batch_began_ns);
        if self.origin.pace == Pace::Live && age_ns >= age_ns_max {
            self.hand.take_early(&mut self.batch);
        }
    }

    /// The number of the link layer's interface, which is described when it is new; `None` when there
    /// are too many.
    fn interface(&mut self, link_type: u16) -> Option<u32> {
        let known = self.interfaces.iter().position(|(known, _)| *known == link_type);
        let number = known.unwrap_or(self.interfaces.len());
        if number == LINK_TYPES_MAX {
            return None;
        }
        if known.is_none() {
            self.describe(link_type);
        }
        self.interfaces[number].1 += 1;
        Some(number as u32)
    }

    fn describe(&mut self, link_type: u16) {
        let Origin { source, interface, snap_bytes, filter, pace } = &self.origin;
        if self.interfaces.is_empty() {
            // Who recorded a file is not known.
            let machine = (*pace == Pace::Live).then(this_machine);
            pcapng::section_header(&mut self.batch.blocks, machine.as_ref());
        }
        let described = Interface {
            name: interface,
            description: source,
            link_type,
            snap_bytes: *snap_bytes,
            filter: filter.as_deref(),
        };
        pcapng::interface(&mut self.batch.blocks, &described);
        self.interfaces.push((link_type, 0));
    }

    /// Ends the file and gives it its name. It waits for the disk, so it has no place in a thread that
    /// others listen through.
    pub fn finish(self, counted: &Counted) -> Kept {
        let Evidence { path, hand, batch, interfaces, last_ns, hits, others, lacking, .. } = self;
        let written = match hand.put_down(batch) {
            Ok(pen) => {
                let unwritten_packets = pen.unwritten_packets();
                let lacking = Lacking { unwritten: lacking.unwritten + unwritten_packets, ..lacking };
                let gaps = lacking.gaps(&path, pen.fault()).join("; ");
                let shortfall = Shortfall { packets: lacking.packets(), unwritten_packets, gaps };
                pen.finish(&tail(counted, &interfaces, last_ns, shortfall))
            }
            Err(why) => Written::nothing(hits.packets + others.packets, why),
        };
        let Written { file, packets, unwritten_packets, fault } = written;
        let lacking = Lacking { unwritten: lacking.unwritten + unwritten_packets, ..lacking };
        let gaps = lacking.gaps(&path, fault.as_deref());
        let file = file.map(|file| EvidenceFile { path, sha256: file.sha256, bytes: file.bytes, packets });
        Kept { file, gaps }
    }
}

/// What a file lacks, as it says itself.
struct Shortfall {
    packets: u64,
    /// Those of them that the disk did not take.
    unwritten_packets: u64,
    /// Why, in sentences.
    gaps: String,
}

/// The statistics of every interface.
fn tail(counted: &Counted, interfaces: &[(u16, u64)], last_ns: i64, shortfall: Shortfall) -> Vec<u8> {
    let Shortfall { packets: lacking, unwritten_packets, gaps } = shortfall;
    let mut tail = Vec::new();
    let mut comment = Some(gaps);
    for (number, (_, packets)) in interfaces.iter().enumerate() {
        // Of which link layer those are that could not be written is not known.
        let kept = (unwritten_packets == 0).then_some(*packets);
        let statistics = counted.statistics(kept, lacking, comment.take());
        let ended_ns = statistics.watched_ns.map_or(last_ns, |(_, ended_ns)| ended_ns.max(last_ns));
        pcapng::statistics(&mut tail, number as u32, ended_ns, &statistics);
    }
    tail
}

/// `sinkholes: 216.66.15.109, feed: 216.66.0.0/18`, escaped: the words come from files.
fn write_comment<'n>(comment: &mut String, matches: impl Iterator<Item = (&'n str, impl AsRef<str>)>) {
    comment.clear();
    for (list, entry) in matches {
        if comment.len() > OPTION_BYTES_MAX {
            break;
        }
        let separator = if comment.is_empty() { "" } else { ", " };
        let words = [separator, list, ": ", entry.as_ref()];
        comment.extend(words.iter().flat_map(|word| word.chars()).flat_map(spelt_out));
    }
}

fn this_machine() -> Machine {
    let uname = rustix::system::uname();
    let word = |word: &std::ffi::CStr| word.to_string_lossy().into_owned();
    let system = format!("{} {}", word(uname.sysname()), word(uname.release()));
    Machine { hardware: word(uname.machine()), system }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
