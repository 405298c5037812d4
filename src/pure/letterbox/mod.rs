//! What has a recipient got lately, and which mails wait for them? No storm: a repeat waits for a quarter
//! of an hour, and what is more than an hour may have waits for its turn; both are told in a later mail.
//!
//! Left of it is `ticket`, whose mails these are; right of it the engine, which keeps a letterbox an
//! address. It must never drop a mail: each goes out, is told in another one, or is known to wait.

mod hold;

pub use hold::queue;

use crate::pure::playbook::MailEvent;
use crate::pure::site::HOURLY_LIMIT_MAX;
use crate::pure::ticket::outbox::address;
use crate::pure::ticket::{Mail, TicketId};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

/// A mail of the same kind about the same ticket, with no machine that is new, waits for so long after the last
/// one.
pub const REPEAT_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// So long a mail that says that somebody was not reached waits for others that say the same. After it was told
/// the next waits for [`HOUR`].
pub const GATHERING: SignedDuration = SignedDuration::from_mins(5);

/// The time in which mails are counted.
pub const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// So many mails are told in one; what is more is told in the next.
pub const FOLDED_MAX: usize = 100;

/// What a mail tells, as far as it matters for whether another one repeats it.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    pub event: MailEvent,
    /// The machines that it names as infected.
    pub machines: Vec<IpAddr>,
    /// The mailbox that it says did not get a mail.
    pub unreached: Option<String>,
    /// When it was decided upon.
    pub at: Timestamp,
}

/// A mail: its ticket, and the number of the event that decided upon it.
pub type MailId = (TicketId, u64);

/// Every letterbox, by address.
pub type Letterboxes = BTreeMap<String, Letterbox>;

/// What is known of the mails to one address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Letterbox {
    /// What its server accepted within the last hour, in order of time.
    sent: VecDeque<Sent>,
    /// What is to be handed over, or is being handed over, and was not tried in vain yet.
    under_way: BTreeMap<MailId, About>,
    /// What a server has put off. Others do not wait for days for what may never get through; but neither
    /// does all of a long outage come at once when it ends.
    put_off: BTreeSet<MailId>,
    /// What waits.
    held: BTreeMap<MailId, About>,
    /// When it was last told of each address that was not reached, within the last hour.
    told: BTreeMap<String, Timestamp>,
    /// The mails that tell others that this address was not reached, and are not out yet.
    denials: BTreeSet<MailId>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sent {
    at: Timestamp,
    ticket: TicketId,
    about: About,
}

impl About {
    /// What a mail of a ticket tells.
    pub fn of(mail: &Mail) -> About {
        let (machines, unreached) = (mail.machines.clone(), mail.unreached.clone());
        About { event: mail.event, machines, unreached, at: mail.at }
    }

    /// Whether whoever got `earlier`, about the same ticket, learns nothing new from it: a machine that was not
    /// named there is news.
    fn repeats(&self, earlier: &About) -> bool {
        self.event == earlier.event && self.machines.iter().all(|host| earlier.machines.contains(host))
    }
}

impl Letterbox {
    /// Enters where a mail to this mailbox stands at `now`.
    pub fn enter(&mut self, now: Timestamp, ticket: TicketId, mail: &Mail, mailbox: &str) {
        let id = (ticket, mail.seq);
        self.under_way.remove(&id);
        self.put_off.remove(&id);
        let was_held = self.held.remove(&id).is_some();
        let is_told = was_held && !mail.is_held(mailbox) && mail.to.iter().any(|to| to == mailbox);
        self.told.retain(|_, at| now.duration_since(*at) < HOUR);
        self.told.extend(mail.unreached.as_ref().filter(|_| is_told).map(|who| (address(who), now)));
        if mail.is_held(mailbox) {
            self.held.insert(id, About::of(mail));
        } else if mail.pending().any(|to| to == mailbox) {
            match mail.trouble(mailbox) {
                Some(_) => drop(self.put_off.insert(id)),
                None => drop(self.under_way.insert(id, About::of(mail))),
            }
        }
    }

    /// Enters that its server accepted a mail at `at`.
    pub fn accept(&mut self, at: Timestamp, ticket: TicketId, mail: &Mail) {
        self.sent.push_back(Sent { at, ticket, about: About::of(mail) });
        while self.sent.front().is_some_and(|first| at.duration_since(first.at) >= HOUR)
            || self.sent.len() > HOURLY_LIMIT_MAX as usize
        {
            self.sent.pop_front();
        }
    }

    /// Enters where a mail stands that says that this address was not reached.
    pub fn enter_denial(&mut self, ticket: TicketId, mail: &Mail) {
        let id = (ticket, mail.seq);
        if mail.hoping().next().is_some() {
            self.denials.insert(id);
        } else {
            self.denials.remove(&id);
        }
    }

    /// The mails that say that this address was not reached, and are not out yet.
    pub fn denials(&self) -> impl Iterator<Item = MailId> {
        self.denials.iter().copied()
    }

    /// Whether a mail waits in it.
    pub fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether nothing is known of it any more that counts at `now`.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        let is_old = self.sent.back().is_none_or(|last| now.duration_since(last.at) >= HOUR);
        let is_old = is_old && self.told.values().all(|at| now.duration_since(*at) >= HOUR);
        is_old
            && self.denials.is_empty()
            && self.under_way.is_empty()
            && self.put_off.is_empty()
            && self.held.is_empty()
    }
}
