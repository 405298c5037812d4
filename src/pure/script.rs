//! What do people and the DNSBL do in a simulation, and when? The script file of `simulate`.
//!
//! Left of it are `document` (how a person's file is read) and `ticket` (what people can do); right
//! of it the season that plays it.

use crate::pure::document::{Outside, Sheet, Span, Spanned};
use crate::pure::moment;
use crate::pure::problem::Problem;
use crate::pure::ticket::{Act, Listing, person};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::net::IpAddr;
use std::path::Path;

/// Who acts when a scene does not say.
const SOMEBODY: &str = "script";

/// One line of the script: what a person, or the DNSBL, does and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub at: Timestamp,
    /// Who does it.
    pub by: String,
    pub step: Step,
}

/// What happens in a scene.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Act(Act),
    /// The DNSBL answers so from then on.
    Listing(Listing),
}

/// A scene as typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScene {
    at: Spanned<String>,
    #[serde(rename = "do")]
    verb: Spanned<Verb>,
    by: Option<Spanned<String>>,
    host: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    item: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
    until: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
    answer: Option<Spanned<Listing>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Cleaned,
    Sign,
    Listing,
    Hold,
    Resume,
    Note,
    Host,
    Withdraw,
    Retired,
    Reject,
    AcceptRisk,
    Reopen,
}

/// Reads the text of a script; its local times are in `zone`. Scenes that cannot be read are left
/// out and reported.
pub fn read_script(
    path: &Path,
    text: &str,
    zone: &TimeZone,
    outside: Outside<'_>,
) -> (Vec<Scene>, Vec<Problem>) {
    let (mut sheet, raw) = Sheet::open::<Vec<Spanned<RawScene>>>(path, text, outside);
    let scenes = raw.unwrap_or_default().into_iter();
    let scenes = scenes.filter_map(|raw| scene(&mut sheet, raw, zone)).collect();
    (scenes, sheet.close())
}

fn scene(sheet: &mut Sheet<'_>, raw: Spanned<RawScene>, zone: &TimeZone) -> Option<Scene> {
    let at = moment::read(&raw.value.at.value, zone);
    let at = at.map_err(|why| sheet.error_in_two_parts(raw.value.at.span, &why)).ok();
    let until = raw.value.until.as_ref().map(|until| {
        moment::read(&until.value, zone).map_err(|why| sheet.error_in_two_parts(until.span, &why))
    });
    let step = step(sheet, &raw, until.transpose().ok()?);
    let by = by(sheet, raw.value.by.as_ref());
    Some(Scene { at: at?, by: by?, step: step? })
}

/// Who does it: a name that can go on record.
fn by(sheet: &mut Sheet<'_>, by: Option<&Spanned<String>>) -> Option<String> {
    let Some(by) = by else { return Some(SOMEBODY.to_owned()) };
    person(&by.value).map_err(|why| sheet.error_in_two_parts(by.span, &why.to_string())).ok()
}

/// What happens; `until` is the end that it has, where one was given.
fn step(sheet: &mut Sheet<'_>, raw: &Spanned<RawScene>, until: Option<Timestamp>) -> Option<Step> {
    let RawScene { verb, host, name, item, reason, text, answer, at: _, by: _, until: _ } = &raw.value;
    let mut text_of = |key: &str, given: &Option<Spanned<String>>| {
        wanted(sheet, verb.span, key, given.as_ref()).map(|given| given.value.clone())
    };
    let act = match verb.value {
        Verb::Sign => Act::Sign { item: text_of("item", item)? },
        Verb::Hold => Act::Hold { reason: text_of("reason", reason)?, until },
        Verb::Resume => Act::Resume,
        Verb::Note => Act::Note { text: text_of("text", text)? },
        Verb::Reject => Act::Reject { reason: text_of("reason", reason)? },
        Verb::AcceptRisk => Act::AcceptRisk { reason: text_of("reason", reason)?, until },
        Verb::Reopen => Act::Reopen { reason: text_of("reason", reason)? },
        Verb::Listing => {
            let answer = wanted(sheet, verb.span, "answer", answer.as_ref())?;
            return Some(Step::Listing(answer.value));
        }
        Verb::Cleaned => {
            let host = host.as_ref().map(|host| address(sheet, host).ok_or(())).transpose().ok()?;
            Act::Clean { host, at: None }
        }
        Verb::Host => {
            let host = wanted(sheet, verb.span, "host", host.as_ref())?;
            let host = address(sheet, host)?;
            Act::NameHost { host, mac: None, name: name.as_ref().map(|name| name.value.clone()) }
        }
        Verb::Withdraw | Verb::Retired => {
            let reason = text_of("reason", reason)?;
            let host = wanted(sheet, verb.span, "host", host.as_ref())?;
            let host = address(sheet, host)?;
            let is_retired = matches!(verb.value, Verb::Retired);
            if is_retired { Act::RetireHost { host, reason } } else { Act::WithdrawHost { host, reason } }
        }
    };
    Some(Step::Act(act))
}

/// The value of a key that this kind of scene needs; reports it when it is not there.
fn wanted<'a, T>(
    sheet: &mut Sheet<'_>,
    span: Span,
    key: &str,
    given: Option<&'a Spanned<T>>,
) -> Option<&'a Spanned<T>> {
    if given.is_none() {
        sheet.error(span, format!("the key `{key}` is missing"), format!("add `{key}:` to this scene"));
    }
    given
}

fn address(sheet: &mut Sheet<'_>, host: &Spanned<String>) -> Option<IpAddr> {
    let address = host.value.parse();
    if address.is_err() {
        sheet.error(host.span, format!("'{}' is no address", host.value), "write it as 10.16.24.93");
    }
    address.ok()
}
