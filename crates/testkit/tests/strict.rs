//! The kit is strict, and the same in every run.

use serde_json::json;
use tertulia_testkit::{START, TestServer};

#[tokio::test]
#[should_panic(expected = "B left unread")]
async fn a_frame_that_nobody_read_fails_the_test() {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("A").await;
    let mut tomas = server.kaapehchat("B").await;
    ines.register("ines").await;
    let id = tomas.register("tomas").await.id;
    ines.request("chat:createDirect", &json!({ "userId": id }))
        .await;
    ines.expect("chat:created").await;
    server.shutdown().await;
}

#[tokio::test]
#[should_panic(expected = "errors were logged")]
async fn an_error_in_the_log_fails_the_test() {
    let server = TestServer::spawn().await;
    tracing::error!("something broke");
    server.shutdown().await;
}

#[tokio::test]
async fn an_expected_error_does_not() {
    let server = TestServer::spawn().await;
    server.expect_error_log("something broke");
    tracing::error!(part = "something", "something broke");
    server.shutdown().await;
}

#[tokio::test]
#[should_panic(expected = "shutdown().await")]
async fn a_server_that_was_not_shut_down_fails_the_test() {
    let _server = TestServer::spawn().await;
}

async fn session() -> String {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("A").await;
    ines.register("ines").await;
    ines.request("group:create", &json!({ "title": "Cafetal" }))
        .await;
    ines.expect("group:created").await;
    let text = server.transcript().text();
    server.shutdown().await;
    text
}

#[tokio::test]
async fn two_runs_are_alike_to_the_letter() {
    let first = session().await;
    assert!(first.contains("A ← "), "{first}");
    assert_eq!(first, session().await);
}

#[tokio::test]
async fn time_stands_still_until_it_is_moved() {
    let server = TestServer::spawn().await;
    assert_eq!(server.chat().now(), START);
    let hour = std::time::Duration::from_secs(60 * 60);
    server.advance(hour);
    assert_eq!(server.chat().now(), START.after(hour));
    server.shutdown().await;
}
