//! Are real feeds read? Against the samples beside the captures, which are not part of the project.

use crate::ground_truth::data;
use allclear::pure::watchlist::read_file;

#[test]
fn real_feeds_are_recognised_and_read() {
    let Some(data) = data() else { return };
    let rows = [
        ("feodo_ips_2021.csv", "Feodo Tracker CSV", 2),
        ("maltrail_conficker.txt", "plain", 255),
        ("misp_event.json", "MISP event", 0),
        ("spamhaus_drop_2015.txt", "plain", 2),
        ("stix_apt1.json", "STIX bundle", 0),
        ("stix_c2_coa.json", "STIX bundle", 1),
        ("suricata_dataset_ip.csv", "plain", 1),
        ("threatfox.ndjson", "ThreatFox JSON", 1),
        ("zeek_intel.txt", "Zeek intel", 2),
    ];
    for (file, format, at_least) in rows {
        let bytes = std::fs::read(data.join("A/feeds").join(file)).expect(file);
        let read = read_file(&bytes).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        assert_eq!(read.format.to_string(), format, "{file}");
        let entries = read.part.counts().total();
        assert!(entries >= at_least, "{file}: {entries} entries");
        if at_least > 0 {
            assert_eq!(read.too_much_unapplied(), None, "{file}: a night is not spoilt by it");
        }
        let told = entries + read.unusable + read.rejected_lines;
        assert!(told > 0, "{file}: nothing is told of it");
    }
}
