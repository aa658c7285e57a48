//! Section 2: the port, paths, CORS, the description.

use http::Method;
use http::header::{HeaderName, ORIGIN};
use serde_json::{Value, json};
use tertulia_testkit::{HttpResponse, TestServer};

use crate::{check, form, person};

const METHOD: HeaderName = HeaderName::from_static("access-control-request-method");
const HEADERS: HeaderName = HeaderName::from_static("access-control-request-headers");

async fn preflight(server: &TestServer, path: &str, origin: &str) -> HttpResponse {
    let request = server.http().request(Method::OPTIONS, path);
    let request = request.header(ORIGIN, origin).header(METHOD, "PUT");
    request.header(HEADERS, "x-anything").send().await
}

/// "origins from `ALLOWED_ORIGINS` (JSON list), credentials, methods GET POST PUT
/// DELETE OPTIONS, any header; preflight 200, `Access-Control-Max-Age: 600`".
#[tokio::test]
async fn pages_of_the_list_may_call() {
    for list in [
        r#"["http://localhost:3000","http://localhost:8080"]"#,
        "http://localhost:3000,http://localhost:8080",
    ] {
        let server = TestServer::builder()
            .variable("ALLOWED_ORIGINS", list)
            .spawn()
            .await;
        for path in ["/api/users/me", "/api/rooms/", "/api/rooms/7/messages"] {
            let answer = preflight(&server, path, "http://localhost:8080").await;
            assert_eq!(answer.status, 200, "{path}");
            for (name, value) in [
                ("access-control-allow-origin", "http://localhost:8080"),
                ("access-control-allow-credentials", "true"),
                (
                    "access-control-allow-methods",
                    "GET,POST,PUT,DELETE,OPTIONS",
                ),
                ("access-control-allow-headers", "x-anything"),
                ("access-control-max-age", "600"),
            ] {
                assert_eq!(answer.header(name), value, "{path}: {name}");
            }
        }
        let evil = preflight(&server, "/api/users/me", "http://evil.test").await;
        assert_eq!(evil.header("access-control-allow-origin"), "");
        let request = server.http().request(Method::GET, "/api/rooms/");
        let request = request.header(ORIGIN, "http://localhost:3000");
        let answer = request.send().await;
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, "http://localhost:3000");
        server.shutdown().await;
    }
}

/// S10: without a list any page may call, never with credentials.
#[tokio::test]
async fn without_a_list_no_credentials() {
    let server = TestServer::spawn().await;
    let answer = preflight(&server, "/api/rooms/", "http://any.test").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    server.shutdown().await;
}

/// "trailing slash: serve both directly".
#[tokio::test]
async fn both_slash_forms_are_served() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let made = lidia.post("/api/rooms", &json!({"name": "Ensayo"})).await;
    assert_eq!(made.status, 201);
    let file = [("file", "nota.txt", "text/plain", &b"hola"[..])];
    let taken = lidia.send_form("/api/uploads", form(&file)).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let files = [("files", "nota.txt", "text/plain", &b"hola"[..])];
    let taken = lidia
        .send_form("/api/uploads/multiple/", form(&files))
        .await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let bytes = lidia.get("/api/uploads/1/download/").await;
    assert_eq!(bytes.text(), "hola");
    for path in [
        "/api/users",
        "/api/rooms",
        "/api/users/me",
        "/api/rooms/1",
        "/api/users/1",
        "/api/users/me/rooms",
        "/api/rooms/1/messages",
        "/api/rooms/1/members",
        "/api/ws/rooms/1/online",
        "/api/users/username/lidia",
        "/api/users/me/files",
        "/api/uploads",
        "/api/uploads/1",
        "/api/uploads/types/allowed",
    ] {
        let without = lidia.get(path).await;
        let with = lidia.get(&format!("{path}/")).await;
        assert_eq!(
            (without.status, with.status),
            (200.try_into().unwrap(), 200.try_into().unwrap()),
            "{path}"
        );
        assert_eq!(without.json(), with.json(), "{path}");
    }
    server.shutdown().await;
}

/// `GET /health`, and the unknown path: `{"error":"Endpoint no encontrado",
/// "status_code":404}`.
#[tokio::test]
async fn health_and_unknown_paths() {
    let server = TestServer::spawn().await;
    let health = server.http().get("/health").await.json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["service"], "IzpoChat API");
    let unknown = json!({"error": "Endpoint no encontrado", "status_code": 404});
    for path in [
        "/api/",
        "/api/nada",
        "/api/rooms/1/nada",
        "/api/ws/",
        "/api/ws/1/2",
    ] {
        check(&server.http().get(path).await, 404, &unknown);
    }
    server.shutdown().await;
}

/// `/openapi.json` has these calls, marked by their tag.
#[tokio::test]
async fn the_calls_are_described() {
    let server = TestServer::spawn().await;
    let document = server.http().get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let mut calls = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with("/api/")) {
        for (method, call) in item.as_object().unwrap() {
            if call["tags"] == json!(["izpochat"]) {
                calls.push(format!("{} {path}", method.to_uppercase()));
                let refused = &call["responses"]["500"]["$ref"];
                assert_ne!(refused, &Value::Null, "{method} {path}");
            }
        }
    }
    calls.sort_unstable();
    insta::assert_snapshot!(calls.join("\n"), @r#"
    DELETE /api/uploads/{file_id}
    GET /api/rooms/
    GET /api/rooms/{room_id}
    GET /api/rooms/{room_id}/members
    GET /api/rooms/{room_id}/messages
    GET /api/uploads/
    GET /api/uploads/types/allowed
    GET /api/uploads/{file_id}
    GET /api/uploads/{file_id}/download
    GET /api/users/
    GET /api/users/me
    GET /api/users/me/files
    GET /api/users/me/rooms
    GET /api/users/username/{username}
    GET /api/users/{user_id}
    GET /api/ws/rooms/{room_id}/online
    POST /api/rooms/
    POST /api/rooms/{room_id}/invite
    POST /api/rooms/{room_id}/join
    POST /api/rooms/{room_id}/leave
    POST /api/rooms/{room_id}/messages
    POST /api/uploads/
    POST /api/uploads/multiple
    POST /api/users/login
    POST /api/users/register
    PUT /api/rooms/{room_id}
    PUT /api/users/me
    "#);
    server.shutdown().await;
}
