//! "media by multipart": what people see and hear, sent over HTTP (contract §3,
//! `send_message` and `Message`; §6, "media: any content type, no size limit").

use http::Method;
use serde_json::{Value, json};
use tertulia_testkit::{Form, HttpResponse, PDF, PNG, TestServer, path_of};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Person, answers, expect, nothing_else, pair, person, private_chat, text};

const MP3: &[u8] = b"ID3\x04\x00\x00\x00\x00\x00\x00 some sound";
const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isommp41 a film";

async fn send(person: &Person, chat: &str, form: Form) -> HttpResponse {
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let request = person.http.request(Method::POST, &path);
    request.form(form).send().await
}

/// Sends what is taken; the message.
async fn sent(person: &Person, chat: &str, form: Form) -> Value {
    let answer = send(person, chat, form).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn history(person: &Person, chat: &str) -> Vec<Value> {
    let path = format!("/api/messaging/chats/{chat}/messages/");
    let mut page = person.http.get(&path).await.json();
    page["results"].take().as_array().cloned().unwrap()
}

async fn stored_files(person: &Person) -> usize {
    let page = person.http.get("/v1/files").await.json();
    page["items"].as_array().unwrap().len()
}

/// "`image`, `video`, `audio` | address or null"; "Media go over REST only, so
/// REST sends must be broadcast as `chat_message`".
#[tokio::test]
async fn media_come_with_their_message_and_are_told_on_the_sockets() {
    let server = TestServer::spawn().await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    for (field, name, content) in [
        ("image", "gol.png", PNG),
        ("video", "gol.mp4", MP4),
        ("audio", "gol.mp3", MP3),
    ] {
        let form = Form::default()
            .text("content", "")
            .text("message_type", field)
            .file(field, name, content);
        let message = sent(&vale, &chat, form).await;
        assert_eq!(message["message_type"], field);
        assert_eq!(message["content"], "");
        for other in ["image", "video", "audio"] {
            assert_eq!(message[other].is_string(), other == field, "{message}");
        }
        assert_eq!(
            (
                &message["file_url"],
                &message["file_name"],
                &message["file_size"]
            ),
            (&json!(""), &json!(""), &Value::Null)
        );
        for socket in [&mut a, &mut b] {
            let mut told = expect(socket, "chat_message").await["message"].take();
            told["is_read"] = json!(true);
            assert_eq!(told, message);
        }
        assert_eq!(history(&vale, &chat).await[0], message);
        // Whoever has the link sees it: an `<img>` sends no token.
        let got = server.http().get(path_of(&text(&message[field]))).await;
        assert_eq!((got.status.as_u16(), &*got.body), (200, content));
    }
    // Words and kind may stand beside it or be missing.
    let bare = sent(&memo, &chat, Form::default().file("image", "a.png", PNG)).await;
    assert_eq!(
        (&bare["message_type"], &bare["content"]),
        (&json!("image"), &json!(""))
    );
    let words = Form::default()
        .text("content", " ¡Golazo! ")
        .file("image", "a.png", PNG);
    assert_eq!(sent(&memo, &chat, words).await["content"], "¡Golazo!");
    for _ in 0..2 {
        expect(&mut a, "chat_message").await;
        expect(&mut b, "chat_message").await;
    }
    server.shutdown().await;
}

/// "`file_url`, `file_name` … `file_size`": an own link that a client sends back
/// is kept as the file, however old it is, and made anew each time.
#[tokio::test]
async fn own_links_sent_back_are_signed_anew() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let first = sent(&vale, &chat, Form::default().file("image", "gol.png", PNG)).await;
    let old = text(&first["image"]);
    server.advance(std::time::Duration::from_secs(60 * 60 * 24 * 3));
    assert_eq!(
        server
            .http()
            .get(path_of(&text(&first["image"])))
            .await
            .status,
        404
    );

    let call = format!("/api/messaging/chats/{chat}/send_message/");
    let memo_now = server.http();
    let login = json!({ "login": "memo", "password": super::PASSWORD });
    let login = memo_now.post("/api/auth/login/", &login).await.json();
    let memo_now = memo_now.bearer(&text(&login["access"]));
    let body = json!({ "content": "", "message_type": "file", "file_url": old });
    let passed_on = memo_now.post(&call, &body).await;
    assert_eq!(passed_on.status, 201, "{}", passed_on.text());
    let passed_on = passed_on.json();
    assert_eq!(
        (
            &passed_on["message_type"],
            &passed_on["image"],
            &passed_on["file_name"],
            &passed_on["file_size"],
        ),
        (
            &json!("file"),
            &Value::Null,
            &json!("gol.png"),
            &json!(PNG.len())
        )
    );
    let got = server
        .http()
        .get(path_of(&text(&passed_on["file_url"])))
        .await;
    assert_eq!((got.status.as_u16(), &*got.body), (200, PNG));

    // As a picture it stands where pictures stand.
    let body = json!({ "content": "otra vez", "image": old });
    let again = memo_now.post(&call, &body).await.json();
    assert_eq!(again["message_type"], "image");
    assert_eq!(
        server
            .http()
            .get(path_of(&text(&again["image"])))
            .await
            .status,
        200
    );
    // An address elsewhere stays as it is, whatever else comes along.
    let body = json!({
        "content": "y más", "image": old, "file_url": "https://liga.test/a.pdf", "file_name": "a",
    });
    let both = memo_now.post(&call, &body).await.json();
    assert!(both["image"].is_string());
    assert_eq!(
        (&both["file_url"], &both["file_name"], &both["file_size"]),
        (&json!("https://liga.test/a.pdf"), &json!("a"), &Value::Null)
    );
    for socket in [&mut a, &mut b] {
        socket.forget_unread();
    }
    server.shutdown().await;
}

/// "400 by field"; "media: any content type, no size limit: limit and sniff".
/// What is refused leaves nothing.
#[tokio::test]
async fn wrong_media_are_refused_by_field_and_leave_nothing() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_FILE_BYTES", "1 KiB")
        .spawn()
        .await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    let stranger = person(&server, "ceci").await;
    let form = Form::default;
    let type_refused = json!({ "image": ["El tipo de archivo no está permitido."] });
    let large = [PNG, &[0; 2_000]].concat();
    let foreign = Form::default().file("image", "suyo.png", PNG);
    let elsewhere = private_chat(&memo, &stranger).await;
    let hidden = text(&sent(&stranger, &elsewhere, foreign).await["image"]);
    for (form, status, expected) in [
        (
            form().file("image", "gol.png", b"<script>alert(1)</script>"),
            400,
            type_refused.clone(),
        ),
        (form().file("image", "gol.exe", PNG), 400, type_refused),
        (
            form().file("image", "gol.png", b""),
            400,
            json!({ "image": ["El archivo está vacío."] }),
        ),
        (
            form().file("image", "gol.png", &large),
            413,
            json!({ "image": ["El archivo es demasiado grande."] }),
        ),
        (
            form().file("image", "acta.pdf", PDF),
            400,
            json!({ "image": ["Adjunta una imagen válida."] }),
        ),
        (
            form().file("video", "gol.png", PNG),
            400,
            json!({ "video": ["Adjunta un video válido."] }),
        ),
        (
            form()
                .file("image", "a.png", PNG)
                .file("audio", "gol.mp4", MP4),
            400,
            json!({ "audio": ["Adjunta un audio válido."] }),
        ),
        (
            form().text("image", "https://liga.test/gol.png"),
            400,
            json!({ "image": ["La información enviada no era un archivo."] }),
        ),
        (
            form().text("file_url", &hidden),
            400,
            json!({ "file_url": ["El archivo no existe."] }),
        ),
        (
            form().file("image", "a.png", PNG).text("reply_to", "nada"),
            400,
            json!({ "reply_to": ["El mensaje de respuesta debe pertenecer al mismo chat."] }),
        ),
        (
            form()
                .file("image", "a.png", PNG)
                .text("message_type", "system"),
            400,
            json!({ "message_type": ["Tipo de mensaje inválido"] }),
        ),
        (
            form().text("content", " "),
            400,
            json!({ "content": ["Este campo no puede estar en blanco."] }),
        ),
        (
            form(),
            400,
            json!({ "content": ["Este campo es requerido."] }),
        ),
        (
            (0..11).fold(form(), |form, _| form.file("image", "a.png", PNG)),
            400,
            json!({ "non_field_errors": ["Demasiados archivos."] }),
        ),
    ] {
        answers(&send(&vale, &chat, form).await, status, &expected);
        assert_eq!(stored_files(&vale).await, 0, "after {expected}");
    }
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let broken = vale.http.request(Method::POST, &path);
    let broken = broken
        .header(
            http::header::CONTENT_TYPE,
            "multipart/form-data; boundary=x",
        )
        .body("--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n")
        .send()
        .await;
    answers(
        &broken,
        400,
        &json!({ "detail": "El formulario no se pudo leer." }),
    );
    let outside = send(&stranger, &chat, form().file("image", "a.png", PNG)).await;
    answers(
        &outside,
        403,
        &json!({ "error": "No eres participante de este chat" }),
    );
    assert_eq!(stored_files(&stranger).await, 1, "her own, elsewhere");
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// S15: what is refused leaves nothing, also when nobody waits for the answer.
#[tokio::test]
async fn refused_media_go_when_their_sender_hangs_up() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let until = async |is_met: &dyn Fn(usize) -> bool, what: &str| {
        let counted = async { while !is_met(stored_files(&vale).await) {} };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), counted).await;
        assert!(in_time.is_ok(), "{what} were expected");
    };
    let mut begun = format!(
        "POST /api/messaging/chats/{chat}/send_message/ HTTP/1.1\r\nHost: x\r\n\
         Authorization: Bearer {}\r\nContent-Type: multipart/form-data; boundary=x\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        vale.access
    )
    .into_bytes();
    let mut chunk = |part: &[u8]| {
        begun.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        begun.extend_from_slice(part);
        begun.extend_from_slice(b"\r\n");
    };
    let head = "--x\r\nContent-Disposition: form-data; name=";
    for _ in 0..10 {
        let picture = format!("{head}\"image\"; filename=\"a.png\"\r\n\r\n");
        chunk(&[picture.as_bytes(), PNG, b"\r\n"].concat());
    }
    chunk(head.as_bytes());
    let end = "\"message_type\"\r\n\r\nsystem\r\n--x--\r\n";
    let end = format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len());
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(&begun).await.unwrap();
    until(&|count| count == 10, "ten files").await;
    socket.write_all(end.as_bytes()).await.unwrap();
    until(&|count| count < 10, "fewer files").await;
    drop(socket);
    until(&|count| count == 0, "no files").await;
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// "`avatar_url`": a picture that lies here is shown by a link that has not ended.
#[tokio::test]
async fn a_picture_of_a_person_is_signed_anew() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let upload = vale.http.request(Method::POST, "/v1/files");
    let upload = upload.form(Form::default().file("file", "yo.png", PNG));
    let picture = upload.send().await.json()["url"].take();
    let patch = json!({ "avatar_url": picture });
    assert_eq!(vale.http.patch("/v1/me", &patch).await.status, 200);
    server.advance(std::time::Duration::from_secs(60 * 60 * 24 * 3));
    let login = json!({ "login": "vale", "password": super::PASSWORD });
    let login = server.http().post("/api/auth/login/", &login).await.json();
    let vale = server.http().bearer(&text(&login["access"]));
    let send = format!("/api/messaging/chats/{chat}/send_message/");
    let sent = vale.post(&send, &json!({ "content": "hola" })).await.json();
    let shown = vale
        .get(&format!("/api/messaging/chats/{chat}/"))
        .await
        .json();
    let mut told = Vec::new();
    for socket in [&mut a, &mut b] {
        socket.forget_unread();
    }
    for profile in [
        &login["user"],
        &sent["sender"],
        &shown["participants"][0]["user"],
    ] {
        told.push(profile["avatar_url"].clone());
    }
    for link in told {
        assert_eq!(
            server.http().get(path_of(&text(&link))).await.status,
            200,
            "{link}"
        );
    }
    server.shutdown().await;
}

/// What other dialects attach is shown where this contract has a place for it;
/// what its owner removes is gone from it.
#[tokio::test]
async fn files_of_other_dialects_are_shown() {
    let server = TestServer::spawn().await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    let mut ids = Vec::new();
    for (name, content) in [
        ("a.png", PNG),
        ("b.png", PNG),
        ("acta.pdf", PDF),
        ("g.mp3", MP3),
    ] {
        let upload = vale.http.request(Method::POST, "/v1/files");
        let upload = upload.form(Form::default().file("file", name, content));
        ids.push(text(&upload.send().await.json()["id"]));
    }
    let rooms = vale.http.get("/v1/rooms").await.json();
    let room = text(&rooms["items"][0]["id"]);
    let say = format!("/v1/rooms/{room}/messages");
    for (files, kind, shown) in [
        (
            vec![&ids[0], &ids[2]],
            "image",
            ["image", "file_url"].as_slice(),
        ),
        (vec![&ids[2]], "file", &["file_url"]),
        (
            vec![&ids[0], &ids[1], &ids[3]],
            "image",
            &["image", "audio", "file_url"],
        ),
    ] {
        let said = vale.http.post(&say, &json!({ "file_ids": files })).await;
        assert_eq!(said.status, 201, "{}", said.text());
        let told = expect(&mut a, "chat_message").await;
        assert_eq!(expect(&mut b, "chat_message").await, told);
        let message = &told["message"];
        assert_eq!(message["message_type"], kind);
        for field in ["image", "video", "audio", "file_url"] {
            let is_there = message[field].as_str().is_some_and(|link| !link.is_empty());
            assert_eq!(is_there, shown.contains(&field), "{field}: {message}");
        }
    }
    let listed = history(&memo, &chat).await;
    assert_eq!(listed[1]["file_name"], "acta.pdf");
    assert_eq!(listed[1]["file_size"], PDF.len());
    assert_eq!(
        vale.http
            .delete(&format!("/v1/files/{}", ids[2]))
            .await
            .status,
        204
    );
    let listed = history(&memo, &chat).await;
    assert_eq!(
        (
            &listed[1]["file_url"],
            &listed[1]["file_name"],
            &listed[1]["file_size"]
        ),
        (&json!(""), &json!(""), &Value::Null)
    );
    server.shutdown().await;
}
