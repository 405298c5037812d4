//! Was there something to look for, all of it, and of today? What became of the watchlists, in sentences.
//!
//! Four of the reasons that `gaps` lists.

use super::{Excepted, WatchlistFacts};
use crate::pure::watchlist::ListFault;

/// Lists that hold nothing, or the lack of any.
pub(super) fn empty(lists: &WatchlistFacts) -> Vec<String> {
    let unusable = |ListFault { list, what }: &ListFault| {
        format!("watchlist {list} holds nothing to look for ({what}): mend it, or take it out of `match`")
    };
    if lists.entries == 0 && lists.empty.is_empty() {
        return vec![
            "there was nothing to look for: name an address, a port, a domain or a watchlist".to_string(),
        ];
    }
    lists.empty.iter().map(unusable).collect()
}

/// Lists of which too much could not be applied.
pub(super) fn incomplete(lists: &WatchlistFacts) -> Vec<String> {
    let refused = |ListFault { list, what }: &ListFault| {
        format!(
            "of watchlist {list} {what}: mend these lines or take them out (`allclear watchlist FILE` lists them)"
        )
    };
    let excepted = |Excepted { list, host }: &Excepted| {
        format!(
            "watchlist {list} takes out {host}, which the ticket blames, so that no call of it can be seen: take \
             {host} out of `except`"
        )
    };
    lists.incomplete.iter().map(refused).chain(lists.excepted.iter().map(excepted)).collect()
}

/// Lists with entries that the filter can never let through.
pub(super) fn shut_out(lists: &WatchlistFacts) -> Vec<String> {
    let shut_out = |ListFault { list, what }: &ListFault| {
        format!("of watchlist {list} {what}: widen the filter, or take them out")
    };
    lists.shut_out.iter().map(shut_out).collect()
}

/// Lists that are too old.
pub(super) fn stale(lists: &WatchlistFacts) -> Vec<String> {
    let old = |ListFault { list, what }: &ListFault| format!("watchlist {list} {what}: fetch it anew");
    lists.stale.iter().map(old).collect()
}
