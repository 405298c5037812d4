//! Where in a frame does the decoder stand? What every layer hands to the next.

use super::{Decoded, Frame, Mac, NotIp};

/// How many layers of one frame are opened before the decoder gives up: twenty tunnels, of which the
/// deepest kind (VXLAN) takes five steps, with some tags. Real networks have two; only an attacker nests
/// deeper, and each step costs some stack.
pub(super) const LAYERS_MAX: u8 = 128;

/// What stops the decoder in a frame with more layers than that.
pub(super) const TOO_MANY_LAYERS: &str = "too many layers";

/// The bytes of one layer and what is known of the frame around it.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) time_ns: i64,
    pub(super) wire_length: u32,
    /// Whether bytes are missing at the end of `bytes` that were on the wire.
    pub(super) is_cut: bool,
    pub(super) source_mac: Option<Mac>,
    pub(super) destination_mac: Option<Mac>,
    depth: u8,
    /// How many tunnels were opened around it.
    pub(super) tunnels: u8,
    /// So many are opened at most.
    tunnels_max: u8,
}

impl<'a> Layer<'a> {
    /// The outermost layer of a frame, of which so many tunnels are to be opened.
    #[inline]
    pub(super) fn outermost(frame: &Frame<'a>, tunnels_max: u8) -> Layer<'a> {
        Layer {
            bytes: frame.bytes,
            time_ns: frame.time_ns,
            wire_length: frame.wire_length,
            is_cut: frame.wire_length as usize > frame.bytes.len(),
            source_mac: None,
            destination_mac: None,
            depth: 0,
            tunnels: 0,
            tunnels_max,
        }
    }

    /// A bare IP packet, as a layer of its own.
    pub(super) fn of_ip(bytes: &'a [u8]) -> Layer<'a> {
        Layer::outermost(&Frame { time_ns: 0, bytes, wire_length: 0, link_type: 101 }, 0)
    }

    /// The same within one more tunnel; `None` when no more are to be opened.
    #[inline]
    pub(super) fn in_tunnel(&self) -> Option<Layer<'a>> {
        (self.tunnels < self.tunnels_max).then_some(Layer { tunnels: self.tunnels + 1, ..*self })
    }

    /// The layer inside, which begins after `header_bytes`; `None` when it begins beyond the end or lies
    /// deeper than [`LAYERS_MAX`].
    #[inline]
    pub(super) fn inside(&self, header_bytes: usize) -> Option<Layer<'a>> {
        let bytes = self.bytes.get(header_bytes..)?;
        (self.depth < LAYERS_MAX).then_some(Layer { bytes, depth: self.depth + 1, ..*self })
    }

    /// The 16-bit number at `at`, in network order.
    #[inline]
    pub(super) fn u16_at(&self, at: usize) -> Option<u16> {
        self.bytes.get(at..)?.first_chunk().map(|chunk| u16::from_be_bytes(*chunk))
    }

    /// The 32-bit number at `at`, in network order.
    pub(super) fn u32_at(&self, at: usize) -> Option<u32> {
        self.bytes.get(at..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
    }

    /// What a tunnel is whose own header is not all there: cut away, or else no such tunnel.
    #[cold]
    pub(super) fn no_tunnel(&self) -> Option<Decoded<'a>> {
        match () {
            () if self.depth >= LAYERS_MAX => Some(Decoded::Undecoded(TOO_MANY_LAYERS)),
            () if self.is_cut => Some(Decoded::Truncated),
            () => None,
        }
    }

    /// What a frame is whose header `what` could not be read here.
    #[cold]
    pub(super) fn unreadable(&self, what: &'static str) -> Decoded<'a> {
        if self.is_cut { Decoded::Truncated } else { Decoded::Undecoded(what) }
    }

    /// What to say of a layer that is too short or too deep for `header_bytes`.
    #[cold]
    pub(super) fn beyond(&self, header_bytes: usize, what: &'static str) -> Decoded<'a> {
        if self.bytes.len() < header_bytes {
            self.unreadable(what)
        } else {
            Decoded::Undecoded(TOO_MANY_LAYERS)
        }
    }

    /// Opens the layer after `header_bytes` with `open`; says what was too short when it was.
    #[inline]
    pub(super) fn open(
        &self,
        header_bytes: usize,
        what: &'static str,
        open: impl FnOnce(Layer<'a>) -> Decoded<'a>,
    ) -> Decoded<'a> {
        match self.inside(header_bytes) {
            Some(layer) => open(layer),
            None => self.beyond(header_bytes, what),
        }
    }
}

/// A frame that carries no IP, by the name of what it carries.
pub(super) fn not_ip<'a>(what: &'static str) -> Decoded<'a> {
    Decoded::NotIp(NotIp::Other(what))
}
