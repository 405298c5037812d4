//! What do the shipped templates say, so that one can be copied and changed?

use crate::cli::{Exit, Fault, print};
use crate::edge::template::{SHIPPED, nearest};
use crate::pure::words::clean_text;

/// Prints the names of all, or the text of one as it is inside the program.
pub fn run(name: Option<&str>) -> Result<Exit, Fault> {
    let Some(name) = name else {
        let names: String = SHIPPED.iter().map(|(name, _)| format!("{name}\n")).collect();
        return Ok(print::out(&names));
    };
    match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        Some((_, text)) => Ok(print::out(text)),
        None => Err(Fault::Usage(unknown(&clean_text(name)))),
    }
}

/// `located` is two files; anything else may be a slip.
fn unknown(name: &str) -> String {
    let of_it = |shipped: &&str| shipped.split_once('.').is_some_and(|(stem, _)| stem == name);
    let files: Vec<&str> = SHIPPED.iter().map(|(shipped, _)| *shipped).filter(of_it).collect();
    let cure = match (files.is_empty(), nearest(name)) {
        (false, _) => format!("write {}", files.join(" or ")),
        (true, Some(nearest)) => format!("did you mean {nearest}?"),
        (true, None) => "`allclear mail template` lists them".to_owned(),
    };
    format!("there is no shipped template '{name}': {cure}")
}
