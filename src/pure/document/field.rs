//! Where does a value stand, and was it there at all? Wrappers that carry places from the tree to
//! the checks.
//!
//! Left of it is `read`, which understands them by the name [`SPANNED`]; right of it the raw types.
//! In a JSON Schema they are what they wrap.

use super::node::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The name by which `read` recognises a [`Spanned`].
pub const SPANNED: &str = "$allclear::Spanned";

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// A key that has to be there.
#[derive(Clone, Debug, Default)]
pub enum Field<T> {
    /// It is not; that has not been reported yet.
    #[default]
    Missing,
    /// A fault in it has been reported.
    Broken,
    Given(Spanned<T>),
}

impl<T> Field<T> {
    /// Whether the key was written, readable or not.
    pub fn is_written(&self) -> bool {
        !matches!(self, Field::Missing)
    }

    /// The value, where it could be read.
    pub fn given(&self) -> Option<&Spanned<T>> {
        match self {
            Field::Given(spanned) => Some(spanned),
            Field::Missing | Field::Broken => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SPANNED, SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Spanned<T>, A::Error> {
        let missing = || A::Error::custom("a part of the place is missing");
        let line = parts.next_element()?.ok_or_else(missing)?;
        let column = parts.next_element()?.ok_or_else(missing)?;
        let length = parts.next_element()?.ok_or_else(missing)?;
        let value = parts.next_element()?.ok_or_else(missing)?;
        Ok(Spanned { value, span: Span { line, column, length } })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<Field<T>, E> {
        Ok(Field::Missing)
    }

    fn visit_unit<E: Error>(self) -> Result<Field<T>, E> {
        Ok(Field::Broken)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<T>, D::Error> {
        Spanned::deserialize(deserializer).map(Field::Given)
    }
}

/// The schema is that of the value: nothing of a place is ever in a file.
macro_rules! schema_of_the_value {
    ($name:ident) => {
        impl<T: JsonSchema> JsonSchema for $name<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    };
}

schema_of_the_value!(Spanned);
schema_of_the_value!(Field);
