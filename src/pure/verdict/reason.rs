//! Why may a run prove nothing, and what is known of each such reason? Its own sentence, with the numbers of the
//! night, comes from `gaps` or from who kept the run from beginning; here is what holds whatever the night.
//!
//! Right of it are `judge` and all that tells people of nights: `report`, `digest`. A fact of a reason stands nowhere
//! else, so that a new one is a variant, its row in `rows`, and the arm that the compiler asks for between them.

use super::rows;
use serde::{Deserialize, Serialize};

/// The reasons of design "How a run is judged", by their public names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    Contacts,
    Interrupted,
    TooShort,
    TooQuiet,
    WrongSide,
    Undecoded,
    Lossy,
    LossUnknown,
    CutShort,
    Truncated,
    ControlMissing,
    HostAbsent,
    WatchlistEmpty,
    /// Too much of a watchlist file could not be applied.
    WatchlistIncomplete,
    /// The filter can never let through what some entries are about.
    EntriesShutOut,
    WatchlistStale,
    ListingUnknown,
    ClockUnsure,
    /// Why an occurrence did not run: allclear was not running in its window.
    ProgramDown,
    /// The clock leapt over its window.
    ClockJumped,
    /// allclear ran, and could not work in its window.
    HeldUp,
    /// Its turn did not come in its window: too many runs at a time.
    NoTurn,
    /// Its source was not there in its whole window.
    SourceGone,
    /// The ticket went on to another phase before it could begin.
    PhaseChanged,
    /// The schedule was changed before it could begin.
    ScheduleChanged,
    /// No recorded file covers its window.
    NothingRecorded,
    /// The occurrence before it was still running.
    StillRunning,
    /// The ticket was on hold.
    OnHold,
    /// The site was closed (school break).
    SiteClosed,
}

/// What holds of a reason, whatever the night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonFacts {
    /// Its place among the reasons of one night, the deepest first: what is wrong with the watching, then with what
    /// was looked for, then with the machine.
    pub rank: u8,
    /// Whether a contact may have gone unseen in the time that was watched.
    pub is_blinding: bool,
    pub mender: Mender,
    /// What was missing, as a clause.
    pub cause: &'static str,
    /// The same for a subject, where all of it has to be short.
    pub brief: &'static str,
    /// What mends it; `{id}` and `{public}` are those of the ticket.
    pub deed: &'static str,
}

/// Who can mend what kept a run from proving anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mender {
    /// The network support engineer: it is at the computer, the files or the wires of allclear.
    Engineer,
    /// Those who have the machine.
    School,
    /// It passes by itself.
    Nobody,
}

impl ReasonCode {
    /// Whether nobody expected anything of the night: a machine that is off proves nothing.
    pub fn is_idle(self) -> bool {
        matches!(self, ReasonCode::OnHold | ReasonCode::SiteClosed)
    }

    /// Whether the other one is no finding of its own beside this one: a capture that is blind hears no machine,
    /// and one that broke off has no full time.
    pub fn explains(self, other: ReasonCode) -> bool {
        use ReasonCode::*;
        match self {
            WrongSide | ControlMissing => matches!(other, TooQuiet | HostAbsent),
            TooQuiet => other == HostAbsent,
            Interrupted | CutShort => other == TooShort,
            Contacts | TooShort | Undecoded | Lossy | LossUnknown | Truncated | HostAbsent => false,
            WatchlistEmpty | WatchlistIncomplete | EntriesShutOut | WatchlistStale => false,
            ListingUnknown | ClockUnsure | ProgramDown | ClockJumped | HeldUp | NoTurn => false,
            SourceGone | PhaseChanged | ScheduleChanged | NothingRecorded | StillRunning => false,
            OnHold | SiteClosed => false,
        }
    }

    /// Its row.
    pub fn facts(self) -> ReasonFacts {
        match self {
            ReasonCode::Contacts => rows::CONTACTS,
            ReasonCode::Interrupted => rows::INTERRUPTED,
            ReasonCode::TooShort => rows::TOO_SHORT,
            ReasonCode::TooQuiet => rows::TOO_QUIET,
            ReasonCode::WrongSide => rows::WRONG_SIDE,
            ReasonCode::Undecoded => rows::UNDECODED,
            ReasonCode::Lossy => rows::LOSSY,
            ReasonCode::LossUnknown => rows::LOSS_UNKNOWN,
            ReasonCode::CutShort => rows::CUT_SHORT,
            ReasonCode::Truncated => rows::TRUNCATED,
            ReasonCode::ControlMissing => rows::CONTROL_MISSING,
            ReasonCode::HostAbsent => rows::HOST_ABSENT,
            ReasonCode::WatchlistEmpty => rows::WATCHLIST_EMPTY,
            ReasonCode::WatchlistIncomplete => rows::WATCHLIST_INCOMPLETE,
            ReasonCode::EntriesShutOut => rows::ENTRIES_SHUT_OUT,
            ReasonCode::WatchlistStale => rows::WATCHLIST_STALE,
            ReasonCode::ListingUnknown => rows::LISTING_UNKNOWN,
            ReasonCode::ClockUnsure => rows::CLOCK_UNSURE,
            ReasonCode::ProgramDown => rows::PROGRAM_DOWN,
            ReasonCode::ClockJumped => rows::CLOCK_JUMPED,
            ReasonCode::HeldUp => rows::HELD_UP,
            ReasonCode::NoTurn => rows::NO_TURN,
            ReasonCode::SourceGone => rows::SOURCE_GONE,
            ReasonCode::PhaseChanged => rows::PHASE_CHANGED,
            ReasonCode::ScheduleChanged => rows::SCHEDULE_CHANGED,
            ReasonCode::NothingRecorded => rows::NOTHING_RECORDED,
            ReasonCode::StillRunning => rows::STILL_RUNNING,
            ReasonCode::OnHold => rows::ON_HOLD,
            ReasonCode::SiteClosed => rows::SITE_CLOSED,
        }
    }
}
