//! What does a source show, whoever listens to it? One decoding of each frame for all runs: coverage,
//! presence, copies, and the names that packets carry.
//!
//! Left of it is `packet`; `observer` asks it once for each frame and hands what it heard to the runs.
//! It must never grow with the traffic, and never depend on what a run looks for.

use super::called::Called;
use super::duplicates::Recent;
use super::fragments::Fragments;
use super::glance::{Ends, Lookout, Traits};
use super::heads::Heads;
use super::heard::{Company, Heard, host_key};
use super::ledger::{BUCKET_SECONDS, Ledger, Link};
use super::probe::Probed;
use super::senders::{Sender, Senders};
use super::tally::Tally;
use super::undecoded::{Layer, Layers};
use crate::pure::packet::{self, Decoded, Frame, Mac, Name, Names, NotIp, Packet};
use crate::pure::protocol::{TCP, UDP};
use std::sync::Arc;

const SECOND_NS: i64 = 1_000_000_000;
/// A loss is found at the look after it, or at the second one after that: some counters say at once only that
/// it may be one.
const LATE_LOOKS: usize = 3;
/// Losses are laid on so many buckets at most: of a longer time between two looks nothing was watched.
const LOOKED_BACK_MAX: i64 = 6;

/// Everything one source showed so far.
#[derive(Debug)]
pub(super) struct Hearing {
    /// What the runs look for, and where inside is.
    pub(super) lookout: Arc<Lookout>,
    heard: Heard,
    /// Those that are not yet in `heard`.
    senders: Senders,
    pub(super) called: Called,
    heads: Heads,
    /// Those of the last packet that was read for them.
    names: Names,
    recent: Recent,
    fragments: Fragments,
    tally: Tally,
    passed_over: PassedOver,
    ledger: Ledger,
    bucket: OpenBucket,
    /// The last count of losses that the source told.
    lost_packets: Option<u64>,
    /// When it was looked at last, the earliest of these looks first.
    looks_ns: [Option<i64>; LATE_LOOKS],
    /// The least and the greatest time heard; the wrong way round before the first packet.
    times_ns: (i64, i64),
}

/// What of a source was not read, by layer.
#[derive(Clone, Debug, Default)]
pub(super) struct PassedOver {
    /// It should carry IP.
    pub(super) undecoded: Layers,
    /// It carries none, as far as is known.
    pub(super) without_ip: Layers,
}

/// The bucket that packets fall into now.
#[derive(Clone, Debug)]
struct OpenBucket {
    /// Times from `begin_ns` on and before `end_ns` fall into it; none before the first packet.
    begin_ns: i64,
    end_ns: i64,
    /// The tally as it stood when the bucket was opened.
    opened: Tally,
    inside_hosts: u64,
}

impl Hearing {
    pub(super) fn new() -> Hearing {
        Hearing {
            lookout: Arc::default(),
            heard: Heard::default(),
            senders: Senders::new(),
            called: Called::default(),
            heads: Heads::default(),
            names: Names::default(),
            recent: Recent::new(),
            fragments: Fragments::default(),
            tally: Tally::default(),
            passed_over: PassedOver::default(),
            ledger: Ledger::default(),
            bucket: OpenBucket { begin_ns: 0, end_ns: 0, opened: Tally::default(), inside_hosts: 0 },
            lost_packets: None,
            looks_ns: [None; LATE_LOOKS],
            times_ns: (i64::MAX, i64::MIN),
        }
    }

    /// The counts so far.
    pub(super) fn tally(&self) -> Tally {
        Tally {
            split_names: self.heads.begun(),
            unread_names: self.heads.unread(),
            conflicting_names: self.heads.conflicting(),
            ..self.tally
        }
    }

    /// The layers so far that ended the reading of a frame.
    pub(super) fn passed_over(&self) -> &PassedOver {
        &self.passed_over
    }

    /// The ledger so far, the open bucket included.
    pub(super) fn ledger(&mut self) -> &Ledger {
        self.close_bucket();
        &self.ledger
    }

    /// The least and the greatest time heard; the wrong way round before the first packet.
    pub(super) fn times_ns(&self) -> (i64, i64) {
        self.times_ns
    }

    /// Drops what only a run that began before `time_ns` could ask for.
    pub(super) fn forget_before(&mut self, time_ns: i64) {
        self.ledger.forget_before(time_ns.div_euclid(SECOND_NS));
        self.note_senders();
        self.heard.forget_before(time_ns);
    }

    /// The inside hosts heard since `since_ns`.
    pub(super) fn company_since(&mut self, since_ns: i64) -> Company {
        self.note_senders();
        self.heard.since(since_ns)
    }

    /// Notes what was found of the source itself: whether its link is up, and how many packets it lost so
    /// far, where it tells.
    pub(super) fn look(&mut self, time_ns: i64, is_up: bool, lost_packets: Option<u64>) {
        let bucket = self.ledger.at(time_ns.div_euclid(SECOND_NS));
        let is_down = !is_up || bucket.link == Some(Link::Down);
        bucket.link = Some(if is_down { Link::Down } else { Link::Up });
        if let Some(lost) = lost_packets {
            let new = lost.saturating_sub(self.lost_packets.unwrap_or(0));
            self.note_losses(time_ns, new);
            self.lost_packets = Some(lost);
        }
        self.looks_ns.rotate_left(1);
        self.looks_ns[LATE_LOOKS - 1] = Some(time_ns);
    }

    /// Nobody knows when since those looks they were lost: they are counted where that was found, and each
    /// ten seconds since then may have lost them all.
    fn note_losses(&mut self, time_ns: i64, new: u64) {
        let number = |time_ns: i64| time_ns.div_euclid(BUCKET_SECONDS * SECOND_NS);
        let last = number(time_ns);
        let looked = self.looks_ns.iter().flatten().next().filter(|_| new > 0).map_or(last, |at| number(*at));
        for number in looked.clamp(last - LOOKED_BACK_MAX, last)..last {
            let bucket = self.ledger.at(number * BUCKET_SECONDS);
            bucket.lost_packets.get_or_insert(0);
            bucket.perhaps_lost_packets += new;
        }
        let bucket = self.ledger.at(last * BUCKET_SECONDS);
        bucket.lost_packets = Some(bucket.lost_packets.unwrap_or(0) + new);
    }

    /// Notes that the positive control was seen.
    pub(super) fn control_seen(&mut self, time_ns: i64) {
        self.ledger.at(time_ns.div_euclid(SECOND_NS)).has_control = true;
    }

    /// Notes that the packet, heard just now, is a probe: none of what the source shows by itself.
    pub(super) fn note_probe(&mut self, packet: &Packet<'_>, probed: Probed) {
        self.tally.heard_packets -= 1;
        self.tally.heard_bytes -= u64::from(packet.wire_length);
        if probed == Probed::New {
            self.ledger.at(packet.time_ns.div_euclid(SECOND_NS)).has_probe = true;
        }
    }

    /// Hears a frame, before anything is known of it.
    #[inline(always)]
    pub(super) fn hear(&mut self, frame: &Frame<'_>) {
        if frame.time_ns < self.bucket.begin_ns || frame.time_ns >= self.bucket.end_ns {
            self.turn_to_bucket(frame.time_ns);
        }
        self.tally.heard_packets += 1;
        self.tally.heard_bytes += u64::from(frame.wire_length);
        // In a branch, which is nearly always the same: frames come in order.
        if frame.time_ns >= self.times_ns.1 {
            self.times_ns.1 = frame.time_ns;
        } else {
            self.times_ns.0 = self.times_ns.0.min(frame.time_ns);
        }
    }

    #[cold]
    fn turn_to_bucket(&mut self, time_ns: i64) {
        self.close_bucket();
        // The first frame of all comes here too.
        self.times_ns = (self.times_ns.0.min(time_ns), self.times_ns.1.max(time_ns));
        let begin = time_ns.div_euclid(BUCKET_SECONDS * SECOND_NS);
        self.bucket.begin_ns = begin.saturating_mul(BUCKET_SECONDS * SECOND_NS);
        self.bucket.end_ns = self.bucket.begin_ns.saturating_add(BUCKET_SECONDS * SECOND_NS);
    }

    /// Enters into the ledger what was counted since the bucket was opened.
    fn close_bucket(&mut self) {
        self.note_senders();
        let counted = self.tally.since(&self.bucket.opened);
        if counted.heard_packets > 0 {
            let bucket = self.ledger.at(self.bucket.begin_ns.div_euclid(SECOND_NS));
            bucket.heard_packets += counted.heard_packets;
            bucket.truncated_packets += counted.truncated_packets;
            bucket.undecoded_packets += counted.undecoded_packets;
            bucket.ip_packets += counted.ip_packets();
            bucket.unicast_packets += counted.kinds.unicast();
            bucket.inside_hosts += self.bucket.inside_hosts;
        }
        self.bucket.opened = self.tally;
        self.bucket.inside_hosts = 0;
    }

    /// Notes an IP packet with these ends.
    pub(super) fn note(&mut self, packet: &Packet<'_>, ends: Ends) {
        self.note_traits(&Traits::of(packet, ends), packet.time_ns);
        self.tally.truncated_packets += u64::from(packet.ports_truncated);
        if let Some(client) = packet::dhcp_client(packet) {
            self.called.note(client);
        }
    }

    /// Notes who sent an IP packet, and whether it is a copy.
    #[inline(always)]
    pub(super) fn note_traits(&mut self, traits: &Traits, time_ns: i64) {
        let &Traits { source, hash, source_mac, kind } = traits;
        self.tally.kinds.add(kind);
        self.tally.duplicate_packets += u64::from(self.recent.is_copy(hash, time_ns));
        self.add_sender(Sender { host: source, mac: source_mac, time_ns }, kind.is_from_inside());
    }

    #[inline(always)]
    fn add_sender(&mut self, sender: Sender, is_inside: bool) {
        if self.senders.add(sender, is_inside) {
            self.note_senders();
        }
    }

    /// Notes all the senders so far.
    #[inline(never)]
    fn note_senders(&mut self) {
        let Hearing { heard, senders, bucket, .. } = self;
        senders.drain(|&Sender { host, mac, time_ns }| {
            bucket.inside_hosts += u64::from(heard.note(host, mac, time_ns, bucket.begin_ns));
        });
    }

    /// Notes a packet that did not lie plainly in its frame, besides [`Hearing::note`].
    pub(super) fn note_unusual(&mut self, packet: &Packet<'_>) {
        if let Some(layer) = packet.unread_layer {
            self.note_undecoded(Layer::Named(layer));
        }
    }

    fn note_undecoded(&mut self, layer: Layer) {
        self.tally.undecoded_packets += 1;
        self.passed_over.undecoded.add(layer);
    }

    /// The packet with the ports of its datagram, where it is a fragment.
    pub(super) fn attribute<'a>(&mut self, packet: Packet<'a>) -> Packet<'a> {
        self.fragments.attribute(packet)
    }

    /// Notes a frame that tells who is there at most, or that could not be read.
    pub(super) fn note_other(&mut self, frame: &Frame<'_>, decoded: &Decoded<'_>) {
        let is_copy = self.recent.is_copy_of_frame(frame.bytes, frame.time_ns);
        self.tally.duplicate_packets += u64::from(is_copy);
        match decoded {
            Decoded::NotIp(not_ip) => self.note_without_ip(not_ip, frame.time_ns),
            Decoded::Undecoded(layer) => {
                self.tally.unread_packets += 1;
                self.note_undecoded(Layer::Named(layer));
            }
            Decoded::UnknownType(ethertype) => {
                self.tally.unread_packets += 1;
                self.note_undecoded(Layer::EtherType(*ethertype));
            }
            Decoded::Truncated => {
                self.tally.unread_packets += 1;
                self.tally.truncated_packets += 1;
            }
            Decoded::Packet(_) => {}
        }
    }

    fn note_without_ip(&mut self, not_ip: &NotIp, time_ns: i64) {
        self.passed_over.without_ip.add(not_ip.into());
        if let NotIp::Arp { sender, mac } = not_ip
            && self.lookout.is_inside(*sender)
        {
            // All zeros are nobody's, and stand in rows of tables.
            let mac = Some(*mac).filter(|mac| *mac != Mac([0; 6]));
            self.add_sender(Sender { host: host_key(*sender), mac: mac.into(), time_ns }, true);
        }
    }

    /// The names that the packet carries, alone or with those before it; none where
    /// [`Lookout::may_have_name`] says so.
    pub(super) fn read_names(&mut self, packet: &Packet<'_>) {
        self.names.clear();
        if packet.is_later_fragment {
            // Its ports may be known, but what stands in it is the middle of something.
            return;
        }
        if self.lookout.reads_names() {
            let is_cut = is_all_cut(packet) || self.heads.read(packet, &mut self.names);
            let is_cut = is_cut && !packet.ports_truncated;
            self.tally.cut_names += u64::from(is_cut);
        } else if packet.may_begin_request() {
            packet::names(packet, &mut self.names);
        }
    }

    /// Puts away what the last [`Hearing::read_names`] found.
    pub(super) fn forget_names(&mut self) {
        self.names.clear();
    }

    /// What the last [`Hearing::read_names`] found.
    pub(super) fn names(&self) -> &[Name] {
        self.names.as_slice()
    }
}

/// Less of a datagram tells nothing of what it is: the longest beginning that a protocol is known by (DTLS), in
/// bytes.
const KNOWN_BY_BYTES: usize = 14;

/// Whether so little was saved of what the packet carried that nobody knows whether it was a name.
fn is_all_cut(packet: &Packet<'_>) -> bool {
    let is_too_little = match packet.protocol {
        TCP => packet.payload.is_empty(),
        UDP => packet.payload.len() < KNOWN_BY_BYTES,
        _ => false,
    };
    is_too_little && packet.payload_truncated
}
