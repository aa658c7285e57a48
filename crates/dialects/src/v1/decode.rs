//! What a client sends, read field by field. Unknown fields are ignored, a wrong
//! one is named in the error. REST and the socket read alike.

use serde_json::{Map, Value};
use tertulia_domain::{Error, Reason, Result};

/// What can be read from the fields of a JSON object.
pub(crate) trait Decode: Sized {
    /// Whether a call may leave the body away altogether, or send `null`.
    const MAY_BE_ABSENT: bool = false;

    /// Takes what it needs.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the first wrong field.
    fn decode(fields: &mut Fields) -> Result<Self>;
}

/// The members of a JSON object that were not taken yet.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The members of `value`.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a field's name when it is no object.
    pub(crate) fn new(value: Value) -> Result<Self> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(malformed("")),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// As all that follow: [`Error::Invalid`] with this field.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String> {
        self.optional_text(name)?.ok_or(missing(name))
    }

    /// A text that may be missing or `null`.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>> {
        Ok(self.patch_text(name)?.flatten())
    }

    /// A text in a patch: missing leaves it as it is, `null` removes it.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn patch_text(&mut self, name: &'static str) -> Result<Option<Option<String>>> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(_) => Err(malformed(name)),
        }
    }

    /// A text in a patch that can be changed but not removed.
    ///
    /// # Errors
    /// When it is `null` or something else.
    pub(crate) fn changed_text(&mut self, name: &'static str) -> Result<Option<String>> {
        match self.patch_text(name)? {
            Some(None) => Err(malformed(name)),
            given => Ok(given.flatten()),
        }
    }

    /// One of the words that `read` knows; may be missing or `null`.
    ///
    /// # Errors
    /// When it is another word or something else.
    pub(crate) fn optional_word<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        self.optional_text(name)?
            .map(|word| read(&word).ok_or(malformed(name)))
            .transpose()
    }

    /// One of the words that `read` knows in a patch; may be missing.
    ///
    /// # Errors
    /// When it is `null`, another word or something else.
    pub(crate) fn changed_word<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        self.changed_text(name)?
            .map(|word| read(&word).ok_or(malformed(name)))
            .transpose()
    }

    /// An id that must be there.
    ///
    /// # Errors
    /// When it is missing or no id.
    pub(crate) fn id(&mut self, name: &'static str) -> Result<i64> {
        self.optional_id(name)?.ok_or(missing(name))
    }

    /// An id that may be missing or `null`.
    ///
    /// # Errors
    /// When it is no id.
    pub(crate) fn optional_id(&mut self, name: &'static str) -> Result<Option<i64>> {
        self.optional_word(name, parse_id)
    }

    /// A list of ids; missing or `null` is an empty one.
    ///
    /// # Errors
    /// When it is no list, or one of them is no id.
    pub(crate) fn ids(&mut self, name: &'static str) -> Result<Vec<i64>> {
        let items = match self.0.remove(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(malformed(name)),
        };
        items
            .iter()
            .map(|item| item.as_str().and_then(parse_id).ok_or(malformed(name)))
            .collect()
    }

    /// A whole number that may be missing or `null`.
    ///
    /// # Errors
    /// When it is something else, or outside of 64 bits.
    pub(crate) fn optional_integer(&mut self, name: &'static str) -> Result<Option<i64>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or(malformed(name)),
        }
    }

    /// True or false; must be there.
    ///
    /// # Errors
    /// When it is missing or something else.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<bool> {
        match self.0.remove(name) {
            None => Err(missing(name)),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(malformed(name)),
        }
    }

    /// Any value; `null` where it is missing.
    pub(crate) fn value(&mut self, name: &str) -> Value {
        self.0.remove(name).unwrap_or_default()
    }
}

/// An id as text: digits without leading zeros, below 2^53 (`design.md` §3).
#[must_use]
pub(crate) fn parse_id(text: &str) -> Option<i64> {
    const END: i64 = 1 << 53;
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|id| (1..END).contains(id))
}

fn missing(field: &'static str) -> Error {
    Error::invalid(field, Reason::Missing)
}

fn malformed(field: &'static str) -> Error {
    Error::invalid(field, Reason::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields::new(value).expect("the test's value is an object")
    }

    #[test]
    fn ids_have_one_form() {
        for (text, id) in [
            ("1", Some(1)),
            ("9007199254740991", Some((1 << 53) - 1)),
            ("9007199254740992", None),
            ("0", None),
            ("01", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            (" 1", None),
            ("", None),
            ("99999999999999999999", None),
            ("١", None),
        ] {
            assert_eq!(parse_id(text), id, "{text}");
        }
    }

    #[test]
    fn missing_null_and_wrong_are_three_things() {
        let mut given = fields(json!({"a": "x", "b": null, "c": 7}));
        assert!(matches!(given.patch_text("a"), Ok(Some(Some(text))) if text == "x"));
        assert!(matches!(given.patch_text("b"), Ok(Some(None))));
        assert!(matches!(given.patch_text("d"), Ok(None)));
        let wrong = given.patch_text("c").expect_err("a number is no text");
        assert_eq!(wrong.to_string(), "c: has the wrong form");
        let none = given.text("d").expect_err("it is not there");
        assert_eq!(none.to_string(), "d: is required");
    }

    #[test]
    fn lists_of_ids_are_read_whole() {
        let mut given = fields(json!({"a": ["1", "22"], "b": [1], "c": null}));
        assert_eq!(given.ids("a").ok(), Some(vec![1, 22]));
        assert!(given.ids("b").is_err());
        assert_eq!(given.ids("c").ok(), Some(vec![]));
        assert_eq!(given.ids("d").ok(), Some(vec![]));
    }

    #[test]
    fn whole_numbers_are_whole() {
        let mut given = fields(json!({"a": 7, "b": 7.5, "c": "7", "d": u64::MAX}));
        assert_eq!(given.optional_integer("a").ok(), Some(Some(7)));
        for name in ["b", "c", "d"] {
            assert!(given.optional_integer(name).is_err(), "{name}");
        }
    }
}
