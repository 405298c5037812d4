//! From a report to a ticket: flags and a pasted page in, a new ticket or another report out.

use super::OpenArgs;
use crate::cli::desk::{self, Desk};
use crate::cli::print::Reader;
use crate::cli::{Exit, Fault, input, print};
use crate::edge::clock;
use crate::engine::Opening;
use crate::pure::intake::{self, Report};
use crate::pure::playbook::Library;
use crate::pure::ticket::said::label;
use crate::pure::ticket::{Act, Input, Ticket, TicketId};
use crate::pure::watchlist::Transport;
use std::net::IpAddr;

/// Opens a ticket, or adds the report to the open ticket about the same site, malware and address.
pub fn open(desk: &mut Desk, args: OpenArgs) -> Result<Exit, Fault> {
    let by = desk::who(args.by.as_deref())?;
    let reader = Reader::of(args.json);
    let opening = opening(desk, with_labels(args)?)?;
    let now = clock::now();
    let known = desk.engine.tickets().find(|ticket| is_same(ticket, &opening)).map(|ticket| ticket.id);
    let (id, is_new) = match known {
        Some(id) => {
            for report in opening.reports {
                desk.engine.step(now, &by, id, &Input::Act(Act::Report(report)))?;
            }
            (id, false)
        }
        None => (desk.engine.open_ticket(now, &by, opening)?, true),
    };
    tell(desk, id, is_new, reader)
}

fn tell(desk: &Desk, id: TicketId, is_new: bool, reader: Reader) -> Result<Exit, Fault> {
    if reader == Reader::Program {
        return super::show::show(desk, id.0, reader);
    }
    let ticket = desk.engine.ticket(id)?;
    let told = if is_new {
        let Ticket { public, site, playbook, .. } = ticket;
        format!("ticket {id} opened for {public} at {site}, playbook {playbook}")
    } else {
        format!("ticket {id} is about the same: the report was added to it")
    };
    let next = format!("next: allclear run locate --ticket {id}, or keep `allclear serve` running");
    Ok(print::out(&format!("{told}\n{next}\n")))
}

/// Whether the new report belongs to this open ticket.
fn is_same(ticket: &Ticket, opening: &Opening) -> bool {
    let names = |reports: &[Report]| -> Vec<Option<String>> {
        reports.iter().map(|report| report.malware.as_ref().map(|name| name.to_lowercase())).collect()
    };
    let known = names(&ticket.reports);
    ticket.phase.is_open()
        && ticket.site == opening.site
        && ticket.public == opening.public
        && names(&opening.reports).iter().any(|malware| known.contains(malware))
}

/// With what the flags call the report as it may go on record.
fn with_labels(args: OpenArgs) -> Result<OpenArgs, Fault> {
    let of = |what: &str, text: Option<String>| {
        let text = text.map(|text| label(what, &text)).transpose();
        text.map_err(|why| Fault::Usage(why.to_string()))
    };
    let (reference, malware) = (of("--ref", args.reference)?, of("--malware", args.malware)?);
    Ok(OpenArgs { reference, malware, ..args })
}

fn opening(desk: &Desk, args: OpenArgs) -> Result<Opening, Fault> {
    let text = args.from.as_deref().map(input::read_text).transpose()?;
    let read = text.map(|text| intake::cbl::read(&text)).transpose();
    let read = read.map_err(|error| Fault::Failed(error.to_string()))?;
    let library = desk.engine.library();
    let public = args.public.or(read.as_ref().and_then(|report| report.public)).ok_or_else(|| {
        Fault::Usage(
            "the report does not say which of your addresses it is about: add --public ADDRESS".to_owned(),
        )
    })?;
    let site = site_for(library, args.site.as_deref(), public)?;
    let report = report(desk, &args, read, &site, public)?;
    let playbook = playbook_for(library, args.playbook.as_deref(), report.malware.as_deref())?;
    Ok(Opening { reference: args.reference, site, playbook, public, reports: vec![report] })
}

/// The report, with what the flags say put over what the page says.
fn report(
    desk: &Desk,
    args: &OpenArgs,
    read: Option<Report>,
    site: &str,
    public: IpAddr,
) -> Result<Report, Fault> {
    let seen = args.seen.as_deref().map(|seen| desk.time(seen, site)).transpose()?;
    let seen = seen.or(read.as_ref().map(|report| report.seen)).ok_or_else(|| {
        Fault::Usage("when was it seen? add --seen TIME, or --from FILE with the page".to_owned())
    })?;
    let origin = if read.is_some() { "cbl-text" } else { "flags" };
    let base = read.unwrap_or(Report {
        malware: None,
        seen,
        clock_error_s: 0,
        public: None,
        remote: None,
        port: None,
        source_port: None,
        protocol: None,
        origin: origin.to_owned(),
    });
    let protocol = args.protocol.as_deref().map(|name| match name {
        "udp" => Transport::Udp,
        _ => Transport::Tcp,
    });
    let report = Report {
        malware: args.malware.clone().or(base.malware),
        seen,
        public: Some(public),
        remote: args.remote.or(base.remote),
        port: args.port.or(base.port),
        source_port: args.source_port.or(base.source_port),
        protocol: protocol.or(base.protocol),
        ..base
    };
    if report.is_of_the_future(clock::now()) {
        let text = format!("{seen} lies in the future: give the time at which it was seen");
        return Err(Fault::Usage(text));
    }
    Ok(report)
}

/// The site that was named, or the one that has the public address.
pub fn site_for(library: &Library, name: Option<&str>, public: IpAddr) -> Result<String, Fault> {
    let known: Vec<&str> = library.site_file.sites.keys().map(String::as_str).collect();
    let known = known.join(", ");
    match name {
        Some(name) if library.site_file.sites.contains_key(name) => Ok(name.to_owned()),
        Some(name) => Err(Fault::Usage(format!("there is no site '{name}': the site file names {known}"))),
        None => library.site_with_public(public).map(|site| site.name.clone()).ok_or_else(|| {
            Fault::Usage(format!(
                "no site has the public address {public}: add it to `public:` of its site, or say --site ({known})"
            ))
        }),
    }
}

/// The playbook that was named, or the one that works this malware.
pub fn playbook_for(library: &Library, name: Option<&str>, malware: Option<&str>) -> Result<String, Fault> {
    let known: Vec<&str> = library.playbooks.keys().map(String::as_str).collect();
    let known = known.join(", ");
    match (name, malware) {
        (Some(name), _) if library.playbooks.contains_key(name) => Ok(name.to_owned()),
        (Some(name), _) => Err(Fault::Usage(format!("there is no playbook '{name}': there are {known}"))),
        (None, Some(malware)) => {
            library.playbook_for(malware).map(|playbook| playbook.name.clone()).ok_or_else(|| {
                Fault::Usage(format!("no playbook names the malware '{malware}': say --playbook ({known})"))
            })
        }
        (None, None) => Err(Fault::Usage(format!("the report names no malware: say --playbook ({known})"))),
    }
}
