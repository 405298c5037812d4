//! How is an effect carried out? An effect in, and what came of it as an input out.
//!
//! The only edge that uses the other ones. It decides nothing: what failed goes back as an input
//! like any other. Work is prepared where the tickets are and carried out wherever there is time.

mod late;
mod rounds;

use crate::edge::capture::hub::Hub;
use crate::edge::capture::lists::Lists;
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::run::{self, Captured, Means};
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::clock::{self, Watch};
use crate::edge::mailer::{self, Delivery, Mailer, Sealed};
use crate::edge::resolver::Resolver;
use crate::edge::template::{Draft, Templates};
use crate::engine::{Engine, EngineError};
use crate::pure::letterbox::MailId;
use crate::pure::plan::{self, CapturePlan};
use crate::pure::report::{FoldedRow, Letter, Material};
use crate::pure::schedule;
use crate::pure::ticket::{
    Context, Effect, FoldedMail, Input, Listing, ListingAnswer, Mail, Never, RunId, Ticket, TicketId, ledger,
    stand,
};
use crate::pure::verdict::{ListingFacts, SystemClock};
use jiff::Timestamp;
pub use rounds::lines;
use rounds::{draw_up_round, folded_rows};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Runs that end together ask within this time before their end.
const ASKING_MAX: Duration = Duration::from_secs(60);

const NO_LISTING_SECTION: &str =
    "nobody was asked: add a `listing` section to the site file, or take `listing: true` out of the stage";
const NO_MAIL_SECTION: &str = "the site file has no mail section";
const NO_SCENE: &str = "the script gives no answer yet: add a scene with `do: listing`";

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
    /// There is no listing section in the site file: the answer is unknown.
    Closed,
    /// The site's resolver.
    Resolver(Resolver),
    /// A script; `None` until it has an answer.
    Scripted(Option<Listing>),
}

/// An effect with all it needs, ready to be carried out in any thread.
pub enum Work {
    Capture(Box<Watching>),
    /// A letter that is still to be written.
    Draft {
        ticket: TicketId,
        mail: u64,
        to: String,
        draft: Result<Box<Draft>, String>,
    },
    /// A letter as it goes out.
    Mail {
        ticket: TicketId,
        mail: u64,
        to: String,
        sealed: Result<Box<Sealed>, Delivery>,
    },
}

/// A run that is to be captured.
pub struct Watching {
    pub ticket: TicketId,
    pub run: RunId,
    plan: CapturePlan,
    /// The address that the DNSBL is asked about; `None` when the stage does not ask.
    listing: Option<IpAddr>,
    now: Timestamp,
}

/// What came of it.
pub struct Reply {
    pub ticket: TicketId,
    pub input: Input,
    /// What a person should know besides, in sentences.
    pub troubles: Vec<String>,
    /// Whether no mail can leave at all.
    pub is_post_down: bool,
    /// Whether nobody knows if the mail has arrived.
    pub is_mail_lost: bool,
}

impl Reply {
    /// What became of a mail.
    pub fn of_mail(ticket: TicketId, input: Input) -> Reply {
        Reply { ticket, input, troubles: Vec::new(), is_post_down: false, is_mail_lost: false }
    }
}

impl Edges {
    /// From now on the scripted DNSBL answers so.
    pub fn answer_listing(&mut self, answer: Listing) {
        self.listings = Listings::Scripted(Some(answer));
    }

    /// Ends the connection to the mail server that nothing needs now.
    pub fn rest_post(&self) {
        if let Post::Mailer(mailer) = &self.post {
            mailer.rest();
        }
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
        Effect::Capture { ticket, run } => prepare_capture(engine, *ticket, *run, now),
        Effect::SendMail { ticket, mail, to } => {
            let draft = late::draft(engine, edges, (*ticket, *mail), now)?;
            Ok(Work::Draft { ticket: *ticket, mail: *mail, to: to.clone(), draft })
        }
    }
}

/// Makes of a draft what goes out, words, pictures and all, which needs nothing but the draft; all else stays as it is.
pub fn seal(work: Work, edges: &Edges) -> Work {
    let Work::Draft { ticket, mail, to, draft } = work else { return work };
    let sealed = match (&edges.post, draft.and_then(|draft| write(edges, draft))) {
        (_, Err(fault)) => Err(Delivery::TryLater(fault)),
        // Nobody looks at it.
        (Post::Nowhere, Ok(_)) => Err(Delivery::Accepted),
        (Post::Closed, Ok(_)) => Err(Delivery::TryLater(NO_MAIL_SECTION.to_owned())),
        (Post::Mailer(_), Ok(letter)) => mailer::seal(&letter, &to).map(Box::new),
    };
    Work::Mail { ticket, mail, to, sealed }
}

/// Does it; takes as long as it takes.
pub fn carry_out(work: Work, edges: &Edges) -> Reply {
    hand_over(work, edges, &mut || {})
}

/// The same; while a mail server works on the mail, `meanwhile` is done.
pub fn hand_over(work: Work, edges: &Edges, meanwhile: &mut dyn FnMut()) -> Reply {
    match work {
        Work::Capture(watching) => capture(edges, &watching),
        draft @ Work::Draft { .. } => hand_over(seal(draft, edges), edges, meanwhile),
        Work::Mail { ticket, mail, to, sealed } => {
            let delivery = match (&edges.post, sealed) {
                (_, Err(became)) => became,
                (Post::Mailer(mailer), Ok(sealed)) => mailer.send(&sealed, meanwhile),
                (Post::Nowhere | Post::Closed, Ok(_)) => Delivery::TryLater(NO_MAIL_SECTION.to_owned()),
            };
            let is_post_down = matches!(delivery, Delivery::NoServer(_));
            let is_mail_lost = matches!(delivery, Delivery::Lost(_));
            let input = mail_input(mail, to, delivery);
            Reply { is_post_down, is_mail_lost, ..Reply::of_mail(ticket, input) }
        }
    }
}

fn prepare_capture(engine: &Engine, id: TicketId, run: RunId, now: Timestamp) -> Result<Work, EngineError> {
    if let Some(detection) = engine.detection_of(run) {
        let begun = detection.run(run).ok_or(EngineError::NoTicket(id))?;
        let Context { playbook, site, .. } = engine.detection_context(&detection.id, now)?;
        let plan = plan::draw(engine.library(), site, playbook, None, begun);
        return Ok(Work::Capture(Box::new(Watching { ticket: id, run, plan, listing: None, now })));
    }
    let ticket = engine.ticket(id)?;
    let Context { playbook, site, .. } = engine.context(id, now)?;
    let begun = ticket.run(run).ok_or(EngineError::NoTicket(id))?;
    let plan = plan::draw(engine.library(), site, playbook, Some(ticket), begun);
    let has_listing = playbook.stage(begun.stage).is_some_and(|stage| stage.has_listing);
    let listing = has_listing.then_some(ticket.public);
    Ok(Work::Capture(Box::new(Watching { ticket: id, run, plan, listing, now })))
}

/// Captures, and asks the DNSBL shortly before the window ends, or when the capture ends early: so the
/// answer is as new as the verdict, and runs that end together do not ask together.
fn watch_and_ask(edges: &Edges, watching: &Watching) -> (Captured, Option<ListingAnswer>) {
    let Watching { ticket: _, run, ref plan, listing, now } = *watching;
    let Some(address) = listing else { return (watch(edges, plan, now), None) };
    let unasked = |answer, raw: &str| ListingAnswer::unasked(answer, now, raw, run);
    let answer = match &edges.listings {
        Listings::Closed => unasked(Listing::Unknown, NO_LISTING_SECTION),
        Listings::Scripted(None) => unasked(Listing::Unknown, NO_SCENE),
        Listings::Scripted(Some(answer)) => unasked(*answer, "answered by the script"),
        Listings::Resolver(resolver) => {
            return thread::scope(|scope| {
                let (ended, is_over) = mpsc::channel::<()>();
                let asking = scope.spawn(move || {
                    // Whether the time is up or the capture over: now is the time to ask.
                    let _ = is_over.recv_timeout(wait(asking_time(plan, run), clock::now()));
                    ListingAnswer::of(resolver.look_up(address, plan.window.from), run)
                });
                let captured = watch(edges, plan, now);
                drop(ended);
                let broken = |_| unasked(Listing::Unknown, "the asking broke off: run it again");
                (captured, Some(asking.join().unwrap_or_else(broken)))
            });
        }
    };
    (watch(edges, plan, now), Some(answer))
}

/// In the last tenth of the window, a minute before its end at most; the same for the same run.
fn asking_time(plan: &CapturePlan, run: RunId) -> Timestamp {
    let last = Duration::from_secs_f64(plan.window.seconds() / 10.0).min(ASKING_MAX);
    let before_end = last.saturating_sub(schedule::jitter(plan.window.from, &run.to_string(), last));
    plan.window.to.checked_sub(before_end).unwrap_or(plan.window.to)
}

fn wait(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn capture(edges: &Edges, watching: &Watching) -> Reply {
    let Watching { ticket, run, .. } = *watching;
    let (Captured { mut facts, troubles }, listing) = watch_and_ask(edges, watching);
    facts.listing = listing.as_ref().map(|listing| ListingFacts {
        is_known: listing.answer != Listing::Unknown,
        why: listing.raw.clone(),
    });
    let input = Input::Captured { run, facts: Box::new(facts), listing };
    Reply { ticket, input, troubles, is_post_down: false, is_mail_lost: false }
}

fn watch(edges: &Edges, plan: &CapturePlan, now: Timestamp) -> Captured {
    match &edges.captures {
        Captures::Sources(hub, lists, absent) => {
            let watch = Watch::begin();
            let means = Means {
                hub,
                lists,
                state_dir: &edges.state,
                stop: &edges.stop,
                clock: clock::watching,
                absent: *absent,
                system_clock: clock::system_clock(),
            };
            let mut captured = run::capture(plan, &means);
            if watch.was_set_back() {
                captured.facts.clock = SystemClock::SetBack;
            }
            captured
        }
        Captures::Recorded(recordings) => {
            // A panic elsewhere cannot leave the index half made: it is only read.
            let mut recordings = recordings.lock().unwrap_or_else(PoisonError::into_inner);
            recordings.facts(plan, &edges.state, now)
        }
    }
}

/// The mail as it was decided upon, without its words: of the ticket as it stood then, so that a repeat is the same.
fn draw_up(
    engine: &Engine,
    edges: &Edges,
    (id, seq): MailId,
    now: Timestamp,
) -> Result<Result<Box<Draft>, String>, EngineError> {
    if id == TicketId::NONE {
        return draw_up_round(engine, edges, seq, now);
    }
    let mut events = engine.history(id)?;
    events.retain(|recorded| recorded.seq <= seq);
    let ticket = Ticket::fold(&events)?;
    let context = Context { now: ticket.last_event, ..engine.context(id, now)? };
    let Some(mail) = ticket.outbox.iter().find(|mail| mail.seq == seq) else {
        return Ok(Err(format!("there is no mail {seq}")));
    };
    let past = engine.past_as_of(&ticket, seq)?;
    // A person may have readdressed it since.
    let to = engine.mail(id, seq).map_or_else(|| mail.to.clone(), |mail| mail.to.clone());
    let mail = &Mail { to, ..mail.clone() };
    let folds = mail.folds.iter().filter_map(|seq| ticket.outbox.iter().find(|mail| mail.seq == *seq));
    let folds: Vec<FoldedMail> =
        folds.map(|mail| FoldedMail { ticket: id, mail: mail.seq, at: mail.at, lines: None }).collect();
    let folded =
        folded_rows(engine, edges, &folds, Some(&ticket), now)?.into_iter().map(|(_, row)| row).collect();
    let (runs, standing) = (&ledger(&ticket, &context), &stand(&ticket, &context));
    let Context { playbook, site, .. } = context;
    let (ticket, events, past, at) = (&ticket, &events[..], &past[..], mail.at);
    let material = Material { ticket, runs, past, events, playbook, site, standing, at };
    Ok(draft(engine, &material, mail, folded))
}

/// The subject that a mail has or will have; a faulty template's message where it cannot be written.
pub fn subject(
    engine: &Engine,
    edges: &Edges,
    id: TicketId,
    seq: u64,
    now: Timestamp,
) -> Result<String, EngineError> {
    let letter = draw_up(engine, edges, (id, seq), now)?.and_then(|draft| write(edges, draft));
    Ok(letter.map_or_else(|fault| fault, |letter| letter.subject))
}

fn draft(
    engine: &Engine,
    material: &Material<'_>,
    mail: &Mail,
    folded: Vec<FoldedRow>,
) -> Result<Box<Draft>, String> {
    let settings = engine.library().site_file.mail.as_ref();
    let settings = settings.ok_or(NO_MAIL_SECTION)?;
    let mut draft = Draft::about(material, mail, &settings.from, folded);
    draft.letter.reply_to = settings.reply_to.clone();
    draft.letter.mark = engine.mark().map(str::to_owned);
    Ok(Box::new(draft))
}

/// The letter of a draft; in words what is wrong with its templates.
fn write(edges: &Edges, draft: Box<Draft>) -> Result<Box<Letter>, String> {
    edges.templates.write(*draft).map(Box::new).map_err(|problem| problem.to_string())
}

fn mail_input(mail: u64, to: String, delivery: Delivery) -> Input {
    match delivery {
        Delivery::Accepted => Input::MailAccepted { mail, to },
        Delivery::TryLater(error) | Delivery::Lost(error) | Delivery::NoServer(error) => {
            Input::MailFailed { mail, to, error, never: None }
        }
        Delivery::Refused(error) => Input::MailFailed { mail, to, error, never: Some(Never::Refused) },
        Delivery::Unfit(error) => Input::MailFailed { mail, to, error, never: Some(Never::Unfit) },
    }
}
