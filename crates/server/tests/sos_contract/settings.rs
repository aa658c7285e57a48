//! Section 5: the keys of the installation that came before.

use serde_json::{Value, json};
use tertulia_testkit::{START, TestServer};

use super::{expect, nothing_else, open, person, private_chat, socket_path};

const CALLS: &str = "calls-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
const SOCKETS: &str = "sockets-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";

/// A token as SimpleJWT made it.
fn older_token(key: &str, user: &str, kind: &str) -> String {
    let now = START.as_secs();
    let claims = json!({
        "token_type": kind, "exp": now + 3_600, "iat": now, "jti": "0a1b", "user_id": user,
    });
    let header = jsonwebtoken::Header::default();
    let key = jsonwebtoken::EncodingKey::from_secret(key.as_bytes());
    jsonwebtoken::encode::<Value>(&header, &claims, &key).unwrap()
}

/// "Verify with the signing key; during a migration try both"; "a **refresh**
/// token opens a socket: require `token_type` = `access`".
#[tokio::test]
async fn access_tokens_of_the_older_installation_are_taken() {
    let server = TestServer::builder()
        .variable("JWT_SECRET_KEY", CALLS)
        .variable("SECRET_KEY", SOCKETS)
        .spawn()
        .await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let mut a = open(&server, &vale, &chat).await;
    for key in [CALLS, SOCKETS] {
        let access = older_token(key, &memo.id, "access");
        let http = server.http().bearer(&access);
        assert_eq!(http.get("/api/auth/verify/").await.status, 200);
        let mut b = server
            .socket("memo", &socket_path(&chat, &access), &[])
            .await;
        expect(&mut a, "user_status").await;
        nothing_else(&mut b, &mut [&mut a]).await;
        b.finish().await;
        expect(&mut a, "user_status").await;

        let refresh = older_token(key, &memo.id, "refresh");
        let http = server.http().bearer(&refresh);
        assert_eq!(http.get("/api/auth/verify/").await.status, 401);
        let body = json!({ "refresh": refresh });
        let exchanged = server.http().post("/api/auth/refresh/", &body).await;
        assert_eq!(exchanged.status, 401);
    }
    // `/v1` does not take what another dialect's installation made.
    let access = older_token(CALLS, &memo.id, "access");
    let http = server.http().bearer(&access);
    assert_eq!(http.get("/v1/me").await.status, 401);
    server.shutdown().await;
}
