//! A DNS server that does what a test wants, lies included: bytes in, bytes out, on loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A query as it came.
pub struct Query<'a> {
    pub bytes: &'a [u8],
    /// The name asked for, in lower case and with its final dot.
    pub name: String,
    /// 1 for an address, 16 for text.
    pub kind: u16,
    pub is_tcp: bool,
    pub from: SocketAddr,
}

/// What goes back to whoever asked; each by the server's own socket.
pub type Behaviour = fn(&Query<'_>) -> Vec<Vec<u8>>;

/// A server; it ends when it goes out of scope.
pub struct Server {
    pub address: SocketAddr,
    /// How many queries came.
    pub asked: Arc<AtomicUsize>,
    /// The names of them.
    pub names: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub fn start(behaviour: Behaviour) -> Server {
        let (udp, tcp) = sockets();
        let mut server = Server {
            address: udp.local_addr().expect("bound"),
            asked: Arc::default(),
            names: Arc::default(),
            is_over: Arc::default(),
            threads: Vec::new(),
        };
        for is_tcp in [false, true] {
            let (asked, names) = (Arc::clone(&server.asked), Arc::clone(&server.names));
            let (udp, tcp) = (udp.try_clone().expect("a socket"), tcp.try_clone().expect("a socket"));
            let is_over = Arc::clone(&server.is_over);
            let answer = move |bytes: &[u8], from: SocketAddr| {
                let (name, kind) = question(bytes);
                asked.fetch_add(1, Ordering::SeqCst);
                names.lock().expect("no panic").push(name.clone());
                behaviour(&Query { bytes, name, kind, is_tcp, from })
            };
            server.threads.push(thread::spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    if is_tcp { serve_tcp(&tcp, &answer) } else { serve_udp(&udp, &answer) }
                }
            }));
        }
        server
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Both at one port, which is free.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        udp.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("bound")) {
            tcp.set_nonblocking(true).expect("a socket");
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

fn serve_udp(socket: &UdpSocket, answer: &impl Fn(&[u8], SocketAddr) -> Vec<Vec<u8>>) {
    let mut bytes = [0; 4096];
    let Ok((length, from)) = socket.recv_from(&mut bytes) else { return };
    for reply in answer(&bytes[..length], from) {
        let _ = socket.send_to(&reply, from);
    }
}

fn serve_tcp(listener: &TcpListener, answer: &impl Fn(&[u8], SocketAddr) -> Vec<Vec<u8>>) {
    let Ok((mut stream, from)) = listener.accept() else {
        thread::sleep(Duration::from_millis(5));
        return;
    };
    stream.set_nonblocking(false).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
    let mut length = [0; 2];
    if stream.read_exact(&mut length).is_err() {
        return;
    }
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    if stream.read_exact(&mut bytes).is_ok() {
        for reply in answer(&bytes, from) {
            let length = u16::try_from(reply.len()).expect("it fits").to_be_bytes();
            let _ = stream.write_all(&[&length[..], &reply].concat());
        }
    }
}

/// Name and type of the first question.
fn question(bytes: &[u8]) -> (String, u16) {
    let (mut name, mut at) = (String::new(), 12);
    while let Some(length) = bytes.get(at).copied().filter(|length| *length > 0) {
        let label = &bytes[at + 1..at + 1 + usize::from(length)];
        name += &String::from_utf8_lossy(label).to_lowercase();
        name.push('.');
        at += 1 + usize::from(length);
    }
    let kind = bytes.get(at + 1..at + 3).map_or(0, |kind| u16::from_be_bytes([kind[0], kind[1]]));
    (name, kind)
}

/// A record of the answer section: whose, type and data.
pub struct Rr {
    /// The owner's name on the wire; a pointer to the question by default.
    pub owner: Vec<u8>,
    pub kind: u16,
    pub data: Vec<u8>,
}

/// A pointer to the name of the question.
pub const ASKED: [u8; 2] = [0xc0, 12];

pub fn address(code: [u8; 4]) -> Rr {
    Rr { owner: ASKED.to_vec(), kind: 1, data: code.to_vec() }
}

/// A name on the wire.
pub fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A reply with this response code and these records, each with a time to live of 300 s.
pub fn reply(query: &Query<'_>, code: u8, records: &[Rr]) -> Vec<u8> {
    let question_end = 12 + wire(&query.name).len() + 4;
    let mut bytes = query.bytes[..question_end].to_vec();
    bytes[2] = 0x81;
    bytes[3] = 0x80 | code;
    bytes[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    // The question carried options of its own; the reply has none.
    bytes[8..12].copy_from_slice(&[0; 4]);
    for record in records {
        bytes.extend_from_slice(&record.owner);
        bytes.extend_from_slice(&record.kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
        bytes.extend_from_slice(&(record.data.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&record.data);
    }
    bytes
}

pub const NO_ERROR: u8 = 0;
pub const SERVER_FAILURE: u8 = 2;
pub const NO_SUCH_NAME: u8 = 3;
pub const REFUSED: u8 = 5;

/// What an honest list says to its test entries; `None` to any other name.
pub fn test_entry(query: &Query<'_>) -> Option<Vec<u8>> {
    let listed = ["2.0.0.127.", "2.0.0.0.0.0.f.7.f.f.f.f."];
    let clear = ["1.0.0.127.", "1.0.0.0.0.0.f.7.f.f.f.f."];
    if listed.iter().any(|entry| query.name.starts_with(entry)) {
        return Some(reply(query, NO_ERROR, &[address([127, 0, 0, 2]), address([127, 0, 0, 4])]));
    }
    clear.iter().any(|entry| query.name.starts_with(entry)).then(|| reply(query, NO_SUCH_NAME, &[]))
}
