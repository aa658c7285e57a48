//! Tokens that the app signs itself, on every dialect that takes tokens
//! (`design.md` §5, `reliability.md` S2, S4).

use std::collections::HashSet;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tertulia_domain::{UserId, UserState};
use tertulia_testkit::{Closed, KaapehClient, START, TestServer, TestServerBuilder};

const SECRET: &str = "app-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA-app";
const OWN_SECRET: &str = "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";

fn builder() -> TestServerBuilder {
    TestServer::builder().variable("TERTULIA_APP_JWT_SECRET", SECRET)
}

/// A token of this user that lives this many seconds.
fn token(user: &str, seconds: i64) -> String {
    let exp = START.as_secs() + seconds;
    signed(&json!({"sub": user, "name": format!("{user} de la app"), "exp": exp}))
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).unwrap()
}

/// What REST says of the token's user.
async fn me(server: &TestServer, token: &str) -> Value {
    let answer = server.http().bearer(token).get("/v1/me").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn is_refused(server: &TestServer, token: &str) {
    let answer = server.http().bearer(token).get("/v1/me").await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(answer.json()["code"], "invalid_token");

    let mut v1 = server.socket("v1", "/v1/ws", &[]).await;
    v1.send(&json!({"op": "auth", "token": token})).await;
    assert_eq!(v1.recv().await["code"], "invalid_token");
    v1.vanish();

    let mut kaapehchat = server.kaapehchat("kaapehchat").await;
    kaapehchat
        .request("hello", &json!({ "token": token }))
        .await;
    is_told_invalid(&mut kaapehchat).await;
    kaapehchat.finish().await;
}

async fn is_told_invalid(client: &mut KaapehClient) {
    let refusal = client.expect("error").await;
    assert_eq!(refusal, json!({ "message": "Token inválido" }));
}

#[tokio::test]
async fn one_user_through_every_dialect() {
    let server = builder().spawn().await;
    let token = token("u-7", 900);
    let mut kaapehchat = server.kaapehchat("kaapehchat").await;
    kaapehchat
        .request("hello", &json!({ "token": token }))
        .await;
    let hello = kaapehchat.expect("hello:ok").await;
    let v1 = server.v1_socket("v1", &token).await;

    let user = me(&server, &token).await;
    assert_eq!(user["external_id"], "u-7");
    assert_eq!(user["username"], "u-7");
    assert_eq!(user["display_name"], "u-7 de la app");
    assert_eq!(user["email"], Value::Null);
    assert_eq!(hello["user"]["id"], user["uuid"], "{hello}");
    let login = json!({"login": "u-7", "password": ""});
    let login = server.http().post("/v1/auth/login", &login).await;
    assert!(login.status.is_client_error(), "{}", login.text());
    v1.finish().await;
    kaapehchat.finish().await;
    server.shutdown().await;
}

/// The app's users and ours write to one another.
#[tokio::test]
async fn messages_go_between_both_kinds_of_users() {
    let server = builder().spawn().await;
    let local = server.http().v1_register("ines").await;
    let app = token("u-7", 900);
    let app_user = me(&server, &app).await;
    let room = json!({"kind": "group", "title": "Cafetal", "members": [app_user["id"]]});
    let room = server
        .http()
        .bearer(&local.token)
        .post("/v1/rooms", &room)
        .await;
    assert_eq!(room.status, 201, "{}", room.text());
    let path = format!("/v1/rooms/{}/messages", room.json()["id"].as_str().unwrap());
    let mut reader = server.v1_socket("reader", &local.token).await;
    let sent = server
        .http()
        .bearer(&app)
        .post(&path, &json!({"text": "hola"}))
        .await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    let heard = reader.expect("message").await;
    assert_eq!(heard["message"]["sender"]["username"], "u-7");
    reader.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn many_first_sights_make_one_user() {
    let server = builder().spawn().await;
    let first = token("u-7", 900);
    let chat = server.chat();
    let seen = join_all((0..40).map(|_| chat.authenticate(&first))).await;
    let users: HashSet<UserId> = seen.into_iter().map(|it| it.unwrap().user()).collect();
    assert_eq!(users.len(), 1, "{users:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_username_that_is_taken_is_not_taken_over() {
    let server = builder().spawn().await;
    let local = server.http().v1_register("ines").await;
    let user = me(&server, &token("Ines", 900)).await;
    assert_ne!(user["id"], local.id.as_str());
    assert_eq!(user["external_id"], "Ines");
    let username = user["username"].as_str().unwrap();
    let suffix = username.strip_prefix("Ines-").unwrap();
    assert_eq!(suffix.len(), 8, "{username}");
    assert_eq!(me(&server, &token("Ines", 800)).await["id"], user["id"]);
    server.shutdown().await;
}

#[tokio::test]
async fn names_are_made_to_fit() {
    let server = builder()
        .variable("TERTULIA_LIMIT_USERNAME_CHARS", "12")
        .variable("TERTULIA_LIMIT_DISPLAY_NAME_CHARS", "5")
        .spawn()
        .await;
    let exp = START.as_secs() + 900;
    for (sub, name, username, display_name) in [
        (json!(31), json!("Inés Mora"), "31", "Inés"),
        (
            json!("somebody@app.test"),
            json!(7),
            "somebody@app",
            "someb",
        ),
        (json!("u-8"), json!("a\u{7}b"), "u-8", "u-8"),
        (json!("u-9"), json!("  "), "u-9", "u-9"),
    ] {
        let token = signed(&json!({"sub": sub, "name": name, "exp": exp}));
        let user = me(&server, &token).await;
        assert_eq!(user["username"], username);
        assert_eq!(user["display_name"], display_name);
    }
    let cut = me(&server, &token("somebody@app.example", 900)).await;
    let username = cut["username"].as_str().unwrap();
    assert_eq!(username.find('-'), Some(3), "{username}");
    assert_eq!(username.len(), 12, "{username}");
    server.shutdown().await;
}

/// S4: whoever is suspended is closed at once, and does not come back.
#[tokio::test]
async fn whoever_is_suspended_is_closed_and_refused() {
    let server = builder().spawn().await;
    let token = token("u-7", 900);
    let user = server.chat().authenticate(&token).await.unwrap().user();
    let mut v1 = server.v1_socket("live", &token).await;
    let mut kaapehchat = server.kaapehchat("live").await;
    kaapehchat.hello(&token).await;

    let chat = server.chat();
    chat.set_user_state(user, UserState::Suspended)
        .await
        .unwrap();
    assert_eq!(v1.expect("bye").await["reason"], "session_ended");
    assert_eq!(v1.recv_close().await, closed(4401, "session_ended"));
    is_told_invalid(&mut kaapehchat).await;
    assert_eq!(kaapehchat.recv_close().await, closed(1008, "session_ended"));
    is_refused(&server, &token).await;

    chat.set_user_state(user, UserState::Active).await.unwrap();
    assert_eq!(
        server.chat().authenticate(&token).await.unwrap().user(),
        user
    );
    server.shutdown().await;
}

#[tokio::test]
async fn connections_end_with_their_token() {
    let server = builder().spawn().await;
    let token = token("u-7", 1);
    let mut v1 = server.v1_socket("live", &token).await;
    let mut kaapehchat = server.kaapehchat("live").await;
    kaapehchat.hello(&token).await;
    assert_eq!(v1.expect("bye").await["reason"], "token_expired");
    assert_eq!(v1.recv_close().await, closed(4401, "token_expired"));
    is_told_invalid(&mut kaapehchat).await;
    assert_eq!(kaapehchat.recv_close().await, closed(1008, "token_expired"));

    server.advance(std::time::Duration::from_secs(1));
    is_refused(&server, &token).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_fresh_token_goes_on_with_the_connection() {
    let server = builder().spawn().await;
    let mut v1 = server.v1_socket("live", &token("u-7", 900)).await;
    v1.call("reauth", &json!({"token": token("u-7", 1800)}))
        .await;
    let other = json!({"token": token("u-8", 1800)});
    v1.request("reauth", &other).await;
    assert_eq!(v1.expect("error").await["code"], "other_user");
    v1.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn every_dialect_refuses_what_is_wrong() {
    let server = builder().spawn().await;
    let exp = START.as_secs() + 900;
    let good = json!({"sub": "u-7", "exp": exp});
    let ended = json!({"sub": "u-7", "exp": START.as_secs()});
    let posing = json!({"iss": "tertulia", "sub": "u-7", "exp": exp});
    let (message, signature) = {
        let token = signed(&good);
        let (message, signature) = token.rsplit_once('.').unwrap();
        (message.to_owned(), signature.to_owned())
    };
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), {
        URL_SAFE_NO_PAD.encode(good.to_string())
    });
    for token in [
        signed(&ended),
        signed(&posing),
        signed(&json!({"sub": "u-7"})),
        signed(&json!({"exp": exp})),
        unsigned,
        format!("{message}.A{}", &signature[1..].replace('A', "B")),
    ] {
        is_refused(&server, &token).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn without_the_apps_key_its_tokens_are_refused() {
    let server = TestServer::spawn().await;
    is_refused(&server, &token("u-7", 900)).await;
    server.shutdown().await;
}

/// A token of KaapehChat's original has no issuer, and names a user by UUID: it
/// must not pass for one of the app's.
#[tokio::test]
async fn secrets_are_not_shared_between_the_app_and_tertulia() {
    for name in ["JWT_SECRET", "TERTULIA_JWT_PREVIOUS_SECRET"] {
        let started = builder().variable(name, SECRET).try_spawn().await;
        let error = started.expect_err("one secret for both").to_string();
        assert!(error.contains("a secret of its own"), "{error}");
    }
    let server = builder().variable("JWT_SECRET", OWN_SECRET).spawn().await;
    let exp = START.as_secs() + 900;
    let old = json!({
        "sub": "0d0c6f6e-2f0e-4c7a-9a3b-5e1f00aa77bb", "usr": "ines", "iat": exp, "exp": exp,
    });
    let key = EncodingKey::from_secret(OWN_SECRET.as_bytes());
    let old = jsonwebtoken::encode(&Header::default(), &old, &key).unwrap();
    is_refused(&server, &old).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_key_set_is_read_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "2026", "x": x});
    std::fs::write(&file, json!({"keys": [key]}).to_string()).unwrap();
    let builder = || {
        TestServer::builder()
            .variable("TERTULIA_APP_JWKS_FILE", &file.display().to_string())
            .variable("TERTULIA_APP_JWT_USER_CLAIM", "uid")
            .variable("TERTULIA_APP_JWT_ISSUER", "app")
            .variable("TERTULIA_APP_JWT_AUDIENCE", "chat")
    };
    let server = builder().spawn().await;
    let signed = |claims: &Value| {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"2026"}"#);
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    };
    let exp = START.as_secs() + 900;
    let good = signed(&json!({"uid": 31, "iss": "app", "aud": "chat", "exp": exp}));
    assert_eq!(me(&server, &good).await["external_id"], "31");
    is_refused(
        &server,
        &signed(&json!({"uid": 31, "iss": "app", "exp": exp})),
    )
    .await;
    server.shutdown().await;

    std::fs::write(&file, r#"{"keys": []}"#).unwrap();
    let error = builder().try_spawn().await.expect_err("no key");
    assert!(error.to_string().contains("cannot be used"), "{error}");
}

fn closed(code: u16, reason: &str) -> Closed {
    Closed::Frame(code, reason.to_owned())
}
