//! What may stand in a file, for editors? A JSON Schema made from the types that read the files.
//!
//! It never says more than the reader accepts: the types are the same.

use super::raw_playbook::RawPlaybook;
use super::raw_site::RawSiteFile;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// Which file the schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOf {
    SiteFile,
    Playbook,
}

/// The schema, draft 7: what editors understand.
pub fn schema(of: SchemaOf) -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = match of {
        SchemaOf::SiteFile => generator.into_root_schema_for::<RawSiteFile>(),
        SchemaOf::Playbook => generator.into_root_schema_for::<RawPlaybook>(),
    };
    let mut value = schema.to_value();
    without_null(&mut value);
    value
}

/// A key that may be left out may not be written without a value, so `null` is taken out.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(object) => {
            drop_null_type(object);
            drop_null_choice(object);
            object.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

fn drop_null_type(object: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = object.get_mut("type") else { return };
    types.retain(|one| one != "null");
    if let [only] = types.as_slice() {
        let only = only.clone();
        object.insert("type".to_owned(), only);
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|one| !one.is_null());
    }
}

fn drop_null_choice(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|one| one != "null"));
    if let [only] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        object.insert("allOf".to_owned(), Value::Array(vec![only]));
    }
}
