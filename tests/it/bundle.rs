//! A ticket handed over as one archive.

use allclear::edge::bundle::{self, Contents};
use allclear::pure::verdict::EvidenceFile;
use std::io::Read;
use std::path::Path;

const SUM: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn evidence(path: &str) -> EvidenceFile {
    EvidenceFile { path: path.to_string(), sha256: SUM.to_string(), bytes: 4, packets: 1 }
}

fn bundle(to: &Path, state: &Path, evidence: &[EvidenceFile]) -> Vec<String> {
    let contents = Contents {
        folder: "ticket-7",
        report_html: "<p>report</p>",
        report_text: "report\n",
        ticket_json: "{}",
        events: "{\"seq\":1}\n",
        evidence,
    };
    bundle::write(to, state, &contents).expect("a bundle")
}

fn read(archive: &Path, name: &str) -> Option<String> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).expect("a file")).expect("an archive");
    let mut text = String::new();
    zip.by_name(name).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn a_bundle_can_be_checked_without_allclear() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(place.path().join("evidence/7")).expect("a directory");
    std::fs::write(place.path().join("evidence/7/41-hits.pcapng"), "test").expect("a file");
    let archive = place.path().join("7.zip");
    assert_eq!(
        bundle(&archive, place.path(), &[evidence("evidence/7/41-hits.pcapng")]),
        Vec::<String>::new()
    );
    let sums = read(&archive, "ticket-7/SHA256SUMS").expect("sums");
    assert!(sums.contains(&format!("{SUM}  evidence/7/41-hits.pcapng\n")), "{sums}");
    zip::ZipArchive::new(std::fs::File::open(&archive).expect("a file"))
        .expect("an archive")
        .extract(place.path().join("out"))
        .expect("it unpacks");
    let check = std::process::Command::new("sha256sum")
        .args(["-c", "--strict", "SHA256SUMS"])
        .current_dir(place.path().join("out/ticket-7"))
        .output()
        .expect("sha256sum is part of every Linux");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let again = place.path().join("again.zip");
    bundle(&again, place.path(), &[evidence("evidence/7/41-hits.pcapng")]);
    assert_eq!(std::fs::read(&archive).ok(), std::fs::read(&again).ok(), "the same ticket, the same bytes");
}

#[test]
fn evidence_that_is_not_as_recorded_is_spoken_of() {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(place.path().join("evidence/7")).expect("a directory");
    std::fs::write(place.path().join("evidence/7/1.pcapng"), "tampered").expect("a file");
    let archive = place.path().join("7.zip");
    for (case, path, wanted) in [
        ("changed", "evidence/7/1.pcapng", "was changed"),
        ("deleted", "evidence/7/2.pcapng", "is missing"),
        ("outside the state directory", "../../etc/passwd", "is left out"),
        ("absolute", "/etc/passwd", "is left out"),
    ] {
        let remarks = bundle(&archive, place.path(), &[evidence(path)]);
        assert!(remarks.len() == 1 && remarks[0].contains(wanted), "{case}: {remarks:?}");
        assert!(read(&archive, "ticket-7/README.txt").expect("a README").contains(wanted), "{case}");
    }
}
