//! What do a playbook's watchlists mean, and what in them is wrong?
//!
//! Left of it is `raw_playbook`, right of it `playbook`. A list that could match nothing is an error,
//! since a run without anything to look for proves nothing.

use super::field::{Field, Spanned};
use super::leaf::{Indicator, Name, Ports};
use super::raw_playbook::{RawRequire, RawWatchlist};
use super::sheet::Sheet;
use crate::pure::playbook::REPORTED;
use crate::pure::site::SiteFile;
use crate::pure::watchlist::{Entry, Require, Target, Watchlist, warnings};
use ipnet::IpNet;
use std::collections::{BTreeMap, HashSet};

/// The watchlists that could be read, by name.
pub fn watchlists(
    sheet: &mut Sheet<'_>,
    raw: Option<&Spanned<BTreeMap<String, Field<RawWatchlist>>>>,
    site_file: Option<&SiteFile>,
) -> BTreeMap<String, Watchlist> {
    let entries = raw.into_iter().flat_map(|raw| &raw.value);
    let given: Vec<_> = entries.filter_map(|(name, field)| Some((name, field.given()?))).collect();
    let mut meant = BTreeMap::new();
    for (name, list) in given {
        if name == REPORTED {
            let what = "`reported` is always there: it is what the ticket's own reports name";
            sheet.error(list.span, what, "give this watchlist another name");
        }
        sheet.readable("a watchlist", list.span, name);
        meant.insert(name.clone(), watchlist(sheet, name, list, site_file));
    }
    meant
}

fn watchlist(
    sheet: &mut Sheet<'_>,
    name: &str,
    raw: &Spanned<RawWatchlist>,
    site_file: Option<&SiteFile>,
) -> Watchlist {
    let RawWatchlist { addresses, domains, ports, file, max_age, except, require } = &raw.value;
    check_something_to_look_for(sheet, name, raw);
    let addresses = addresses.given().map_or(&[][..], |list| &list.value);
    check_addresses(sheet, addresses, site_file);
    if let Some(age) = max_age {
        sheet.positive("max_age", age.span, &age.value.0);
        if !file.is_written() {
            sheet.error(
                age.span,
                "`max_age` is the age of a file, and no `file` is named",
                "name one, or remove it",
            );
        }
    }
    let except = except.as_ref().map_or(&[][..], |list| &list.value);
    let entries = addresses.iter().flat_map(|Spanned { value: Indicator(entries), .. }| entries.clone());
    let domains = domains.given().map_or(&[][..], |list| &list.value);
    let domains = domains.iter().map(|Spanned { value: Name(entry), .. }| entry.clone());
    let ports = ports.given().map_or(&[][..], |list| &list.value);
    let list = Watchlist {
        name: name.to_owned(),
        entries: entries.chain(domains).collect(),
        ports: ports.iter().map(|Spanned { value: Ports(range), .. }| *range).collect(),
        file: file.given().map(|file| sheet.watchlist_file(file)),
        age_max: max_age.as_ref().map(|age| age.value.0),
        except: except.iter().map(|network| network.value.0).collect(),
        require: match require.as_ref().map(|require| require.value) {
            Some(RawRequire::All) => Require::All,
            Some(RawRequire::Any) | None => Require::Any,
        },
    };
    check_reachable(sheet, &list, raw);
    list
}

fn check_something_to_look_for(sheet: &mut Sheet<'_>, name: &str, raw: &Spanned<RawWatchlist>) {
    let RawWatchlist { addresses, domains, ports, file, .. } = &raw.value;
    let is_any_unreadable = [
        matches!(addresses, Field::Broken),
        matches!(domains, Field::Broken),
        matches!(ports, Field::Broken),
        matches!(file, Field::Broken),
    ];
    let is_empty = addresses.given().is_none_or(|list| list.value.is_empty())
        && domains.given().is_none_or(|list| list.value.is_empty())
        && ports.given().is_none_or(|list| list.value.is_empty())
        && file.given().is_none();
    if is_empty && !is_any_unreadable.contains(&true) {
        let cure = "give it `addresses`, `domains`, `ports` or a `file`";
        sheet.error(raw.span, format!("the watchlist `{name}` is empty"), cure);
    }
}

fn check_addresses(sheet: &mut Sheet<'_>, addresses: &[Spanned<Indicator>], site_file: Option<&SiteFile>) {
    let public: Vec<IpNet> = site_file
        .into_iter()
        .flat_map(|file| file.sites.values())
        .flat_map(|site| site.public.clone())
        .collect();
    let mut seen = HashSet::new();
    for Spanned { value: Indicator(entries), span } in addresses {
        // A range is several entries of one spelling; the first tells enough.
        let Some(entry) = entries.first() else { continue };
        if network_of(entry).is_some_and(|network| network.prefix_len() == 0) {
            let what = format!("`{}` is every address there is", entry.text);
            sheet.error(*span, what, "name the addresses to look for");
            continue;
        }
        if !seen.insert((&entry.target, entry.ports)) {
            sheet.warn(*span, format!("`{}` is there twice", entry.text), "keep one of them");
        }
        for warning in warnings(entry, &public) {
            let (what, why) = warning.split_once(": ").unwrap_or((&warning, "remove it, unless you mean it"));
            sheet.warn(*span, what, why);
        }
    }
}

fn network_of(entry: &Entry) -> Option<IpNet> {
    match entry.target {
        Target::Address(address) => Some(IpNet::from(address)),
        Target::Network(network) => Some(network),
        Target::Domain(_) | Target::Anywhere => None,
    }
}

/// A list that can never be met, or means less than it says.
fn check_reachable(sheet: &mut Sheet<'_>, list: &Watchlist, raw: &Spanned<RawWatchlist>) {
    let nets: Vec<IpNet> = list.entries.iter().filter_map(network_of).collect();
    let is_excluded = |net: &IpNet| list.except.iter().any(|except| except.contains(net));
    let is_all_addresses = nets.len() == list.entries.len() && !nets.is_empty() && list.file.is_none();
    if is_all_addresses && nets.iter().all(is_excluded) {
        let what = format!("`except` takes out everything that the watchlist `{}` names", list.name);
        sheet.error(raw.span, what, "narrow `except`: a list that can never be met proves nothing");
    }
    if let Some(require) = &raw.value.require
        && list.require == Require::All
        && list.file.is_none()
        && list.entries.len() < 2
    {
        let what = "`require: all` wants every entry of the list, and it has fewer than two";
        sheet.warn(require.span, what, "add entries, or leave `require` out");
    }
}
