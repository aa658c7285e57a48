//! What ill-meaning people send and ask for (issue 4, criterion 3; S13 to S16):
//! through every door by which files come in, each is refused or served so that
//! it can do no harm.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, header};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::{HttpResponse, PNG, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{BOUNDARY, Person, form, person, text};

const HTML: &[u8] = b"<!doctype html><script>alert(document.domain)</script>";
const GIF_JS: &[u8] = b"GIF89a/*\x01\x00\x01\x00*/=1;alert(document.domain)//;";
const PDF_HTML: &[u8] = b"%PDF-1.7\n<html><script>alert(1)</script></html>\n%%EOF";
const JPEG_ZIP: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\
                          PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.txt";
const ZIP: &[u8] =
    b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x05\0\0\0a.txt";
const MP3_HTML: &[u8] = b"ID3\x04\0\0\0\0\0\0<html><script>alert(1)</script>";
const SVG: &[u8] = b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" \
                     onload=\"alert(1)\"><script>alert(2)</script></svg>";
const SVG_ENTITIES: &[u8] = b"<!DOCTYPE svg [<!ENTITY a \"ja\"><!ENTITY b \"&a;&a;&a;&a;\">]>\
                              <svg xmlns=\"http://www.w3.org/2000/svg\"><text>&b;</text></svg>";
const XML_XSLT: &[u8] = b"<?xml version=\"1.0\"?><?xml-stylesheet href=\"#x\"?><html \
                          xmlns=\"http://www.w3.org/1999/xhtml\"><script>alert(1)</script></html>";

/// A way in.
#[derive(Clone, Copy)]
enum Door {
    /// `POST /v1/files`.
    Form,
    /// `/v1/files/tus`.
    Tus,
    /// IzpoChat's `POST /api/uploads/`.
    Izpo,
    /// SOS-Habilidoso's `send_message`, with a picture.
    Sos,
    /// UPRed's `POST /upload/image`, which takes pictures only, and refuses with
    /// 400 whatever the file is.
    Upred,
}

/// Where somebody sends files to.
struct Sender {
    ines: Person,
    /// A chat of theirs.
    chat: String,
}

impl Sender {
    async fn new(server: &TestServer) -> Self {
        let ines = person(server.http(), "ines").await;
        let luis = person(server.http(), "luis").await;
        let direct = json!({"kind": "direct", "members": [luis.id]});
        let room = ines.http.post("/v1/rooms", &direct).await.json();
        let chat = text(&room["uuid"]);
        Self { ines, chat }
    }

    /// Sends a file by a door: the answer, and the file that was made of it.
    async fn send(&self, door: Door, name: &[u8], content: &[u8]) -> (HttpResponse, Option<Value>) {
        let before = self.ines.list().await;
        let answer = match door {
            Door::Form => self.send_form("/v1/files", "file", name, content).await,
            Door::Izpo => self.send_form("/api/uploads/", "file", name, content).await,
            Door::Sos => {
                let path = format!("/api/messaging/chats/{}/send_message/", self.chat);
                self.send_form(&path, "image", name, content).await
            }
            Door::Tus => self.send_by_tus(name, content).await,
            Door::Upred => self.send_form("/upload/image", "file", name, content).await,
        };
        // A page, the newest first.
        let files = self.ines.list().await;
        let newest_before = before.first().map(|file| &file["id"]);
        let is_made = files.first().map(|file| &file["id"]) != newest_before;
        let others = &files[usize::from(is_made)..];
        assert_eq!(others.first().map(|file| &file["id"]), newest_before);
        let made = is_made.then(|| files[0].clone());
        assert_eq!(
            made.is_some(),
            answer.status.is_success(),
            "{}",
            answer.text()
        );
        (answer, made)
    }

    /// The name goes into the form as it is.
    async fn send_form(
        &self,
        path: &str,
        field: &str,
        name: &[u8],
        content: &[u8],
    ) -> HttpResponse {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; ");
        let end = format!("\r\n--{BOUNDARY}--\r\n");
        let body = [
            head.as_bytes(),
            b"filename=\"",
            name,
            b"\"\r\nContent-Type: image/png\r\n\r\n",
            content,
            end.as_bytes(),
        ];
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.ines.http.request(Method::POST, path);
        let request = request.header(header::CONTENT_TYPE, &content_type);
        request.body(body.concat()).send().await
    }

    async fn send_by_tus(&self, name: &[u8], content: &[u8]) -> HttpResponse {
        let length = content.len().to_string();
        let metadata = format!("filename {}", BASE64_STANDARD.encode(name));
        let headers = [("upload-length", &*length), ("upload-metadata", &*metadata)];
        let begun = self
            .ines
            .tus(Method::POST, "/v1/files/tus", &headers, b"")
            .await;
        match begun.header("location") {
            "" => begun,
            path => self.ines.go_on(path, 0, content).await,
        }
    }
}

/// What became of it: the status of a refusal, or how the file is shown.
async fn outcome(
    server: &TestServer,
    sent: (HttpResponse, Option<Value>),
    content: &[u8],
) -> String {
    let (answer, Some(file)) = sent else {
        return sent.0.status.as_u16().to_string();
    };
    assert!(answer.status.is_success());
    for link in ["url", "thumbnail_url"] {
        if let Some(link) = file[link].as_str() {
            refuse_harm(&server.http().get(link).await);
        }
    }
    let served = server.http().get(&text(&file["url"])).await;
    assert_eq!(&*served.body, content, "the bytes as they came");
    let shown = text(&file["name"]);
    let is_harmful = |c: char| c.is_control() || "/\\<>:\"|?*\u{202e}\u{200b}".contains(c);
    assert!(
        !shown.contains(is_harmful) && shown.len() <= 200,
        "{shown:?}"
    );
    assert!(!shown.starts_with('.') && !shown.is_empty(), "{shown:?}");
    let disposition = served.header("content-disposition");
    let manner = disposition.split(';').next().unwrap_or_default();
    let size = match (file["width"].as_u64(), file["thumbnail_url"].is_null()) {
        (Some(width), false) => format!(", {width} wide"),
        (Some(_), true) => ", measured".to_owned(),
        (None, _) => String::new(),
    };
    format!("{manner} {}{size}", served.header("content-type"))
}

/// S14: no browser takes it for a page of this server.
fn refuse_harm(served: &HttpResponse) {
    assert_eq!(served.status, 200);
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    let policy = served.header("content-security-policy");
    assert_eq!(policy, "sandbox; default-src 'none'");
    assert_eq!(served.header("x-evil"), "");
    assert_eq!(served.header("set-cookie"), "");
    let disposition = served.header("content-disposition");
    let (manner, name) = disposition.split_once("; filename=\"").expect("a name");
    let (plain, exact) = name
        .split_once("\"; filename*=UTF-8''")
        .expect("both forms");
    let harmless = |c: char| c.is_ascii_graphic() || c == ' ';
    assert!(plain.chars().all(harmless), "{plain}");
    assert!(!plain.contains(['"', '\\', '%', '/']), "{plain}");
    let encoded = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
    assert!(exact.chars().all(encoded), "{exact}");
    let kind = served.header("content-type");
    let can_act = ["html", "script", "xml", "svg", "pdf", "text"];
    let may_act = can_act.iter().any(|word| kind.contains(word));
    assert!(
        manner == "attachment" || !may_act,
        "{kind} is shown {manner}"
    );
}

async fn table(rows: &[(&str, &[u8], &[u8])]) -> String {
    let server = TestServer::spawn().await;
    let sender = Sender::new(&server).await;
    let mut seen = Vec::new();
    for (what, name, content) in rows {
        let mut line = format!("{what}:");
        for (door, word) in [
            (Door::Form, "form"),
            (Door::Tus, "tus"),
            (Door::Izpo, "izpo"),
            (Door::Sos, "sos"),
            (Door::Upred, "upred"),
        ] {
            let sent = sender.send(door, name, content).await;
            let outcome = outcome(&server, sent, content).await;
            line.push_str(&format!(" {word} {outcome};"));
        }
        seen.push(line);
    }
    server.shutdown().await;
    seen.join("\n")
}

#[tokio::test]
async fn no_name_does_harm() {
    let long = [&[b'x'; 20_000][..], b".png"].concat();
    let letters = format!("{}.png", "ñ".repeat(150));
    let seen = table(&[
        ("a path", b"../../../etc/passwd.png", PNG),
        (
            "a path of Windows",
            b"..\\..\\windows\\system32\\a.png",
            PNG,
        ),
        ("an absolute path", b"/etc/cron.d/a.png", PNG),
        ("an encoded path", b"..%2f..%2fa.png", PNG),
        ("only dots", b"..", PNG),
        ("a hidden file", b".png", PNG),
        ("a zero", b"a.html\0.png", PNG),
        ("control characters", b"a\x07\x1b[31m.png", PNG),
        ("a header", b"a\r\nX-Evil: 1\r\nSet-Cookie: a=b;.png", PNG),
        ("a second name", b"x.png\"; filename=\"y.html", PNG),
        ("markup", b"<img src=x onerror=alert(1)>.png", PNG),
        (
            "written backwards",
            "factura\u{202e}gnp.exe".as_bytes(),
            PNG,
        ),
        ("turned round", "a\u{202e}gnp\u{200b}.png".as_bytes(), PNG),
        ("no UTF-8", b"\xff\xfe\xc3.png", PNG),
        ("long", letters.as_bytes(), PNG),
        ("very long", &long, PNG),
        ("no name", b"", PNG),
    ])
    .await;
    assert_snapshot!(seen, @r"
    a path: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    a path of Windows: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    an absolute path: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    an encoded path: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    only dots: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    a hidden file: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    a zero: form 400; tus inline image/png, 1 wide; izpo 400; sos 400; upred 400;
    control characters: form 400; tus inline image/png, 1 wide; izpo 400; sos 400; upred 400;
    a header: form 400; tus inline image/png, 1 wide; izpo 400; sos 400; upred 400;
    a second name: form inline image/png, 1 wide; tus 415; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    markup: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    written backwards: form 415; tus 415; izpo 400; sos 400; upred 400;
    turned round: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    no UTF-8: form 400; tus 422; izpo 400; sos 400; upred 400;
    long: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    very long: form inline image/png, 1 wide; tus 422; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    no name: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    ");
}

#[tokio::test]
async fn no_content_does_harm() {
    let seen = table(&[
        ("a page", b"pagina.html", HTML),
        ("a page as a picture", b"pagina.png", HTML),
        ("a page as text", b"pagina.txt", HTML),
        ("a page without an ending", b"pagina", HTML),
        ("a page in XML", b"pagina.xml", XML_XSLT),
        ("a page in XML as a drawing", b"pagina.svg", XML_XSLT),
        ("a script as a picture", b"guion.gif", GIF_JS),
        ("a picture as a script", b"guion.js", GIF_JS),
        ("a page in a document", b"informe.pdf", PDF_HTML),
        ("a document as a page", b"informe.html", PDF_HTML),
        ("an archive in a picture", b"foto.jpg", JPEG_ZIP),
        ("a picture as an archive", b"foto.zip", JPEG_ZIP),
        ("an archive", b"bomba.zip", ZIP),
        ("an archive as a document", b"carta.docx", ZIP),
        ("a page in a song", b"cancion.mp3", MP3_HTML),
        ("a drawing with a script", b"dibujo.svg", SVG),
        ("a drawing as a picture", b"dibujo.png", SVG),
        ("a drawing of entities", b"dibujo.svg", SVG_ENTITIES),
        ("a program", b"virus.exe", b"MZ\x90\0\x03\0\0\0"),
        (
            "a program as a picture",
            b"virus.png",
            b"MZ\x90\0\x03\0\0\0",
        ),
        ("two endings", b"foto.png.exe", PNG),
        (
            "a shell script as text",
            b"guion.txt",
            b"#!/bin/sh\nrm -rf /\n",
        ),
        ("bytes as text", b"nota.txt", b"\0\x01\x02\x03"),
        ("nothing", b"vacio.png", b""),
    ])
    .await;
    assert_snapshot!(seen, @r"
    a page: form 415; tus 415; izpo 400; sos 400; upred 400;
    a page as a picture: form 415; tus 415; izpo 400; sos 400; upred 400;
    a page as text: form attachment text/plain; charset=utf-8; tus attachment text/plain; charset=utf-8; izpo attachment text/plain; charset=utf-8; sos 400; upred 400;
    a page without an ending: form attachment text/plain; charset=utf-8; tus attachment text/plain; charset=utf-8; izpo attachment text/plain; charset=utf-8; sos 400; upred 400;
    a page in XML: form 415; tus 415; izpo 400; sos 400; upred 400;
    a page in XML as a drawing: form 415; tus 415; izpo 400; sos 400; upred 400;
    a script as a picture: form inline image/gif, measured; tus inline image/gif, measured; izpo inline image/gif, measured; sos inline image/gif, measured; upred inline image/gif, measured;
    a picture as a script: form 415; tus 415; izpo 400; sos 400; upred 400;
    a page in a document: form attachment application/pdf; tus attachment application/pdf; izpo attachment application/pdf; sos 400; upred 400;
    a document as a page: form 415; tus 415; izpo 400; sos 400; upred 400;
    an archive in a picture: form inline image/jpeg; tus inline image/jpeg; izpo inline image/jpeg; sos inline image/jpeg; upred inline image/jpeg;
    a picture as an archive: form 415; tus 415; izpo 400; sos 400; upred 400;
    an archive: form attachment application/zip; tus attachment application/zip; izpo attachment application/zip; sos 400; upred 400;
    an archive as a document: form 415; tus 415; izpo 400; sos 400; upred 400;
    a page in a song: form inline audio/mpeg; tus inline audio/mpeg; izpo inline audio/mpeg; sos 400; upred 400;
    a drawing with a script: form attachment image/svg+xml; tus attachment image/svg+xml; izpo attachment image/svg+xml; sos attachment image/svg+xml; upred attachment image/svg+xml;
    a drawing as a picture: form 415; tus 415; izpo 400; sos 400; upred 400;
    a drawing of entities: form 415; tus 415; izpo 400; sos 400; upred 400;
    a program: form 415; tus 415; izpo 400; sos 400; upred 400;
    a program as a picture: form 415; tus 415; izpo 400; sos 400; upred 400;
    two endings: form 415; tus 415; izpo 400; sos 400; upred 400;
    a shell script as text: form attachment text/plain; charset=utf-8; tus attachment text/plain; charset=utf-8; izpo attachment text/plain; charset=utf-8; sos 400; upred 400;
    bytes as text: form 415; tus 415; izpo 400; sos 400; upred 400;
    nothing: form 422; tus 422; izpo 400; sos 400; upred 400;
    ");
}

/// Images that say to be far larger than they are: they are kept, and nobody
/// spends memory on them.
#[tokio::test]
async fn no_picture_is_larger_than_may_be_drawn() {
    let mut png = PNG.to_vec();
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut broken = PNG.to_vec();
    broken.truncate(40);
    let gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;";
    let jpeg =
        b"\xff\xd8\xff\xc0\0\x11\x08\xff\xdc\xff\xdc\x03\x01\x22\0\x02\x11\x01\x03\x11\x01\xff\xd9";
    let mut webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0".to_vec();
    webp.extend_from_slice(&[0xff, 0x3f, 0, 0xff, 0x3f, 0]);
    let seen = table(&[
        ("60,000 by 60,000 PNG", b"a.png", &png),
        ("65,535 by 65,535 GIF", b"a.gif", gif),
        ("65,500 by 65,500 JPEG", b"a.jpg", jpeg),
        ("16,384 by 16,384 WebP", b"a.webp", &webp),
        ("a PNG without its end", b"a.png", &broken),
        ("one pixel", b"a.png", PNG),
    ])
    .await;
    assert_snapshot!(seen, @r"
    60,000 by 60,000 PNG: form inline image/png; tus inline image/png; izpo inline image/png; sos inline image/png; upred inline image/png;
    65,535 by 65,535 GIF: form inline image/gif; tus inline image/gif; izpo inline image/gif; sos inline image/gif; upred inline image/gif;
    65,500 by 65,500 JPEG: form inline image/jpeg; tus inline image/jpeg; izpo inline image/jpeg; sos inline image/jpeg; upred inline image/jpeg;
    16,384 by 16,384 WebP: form inline image/webp; tus inline image/webp; izpo inline image/webp; sos inline image/webp; upred inline image/webp;
    a PNG without its end: form inline image/png; tus inline image/png; izpo inline image/png; sos inline image/png; upred inline image/png;
    one pixel: form inline image/png, 1 wide; tus inline image/png, 1 wide; izpo inline image/png, 1 wide; sos inline image/png, 1 wide; upred inline image/png, 1 wide;
    ");
}

#[tokio::test]
async fn eleven_files_at_once_are_too_many_everywhere() {
    let server = TestServer::spawn().await;
    let sender = Sender::new(&server).await;
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut seen = Vec::new();
    let chat = format!("/api/messaging/chats/{}/send_message/", sender.chat);
    let many = "/api/uploads/multiple";
    for (path, field) in [
        ("/v1/files", "file"),
        (many, "files"),
        (&*chat, "image"),
        ("/upload/image", "file"),
    ] {
        let request = sender.ines.http.request(Method::POST, path);
        let request = request.header(header::CONTENT_TYPE, &content_type);
        let body = form(&[(field, "foto.png", PNG); 11]);
        seen.push(request.body(body).send().await.status.as_u16());
        assert!(sender.ines.list().await.is_empty(), "those before are gone");
    }
    assert_eq!(seen, [422, 400, 400, 400]);
    server.shutdown().await;
}

/// S15: parts that nobody asked for and that hold nothing have a bound, too.
#[tokio::test]
async fn a_form_has_only_so_many_parts() {
    const NOTHING: (&str, &str, &[u8]) = ("nadie", "nada.png", b"");
    let server = TestServer::spawn().await;
    let sender = Sender::new(&server).await;
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut seen = Vec::new();
    let chat = format!("/api/messaging/chats/{}/send_message/", sender.chat);
    for path in [
        "/v1/files",
        "/api/uploads/",
        "/api/uploads/multiple",
        "/upload/image",
        &chat,
    ] {
        let request = sender.ines.http.request(Method::POST, path);
        let request = request.header(header::CONTENT_TYPE, &content_type);
        let body = form(&[NOTHING; 200]);
        let answer = request.body(body).send().await;
        seen.push(answer.status.as_u16());
    }
    assert_eq!(seen, [413, 413, 413, 400, 413]);
    let few = form(&[NOTHING; 64]);
    let answer = sender.ines.send_form(few).await;
    assert_eq!(answer.status, 422, "it only has no file");
    server.shutdown().await;
}

/// Who sends a large form that is broken hears so, and finds no line cut.
#[tokio::test]
async fn the_sender_of_a_large_broken_form_hears_why() {
    let server = TestServer::spawn().await;
    let account = server.http().v1_register("ines").await;
    let mut body = format!("--{BOUNDARY}\r\nno head of a part\r\n\r\n").into_bytes();
    body.resize(12 * 1024 * 1024, b'a');
    let head = format!(
        "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        account.token,
        body.len()
    );
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&body).await.unwrap();
    let mut told = String::new();
    socket.read_to_string(&mut told).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
    assert!(told.contains("malformed_form"), "{told}");
    server.shutdown().await;
}
