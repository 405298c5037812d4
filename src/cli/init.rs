//! `allclear init [DIR]`: the files to start from. What is there already is left alone.
//!
//! The files are those of the repository, built into the binary; a test checks that they pass. The state
//! directory is not made here but by its first use, readable by its owner only.

use super::{Exit, Fault, print};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Every file that is written, with its text.
pub const SHIPPED: [(&str, &str); 9] = [
    ("allclear.yaml", include_str!("../../allclear.yaml")),
    ("playbooks/conficker.yaml", include_str!("../../playbooks/conficker.yaml")),
    ("playbooks/irc-bot.yaml", include_str!("../../playbooks/irc-bot.yaml")),
    ("playbooks/port-range.yaml", include_str!("../../playbooks/port-range.yaml")),
    ("playbooks/sinkhole-generic.yaml", include_str!("../../playbooks/sinkhole-generic.yaml")),
    ("playbooks/spambot.yaml", include_str!("../../playbooks/spambot.yaml")),
    ("schema/site.json", include_str!("../../schema/site.json")),
    ("schema/playbook.json", include_str!("../../schema/playbook.json")),
    ("templates/README", TEMPLATES),
];

const TEMPLATES: &str = "\
The templates of all mails are inside the program. A file of the same name in this directory takes the
place of the one inside. To change one:

    allclear mail template                                   # their names
    allclear mail template located.txt.hbs > located.txt.hbs # one of them, as it is
    allclear check                                           # whether yours is in order
    allclear mail preview located                            # how it reads
";

/// Writes what is not there yet, and says what it left alone.
pub fn run(directory: &Path) -> Exit {
    let mut lines = String::new();
    for (name, text) in SHIPPED {
        let path = directory.join(name);
        match write_new(&path, text) {
            Ok(()) => lines.push_str(&format!("wrote       {}\n", path.display())),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                lines.push_str(&format!("left alone  {} (it is there already)\n", path.display()));
            }
            Err(error) => {
                print::out(&lines);
                return Fault::unwritable(&path, &error).show();
            }
        }
    }
    let site_file = directory.join("allclear.yaml");
    lines.push_str(&format!(
        "\nNext: put your networks and addresses into {0}, then run `allclear --site-file {0} check`\n",
        site_file.display()
    ));
    print::out(&lines)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}
