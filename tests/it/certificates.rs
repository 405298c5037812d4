//! Which mail servers are trusted? Those with a good certificate in their own name, over TLS from the first
//! byte and after STARTTLS; the password goes to no other.

use crate::serve::State;
use crate::skip::skipped;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server that prints its port, and each login that it is offered.
const SERVER: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
class Handler:
    async def handle_DATA(self, server, session, envelope): return '250 taken'
def login(server, session, envelope, mechanism, data):
    print('login', flush=True)
    return AuthResult(success=(data.login, data.password) == (b'allclear', b'hunter2'), handled=False)
mode, certificate = sys.argv[1:3]
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(certificate + '.pem', certificate + '.key')
def speak():
    kind = {'auth_require_tls': False} if mode == 'smtps' else {'tls_context': tls}
    return SMTP(Handler(), authenticator=login, hostname='localhost', **kind)
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(speak, '127.0.0.1', 0, ssl=tls if mode == 'smtps' else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"#;

/// An authority, and certificates by it: `good`, `wrong` (for another name) and `old`; and one by nobody.
const CERTIFICATES: &str = r#"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout own.key -out own.pem
make() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
    printf 'subjectAltName=DNS:%s\nbasicConstraints=CA:FALSE\n' "$2" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -extfile "$1.ext" -out "$1.pem"
}
make good localhost 2
make wrong mail.other.example 2
make old localhost -1
"#;

/// The directory of these; `None`, with a message, where they cannot be made.
pub fn certificates() -> Option<TempDir> {
    let place = TempDir::new().expect("a directory");
    let mut made = Command::new("sh");
    made.args(["-c", CERTIFICATES]).current_dir(place.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let is_made = made.status().is_ok_and(|status| status.success());
    if !is_made {
        skipped("the program openssl is not installed, or makes no certificate of the past");
    }
    is_made.then_some(place)
}

/// A running server; it ends with its standard input.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Its process, its port, and what it prints further; `None` when Debian's Python has no aiosmtpd.
fn serve(mode: &str, certificate: &Path) -> Option<(Server, u16, BufReader<std::process::ChildStdout>)> {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-W", "ignore", "-c", SERVER, mode]).arg(certificate);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut lines = BufReader::new(child.stdout.take()?);
    let mut port = String::new();
    lines.read_line(&mut port).ok()?;
    Some((Server(child), port.trim().parse().ok()?, lines))
}

#[test]
fn a_mail_and_a_password_go_to_a_server_with_a_good_certificate_alone() {
    let Some(place) = certificates() else { return };
    for (mode, certificate, is_good, piece) in [
        ("smtps", "good", true, "accepted"),
        ("smtp+starttls", "good", true, "accepted"),
        ("smtps", "wrong", false, "as its certificate has it"),
        ("smtp+starttls", "wrong", false, "as its certificate has it"),
        ("smtps", "old", false, "renewed"),
        ("smtp+starttls", "old", false, "renewed"),
        ("smtps", "own", false, "that of an authority"),
        ("smtp+starttls", "own", false, "that of an authority"),
    ] {
        let row = format!("{mode} {certificate}");
        let Some((server, port, mut lines)) = serve(mode, &place.path().join(certificate)) else {
            skipped("the package python3-aiosmtpd is not installed");
            return;
        };
        let state = State::new("1s", "60s");
        let path = state.path().join("allclear.yaml");
        let site = fs::read_to_string(&path).expect("it was written");
        let smtp = format!("smtp: {mode}://localhost:{port}\n  username: allclear\n  password_file: secret");
        fs::write(&path, site.replace("directory: state/outbox", &smtp)).expect("it is written");
        let secret = state.path().join("secret");
        fs::write(&secret, "hunter2\n").expect("it is written");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.current_dir(state.path()).args(["mail", "test", "tech@x.example"]).stdin(Stdio::null());
        let output = command.env("SSL_CERT_FILE", place.path().join("ca.pem")).output().expect("it runs");
        let told =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(if is_good { 0 } else { 1 }), "{row}: {told}");
        assert!(told.contains(piece) && !told.contains("hunter2"), "{row}: {told}");
        drop(server);
        let mut offered = String::new();
        lines.read_line(&mut offered).expect("the rest can be read");
        assert_eq!(offered.contains("login"), is_good, "{row}: whether a password was offered");
    }
}
