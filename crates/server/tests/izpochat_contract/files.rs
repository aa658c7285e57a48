//! Section 3, REST: `/api/uploads/` and `/api/users/me/files`, and what section 6
//! says of uploads.

use http::{Method, header};
use serde_json::{Value, json};
use tertulia_testkit::{Form, PDF, PNG, TestServer, path_of};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Part, SVG, ask, check, check_detail, check_fields, form, number, person, room, text};

/// POST `/api/uploads/`: 201 File; GET `/api/uploads/{id}`: File. `public_url`: "any
/// absolute address the client can GET without a header works".
#[tokio::test]
async fn a_file_is_taken_and_shown() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let mut file = lidia.upload("partitura.pdf", "application/pdf", PDF).await;
    let seen = lidia.get("/api/uploads/1").await;
    assert_eq!((seen.status.as_u16(), seen.json()), (200, file.clone()));

    let linked = server.http().get(path_of(&text(&file["public_url"]))).await;
    assert_eq!((linked.status.as_u16(), &*linked.body), (200, PDF));
    assert_eq!(file["file_url"], file["public_url"]);
    for key in ["public_url", "file_url"] {
        let link = text(&file[key]);
        file[key] = json!(path_of(&link).split('?').next());
    }
    let stored = text(&file["stored_filename"]);
    assert_eq!(
        stored.len(),
        "00000000-0000-0000-0000-000000000000.pdf".len()
    );
    file["stored_filename"] = json!(&stored[36..]);
    insta::assert_snapshot!(file, @r#"{"original_filename":"partitura.pdf","stored_filename":".pdf","file_size":41,"content_type":"application/pdf","public_url":"/v1/files/1/content","id":1,"uploader_id":1,"uploaded_at":"2026-02-18T07:33:20.123000Z","uploader":{"username":"lidia","email":"lidia@mail.example.com","full_name":"lidia Ruiz","id":1,"is_active":true,"created_at":"2026-02-18T07:33:20.123000Z","updated_at":null},"filename":"partitura.pdf","file_url":"/v1/files/1/content","user_id":1}"#);
    server.shutdown().await;
}

/// GET `/api/users/me/files`: `skip`=0, `limit`=50, File[], newest first. GET
/// `/api/uploads/`: `{files, total, skip, limit}`, where `total` counts this page.
#[tokio::test]
async fn ones_own_files_are_listed() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    bruno
        .upload("suyo.txt", "text/plain", b"no es de Lidia")
        .await;
    let mut own = Vec::new();
    for name in ["uno.txt", "dos.txt", "tres.txt"] {
        own.insert(0, lidia.upload(name, "text/plain", name.as_bytes()).await);
    }
    let listed = lidia.get("/api/users/me/files").await;
    check(&listed, 200, &json!(own));
    for (query, files, skip, limit) in [
        ("", &own[..], 0, 50),
        ("?skip=1&limit=1", &own[1..2], 1, 1),
        ("?skip=9", &[], 9, 50),
        ("?skip=-1&limit=1000", &own[..], 0, 100),
    ] {
        let page = lidia.get(&format!("/api/uploads/{query}")).await;
        let expected = json!({"files": files, "total": files.len(), "skip": skip, "limit": limit});
        check(&page, 200, &expected);
        let plain = lidia.get(&format!("/api/users/me/files{query}")).await;
        check(&plain, 200, &json!(files));
    }
    let wrong = lidia.get("/api/uploads/?skip=x").await;
    check_fields(&wrong, &[("query.skip", "int_parsing")]);
    server.shutdown().await;
}

/// POST `/api/uploads/`: 400 `Tipo de archivo no permitido: <mime>`; 413 `Archivo muy
/// grande. Máximo permitido: 50MB`; 422. Section 6: "declared MIME type believed" →
/// what a file is, is told from its content.
#[tokio::test]
async fn what_is_not_taken() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    for (name, said, content) in [
        (
            "programa.exe",
            "application/x-msdownload",
            &b"MZ\x90\x00\x03"[..],
        ),
        ("foto.png", "image/png", b"MZ\x90\x00\x03"),
        (
            "pagina.html",
            "text/html",
            b"<!doctype html><script>alert(1)</script>",
        ),
        ("foto.pdf", "application/pdf", PNG),
    ] {
        let refused = lidia.try_upload(name, said, content).await;
        check_detail(
            &refused,
            400,
            &format!("Tipo de archivo no permitido: {said}"),
        );
    }
    let empty = lidia.try_upload("vacio.txt", "text/plain", b"").await;
    check_detail(&empty, 400, "El archivo está vacío");
    let nothing = lidia.send_form("/api/uploads/", form(&[])).await;
    check_fields(&nothing, &[("body.file", "missing")]);
    let other_field = form(&[("files", "a.pdf", "application/pdf", PDF)]);
    let other_field = lidia.send_form("/api/uploads/", other_field).await;
    check_fields(&other_field, &[("body.file", "missing")]);
    let no_form = lidia.post("/api/uploads/", &json!({"file": "a.pdf"})).await;
    check_fields(&no_form, &[("body.file", "missing")]);
    let words = Form::default().text("file", "hola");
    let words = lidia.send_form("/api/uploads/", words).await;
    check_fields(&words, &[("body.file", "value_error")]);
    let two: [Part<'_>; 2] = [("file", "a.pdf", "application/pdf", PDF); 2];
    let two = lidia.send_form("/api/uploads/", form(&two)).await;
    check_detail(&two, 400, "Solo un archivo por vez");
    let cut = lidia.http.request(Method::POST, "/api/uploads/");
    let cut = cut.header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    let cut = cut
        .body("--x\r\nContent-Disposition: form-data")
        .send()
        .await;
    check_detail(&cut, 400, "There was an error parsing the body");
    check(&lidia.get("/api/users/me/files").await, 200, &json!([]));
    server.shutdown().await;
}

/// 413 `Archivo muy grande. Máximo permitido: 50MB`. Section 6: "size checked only if
/// announced" → cut the stream: a body of unknown size is refused on its way.
#[tokio::test]
async fn the_stream_is_cut_at_50_mb() {
    const MEGABYTE: usize = 1024 * 1024;
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let head = format!(
        "POST /api/uploads/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        lidia.token
    );
    let socket = TcpStream::connect(server.address()).await.unwrap();
    let (mut answer, mut body) = socket.into_split();
    let sending = tokio::spawn(async move {
        let mut start = b"--x\r\nContent-Disposition: form-data; name=\"file\"; \
                          filename=\"larga.txt\"\r\n\r\n"
            .to_vec();
        start.resize(MEGABYTE, b'a');
        body.write_all(head.as_bytes()).await.unwrap();
        // Whoever does not read any more breaks the line: that is an end, too.
        for _ in 0..80 {
            let chunk = format!("{MEGABYTE:x}\r\n");
            let sent = async {
                body.write_all(chunk.as_bytes()).await?;
                body.write_all(&start).await?;
                body.write_all(b"\r\n").await
            };
            if sent.await.is_err() {
                return;
            }
        }
    });
    let mut told = vec![0; 4 * 1024];
    let mut length = 0;
    while !String::from_utf8_lossy(&told[..length]).contains("50MB") {
        let read = answer.read(&mut told[length..]).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&told[..length]));
        length += read;
    }
    let told = String::from_utf8_lossy(&told[..length]).into_owned();
    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
    let detail = r#"{"detail":"Archivo muy grande. Máximo permitido: 50MB"}"#;
    assert!(told.ends_with(detail), "{told}");
    drop(answer);
    sending.await.unwrap();
    check(&lidia.get("/api/users/me/files").await, 200, &json!([]));
    server.shutdown().await;
}

/// S15: what belongs to no file waits in memory, and so only a little of it is read.
#[tokio::test]
async fn a_part_whose_head_never_ends_is_refused() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let head = format!(
        "POST /api/uploads/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\
         Content-Length: 1073741824\r\n\r\n--x\r\nX-Long: ",
        lidia.token
    );
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
        .write_all(&vec![b'a'; 2 * 1024 * 1024])
        .await
        .unwrap();
    let mut told = [0; 12];
    socket.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 400");
    server.shutdown().await;
}

/// POST `/api/uploads/multiple`: field `files`, "intended 200 `{uploaded_files,
/// total_uploaded, total_files, errors?: [{filename, error}]}`".
#[tokio::test]
async fn several_files_at_once() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_FILE_BYTES", "1MiB")
        .spawn()
        .await;
    let lidia = person(&server, "lidia").await;
    let path = "/api/uploads/multiple";
    let good: [Part<'_>; 2] = [
        ("files", "partitura.pdf", "application/pdf", PDF),
        ("files", "foto.png", "image/png", PNG),
    ];
    let all = lidia.send_form(path, form(&good)).await;
    assert_eq!(all.status, 200, "{}", all.text());
    let all = all.json();
    assert_eq!(
        (&all["total_uploaded"], &all["total_files"]),
        (&json!(2), &json!(2))
    );
    assert!(all.get("errors").is_none(), "{all}");
    for id in [1, 2] {
        let seen = lidia.get(&format!("/api/uploads/{id}")).await.json();
        assert_eq!(all["uploaded_files"][id - 1], seen);
    }

    let large = vec![b'a'; 3 * 1024 * 1024];
    let mixed: [Part<'_>; 3] = [
        (
            "files",
            "programa.exe",
            "application/x-msdownload",
            b"MZ\x90",
        ),
        ("files", "larga.txt", "text/plain", &large),
        ("files", "nota.txt", "text/plain", b"hola"),
    ];
    let some = lidia.send_form(path, form(&mixed)).await;
    assert_eq!(some.status, 200, "{}", some.text());
    let some = some.json();
    assert_eq!(
        (&some["total_uploaded"], &some["total_files"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(some["uploaded_files"][0]["original_filename"], "nota.txt");
    let errors = json!([
        {"filename": "programa.exe",
         "error": "Tipo de archivo no permitido: application/x-msdownload"},
        {"filename": "larga.txt", "error": "Archivo muy grande. Máximo permitido: 1MB"},
    ]);
    assert_eq!(some["errors"], errors);

    let nothing = lidia.send_form(path, form(&[])).await;
    check_fields(&nothing, &[("body.files", "missing")]);
    server.shutdown().await;
}

/// POST `/api/uploads/multiple`: 400 `Máximo 10 archivos por vez`, and none is kept.
#[tokio::test]
async fn eleven_files_are_too_many() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let one: Part<'_> = ("files", "nota.txt", "text/plain", b"hola");
    let eleven = lidia
        .send_form("/api/uploads/multiple", form(&[one; 11]))
        .await;
    check_detail(&eleven, 400, "Máximo 10 archivos por vez");
    check(&lidia.get("/api/users/me/files").await, 200, &json!([]));
    let ten = lidia
        .send_form("/api/uploads/multiple", form(&[one; 10]))
        .await;
    assert_eq!(ten.json()["total_uploaded"], 10, "{}", ten.text());
    server.shutdown().await;
}

/// S15: a form that is cut leaves nothing, not even the files before the cut.
#[tokio::test]
async fn a_form_that_is_cut_leaves_nothing() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let part = "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"nota.txt\"\
                \r\n\r\nhola\r\n";
    let cut = format!(
        "POST /api/uploads/multiple HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n\
         {part}{part}",
        lidia.token
    );
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(cut.as_bytes()).await.unwrap();
    let until = async |count: usize| {
        let counted = async {
            let files = async || lidia.get("/api/users/me/files").await.json();
            while files().await.as_array().unwrap().len() != count {}
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), counted).await;
        assert!(in_time.is_ok(), "{count} files were expected");
    };
    until(1).await;
    drop(socket);
    until(0).await;
    server.shutdown().await;
}

/// DELETE `/api/uploads/{id}`: 200; 403 `No tienes permisos para eliminar este
/// archivo`; 404. Section 6: "any file's data read" → only one's own and those of
/// rooms that one can read; the rest is not found.
#[tokio::test]
async fn a_file_is_removed_by_its_owner_alone() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let file = lidia.upload("partitura.pdf", "application/pdf", PDF).await;
    let (link, path) = (text(&file["public_url"]), "/api/uploads/1");
    let link = path_of(&link);
    for hidden in [path, "/api/uploads/1/download"] {
        check_detail(&bruno.get(hidden).await, 404, "Archivo no encontrado");
    }
    let strange = ask(&bruno.http, Method::DELETE, path).await;
    check_detail(&strange, 404, "Archivo no encontrado");

    let id = room(&lidia, "Ensayo", false).await;
    let shown = json!({"content": "", "file_id": 1});
    let messages = format!("/api/rooms/{id}/messages");
    assert_eq!(lidia.post(&messages, &shown).await.status, 201);
    let seen = bruno.get(path).await.json();
    assert_eq!(seen["uploader"]["username"], "lidia");
    assert_eq!(seen["uploader"]["email"], "", "only on one's own");
    let foreign = ask(&bruno.http, Method::DELETE, path).await;
    check_detail(
        &foreign,
        403,
        "No tienes permisos para eliminar este archivo",
    );

    let removed = ask(&lidia.http, Method::DELETE, path).await;
    check(
        &removed,
        200,
        &json!({"message": "Archivo eliminado exitosamente"}),
    );
    for gone in [path, "/api/uploads/1/download", "/api/uploads/777"] {
        check_detail(&lidia.get(gone).await, 404, "Archivo no encontrado");
    }
    let again = ask(&lidia.http, Method::DELETE, path).await;
    check_detail(&again, 404, "Archivo no encontrado");
    assert_eq!(server.http().get(link).await.status, 404);
    // "deleting a file used by a message" → keep the message, `file_id` null.
    let history = bruno.get(&messages).await.json();
    assert_eq!(history[0]["file_id"], Value::Null);
    assert_eq!(history[0]["file"], Value::Null);
    check_fields(
        &lidia.get("/api/uploads/partitura").await,
        &[("path.file_id", "int_parsing")],
    );
    server.shutdown().await;
}

/// GET `/api/uploads/{id}/download`: the bytes, as an attachment; 404.
#[tokio::test]
async fn a_file_is_downloaded() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    lidia.upload("Mi foto ñ.png", "image/png", PNG).await;
    let path = "/api/uploads/1/download";
    let whole = lidia.get(path).await;
    assert_eq!((whole.status.as_u16(), &*whole.body), (200, PNG));
    assert_eq!(whole.header("content-type"), "image/png");
    assert_eq!(
        whole.header("content-disposition"),
        "attachment; filename=\"Mi foto _.png\"; filename*=UTF-8''Mi%20foto%20%C3%B1.png"
    );
    let part = lidia.http.request(Method::GET, path);
    let part = part.header(header::RANGE, "bytes=1-3").send().await;
    assert_eq!((part.status.as_u16(), &*part.body), (206, &b"PNG"[..]));
    check_detail(&server.http().get(path).await, 403, "Not authenticated");
    server.shutdown().await;
}

/// Section 6: "SVG served publicly from the same origin" → `nosniff`, and
/// `Content-Disposition: attachment` for SVG.
#[tokio::test]
async fn a_drawing_with_a_script_is_harmless() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let file = lidia.upload("dibujo.svg", "image/svg+xml", SVG).await;
    let link = text(&file["public_url"]);
    let link = path_of(&link);
    for answer in [
        server.http().get(link).await,
        lidia.get("/api/uploads/1/download").await,
    ] {
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, SVG));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-disposition")
                .starts_with("attachment;")
        );
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, "sandbox; default-src 'none'");
    }
    let photo = lidia.upload("foto.png", "image/png", PNG).await;
    let shown = server
        .http()
        .get(path_of(&text(&photo["public_url"])))
        .await;
    assert!(shown.header("content-disposition").starts_with("inline;"));
    server.shutdown().await;
}

/// GET `/api/uploads/types/allowed`: no auth; the 24 names; "`categories.documents`
/// holds every `application/*` and `text/*`, archives included".
#[tokio::test]
async fn the_allowed_types_are_told() {
    let server = TestServer::spawn().await;
    let told = server.http().get("/api/uploads/types/allowed").await;
    assert_eq!(told.status, 200);
    let told = told.json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&told).unwrap(), @r#"
    {
      "allowed_types": [
        "application/pdf",
        "application/msword",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.ms-powerpoint",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "text/plain",
        "text/csv",
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/svg+xml",
        "audio/mpeg",
        "audio/wav",
        "audio/ogg",
        "video/mp4",
        "video/x-msvideo",
        "video/avi",
        "video/quicktime",
        "application/zip",
        "application/x-rar-compressed",
        "application/x-7z-compressed"
      ],
      "max_file_size_mb": 50,
      "categories": {
        "documents": [
          "application/pdf",
          "application/msword",
          "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
          "application/vnd.ms-excel",
          "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
          "application/vnd.ms-powerpoint",
          "application/vnd.openxmlformats-officedocument.presentationml.presentation",
          "text/plain",
          "text/csv",
          "application/zip",
          "application/x-rar-compressed",
          "application/x-7z-compressed"
        ],
        "images": [
          "image/jpeg",
          "image/png",
          "image/gif",
          "image/webp",
          "image/svg+xml"
        ],
        "audio": [
          "audio/mpeg",
          "audio/wav",
          "audio/ogg"
        ],
        "video": [
          "video/mp4",
          "video/x-msvideo",
          "video/avi",
          "video/quicktime"
        ]
      }
    }
    "#);
    let categories = told["categories"].as_object().unwrap();
    let sum: usize = categories
        .values()
        .map(|names| names.as_array().unwrap().len())
        .sum();
    assert_eq!(
        (sum, told["allowed_types"].as_array().unwrap().len()),
        (24, 24)
    );
    server.shutdown().await;
}

/// "Browsers send other names for the same types; accept … by content".
#[tokio::test]
async fn other_names_of_accepted_types_are_taken() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let mut wav = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00".to_vec();
    wav.extend_from_slice(&[0; 32]);
    let mut ogg = b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00".to_vec();
    ogg.extend_from_slice(b"\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1e\x01vorbis\x00\x00\x00\x00");
    let zip = b"PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let mut mp3 = b"ID3\x04\x00\x00\x00\x00\x00\x00".to_vec();
    mp3.extend_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
    mp3.extend_from_slice(&[0; 413]);
    let rar = b"Rar!\x1a\x07\x01\x00\x33\x92\xb5\xe5\x0a\x01\x05\x06\x00\x05\x01\x01\x80\x80\x00";
    for (name, said, content, told) in [
        (
            "a.zip",
            "application/x-zip-compressed",
            &zip[..],
            "application/zip",
        ),
        (
            "a.rar",
            "application/vnd.rar",
            rar,
            "application/x-rar-compressed",
        ),
        (
            "a.csv",
            "application/vnd.ms-excel",
            b"uno,dos\n1,2\n",
            "text/csv",
        ),
        ("a.wav", "audio/x-wav", &wav, "audio/wav"),
        ("a.mp3", "audio/mp3", &mp3, "audio/mpeg"),
        ("a.ogg", "application/ogg", &ogg, "audio/ogg"),
        ("a.png", "application/octet-stream", PNG, "image/png"),
    ] {
        let file = lidia.upload(name, said, content).await;
        assert_eq!(file["content_type"], told, "{name}");
    }
    server.shutdown().await;
}

/// "REST errors": without a token, with another scheme, with a bad one.
#[tokio::test]
async fn a_token_is_needed() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    lidia.upload("nota.txt", "text/plain", b"hola").await;
    for (method, path) in [
        (Method::POST, "/api/uploads/"),
        (Method::POST, "/api/uploads/multiple"),
        (Method::GET, "/api/uploads/"),
        (Method::GET, "/api/uploads/1"),
        (Method::DELETE, "/api/uploads/1"),
        (Method::GET, "/api/uploads/1/download"),
        (Method::GET, "/api/users/me/files"),
    ] {
        let nobody = ask(&server.http(), method.clone(), path).await;
        check_detail(&nobody, 403, "Not authenticated");
        let bad = ask(&server.http().bearer("x.y.z"), method, path).await;
        check_detail(&bad, 401, "Could not validate credentials");
        assert_eq!(bad.header("www-authenticate"), "Bearer");
    }
    server.shutdown().await;
}

/// What one may keep has a bound, which is told in words.
#[tokio::test]
async fn a_quota_is_told() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_FILE_QUOTA_BYTES", "1MiB")
        .spawn()
        .await;
    let lidia = person(&server, "lidia").await;
    let content = vec![b'a'; 600 * 1024];
    let first = lidia.upload("uno.txt", "text/plain", &content).await;
    assert_eq!(number(&first["file_size"]), 600 * 1024);
    let full = lidia.try_upload("dos.txt", "text/plain", &content).await;
    check_detail(
        &full,
        413,
        "No queda espacio para tus archivos. Máximo: 1MB",
    );
    server.shutdown().await;
}
