//! Which value does the tree hold, and what in it cannot be read? The loop that collects every fault.
//!
//! Left of it are `node` and `reader`, right of it the raw types. serde stops at the first fault, so
//! the loop marks the faulty node as broken and reads again; what is broken is silent from then on, so
//! that one slip is reported once.

use super::node::{Fault, Kind, Node};
use super::reader::Reader;
use serde::de::DeserializeOwned;

/// Faults that are collected of one file; nobody reads more.
const FAULTS_MAX: usize = 200;

/// Reads a `T` from the tree, and adds every fault to `faults`. `None` when nothing could be read.
pub fn read<T: DeserializeOwned>(root: &mut Node, faults: &mut Vec<Fault>) -> Option<T> {
    // Every round breaks one more node, and silent ones only climb: this bounds the loop.
    for _ in 0..FAULTS_MAX * 8 {
        let error = match T::deserialize(Reader { node: root }) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let (id, span) = error.node.unwrap_or((root.id, root.span));
        if let Some(what) = error.what {
            faults.push(Fault { span, what, cure: error.cure });
        }
        if id == root.id || faults.len() >= FAULTS_MAX || !break_off(root, id, error.meant) {
            return None;
        }
    }
    None
}

/// Takes an unknown key out (or puts the one that is `meant` in its place, so that what stands below
/// it is read all the same), or marks a value as broken; a broken value whose own reader has no place
/// for a gap takes what contains it along. `false` when there is no node of that number.
fn break_off(node: &mut Node, id: usize, meant: Option<&'static str>) -> bool {
    match &mut node.kind {
        Kind::List(items) => {
            if let Some(item) = items.iter_mut().find(|item| item.id == id) {
                mark(item);
                let is_all = items.iter().all(|item| matches!(item.kind, Kind::Broken));
                if is_all {
                    node.kind = Kind::Broken;
                }
                return true;
            }
            items.iter_mut().any(|item| break_off(item, id, meant))
        }
        Kind::Map(entries) => {
            if let Some(at) = entries.iter().position(|(key, _)| key.id == id) {
                let is_free = |meant: &&str| entries.iter().all(|(key, _)| key.text() != Some(meant));
                match meant.filter(is_free) {
                    Some(meant) => {
                        entries[at].0.kind = Kind::Scalar { text: meant.to_owned(), is_plain: true }
                    }
                    None => drop(entries.remove(at)),
                }
                return true;
            }
            if let Some(at) = entries.iter().position(|(_, value)| value.id == id) {
                if matches!(entries[at].1.kind, Kind::Broken) {
                    node.kind = Kind::Broken;
                } else {
                    mark(&mut entries[at].1);
                }
                return true;
            }
            entries.iter_mut().any(|(_, value)| break_off(value, id, meant))
        }
        Kind::Scalar { .. } | Kind::Broken => false,
    }
}

fn mark(node: &mut Node) {
    node.kind = Kind::Broken;
}
