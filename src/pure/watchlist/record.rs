//! What does one record of a feed name? What all readers of feeds hand to `file`.

use std::net::IpAddr;

/// One line of a table, or one object of a JSON file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// An entry in the plain format.
    Entry(String),
    /// An indicator that packets cannot be looked up by.
    Unusable,
    /// No indicator at all: a header, a title.
    Nothing,
    /// It cannot be read, and why.
    Wrong(String),
}

impl Record {
    pub(super) fn entry(text: &str) -> Record {
        Record::Entry(text.to_owned())
    }

    pub(super) fn wrong(why: &str) -> Record {
        Record::Wrong(why.to_owned())
    }
}

/// An address and its port, in the plain format.
pub(super) fn with_port(address: &str, port: &str) -> Record {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => Record::Entry(format!("[{address}]:{port}")),
        _ => Record::Entry(format!("{address}:{port}")),
    }
}
