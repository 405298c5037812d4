//! Is what allclear leans on there: mail server, resolver, disk, state directory?
//!
//! Asked by `doctor`. Each answer is a sentence: what was found, or what is wrong and what to do. A
//! mail server is greeted and left, a resolver is asked for the root; nothing else goes out.

use crate::pure::site::{MailSecurity, MailTransport};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Patience with servers.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A greeting is one line; RFC 5321 allows 512 bytes.
const GREETING_BYTES_MAX: u64 = 512;

/// Less free disk than this is told: evidence of a dozen runs, and the log.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;

/// Where a service finds what it is given to keep, as long as it runs.
const CREDENTIALS: &str = "/run/credentials";

/// What was found, or what is wrong and what to do.
pub type Finding = Result<String, String>;

/// Whether mail could leave now.
pub fn mail(transport: &MailTransport) -> Finding {
    match transport {
        MailTransport::Smtp { host, port, security } => mail_server(host, *port, *security),
        MailTransport::Directory(directory) => writable(&nearest_existing(directory))
            .map(|()| format!("mails become files in {}", directory.display())),
    }
}

fn mail_server(host: &str, port: u16, security: MailSecurity) -> Finding {
    let fault = |what: String| {
        format!("mail server {host}:{port} {what}: start it, or change `smtp` in the site file")
    };
    let addresses =
        (host, port).to_socket_addrs().map_err(|error| fault(format!("has no address ({error})")))?;
    let connected = addresses.map(|address| TcpStream::connect_timeout(&address, TIMEOUT));
    let stream = connected
        .reduce(Result::or)
        .ok_or_else(|| fault("has no address".to_owned()))?
        .map_err(|error| fault(format!("does not answer ({error})")))?;
    if security == MailSecurity::Tls {
        return Ok(format!("mail server {host}:{port} takes connections"));
    }
    let greeting = greeting(stream).map_err(|error| fault(format!("says nothing ({error})")))?;
    if greeting.starts_with("220") {
        Ok(format!("mail server {host}:{port} greets"))
    } else {
        Err(fault(format!("answers with {:?}, which is no mail server's greeting", greeting.trim_end())))
    }
}

fn greeting(stream: TcpStream) -> std::io::Result<String> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut line = Vec::new();
    BufReader::new((&stream).take(GREETING_BYTES_MAX)).read_until(b'\n', &mut line)?;
    // Leaving politely; a server that has hung up already does not mind.
    let _ = (&stream).write_all(b"QUIT\r\n");
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Whether a resolver answers at all: it is asked for the name servers of the root.
pub fn resolver(address: SocketAddr) -> Finding {
    const IDENTITY: [u8; 2] = [0x61, 0x63];
    /// RFC 1035: recursion desired, one question, the root, type NS, class IN.
    const QUESTION: [u8; 15] = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
    let ask = || -> std::io::Result<bool> {
        let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.connect(address)?;
        socket.send(&[&IDENTITY[..], &QUESTION].concat())?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer)?;
        Ok(answer[..length].starts_with(&IDENTITY))
    };
    match ask() {
        Ok(true) => Ok(format!("resolver {address} answers")),
        Ok(false) => Err(format!("resolver {address} answers rubbish: name another in `listing`")),
        Err(error) => Err(format!(
            "resolver {address} does not answer ({error}): start it, or name another in `listing`"
        )),
    }
}

/// Whether there is room on the disk of `path`, which need not exist yet.
pub fn disk(path: &Path) -> Finding {
    let existing = nearest_existing(path);
    let shown = existing.display();
    let statistics = rustix::fs::statvfs(&existing)
        .map_err(|error| format!("disk of {shown} cannot be asked: {error}"))?;
    let free_bytes = statistics.f_bavail.saturating_mul(statistics.f_frsize);
    let free_mib = free_bytes / (1024 * 1024);
    if free_bytes < FREE_BYTES_MIN {
        Err(format!("disk of {shown} has {free_mib} MiB left: free some, evidence and log need 1 GiB"))
    } else {
        Ok(format!("disk of {shown} has {free_mib} MiB left"))
    }
}

/// Whether the state directory is ours alone and can be written; it is fine not to be there yet.
pub fn state_directory(path: &Path) -> Finding {
    let shown = path.display();
    if !path.exists() {
        let parent = nearest_existing(path);
        return writable(&parent).map(|()| format!("state directory {shown} will be made"));
    }
    let metadata =
        path.metadata().map_err(|error| format!("state directory {shown} cannot be read: {error}"))?;
    if !metadata.is_dir() {
        return Err(format!("state directory {shown} is a file: move it away"));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "state directory {shown} is open to others (mode {mode:o}): `chmod 700 {shown}`"
        ));
    }
    writable(path).map(|()| format!("state directory {shown} is private and can be written"))
}

/// Whether a file with a secret can be read.
pub fn secret(path: &Path) -> Finding {
    let shown = path.display();
    match fs::File::open(path) {
        Ok(_) => Ok(format!("secret {shown} can be read")),
        Err(error) => Err(format!("secret {shown} cannot be read ({error}): make it, for this user alone")),
    }
}

/// Whether a file with a secret is none that this user could judge: it may not look, or the file is there
/// only while the service runs that is given it.
pub fn is_out_of_reach(path: &Path) -> bool {
    match fs::File::open(path).map_err(|error| error.kind()) {
        Err(ErrorKind::PermissionDenied) => true,
        Err(ErrorKind::NotFound) => path.starts_with(CREDENTIALS),
        _ => false,
    }
}

/// Whether a program is there: by its path, or in one of the directories of PATH.
pub fn program(name: &str) -> Finding {
    let is_program = |path: &Path| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let found = if name.contains('/') {
        is_program(Path::new(name))
    } else {
        std::env::split_paths(&directories).any(|directory| is_program(&directory.join(name)))
    };
    if found {
        Ok(format!("command {name} is there"))
    } else {
        Err(format!("command {name} is not there: install it, or write its full path"))
    }
}

fn writable(directory: &Path) -> Result<(), String> {
    let probe = directory.join(format!(".allclear-doctor-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)
        .and_then(|mut file| file.write_all(b"x"));
    // What could not be made need not be removed.
    let _ = fs::remove_file(&probe);
    written.map_err(|error| {
        let shown = directory.display();
        format!("{shown} cannot be written ({error}): make it, and give it to the user that runs allclear")
    })
}

fn nearest_existing(path: &Path) -> PathBuf {
    let existing = path.ancestors().find(|ancestor| ancestor.exists());
    existing.filter(|found| !found.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn a_mail_server_is_known_by_its_greeting() {
        for (greeting, is_ok) in
            [("220 mx ready\r\n", true), ("HTTP/1.1 400 Bad Request\r\n", false), ("", false)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
            let port = listener.local_addr().expect("bound").port();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a caller");
                stream.write_all(greeting.as_bytes()).expect("it listens");
            });
            assert_eq!(mail_server("127.0.0.1", port, MailSecurity::Plain).is_ok(), is_ok, "{greeting:?}");
            server.join().expect("no panic");
            assert!(mail_server("127.0.0.1", port, MailSecurity::Tls).is_err(), "nobody listens any more");
        }
    }

    #[test]
    fn a_resolver_is_known_by_its_answer() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        let address = server.local_addr().expect("bound");
        let answering = thread::spawn(move || {
            let mut question = [0; 512];
            let (length, caller) = server.recv_from(&mut question).expect("a question");
            server.send_to(&question[..length], caller).expect("it listens");
        });
        assert_eq!(resolver(address), Ok(format!("resolver {address} answers")));
        answering.join().expect("no panic");
        assert!(resolver(address).is_err(), "nobody listens any more");
    }

    #[test]
    fn the_state_directory_is_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = directory.path().join("state");
        assert!(state_directory(&state).is_ok_and(|text| text.ends_with("will be made")));
        fs::create_dir(&state).expect("writable");
        for (mode, is_ok) in [(0o700, true), (0o750, false), (0o701, false)] {
            fs::set_permissions(&state, fs::Permissions::from_mode(mode)).expect("ours");
            assert_eq!(state_directory(&state).is_ok(), is_ok, "mode {mode:o}");
        }
        assert_eq!(fs::read_dir(&state).expect("readable").count(), 0, "nothing is left behind");
    }

    #[test]
    fn programs_are_found() {
        assert!(program("sh").is_ok() && program("/bin/sh").is_ok());
        assert!(program("no-such-program").is_err() && program("/etc/passwd").is_err());
    }
}
