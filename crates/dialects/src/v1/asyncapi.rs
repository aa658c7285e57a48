//! The contract of the socket, made from the code: AsyncAPI 3 at
//! `/asyncapi.json`. Ops and events come from the same lists that decode and
//! encode them, their schemas from the same structs as those of
//! `/openapi.json`.

use serde_json::{Map, Value, json};

use super::socket::{self, Frame};

/// The document.
pub(super) fn document() -> Value {
    let (ops, events) = (socket::ops(), socket::events());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tertulia",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {
                "host": "{host}",
                "protocol": "ws",
                "description": "The server itself; `wss` where it has a certificate.",
                "variables": {"host": {"default": "127.0.0.1:8000"}},
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            },
        },
        "channels": {
            CHANNEL: {
                "address": "/v1/ws",
                "title": "One socket for all rooms of a user",
                "messages": channel_messages(ops.iter().chain(&events)),
                "bindings": {"ws": {"method": "GET"}},
            },
        },
        "operations": operations(&ops, &events),
        "components": {
            "messages": messages(ops.iter().chain(&events)),
            "schemas": socket::schemas(ops.into_iter().chain(events).collect()),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token from `/v1/auth`, in the upgrade request or \
                        in the first op, `auth`.",
                },
            },
        },
    })
}

const CHANNEL: &str = "socket";

const DESCRIPTION: &str = "One JSON object in each text frame. Clients send ops `{\"op\": …, \
    \"ref\"?: …}`; every op is answered, in order, by `ok` or `error` with the same `ref`; only \
    `auth` is answered by `ready`, then by everything that was missed, then by `live`. The server \
    tells events `{\"ev\": …}`. Stored events carry `room_id`, `seq` and `revision`: together they \
    are the client's cursor, from which it goes on after a reconnection, without a hole and \
    without a repeat. Whatever is wrong in a frame is answered by `error`, and the connection \
    lives on. The server closes with 1009 (a message is too large), 1011 (no pong came), 1012 \
    (restart; see `bye`), 1013 (too slow, or storage is away: come back with the cursor) or 4401 \
    (no `auth` in time, or the identity ended: get a token, then come back). Clients ignore events \
    and members that they do not know.";

fn channel_messages<'a>(frames: impl Iterator<Item = &'a Frame>) -> Map<String, Value> {
    let reference = |frame: &Frame| {
        let key = key(frame);
        let message = json!({"$ref": format!("#/components/messages/{key}")});
        (key, message)
    };
    frames.map(reference).collect()
}

fn messages<'a>(frames: impl Iterator<Item = &'a Frame>) -> Map<String, Value> {
    let message = |frame: &Frame| {
        let examples: Vec<Value> = frame
            .example()
            .map(|example| json!({"payload": example}))
            .into_iter()
            .collect();
        let payload = format!("#/components/schemas/{}", frame.schema_name);
        let message = json!({
            "name": frame.name,
            "title": frame.name,
            "summary": summary(frame),
            "description": frame.description(),
            "contentType": "application/json",
            "payload": {"$ref": payload},
            "examples": examples,
        });
        (key(frame), message)
    };
    frames.map(message).collect()
}

/// The server receives ops and answers them; it sends all other events.
fn operations(ops: &[Frame], events: &[Frame]) -> Map<String, Value> {
    let received = ops.iter().map(|op| {
        let answers = answers(op.name).map(|answer| {
            let event = events.iter().find(|event| event.name == answer);
            event.map(on_channel)
        });
        let operation = json!({
            "action": "receive",
            "channel": {"$ref": format!("#/channels/{CHANNEL}")},
            "title": op.name,
            "summary": summary(op),
            "messages": [on_channel(op)],
            "reply": {
                "channel": {"$ref": format!("#/channels/{CHANNEL}")},
                "messages": answers,
            },
        });
        (key(op), operation)
    });
    let sent = events.iter().map(|event| {
        let operation = json!({
            "action": "send",
            "channel": {"$ref": format!("#/channels/{CHANNEL}")},
            "title": event.name,
            "summary": summary(event),
            "messages": [on_channel(event)],
        });
        (key(event), operation)
    });
    received.chain(sent).collect()
}

/// The events that answer an op.
fn answers(op: &str) -> [&'static str; 2] {
    match op {
        "auth" => ["ready", "error"],
        _ => ["ok", "error"],
    }
}

fn on_channel(frame: &Frame) -> Value {
    json!({"$ref": format!("#/channels/{CHANNEL}/messages/{}", key(frame))})
}

/// The name of a frame in the document. Ops and events share some words
/// (`receipt`), schemas do not; keys must not hold a dot.
fn key(frame: &Frame) -> String {
    frame.schema_name.clone()
}

/// The first sentence of the description.
fn summary(frame: &Frame) -> &str {
    let description = frame.description();
    match description.find(". ") {
        Some(end) => &description[..=end],
        None => description,
    }
}
