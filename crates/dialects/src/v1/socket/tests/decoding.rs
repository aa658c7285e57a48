use serde_json::{Value, json};
use tertulia_hub::session::Message;
use utoipa::openapi::schema::Object;

use crate::common::json::Bounds;
use crate::common::settings::TransportSettings;
use crate::v1::socket::decode::Request;
use crate::v1::socket::schema::{self, Frame};
use crate::v1::texts::Language;

fn decode(message: Message<'_>) -> Request {
    Request::decode(message, Bounds::from(&TransportSettings::default()))
}

/// What a frame is understood as: the op, or what the client is told.
fn understood(text: &str) -> String {
    let Request { reference, op } = decode(Message::Text(text));
    match op {
        Ok(op) => format!("{op:?}"),
        Err(refused) => {
            let error = refused.event(reference, Language::English);
            serde_json::to_string(&error).expect("an error is JSON")
        }
    }
}

#[test]
fn what_is_no_op_is_answered() {
    for (text, answer) in [
        (
            "",
            r#"{"code":"malformed_json","detail":"Each message must be valid JSON.","errors":[]}"#,
        ),
        (
            "{\"op\":\"ping\"",
            r#"{"code":"malformed_json","detail":"Each message must be valid JSON.","errors":[]}"#,
        ),
        (
            "[]",
            r#"{"code":"not_an_object","detail":"Each message must be a JSON object.","errors":[]}"#,
        ),
        (
            "null",
            r#"{"code":"not_an_object","detail":"Each message must be a JSON object.","errors":[]}"#,
        ),
        (
            "7",
            r#"{"code":"not_an_object","detail":"Each message must be a JSON object.","errors":[]}"#,
        ),
        (
            r#"{"ref":"a"}"#,
            r#"{"ref":"a","code":"invalid_field","detail":"op is required.","errors":[{"pointer":"/op","code":"missing"}]}"#,
        ),
        (
            r#"{"ref":"a","op":7}"#,
            r#"{"ref":"a","code":"invalid_field","detail":"op does not have the right form.","errors":[{"pointer":"/op","code":"malformed"}]}"#,
        ),
        (
            r#"{"ref":"a","op":"fly"}"#,
            r#"{"ref":"a","code":"unknown_op","detail":"There is no such op. See /asyncapi.json.","errors":[]}"#,
        ),
        (
            r#"{"ref":7,"op":"ping"}"#,
            r#"{"code":"invalid_field","detail":"ref does not have the right form.","errors":[{"pointer":"/ref","code":"malformed"}]}"#,
        ),
    ] {
        assert_eq!(understood(text), answer, "{text}");
    }
}

#[test]
fn bounds_hold_before_anything_is_understood() {
    let deep = format!(
        r#"{{"op":"ping","x":{}{}}}"#,
        "[".repeat(32),
        "]".repeat(32)
    );
    let wide: String = (0..300).map(|n| format!(r#""m{n}":0,"#)).collect();
    let wide = format!(r#"{{{wide}"op":"ping"}}"#);
    for text in [deep, wide] {
        let answer = understood(&text);
        assert!(answer.starts_with(r#"{"code":"too_complex""#), "{answer}");
    }
    let long = understood(&json!({"op": "ping", "ref": "é".repeat(33)}).to_string());
    assert!(
        long.contains(r#"{"pointer":"/ref","code":"too_long","max":64}"#),
        "{long}"
    );
}

#[test]
fn binary_frames_are_refused() {
    let request = decode(Message::Binary(br#"{"op":"ping","ref":"a"}"#));
    let refused = request.op.expect_err("it is binary");
    assert_eq!((request.reference, refused.code()), (None, "not_text"));
}

#[test]
fn unknown_members_are_ignored() {
    assert_eq!(
        understood(r#"{"op":"ping","user_id":"1","x":{}}"#),
        "Ping(PingOp)"
    );
}

fn example(frame: &Frame) -> Value {
    frame
        .example()
        .cloned()
        .unwrap_or_else(|| panic!("{} has no example", frame.name))
}

/// The fields of an op that stand for something, without `op` and `ref`.
fn fields(schema: &Object) -> impl Iterator<Item = &String> {
    let names = schema.properties.keys();
    names.filter(|name| !matches!(name.as_str(), "op" | "ref"))
}

#[test]
fn every_example_is_understood() {
    for frame in schema::ops() {
        let example = example(&frame);
        assert_eq!(example["op"], frame.name);
        let op = decode(Message::Text(&example.to_string())).op;
        assert!(op.is_ok(), "{example}: {op:?}");
    }
}

#[test]
fn every_documented_field_is_read() {
    for frame in schema::ops() {
        for field in fields(&frame.schema).filter(|field| *field != "payload") {
            let mut wrong = example(&frame);
            wrong[field] = json!([[]]);
            let answer = understood(&wrong.to_string());
            let pointer = format!(r#"{{"pointer":"/{field}","code":"malformed"}}"#);
            assert!(answer.contains(&pointer), "{wrong}: {answer}");
        }
    }
}

#[test]
fn fields_are_required_as_documented() {
    for frame in schema::ops() {
        for field in fields(&frame.schema) {
            let mut without = example(&frame);
            if let Some(members) = without.as_object_mut() {
                members.remove(field);
            }
            let answer = understood(&without.to_string());
            let missing = format!(r#"{{"pointer":"/{field}","code":"missing"}}"#);
            let required = frame.schema.required.contains(field);
            // One of the two marks of a receipt must be there; a schema cannot say so.
            let required = required || (frame.name, field.as_str()) == ("receipt", "read");
            assert_eq!(answer.contains(&missing), required, "{without}: {answer}");
        }
    }
}
