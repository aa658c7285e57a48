//! The fields of a JSON body, read as Pydantic reads them: everything wrong is
//! told at once, numbers and truth values may stand in a text.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::error::{Place, Refusal, Wrong};
use super::extract::integer;

/// A body's fields, and what was found wrong with them.
pub(super) struct Form {
    members: Map<String, Value>,
    wrong: Vec<Wrong>,
}

impl Form {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            wrong: Vec::new(),
        }
    }

    /// What was wrong, if anything was.
    ///
    /// # Errors
    /// 422 with each wrong field.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() {
            Ok(())
        } else {
            Err(Refusal::fields(self.wrong))
        }
    }

    /// Notes a field that is wrong. A password is not said again.
    pub(super) fn refuse(
        &mut self,
        name: &'static str,
        kind: &'static str,
        msg: impl Into<Cow<'static, str>>,
        input: Value,
    ) {
        let input = if name == "password" {
            Value::Null
        } else {
            input
        };
        self.wrong.push(Wrong {
            kind,
            loc: vec![Place::Name("body"), Place::Name(name)],
            msg: msg.into(),
            input,
        });
    }

    fn missing(&mut self, name: &'static str) {
        self.refuse(name, "missing", "Field required", Value::Null);
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> String {
        match self.members.remove(name) {
            None => {
                self.missing(name);
                String::new()
            }
            Some(value) => self.as_text(name, value).unwrap_or_default(),
        }
    }

    /// A text in a patch: missing leaves it as it is, `null` removes it.
    pub(super) fn patch_text(&mut self, name: &'static str) -> Option<Option<String>> {
        match self.members.remove(name)? {
            Value::Null => Some(None),
            value => self.as_text(name, value).map(Some),
        }
    }

    /// A text that may be missing or `null`.
    pub(super) fn optional_text(&mut self, name: &'static str) -> Option<String> {
        self.patch_text(name).flatten()
    }

    fn as_text(&mut self, name: &'static str, value: Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            other => {
                let msg = "Input should be a valid string";
                self.refuse(name, "string_type", msg, other);
                None
            }
        }
    }

    /// An e-mail address, in its place in a text that was read.
    pub(super) fn check_email(&mut self, name: &'static str, email: &str) {
        let fault = match email.trim().rsplit_once('@') {
            None => "An email address must have an @-sign.",
            Some(("", _)) => "There must be something before the @-sign.",
            Some((_, "")) => "There must be something after the @-sign.",
            Some((_, domain)) if !is_domain(domain) => {
                "The part after the @-sign is not valid. It should have a period."
            }
            Some((local, _)) if local.chars().any(is_odd_in_address) => {
                "The email address contains invalid characters before the @-sign."
            }
            Some(_) => return,
        };
        let msg = format!("value is not a valid email address: {fault}");
        self.refuse(name, "value_error", msg, Value::from(email));
    }

    /// A whole number that may be missing or `null`.
    pub(super) fn optional_integer(&mut self, name: &'static str) -> Option<i64> {
        let value = match self.members.remove(name)? {
            Value::Null => return None,
            value => value,
        };
        let number = match &value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64())),
            Value::String(text) => integer(text),
            _ => None,
        };
        if number.is_none() {
            let msg = "Input should be a valid integer";
            self.refuse(name, "int_type", msg, value);
        }
        number
    }

    /// True or false; may be missing or `null`.
    pub(super) fn optional_boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = match self.members.remove(name)? {
            Value::Null => return None,
            value => value,
        };
        let found = match &value {
            Value::Bool(found) => Some(*found),
            Value::Number(number) => match number.as_i64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Value::String(word) => match word.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
                _ => None,
            },
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        if found.is_none() {
            let msg = "Input should be a valid boolean";
            self.refuse(name, "bool_type", msg, value);
        }
        found
    }
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| !label.is_empty() && !label.chars().any(is_odd_in_address);
    domain.contains('.') && domain.split('.').all(label)
}

fn is_odd_in_address(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "()<>[]:;,@\\\"".contains(character)
}

/// A number without a fraction that is a whole one of 53 bits.
fn whole(number: Option<f64>) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let number = number.filter(|number| number.fract() == 0.0 && number.abs() < MOST)?;
    format!("{number:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(value: Value) -> Form {
        match value {
            Value::Object(members) => Form::new(members),
            _ => panic!("the test's value is an object"),
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_no_password() {
        let mut form = form(json!({"username": 7, "password": ["x"], "is_private": "maybe"}));
        form.text("username");
        form.text("password");
        form.text("email");
        form.optional_boolean("is_private");
        let wrong: Vec<_> = form
            .wrong
            .iter()
            .map(|wrong| (wrong.kind, wrong.input.to_string()))
            .collect();
        assert_eq!(
            wrong,
            [
                ("string_type", "7".to_owned()),
                ("string_type", "null".to_owned()),
                ("missing", "null".to_owned()),
                ("bool_type", "\"maybe\"".to_owned()),
            ]
        );
        assert!(form.finish().is_err());
    }

    #[test]
    fn numbers_and_truth_values_may_stand_in_texts() {
        let mut form = form(json!({"a": "9", "b": 9.0, "c": null, "d": "yes", "e": 0}));
        assert_eq!(form.optional_integer("a"), Some(9));
        assert_eq!(form.optional_integer("b"), Some(9));
        assert_eq!(form.optional_integer("c"), None);
        assert_eq!(form.optional_boolean("d"), Some(true));
        assert_eq!(form.optional_boolean("e"), Some(false));
        assert!(form.finish().is_ok());
    }

    #[test]
    fn addresses_are_checked() {
        for (email, good) in [
            ("lidia@mail.example.com", true),
            ("lidia.ruiz+x@example.es", true),
            ("lidia", false),
            ("lidia@", false),
            ("@example.com", false),
            ("lidia@example", false),
            ("lidia@example..com", false),
            ("li dia@example.com", false),
        ] {
            let mut form = form(json!({}));
            form.check_email("email", email);
            assert_eq!(form.finish().is_ok(), good, "{email}");
        }
    }
}
