//! By which layer was a frame passed over? A small table of counts, so that nothing that was not read
//! goes without a name.
//!
//! It is bounded: names are few, but the EtherTypes that nobody knows are a sender's to choose.

use crate::pure::packet::NotIp;
use serde::{Deserialize, Serialize};

/// How many layers are told apart; the rest are counted together. A network has fewer than ten.
const LAYERS_MAX: usize = 64;

/// How many packets ended at one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCount {
    /// What could not be read, or is no IP ("802.11, encrypted", "MACsec", "EtherType 0x88b5"); "others"
    /// for those beyond the limit.
    pub layer: String,
    pub packets: u64,
}

/// A layer that ended the reading of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Named(&'static str),
    EtherType(u16),
    Others,
}

impl From<&NotIp> for Layer {
    fn from(not_ip: &NotIp) -> Layer {
        match not_ip {
            NotIp::Arp { .. } => Layer::Named("ARP"),
            NotIp::Other(name) => Layer::Named(name),
        }
    }
}

/// Packets by layer, in the order in which the layers were met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layers(Vec<(Layer, u64)>);

impl Layers {
    pub(super) fn add(&mut self, layer: Layer) {
        match self.0.iter().position(|(known, _)| *known == layer) {
            Some(place) => self.0[place].1 += 1,
            None if self.0.len() < LAYERS_MAX || layer == Layer::Others => self.0.push((layer, 1)),
            None => self.add(Layer::Others),
        }
    }

    /// What was added since `earlier`, a table of the same source; most first, then by name.
    pub(super) fn since(&self, earlier: &Layers) -> Vec<LayerCount> {
        let before = |layer: Layer| {
            earlier.0.iter().find(|(known, _)| *known == layer).map_or(0, |(_, packets)| *packets)
        };
        let counts = self.0.iter().map(|&(layer, packets)| (layer, packets - before(layer)));
        let counts = counts.filter(|(_, packets)| *packets > 0);
        sorted(counts.map(|(layer, packets)| LayerCount { layer: layer.name(), packets }).collect())
    }
}

impl Layer {
    fn name(self) -> String {
        match self {
            Layer::Named(name) => name.to_owned(),
            Layer::EtherType(number) => format!("EtherType {number:#06x}"),
            Layer::Others => "others".to_owned(),
        }
    }
}

/// Both tables as one. It has no more rows than both together.
pub(super) fn merge(one: &mut Vec<LayerCount>, other: Vec<LayerCount>) {
    for row in other {
        match one.iter_mut().find(|known| known.layer == row.layer) {
            Some(known) => known.packets += row.packets,
            None => one.push(row),
        }
    }
    *one = sorted(std::mem::take(one));
}

fn sorted(mut rows: Vec<LayerCount>) -> Vec<LayerCount> {
    rows.sort_by(|a, b| b.packets.cmp(&a.packets).then_with(|| a.layer.cmp(&b.layer)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: &[LayerCount]) -> String {
        rows.iter().map(|row| format!("{} {}", row.layer, row.packets)).collect::<Vec<_>>().join(", ")
    }

    fn table(rows: &[(Layer, u64)]) -> Layers {
        let mut layers = Layers::default();
        rows.iter().for_each(|(layer, packets)| (0..*packets).for_each(|_| layers.add(*layer)));
        layers
    }

    #[test]
    fn layers_are_counted_most_first_since_a_run_joined() {
        const RADIO: Layer = Layer::Named("802.11, encrypted");
        const SECRET: Layer = Layer::Named("MACsec");
        const UNKNOWN: Layer = Layer::EtherType(0x88b5);
        type Rows<'a> = &'a [(Layer, u64)];
        let rows: [(&str, Rows<'_>, Rows<'_>, &str); 4] = [
            ("nothing", &[], &[], ""),
            ("from the start", &[], &[(SECRET, 2), (RADIO, 3)], "802.11, encrypted 3, MACsec 2"),
            ("as many of each", &[], &[(UNKNOWN, 1), (SECRET, 1)], "EtherType 0x88b5 1, MACsec 1"),
            ("what went before", &[(RADIO, 3), (SECRET, 1)], &[(RADIO, 3), (SECRET, 4)], "MACsec 3"),
        ];
        for (row, before, after, wanted) in rows {
            assert_eq!(told(&table(after).since(&table(before))), wanted, "{row}");
        }
    }

    #[test]
    fn what_no_longer_fits_is_counted_together() {
        let mut layers = Layers::default();
        (0..LAYERS_MAX as u16 + 7).for_each(|number| layers.add(Layer::EtherType(number)));
        let rows = layers.since(&Layers::default());
        assert_eq!((rows.len(), told(&rows[..1])), (LAYERS_MAX + 1, "others 7".to_owned()));
        assert_eq!(
            rows.iter().map(|row| row.packets).sum::<u64>(),
            LAYERS_MAX as u64 + 7,
            "a packet is lost"
        );
    }

    #[test]
    fn two_sources_are_counted_together() {
        let row = |layer: &str, packets| LayerCount { layer: layer.to_owned(), packets };
        let mut one = vec![row("MACsec", 5), row("Bluetooth", 1)];
        merge(&mut one, vec![row("USB", 4), row("Bluetooth", 6)]);
        assert_eq!(told(&one), "Bluetooth 7, MACsec 5, USB 4");
    }
}
