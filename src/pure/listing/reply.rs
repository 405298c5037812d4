//! What does a reply say? Test entries held against what they must answer, and the codes of the address.
//!
//! Everything in a reply is hostile. Whatever is not exactly an answer to the question is unknown.

use super::Listing;
use super::codes::{Code, Meaning, WANTED, known};
use std::net::{Ipv4Addr, SocketAddr};

/// Addresses in one reply; no list gives an address more than a handful.
const RECORDS_MAX: usize = 64;

/// Aliases from the name asked for to the one with the addresses.
const ALIASES_MAX: usize = 8;

/// A reply as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: ReplyCode,
    /// The name that was asked for, in lower case and with its final dot.
    pub name: String,
    /// The answer section, in its order.
    pub records: Vec<Record>,
    /// For how long "no such name" holds, in seconds (RFC 2308); `None` where it does not say.
    pub negative_ttl_s: Option<u32>,
}

/// The response code (RFC 1035, 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyCode {
    NoError,
    /// NXDOMAIN.
    NoSuchName,
    /// SERVFAIL.
    ServerFailure,
    /// REFUSED.
    Refused,
    Other(u16),
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose record it is, in lower case and with its final dot.
    pub owner: String,
    pub ttl_s: u32,
    pub data: RecordData,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordData {
    Address(Ipv4Addr),
    Alias(String),
    Text(String),
    Other,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoReply {
    TimeOut,
    /// What came back is no DNS message, or answers something else.
    Unreadable,
    /// The system's words for it.
    Unreachable(String),
    /// In words, with what to do: it was not even asked.
    NotAsked(String),
}

/// What the reply about the address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub answer: Listing,
    pub why: String,
    pub codes: Vec<Ipv4Addr>,
    pub ttl_s: Option<u32>,
}

/// Whether the entry that has to be listed is, with the code that is looked for; all its codes.
///
/// # Errors
///
/// What came instead and what to do, in a sentence: nothing can be found out then.
pub fn listed_test(reply: &Result<Reply, NoReply>, resolver: SocketAddr) -> Result<Vec<Ipv4Addr>, String> {
    let reply = in_order(reply, resolver)?;
    if reply.code == ReplyCode::NoSuchName {
        return Err("the test entry of the list is not there, so that \"not listed\" would mean nothing: \
                    check `zone`, and whether the resolver may ask the list"
            .to_owned());
    }
    let codes = codes_of(reply, resolver)?;
    if let Some(broken) = broken(&codes) {
        return Err(broken);
    }
    if codes.contains(&WANTED) {
        return Ok(codes);
    }
    Err(format!(
        "the test entry of the list answers {} and not {WANTED}: name a `zone` that lists infected machines",
        listed(&codes)
    ))
}

/// Whether the entry that must not be listed is not: a list that lists all the world says nothing.
///
/// # Errors
///
/// As of [`listed_test`].
pub fn clear_test(reply: &Result<Reply, NoReply>, resolver: SocketAddr) -> Result<(), String> {
    let reply = in_order(reply, resolver)?;
    if is_no_such_name(reply) {
        return Ok(());
    }
    let codes = codes_of(reply, resolver)?;
    Err(broken(&codes).unwrap_or_else(|| {
        format!(
            "the entry 127.0.0.1, which no list may have, answers {}: the list is out of order, or the \
             resolver answers for every name; ask the operators",
            listed(&codes)
        )
    }))
}

/// What is said of the address, once both test entries have been answered as they must.
pub fn find(reply: &Result<Reply, NoReply>, zone: &str, resolver: SocketAddr) -> Finding {
    let unknown = |why, codes| Finding { answer: Listing::Unknown, why, codes, ttl_s: None };
    let reply = match in_order(reply, resolver) {
        Ok(reply) => reply,
        Err(why) => return unknown(why, Vec::new()),
    };
    if is_no_such_name(reply) {
        let why = format!("not listed in {zone}");
        return Finding { answer: Listing::NotListed, why, codes: Vec::new(), ttl_s: reply.negative_ttl_s };
    }
    match codes_of(reply, resolver) {
        Ok(codes) => of_codes(codes, zone, least_ttl(reply)),
        Err(why) => unknown(why, Vec::new()),
    }
}

/// What the codes of the address say. An error outranks a listing, a listing what nobody documents.
fn of_codes(codes: Vec<Ipv4Addr>, zone: &str, ttl_s: Option<u32>) -> Finding {
    let is_of =
        |meaning: Meaning| codes.iter().filter_map(|code| known(*code)).any(|code| code.meaning == meaning);
    let is_strange = codes.iter().any(|code| known(*code).is_none());
    let (answer, why) = if let Some(broken) = broken(&codes) {
        (Listing::Unknown, broken)
    } else if is_of(Meaning::Infected) {
        (Listing::Listed, format!("listed in {zone}: {}", named(&codes)))
    } else if is_strange || is_of(Meaning::ReadPage) {
        let cure = "read the operator's page and record it with `allclear ticket note --listing`";
        (Listing::Unknown, format!("{zone} answers {}: {cure}", named(&codes)))
    } else {
        (Listing::NotListed, format!("not listed in {zone} as infected, but there as {}", named(&codes)))
    };
    Finding { answer, why, codes, ttl_s }
}

/// Whether the name is said not to exist, and nothing else is said.
fn is_no_such_name(reply: &Reply) -> bool {
    reply.code == ReplyCode::NoSuchName && reply.records.is_empty()
}

/// The reply, where it is one that says something.
fn in_order(reply: &Result<Reply, NoReply>, resolver: SocketAddr) -> Result<&Reply, String> {
    let reply = reply.as_ref().map_err(|trouble| match trouble {
        NoReply::TimeOut => format!(
            "the resolver {resolver} did not answer in time: check with `allclear doctor` that it runs"
        ),
        NoReply::Unreadable => {
            format!("the resolver {resolver} answers what is no answer to the question: name another")
        }
        NoReply::Unreachable(error) => {
            format!("the resolver {resolver} cannot be reached ({error}): start it, or name another")
        }
        NoReply::NotAsked(why) => why.clone(),
    })?;
    match reply.code {
        ReplyCode::NoError | ReplyCode::NoSuchName => Ok(reply),
        ReplyCode::ServerFailure => Err(format!(
            "the resolver {resolver} failed (SERVFAIL): see in its log whether it reaches the list's servers"
        )),
        ReplyCode::Refused => Err(format!(
            "the resolver {resolver} refused to answer (REFUSED): let it answer this machine, or name another"
        )),
        ReplyCode::Other(code) => Err(format!(
            "the resolver {resolver} answers with error code {code}: see its log, or name another"
        )),
    }
}

/// The addresses of the name that was asked for, through aliases.
fn codes_of(reply: &Reply, resolver: SocketAddr) -> Result<Vec<Ipv4Addr>, String> {
    let mut name = reply.name.as_str();
    let mut aliases = 0;
    while let Some(alias) = alias_of(reply, name) {
        name = alias;
        aliases += 1;
        if aliases > ALIASES_MAX {
            return Err(format!("the resolver {resolver} answers with an endless alias: name another"));
        }
    }
    let mut codes = Vec::new();
    for record in &reply.records {
        let RecordData::Address(code) = record.data else { continue };
        if record.owner != name {
            return Err(format!("the resolver {resolver} answers for another name: name another resolver"));
        }
        codes.push(code);
    }
    match codes.len() {
        0 => Err(format!(
            "the resolver {resolver} answers without an address, which is neither listed nor not listed: \
             check `zone`"
        )),
        1..=RECORDS_MAX if reply.code == ReplyCode::NoError => Ok(codes),
        1..=RECORDS_MAX => Err(format!(
            "the resolver {resolver} says that there is no such name and answers all the same: name another"
        )),
        many => Err(format!(
            "the resolver {resolver} answers with {many} addresses, more than any list: name another"
        )),
    }
}

fn alias_of<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.records.iter().find_map(|record| match &record.data {
        RecordData::Alias(alias) if record.owner == name => Some(alias.as_str()),
        _ => None,
    })
}

/// What is wrong with the list itself, if these codes say so.
fn broken(codes: &[Ipv4Addr]) -> Option<String> {
    if let Some(outside) = codes.iter().find(|code| code.octets()[0] != 127) {
        return Some(format!(
            "the answer {outside} is none that a list gives: the resolver answers for names that do not \
             exist, or `zone` is no list; name another"
        ));
    }
    codes.iter().find_map(|code| match known(*code) {
        Some(Code { meaning: Meaning::Error(cure), name, .. }) => Some(format!("{name} ({code}): {cure}")),
        None if code.octets()[1..3] == [255, 255] => {
            Some(format!("an error of the list ({code}): read its documentation"))
        }
        _ => None,
    })
}

fn least_ttl(reply: &Reply) -> Option<u32> {
    reply.records.iter().map(|record| record.ttl_s).min()
}

/// The codes with what they mean.
fn named(codes: &[Ipv4Addr]) -> String {
    let name = |code: &Ipv4Addr| {
        format!("{code} ({})", known(*code).map_or("which nobody documents", |known| known.name))
    };
    codes.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn listed(codes: &[Ipv4Addr]) -> String {
    codes.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: &str = "xbl.example";
    const NAME: &str = "17.2.0.192.xbl.example.";

    fn resolver() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 53))
    }

    fn reply(code: ReplyCode, records: Vec<(&str, RecordData)>) -> Result<Reply, NoReply> {
        let record = |(owner, data): (&str, RecordData)| Record { owner: owner.to_owned(), ttl_s: 300, data };
        let records = records.into_iter().map(record).collect();
        Ok(Reply { code, name: NAME.to_owned(), records, negative_ttl_s: Some(150) })
    }

    fn address(text: &str) -> RecordData {
        RecordData::Address(text.parse().expect("an address"))
    }

    fn codes(codes: &[&str]) -> Result<Reply, NoReply> {
        reply(ReplyCode::NoError, codes.iter().map(|code| (NAME, address(code))).collect())
    }

    fn alias(to: &str) -> RecordData {
        RecordData::Alias(to.to_owned())
    }

    #[test]
    fn codes_mean_what_the_table_says() {
        use Listing::{Listed, NotListed, Unknown};
        let rows: &[(&[&str], Listing, &str)] = &[
            (&["127.0.0.4"], Listed, "XBL"),
            (&["127.0.0.10", "127.0.0.4"], Listed, "127.0.0.10 (PBL"),
            (&["127.0.0.5"], Listed, "old code"),
            (&["127.0.0.7"], Listed, "old code"),
            (&["127.0.0.4", "127.0.0.77"], Listed, "127.0.0.77 (which nobody documents)"),
            (&["127.0.0.2"], NotListed, "SBL"),
            (&["127.0.0.3", "127.0.0.9"], NotListed, "DROP"),
            (&["127.0.0.10"], NotListed, "no sign of infection"),
            (&["127.0.0.11"], NotListed, "no sign of infection"),
            (&["127.0.0.1"], Unknown, "which nobody documents"),
            (&["127.0.0.8"], Unknown, "which nobody documents"),
            (&["127.0.0.12"], Unknown, "which nobody documents"),
            (&["127.0.0.20"], Unknown, "ticket note --listing"),
            (&["127.0.0.10", "127.0.0.30"], Unknown, "command bots"),
            (&["127.0.1.2"], Unknown, "which nobody documents"),
            (&["127.0.1.255"], Unknown, "list of domains"),
            (&["127.255.255.252"], Unknown, "correct `zone`"),
            (&["127.255.255.253"], Unknown, "documentation"),
            (&["127.255.255.254"], Unknown, "resolver of your own"),
            (&["127.255.255.255"], Unknown, "too many queries"),
            (&["127.255.255.1"], Unknown, "an error of the list"),
            (&["127.0.0.4", "127.255.255.254"], Unknown, "resolver of your own"),
            (&["10.9.9.9"], Unknown, "names that do not exist"),
            (&["127.0.0.4", "128.0.0.4"], Unknown, "names that do not exist"),
            (&["126.255.255.255"], Unknown, "names that do not exist"),
        ];
        for (given, answer, part) in rows {
            let finding = find(&codes(given), ZONE, resolver());
            assert_eq!((finding.answer, finding.ttl_s.is_some()), (*answer, true), "{given:?}");
            assert!(finding.why.contains(part), "{given:?}: {}", finding.why);
            assert_eq!(finding.codes.len(), given.len());
            assert!(
                *answer != Unknown || finding.why.contains(": "),
                "{given:?} says what to do: {}",
                finding.why
            );
        }
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_unknown() {
        let many = vec![(NAME, address("127.0.0.4")); RECORDS_MAX + 1];
        let rows = [
            (
                "not an address",
                reply(ReplyCode::NoError, vec![(NAME, RecordData::Other)]),
                "without an address",
            ),
            ("nothing", reply(ReplyCode::NoError, vec![]), "without an address"),
            (
                "for another name",
                reply(ReplyCode::NoError, vec![("x.", address("127.0.0.4"))]),
                "another name",
            ),
            (
                "for another name too",
                reply(ReplyCode::NoError, vec![(NAME, address("127.0.0.10")), ("x.", address("127.0.0.4"))]),
                "another name",
            ),
            ("alias to itself", reply(ReplyCode::NoError, vec![(NAME, alias(NAME))]), "endless alias"),
            ("alias to nothing", reply(ReplyCode::NoError, vec![(NAME, alias("x."))]), "without an address"),
            ("no such alias", reply(ReplyCode::NoSuchName, vec![(NAME, alias("x."))]), "without an address"),
            (
                "no such name, and its address",
                reply(ReplyCode::NoSuchName, vec![(NAME, address("127.0.0.4"))]),
                "all the same",
            ),
            ("hundreds", reply(ReplyCode::NoError, many), "65 addresses"),
            ("failure", reply(ReplyCode::ServerFailure, vec![]), "SERVFAIL"),
            (
                "a failure that knows",
                reply(ReplyCode::ServerFailure, vec![(NAME, address("127.0.0.4"))]),
                "SERVFAIL",
            ),
            ("refusal", reply(ReplyCode::Refused, vec![]), "REFUSED"),
            ("another code", reply(ReplyCode::Other(5000), vec![]), "error code 5000"),
            ("silence", Err(NoReply::TimeOut), "in time"),
            ("rubbish", Err(NoReply::Unreadable), "no answer to the question"),
            ("nobody there", Err(NoReply::Unreachable("no route".to_owned())), "no route"),
            ("limit", Err(NoReply::NotAsked("enough for today: wait".to_owned())), "enough for today"),
        ];
        for (row, given, part) in rows {
            let finding = find(&given, ZONE, resolver());
            assert_eq!((finding.answer, finding.ttl_s), (Listing::Unknown, None), "{row}");
            assert!(finding.why.contains(part) && finding.why.contains(": "), "{row}: {}", finding.why);
            assert!(listed_test(&given, resolver()).is_err(), "{row}");
            assert!(clear_test(&given, resolver()).is_err(), "{row}");
        }
    }

    #[test]
    fn aliases_are_followed_to_their_addresses() {
        let chain = |links: usize| {
            let name = |link: usize| if link == 0 { NAME.to_owned() } else { format!("{link}.example.") };
            let aliases = (0..links).map(|link| (name(link), alias(&name(link + 1))));
            let records = aliases.chain([(name(links), address("127.0.0.4"))]);
            let records: Vec<(String, RecordData)> = records.collect();
            let reply =
                reply(ReplyCode::NoError, records.iter().map(|(o, d)| (o.as_str(), d.clone())).collect());
            find(&reply, ZONE, resolver()).answer
        };
        assert_eq!(chain(1), Listing::Listed);
        assert_eq!(chain(ALIASES_MAX), Listing::Listed);
        assert_eq!(chain(ALIASES_MAX + 1), Listing::Unknown);
    }

    #[test]
    fn only_no_such_name_is_not_listed() {
        let finding = find(&reply(ReplyCode::NoSuchName, vec![]), ZONE, resolver());
        assert_eq!((finding.answer, finding.ttl_s), (Listing::NotListed, Some(150)));
    }

    #[test]
    fn test_entries_must_answer_as_they_should() {
        let gone = reply(ReplyCode::NoSuchName, vec![]);
        for (row, given, is_listed, is_clear) in [
            ("listed", codes(&["127.0.0.4"]), true, false),
            ("listed in all lists", codes(&["127.0.0.2", "127.0.0.4", "127.0.0.10"]), true, false),
            ("in another list", codes(&["127.0.0.2"]), false, false),
            ("an old code", codes(&["127.0.0.5"]), false, false),
            ("an error", codes(&["127.0.0.4", "127.255.255.254"]), false, false),
            ("outside", codes(&["127.0.0.4", "10.0.0.1"]), false, false),
            ("not there", gone, false, true),
        ] {
            assert_eq!(listed_test(&given, resolver()).is_ok(), is_listed, "{row}");
            assert_eq!(clear_test(&given, resolver()).is_ok(), is_clear, "{row}");
        }
        let refused =
            listed_test(&codes(&["127.255.255.254"]), resolver()).expect_err("an error of the list");
        assert!(refused.contains("resolver of your own"), "{refused}");
    }
}
