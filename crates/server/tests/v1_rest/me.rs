//! One's own account and sessions.

use insta::assert_snapshot;
use serde_json::json;
use tertulia_testkit::{PASSWORD, TestServer};

use crate::{Api, person, refusal, seen, text};

#[tokio::test]
async fn one_changes_ones_own_account() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let patch = json!({
        "username": "ines.mora",
        "display_name": " Inés ",
        "email": "ines@example.org",
        "avatar_url": "https://example.org/ines.png",
    });
    assert_snapshot!(seen(&ines.api.patch("/v1/me", patch).await), @r#"
    200 OK
    {
      "id": "1",
      "uuid": "614f5601-77dc-4567-be8b-cf144dd4fc9a",
      "username": "ines.mora",
      "display_name": "Inés",
      "avatar_url": "https://example.org/ines.png",
      "status": "offline",
      "last_seen_at": null,
      "email": "ines@example.org",
      "external_id": null,
      "created_at": "2026-02-18T07:33:20.123Z"
    }
    "#);

    let untouched = ines.api.patch("/v1/me", json!({"status": "busy"})).await;
    assert_eq!(untouched.json()["email"], "ines@example.org");
    let removed = json!({"email": null, "avatar_url": null});
    let removed = ines.api.patch("/v1/me", removed).await.json();
    assert!(removed["email"].is_null() && removed["avatar_url"].is_null());
    assert_eq!(ines.api.get("/v1/me").await.json(), removed);
    server.shutdown().await;
}

#[tokio::test]
async fn a_change_names_the_wrong_field() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let email = json!({"email": "tomas@example.org"});
    assert_eq!(tomas.api.patch("/v1/me", email).await.status, 200);
    let mut refusals = Vec::new();
    for body in [
        json!({"username": null}),
        json!({"username": ""}),
        json!({"username": "Tomas"}),
        json!({"display_name": null}),
        json!({"display_name": 7}),
        json!({"email": "Tomas@example.org"}),
        json!({"email": "@"}),
        json!({"avatar_url": "javascript:alert(1)"}),
        json!({"avatar_url": "//example.org/x.png"}),
        json!([]),
    ] {
        refusals.push(refusal(&ines.api.patch("/v1/me", body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /username malformed
    422 invalid_field /username empty
    409 username_taken
    422 invalid_field /display_name malformed
    422 invalid_field /display_name malformed
    409 email_taken
    422 invalid_field /email malformed
    422 invalid_field /avatar_url malformed
    422 invalid_field /avatar_url malformed
    422 invalid_field  malformed
    ");
    server.shutdown().await;
}

/// S4: whoever else was logged in is no longer.
#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let server = TestServer::spawn().await;
    let api = Api::new(&server);
    let ines = person(&server, "ines").await;
    let login = json!({"login": "ines", "password": PASSWORD});
    let other = api.post("/v1/auth/login", login.clone()).await.json();
    let other = api.with_token(&text(&other["access_token"]));

    let change = json!({"current": PASSWORD, "new": "clave-más-nueva-9"});
    let changed = ines.api.put("/v1/me/password", change).await;
    assert_eq!(changed.status, 204);
    assert_eq!(ines.api.get("/v1/me").await.status, 200);
    assert_eq!(refusal(&other.get("/v1/me").await), "401 invalid_token");
    let old = api.post("/v1/auth/login", login).await;
    assert_eq!(refusal(&old), "401 invalid_credentials");
    let login = json!({"login": "ines", "password": "clave-más-nueva-9"});
    assert_eq!(api.post("/v1/auth/login", login).await.status, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn a_password_is_not_changed_for_a_weak_one_or_by_a_stranger() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let mut refusals = Vec::new();
    for body in [
        json!({"current": PASSWORD}),
        json!({"new": "clave-más-nueva-9"}),
        json!({"current": "otra-clave-9", "new": "clave-más-nueva-9"}),
        json!({"current": PASSWORD, "new": "corta"}),
        json!({"current": PASSWORD, "new": "password123"}),
    ] {
        refusals.push(refusal(&ines.api.put("/v1/me/password", body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /new missing
    422 invalid_field /current missing
    401 invalid_credentials
    422 invalid_field /new too_short min 8
    422 invalid_field /new too_common
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let login = Api::new(&server)
        .request(http::Method::POST, "/v1/auth/login")
        .header(http::header::USER_AGENT, "Teléfono de Inés")
        .json(&json!({"login": "ines", "password": PASSWORD}))
        .send()
        .await;
    let phone = Api::new(&server).with_token(&text(&login.json()["access_token"]));
    let sessions = ines.api.get("/v1/sessions").await;
    assert_snapshot!(seen(&sessions), @r#"
    200 OK
    {
      "items": [
        {
          "id": "3",
          "device": "Teléfono de Inés",
          "current": false,
          "created_at": "2026-02-18T07:33:20.123Z",
          "last_used_at": "2026-02-18T07:33:20.123Z",
          "expires_at": "2026-03-20T07:33:20.123Z"
        },
        {
          "id": "1",
          "device": "",
          "current": true,
          "created_at": "2026-02-18T07:33:20.123Z",
          "last_used_at": "2026-02-18T07:33:20.123Z",
          "expires_at": "2026-03-20T07:33:20.123Z"
        }
      ],
      "next_cursor": null
    }
    "#);

    let newest = text(&sessions.json()["items"][0]["id"]);
    let path = format!("/v1/sessions/{newest}");
    let strange = tomas.api.delete(&path).await;
    assert_eq!(refusal(&strange), "404 session_not_found");
    assert_eq!(ines.api.delete(&path).await.status, 204);
    assert_eq!(refusal(&phone.get("/v1/me").await), "401 invalid_token");
    let again = ines.api.delete(&path).await;
    assert_eq!(refusal(&again), "404 session_not_found");
    let odd = ines.api.delete("/v1/sessions/x").await;
    assert_eq!(refusal(&odd), "404 session_not_found");
    server.shutdown().await;
}
