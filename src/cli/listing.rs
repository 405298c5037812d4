//! `allclear listing`: what does the DNSBL say of an address? Asked by its operators' rules.

use super::{Exit, Fault, desk, print};
use crate::edge::clock;
use crate::edge::resolver::Resolver;
use crate::pure::listing::{Listing, Lookup, not_public};
use crate::pure::words;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::net::IpAddr;
use std::path::Path;

/// The flags of `allclear listing`.
#[derive(Args, Debug)]
pub struct ListingArgs {
    /// The public address
    pub address: IpAddr,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Asks and prints; the exit code is 0 for not listed, 2 for listed and 3 for unknown.
pub fn run(site_file: Option<&Path>, args: &ListingArgs) -> Exit {
    look_up(site_file, args.address).map_or_else(Fault::show, |lookup| {
        let exit = match lookup.answer {
            Listing::NotListed => Exit::Done,
            Listing::Listed => Exit::Fail,
            Listing::Unknown => Exit::Inconclusive,
        };
        let printed = print::out(&if args.json { as_json(&lookup) } else { as_text(&lookup) });
        if printed == Exit::Done { exit } else { printed }
    })
}

fn look_up(site_file: Option<&Path>, address: IpAddr) -> Result<Lookup, Fault> {
    if let Some(what) = not_public(address) {
        let text = format!("{address} is {what}, of which no list says anything: name the public address");
        return Err(Fault::Usage(text));
    }
    let file = desk::library(site_file)?.site_file;
    let settings = file.listing.ok_or_else(|| {
        let path = file.path.display();
        Fault::Failed(format!(
            "{path} has no `listing` section, so nobody is asked: add one with `zone` and `resolver`"
        ))
    })?;
    let resolver = Resolver::new(settings, &file.state, clock::now);
    Ok(resolver.look_up(address, Timestamp::MIN))
}

fn as_text(lookup: &Lookup) -> String {
    let mut text = format!(
        "{}: {}\n  {}\n  asked {} through {}",
        lookup.address,
        words::listing(Some(lookup.answer)),
        lookup.why,
        lookup.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        lookup.resolver
    );
    // An unknown answer is not kept.
    if let Some(ttl_s) = lookup.ttl_s.filter(|_| lookup.answer != Listing::Unknown) {
        text += &format!("; holds for {}", words::duration(u64::from(ttl_s)));
    }
    text.push('\n');
    lookup.texts.iter().for_each(|line| text += &format!("  the list says: {line}\n"));
    text
}

fn as_json(lookup: &Lookup) -> String {
    let Lookup { address, answer, why, at, zone, resolver, ttl_s, codes, texts, test_codes } = lookup;
    let document = json!({
        "schema": "allclear.listing/1", "address": address, "answer": answer, "why": why, "at": at,
        "zone": zone, "resolver": resolver, "ttl_s": ttl_s, "codes": codes, "texts": texts,
        "test_codes": test_codes,
    });
    print::json_text(&document)
}
