//! Registering, logging in, staying logged in, logging out.

use std::time::Duration;

use http::{HeaderName, Method};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::{PASSWORD, TestServer};

use crate::{Api, person, refusal, seen, text};

#[tokio::test]
async fn registering_makes_an_account_and_logs_in() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let account = json!({
        "username": " Ines ",
        "display_name": "Inés Mora",
        "email": "Ines@Example.org",
        "password": PASSWORD,
        "role": "owner",
        "id": "77",
    });
    let registered = api.post("/v1/auth/register", account).await;
    assert_snapshot!(seen(&registered), @r#"
    201 Created
    {
      "user": {
        "id": "1",
        "uuid": "614f5601-77dc-4567-be8b-cf144dd4fc9a",
        "username": "Ines",
        "display_name": "Inés Mora",
        "avatar_url": null,
        "status": "offline",
        "last_seen_at": null,
        "email": "Ines@Example.org",
        "external_id": null,
        "created_at": "2026-02-18T07:33:20.123Z"
      },
      "access_token": "[access_token]",
      "refresh_token": "[refresh_token]",
      "expires_in": 900
    }
    "#);
    let token = text(&registered.json()["access_token"]);
    let me = api.with_token(&token).get("/v1/me").await;
    assert_eq!(me.json(), registered.json()["user"]);
    server.shutdown().await;
}

#[tokio::test]
async fn registration_names_the_wrong_field() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let taken = json!({"username": "tomas", "password": PASSWORD, "email": "tomas@example.org"});
    assert_eq!(api.post("/v1/auth/register", taken).await.status, 201);

    let long = "x".repeat(300);
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({"username": "ines"}),
        json!({"username": null, "password": PASSWORD}),
        json!({"username": 7, "password": PASSWORD}),
        json!({"username": "  ", "password": PASSWORD}),
        json!({"username": &long, "password": PASSWORD}),
        json!({"username": "a\u{7}b", "password": PASSWORD}),
        json!({"username": "ines", "password": "corta"}),
        json!({"username": "ines", "password": &long}),
        json!({"username": "ines", "password": "password123"}),
        json!({"username": "ines", "password": PASSWORD, "display_name": &long}),
        json!({"username": "ines", "password": PASSWORD, "email": "nowhere"}),
        json!({"username": "TOMAS", "password": PASSWORD}),
        json!({"username": "ines", "password": PASSWORD, "email": "TOMAS@example.org"}),
        json!([]),
        json!("ines"),
    ] {
        refusals.push(refusal(&api.post("/v1/auth/register", body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /username missing
    422 invalid_field /password missing
    422 invalid_field /username missing
    422 invalid_field /username malformed
    422 invalid_field /username empty
    422 invalid_field /username too_long max 50
    422 invalid_field /username malformed
    422 invalid_field /password too_short min 8
    422 invalid_field /password too_long max 256
    422 invalid_field /password too_common
    422 invalid_field /display_name too_long max 100
    422 invalid_field /email malformed
    409 username_taken
    409 email_taken
    422 invalid_field  malformed
    422 invalid_field  malformed
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn one_logs_in_by_name_or_address() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let account = json!({"username": "ines", "password": PASSWORD, "email": "ines@example.org"});
    let registered = api.post("/v1/auth/register", account).await.json();
    for login in ["ines", " INES ", "ines@example.org", "Ines@Example.Org"] {
        let body = json!({"login": login, "password": PASSWORD});
        let answer = api.post("/v1/auth/login", body).await;
        assert_eq!(answer.status, 200, "{login}");
        assert_eq!(answer.json()["user"]["id"], registered["user"]["id"]);
        assert_eq!(answer.json()["expires_in"], 900);
    }
    server.shutdown().await;
}

/// S6: nobody learns from a login who has an account.
#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_alike() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    person(&server, "ines").await;
    let wrong = json!({"login": "ines", "password": "otra-clave-9"});
    let wrong = api.post("/v1/auth/login", wrong).await;
    assert_snapshot!(seen(&wrong), @r#"
    401 Unauthorized
    {
      "type": "urn:tertulia:error:invalid_credentials",
      "title": "Credenciales incorrectas",
      "status": 401,
      "detail": "El usuario no existe o la contraseña es incorrecta.",
      "code": "invalid_credentials",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    let unknown = json!({"login": "nadie", "password": "otra-clave-9"});
    let unknown = api.post("/v1/auth/login", unknown).await;
    assert_eq!(seen(&unknown), seen(&wrong));
    server.shutdown().await;
}

#[tokio::test]
async fn after_five_failures_a_login_must_wait() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    person(&server, "ines").await;
    let login = |password: &str| json!({"login": "ines", "password": password});
    for _ in 0..6 {
        let refused = api.post("/v1/auth/login", login("otra-clave-9")).await;
        assert_eq!(refused.status, 401);
    }
    let limited = api.post("/v1/auth/login", login(PASSWORD)).await;
    assert_snapshot!(seen(&limited), @r#"
    429 Too Many Requests
    {
      "type": "urn:tertulia:error:slow_down",
      "title": "Demasiadas peticiones",
      "status": 429,
      "detail": "Vuelve a intentarlo dentro de 1 s.",
      "code": "slow_down",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    assert_eq!(limited.header("retry-after"), "1");
    server.advance(Duration::from_secs(1));
    let admitted = api.post("/v1/auth/login", login(PASSWORD)).await;
    assert_eq!(admitted.status, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn an_access_token_lives_fifteen_minutes_and_is_refreshed() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    server.advance(Duration::from_secs(15 * 60 + 1));
    let ended = ines.api.get("/v1/me").await;
    assert_snapshot!(seen(&ended), @r#"
    401 Unauthorized
    {
      "type": "urn:tertulia:error:invalid_token",
      "title": "Token inválido",
      "status": 401,
      "detail": "El token es incorrecto, ha caducado o fue revocado.",
      "code": "invalid_token",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    let challenge = ended.header("www-authenticate");
    assert_eq!(challenge, r#"Bearer error="invalid_token""#);

    let api = Api::new(&server);
    let body = json!({"refresh_token": ines.refresh_token});
    let refreshed = api.post("/v1/auth/refresh", body).await;
    assert_eq!(refreshed.status, 200);
    assert_ne!(refreshed.json()["refresh_token"], ines.refresh_token);
    let token = text(&refreshed.json()["access_token"]);
    assert_eq!(api.with_token(&token).get("/v1/me").await.status, 200);
    server.shutdown().await;
}

/// Somebody else has a refresh token that comes a second time.
#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_session() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let ines = person(&server, "ines").await;
    let body = json!({"refresh_token": ines.refresh_token});
    let refreshed = api.post("/v1/auth/refresh", body.clone()).await.json();
    let stolen = api.post("/v1/auth/refresh", body).await;
    assert_eq!(refusal(&stolen), "401 invalid_token");

    let body = json!({"refresh_token": refreshed["refresh_token"]});
    let rightful = api.post("/v1/auth/refresh", body).await;
    assert_eq!(refusal(&rightful), "401 invalid_token");
    let token = text(&refreshed["access_token"]);
    let ended = api.with_token(&token).get("/v1/me").await;
    assert_eq!(refusal(&ended), "401 invalid_token");
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_no_refresh_token_refreshes_nothing() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({"refresh_token": ""}),
        json!({"refresh_token": "nonsense"}),
        json!({"refresh_token": 7}),
    ] {
        refusals.push(refusal(&api.post("/v1/auth/refresh", body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /refresh_token missing
    401 invalid_token
    401 invalid_token
    422 invalid_field /refresh_token malformed
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn logging_out_ends_the_session_of_the_token() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let gone = ines.api.post_nothing("/v1/auth/logout").await;
    assert_eq!(gone.status, 204);
    assert_eq!(refusal(&ines.api.get("/v1/me").await), "401 invalid_token");
    let body = json!({"refresh_token": ines.refresh_token});
    let refreshed = Api::new(&server).post("/v1/auth/refresh", body).await;
    assert_eq!(refusal(&refreshed), "401 invalid_token");
    server.shutdown().await;
}

#[tokio::test]
async fn logging_out_needs_no_access_token_where_a_refresh_token_is_shown() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let ines = person(&server, "ines").await;
    for _ in 0..2 {
        let body = json!({"refresh_token": ines.refresh_token});
        assert_eq!(api.post("/v1/auth/logout", body).await.status, 204);
    }
    assert_eq!(refusal(&ines.api.get("/v1/me").await), "401 invalid_token");
    let nobody = api.post_nothing("/v1/auth/logout").await;
    assert_eq!(refusal(&nobody), "401 unauthenticated");
    server.shutdown().await;
}

#[tokio::test]
async fn every_other_call_needs_a_token() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let document = server.http().get("/openapi.json").await.json();
    let mut asked = 0;
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths.filter(|(path, _)| path.starts_with("/v1/")) {
        for (method, call) in item.as_object().into_iter().flatten() {
            let open = call["security"][0]
                .as_object()
                .is_none_or(|first| first.is_empty());
            if open {
                continue;
            }
            asked += 1;
            let method: Method = method.to_uppercase().parse().expect("a method");
            let concrete = path
                .replace("{emoji}", "x")
                .replace("{code}", "x")
                .replace("{", "")
                .replace("_id}", "");
            // tus asks for its version before it asks for anything else.
            let mut request = api
                .request(method.clone(), &concrete)
                .header(HeaderName::from_static("tus-resumable"), "1.0.0");
            if call.get("requestBody").is_some() {
                request = request.json(&Value::Null);
            }
            // What answers HEAD has no body to read a reason in.
            if method == Method::HEAD {
                assert_eq!(request.send().await.status, 401, "{path}");
                continue;
            }
            let refused = api.send(&method, &concrete, request).await;
            assert_eq!(refusal(&refused), "401 unauthenticated", "{path}");
        }
    }
    assert_eq!(asked, 38);
    server.shutdown().await;
}
