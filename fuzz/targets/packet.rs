//! Any bytes as a frame of any link layer: what is read lies within it.
#![no_main]

use allclear::pure::packet::{Decoded, Frame, Names, decode, info, names, quoted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((link_type, bytes)) = input.split_first_chunk() else { return };
    let link_type = u16::from_le_bytes(*link_type);
    let frame = Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type };
    if let Decoded::Packet(packet) = decode(&frame) {
        assert!(packet.payload.len() <= packet.ip_bytes.len() && packet.ip_bytes.len() <= bytes.len());
        names(&packet, &mut Names::default());
        let _ = (info(&packet), quoted(&packet).map(|quoted| info(&quoted.packet)));
    }
});
