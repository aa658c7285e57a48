//! Section 3, REST, `/api/rooms/{id}/messages`.

use http::{Method, header};
use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::{check_detail, check_fields, enter, expect, person, room, text};

/// GET: `skip`=0, `limit`=50, newest first; 403, 404 (see `rooms`).
#[tokio::test]
async fn history_is_newest_first() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let path = format!("/api/rooms/{id}/messages");
    for number in 1..=52 {
        let said = json!({"content": number.to_string(), "room_id": id});
        assert_eq!(lidia.post(&path, &said).await.status, 201);
    }
    let page = async |query: &str| {
        let found = lidia.get(&format!("{path}{query}")).await;
        assert_eq!(found.status, 200);
        let found = found.json();
        let found = found.as_array().unwrap();
        found
            .iter()
            .map(|message| text(&message["content"]))
            .collect::<Vec<_>>()
    };
    let all = page("").await;
    assert_eq!(all.len(), 50);
    assert_eq!((&*all[0], &*all[49]), ("52", "3"));
    assert_eq!(page("?skip=50&limit=50").await, ["2", "1"]);
    assert_eq!(page("?skip=1&limit=2").await, ["51", "50"]);
    assert!(page("?skip=99").await.is_empty());
    server.shutdown().await;
}

/// POST: 201 Message; 400 `Room ID mismatch`; 403, 404, 422. `room_id` may be absent.
#[tokio::test]
async fn saying_something_without_a_socket() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let path = format!("/api/rooms/{id}/messages");
    for body in [
        json!({"content": "hola", "room_id": id}),
        json!({"content": "hola", "room_id": id.to_string(), "file_id": null}),
        json!({"content": " hola "}),
    ] {
        let sent = bruno.post(&path, &body).await;
        assert_eq!(sent.status, 201, "{body}: {}", sent.text());
        let sent = sent.json();
        assert_eq!(sent["content"], "hola");
        assert_eq!(sent["room_id"], id);
        assert_eq!(
            sent["sender"]["id"], bruno.id,
            "a public room asks for no membership"
        );
        assert_eq!(sent["room"]["id"], id);
    }
    let other = bruno
        .post(&path, &json!({"content": "x", "room_id": id + 1}))
        .await;
    check_detail(&other, 400, "Room ID mismatch");
    check_fields(
        &bruno.post(&path, &json!({})).await,
        &[("body.content", "missing")],
    );
    let private = room(&lidia, "Plan", true).await;
    let content = json!({"content": "x"});
    let denied = bruno
        .post(&format!("/api/rooms/{private}/messages"), &content)
        .await;
    check_detail(&denied, 403, "Access denied to this room");
    let missing = bruno.post("/api/rooms/777/messages", &content).await;
    check_detail(&missing, 404, "Room not found");
    let long = json!({"content": "x".repeat(20_001)});
    check_fields(
        &bruno.post(&path, &long).await,
        &[("body.content", "string_too_long")],
    );
    server.shutdown().await;
}

/// Leniency: "the app's HTTP fallback posts the bare text as `text/plain`".
#[tokio::test]
async fn the_apps_fallback_is_a_bare_text() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let path = format!("/api/rooms/{id}/messages");
    let post = async |content_type: &str, body: &str| {
        let request = lidia.http.request(Method::POST, &path);
        let request = request.header(header::CONTENT_TYPE, content_type);
        request.body(body.to_owned()).send().await
    };
    let sent = post("text/plain;charset=UTF-8", "¿Empezamos?").await;
    assert_eq!(sent.status, 201);
    assert_eq!(sent.json()["content"], "¿Empezamos?");
    check_detail(&post("text/plain", "  ").await, 400, "Mensaje vacío");
    for (content_type, body, kind) in [
        (
            "application/x-www-form-urlencoded",
            "content=x",
            "model_attributes_type",
        ),
        ("application/json", "", "missing"),
        ("application/json", "\"x\"", "model_attributes_type"),
    ] {
        check_fields(&post(content_type, body).await, &[("body", kind)]);
    }
    let malformed = post("application/json", "{").await;
    check_fields(&malformed, &[("body.0", "json_invalid")]);
    let large = post("application/json", &"x".repeat(300_000)).await;
    assert_eq!(large.status, 413);
    server.shutdown().await;
}

/// Section 6: "REST messages do not reach sockets; empty REST message accepted" →
/// broadcast as `message`; 400 `Mensaje vacío`.
#[tokio::test]
async fn what_is_said_over_rest_reaches_the_sockets() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    let path = format!("/api/rooms/{id}/messages");
    let sent = lidia.post(&path, &json!({"content": "hola"})).await.json();
    let heard = expect(&mut socket, "message").await;
    assert_eq!(heard["id"], sent["id"]);
    assert_eq!(
        heard["sender"],
        json!({
            "id": lidia.id, "username": "lidia", "full_name": "lidia Ruiz",
        })
    );
    assert_eq!(heard["file_id"], Value::Null);
    assert!(heard.get("file").is_none());
    for empty in ["", "   "] {
        let refused = lidia.post(&path, &json!({"content": empty})).await;
        check_detail(&refused, 400, "Mensaje vacío");
    }
    crate::nothing_else(&mut socket).await;
    socket.finish().await;
    server.shutdown().await;
}
