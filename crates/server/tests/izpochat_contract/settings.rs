//! Section 5, and the tokens of an older installation (sections 2 and 6).

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tertulia_testkit::{PASSWORD, TestServer};

use crate::{check_detail, enter, person, room};

const SECRET: &str = "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";

/// A token of the original: `sub` the username, `exp`, nothing else.
fn old_token(server: &TestServer, name: &str, ends_in: i64) -> String {
    let now = server.chat().now().as_secs();
    signed(&json!({"sub": name, "exp": now + ends_in}))
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::default(), claims, &key).unwrap()
}

async fn server() -> TestServer {
    TestServer::builder()
        .variable("SECRET_KEY", SECRET)
        .variable("ALGORITHM", "HS256")
        .variable("ACCESS_TOKEN_EXPIRE_MINUTES", "30")
        .spawn()
        .await
}

/// "the old shape is taken with the old key"; on REST and on the socket.
#[tokio::test]
async fn tokens_of_the_older_installation_are_taken() {
    let server = server().await;
    let mut lidia = person(&server, "lidia").await;
    let id = room(&lidia, "Ensayo", false).await;
    server.advance(Duration::from_secs(3_600));
    lidia.token = old_token(&server, "lidia", 1_800);
    lidia.http = server.http().bearer(&lidia.token);
    let me = lidia.get("/api/users/me").await;
    assert_eq!(me.status, 200, "{}", me.text());
    assert_eq!(me.json()["id"], lidia.id);
    let (socket, _) = enter(&server, &lidia, id).await;
    socket.finish().await;

    // By no other dialect.
    let elsewhere = server.http().bearer(&lidia.token).get("/v1/me").await;
    assert_eq!(elsewhere.status, 401);
    let now = server.chat().now().as_secs();
    for claims in [
        json!({"sub": "lidia", "exp": now}),
        json!({"sub": "nadie", "exp": now + 60}),
        json!({"sub": "lidia"}),
        json!({"sub": "lidia", "exp": now + 60, "iss": "tertulia"}),
    ] {
        let refused = server
            .http()
            .bearer(&signed(&claims))
            .get("/api/users/me")
            .await;
        check_detail(&refused, 401, "Could not validate credentials");
    }
    server.shutdown().await;
}

/// "tokens name the username: rename or reuse = someone else's session" → "old tokens
/// accepted only if issued before any rename".
#[tokio::test]
async fn an_old_token_never_opens_another_account() {
    let server = server().await;
    let lidia = person(&server, "lidia").await;
    server.advance(Duration::from_secs(3_600));
    let old = server.http().bearer(&old_token(&server, "lidia", 1_800));
    assert_eq!(old.get("/api/users/me").await.status, 200);

    // The name goes to somebody else within the token's life.
    server.advance(Duration::from_secs(60));
    let renamed = json!({"username": "lidia2"});
    let login = json!({"username": "lidia", "password": PASSWORD});
    let login = server.http().post("/api/users/login", &login).await.json();
    let own = server
        .http()
        .bearer(login["access_token"].as_str().unwrap());
    assert_eq!(own.put("/api/users/me", &renamed).await.status, 200);
    check_detail(
        &old.get("/api/users/me").await,
        401,
        "Could not validate credentials",
    );
    let taker = json!({
        "username": "lidia", "email": "otra@mail.example.com", "password": PASSWORD,
    });
    let taker = server.http().post("/api/users/register", &taker).await;
    assert_eq!(taker.status, 201);
    let stolen = old.get("/api/users/me").await;
    check_detail(&stolen, 401, "Could not validate credentials");
    server.advance(Duration::from_secs(1));
    let by_new_name = server.http().bearer(&old_token(&server, "lidia2", 1_800));
    assert_eq!(
        by_new_name.get("/api/users/me").await.status,
        200,
        "issued just now"
    );
    let before = server.http().bearer(&old_token(&server, "lidia2", 1_799));
    let before = before.get("/api/users/me").await;
    check_detail(&before, 401, "Could not validate credentials");
    // One of ours names its user by number.
    let me = own.get("/api/users/me").await.json();
    assert_eq!(me["id"], lidia.id);
    server.shutdown().await;
}

/// `ACCESS_TOKEN_EXPIRE_MINUTES`: 30 unless said otherwise; the client reads `exp`.
#[tokio::test]
async fn tokens_live_as_long_as_said() {
    for (minutes, seconds) in [(None, 1_800), (Some("5"), 300)] {
        let mut builder = TestServer::builder();
        if let Some(minutes) = minutes {
            builder = builder.variable("ACCESS_TOKEN_EXPIRE_MINUTES", minutes);
        }
        let server = builder.spawn().await;
        let lidia = person(&server, "lidia").await;
        server.advance(Duration::from_secs(seconds - 1));
        assert_eq!(lidia.get("/api/users/me").await.status, 200);
        server.advance(Duration::from_secs(1));
        assert_eq!(lidia.get("/api/users/me").await.status, 401);
        server.shutdown().await;
    }
}

/// `APP_NAME`; `DEBUG` and another `ALGORITHM` do no harm.
#[tokio::test]
async fn the_rest_is_understood() {
    let server = TestServer::builder()
        .variable("APP_NAME", "Ensayo API")
        .variable("DEBUG", "false")
        .variable("ALGORITHM", "HS512")
        .spawn()
        .await;
    let health = server.http().get("/health").await.json();
    assert_eq!(health["service"], "Ensayo API");
    server.shutdown().await;
}
