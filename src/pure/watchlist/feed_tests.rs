//! What is read of every feed, by a small sample of each, good lines and bad.

use super::read_file;

/// File, format, entries, not usable, rejected.
type Row<'a> = (&'a str, &'a str, &'a str, u64, u64);

const FEEDS: [Row<'_>; 12] = [
    (
        "#fields\tindicator\tindicator_type\tmeta.source\n1.2.3.4\tIntel::ADDR\ts;1\n1.2.3.0/24\tIntel::SUBNET\t-\nevil.example\tIntel::DOMAIN\t-\nx.example/a\tIntel::URL\t-\n1.2.3.5\tNonsense\t-\n1.2.3.6\n",
        "Zeek intel",
        "1.2.3.4 1.2.3.0/24 evil.example",
        1,
        2,
    ),
    ("# a\n1.1.1.0/24,6,88\n2.2.2.2,1,127\n", "Suricata iprep", "1.1.1.0/24 2.2.2.2", 0, 0),
    ("ZXZpbC5leGFtcGxlCg==\nLndvcnNlLmV4YW1wbGU=\n", "Suricata dataset", "evil.example .worse.example", 0, 0),
    (
        "511mon.kozow.com,asyncrat (malware),(static)\n1.2.3.4:80,x,(static)\n1.2.3.0/24,x,(static)\n1.2.3.4/a.php,x,http://y.example\n",
        "Maltrail",
        "511mon.kozow.com 1.2.3.4:80 1.2.3.0/24",
        1,
        0,
    ),
    (
        "# abuse.ch\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\"2021-01-17 07:30:05\",\"50.16.16.211\",\"443\",\"online\",\"2021-02-10\",\"Qak;Bot\"\n\"x\",\"no\",\"443\",\"\",\"\",\"\"\n# END\n",
        "Feodo Tracker CSV",
        "50.16.16.211:443",
        0,
        1,
    ),
    (
        "# \"first_seen_utc\",\"ioc_id\"\n\"2022\", \"1\", \"2001:db8::1:80\", \"ip:port\", \"a\", \"b\", \"c\", \"d\", \"e\", \"f\"\n\"2022\", \"2\", \"evil.example\", \"domain\", \"a, \"\"b\", \"b\", \"c\", \"d\", \"e\", \"f\"\n\"2022\", \"3\", \"aa\", \"md5_hash\", \"a\", \"b\", \"c\", \"d\", \"e\", \"f\"\n",
        "ThreatFox CSV",
        "[2001:db8::1]:80 evil.example",
        1,
        0,
    ),
    ("[{\"ip_address\":\"1.2.3.4\",\"port\":443},{\"port\":1}]", "Feodo Tracker JSON", "1.2.3.4:443", 0, 1),
    (
        "{\"7\":[{\"ioc_value\":\"1.2.3.4:80\",\"ioc_type\":\"ip:port\"}],\"8\":[{\"ioc_value\":\"http://a/b\",\"ioc_type\":\"url\"}]}",
        "ThreatFox JSON",
        "1.2.3.4:80",
        1,
        0,
    ),
    (
        "{\"query_status\":\"ok\",\"data\":[{\"ioc\":\"evil.example\",\"ioc_type\":\"domain\"}]}",
        "ThreatFox JSON",
        "evil.example",
        0,
        0,
    ),
    (
        "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL1\"}\n{broken\n{\"type\":\"metadata\",\"records\":1}\n",
        "Spamhaus DROP JSON",
        "1.10.16.0/20",
        0,
        1,
    ),
    (
        "{\"Event\":{\"Attribute\":[{\"type\":\"ip-dst|port\",\"value\":\"1.2.3.4|443\",\"to_ids\":true},{\"type\":\"ip-dst\",\"value\":\"1.2.3.5\",\"to_ids\":false}],\"Object\":[{\"Attribute\":[{\"type\":\"domain\",\"value\":\"evil.example\",\"to_ids\":true}]}]}}",
        "MISP event",
        "1.2.3.4:443 evil.example",
        1,
        0,
    ),
    (
        "{\"response\":[{\"Event\":{\"Attribute\":[{\"type\":\"hostname\",\"value\":\"c2.evil.example\",\"to_ids\":true}]}}]}",
        "MISP event",
        "c2.evil.example",
        0,
        0,
    ),
];

#[test]
fn feeds_are_known_by_their_content_and_no_record_vanishes() {
    let many_columns = "1.2.3.4,a,b,http://x.example/\n";
    assert!(read_file(many_columns.as_bytes()).is_err(), "a table of somebody else is not guessed at");
    FEEDS.iter().for_each(check);
}

#[test]
fn patterns_of_stix_are_read_as_far_as_they_only_widen() {
    let rows: [Row<'_>; 5] = [
        (
            &stix("[ipv4-addr:value = '1.2.3.4' OR domain-name:value IN ('a.example','b.example')]"),
            "STIX bundle",
            "1.2.3.4 a.example b.example",
            0,
            0,
        ),
        (
            &stix("[ipv4-addr:value ISSUBSET '1.2.3.0/24'] OR [url:value = 'http://a/b']"),
            "STIX bundle",
            "1.2.3.0/24",
            1,
            0,
        ),
        (&stix("[ipv4-addr:value = '1.2.3.4' AND domain-name:value = 'a.example']"), "STIX bundle", "", 0, 1),
        (&stix("[ipv4-addr:value != '1.2.3.4']"), "STIX bundle", "", 0, 1),
        (&stix("[domain-name:value = 'not closed]"), "STIX bundle", "", 0, 1),
    ];
    rows.iter().for_each(check);
}

fn check(&(file, format, entries, unusable, rejected): &Row<'_>) {
    let read = read_file(file.as_bytes()).unwrap_or_else(|fault| panic!("{file}: {fault}"));
    assert_eq!(read.format.to_string(), format, "{file}");
    let mut texts: Vec<String> = read.part.entries().map(|entry| entry.text).collect();
    let mut wanted: Vec<&str> = entries.split_whitespace().collect();
    texts.sort();
    wanted.sort_unstable();
    assert_eq!(texts, wanted, "{file}");
    assert_eq!((read.unusable, read.rejected_lines), (unusable, rejected), "{file}");
}

fn stix(pattern: &str) -> String {
    let indicator = serde_json::json!({"type": "indicator", "pattern_type": "stix", "pattern": pattern});
    serde_json::json!({"type": "bundle", "objects": [{"type": "identity"}, indicator]}).to_string()
}

#[test]
fn an_operator_of_stix_that_is_not_read_is_rejected_by_name() {
    for operator in ["AND", "FOLLOWEDBY", "LIKE", "MATCHES", "!=", "NOT"] {
        let file = stix(&format!("[ipv4-addr:value {operator} '1.2.3.4']"));
        let read = read_file(file.as_bytes()).expect("a bundle");
        assert!(
            read.rejected[0].why.contains("value")
                && read.rejected[0].why.contains(&format!("operator {operator} ")),
            "{:?}",
            read.rejected
        );
    }
}
