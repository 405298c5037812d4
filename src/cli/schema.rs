//! `allclear schema site|playbook`: the JSON Schema of a file that people write.

use super::args::SchemaArg;
use super::{Exit, print};
use crate::pure::document::{SchemaOf, schema};

/// Prints the schema.
pub fn run(of: SchemaArg) -> Exit {
    let of = match of {
        SchemaArg::Site => SchemaOf::SiteFile,
        SchemaArg::Playbook => SchemaOf::Playbook,
    };
    print::out(&format!("{:#}\n", schema(of)))
}
