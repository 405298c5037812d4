//! Any text as a site file and as a playbook: a refusal says why, and where.
#![no_main]

use allclear::pure::document::{Outside, read_playbook, read_site_file};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let path = Path::new("fuzz.yaml");
    let outside = Outside { check_filter: &|_| Ok(Vec::new()), check_watchlist_file: &|_| Ok(Vec::new()) };
    let (site_file, problems) = read_site_file(path, text, outside);
    assert!(site_file.is_some() || !problems.is_empty());
    let (playbook, problems) = read_playbook(path, text, site_file.as_ref(), outside);
    assert!(playbook.is_some() || !problems.is_empty());
    let _ = problems.iter().map(ToString::to_string).count();
});
