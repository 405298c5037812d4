//! What did a person write, and what is wrong with it? The text of a file in, a checked value and
//! every [`Problem`](crate::pure::problem::Problem) out.
//!
//! In reading order: text becomes a tree of nodes with places (`node`), the tree becomes the types
//! as typed (`field`, `reader`, `read`, `leaf`, `raw_site`, `raw_playbook`), and those become the types as
//! meant (`site` with `listing` (and `secret`) and `probe`, `playbook` with `watchlists`, `stages` and `people`;
//! `library` looks across files).
//! `not_yet` is the one list of keys that have no effect so far. Nothing here opens a file.

mod node;

mod words;

mod field;

mod reader;

mod read;

mod leaf;

mod raw_site;

mod raw_playbook;

mod not_yet;

mod secret;

mod sheet;

mod listing;
mod mail;

mod probe;

mod site;

mod watchlists;

mod stages;

mod people;

mod playbook;

mod library;

mod schema;

pub use field::Spanned;
pub use leaf::length as read_length;
pub use library::{Draft, library, place_of};
pub use node::Span;
pub use playbook::read_playbook;
pub use probe::CURE as PROBE_CURE;
pub use schema::{SchemaOf, schema};
pub use sheet::{Outside, Sheet, TEXT_BYTES_MAX};
pub use site::read_site_file;
pub use words::nearest;
