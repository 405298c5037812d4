//! Which phases are there, and which changes between them are legal? The table of design "The life of a ticket",
//! and nothing else.

use crate::pure::playbook::StageName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a ticket stands; see design "The life of a ticket".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Reported,
    Located,
    Verifying,
    Clean,
    Closed,
    Rejected,
    AcceptedRisk,
}

impl Phase {
    /// Every phase, in the order of a ticket's life.
    pub const ALL: [Phase; 7] = [
        Phase::Reported,
        Phase::Located,
        Phase::Verifying,
        Phase::Clean,
        Phase::Closed,
        Phase::Rejected,
        Phase::AcceptedRisk,
    ];

    /// Whether a ticket may go from this phase to that one.
    pub fn may_become(self, next: Phase) -> bool {
        use Phase::{AcceptedRisk, Clean, Closed, Located, Rejected, Reported, Verifying};
        match (self, next) {
            (Reported, Located) | (Located, Verifying | Reported) => true,
            (Verifying, Located | Reported | Clean) => true,
            (Clean, Located | Reported | Closed) => true,
            (Closed | Rejected | AcceptedRisk, Reported) => true,
            (from, Rejected | AcceptedRisk) => from != next && from != Closed,
            _ => false,
        }
    }

    /// Whether work goes on: the ticket is neither closed, rejected nor an accepted risk.
    pub fn is_open(self) -> bool {
        !matches!(self, Phase::Closed | Phase::Rejected | Phase::AcceptedRisk)
    }

    /// The stage that runs in this phase; `None` when nothing does.
    pub fn stage(self) -> Option<StageName> {
        match self {
            Phase::Reported | Phase::Located => Some(StageName::Locate),
            Phase::Verifying | Phase::Clean => Some(StageName::Verify),
            Phase::Closed | Phase::Rejected | Phase::AcceptedRisk => None,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Reported => "reported",
            Phase::Located => "located",
            Phase::Verifying => "verifying",
            Phase::Clean => "clean",
            Phase::Closed => "closed",
            Phase::Rejected => "rejected",
            Phase::AcceptedRisk => "accepted risk",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_exactly_the_changes_of_the_design() {
        let mut legal = String::new();
        for from in Phase::ALL {
            let next: Vec<String> =
                Phase::ALL.iter().filter(|&&to| from.may_become(to)).map(Phase::to_string).collect();
            legal += &format!("{from} -> {}\n", next.join(", "));
        }
        let expected = "\
            reported -> located, rejected, accepted risk\n\
            located -> reported, verifying, rejected, accepted risk\n\
            verifying -> reported, located, clean, rejected, accepted risk\n\
            clean -> reported, located, closed, rejected, accepted risk\n\
            closed -> reported\n\
            rejected -> reported, accepted risk\n\
            accepted risk -> reported, rejected\n";
        assert_eq!(legal, expected);
    }
}
