//! What does one node hold, for a type that asks? A serde `Deserializer` over [`Node`]s.
//!
//! Used by `read`, which asks again and again until nothing new is wrong. Every error carries the node
//! at fault. A plain scalar is whatever the type asks for; nothing is ever guessed from its looks.

use super::field::SPANNED;
use super::node::{Kind, Node, Span};
use super::words::{clipped, listed, nearest, suggestion};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use std::fmt;

/// Why a node could not be read.
#[derive(Debug)]
pub struct ReadError {
    /// The node at fault and its place; `None` until the innermost reader adds it.
    pub node: Option<(usize, Span)>,
    /// `None` when it has been reported before.
    pub what: Option<String>,
    pub cure: Option<String>,
    /// The known key that an unknown one is nearest to.
    pub meant: Option<&'static str>,
}

impl ReadError {
    fn at(mut self, node: &Node) -> ReadError {
        self.node.get_or_insert((node.id, node.span));
        self
    }

    fn new(what: String, cure: Option<String>) -> ReadError {
        ReadError { node: None, what: Some(what), cure, meant: None }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.as_deref().unwrap_or("reported before"))
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    /// A leaf type separates what is wrong from what to do by a line break.
    fn custom<T: fmt::Display>(message: T) -> ReadError {
        let message = message.to_string();
        match message.split_once('\n') {
            Some((what, cure)) => ReadError::new(what.to_owned(), Some(cure.to_owned())),
            None => ReadError::new(message, None),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> ReadError {
        let cure = match field {
            "on" => Some("mail rules stand under `notify`; times under `cron` or `every`".to_owned()),
            _ => suggestion(field, expected),
        };
        let meant = nearest(field, expected.iter().copied());
        ReadError { meant, ..ReadError::new(format!("unknown key `{}`", clipped(field)), cure) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> ReadError {
        let what = format!("`{}` is not one of {}", clipped(variant), listed(expected));
        ReadError::new(
            what,
            nearest(variant, expected.iter().copied()).map(|near| format!("did you mean `{near}`?")),
        )
    }
}

/// Reads one node, and what lies below it.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub node: &'a Node,
}

impl<'a> Reader<'a> {
    fn expected(&self, wanted: &str) -> ReadError {
        if matches!(self.node.kind, Kind::Broken) {
            return ReadError {
                node: Some((self.node.id, self.node.span)),
                what: None,
                cure: None,
                meant: None,
            };
        }
        let (what, cure) = match &self.node.kind {
            _ if self.node.is_null() => {
                ("there is no value here".to_owned(), "give one, or leave the key out".to_owned())
            }
            Kind::Scalar { text, is_plain: true } => {
                (format!("`{}` is not {wanted}", clipped(text)), String::new())
            }
            Kind::Scalar { text, .. } => (
                format!("the quoted text `{}` is not {wanted}", clipped(text)),
                "take away the quotes".to_owned(),
            ),
            Kind::List(_) => (format!("a list stands where {wanted} is expected"), String::new()),
            Kind::Map(_) => (format!("a mapping stands where {wanted} is expected"), String::new()),
            Kind::Broken => unreachable!("broken nodes are dealt with above"),
        };
        ReadError::new(what, (!cure.is_empty()).then_some(cure)).at(self.node)
    }

    fn scalar(&self, wanted: &str) -> Result<&'a str, ReadError> {
        match &self.node.kind {
            Kind::Scalar { text, .. } if !self.node.is_null() => Ok(text),
            _ => Err(self.expected(wanted)),
        }
    }

    fn number<T: std::str::FromStr>(&self, wanted: &str) -> Result<T, ReadError> {
        match &self.node.kind {
            Kind::Scalar { text, is_plain: true } => text.parse().map_err(|_| self.expected(wanted)),
            _ => Err(self.expected(wanted)),
        }
    }

    fn list<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::List(items) => {
                visitor.visit_seq(Items { items: items.iter() }).map_err(|error| error.at(self.node))
            }
            Kind::Scalar { text, .. } if !self.node.is_null() => {
                let words: Vec<&str> = text.split([',', ' ']).filter(|word| !word.is_empty()).collect();
                let items = if text.contains('<') { text.to_owned() } else { words.join(", ") };
                let cure = format!("write it as a list: `[{}]`", clipped(&items));
                Err(ReadError { cure: Some(cure), ..self.expected("a list") })
            }
            _ => Err(self.expected("a list")),
        }
    }

    fn map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Map(entries) => visitor
                .visit_map(Entries { entries: entries.iter(), value: None })
                .map_err(|error| error.at(self.node)),
            _ => Err(self.expected("a mapping (`key: value`)")),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $kind:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let number: $kind = self.number("a whole number")?;
            visitor.$visit(number).map_err(|error: ReadError| error.at(self.node))
        })*
    };
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::List(_) => self.list(visitor),
            Kind::Map(_) => self.map(visitor),
            _ => self.deserialize_str(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let is_true = self.number("`true` or `false`")?;
        visitor.visit_bool(is_true)
    }

    whole_numbers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i64 visit_i64 i64);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let text = self.scalar("text")?;
        visitor.visit_str(text).map_err(|error: ReadError| error.at(self.node))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.kind {
            Kind::Broken => visitor.visit_unit(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match name {
            SPANNED => visitor.visit_seq(SpanParts { node: self.node, part: 0 }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let text = self.scalar(&format!("one of {}", listed(variants)))?;
        let variant: StrDeserializer<'_, ReadError> = text.into_deserializer();
        visitor.visit_enum(variant).map_err(|error| error.at(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let next = self.items.find(|item| !matches!(item.kind, Kind::Broken));
        next.map(|node| seed.deserialize(Reader { node }).map_err(|error| error.at(node))).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (Node, Node)>,
    value: Option<&'a Node>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(Reader { node: key }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let node = self.value.take().expect("serde asks for a key before its value");
        seed.deserialize(Reader { node }).map_err(|error| error.at(node))
    }
}

/// Line, column, length and value, for a `Spanned`.
struct SpanParts<'a> {
    node: &'a Node,
    part: usize,
}

impl<'de> de::SeqAccess<'de> for SpanParts<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Span { line, column, length } = self.node.span;
        self.part += 1;
        let number = match self.part {
            1 => line,
            2 => column,
            3 => length,
            4 => {
                let node = self.node;
                return seed.deserialize(Reader { node }).map(Some).map_err(|error| error.at(node));
            }
            _ => return Ok(None),
        };
        seed.deserialize(number.into_deserializer()).map(Some)
    }
}
