//! The change from polling to a WebSocket: nothing is lost, repeated or
//! reordered, and an attempt that fails costs nothing.

use super::polling::body_in_pieces;
use super::*;

/// A server whose heartbeat does not come between.
fn server() -> Server {
    Server::engine_with(TransportSettings {
        ping_interval: Duration::from_secs(3600),
        ..echo::settings()
    })
}

/// The numbers in a polling body, whatever means nothing left out.
fn numbers(body: &str) -> impl Iterator<Item = u32> {
    let messages = body
        .split('\x1e')
        .filter_map(|packet| packet.strip_prefix('4'));
    messages.map(|number| number.parse().expect("the test sends numbers"))
}

/// A small generator of the same choices in each run.
struct Choices(u32);

impl Choices {
    fn one_of(&mut self, ways: u32) -> bool {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16).is_multiple_of(ways)
    }
}

/// Messages before, during and after the change, some of them not fetched: the
/// echo of each comes once, and in order.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_repeated_or_reordered() {
    for seed in 0..40 {
        let mut choices = Choices(seed);
        let client = server().polling().await;
        let mut sent = 0;
        let mut seen = Vec::new();
        let exchange = async |choices: &mut Choices, sent: &mut u32, seen: &mut Vec<u32>| {
            for _ in 0..4 {
                if choices.one_of(2) {
                    client.send(&format!("4{sent}\x1e4{}", *sent + 1)).await;
                    *sent += 2;
                }
                let has_news = seen.len() < *sent as usize;
                if has_news && choices.one_of(3) {
                    seen.extend(numbers(&client.get().await.body));
                }
            }
        };
        exchange(&mut choices, &mut sent, &mut seen).await;
        let mut socket = client.socket().await;
        exchange(&mut choices, &mut sent, &mut seen).await;
        socket.send("2probe").await;
        assert_eq!(socket.read().await, text("3probe"));
        exchange(&mut choices, &mut sent, &mut seen).await;
        let mut bytes = client_frame(0x81, b"5");
        for _ in 0..3 {
            bytes.extend(client_frame(0x81, format!("4{sent}").as_bytes()));
            sent += 1;
        }
        // The change and what follows it, cut anywhere.
        let cut = bytes.len() * (seed as usize % 10) / 10;
        socket.send_bytes(&bytes[..cut]).await;
        settle().await;
        socket.send_bytes(&bytes[cut..]).await;
        while seen.len() < sent as usize {
            match socket.read().await {
                Read::Text(message) => seen.extend(numbers(&message)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, (0..sent).collect::<Vec<_>>(), "seed {seed}");
    }
}

/// More than the socket takes at once waits to be fetched.
#[tokio::test(start_paused = true)]
async fn what_waits_goes_over_the_socket_first() {
    let client = server().polling().await;
    let long = "x".repeat(50_000);
    for number in 0..4 {
        client.send(&format!("4{number}{long}")).await;
    }
    let mut socket = client.upgrade().await;
    socket.send("4last").await;
    for number in 0..4 {
        assert_eq!(socket.read().await, Read::Text(format!("4{number}{long}")));
    }
    assert_eq!(socket.read().await, text("4last"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_is_released_by_the_probe() {
    let client = server().polling().await;
    let poll = client.wait().await;
    let mut socket = client.socket().await;
    settle().await;
    assert!(!poll.is_finished());
    socket.send("2probe").await;
    assert_eq!(poll.await.expect("it is answered").body, "6");
    assert_eq!(socket.read().await, text("3probe"));
    client.send("4meanwhile").await;
    client.expect("4meanwhile").await;
    socket.send("5").await;
    socket.send("4hello").await;
    assert_eq!(socket.read().await, text("4hello"));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_fails_leaves_the_session_to_polling() {
    let client = server().polling().await;
    let failures: [&[(u8, &[u8])]; 8] = [
        &[(0x81, b"2")],
        &[(0x81, b"4hello")],
        &[(0x82, b"2probe")],
        &[(0x88, b"")],
        &[(0x81, b"2probe"), (0x81, b"4hello")],
        &[(0x81, b"2probe"), (0x88, b"")],
        &[(0x81, b"2probe"), (0xFF, b"5")],
        &[(0x81, b"2probe"), (0x89, b"still there?")],
    ];
    for frames in failures {
        let mut socket = client.socket().await;
        for (first, payload) in frames {
            socket.send_frame(*first, payload).await;
        }
        // The last one answers a ping, and then waits in vain.
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, socket.0.read_to_end(&mut rest)).await;
        end.expect("the server is gone").expect("without an error");
        client.send("4still here").await;
        client.expect("4still here").await;
    }
    let socket = client.socket().await;
    drop(socket);
    settle().await;
    let mut socket = client.upgrade().await;
    socket.send("4hello").await;
    assert_eq!(socket.read().await, text("4hello"));
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_the_socket_is_answered_during_the_attempt() {
    let client = server().polling().await;
    let mut socket = client.socket().await;
    socket.send_frame(0x89, b"hello").await;
    let mut pong = [0; 7];
    let read = socket.0.read_exact(&mut pong).await;
    read.expect("the server answers");
    assert_eq!(&pong, b"\x8A\x05hello");
    socket.send("2probe").await;
    assert_eq!(socket.read().await, text("3probe"));
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_made_at_a_time() {
    let client = server().polling().await;
    let mut socket = client.socket().await;
    let other = client.socket().await;
    let reason = "the session has another transport".to_owned();
    other.expect_close(Read::Close(1008, reason)).await;
    socket.send("2probe").await;
    assert_eq!(socket.read().await, text("3probe"));
}

/// What a POST brings that is still on its way comes before what the socket
/// brings.
#[tokio::test(start_paused = true)]
async fn the_change_waits_for_a_post() {
    let client = server().polling().await;
    let (sender, body) = body_in_pieces();
    let post = tokio::spawn({
        let client = client.clone();
        async move { client.post(body).await }
    });
    let piece = sender.send(Ok(Bytes::from("4fir"))).await;
    piece.expect("the body is read");
    let mut socket = client.upgrade().await;
    socket.send("4second").await;
    settle().await;
    let piece = sender.send(Ok(Bytes::from("st"))).await;
    piece.expect("the body is read");
    drop(sender);
    assert_eq!(post.await.expect("it is answered").body, "ok");
    assert_eq!(socket.read().await, text("4first"));
    assert_eq!(socket.read().await, text("4second"));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_takes_the_attempt_with_it() {
    let server = server();
    let client = server.polling().await;
    let mut socket = client.socket().await;
    socket.send("2probe").await;
    assert_eq!(socket.read().await, text("3probe"));
    client.send("1").await;
    client.expect("6").await;
    socket.send("5").await;
    let reason = "the upgrade failed".to_owned();
    socket.expect_close(Read::Close(1008, reason)).await;
    assert_eq!(server.hub.figures().connections, 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_with_its_socket() {
    let server = server();
    let client = server.polling().await;
    let socket = client.upgrade().await;
    settle().await;
    assert_eq!(server.hub.figures().connections, 1);
    drop(socket);
    settle().await;
    assert_eq!(server.hub.figures().connections, 0);
    client.expect_unknown().await;
}
