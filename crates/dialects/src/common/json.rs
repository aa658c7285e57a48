//! JSON from outside, within bounds: nesting, members of an object and values
//! in all are counted while reading, so that no text costs more than its bounds
//! say. Of members with the same name the last one counts; the one name that
//! `serde_json` gives a meaning of its own is refused. And JSON to outside, in
//! [`mod@write`].

mod write;

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::settings::TransportSettings;

use write::RAW_VALUE;

pub(crate) use write::text;

/// How much one JSON text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How deep it may be nested; a bare number has depth 0, `[]` has 1.
    pub depth: usize,
    /// How many members one object may have.
    pub members: usize,
    /// How many values it may hold in all.
    pub values: usize,
}

impl From<&TransportSettings> for Bounds {
    fn from(settings: &TransportSettings) -> Self {
        Self {
            depth: settings.json_depth,
            members: settings.json_members,
            values: settings.json_values,
        }
    }
}

/// Why a text was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not JSON (RFC 8259), or not UTF-8.
    Malformed,
    /// It is nested too deeply, or holds too much.
    TooComplex,
}

/// Reads one JSON value.
///
/// # Errors
/// See [`Refusal`].
pub fn parse(bytes: &[u8], bounds: Bounds) -> Result<Value, Refusal> {
    let text = str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
    parse_text(text, bounds)
}

/// The same of what is known to be UTF-8.
///
/// # Errors
/// See [`Refusal`].
pub fn parse_text(text: &str, bounds: Bounds) -> Result<Value, Refusal> {
    let counter = Counter {
        bounds,
        values: Cell::new(0),
        exceeded: Cell::new(false),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Bounded {
        counter: &counter,
        depth: 0,
    }
    .deserialize(&mut deserializer);
    match value {
        Ok(value) if deserializer.end().is_ok() => Ok(value),
        Err(_) if counter.exceeded.get() => Err(Refusal::TooComplex),
        Ok(_) | Err(_) => Err(Refusal::Malformed),
    }
}

struct Counter {
    bounds: Bounds,
    values: Cell<usize>,
    exceeded: Cell<bool>,
}

impl Counter {
    fn exceeded<T, E: serde::de::Error>(&self) -> Result<T, E> {
        self.exceeded.set(true);
        Err(E::custom("out of bounds"))
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > self.bounds.values {
            return self.exceeded();
        }
        Ok(())
    }
}

/// Reads a value at some depth.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    counter: &'a Counter,
    depth: usize,
}

impl Bounded<'_> {
    /// Goes one level down.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.counter.bounds.depth {
            return self.counter.exceeded();
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// Room that an object gets at once: what a client asks for stands at the
    /// front of its text. The others, of which there may be many, grow.
    fn usual_members(self) -> usize {
        const FRONT: usize = 4;
        const MEMBERS: usize = 7;
        if self.counter.values.get() <= FRONT {
            MEMBERS
        } else {
            0
        }
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.counter.count()?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number of JSON"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut members = Map::with_capacity(self.usual_members());
        let mut seen = 0;
        while let Some(name) = from.next_key::<String>()? {
            seen += 1;
            if seen > self.counter.bounds.members {
                return self.counter.exceeded();
            }
            if name == RAW_VALUE {
                return Err(A::Error::custom("a name of the reader's own"));
            }
            members.insert(name, from.next_value_seed(inside)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BOUNDS: Bounds = Bounds {
        depth: 3,
        members: 2,
        values: 6,
    };

    #[test]
    fn values_come_as_they_are() {
        let text = r#" {"a": [null, true, -1, 1.5], "b": "ñ\u00f1\ud83d\ude00"} "#;
        assert_eq!(
            parse(
                text.as_bytes(),
                Bounds {
                    values: 7,
                    ..BOUNDS
                }
            ),
            Ok(json!({"a": [null, true, -1, 1.5], "b": "ññ😀"}))
        );
        assert_eq!(parse(b"18446744073709551615", BOUNDS), Ok(json!(u64::MAX)));
    }

    #[test]
    fn of_equal_names_the_last_counts() {
        assert_eq!(parse(br#"{"a": 1, "a": 2}"#, BOUNDS), Ok(json!({"a": 2})));
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in [
            b"" as &[u8],
            b"{",
            b"{} {}",
            b"{'a': 1}",
            b"[1,]",
            b"NaN",
            b"1e999",
            b"\"\xff\"",
            br#""\ud800""#,
            br#"{"$serde_json::private::RawValue": "1"}"#,
            br#"[{"$serde_json::private::RawValue": {}}]"#,
            b"\"a\nb\"",
            b"nul",
        ] {
            assert_eq!(parse(text, BOUNDS), Err(Refusal::Malformed), "{text:?}");
        }
    }

    #[test]
    fn bounds_hold_exactly() {
        for (text, refused) in [
            ("[[[]]]", false),
            ("[[[[]]]]", true),
            (r#"[[[{"a":1}]]]"#, true),
            (r#"{"a":1,"b":2}"#, false),
            (r#"{"a":1,"b":2,"c":3}"#, true),
            (r#"{"a":1,"a":2,"a":3}"#, true),
            ("[1,2,3,4,5]", false),
            ("[1,2,3,4,5,6]", true),
        ] {
            let expected = refused.then_some(Refusal::TooComplex);
            assert_eq!(parse(text.as_bytes(), BOUNDS).err(), expected, "{text}");
        }
    }

    #[test]
    fn a_bomb_is_refused_and_not_followed() {
        let wide = Bounds {
            depth: 32,
            members: 256,
            values: 65_536,
        };
        for part in ["[", "{\"a\":", "[{\"a\":"] {
            let bomb = part.repeat(1 << 18);
            assert_eq!(
                parse(bomb.as_bytes(), wide),
                Err(Refusal::TooComplex),
                "{part}"
            );
        }
    }

    proptest::proptest! {
        /// Whatever comes, it is taken as serde_json takes it, or refused for
        /// its bounds.
        #[test]
        fn within_bounds_it_reads_what_serde_json_reads(
            text in r#"[\[\]{},:"a\\u0-9.eE+\-truefalsn \n]{0,40}"#,
        ) {
            let plain = serde_json::from_str::<Value>(&text);
            match parse(text.as_bytes(), BOUNDS) {
                Ok(value) => proptest::prop_assert_eq!(value, plain.expect("it is JSON")),
                Err(Refusal::Malformed) => proptest::prop_assert!(plain.is_err()),
                Err(Refusal::TooComplex) => {}
            }
        }
    }
}
