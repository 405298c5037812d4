//! What has been said of the public address? The answers of a ticket, each by its own time.
//!
//! Used by `fold`, `consequences` and `standing`. It must never take an old answer, or one from before
//! the cleaning, for what is so now.

use super::{Event, Listing, ListingAnswer, Phase, RunId, Ticket};
use crate::pure::listing::Lookup;
use jiff::Timestamp;

/// When the address became listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewlyListed {
    /// The time of the answer that said so first.
    pub at: Timestamp,
    /// Whether the answer before it that was known said "not listed".
    pub was_clear: bool,
}

impl ListingAnswer {
    /// What a run's look-up found.
    pub fn of(lookup: Lookup, run: RunId) -> ListingAnswer {
        ListingAnswer {
            answer: lookup.answer,
            at: lookup.at,
            raw: lookup.why.clone(),
            run: Some(run),
            lookup: Some(Box::new(lookup)),
            is_read_by_person: false,
        }
    }

    /// An answer of a run that asked nobody outside.
    pub fn unasked(answer: Listing, at: Timestamp, raw: &str, run: RunId) -> ListingAnswer {
        let raw = raw.to_owned();
        ListingAnswer { answer, at, raw, run: Some(run), lookup: None, is_read_by_person: false }
    }
}

impl Ticket {
    /// Takes note of an answer. One that is older than the last changes nothing, but that a clean ticket's
    /// address was listed again in between.
    pub(super) fn learn_listing(&mut self, answer: &ListingAnswer) {
        if self.is_relisting(answer) {
            self.relisted = self.relisted.max(Some(answer.at));
        }
        if self.is_answer_outdated(answer.at) {
            return;
        }
        match answer.answer {
            Listing::Listed if self.known_listing != Some(Listing::Listed) => {
                let was_clear = self.known_listing == Some(Listing::NotListed);
                self.newly_listed = Some(NewlyListed { at: answer.at, was_clear });
            }
            Listing::NotListed => self.newly_listed = None,
            Listing::Listed | Listing::Unknown => {}
        }
        if answer.answer != Listing::Unknown {
            self.known_listing = Some(answer.answer);
        }
        self.listing = Some(answer.clone());
    }

    /// Whether a newer answer than one of `at` is known.
    fn is_answer_outdated(&self, at: Timestamp) -> bool {
        self.listing.as_ref().is_some_and(|last| last.at > at)
    }

    /// Whether the answer says that a clean ticket's address is listed again. What was known when it became
    /// clean is no news, and a listing from before the cleaning is none either. One that is older than the
    /// last answer has to be from after the ticket became clean: what came before was weighed then.
    fn is_relisting(&self, answer: &ListingAnswer) -> bool {
        let is_news = match self.is_answer_outdated(answer.at) {
            true => Some(answer.at) > self.confirmed,
            false => true,
        };
        self.phase == Phase::Clean
            && answer.answer == Listing::Listed
            && self.known_listing != Some(Listing::Listed)
            && is_news
            && self.last_cleaned().is_none_or(|cleaned| answer.at > cleaned)
    }
}

/// The answer in `happened` with which the address became listed, if one did.
pub(super) fn newly_listed(ticket: &Ticket, happened: &[Event]) -> Option<NewlyListed> {
    let newly = ticket.newly_listed?;
    let is_it = |event: &Event| {
        matches!(event, Event::ListingAnswered(answer)
            if answer.answer == Listing::Listed && answer.at == newly.at)
    };
    happened.iter().any(is_it).then_some(newly)
}

/// Whether an answer of `happened` found a clean ticket's address listed again.
pub(super) fn is_listed_again(ticket: &Ticket, happened: &[Event]) -> bool {
    happened.iter().any(|event| {
        matches!(event, Event::ListingAnswered(answer)
            if answer.answer == Listing::Listed && Some(answer.at) == ticket.relisted_since_cleaning())
    })
}

/// What is missing of "not listed": the last answer must say so, and be from after the cleaning and no
/// older than the last pass. `None` when nothing is.
pub fn gap(ticket: &Ticket) -> Option<String> {
    let what = match &ticket.listing {
        None => "it was not asked yet".to_owned(),
        Some(last) => match last.answer {
            Listing::Listed => "it is listed".to_owned(),
            Listing::Unknown => "the last answer is unknown".to_owned(),
            Listing::NotListed => {
                let last_pass = ticket.passes.last().and_then(|pass| ticket.run(*pass));
                let cleaned = ticket.last_cleaned().filter(|cleaned| *cleaned > last.at);
                let passed = last_pass.filter(|pass| pass.started > last.at);
                match (cleaned, passed) {
                    (Some(_), _) => "the last answer is from before the last cleaning".to_owned(),
                    (None, Some(_)) => "the last answer is from before the last pass".to_owned(),
                    (None, None) => return None,
                }
            }
        },
    };
    Some(format!("{} must be found not listed; {what}", ticket.public))
}

#[cfg(test)]
mod tests {
    use super::super::{Recorded, TicketId};
    use super::*;

    #[test]
    fn an_answer_of_an_old_log_is_still_one() {
        let old = r#"{"listing_answered":{"answer":"listed","at":"2015-05-20T04:00:00Z","raw":"127.0.0.4"}}"#;
        let Event::ListingAnswered(answer) = serde_json::from_str(old).expect("it folds") else {
            panic!("another event")
        };
        assert_eq!((answer.run, answer.lookup, answer.is_read_by_person), (None, None, false));
        assert_eq!(answer.raw, "127.0.0.4");
    }

    #[test]
    fn an_answer_counts_by_its_own_time() {
        let answer = |second: i64, answer| ListingAnswer {
            answer,
            at: Timestamp::from_second(second).expect("a second"),
            raw: String::new(),
            run: None,
            lookup: None,
            is_read_by_person: false,
        };
        use Listing::{Listed, NotListed, Unknown};
        type Row<'a> = (&'a str, &'a [(i64, Listing)], Listing, Option<(i64, bool)>);
        let rows: [Row<'_>; 7] = [
            ("listed at first", &[(10, Listed)], Listed, Some((10, false))),
            ("listed after not listed", &[(10, NotListed), (20, Listed)], Listed, Some((20, true))),
            ("still listed", &[(10, Listed), (20, Listed)], Listed, Some((10, false))),
            (
                "listed past an unknown",
                &[(10, NotListed), (20, Unknown), (30, Listed)],
                Listed,
                Some((30, true)),
            ),
            ("an older one comes late", &[(20, NotListed), (19, Listed)], NotListed, None),
            ("one of the same time", &[(20, Listed), (20, NotListed)], NotListed, None),
            ("unknown since then", &[(10, Listed), (20, Unknown)], Unknown, Some((10, false))),
        ];
        for (row, answers, last, newly) in rows {
            let opened = Event::Opened {
                reference: None,
                site: String::new(),
                playbook: String::new(),
                public: [192, 0, 2, 17].into(),
            };
            let (by, hash) = (String::new(), String::new());
            let first =
                Recorded { seq: 1, at: Timestamp::UNIX_EPOCH, ticket: TicketId(1), by, event: opened, hash };
            let mut ticket = Ticket::begin(&first).expect("a ticket");
            answers.iter().for_each(|(second, said)| ticket.learn_listing(&answer(*second, *said)));
            assert_eq!(ticket.listing.as_ref().map(|last| last.answer), Some(last), "{row}");
            let seen = ticket.newly_listed.map(|newly| (newly.at.as_second(), newly.was_clear));
            assert_eq!(seen, newly, "{row}");
        }
    }
}
