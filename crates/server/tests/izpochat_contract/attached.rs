//! Files in messages, over REST and in the socket: section 3's `Message` and
//! `message`, and what section 6 says of `file_id`.

use serde_json::{Value, json};
use tertulia_testkit::{PDF, PNG, TestServer, path_of};

use crate::{check_detail, check_fields, enter, expect, nothing_else, person, room, text};

/// POST `/api/rooms/{id}/messages` with `file_id`, and the `message` of its room:
/// `file` `{id, original_filename, public_url, content_type, file_size}`.
#[tokio::test]
async fn a_file_said_over_rest_reaches_sockets_and_history() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    let file = bruno.upload("partitura.pdf", "application/pdf", PDF).await;
    let path = format!("/api/rooms/{id}/messages");
    let said = json!({"content": "Aquí está", "room_id": id, "file_id": file["id"]});
    let sent = bruno.post(&path, &said).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let sent = sent.json();
    assert_eq!(sent["file_id"], file["id"]);
    let mut shown = file.clone();
    assert_eq!(sent["file"], shown);

    let heard = expect(&mut socket, "message").await;
    assert_eq!(heard["file_id"], file["id"]);
    let frame = json!({
        "id": 1, "original_filename": "partitura.pdf", "public_url": file["public_url"],
        "content_type": "application/pdf", "file_size": PDF.len(),
    });
    assert_eq!(heard["file"], frame);
    let linked = server
        .http()
        .get(path_of(&text(&heard["file"]["public_url"])))
        .await;
    assert_eq!(&*linked.body, PDF);

    let history = lidia.get(&path).await.json();
    shown["uploader"]["email"] = json!("");
    assert_eq!(history[0]["file"], shown);
    assert_eq!(history[0]["content"], "Aquí está");
    socket.finish().await;
    server.shutdown().await;
}

/// `message` `{content, file_id}` in the socket: "one of the two non-empty".
#[tokio::test]
async fn a_file_needs_no_words() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    lidia.upload("foto.png", "image/png", PNG).await;
    for frame in [
        json!({"type": "message", "content": "", "file_id": 1}),
        json!({"type": "message", "file_id": 1}),
        json!({"content": "  ", "file_id": 1}),
    ] {
        socket.send(&frame).await;
        let heard = expect(&mut socket, "message").await;
        assert_eq!(heard["content"], "");
        assert_eq!(heard["file"]["original_filename"], "foto.png");
    }
    let path = format!("/api/rooms/{id}/messages");
    let sent = lidia
        .post(&path, &json!({"content": "", "file_id": "1"}))
        .await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(expect(&mut socket, "message").await["file_id"], 1);
    nothing_else(&mut socket).await;
    socket.finish().await;
    server.shutdown().await;
}

/// Section 6: "any `file_id` may be attached" → only own files (or already visible
/// in a room one can read): `error` `Archivo no encontrado`.
#[tokio::test]
async fn only_files_that_one_may_see_are_attached() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &bruno, id).await;
    lidia.upload("foto.png", "image/png", PNG).await;
    let path = format!("/api/rooms/{id}/messages");
    for file in [json!(1), json!(777), json!(-1), json!(i64::MAX)] {
        let message = json!({"type": "message", "content": "mira", "file_id": file});
        socket.send(&message).await;
        let refused = expect(&mut socket, "error").await;
        assert_eq!(refused["message"], "Archivo no encontrado", "{file}");
        let refused = bruno.post(&path, &message).await;
        check_detail(&refused, 404, "Archivo no encontrado");
    }
    let wrong = bruno
        .post(&path, &json!({"content": "", "file_id": "x"}))
        .await;
    check_fields(&wrong, &[("body.file_id", "int_type")]);

    // What its owner has shown in a room, its readers pass on.
    let shown = json!({"content": "mía", "file_id": 1});
    assert_eq!(lidia.post(&path, &shown).await.status, 201);
    expect(&mut socket, "message").await;
    let passed_on = json!({"type": "message", "content": "de Lidia", "file_id": 1});
    socket.send(&passed_on).await;
    let heard = expect(&mut socket, "message").await;
    assert_eq!(heard["file"]["original_filename"], "foto.png");
    let history = bruno.get(&path).await.json();
    assert_eq!(history[0]["sender_id"], bruno.id);
    assert_eq!(history[0]["file"]["uploader_id"], lidia.id);
    nothing_else(&mut socket).await;
    socket.finish().await;
    server.shutdown().await;
}

/// A private room's files are its members': whoever left sees them no more.
#[tokio::test]
async fn a_file_is_seen_as_long_as_its_room_is_read() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let id = room(&lidia, "Plan", true).await;
    lidia.upload("foto.png", "image/png", PNG).await;
    let said = json!({"content": "", "file_id": 1});
    let messages = format!("/api/rooms/{id}/messages");
    assert_eq!(lidia.post(&messages, &said).await.status, 201);
    let sees = async || bruno.get("/api/uploads/1").await.status.as_u16();
    assert_eq!(sees().await, 404);
    let invite = json!({"user_id": bruno.id});
    lidia
        .post(&format!("/api/rooms/{id}/invite"), &invite)
        .await;
    bruno
        .post(&format!("/api/rooms/{id}/join"), &json!({}))
        .await;
    assert_eq!(sees().await, 200);
    bruno
        .post(&format!("/api/rooms/{id}/leave"), &json!({}))
        .await;
    assert_eq!(sees().await, 404);
    server.shutdown().await;
}

/// A file of `/v1` is an IzpoChat file, and the other way round.
#[tokio::test]
async fn files_are_the_same_in_both() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    let (mut socket, _) = enter(&server, &lidia, id).await;
    lidia.upload("foto.png", "image/png", PNG).await;
    let own = lidia.get("/v1/files/1").await.json();
    assert_eq!(own["name"], "foto.png");
    let several = json!({"file_ids": ["1"], "text": "desde v1"});
    let sent = lidia
        .post(&format!("/v1/rooms/{id}/messages"), &several)
        .await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let heard = expect(&mut socket, "message").await;
    assert_eq!(
        (text(&heard["content"]), &heard["file_id"]),
        ("desde v1".to_owned(), &json!(1))
    );
    let shown = &sent.json()["files"][0];
    assert_eq!(shown["name"], heard["file"]["original_filename"]);
    assert_ne!(shown["url"], Value::Null);
    socket.finish().await;
    server.shutdown().await;
}
