//! The page of the Ecessa guide, as people paste it.

use crate::skip::skipped;
use allclear::pure::intake::cbl;

/// The guide's page, wherever it lies beside the project.
fn page(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path),
    );
    if text.is_err() {
        skipped(&format!("{path} is not there"));
    }
    text.ok()
}

#[test]
fn the_page_of_the_guide_is_read() {
    for path in ["data/A/reports/cbl_lookup_page.txt", "origin/ecessa-guide.txt"] {
        let Some(text) = page(path) else { continue };
        let report = cbl::read(&text).expect(path);
        assert_eq!(report.malware.as_deref(), Some("Conficker"), "{path}");
        assert_eq!(report.seen.to_string(), "2015-04-29T18:52:14Z", "{path}");
        assert_eq!((report.clock_error_s, report.public), (1, None), "{path}");
        assert_eq!(
            report.remote.map(|remote| remote.to_string()).as_deref(),
            Some("216.66.15.109"),
            "{path}"
        );
        assert_eq!((report.port, report.source_port), (Some(80), Some(1701)), "{path}");
    }
}

#[test]
fn the_page_of_the_guide_without_its_exact_sentence_falls_back_to_the_rounded_time() {
    let Some(text) = page("data/A/reports/cbl_lookup_page.txt") else { return };
    let report = cbl::read(&text.replace("at exactly 2015-04-29 18:52:14 (UTC)", "")).expect("a report");
    assert_eq!((report.seen.to_string().as_str(), report.clock_error_s), ("2015-04-29T19:00:00Z", 1800));
}

#[test]
fn the_guide_around_the_page_is_no_report() {
    let Some(text) = page("origin/ecessa-guide.txt") else { return };
    let before = text.split("SAMPLE BELOW").next().expect("a first part");
    assert!(cbl::read(before).is_err());
}
