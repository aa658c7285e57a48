//! How often one user may ask for what costs the server something
//! (`reliability.md` §2).

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tertulia_testkit::{PASSWORD, TestServer, TestServerBuilder};

use crate::{Person, person, refusal};

fn server(per_second: &str, burst: &str) -> TestServerBuilder {
    TestServer::builder()
        .variable("TERTULIA_LIMIT_MESSAGES_PER_SECOND", per_second)
        .variable("TERTULIA_LIMIT_MESSAGE_BURST", burst)
}

/// Asks as fast as it goes until the server has enough.
async fn ask_until_refused(ines: &Person, method: &Method, path: &str, body: &Value) -> String {
    for _ in 0..50 {
        let body = (!body.is_null()).then(|| body.clone());
        let answer = ines.api.call(method.clone(), path, body).await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1", "{method} {path}");
            return refusal(&answer);
        }
    }
    format!("{method} {path} may be asked without end")
}

#[tokio::test]
async fn every_call_that_changes_something_counts_and_so_does_a_search() {
    let server = server("1", "2").spawn().await;
    for (number, (method, path, body)) in [
        (
            Method::POST,
            "/v1/rooms",
            json!({"kind": "group", "title": "a"}),
        ),
        (Method::PATCH, "/v1/rooms/1", json!({"title": "b"})),
        (Method::DELETE, "/v1/rooms/99", Value::Null),
        (Method::PUT, "/v1/rooms/1/members/99", json!({})),
        (Method::DELETE, "/v1/rooms/1/members/99", Value::Null),
        (Method::POST, "/v1/rooms/99/join", Value::Null),
        (Method::POST, "/v1/rooms/99/leave", Value::Null),
        (Method::POST, "/v1/rooms/1/invites", json!({})),
        (Method::POST, "/v1/invites/nonsense", Value::Null),
        (Method::PATCH, "/v1/me", json!({"display_name": "Inés"})),
        (
            Method::PUT,
            "/v1/me/password",
            json!({"current": PASSWORD, "new": PASSWORD}),
        ),
        (Method::DELETE, "/v1/sessions/99", Value::Null),
        (Method::GET, "/v1/users?query=a", Value::Null),
    ]
    .iter()
    .enumerate()
    {
        let ines = person(&server, &format!("ines{number}")).await;
        let refused = ask_until_refused(&ines, method, path, body).await;
        assert_eq!(refused, "429 slow_down", "{method} {path}");
        assert_eq!(ines.api.get("/v1/me").await.status, 200, "reading is free");
    }
    server.shutdown().await;
}

/// Refused it cannot be: the token that was exchanged is gone.
#[tokio::test]
async fn whoever_exchanges_tokens_too_fast_waits_for_the_answers() {
    let server = server("20", "1").spawn().await;
    let ines = person(&server, "ines").await;
    let began = Instant::now();
    let mut token = ines.refresh_token.clone();
    for _ in 0..6 {
        let body = json!({"refresh_token": token});
        let answer = ines.api.post("/v1/auth/refresh", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        token = crate::text(&answer.json()["refresh_token"]);
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    server.shutdown().await;
}
