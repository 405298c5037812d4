//! How is an effect carried out? An effect in, and what came of it as an input out.
//!
//! The only edge that uses the other ones. It decides nothing: what failed goes back as an input
//! like any other. Work is prepared where the tickets are and carried out wherever there is time.

use crate::edge::capture::hub::Hub;
use crate::edge::capture::lists::Lists;
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::run::{self, Captured, Means};
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::clock;
use crate::edge::mailer::{Delivery, Mailer};
use crate::edge::template::Templates;
use crate::engine::{Engine, EngineError};
use crate::pure::plan::{self, CapturePlan};
use crate::pure::report::{Letter, Material};
use crate::pure::ticket::{
    Context, Effect, Input, Listing, ListingAnswer, Mail, RunId, Ticket, TicketId, stand,
};
use crate::pure::verdict::ListingFacts;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Everything of the world that effects need.
pub struct Edges {
    pub captures: Captures,
    pub post: Post,
    pub templates: Templates,
    /// The state directory: evidence goes below it.
    pub state: PathBuf,
    pub stop: Stop,
    pub listings: Listings,
}

/// Where packets come from.
pub enum Captures {
    /// The sources of the site, shared by all runs of the hub, as their watchlist files are; an interface
    /// that is not there yet may be waited for.
    Sources(Hub, Lists, Absent),
    /// Recorded files in their place (boxed: the index of a season's files is large).
    Recorded(Box<Mutex<Recordings>>),
}

/// Where mail goes.
pub enum Post {
    Mailer(Mailer),
    /// Nowhere, and that is wanted: each mail counts as sent.
    Nowhere,
    /// There is no mail section in the site file: mail waits.
    Closed,
}

/// Who says whether an address is listed.
pub enum Listings {
    /// Look-ups are not acted on yet: the answer is unknown.
    NotYet,
    /// A script; `None` until it has an answer.
    Scripted(Option<Listing>),
}

/// An effect with all it needs, ready to be carried out in any thread.
pub enum Work {
    Capture {
        ticket: TicketId,
        run: RunId,
        plan: Box<CapturePlan>,
        listing: Option<ListingAnswer>,
        now: Timestamp,
    },
    Mail {
        ticket: TicketId,
        mail: u64,
        to: String,
        letter: Result<Box<Letter>, String>,
    },
}

/// What came of it.
pub struct Reply {
    pub ticket: TicketId,
    pub input: Input,
    /// What a person should know besides, in sentences.
    pub troubles: Vec<String>,
}

impl Edges {
    /// From now on the scripted DNSBL answers so.
    pub fn answer_listing(&mut self, answer: Listing) {
        self.listings = Listings::Scripted(Some(answer));
    }

    /// Whether mail can leave now.
    pub fn has_post(&self) -> bool {
        !matches!(self.post, Post::Closed)
    }
}

/// Carries an effect out at once.
pub fn perform(
    effect: &Effect,
    engine: &Engine,
    edges: &Edges,
    now: Timestamp,
) -> Result<Reply, EngineError> {
    Ok(carry_out(prepare(effect, engine, edges, now)?, edges))
}

/// Takes from the tickets what the effect needs.
pub fn prepare(effect: &Effect, engine: &Engine, edges: &Edges, now: Timestamp) -> Result<Work, EngineError> {
    match effect {
        Effect::Capture { ticket, run } => prepare_capture(engine, edges, *ticket, *run, now),
        Effect::SendMail { ticket, mail, to } => {
            let letter = write_letter(engine, edges, *ticket, *mail, now)?;
            Ok(Work::Mail { ticket: *ticket, mail: *mail, to: to.clone(), letter })
        }
    }
}

/// Does it; takes as long as it takes.
pub fn carry_out(work: Work, edges: &Edges) -> Reply {
    match work {
        Work::Capture { ticket, run, plan, listing, now } => capture(edges, ticket, run, &plan, listing, now),
        Work::Mail { ticket, mail, to, letter } => {
            let delivery = match (&edges.post, letter) {
                (_, Err(fault)) => Delivery::TryLater(fault),
                (Post::Nowhere, Ok(_)) => Delivery::Accepted,
                (Post::Closed, Ok(_)) => Delivery::TryLater("the site file has no mail section".to_owned()),
                (Post::Mailer(mailer), Ok(letter)) => mailer.deliver(&letter, &to),
            };
            Reply { ticket, input: mail_input(mail, to, delivery), troubles: Vec::new() }
        }
    }
}

fn prepare_capture(
    engine: &Engine,
    edges: &Edges,
    id: TicketId,
    run: RunId,
    now: Timestamp,
) -> Result<Work, EngineError> {
    let ticket = engine.ticket(id)?;
    let Context { playbook, site, .. } = engine.context(id, now)?;
    let begun = ticket.run(run).ok_or(EngineError::NoTicket(id))?;
    let plan = plan::draw(engine.library(), site, playbook, ticket, begun);
    let has_listing = playbook.stage(begun.stage).is_some_and(|stage| stage.has_listing);
    let listing = has_listing.then(|| answer(&edges.listings, now));
    Ok(Work::Capture { ticket: id, run, plan: Box::new(plan), listing, now })
}

fn answer(listings: &Listings, now: Timestamp) -> ListingAnswer {
    let (answer, raw) = match listings {
        Listings::NotYet => (Listing::Unknown, "look-ups are not acted on yet"),
        Listings::Scripted(None) => (Listing::Unknown, "the script gives no answer yet"),
        Listings::Scripted(Some(answer)) => (*answer, "answered by the script"),
    };
    ListingAnswer { answer, at: now, raw: raw.to_owned() }
}

fn capture(
    edges: &Edges,
    ticket: TicketId,
    run: RunId,
    plan: &CapturePlan,
    listing: Option<ListingAnswer>,
    now: Timestamp,
) -> Reply {
    let Captured { mut facts, troubles } = match &edges.captures {
        Captures::Sources(hub, lists, absent) => {
            let means = Means {
                hub,
                lists,
                state_dir: &edges.state,
                stop: &edges.stop,
                clock: clock::now,
                absent: *absent,
                is_clock_synchronised: clock::is_clock_synchronised(),
            };
            run::capture(plan, &means)
        }
        Captures::Recorded(recordings) => {
            // A panic elsewhere cannot leave the index half made: it is only read.
            let mut recordings = recordings.lock().unwrap_or_else(PoisonError::into_inner);
            recordings.facts(plan, &edges.state, now)
        }
    };
    facts.listing = listing.as_ref().map(|listing| ListingFacts {
        is_known: listing.answer != Listing::Unknown,
        why: listing.raw.clone(),
    });
    Reply { ticket, input: Input::Captured { run, facts: Box::new(facts), listing }, troubles }
}

/// The mail as it was decided upon: of the ticket as it stood then, so that a repeat is the same.
fn write_letter(
    engine: &Engine,
    edges: &Edges,
    id: TicketId,
    seq: u64,
    now: Timestamp,
) -> Result<Result<Box<Letter>, String>, EngineError> {
    let ticket = engine.ticket(id)?;
    let events = ticket.events.iter().take_while(|recorded| recorded.seq <= seq).cloned();
    let ticket = Ticket::fold(&events.collect::<Vec<_>>())?;
    let context =
        Context { now: ticket.events.last().map_or(now, |last| last.at), ..engine.context(id, now)? };
    let Some(mail) = ticket.outbox.iter().find(|mail| mail.seq == seq) else {
        return Ok(Err(format!("there is no mail {seq}")));
    };
    Ok(letter(engine, edges, &ticket, &context, mail))
}

/// The subject that a mail has or will have; a faulty template's message where it cannot be written.
pub fn subject(
    engine: &Engine,
    edges: &Edges,
    id: TicketId,
    seq: u64,
    now: Timestamp,
) -> Result<String, EngineError> {
    let letter = write_letter(engine, edges, id, seq, now)?;
    Ok(letter.map_or_else(|fault| fault, |letter| letter.subject))
}

fn letter(
    engine: &Engine,
    edges: &Edges,
    ticket: &Ticket,
    context: &Context<'_>,
    mail: &Mail,
) -> Result<Box<Letter>, String> {
    let settings = engine.library().site_file.mail.as_ref();
    let from = &settings.ok_or("the site file has no mail section")?.from;
    let standing = stand(ticket, context);
    let Context { playbook, site, .. } = *context;
    let material = Material { ticket, playbook, site, standing: &standing, at: mail.at };
    let letter = edges.templates.letter(&material, mail, from);
    letter.map(Box::new).map_err(|problem| problem.to_string())
}

fn mail_input(mail: u64, to: String, delivery: Delivery) -> Input {
    match delivery {
        Delivery::Accepted => Input::MailAccepted { mail, to },
        Delivery::TryLater(error) => Input::MailFailed { mail, to, error, is_refused: false },
        Delivery::Refused(error) => Input::MailFailed { mail, to, error, is_refused: true },
    }
}
