//! JSON objects that were stored, or come in an export: an object of any names is
//! one. `serde_json`'s own reader knows one name as its own: with the feature
//! `raw_value`, which others of the program's dependencies turn on, an object
//! whose first member is `$serde_json::private::RawValue` is no object to it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads an object.
///
/// # Errors
/// When the text is no JSON object, or is nested more than 127 deep.
pub(crate) fn object(text: &str) -> serde_json::Result<Map<String, Value>> {
    let mut from = serde_json::Deserializer::from_str(text);
    let object = from.deserialize_map(Members)?;
    from.end()?;
    Ok(object)
}

/// An object.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            members.insert(name, from.next_value_seed(Any)?);
        }
        Ok(members)
    }
}

/// Any value.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
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

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("not a number of JSON"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Any)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        Members.visit_map(from).map(Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn an_object_is_read_as_it_stands() {
        for text in [
            "{}",
            r#"{"b":[null,true,-1,18446744073709551615,1.5,"ñ"],"a":{"c":{}}}"#,
            r#"{"$serde_json::private::RawValue":"x"}"#,
            r#"{"a":{"$serde_json::private::RawValue":"[1]"}}"#,
            r#"{"a":[{"$serde_json::private::RawValue":{}}]}"#,
            r#"{"$serde_json::private::Number":"1"}"#,
        ] {
            let read = object(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let written = serde_json::to_string(&read).expect("it has a JSON form");
            assert_eq!(written, text);
        }
    }

    #[test]
    fn what_is_no_object_is_not_read() {
        for text in ["", "[]", "null", "1", "{", "{} {}", r#"{"a":}"#, r#"{1:2}"#] {
            assert!(object(text).is_err(), "{text}");
        }
    }
}
