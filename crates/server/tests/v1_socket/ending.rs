//! How long a connection speaks for its user, and the server's last words.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use tertulia_testkit::TestServer;

use crate::client::closed;
use crate::world::World;

#[tokio::test]
async fn whoever_does_not_sign_in_has_to_go() {
    let builder = TestServer::builder().settings(|settings| {
        settings.transport.auth_timeout = Duration::from_millis(20);
    });
    let world = World::with(builder).await;
    let mut client = world.socket("A").await;
    assert_snapshot!(client.event("bye").await, @r#"{"ev":"bye","reason":"auth_timeout"}"#);
    assert_eq!(client.closed().await, closed(4401, "auth_timeout"));
    world.end([]).await;
}

/// S4: no connection outlives its token unrefreshed.
#[tokio::test]
async fn a_token_ends_its_connection_unless_it_is_renewed() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    // An access token lives for 15 minutes, to the second: one is left.
    world
        .server
        .advance(Duration::from_millis(15 * 60 * 1_000 - 1_123));
    let refresh = json!({"refresh_token": ines.refresh_token});
    let refreshed = world
        .server
        .http()
        .post("/v1/auth/refresh", &refresh)
        .await
        .json();
    let fresh = refreshed["access_token"]
        .as_str()
        .expect("tokens are strings");

    let mut renews = world.live("A", &ines).await;
    let mut forgets = world.live("B", &ines).await;
    renews.done(json!({"op": "reauth", "token": fresh})).await;
    assert_snapshot!(forgets.event("bye").await, @r#"{"ev":"bye","reason":"token_expired"}"#);
    assert_eq!(forgets.closed().await, closed(4401, "token_expired"));
    renews.nothing_else().await;
    world.end([renews]).await;
}

/// S4: whoever logs out, or is suspended, is closed at once.
#[tokio::test]
async fn a_login_that_ends_closes_its_connections() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let login = json!({"login": "ines", "password": tertulia_testkit::PASSWORD});
    let login = world
        .server
        .http()
        .post("/v1/auth/login", &login)
        .await
        .json();
    let other = login["access_token"].as_str().expect("tokens are strings");

    let mut first = world.live("A", &ines).await;
    let mut second = world.socket("B").await;
    second.auth(other, None).await;
    let logout = json!({"refresh_token": ines.refresh_token});
    let ended = world.server.http().post("/v1/auth/logout", &logout).await;
    assert!(ended.status.is_success(), "{}", ended.text());
    assert_snapshot!(first.event("bye").await, @r#"{"ev":"bye","reason":"session_ended"}"#);
    assert_eq!(first.closed().await, closed(4401, "session_ended"));
    second.nothing_else().await;
    world.end([second]).await;
}

/// G15: clients are told to come back, not all at once.
#[tokio::test]
async fn a_server_that_stops_says_when_to_come_back() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let mut clients = [world.live("A", &ines).await, world.live("B", &ines).await];
    let stopping = tokio::spawn(world.server.shutdown());
    let mut waits = Vec::new();
    for client in &mut clients {
        let bye = client.event("bye").await;
        assert_eq!(bye["reason"], "restarting");
        waits.push(bye["retry_in_ms"].as_u64().expect("a number"));
        assert_eq!(client.closed().await, closed(1012, "restarting"));
    }
    stopping.await.expect("the server stops");
    waits.sort_unstable();
    assert!(waits[0] < waits[1], "{waits:?}");
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let world = World::new().await;
    let mut client = world.socket("A").await;
    client.send_text(&"x".repeat(1_100_000)).await;
    let ended = client.closed().await;
    assert!(
        matches!(ended, tertulia_testkit::Closed::Frame(1009, _)),
        "{ended:?}"
    );
    world.end([]).await;
}
