//! Section 3, "REST": accounts and tokens.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tertulia_domain::UserId;
use tertulia_domain::ports::{UserKey, UserStore};
use tertulia_domain::user::NewUser;
use tertulia_store::{Options, SqlStore};
use tertulia_testkit::{START, SeededRandom, TestServer};
use uuid::Uuid;

use super::{PASSWORD, answers, person, text};

/// What a JWT says.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// "POST `/api/auth/login/` … `login` (e-mail or username), `password` … 200
/// `{refresh, access, user}`"; the tokens are SimpleJWT's: 60 minutes and 7 days.
#[tokio::test]
async fn a_login_by_either_name_gives_both_tokens() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    for login in ["vale", "VALE@liga.test"] {
        let body = json!({ "login": login, "password": PASSWORD });
        let login = server.http().post("/api/auth/login/", &body).await;
        assert_eq!(login.status, 200, "{}", login.text());
        let login = login.json();
        assert_eq!(login["user"]["id"], vale.id.as_str());
        assert_eq!(login["user"]["email"], "vale@liga.test", "one's own");
        for (name, kind, seconds) in [
            ("access", "access", 60 * 60),
            ("refresh", "refresh", 7 * 24 * 60 * 60),
        ] {
            let claims = claims(&text(&login[name]));
            assert_eq!(claims["token_type"], kind);
            assert_eq!(claims["user_id"], vale.id.as_str());
            assert!(claims["jti"].is_string());
            let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert_eq!(lifetime, seconds);
        }
    }
    server.shutdown().await;
}

/// "`password` (Django format, `pbkdf2_sha256$…`)": it is accepted once, and kept
/// as Argon2id from then on.
#[tokio::test]
async fn a_password_of_django_is_accepted_and_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let store = async |seed| {
        let options = Options::new(data_dir.join("tertulia.db"));
        SqlStore::open(options, &SeededRandom::new(seed))
            .await
            .unwrap()
    };
    let user = NewUser {
        id: UserId(1),
        uuid: Uuid::from_u128(7),
        username: "vale".to_owned(),
        handles: vec!["vale".to_owned()],
        display_name: "Vale Ríos".to_owned(),
        email: Some("vale@liga.test".to_owned()),
        external_id: None,
        password_hash: Some(
            "pbkdf2_sha256$1000$sal-de-prueba$NhsnqXhPU9J96KGfeBGmJRfaTLUkp9Izidct/mHEgl0="
                .to_owned(),
        ),
        created_at: START,
    };
    let imported = store(1).await;
    imported.create_user(user).await.unwrap();
    drop(imported);
    for round in [2, 3] {
        let server = TestServer::builder()
            .variable("TERTULIA_DATABASE_URL", &sqlite_url(&data_dir))
            .data_dir(&data_dir)
            .seed(round)
            .spawn()
            .await;
        for (password, status) in [("gol-2026x", 400), (PASSWORD, 200)] {
            let body = json!({ "login": "vale", "password": password });
            let login = server.http().post("/api/auth/login/", &body).await;
            assert_eq!(login.status, status, "{}", login.text());
        }
        server.shutdown().await;
        let key = UserKey::Username("vale".to_owned());
        let kept = store(10 + round)
            .await
            .credentials(key)
            .await
            .unwrap()
            .unwrap();
        let hash = kept.password_hash.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
    }
}

fn sqlite_url(data_dir: &std::path::Path) -> String {
    format!("sqlite:{}", data_dir.join("tertulia.db").display())
}

/// "400 `{"non_field_errors":["Credenciales inválidas."]}`".
#[tokio::test]
async fn a_wrong_login_is_refused_without_saying_what_is_wrong() {
    let server = TestServer::spawn().await;
    person(&server, "vale").await;
    let wrong = json!({ "non_field_errors": ["Credenciales inválidas."] });
    for body in [
        json!({ "login": "vale", "password": "otra" }),
        json!({ "login": "nadie", "password": PASSWORD }),
    ] {
        answers(
            &server.http().post("/api/auth/login/", &body).await,
            400,
            &wrong,
        );
    }
    let nothing = server.http().post("/api/auth/login/", &json!({})).await;
    let required = json!(["Este campo es requerido."]);
    answers(
        &nothing,
        400,
        &json!({ "login": required, "password": required }),
    );
    server.shutdown().await;
}

/// "POST `/api/auth/register/` … 400 by field".
#[tokio::test]
async fn a_registration_is_refused_by_field() {
    let server = TestServer::spawn().await;
    let taken = person(&server, "vale").await;
    let account = |changes: Value| {
        let mut account = json!({
            "email": "memo@liga.test", "username": "memo", "display_name": "Memo",
            "password": PASSWORD, "password_confirm": PASSWORD,
        });
        for (name, value) in changes.as_object().unwrap() {
            account[name] = value.clone();
        }
        account
    };
    for (changes, field) in [
        (json!({ "email": null }), "email"),
        (json!({ "email": "memo" }), "email"),
        (json!({ "email": "vale@liga.test" }), "email"),
        (json!({ "username": taken.username }), "username"),
        (json!({ "display_name": " " }), "display_name"),
        (
            json!({ "password": "corta", "password_confirm": "corta" }),
            "password",
        ),
        (
            json!({ "password_confirm": "otra-Clave-9" }),
            "password_confirm",
        ),
    ] {
        let body = account(changes);
        let refused = server.http().post("/api/auth/register/", &body).await;
        assert_eq!(refused.status, 400, "{body}");
        let errors = refused.json();
        let fields: Vec<_> = errors.as_object().unwrap().keys().collect();
        assert_eq!(fields, [field], "{errors}");
        assert!(errors[field][0].is_string(), "{errors}");
    }
    let made = server
        .http()
        .post("/api/auth/register/", &account(json!({})))
        .await;
    assert_eq!(made.status, 201);
    server.shutdown().await;
}

/// "`refresh` → `{access, refresh}` … 401"; a refresh token is good once.
#[tokio::test]
async fn a_refresh_token_is_exchanged_once() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    let refresh = async |token: &str| {
        let body = json!({ "refresh": token });
        server.http().post("/api/auth/refresh/", &body).await
    };
    let fresh = refresh(&vale.refresh).await;
    assert_eq!(fresh.status, 200);
    let fresh = fresh.json();
    let access = server.http().bearer(&text(&fresh["access"]));
    assert_eq!(access.get("/api/auth/verify/").await.status, 200);
    let invalid = json!({ "detail": "Token inválido" });
    for token in [&vale.access, "x.y.z"] {
        answers(&refresh(token).await, 401, &invalid);
    }
    answers(&refresh(&vale.refresh).await, 401, &invalid);
    let stolen = refresh(&text(&fresh["refresh"])).await;
    answers(&stolen, 401, &invalid);
    server.shutdown().await;
}

/// The refresh token lives 7 days.
#[tokio::test]
async fn a_refresh_token_ends_after_seven_days() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    server.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let body = json!({ "refresh": vale.refresh });
    let refused = server.http().post("/api/auth/refresh/", &body).await;
    assert_eq!(refused.status, 401);
    server.shutdown().await;
}

/// "POST `/api/auth/logout/` … ours revokes and answers 200".
#[tokio::test]
async fn a_logout_ends_the_login() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    let body = json!({ "refresh_token": vale.refresh });
    for _ in 0..2 {
        let done = server.http().post("/api/auth/logout/", &body).await;
        assert_eq!(done.status, 200, "{}", done.text());
    }
    let refresh = json!({ "refresh": vale.refresh });
    let refused = server.http().post("/api/auth/refresh/", &refresh).await;
    assert_eq!(refused.status, 401);
    assert_eq!(vale.http.get("/api/auth/verify/").await.status, 401);
    server.shutdown().await;
}

/// "No token or a bad one: 401 `{"detail": …}`".
#[tokio::test]
async fn every_call_needs_an_access_token() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    let none = json!({ "detail": "Las credenciales de autenticación no se proveyeron." });
    let bad = json!({ "detail": "Token inválido" });
    for path in [
        "/api/auth/verify/",
        "/api/auth/profile/",
        "/api/users/friends/",
        "/api/messaging/chats/",
        "/api/messaging/chats/x/",
        "/api/messaging/chats/x/messages/",
    ] {
        answers(&server.http().get(path).await, 401, &none);
        let refresh = server.http().bearer(&vale.refresh);
        answers(&refresh.get(path).await, 401, &bad);
    }
    let verified = vale.http.get("/api/auth/verify/").await.json();
    assert_eq!(
        (&verified["valid"], &verified["user"]["username"]),
        (&json!(true), &json!("vale"))
    );
    server.shutdown().await;
}

/// "GET, PATCH `/api/auth/profile/`"; with and without the final slash.
#[tokio::test]
async fn a_profile_is_read_and_changed() {
    let server = TestServer::spawn().await;
    let vale = person(&server, "vale").await;
    let changes = json!({ "display_name": "Vale R.", "bio": "not kept" });
    let changed = vale.http.patch("/api/auth/profile/", &changes).await;
    assert_eq!(changed.status, 200);
    let profile = vale.http.get("/api/auth/profile").await.json();
    assert_eq!(profile, changed.json());
    assert_eq!(profile["display_name"], "Vale R.");
    assert_eq!(profile["email"], "vale@liga.test");
    let wrong = json!({ "email": "x" });
    assert_eq!(
        vale.http.patch("/api/auth/profile/", &wrong).await.status,
        400
    );
    let put = vale.http.put("/api/auth/profile/", &json!({})).await;
    answers(&put, 405, &json!({ "detail": "Método no permitido." }));
    server.shutdown().await;
}

/// A form is read as JSON is; anything else is named as such.
#[tokio::test]
async fn bodies_are_json_or_forms() {
    let server = TestServer::spawn().await;
    person(&server, "vale").await;
    let login = |kind: &str, body: &'static str| {
        let request = server
            .http()
            .request(http::Method::POST, "/api/auth/login/");
        request.header(http::header::CONTENT_TYPE, kind).body(body)
    };
    let form = "login=vale%40liga.test&password=Gol-2026x";
    let form = login("application/x-www-form-urlencoded", form)
        .send()
        .await;
    assert_eq!(form.status, 200, "{}", form.text());
    let broken = login("application/json; charset=utf-8", "{").send().await;
    answers(&broken, 400, &json!({ "error": "Formato JSON inválido" }));
    let text = login("text/plain", "login").send().await;
    assert_eq!(text.status, 415);
    server.shutdown().await;
}
