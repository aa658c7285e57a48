//! Section 3, "Malformed input", row by row. The socket stays open after each.

use serde_json::json;
use tertulia_testkit::{KaapehClient, TestServer};

use super::{ask, member, refused};

const FORMAT: &str = "Formato inválido. Usa {type, data}";

async fn answered(client: &mut KaapehClient, frame: &str, text: &str) {
    client.send_text(frame).await;
    let refusal = client.expect("error").await;
    assert_eq!(refusal, json!({ "message": text }), "{frame}");
}

async fn everywhere(frames: &[&str], text: &str) {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let mut nobody = server.kaapehchat("nobody").await;
    for frame in frames {
        answered(&mut ines, frame, text).await;
        answered(&mut nobody, frame, text).await;
    }
    ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    refused(&mut nobody, "chat:list", json!({}), "No autenticado").await;
    ines.finish().await;
    nobody.finish().await;
    server.shutdown().await;
}

/// "not JSON": `error`, fixed text `JSON inválido`.
#[tokio::test]
async fn not_json() {
    let frames = [
        "",
        "hola",
        "{",
        r#"{"type":"hello","data":{}} x"#,
        "{'type':1}",
    ];
    everywhere(&frames, "JSON inválido").await;
}

/// "object without `type` or `data`".
#[tokio::test]
async fn object_without_type_or_data() {
    let frames = [
        "{}",
        r#"{"type":"hello"}"#,
        r#"{"data":{}}"#,
        r#"{"event":"a","data":{}}"#,
    ];
    everywhere(&frames, FORMAT).await;
}

/// §2 "frame": `type` is a string.
#[tokio::test]
async fn a_type_that_is_no_string() {
    let frames = [
        r#"{"type":1,"data":{}}"#,
        r#"{"type":null,"data":{}}"#,
        r#"{"type":{},"data":{}}"#,
    ];
    everywhere(&frames, FORMAT).await;
}

/// "number, null".
#[tokio::test]
async fn number_or_null() {
    everywhere(&["7", "-1.5e3", "null", "true"], FORMAT).await;
}

/// "array or string containing the words": the socket stays open.
#[tokio::test]
async fn array_or_string_containing_the_words() {
    everywhere(&[r#"["type","data"]"#, r#""type data""#, "[]"], FORMAT).await;
}

/// "`data` not an object where fields are needed": treated as `{}`, so the
/// event's own missing-field error.
#[tokio::test]
async fn data_that_is_no_object() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    for data in ["null", "7", "[]", r#""chatId""#, "true"] {
        for (kind, text) in [
            ("hello", "Falta token"),
            ("message:list", "Falta chatId"),
            ("chat:createDirect", "Falta userId"),
            ("group:create", "Falta title"),
            ("group:invite", "Faltan campos"),
            ("room:join", "Falta chatId"),
            ("message:send", "Faltan campos"),
            ("presence:update", "Estado inválido"),
            ("rtc:signal", "Señal RTC inválida"),
        ] {
            let frame = format!(r#"{{"type":"{kind}","data":{data}}}"#);
            answered(&mut ines, &frame, text).await;
        }
        for (kind, text) in [
            ("auth:register", "Faltan campos"),
            ("auth:login", "Faltan credenciales"),
        ] {
            ines.send_text(&format!(r#"{{"type":"{kind}","data":{data}}}"#))
                .await;
            let refusal = ines.expect("auth:error").await;
            assert_eq!(refusal, json!({ "message": text }));
        }
        ines.send_text(&format!(
            r#"{{"type":"user:findByUsername","data":{data}}}"#
        ))
        .await;
        let nobody = ines.expect("user:notFound").await;
        assert_eq!(nobody, json!({ "username": "" }));
        ines.send_text(&format!(r#"{{"type":"chat:list","data":{data}}}"#))
            .await;
        ines.expect("chat:list:ok").await;
    }
    ines.finish().await;
    server.shutdown().await;
}

/// `reliability.md` §2, "JSON depth / members of an object".
#[tokio::test]
async fn json_that_is_too_complex() {
    let deep = format!(
        r#"{{"type":"x","data":{}{}}}"#,
        "[".repeat(32),
        "]".repeat(32)
    );
    let bomb = "[".repeat(500_000);
    let wide: Vec<_> = (0..300).map(|n| format!(r#""{n}":0"#)).collect();
    let wide = format!(r#"{{"type":"x","data":{{{}}}}}"#, wide.join(","));
    everywhere(&[&deep, &bomb, &wide], "JSON demasiado complejo").await;
}
