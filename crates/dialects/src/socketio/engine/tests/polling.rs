//! Polling, where the suites leave it: bounds, pace, requests that break off,
//! the end of a session.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use futures_util::stream;
use tertulia_hub::Connection;
use tokio::sync::mpsc;

use super::*;
use crate::common::client::PeerAddress;
use crate::socketio::engine::door::Application;
use crate::socketio::engine::polling::{Polling, wire::Wire};
use crate::socketio::engine::session::EngineSession;

/// Times that do not matter.
fn calm() -> TransportSettings {
    TransportSettings {
        ping_interval: Duration::from_secs(3600),
        ping_timeout: Duration::from_secs(3600),
        ..echo::settings()
    }
}

/// A body that never ends.
fn endless() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
}

/// A body that comes in pieces.
pub(super) fn body_in_pieces() -> (mpsc::Sender<Result<Bytes, io::Error>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    (sender, Body::from_stream(pieces))
}

/// Many sessions are idle: what each costs beside the hub's link and timer.
#[test]
fn an_idle_session_is_small() {
    type Polls = Connection<Wire, EngineSession<<echo::SocketEcho as Application>::Session>>;
    let sizes = [
        size_of::<Polls>(),
        size_of::<Polling>(),
        size_of::<<echo::SocketEcho as Application>::Session>(),
    ];
    assert!(sizes.iter().sum::<usize>() <= 2_048, "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_until_there_is_something() {
    let client = Server::engine().polling().await;
    let poll = client.wait().await;
    assert!(!poll.is_finished());
    client.send("4hello").await;
    assert_eq!(poll.await.expect("it is answered").body, "4hello");
}

#[tokio::test(start_paused = true)]
async fn no_body_is_larger_than_max_payload_and_nothing_is_reordered() {
    let server = Server::engine_with(TransportSettings {
        socketio_bytes: 100,
        ..calm()
    });
    let client = server.polling().await;
    for number in 0..10 {
        let long = "x".repeat(38);
        client
            .send(&format!("4{number}{long}\x1e4{number}{long}"))
            .await;
    }
    let mut numbers = String::new();
    while numbers.len() < 20 {
        let body = client.get().await.body;
        assert!(body.len() <= 100, "{body}");
        numbers.extend(body.split('\x1e').map(|packet| &packet[1..2]));
    }
    assert_eq!(numbers, "00112233445566778899");
}

#[tokio::test(start_paused = true)]
async fn a_post_beyond_max_payload_is_refused_and_costs_nothing_else() {
    let server = Server::engine_with(TransportSettings {
        socketio_bytes: 100,
        ..calm()
    });
    let client = server.polling().await;
    let large = format!("4{}", "x".repeat(100));
    let answer = client.post(large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let (sender, body) = body_in_pieces();
    let post = tokio::spawn({
        let client = client.clone();
        async move { client.post(body).await }
    });
    for _ in 0..3 {
        let piece = Bytes::from("4".repeat(40));
        sender.send(Ok(piece)).await.expect("the body is read");
    }
    let answer = post.await.expect("it is answered");
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let largest = format!("4{}", "x".repeat(99));
    client.send(&largest).await;
    client.expect(&largest).await;
}

/// The protocol, "Sending data": two POST requests at once end the session.
#[tokio::test(start_paused = true)]
async fn duplicate_post_requests_close_the_session() {
    let client = Server::engine().polling().await;
    let poll = client.wait().await;
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.post(endless()).await }
    });
    settle().await;
    let second = client.post("4hello").await;
    assert_eq!(second.status, StatusCode::BAD_REQUEST);
    assert_eq!(poll.await.expect("it is answered").body, "1");
    client.expect_unknown().await;
    let first = timeout(PATIENCE, first).await.expect("it ends");
    assert_eq!(
        first.expect("it is answered").status,
        StatusCode::BAD_REQUEST
    );
}

/// Nobody knows what has arrived of a poll that breaks off.
#[tokio::test(start_paused = true)]
async fn a_poll_that_breaks_off_ends_the_session() {
    let server = Server::engine();
    let client = server.polling().await;
    let poll = client.wait().await;
    assert_eq!(server.hub.figures().connections, 1);
    poll.abort();
    settle().await;
    client.expect_unknown().await;
    assert_eq!(server.hub.figures().connections, 0);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_breaks_off_ends_the_session() {
    let client = Server::engine().polling().await;
    let broken = stream::iter([Ok(Bytes::from("4he")), Err(io::Error::other("gone"))]);
    let answer = client.post(Body::from_stream(broken)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    client.expect_unknown().await;
}

#[tokio::test(start_paused = true)]
async fn other_methods_do_not_fit_a_session() {
    let client = Server::engine().polling().await;
    for method in [Method::PUT, Method::DELETE, Method::HEAD] {
        let query = &client.query;
        let answer = client.server.ask(method, query, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let query = client.query.replace("polling", "websocket");
    assert_eq!(client.server.get(&query).await.status, 400);
    client.send("4still here").await;
    client.expect("4still here").await;
}

/// A poll that crosses the client's own close is released all the same, once.
#[tokio::test(start_paused = true)]
async fn a_poll_that_comes_after_the_close_is_released() {
    let server = Server::engine();
    let client = server.polling().await;
    client.send("4never fetched\x1e1\x1e4never read").await;
    client.expect("6").await;
    client.expect_unknown().await;
    settle().await;
    assert_eq!(server.hub.figures().connections, 0);
}

/// What is not fetched holds up what is posted, and nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_fetch_is_read_no_further() {
    let server = Server::engine_with(calm());
    let client = server.polling().await;
    let long = "x".repeat(60_000);
    let sender = tokio::spawn({
        let (client, long) = (client.clone(), long.clone());
        async move {
            for number in 10..60 {
                client.send(&format!("4{number}{long}")).await;
            }
        }
    });
    settle().await;
    assert!(!sender.is_finished(), "3 MB do not fit");
    let mut next = 10;
    while next < 60 {
        for packet in client.get().await.body.split('\x1e') {
            assert_eq!(packet, format!("4{next}{long}"));
            next += 1;
        }
    }
    sender.await.expect("everything was taken");
}

/// What is not read proves nothing: such a client is not taken for a dead one.
#[tokio::test(start_paused = true)]
async fn a_client_whose_post_waits_is_not_silent() {
    let client = Server::engine().polling().await;
    let long = format!("4{}", "x".repeat(60_000));
    let sender = tokio::spawn({
        let (client, long) = (client.clone(), long.clone());
        async move {
            for _ in 0..20 {
                client.send(&long).await;
            }
        }
    });
    settle().await;
    assert!(!sender.is_finished(), "1.2 MB do not fit");
    sleep(Duration::from_secs(2)).await;
    let mut echoes = 0;
    while echoes < 20 {
        let body = client.get().await.body;
        echoes += body.split('\x1e').filter(|packet| *packet == long).count();
    }
    sender.await.expect("everything was taken");
}

/// `reliability.md` G12: who fetches nothing for too long is cut.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_too_slow_is_cut() {
    let server = Server::engine_with(calm());
    let client = server.polling().await;
    let long = format!("4{}", "x".repeat(60_000));
    let sender = tokio::spawn({
        let (client, long) = (client.clone(), long.clone());
        async move { while client.post(long.clone()).await.status == StatusCode::OK {} }
    });
    let stall = server.hub.settings().connection.stall_timeout;
    sleep(stall + Duration::from_secs(1)).await;
    sender.await.expect("the last one is refused");
    let mut last = client.get().await.body;
    while !last.ends_with('1') {
        assert!(last.starts_with(&long));
        last = client.get().await.body;
    }
    client.expect_unknown().await;
    settle().await;
    assert_eq!(server.hub.figures().connections, 0);
}

/// `reliability.md` G15: clients are told to come back, and none is told `41`,
/// after which the libraries would stay away.
#[tokio::test(start_paused = true)]
async fn a_stopping_server_closes_so_that_clients_come_back() {
    let server = Server::socket();
    let waiting = server.polling().await;
    let poll = waiting.wait().await;
    let absent = server.polling().await;
    let upgraded = server.polling().await.upgrade().await;
    let socket = server.web_socket().await;
    settle().await;
    let hub = Arc::clone(&server.hub);
    let shutdown = tokio::spawn(async move { hub.shutdown(Duration::from_secs(5)).await });
    assert_eq!(poll.await.expect("it is answered").body, "1");
    absent.expect("1").await;
    for socket in [upgraded, socket] {
        let close = Read::Close(1001, "restart".to_owned());
        socket.expect_close(close).await;
    }
    shutdown.await.expect("nothing outlives it");
    waiting.expect_unknown().await;
    let refused = server.get("EIO=4&transport=polling").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_sessions_than_allowed() {
    let server = Server::engine_with(TransportSettings {
        polling_sessions: 1,
        ..calm()
    });
    let one = server.polling().await;
    let refused = server.get("EIO=4&transport=polling").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "1");
    let poll = one.wait().await;
    one.send("1").await;
    poll.await.expect("it is answered");
    settle().await;
    server.polling().await;
}

/// `reliability.md` §2: connections without a login, for each address.
#[tokio::test(start_paused = true)]
async fn an_address_has_its_share_of_sessions() {
    let server = Server::engine_with(TransportSettings {
        unauthenticated_per_address: 1,
        ..calm()
    });
    let open = async |peer: &str| {
        let peer: SocketAddr = peer.parse().expect("the test's address is one");
        let request = Request::builder()
            .uri(format!("{PATH}/?EIO=4&transport=polling"))
            .extension(PeerAddress(peer))
            .body(Body::empty())
            .expect("the test's request is well formed");
        let answer = server.router.clone().oneshot(request).await;
        answer.expect("the door does not fail").status()
    };
    assert_eq!(open("192.0.2.1:1").await, StatusCode::OK);
    assert_eq!(open("192.0.2.2:1").await, StatusCode::OK);
    assert_eq!(open("192.0.2.1:2").await, StatusCode::TOO_MANY_REQUESTS);
}
