//! Section 7, frame by frame.

use serde_json::json;
use tertulia_testkit::{PDF, TestServer};

use crate::{check, check_detail, nothing_else, person, refused, text};

#[tokio::test]
async fn the_example_session() {
    let server = TestServer::spawn().await;
    let account = json!({
        "username": "lidia", "email": "lidia@mail.example.com",
        "password": "s3creta!", "full_name": "Lidia Ruiz",
    });
    let made = server.http().post("/api/users/register", &account).await;
    assert_eq!(made.status, 201);
    insta::assert_snapshot!(made.text(), @r#"{"username":"lidia","email":"lidia@mail.example.com","full_name":"Lidia Ruiz","id":1,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null}"#);
    let login = json!({"username": "lidia", "password": "s3creta!"});
    let login = server.http().post("/api/users/login", &login).await;
    assert_eq!(login.status, 200);
    let body = login.json();
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body.as_object().unwrap().len(), 2);
    let token = body["access_token"].as_str().unwrap().to_owned();
    let lidia = server.http().bearer(&token);
    let bruno = person(&server, "bruno").await;

    let asked = json!({"name": "Ensayo", "is_private": false});
    let made = lidia.post("/api/rooms/", &asked).await;
    assert_eq!(made.status, 201);
    insta::assert_snapshot!(made.text(), @r#"{"name":"Ensayo","description":null,"is_private":false,"id":1,"owner_id":1,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null,"owner":{"username":"lidia","email":"lidia@mail.example.com","full_name":"Lidia Ruiz","id":1,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},"members":[{"username":"lidia","email":"lidia@mail.example.com","full_name":"Lidia Ruiz","id":1,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null}]}"#);
    let joined = json!({"message": "Successfully joined room", "room_id": 1});
    check(
        &bruno.post("/api/rooms/1/join", &json!({})).await,
        200,
        &joined,
    );
    let again = bruno.post("/api/rooms/1/join", &json!({})).await;
    check_detail(&again, 400, "User is already in this room");

    let mut a = server
        .socket("A", &format!("/api/ws/1?token={token}"), &[])
        .await;
    a.recv().await;
    a.recv().await;
    let path = format!("/api/ws/1?token={}", bruno.token);
    let mut b = server.socket("B", &path, &[]).await;
    a.recv().await;
    b.recv().await;
    b.recv().await;
    a.send_text(r#"{"type":"typing","typing":true}"#).await;
    b.recv().await;
    a.send_text(r#"{"type":"message","content":"¿Empezamos?","file_id":null}"#)
        .await;
    a.recv().await;
    b.recv().await;
    let mut score = PDF.to_vec();
    score.resize(5_120, b'\n');
    let file = bruno
        .upload("partitura.pdf", "application/pdf", &score)
        .await;
    // What the server makes up is shown as the contract shows it.
    let (url, stored) = (text(&file["public_url"]), text(&file["stored_filename"]));
    let as_shown = |told: String| told.replace(&url, "https://…").replace(&stored, "8c….pdf");
    insta::assert_snapshot!(as_shown(file.to_string()), @r#"{"original_filename":"partitura.pdf","stored_filename":"8c….pdf","file_size":5120,"content_type":"application/pdf","public_url":"https://…","id":1,"uploader_id":2,"uploaded_at":"2026-02-18T07:33:20.123000Z","uploader":{"username":"bruno","email":"bruno@mail.example.com","full_name":"bruno Ruiz","id":2,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},"filename":"partitura.pdf","file_url":"https://…","user_id":2}"#);
    let sent = json!({"content": "Aquí está", "room_id": 1, "file_id": 1});
    let sent = bruno.post("/api/rooms/1/messages", &sent).await;
    assert_eq!(sent.status, 201);
    insta::assert_snapshot!(as_shown(sent.text()), @r#"{"content":"Aquí está","room_id":1,"id":2,"sender_id":2,"file_id":1,"created_at":"2026-02-18T07:33:20.123000Z","sender":{"username":"bruno","email":"bruno@mail.example.com","full_name":"bruno Ruiz","id":2,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},"room":{"name":"Ensayo","description":null,"is_private":false,"id":1,"owner_id":1,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null,"owner":{"username":"lidia","email":"","full_name":"Lidia Ruiz","id":1,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},"members":[{"username":"lidia","email":"","full_name":"Lidia Ruiz","id":1,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},{"username":"bruno","email":"bruno@mail.example.com","full_name":"bruno Ruiz","id":2,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null}]},"file":{"original_filename":"partitura.pdf","stored_filename":"8c….pdf","file_size":5120,"content_type":"application/pdf","public_url":"https://…","id":1,"uploader_id":2,"uploaded_at":"2026-02-18T07:33:20.123000Z","uploader":{"username":"bruno","email":"bruno@mail.example.com","full_name":"bruno Ruiz","id":2,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},"filename":"partitura.pdf","file_url":"https://…","user_id":2}}"#);
    a.recv().await;
    b.recv().await;
    let history = bruno.get("/api/rooms/1/messages?skip=0&limit=50").await;
    assert_eq!(history.status, 200);
    let history = history.json();
    let history = history.as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0], sent.json(), "the newest first");
    assert_eq!(history[1]["content"], "¿Empezamos?");

    b.send_text(r#"{"type":"message","content":"   "}"#).await;
    b.recv().await;
    b.send_text(r#"{"type":"bailar"}"#).await;
    b.recv().await;
    b.send_text("hola").await;
    b.recv().await;
    b.send_text(r#"{"type":"ping"}"#).await;
    b.recv().await;
    b.finish().await;
    a.recv().await;
    insta::assert_snapshot!(as_shown(server.transcript().text()), @r#"
    A ← {"type":"welcome","message":"Conectado a la sala: Ensayo","room_id":1,"user_id":1,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    A ← {"type":"users_online","users":[1],"count":1,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    A ← {"type":"user_joined","user_id":2,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    B ← {"type":"welcome","message":"Conectado a la sala: Ensayo","room_id":1,"user_id":2,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    B ← {"type":"users_online","users":[1,2],"count":2,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    A → {"type":"typing","typing":true}
    B ← {"type":"typing","user_id":1,"username":"lidia","typing":true,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    A → {"type":"message","content":"¿Empezamos?","file_id":null}
    A ← {"type":"message","id":1,"content":"¿Empezamos?","room_id":1,"sender":{"id":1,"username":"lidia","full_name":"Lidia Ruiz"},"file_id":null,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    B ← {"type":"message","id":1,"content":"¿Empezamos?","room_id":1,"sender":{"id":1,"username":"lidia","full_name":"Lidia Ruiz"},"file_id":null,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    A ← {"type":"message","id":2,"content":"Aquí está","room_id":1,"sender":{"id":2,"username":"bruno","full_name":"bruno Ruiz"},"file_id":1,"timestamp":"2026-02-18T07:33:20.123000+00:00","file":{"id":1,"original_filename":"partitura.pdf","public_url":"https://…","content_type":"application/pdf","file_size":5120}}
    B ← {"type":"message","id":2,"content":"Aquí está","room_id":1,"sender":{"id":2,"username":"bruno","full_name":"bruno Ruiz"},"file_id":1,"timestamp":"2026-02-18T07:33:20.123000+00:00","file":{"id":1,"original_filename":"partitura.pdf","public_url":"https://…","content_type":"application/pdf","file_size":5120}}
    B → {"type":"message","content":"   "}
    B ← {"type":"error","message":"Mensaje vacío"}
    B → {"type":"bailar"}
    B ← {"type":"error","message":"Tipo de mensaje desconocido: bailar"}
    B → hola
    B ← {"type":"error","message":"Formato de mensaje inválido"}
    B → {"type":"ping"}
    B ← {"type":"pong","user_id":2,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    A ← {"type":"user_left","user_id":2,"timestamp":"2026-02-18T07:33:20.123000+00:00"}
    "#);

    assert_eq!(refused(&server, "/api/ws/1?token=garbage").await, 403);
    let missing = bruno.get("/api/rooms/777").await;
    check_detail(&missing, 404, "Room not found");
    nothing_else(&mut a).await;
    a.finish().await;
    server.shutdown().await;
}
