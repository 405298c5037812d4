//! What does the text of a filter say (pcap-filter(7)), and what must go past it all the same?
//!
//! Left of it are `packet`, `site` and `verdict`; right of it the edges that compile such texts (`edge/capture`). It
//! must never hand them a word that libpcap would look up over the network.

mod before;
mod check;
mod shut_out;
mod words;

pub use before::{for_command, for_kernel, for_kernel_alone, is_tag_word, superset};
pub use check::{advice, checked, explained};
pub use shut_out::shut_out;
pub use words::{Word, words};
