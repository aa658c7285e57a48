//! Links to files of this server in `url_archivo` (`design.md` §7): kept as the
//! file, signed anew whenever they are told.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tertulia_testkit::{Form, SocketIoClient, TestServer, path_of};

use super::{send, text, to};

/// A text file of this account: its link.
async fn upload(server: &TestServer, token: &str) -> String {
    let form = Form::default().typed_file("file", "nota.txt", "text/plain", b"hola a todos");
    let http = server.http().bearer(token);
    let request = http.request(Method::POST, "/v1/files").form(form);
    let answer = request.send().await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    text(&answer.json()["url"])
}

async fn enter(server: &TestServer, name: &str, token: &str) -> SocketIoClient {
    let mut client = server
        .socketio_visitor(name, &format!("token={token}"))
        .await;
    client.enter(&Value::Null).await;
    client
}

#[tokio::test]
async fn a_link_of_ours_becomes_the_file_and_is_fresh_again() {
    let server = TestServer::spawn().await;
    let (ana, beto) = (
        server.http().v1_register("ana").await,
        server.http().v1_register("beto").await,
    );
    let mut a = enter(&server, "A", &ana.token).await;
    let mut b = enter(&server, "B", &beto.token).await;
    let mut laptop = server.v1_socket("laptop", &beto.token).await;
    let link = upload(&server, &ana.token).await;

    let mut message = to("beto", &ana.id, "");
    message["url_archivo"] = link.clone().into();
    message["message_type"] = "archivo".into();
    let ack = send(&mut a, message.clone(), false).await;
    let heard = b.expect("receive_message").await;
    assert_eq!(heard["message"], "");
    let told = text(&heard["url_archivo"]);
    assert!(told.contains("signature="), "{told}");
    let content = server.http().get(path_of(&told)).await;
    assert_eq!(content.text(), "hola a todos");
    laptop.expect("room").await;
    let shown = laptop.expect("message").await;
    assert_eq!(shown["message"]["files"][0]["name"], "nota.txt");

    // Whoever may see the file passes it on, by the link that was told.
    let mut forward = to("ana", &beto.id, "te lo devuelvo");
    forward["url_archivo"] = told.into();
    send(&mut b, forward, false).await;
    assert!(a.expect("receive_message").await["url_archivo"].is_string());
    laptop.expect("message").await;

    let body = json!({ "sala_uuid": ack["sala_uuid"] });
    let history = a
        .ask("load_message_history", body, "message_history_loaded")
        .await;
    for said in history["messages"].as_array().into_iter().flatten() {
        assert!(text(&said["url_archivo"]).contains("signature="));
    }

    // The later sends call it `file_url`.
    let later = json!({"sender_id": ana.id, "recipient_id": "beto", "file_url": link});
    a.ask("send_direct_message", later, "ack").await;
    let told = text(&b.expect("receive_message").await["url_archivo"]);
    let content = server.http().get(path_of(&told)).await;
    assert_eq!(content.text(), "hola a todos");
    laptop.expect("message").await;

    // Nobody else may attach it.
    let eva = server.http().v1_register("eva").await;
    let mut e = enter(&server, "E", &eva.token).await;
    let mut stolen = to("ana", &eva.id, "mira");
    stolen["url_archivo"] = link.into();
    e.send_refused("send_message", stolen, "Ese archivo no existe")
        .await;
    for client in [a, b, e] {
        client.finish().await;
    }
    laptop.finish().await;
    server.shutdown().await;
}

/// `message_type` and `url_archivo` of what was said with a file elsewhere: `imagen`,
/// `archivo`, `audio`; also in the history.
#[tokio::test]
async fn files_of_other_dialects_are_shown() {
    const MP3: &[u8] = b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR";
    let server = TestServer::spawn().await;
    let (ana, beto) = (
        server.http().v1_register("ana").await,
        server.http().v1_register("beto").await,
    );
    let mut b = enter(&server, "B", &beto.token).await;
    let http = server.http().bearer(&ana.token);
    let other = json!({"kind": "direct", "members": [beto.id]});
    let room = http.post("/v1/rooms", &other).await.json();
    let sala = text(&room["uuid"]);
    let messages = format!("/v1/rooms/{}/messages", text(&room["id"]));
    let izpochat = format!("/api/rooms/{}/messages", text(&room["id"]));
    let mut expected = Vec::new();
    for (name, content, kind) in [
        ("foto.png", PNG, "imagen"),
        ("nota.txt", &b"hola"[..], "archivo"),
        ("voz.mp3", MP3, "audio"),
    ] {
        let form = Form::default().file("file", name, content);
        let request = http.request(Method::POST, "/api/uploads/").form(form);
        let file = request.send().await.json();
        let id = &file["id"];
        let alone = json!({"file_ids": [id.to_string()]});
        assert_eq!(http.post(&messages, &alone).await.status, 201);
        let with_words = json!({"content": name, "file_id": id});
        assert_eq!(http.post(&izpochat, &with_words).await.status, 201);
        expected.push((kind, String::new(), content));
        expected.push((kind, name.to_owned(), content));
    }
    let mut told = Vec::new();
    for _ in &expected {
        told.push(b.expect("receive_message").await);
    }
    let body = json!({ "sala_uuid": sala });
    let history = b
        .ask("load_message_history", body, "message_history_loaded")
        .await;
    told.extend(history["messages"].as_array().cloned().unwrap_or_default());
    assert_eq!(told.len(), 2 * expected.len());
    for (told, (kind, words, content)) in told.iter().zip(expected.iter().cycle()) {
        assert_eq!(told["message_type"], *kind, "{told}");
        assert_eq!(told["message"], **words, "{told}");
        let url = text(&told["url_archivo"]);
        let shown = server.http().get(path_of(&url)).await;
        assert_eq!(&*shown.body, *content);
    }
    b.finish().await;
    server.shutdown().await;
}
