//! Does the mail server take a mail from us? One test mail, step by step.

use crate::cli::desk::Desk;
use crate::cli::{Exit, Fault, print};
use crate::edge::clock;
use crate::edge::mailer::{Delivery, Mailer};
use crate::pure::playbook::MailEvent;
use crate::pure::report::Letter;
use crate::pure::ticket::TicketId;
use crate::pure::words::clean_text;
use jiff::Timestamp;

/// Sends it and tells what was answered; never the password.
pub fn run(desk: &Desk, address: &str) -> Result<Exit, Fault> {
    let settings = desk.engine.library().site_file.mail.as_ref();
    let settings =
        settings.ok_or_else(|| Fault::Failed("the site file has no mail section: add it".to_owned()))?;
    let mailer = Mailer::open(settings).map_err(|error| Fault::Failed(error.to_string()))?;
    let letter = letter(&settings.from, settings.reply_to.clone(), address, clock::now());
    let delivery = mailer.try_out(&letter, address, &mut |step| {
        print::out(&format!("{step}\n"));
    });
    let (exit, told) = match delivery {
        Delivery::Accepted => (Exit::Done, format!("accepted for {}", clean_text(address))),
        Delivery::TryLater(why) => (Exit::Failed, format!("not now: {why}")),
        Delivery::Refused(why) => (Exit::Failed, format!("refused for good: {why}")),
        Delivery::Unfit(why) => (Exit::Failed, format!("cannot be sent: {why}")),
        Delivery::Lost(why) => (Exit::Failed, format!("nobody knows: {why}")),
        Delivery::NoServer(why) => (Exit::Failed, format!("no mail leaves: {why}")),
    };
    print::out(&format!("{told}\n"));
    Ok(exit)
}

/// A mail with a number that no other one has.
fn letter(from: &str, reply_to: Option<String>, to: &str, now: Timestamp) -> Letter {
    let text = "This is a test of allclear's way to send mail. Nothing is to be done.\n";
    Letter {
        ticket: TicketId::NONE,
        seq: u64::try_from(now.as_nanosecond()).unwrap_or(0),
        event: MailEvent::Test,
        at: now,
        from: from.to_owned(),
        to: vec![to.to_owned()],
        subject: "[allclear] test of the mail server".to_owned(),
        text: text.to_owned(),
        html: format!("<p>{}</p>\n", text.trim_end()),
        pictures: Vec::new(),
        reply_to,
        first: None,
        answers: None,
        thread: TicketId::NONE,
        begun: now,
        mark: None,
    }
}
