//! JSON to outside: the bytes that `serde_json` writes, in about half its time.
//! Each message that is stored is said to its sender and to its readers, so this
//! is a part of what every one of them costs (docs/adr/0018).
//!
//! It is quicker because a text that needs no escape, as nearly all do, is looked
//! at many bytes at a time and copied in one piece; because names of members,
//! which need none, are not looked at; and because what it writes into is a
//! `String`, which need not be proved to be one afterwards.

use std::fmt::Write as _;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Result};

/// Room for what is said of a usual message, in bytes, so that it need not be
/// moved while it is written.
const USUAL_BYTES: usize = 768;

/// How many bytes of a text are looked at together.
const STRETCH: usize = 32;

/// As what `serde_json::value::RawValue` is given to a serializer.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// What the server says, as JSON behind `prefix`.
///
/// # Panics
/// When it has no JSON form: what a dialect says is texts, numbers and JSON
/// values, which have one.
pub(crate) fn text(prefix: &str, value: &impl Serialize) -> String {
    let mut text = String::with_capacity(USUAL_BYTES);
    text.push_str(prefix);
    let written = value.serialize(Writer { text: &mut text });
    written.expect("texts, numbers and JSON values have a form");
    text
}

/// Writes one value.
struct Writer<'t> {
    text: &'t mut String,
}

impl<'t> Writer<'t> {
    fn list(self) -> Items<'t> {
        self.open('[', "]")
    }

    fn object(self) -> Items<'t> {
        self.open('{', "}")
    }

    fn open(self, begin: char, end: &'static str) -> Items<'t> {
        self.text.push(begin);
        Items {
            text: self.text,
            is_first: true,
            end,
        }
    }

    /// Begins an object of one member, the variant, whose value follows.
    fn variant(&mut self, variant: &'static str) {
        self.text.push('{');
        put_name(self.text, variant);
    }

    fn display(self, value: impl std::fmt::Display) -> Result<()> {
        write!(self.text, "{value}").map_err(serde::ser::Error::custom)
    }

    /// What is seldom said, as `serde_json` does.
    fn by_serde_json(self, value: &impl Serialize) -> Result<()> {
        self.text.push_str(&serde_json::to_string(value)?);
        Ok(())
    }
}

/// The members of an object, or the items of a list.
struct Items<'t> {
    text: &'t mut String,
    is_first: bool,
    /// What ends it.
    end: &'static str,
}

impl Items<'_> {
    #[inline]
    fn separate(&mut self) {
        if !self.is_first {
            self.text.push(',');
        }
        self.is_first = false;
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.separate();
        value.serialize(Writer { text: self.text })
    }

    #[inline]
    fn member(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.separate();
        put_name(self.text, name);
        value.serialize(Writer { text: self.text })
    }

    fn finish(self) -> Result<()> {
        self.text.push_str(self.end);
        Ok(())
    }
}

/// The name of a member, which is an identifier of this program's or one that it
/// was given in its source: no byte of it needs an escape.
#[inline]
fn put_name(text: &mut String, name: &'static str) {
    debug_assert!(is_plain(name), "{name}");
    text.reserve(name.len() + 3);
    text.push('"');
    text.push_str(name);
    text.push_str("\":");
}

#[inline]
fn put_text(text: &mut String, value: &str) -> Result<()> {
    if !is_plain(value) {
        text.push_str(&serde_json::to_string(value)?);
        return Ok(());
    }
    text.reserve(value.len() + 2);
    text.push('"');
    text.push_str(value);
    text.push('"');
    Ok(())
}

/// Whether nothing in a text needs an escape (RFC 8259 §7).
fn is_plain(text: &str) -> bool {
    let is_escaped = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    // Without a way out in the middle, so that a whole stretch is one comparison.
    let mut stretches = text.as_bytes().chunks(STRETCH);
    stretches.all(|stretch| {
        !stretch
            .iter()
            .fold(false, |any, byte| any | is_escaped(byte))
    })
}

macro_rules! display {
    ($($method:ident: $number:ty),*) => {$(
        fn $method(self, value: $number) -> Result<()> {
            self.display(value)
        }
    )*};
}

impl<'t> Serializer for Writer<'t> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'t>;
    type SerializeTuple = Items<'t>;
    type SerializeTupleStruct = Items<'t>;
    type SerializeTupleVariant = Items<'t>;
    type SerializeMap = Items<'t>;
    type SerializeStruct = Items<'t>;
    type SerializeStructVariant = Items<'t>;

    display! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128
    }

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.text.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<()> {
        self.by_serde_json(&value)
    }

    fn serialize_f64(self, value: f64) -> Result<()> {
        self.by_serde_json(&value)
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.by_serde_json(&value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        put_text(self.text, value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.by_serde_json(&value)
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<()> {
        put_text(self.text, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.variant(variant);
        value.serialize(Writer { text: self.text })?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Items<'t>> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Items<'t>> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Items<'t>> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Items<'t>> {
        self.variant(variant);
        Ok(self.open('[', "]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Items<'t>> {
        Ok(self.object())
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Items<'t>> {
        // Only `serde_json` knows that what it holds is JSON already.
        if name == RAW_VALUE {
            return Err(serde::ser::Error::custom("a raw value has no form here"));
        }
        Ok(self.object())
    }

    fn serialize_struct_variant(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Items<'t>> {
        self.variant(variant);
        Ok(self.open('{', "}}"))
    }
}

macro_rules! lists {
    ($($form:ident: $method:ident),*) => {$(
        impl $form for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.item(value)
            }

            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

lists! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
}

macro_rules! objects {
    ($($form:ident),*) => {$(
        impl $form for Items<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<()> {
                self.member(name, value)
            }

            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

objects!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.separate();
        let begin = self.text.len();
        key.serialize(Writer { text: self.text })?;
        match self.text.as_bytes().get(begin) {
            Some(b'"') => {}
            // A name is a text always, also where it is a number.
            Some(b'0'..=b'9' | b'-' | b't' | b'f') => {
                self.text.insert(begin, '"');
                self.text.push('"');
            }
            _ => return Err(serde::ser::Error::custom("this is no name of a member")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.text.push(':');
        value.serialize(Writer { text: self.text })
    }

    fn end(self) -> Result<()> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::{Map, Value, json};

    use super::*;

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Wrapped(i8);

    #[derive(Serialize)]
    struct Pair(u16, &'static str);

    #[derive(Serialize)]
    struct Plain<T> {
        r#type: T,
        #[serde(rename = "chat-id")]
        id: Option<u64>,
    }

    #[derive(Serialize)]
    struct Flat<T> {
        #[serde(flatten)]
        plain: Plain<T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<Unit>,
    }

    #[derive(Serialize)]
    enum Untouched {
        Unit,
        Newtype(f64),
        Tuple(char, f32),
        Struct { bytes: &'static [u8], wide: i128 },
    }

    #[derive(Serialize)]
    #[serde(tag = "ev", content = "data")]
    enum Tagged {
        Unit,
        Struct { on: bool },
    }

    fn is_the_same<T: Serialize>(value: T) {
        let expected = serde_json::to_string(&value).expect("it has a form");
        assert_eq!(text("42", &value), format!("42{expected}"));
    }

    #[test]
    fn every_form_of_serde_is_what_serde_json_makes_of_it() {
        is_the_same((Unit, Wrapped(-1), Pair(2, "ñ"), ()));
        is_the_same(Plain {
            r#type: i16::MIN,
            id: Some(u64::MAX),
        });
        is_the_same(Flat {
            plain: Plain {
                r#type: u8::MAX,
                id: None,
            },
            left_out: None,
        });
        is_the_same([
            Untouched::Unit,
            Untouched::Newtype(1e300),
            Untouched::Newtype(f64::NAN),
            Untouched::Tuple('\n', 0.1),
            Untouched::Struct {
                bytes: b"\0a",
                wide: i128::MIN,
            },
        ]);
        is_the_same([Tagged::Unit, Tagged::Struct { on: true }]);
        is_the_same(BTreeMap::from([("", 1_u32), ("\"", 2)]));
        is_the_same(BTreeMap::from([(i64::MIN, ()), (7, ())]));
        is_the_same(BTreeMap::from([(false, 'f'), (true, 't')]));
        is_the_same(Vec::<u128>::new());
        is_the_same(Map::new());
    }

    #[test]
    fn a_text_is_escaped_wherever_it_needs_it() {
        for at in [0, 1, STRETCH - 1, STRETCH, 2 * STRETCH + 1] {
            for escaped in ['\0', '\u{1f}', '"', '\\', '\n', '\u{7f}', 'ñ', '\u{2028}'] {
                let around = "a".repeat(at);
                is_the_same(format!("{around}{escaped}"));
                is_the_same(format!("{around}{escaped}b"));
            }
        }
    }

    #[test]
    fn what_serde_json_refuses_as_a_name_is_refused() {
        for value in [Some(vec![0]), None] {
            let written = BTreeMap::from([(value, 2)]).serialize(Writer {
                text: &mut String::new(),
            });
            assert!(written.is_err());
        }
    }

    #[test]
    fn a_raw_value_is_refused_and_not_mistaken_for_an_object() {
        let raw = serde_json::value::RawValue::from_string("[1]".to_owned()).expect("it is JSON");
        let text = &mut String::new();
        assert!(raw.serialize(Writer { text }).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            let members = prop::collection::vec((any::<String>(), inner.clone()), 0..8);
            prop_oneof![
                prop::collection::vec(inner, 0..8).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_what_serde_json_makes_of_it(value in value()) {
            is_the_same(value);
        }
    }
}
