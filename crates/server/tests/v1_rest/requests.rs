//! What holds for every call: bodies, headers, languages, errors.

use http::{HeaderName, Method, header};
use insta::assert_snapshot;
use serde_json::json;
use tertulia_testkit::{HttpResponse, TestServer};

use crate::{Api, person, refusal, seen};

const LOGIN: &str = "/v1/auth/login";

async fn post_raw(
    server: &TestServer,
    content_type: &str,
    body: impl Into<Vec<u8>>,
) -> HttpResponse {
    let api = Api::new(server);
    let request = api
        .request(Method::POST, LOGIN)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into());
    api.send(&Method::POST, LOGIN, request).await
}

#[tokio::test]
async fn a_body_must_be_json() {
    let server = TestServer::spawn().await;
    let mut refusals = Vec::new();
    for body in [
        "",
        "{",
        "{\"login\": \"a\",}",
        "{} {}",
        "login=a",
        "NaN",
        "\"\\ud800\"",
    ] {
        let refused = post_raw(&server, "application/json", body).await;
        refusals.push(format!("{body}: {}", refusal(&refused)));
    }
    let invalid = post_raw(&server, "application/json", [b'"', 0xff, b'"']).await;
    refusals.push(format!("no UTF-8: {}", refusal(&invalid)));
    assert_snapshot!(refusals.join("\n"), @r#"
    : 400 malformed_json
    {: 400 malformed_json
    {"login": "a",}: 400 malformed_json
    {} {}: 400 malformed_json
    login=a: 400 malformed_json
    NaN: 400 malformed_json
    "\ud800": 400 malformed_json
    no UTF-8: 400 malformed_json
    "#);
    assert_snapshot!(seen(&invalid), @r#"
    400 Bad Request
    {
      "type": "urn:tertulia:error:malformed_json",
      "title": "JSON mal formado",
      "status": 400,
      "detail": "El cuerpo debe ser un valor JSON válido en UTF-8.",
      "code": "malformed_json",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    server.shutdown().await;
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    let server = TestServer::spawn().await;
    let body = r#"{"login": "nadie", "password": "otra-clave-9"}"#;
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json;charset=latin1",
    ] {
        let read = post_raw(&server, content_type, body).await;
        assert_eq!(refusal(&read), "401 invalid_credentials", "{content_type}");
    }
    for content_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let refused = post_raw(&server, content_type, body).await;
        assert_eq!(
            refusal(&refused),
            "415 unsupported_media_type",
            "{content_type}"
        );
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_body_has_bounds() {
    let server = TestServer::spawn().await;
    let padded = |size: usize| {
        let empty = json!({"login": "a", "password": "b", "x": ""})
            .to_string()
            .len();
        json!({"login": "a", "password": "b", "x": "x".repeat(size - empty)}).to_string()
    };
    let json = "application/json";
    let largest = post_raw(&server, json, padded(256 * 1024)).await;
    assert_eq!(refusal(&largest), "401 invalid_credentials");
    let larger = post_raw(&server, json, padded(256 * 1024 + 1)).await;
    assert_eq!(refusal(&larger), "413 too_large");

    let deep = |depth: usize| format!("{{\"login\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    let deepest = post_raw(&server, json, deep(31)).await;
    assert_eq!(refusal(&deepest), "422 invalid_field /login malformed");
    for depth in [32, 100_000] {
        let deeper = post_raw(&server, json, deep(depth)).await;
        assert_eq!(refusal(&deeper), "413 too_complex", "{depth}");
    }
    let wide = |members: usize| {
        let members: Vec<String> = (0..members).map(|n| format!("\"m{n}\": 0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let widest = post_raw(&server, json, wide(256)).await;
    assert_eq!(refusal(&widest), "422 invalid_field /login missing");
    let wider = post_raw(&server, json, wide(257)).await;
    assert_eq!(refusal(&wider), "413 too_complex");
    let many = format!("[{}0]", "0,".repeat(70_000));
    let many = post_raw(&server, json, many).await;
    assert_eq!(refusal(&many), "413 too_complex");
    server.shutdown().await;
}

#[tokio::test]
async fn errors_speak_the_callers_language() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let ask = async |language: Option<&str>| {
        let mut request = ines.api.request(Method::GET, "/v1/rooms/99");
        if let Some(language) = language {
            request = request.header(header::ACCEPT_LANGUAGE, language);
        }
        let response = ines.api.send(&Method::GET, "/v1/rooms/99", request).await;
        let body = response.json();
        let spoken = response.header("content-language").to_owned();
        format!("{spoken}: {} {}", body["title"], body["detail"])
    };
    let spanish = ask(None).await;
    assert_snapshot!(spanish, @r#"es: "La sala no existe" "No existe esa sala, o no puedes verla.""#);
    assert_eq!(ask(Some("es-MX, en;q=0.5")).await, spanish);
    assert_eq!(ask(Some("fr")).await, spanish);
    let english = ask(Some("en-GB, es;q=0.5")).await;
    assert_snapshot!(english, @r#"en: "Room not found" "There is no such room, or none that you may see.""#);
    server.shutdown().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    for path in [
        "/v1/",
        "/v1/nothing",
        "/v1/rooms/",
        "/v1/rooms/1/",
        "/v1/rooms/1/messages/2/3",
    ] {
        let refused = ines.api.get(path).await;
        assert_eq!(refusal(&refused), "404 unknown_path", "{path}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    let wrong = server
        .http()
        .bearer("x")
        .request(Method::PUT, "/v1/rooms")
        .send()
        .await;
    assert_snapshot!(seen(&wrong), @r#"
    405 Method Not Allowed
    {
      "type": "urn:tertulia:error:method_not_allowed",
      "title": "Método no permitido",
      "status": 405,
      "detail": "Esta ruta no admite este método. Consulta la cabecera Allow.",
      "code": "method_not_allowed",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    assert_eq!(wrong.header("allow"), "POST,GET,HEAD");
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    server.shutdown().await;
}

#[tokio::test]
async fn tokens_come_in_the_header_and_nowhere_else() {
    let server = TestServer::spawn().await;
    let account = server.http().v1_register("ines").await;
    let api = Api::new(&server);
    let query = api.get(&format!("/v1/me?token={}", account.token)).await;
    assert_eq!(refusal(&query), "401 unauthenticated");
    for value in ["Bearer", "Basic aW5lczp4", "Bearer  "] {
        let request = api
            .request(Method::GET, "/v1/me")
            .header(header::AUTHORIZATION, value);
        let refused = api.send(&Method::GET, "/v1/me", request).await;
        assert_eq!(refusal(&refused), "401 unauthenticated", "{value}");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    for token in ["nonsense", &account.refresh_token, &account.token[1..]] {
        let refused = api.with_token(token).get("/v1/me").await;
        assert_eq!(refusal(&refused), "401 invalid_token");
    }
    let lower = api
        .request(Method::GET, "/v1/me")
        .header(header::AUTHORIZATION, &format!("bearer {}", account.token));
    assert_eq!(api.send(&Method::GET, "/v1/me", lower).await.status, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn every_answer_is_named_kept_and_typed() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    for path in ["/v1/me", "/v1/rooms/99", "/v1/nothing"] {
        let response = ines.api.get(path).await;
        assert_eq!(
            response.header("x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert_eq!(response.header("cache-control"), "no-store", "{path}");
        let id = response.header("x-request-id");
        assert_eq!(id.len(), 36, "{path}");
        if response.status != 200 {
            assert_eq!(response.json()["request_id"], id, "{path}");
        }
    }
    server.shutdown().await;
}

const ACCESS_CONTROL_REQUEST_METHOD: HeaderName =
    HeaderName::from_static("access-control-request-method");

async fn preflight(server: &TestServer, origin: &str) -> HttpResponse {
    server
        .http()
        .request(Method::OPTIONS, "/v1/rooms")
        .header(header::ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .send()
        .await
}

/// S10.
#[tokio::test]
async fn pages_of_other_origins_may_call_where_nothing_is_configured() {
    let server = TestServer::spawn().await;
    let answer = preflight(&server, "http://localhost:5173").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    server.shutdown().await;
}

/// S10.
#[tokio::test]
async fn only_listed_origins_may_call_where_a_list_is_set() {
    let server = TestServer::builder()
        .variable("TERTULIA_ALLOWED_ORIGINS", "https://app.example")
        .spawn()
        .await;
    let listed = preflight(&server, "https://app.example").await;
    let allowed = "access-control-allow-origin";
    assert_eq!(listed.header(allowed), "https://app.example");
    let other = preflight(&server, "https://app.example.evil.test").await;
    assert_eq!(other.header(allowed), "");
    server.shutdown().await;
}

#[tokio::test]
async fn the_description_is_served() {
    let server = TestServer::spawn().await;
    let response = server.http().get("/openapi.json").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/json");
    let document = response.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/rooms"]["post"].is_object());
    server.shutdown().await;
}
