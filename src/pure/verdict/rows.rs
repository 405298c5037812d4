//! What holds of each reason for inconclusive? A row each, in the order of their rank.
//!
//! Read by `reason` alone, which says what the fields mean.

use super::reason::{Mender, ReasonFacts};

pub(super) const PROGRAM_DOWN: ReasonFacts = ReasonFacts {
    rank: 0,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "allclear was not running",
    brief: "allclear was not running",
    deed: "start `allclear serve`, and find out why it was down",
};

pub(super) const CLOCK_JUMPED: ReasonFacts = ReasonFacts {
    rank: 1,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the clock of the watching computer leapt over the night",
    brief: "the clock leapt",
    deed: "keep that computer awake for every night's watch and its clock synchronised",
};

pub(super) const HELD_UP: ReasonFacts = ReasonFacts {
    rank: 2,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "allclear was held up and could not work",
    brief: "allclear was held up",
    deed: "run `allclear doctor` on the watching computer: its disk may be full, or its load too high",
};

pub(super) const NO_TURN: ReasonFacts = ReasonFacts {
    rank: 3,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "too many captures were planned at one time",
    brief: "too many captures at once",
    deed: "spread the schedules of the playbooks with `jitter`, or raise `runs_max` of the source",
};

pub(super) const SOURCE_GONE: ReasonFacts = ReasonFacts {
    rank: 4,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the capture interface was not there",
    brief: "no capture interface",
    deed: "bring the interface of the capture back",
};

pub(super) const NOTHING_RECORDED: ReasonFacts = ReasonFacts {
    rank: 5,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "no recorded capture covers the night",
    brief: "nothing was recorded",
    deed: "see whether the recorder runs, and whether `files` names what it writes",
};

pub(super) const STILL_RUNNING: ReasonFacts = ReasonFacts {
    rank: 6,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the capture before it was still running",
    brief: "another capture went on",
    deed: "capture for a shorter time, or less often",
};

pub(super) const SCHEDULE_CHANGED: ReasonFacts = ReasonFacts {
    rank: 7,
    is_blinding: true,
    mender: Mender::Nobody,
    cause: "the schedule was changed",
    brief: "another schedule",
    deed: "wait for the nights of the new schedule",
};

pub(super) const PHASE_CHANGED: ReasonFacts = ReasonFacts {
    rank: 8,
    is_blinding: true,
    mender: Mender::Nobody,
    cause: "the ticket went on to another phase",
    brief: "another phase",
    deed: "wait for the next night",
};

pub(super) const SITE_CLOSED: ReasonFacts = ReasonFacts {
    rank: 9,
    is_blinding: true,
    mender: Mender::Nobody,
    cause: "the site was closed",
    brief: "the site was closed",
    deed: "wait until the site is open again",
};

pub(super) const ON_HOLD: ReasonFacts = ReasonFacts {
    rank: 10,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the ticket was on hold",
    brief: "on hold",
    deed: "take it up with `allclear ticket resume {id}` when machines are on",
};

pub(super) const INTERRUPTED: ReasonFacts = ReasonFacts {
    rank: 11,
    is_blinding: false,
    mender: Mender::Engineer,
    cause: "the capture broke off before its time",
    brief: "the capture broke off",
    deed: "find out what ended the capture (interface, command, or somebody who stopped it)",
};

pub(super) const WRONG_SIDE: ReasonFacts = ReasonFacts {
    rank: 12,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the capture is on the wrong side of the firewall, or sees one direction only",
    brief: "not on the inside",
    deed: "have both directions of the inside network mirrored to the capture",
};

pub(super) const CONTROL_MISSING: ReasonFacts = ReasonFacts {
    rank: 13,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the capture was blind and did not show traffic that must always be there",
    brief: "the capture was blind",
    deed: "have the mirror port and its cable looked at",
};

pub(super) const TOO_QUIET: ReasonFacts = ReasonFacts {
    rank: 14,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "hardly any traffic reached the capture",
    brief: "hardly any traffic heard",
    deed: "have the mirror port, its cable and the capture filter looked at",
};

pub(super) const UNDECODED: ReasonFacts = ReasonFacts {
    rank: 15,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "too much of the traffic could not be read",
    brief: "traffic not readable",
    deed: "capture where the traffic is not wrapped in something unknown",
};

pub(super) const TRUNCATED: ReasonFacts = ReasonFacts {
    rank: 16,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "packets were cut off too short to be read",
    brief: "packets cut too short",
    deed: "capture whole packets (tcpdump: -s 0)",
};

pub(super) const LOSSY: ReasonFacts = ReasonFacts {
    rank: 17,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the capture lost too many packets",
    brief: "too many packets lost",
    deed: "raise `ring` of the source, narrow the filter, or use a faster computer",
};

pub(super) const LOSS_UNKNOWN: ReasonFacts = ReasonFacts {
    rank: 18,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "nobody can tell how many packets were lost",
    brief: "losses not known",
    deed: "capture from an interface, or leave `lost` out of the playbook",
};

pub(super) const CUT_SHORT: ReasonFacts = ReasonFacts {
    rank: 19,
    is_blinding: false,
    mender: Mender::Engineer,
    cause: "the capture reached its packet or byte limit before the night was over",
    brief: "a limit ended the capture",
    deed: "raise the limit in the playbook, or leave it out",
};

pub(super) const TOO_SHORT: ReasonFacts = ReasonFacts {
    rank: 20,
    is_blinding: false,
    mender: Mender::Engineer,
    cause: "too little of the night was watched",
    brief: "too little was watched",
    deed: "find out what kept the capture from running the whole time",
};

pub(super) const WATCHLIST_EMPTY: ReasonFacts = ReasonFacts {
    rank: 21,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "there was nothing on the watchlist to look for",
    brief: "empty watchlist",
    deed: "mend the watchlist file (`allclear check` names it)",
};

pub(super) const WATCHLIST_INCOMPLETE: ReasonFacts = ReasonFacts {
    rank: 22,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "lines of the watchlist file could not be used",
    brief: "faulty watchlist lines",
    deed: "mend these lines of the file (`allclear watchlist FILE` names them)",
};

pub(super) const ENTRIES_SHUT_OUT: ReasonFacts = ReasonFacts {
    rank: 23,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the capture filter hides what the watchlist looks for",
    brief: "the filter hides entries",
    deed: "widen the filter of the playbook, or take these entries out (`allclear check` names them)",
};

pub(super) const WATCHLIST_STALE: ReasonFacts = ReasonFacts {
    rank: 24,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the watchlist was too old",
    brief: "old watchlist",
    deed: "fetch the watchlist file anew",
};

pub(super) const CLOCK_UNSURE: ReasonFacts = ReasonFacts {
    rank: 25,
    is_blinding: true,
    mender: Mender::Engineer,
    cause: "the clock of the watching computer, or of the machine that captures for it, is not right",
    brief: "a clock is not right",
    deed: "have both synchronised (chrony or systemd-timesyncd)",
};

pub(super) const HOST_ABSENT: ReasonFacts = ReasonFacts {
    rank: 26,
    is_blinding: false,
    mender: Mender::School,
    cause: "a machine was not heard at all and may be switched off",
    brief: "a machine was not heard",
    deed: "leave all machines of this ticket switched on",
};

pub(super) const LISTING_UNKNOWN: ReasonFacts = ReasonFacts {
    rank: 27,
    is_blinding: false,
    mender: Mender::Engineer,
    cause: "the blocklist gave no answer",
    brief: "the blocklist is silent",
    deed: "have the resolver looked at (`allclear listing {public}` shows what it says)",
};

pub(super) const CONTACTS: ReasonFacts = ReasonFacts {
    rank: 28,
    is_blinding: false,
    mender: Mender::School,
    cause: "it still called",
    brief: "it still called",
    deed: "take the machine off the network and clean it again",
};
