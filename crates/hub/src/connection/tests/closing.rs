//! How connections end.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_order_to_close_waits_for_what_is_owed() {
    let mut client = Client::connect();
    client
        .send([say("send a"), say("say never")].concat())
        .await;
    client.expect_silence().await;
    client.deliver([shared("news"), event(3)]);
    client.outbox.close(
        Duration::from_secs(9),
        Close::new(code::SERVICE_RESTART, "restart"),
    );
    client.deliver([shared("too late")]);
    client.expect([text("news"), text("event 3")]).await;
    client.expect_silence().await;
    client.stage.open("a");
    client.expect([text("a"), closed(1012, "restart")]).await;
    client
        .send(client_frame(0x88, &1012_u16.to_be_bytes()))
        .await;
    client.expect([Read::End]).await;
    assert_eq!(client.stage.log(), ["send a", "sent a", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn an_order_to_close_does_not_wait_for_ever() {
    let mut client = Client::connect();
    let start = Instant::now();
    client.say("wait never").await;
    client.expect_silence().await;
    client
        .outbox
        .close(Duration::from_secs(5), Close::new(code::GOING_AWAY, ""));
    client.expect([closed(1001, "")]).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    client.expect([Read::End]).await;
    assert_eq!(start.elapsed().as_secs(), 7);
    let stage = Arc::clone(&client.stage);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::new(code::GOING_AWAY, ""))
    );
    assert_eq!(start.elapsed().as_secs(), 12);
    assert_eq!(stage.log(), ["wait never", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn the_session_closes_after_its_last_words() {
    let mut client = Client::connect();
    client
        .send([say("say hi"), say("close 4001"), say("say never")].concat())
        .await;
    client
        .expect([text("hi"), text("bye"), closed(4001, "asked")])
        .await;
    // What the client still says is not heard; its close frame is.
    client.say("say never").await;
    client
        .send(client_frame(0x88, &4001_u16.to_be_bytes()))
        .await;
    client.expect([Read::End]).await;
    assert_eq!(client.stage.log(), ["say hi", "close 4001", "dropped"]);
}

#[tokio::test(start_paused = true)]
async fn a_promise_may_close() {
    let mut client = Client::connect();
    client
        .send([say("later-close"), say("quick a")].concat())
        .await;
    client.expect_silence().await;
    client.stage.open("close");
    client.expect([text("a"), closed(1008, "later")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_is_answered_with_the_same_code() {
    for (payload, answer, ended) in [
        (
            &b"\x03\xe8bye"[..],
            closed(1000, ""),
            Ended::ByPeer(Some(1000)),
        ),
        (b"\x0f\xa1", closed(4001, ""), Ended::ByPeer(Some(4001))),
        (b"", Read::CloseWithoutCode, Ended::ByPeer(None)),
    ] {
        let mut client = Client::connect();
        client.send(client_frame(0x88, payload)).await;
        client.expect([answer, Read::End]).await;
        assert_eq!(client.ended().await, ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_socket_ends_the_connection() {
    let client = Client::connect();
    let stage = Arc::clone(&client.stage);
    assert_eq!(client.ended().await, Ended::Lost);
    assert_eq!(stage.log(), ["dropped"]);
}

#[tokio::test(start_paused = true)]
async fn violations_end_with_their_code_after_the_replies_owed() {
    let settings = ConnectionSettings {
        message_bytes: 20,
        ..ConnectionSettings::default()
    };
    for (bad, code) in [
        (client_frame(0x81, &[b'x'; 21]), 1009),
        (client_frame(0x81, b"\xff"), 1007),
        (client_frame(0xf1, b""), 1002),
        (client_frame(0x88, b"x"), 1002),
    ] {
        let options = Options {
            settings: settings.clone(),
            ..Options::default()
        };
        let mut client = Client::connect_with(options);
        client
            .send([say("say hi"), bad, say("say never")].concat())
            .await;
        client.expect([text("hi")]).await;
        let Read::Close(got, _) = client.read().await else {
            panic!("no close for {code}")
        };
        assert_eq!(got, code);
        // The socket is shut at once; what still comes is read and dropped.
        client.expect([Read::End]).await;
        client.say("say never").await;
        assert!(matches!(client.ended().await, Ended::ByServer(close) if close.code() == code));
    }
}
