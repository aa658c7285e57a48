//! What the socket's clients send (contract §3, "WebSocket"). Unknown fields are
//! ignored; what is wrong is named in an `error`, and the connection lives on.

use serde_json::{Map, Value};
use tertulia_domain::FileId;
use tertulia_hub::Message;

use super::error;
use crate::common::json::{self, Bounds};

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    /// Says something. Trimmed; empty only with a file.
    Message {
        content: String,
        file: Option<FileId>,
    },
    /// Is writing, or stopped.
    Typing(bool),
    /// Asks whether anybody is there.
    Ping,
    /// Cannot be acted upon: the text of the `error`.
    Wrong(String),
}

/// Decodes a frame.
pub(super) fn decode(message: Message<'_>, bounds: Bounds) -> Request {
    // Bytes are refused as the original refused what is no text.
    let Message::Text(text) = message else {
        return wrong(error::MALFORMED_FRAME);
    };
    match json::parse_text(text, bounds) {
        Err(json::Refusal::Malformed) => wrong(error::MALFORMED_FRAME),
        Err(json::Refusal::TooComplex) => wrong(error::WRONG_FRAME),
        Ok(Value::Object(members)) => of_type(&members),
        Ok(_) => wrong(error::WRONG_FRAME),
    }
}

fn of_type(members: &Map<String, Value>) -> Request {
    match members.get("type") {
        None => message(members),
        Some(Value::String(kind)) => match kind.as_str() {
            "message" => message(members),
            "typing" => typing(members),
            "ping" => Request::Ping,
            unknown => Request::Wrong(error::unknown_type(unknown)),
        },
        Some(other) => Request::Wrong(error::unknown_type(&other.to_string())),
    }
}

fn message(members: &Map<String, Value>) -> Request {
    let content = match members.get("content") {
        None | Some(Value::Null) => "",
        Some(Value::String(content)) => content.trim(),
        Some(_) => return wrong(error::WRONG_FRAME),
    };
    let file = match members.get("file_id") {
        None | Some(Value::Null) => None,
        Some(number) => match number.as_i64() {
            Some(id) => Some(FileId(id)),
            None => return wrong(error::WRONG_FRAME),
        },
    };
    if content.is_empty() && file.is_none() {
        return wrong(error::EMPTY_MESSAGE);
    }
    Request::Message {
        content: content.to_owned(),
        file,
    }
}

fn typing(members: &Map<String, Value>) -> Request {
    match members.get("typing") {
        None | Some(Value::Null) => Request::Typing(false),
        Some(Value::Bool(on)) => Request::Typing(*on),
        Some(_) => wrong(error::WRONG_FRAME),
    }
}

fn wrong(text: &str) -> Request {
    Request::Wrong(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        depth: 4,
        members: 8,
        values: 32,
    };

    fn says(content: &str, file: Option<i64>) -> Request {
        Request::Message {
            content: content.to_owned(),
            file: file.map(FileId),
        }
    }

    #[test]
    fn frames_are_read_as_the_contract_says() {
        for (text, expected) in [
            (
                r#"{"type":"message","content":" hola ","file_id":null}"#,
                says("hola", None),
            ),
            (r#"{"content":"hola","extra":[1]}"#, says("hola", None)),
            (
                r#"{"type":"message","content":"","file_id":3}"#,
                says("", Some(3)),
            ),
            (r#"{"type":"message","file_id":3}"#, says("", Some(3))),
            (
                r#"{"type":"message","content":"   "}"#,
                wrong("Mensaje vacío"),
            ),
            (r#"{}"#, wrong("Mensaje vacío")),
            (r#"{"content":7}"#, wrong(error::WRONG_FRAME)),
            (
                r#"{"content":"a","file_id":"x"}"#,
                wrong(error::WRONG_FRAME),
            ),
            (r#"{"type":"typing","typing":true}"#, Request::Typing(true)),
            (r#"{"type":"typing"}"#, Request::Typing(false)),
            (
                r#"{"type":"typing","typing":"yes"}"#,
                wrong(error::WRONG_FRAME),
            ),
            (r#"{"type":"ping"}"#, Request::Ping),
            (
                r#"{"type":"bailar"}"#,
                wrong("Tipo de mensaje desconocido: bailar"),
            ),
            (r#"{"type":7}"#, wrong("Tipo de mensaje desconocido: 7")),
            ("hola", wrong("Formato de mensaje inválido")),
            ("", wrong("Formato de mensaje inválido")),
            ("[1]", wrong(error::WRONG_FRAME)),
            ("null", wrong(error::WRONG_FRAME)),
            ("[[[[[1]]]]]", wrong(error::WRONG_FRAME)),
        ] {
            assert_eq!(decode(Message::Text(text), BOUNDS), expected, "{text}");
        }
        let bytes = Message::Binary(br#"{"type":"ping"}"#);
        assert_eq!(decode(bytes, BOUNDS), wrong("Formato de mensaje inválido"));
    }

    proptest::proptest! {
        /// Whatever comes, it is answered.
        #[test]
        fn no_frame_is_too_odd(
            text in r#"\{"(type|content|file_id|typing)":("[a-z ]{0,9}"|[0-9.e-]{1,9}|null|\[\]|\{\})\}"#,
        ) {
            decode(Message::Text(&text), BOUNDS);
        }
    }
}
