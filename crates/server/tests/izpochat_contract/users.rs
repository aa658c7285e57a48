//! Section 3, REST, `/api/users/…`.

use http::Method;
use serde_json::{Value, json};
use tertulia_domain::UserState;
use tertulia_testkit::{PASSWORD, TestServer};

use crate::{ask, check, check_detail, check_fields, person, room, text};

async fn register(server: &TestServer, changes: &Value) -> tertulia_testkit::HttpResponse {
    let mut account = json!({
        "username": "lidia", "email": "lidia@mail.example.com", "password": PASSWORD,
    });
    for (name, value) in changes.as_object().unwrap() {
        account[name] = value.clone();
    }
    server.http().post("/api/users/register", &account).await
}

/// POST `/api/users/register`: 201 User; 400 `Email already registered` (checked
/// first), `Username already taken`; 422.
#[tokio::test]
async fn registering() {
    let server = TestServer::spawn().await;
    let made = register(&server, &json!({"is_public": true})).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["full_name"], Value::Null);
    let both = register(&server, &json!({})).await;
    check_detail(&both, 400, "Email already registered");
    let email = register(&server, &json!({"username": "otra"})).await;
    check_detail(&email, 400, "Email already registered");
    let name = register(&server, &json!({"email": "otra@mail.example.com"})).await;
    check_detail(&name, 400, "Username already taken");

    let nothing = server
        .http()
        .post("/api/users/register", &json!({"username": null}))
        .await;
    check_fields(
        &nothing,
        &[
            ("body.username", "string_type"),
            ("body.email", "missing"),
            ("body.password", "missing"),
        ],
    );
    for (changes, field, kind) in [
        (json!({"email": "lidia"}), "body.email", "value_error"),
        (json!({"email": ""}), "body.email", "value_error"),
        (
            json!({"password": "corta"}),
            "body.password",
            "string_too_short",
        ),
        (
            json!({"password": "12345678"}),
            "body.password",
            "value_error",
        ),
        (
            json!({"username": " "}),
            "body.username",
            "string_too_short",
        ),
        (json!({"full_name": 7}), "body.full_name", "string_type"),
    ] {
        let mut changes = changes;
        if changes.get("username").is_none() {
            changes["username"] = "nueva".into();
        }
        check_fields(&register(&server, &changes).await, &[(field, kind)]);
    }
    server.shutdown().await;
}

/// POST `/api/users/login`: 401 `Incorrect username or password`; 400 `Inactive
/// user`; 422.
#[tokio::test]
async fn logging_in() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let login = async |name: &str, password: &str| {
        let login = json!({"username": name, "password": password});
        server.http().post("/api/users/login", &login).await
    };
    let wrong = "Incorrect username or password";
    check_detail(&login("lidia", "otra-clave-9").await, 401, wrong);
    check_detail(&login("nadie", PASSWORD).await, 401, wrong);
    let missing = server.http().post("/api/users/login", &json!({})).await;
    check_fields(
        &missing,
        &[("body.username", "missing"), ("body.password", "missing")],
    );
    assert_eq!(lidia.get("/api/users/me").await.status, 200);

    let user = tertulia_domain::UserId(lidia.id);
    let suspended = server.chat().set_user_state(user, UserState::Suspended);
    suspended.await.unwrap();
    check_detail(&login("lidia", PASSWORD).await, 400, "Inactive user");
    check_detail(&login("lidia", "otra-clave-9").await, 401, wrong);
    check_detail(&lidia.get("/api/users/me").await, 400, "Inactive user");
    server.shutdown().await;
}

/// GET and PUT `/api/users/me`: any of `username`, `email`, `full_name`,
/// `is_active`; 400 as in register.
#[tokio::test]
async fn ones_own_account() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    person(&server, "bruno").await;
    let me = lidia.get("/api/users/me").await.json();
    assert_eq!(me["email"], "lidia@mail.example.com");
    assert_eq!(me["updated_at"], Value::Null);

    server.advance(std::time::Duration::from_secs(60));
    let changes = json!({"full_name": "Lidia R.", "is_active": false});
    let changed = lidia.put("/api/users/me", &changes).await;
    assert_eq!(changed.status, 200);
    let changed = changed.json();
    assert_eq!(changed["full_name"], "Lidia R.");
    assert_eq!(changed["is_active"], true, "ignored");
    assert_ne!(changed["updated_at"], Value::Null);
    let removed = lidia
        .put("/api/users/me", &json!({"full_name": null}))
        .await;
    assert_eq!(removed.json()["full_name"], Value::Null);
    let renamed = json!({"username": "lidia2", "email": "lidia2@mail.example.com"});
    let renamed = lidia.put("/api/users/me", &renamed).await.json();
    assert_eq!(renamed["username"], "lidia2");
    assert_eq!(renamed["email"], "lidia2@mail.example.com");
    assert_eq!(renamed["full_name"], Value::Null, "still none");

    for (changes, detail) in [
        (
            json!({"username": "bruno", "email": "bruno@mail.example.com"}),
            "Email already registered",
        ),
        (
            json!({"email": "bruno@mail.example.com"}),
            "Email already registered",
        ),
        (json!({"username": "bruno"}), "Username already taken"),
        (
            json!({"username": "bruno", "email": "lidia2@mail.example.com"}),
            "Username already taken",
        ),
    ] {
        let refused = lidia.put("/api/users/me", &changes).await;
        check_detail(&refused, 400, detail);
    }
    let wrong = lidia.put("/api/users/me", &json!({"email": "x"})).await;
    check_fields(&wrong, &[("body.email", "value_error")]);
    server.shutdown().await;
}

/// GET `/api/users/` with `skip`=0, `limit`=100; `/api/users/{id}`,
/// `/api/users/username/{name}`: User or 404.
#[tokio::test]
async fn other_people() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let names = async |query: &str| {
        let found = lidia.get(&format!("/api/users/{query}")).await;
        assert_eq!(found.status, 200);
        let found = found.json();
        let found = found.as_array().unwrap();
        found
            .iter()
            .map(|user| text(&user["username"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["lidia", "bruno"]);
    assert_eq!(names("?skip=1&limit=1").await, ["bruno"]);
    let by_id = lidia.get(&format!("/api/users/{}", bruno.id)).await;
    let by_name = lidia.get("/api/users/username/BRUNO").await;
    assert_eq!(by_id.status, 200);
    assert_eq!(by_id.json(), by_name.json());
    for missing in [
        "/api/users/99",
        "/api/users/-1",
        "/api/users/username/nadie",
    ] {
        check_detail(&lidia.get(missing).await, 404, "User not found");
    }
    let odd = lidia.get("/api/users/amigos").await;
    check_fields(&odd, &[("path.user_id", "int_parsing")]);
    server.shutdown().await;
}

/// GET `/api/users/me/rooms`: Room[], of which one is a member.
#[tokio::test]
async fn ones_own_rooms() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let private = room(&lidia, "Plan", true).await;
    room(&bruno, "Ensayo", false).await;
    let mine = lidia.get("/api/users/me/rooms").await.json();
    let [only] = &mine.as_array().unwrap()[..] else {
        panic!("one room, not {mine}");
    };
    assert_eq!(only["id"], private);
    assert_eq!(only["owner"]["id"], lidia.id);
    check(&bruno.get("/api/users/me/rooms/").await, 200, &{
        let one = bruno.get("/api/rooms/2").await.json();
        json!([one])
    });
    server.shutdown().await;
}

/// Section 2, "REST errors": no `Authorization`, another scheme, a bad token.
#[tokio::test]
async fn who_calls() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    for path in [
        "/api/users/me",
        "/api/users/",
        "/api/rooms/1",
        "/api/ws/rooms/1/online",
    ] {
        let none = server.http().get(path).await;
        check_detail(&none, 403, "Not authenticated");
        let request = server.http().request(Method::GET, path);
        let other = request
            .header(http::header::AUTHORIZATION, "Basic abc")
            .send()
            .await;
        check_detail(&other, 403, "Invalid authentication credentials");
        let bad = server.http().bearer("garbage").get(path).await;
        check_detail(&bad, 401, "Could not validate credentials");
        assert_eq!(bad.header("www-authenticate"), "Bearer");
    }
    server.advance(std::time::Duration::from_secs(30 * 60));
    let late = lidia.get("/api/users/me").await;
    check_detail(&late, 401, "Could not validate credentials");
    let wrong = ask(&server.http(), Method::DELETE, "/api/users/me").await;
    check_detail(&wrong, 405, "Method Not Allowed");
    server.shutdown().await;
}
