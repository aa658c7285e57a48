//! UPRed's later addition `POST /upload/image`: "multipart field `file`, `image/*`, at
//! most 10 MB → 200 `{"url"}`; 400 `{"error": …}`".

use http::{Method, header};
use serde_json::{Value, json};
use tertulia_testkit::{Form, HttpClient, HttpResponse, PDF, PNG, TestServer, path_of};

use super::{open_direct, person, send, text, to_room, trusting};

async fn post(http: &HttpClient, query: &str, form: Form) -> HttpResponse {
    let path = format!("/upload/image{query}");
    http.request(Method::POST, &path).form(form).send().await
}

fn picture() -> Form {
    Form::default().typed_file("file", "foto.png", "image/png", PNG)
}

#[track_caller]
fn refused(response: &HttpResponse, status: u16, error: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.json(), json!({ "error": error }));
}

/// "→ 200 `{"url"}`", which goes into `url_archivo` and is shown to others, afresh.
#[tokio::test]
async fn a_picture_is_taken_and_sent() {
    let server = trusting().await;
    person(&server, "58").await;
    let (mut a, mut b) = (
        server.socketio("A", "31").await,
        server.socketio("B", "58").await,
    );
    let room = open_direct(&mut a, "58").await;
    open_direct(&mut b, "31").await;
    let taken = post(&server.http(), "?user_id=31", picture()).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let taken = taken.json();
    assert_eq!(taken.as_object().map(serde_json::Map::len), Some(1));
    let url = text(&taken["url"]);
    let path = path_of(&url);
    assert!(path.starts_with("/v1/files/"), "a link of ours: {url}");
    let shown = server.http().get(path).await;
    assert_eq!((shown.status.as_u16(), &*shown.body), (200, PNG));

    let mut message = to_room(&room, "31", "");
    message["url_archivo"] = url.into();
    message["message_type"] = "imagen".into();
    send(&mut a, message, true).await;
    let heard = b.expect("receive_message").await;
    assert_eq!(heard["message_type"], "imagen");
    assert_eq!(heard["message"], "");
    let told = text(&heard["url_archivo"]);
    assert_eq!(&*server.http().get(path_of(&told)).await.body, PNG);
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}

/// 400 `Campo 'file' requerido`, `Solo se permiten imágenes`, `La imagen no debe
/// superar 10MB`; and nothing is kept.
#[tokio::test]
async fn what_is_no_picture_is_refused() {
    let server = TestServer::spawn().await;
    let ana = server.http().v1_register("ana").await;
    let http = server.http().bearer(&ana.token);
    let requires = "Campo 'file' requerido";
    for form in [
        Form::default().text("file", "foto.png"),
        Form::default().file("foto", "foto.png", PNG),
        Form::default(),
    ] {
        refused(&post(&http, "", form).await, 400, requires);
    }
    let no_form = http.post("/upload/image", &json!({})).await;
    refused(&no_form, 400, requires);
    for (name, said, content) in [
        ("apuntes.pdf", "application/pdf", PDF),
        ("foto.png", "image/png", PDF),
        ("programa.exe", "image/png", b"MZ\x90\x00"),
    ] {
        let form = Form::default().typed_file("file", name, said, content);
        let answer = post(&http, "", form).await;
        refused(&answer, 400, "Solo se permiten imágenes");
    }
    let mut large = PNG.to_vec();
    large.resize(10 * 1024 * 1024 + 1, 0);
    let form = Form::default().typed_file("file", "foto.png", "image/png", &large);
    let answer = post(&http, "", form).await;
    refused(&answer, 400, "La imagen no debe superar 10MB");
    assert_eq!(http.get("/v1/files").await.json()["items"], json!([]));

    // What it is, is told from its content.
    let form = Form::default().file("file", "foto.png", PNG);
    assert_eq!(post(&http, "", form).await.status, 200);
    server.shutdown().await;
}

/// Section 6: "`user_id` is believed" → a token, else only where a setting says so
/// (S1), and then not from the page of another machine (S10).
#[tokio::test]
async fn who_uploads_has_to_be_somebody() {
    let server = TestServer::spawn().await;
    let ana = server.http().v1_register("ana").await;
    let beto = server.http().v1_register("beto").await;
    let unknown = "Hace falta un token válido";
    for query in ["", "?user_id=ana", "?token=x.y.z", "?user_id=31&token="] {
        let answer = post(&server.http(), query, picture()).await;
        refused(&answer, 401, unknown);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let by_query = format!("?token={}", ana.token);
    assert_eq!(post(&server.http(), &by_query, picture()).await.status, 200);
    let by_header = server.http().bearer(&ana.token);
    assert_eq!(post(&by_header, "", picture()).await.status, 200);
    let own = by_header.get("/v1/files").await.json();
    assert_eq!(own["items"].as_array().map(Vec::len), Some(2));
    let other = post(&by_header, &format!("?user_id={}", beto.id), picture()).await;
    refused(&other, 403, "No puedes subir imágenes aquí");
    server.shutdown().await;

    let server = trusting().await;
    let foreign = server
        .http()
        .request(Method::POST, "/upload/image?user_id=31");
    let foreign = foreign.header(header::ORIGIN, "http://evil.test");
    let foreign = foreign.form(picture()).send().await;
    refused(&foreign, 403, "No puedes subir imágenes aquí");
    let own_page = server
        .http()
        .request(Method::POST, "/upload/image?user_id=31");
    let own_page = own_page.header(header::ORIGIN, "http://localhost:5173");
    assert_eq!(own_page.form(picture()).send().await.status, 200);
    refused(&post(&server.http(), "", picture()).await, 401, unknown);
    server.shutdown().await;
}

/// `/openapi.json` has the call, marked by its tag.
#[tokio::test]
async fn the_call_is_described() {
    let server = TestServer::spawn().await;
    let document = server.http().get("/openapi.json").await.json();
    let call = &document["paths"]["/upload/image"]["post"];
    assert_eq!(call["tags"], json!(["upred"]));
    let statuses = call["responses"].as_object().into_iter().flatten();
    let statuses: Vec<_> = statuses.map(|(status, _)| status.as_str()).collect();
    let all = ["200", "400", "401", "403", "408", "413", "429", "503"];
    assert_eq!(statuses, all);
    assert_ne!(call["requestBody"], Value::Null);
    server.shutdown().await;
}
