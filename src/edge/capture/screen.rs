//! Which frames of a source does a run's filter let through?
//!
//! A frame is always filtered here, whatever the kernel, or a command elsewhere, held back before
//! (`pure/filter`). `filter` compiles; `listener` asks for each frame.

use super::filter::{ETHERNET, Filter};
use crate::pure::address::Translator;
use crate::pure::filter::words;
use crate::pure::packet::{self, Frame};
use crate::pure::protocol::has_ports;
use crate::pure::sighting::{Fragments, Scope};

/// Filters are compiled once for each link layer that a source shows, at most so many.
const LINK_TYPES_MAX: usize = 64;

/// So many datagrams in pieces are remembered of a run whose filter asks for ports, in 32 KiB: a thousand runs may
/// have one.
const DATAGRAMS_MAX: usize = 512;

/// A filter's text and its programs for the link layers seen so far.
pub struct Screen {
    text: String,
    compiled: Vec<Filter>,
    /// The opposite of the filter by link layer, as far as it was asked; `None` where there is nothing that it lets pass.
    opposites: Vec<(u16, Option<Filter>)>,
    /// What makes addresses of IPv6 of those of IPv4 at the site.
    translators: Vec<Translator>,
    /// Whether it looks behind the header of IP, where only the first fragment of a datagram has what it asks for.
    is_about_ports: bool,
    /// Whether it asks for bytes that no row of a text table shows.
    asks_beyond_rows: bool,
    /// Which datagrams passed, by their first fragments.
    passed: Fragments<bool, DATAGRAMS_MAX>,
}

impl Screen {
    /// A filter that was checked before; nothing is compiled yet.
    pub fn new(text: &str) -> Screen {
        let is_about_ports = words(text).iter().any(|word| matches!(word.text, "port" | "portrange" | "["));
        Screen {
            text: text.to_owned(),
            compiled: Vec::new(),
            opposites: Vec::new(),
            translators: Vec::new(),
            is_about_ports,
            asks_beyond_rows: asks_beyond_rows(text),
            passed: Fragments::default(),
        }
    }

    /// The same for a site whose own translators are these.
    pub fn with_translators(self, translators: &[Translator]) -> Screen {
        Screen { translators: translators.to_vec(), ..self }
    }

    /// Whether another program may filter by its text before: addresses that a translator made are told apart only
    /// here.
    pub fn is_for_others(&self) -> bool {
        self.translators.is_empty()
    }

    /// The filter as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes it ready for frames of this link layer.
    ///
    /// # Errors
    /// When the filter cannot be applied to them.
    pub fn prepare(&mut self, link_type: u16) -> Result<(), String> {
        self.place(link_type).map(|_| ())
    }

    /// What the frame counts for: it passes, or a packet within it would that lies deeper than a filter looks (in a
    /// tunnel, behind PPPoE or labels, or quoted by an error), or it is a piece of a datagram that does. It is doubtful
    /// where the filter asks for bytes that were cut away.
    ///
    /// # Errors
    /// When the filter cannot be applied to frames of its link layer.
    pub fn scope(&mut self, frame: &Frame<'_>) -> Result<Scope, String> {
        let scope = self.scope_as_saved(frame)?;
        let is_doubt = scope == Scope::CoverageOnly
            && match frame.wire_length {
                0 => self.asks_beyond_rows,
                _ => is_cut(frame) && self.asks_for_missing(frame),
            };
        Ok(if is_doubt { Scope::Doubtful } else { scope })
    }

    fn scope_as_saved(&mut self, frame: &Frame<'_>) -> Result<Scope, String> {
        let place = self.place(frame.link_type)?;
        let has_passed = self.compiled[place].matches(frame);
        let is_bare = self.translators.is_empty() && packet::is_bare(frame);
        if has_passed && !self.is_about_ports || is_bare {
            return Ok(scope_of(has_passed));
        }
        let has_passed = has_passed || self.passes_within(frame);
        Ok(if self.is_about_ports { self.scope_of_pieces(frame, has_passed) } else { scope_of(has_passed) })
    }

    /// Whether the frame passes for certain.
    ///
    /// # Errors
    /// As [`Screen::scope`].
    pub fn passes(&mut self, frame: &Frame<'_>) -> Result<bool, String> {
        Ok(self.scope(frame)? == Scope::Matched)
    }

    /// Later fragments pass where the first one did; of those whose first one was not seen it is not known.
    fn scope_of_pieces(&mut self, frame: &Frame<'_>, has_passed: bool) -> Scope {
        let mut scope = scope_of(has_passed);
        packet::any_within(frame, |packet| {
            if !packet.is_later_fragment {
                self.passed.note_first(packet, has_passed);
            } else if !has_passed && has_ports(packet.protocol) {
                scope = self.passed.of_first(packet).map_or(Scope::Doubtful, scope_of);
            }
            false
        });
        scope
    }

    fn passes_within(&mut self, frame: &Frame<'_>) -> bool {
        // What only frames of another kind can be asked says nothing of the packets in them.
        let Ok(place) = self.place(ETHERNET) else { return false };
        let (filter, translators) = (&mut self.compiled[place], &self.translators);
        packet::any_within(frame, |packet| {
            let translated = packet.translated(translators);
            filter.matches_within(frame, packet)
                || translated.is_some_and(|packet| filter.matches_within(frame, &packet))
        })
    }

    /// Whether the filter, which lets no part of the frame pass, asks one for bytes that were not saved: then its
    /// opposite does not let that pass either.
    fn asks_for_missing(&mut self, frame: &Frame<'_>) -> bool {
        let refuses = |opposite: &mut Filter| !opposite.matches(frame);
        let refuses_within = |opposite: &mut Filter| {
            packet::any_within(frame, |packet| !opposite.matches_within(frame, packet))
        };
        self.opposite(frame.link_type).is_some_and(refuses)
            || !packet::is_bare(frame) && self.opposite(ETHERNET).is_some_and(refuses_within)
    }

    fn opposite(&mut self, link_type: u16) -> Option<&mut Filter> {
        let known = self.opposites.iter().position(|(known, _)| *known == link_type);
        let place = known.unwrap_or_else(|| {
            let opposite = Filter::compile(&format!("not ({})", self.text), link_type).ok();
            self.opposites.push((link_type, opposite));
            self.opposites.len() - 1
        });
        self.opposites[place].1.as_mut()
    }

    fn place(&mut self, link_type: u16) -> Result<usize, String> {
        let known = self.compiled.iter().position(|filter| filter.link_type() == link_type);
        match known {
            Some(place) => Ok(place),
            None if self.compiled.len() == LINK_TYPES_MAX => {
                Err(format!("the source shows more than {LINK_TYPES_MAX} link types: leave out the filter"))
            }
            None => {
                self.compiled.push(Filter::compile(&self.text, link_type)?);
                Ok(self.compiled.len() - 1)
            }
        }
    }
}

/// Of the bytes that a filter can be asked for, a row shows TCP's flags; what else it shows has words of its own.
fn asks_beyond_rows(text: &str) -> bool {
    let words = words(text);
    let is_shown = |at: usize| {
        let around = at.checked_sub(1).and_then(|from| words.get(from..at + 3));
        let around = around.map(|words| [words[0].text, words[2].text, words[3].text]);
        matches!(around, Some(["tcp", "tcpflags" | "13", "]"]))
    };
    words.iter().enumerate().any(|(at, word)| word.text == "[" && !is_shown(at))
}

/// By what the recorder says, or by what its packets say.
fn is_cut(frame: &Frame<'_>) -> bool {
    frame.bytes.len() < frame.wire_length as usize
        || packet::any_within(frame, |packet| packet.payload_truncated)
}

fn scope_of(has_passed: bool) -> Scope {
    if has_passed { Scope::Matched } else { Scope::CoverageOnly }
}
