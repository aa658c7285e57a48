//! Everything by the clock: pings, deadlines, stalls.

use super::*;

#[tokio::test(start_paused = true)]
async fn pings_are_sent_and_any_byte_is_a_sign_of_life() {
    let mut client = Client::connect();
    let start = Instant::now();
    for round in 1..=3 {
        client.expect([Read::Ping]).await;
        assert_eq!(start.elapsed().as_millis() / 100, round * 250);
        // Half a frame is enough.
        client
            .send(&client_frame(0x8a, b"")[..round as usize])
            .await;
        client
            .send(&client_frame(0x8a, b"")[round as usize..])
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_dropped_with_1011() {
    let mut client = Client::connect();
    let start = Instant::now();
    client.expect([Read::Ping, closed(1011, "no pong")]).await;
    assert_eq!(start.elapsed().as_secs(), 45);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::new(1011, "no pong"))
    );
}

#[tokio::test(start_paused = true)]
async fn short_intervals_ping_often_and_time_out_from_the_first_unanswered_ping() {
    let settings = ConnectionSettings {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(250),
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    let start = Instant::now();
    client
        .expect([Read::Ping, Read::Ping, Read::Ping, closed(1011, "no pong")])
        .await;
    assert_eq!(start.elapsed().as_millis() / 10, 35);
}

#[tokio::test(start_paused = true)]
async fn a_protocol_may_ping_in_its_own_words() {
    let settings = ConnectionSettings {
        ping_frame: frame::text("are you there?"),
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    client.expect([text("are you there?")]).await;
    client.say("say yes").await;
    client
        .expect([text("yes"), text("are you there?"), closed(1011, "no pong")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_not_read_from_is_not_called_silent() {
    let settings = ConnectionSettings {
        ping_interval: Duration::from_secs(1),
        ping_timeout: Duration::from_secs(1),
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    client
        .send([say("wait gate"), say("say next")].concat())
        .await;
    sleep(Duration::from_secs(10)).await;
    client.stage.open("gate");
    while client.read().await != text("next") {}
}

#[tokio::test(start_paused = true)]
async fn a_socket_without_progress_is_cut_after_ten_seconds() {
    let mut client = Client::connect_with(Options {
        socket: 1000,
        ..Options::default()
    });
    let start = Instant::now();
    client.deliver((0..10).map(|_| Item::Frame(frame::binary(&[1; 900]))));
    sleep(Duration::from_secs(6)).await;
    client.expect([Read::Binary(900)]).await;
    let stage = Arc::clone(&client.stage);
    while stage.log().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    // Ten seconds after the last progress, and two for the close frame that nobody reads.
    assert_eq!(start.elapsed().as_secs(), 6 + 10 + 2);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::slow_consumer())
    );
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_connection_that_cannot_write_is_still_closed_in_time() {
    let client = Client::connect_with(Options {
        socket: 100,
        ..Options::default()
    });
    let start = Instant::now();
    client.deliver([Item::Frame(frame::binary(&[1; 900]))]);
    client.outbox.expel_after(
        Duration::from_secs(3),
        Close::new(code::POLICY, "session ended"),
    );
    let stage = Arc::clone(&client.stage);
    while stage.log().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_and_can_be_moved() {
    let mut client = Client::connect();
    let start = Instant::now();
    client.say("deadline 5000").await;
    sleep(Duration::from_secs(4)).await;
    client.say("deadline 3000").await;
    client
        .expect([text("too late"), closed(1008, "deadline")])
        .await;
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_during_a_request_comes_after_it() {
    let mut client = Client::connect();
    client
        .send([say("deadline 500"), say("wait gate")].concat())
        .await;
    sleep(Duration::from_secs(1)).await;
    client.stage.open("gate");
    client
        .expect([text("gate"), text("too late"), closed(1008, "deadline")])
        .await;
}

/// S4: no connection outlives its token.
#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_while_a_catch_up_is_read_slowly() {
    let mut client = Client::connect_with(Options {
        socket: 1000,
        ..Options::default()
    });
    let start = Instant::now();
    client
        .send([say("deadline 3000"), say("pages 1000")].concat())
        .await;
    let end = loop {
        match client.read().await {
            Read::Text(page) => assert_eq!(page.len(), 1000),
            end => break end,
        }
        sleep(Duration::from_millis(500)).await;
    };
    assert_eq!(end, closed(1008, "session_ended"));
    let took = start.elapsed().as_secs();
    assert!((5..=6).contains(&took), "after {took} s");
    let stage = Arc::clone(&client.stage);
    client.ended().await;
    assert_eq!(
        stage.log(),
        ["deadline 3000", "pages 1000", "gone", "dropped"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_come_back_is_cut_after_its_deadline() {
    for away in ["wait gate", "stay 500"] {
        let mut client = Client::connect();
        let start = Instant::now();
        client.send([say("deadline 500"), say(away)].concat()).await;
        client.expect([closed(1008, "session_ended")]).await;
        assert_eq!(start.elapsed().as_millis() / 100, 25, "{away}");
        client.ended().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_moves_during_a_call_is_the_one_that_counts() {
    let mut client = Client::connect();
    let start = Instant::now();
    client
        .send([say("deadline 500"), say("stay 9000")].concat())
        .await;
    sleep(Duration::from_secs(8)).await;
    client.stage.open("stay");
    client
        .expect([text("stayed"), text("too late"), closed(1008, "deadline")])
        .await;
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test(start_paused = true)]
async fn requests_in_progress_are_finished_when_the_client_leaves() {
    for farewell in [client_frame(0x88, b""), Vec::new()] {
        let mut client = Client::connect();
        client
            .send(
                [
                    say("send a"),
                    say("send b"),
                    say("wait c"),
                    farewell.clone(),
                ]
                .concat(),
            )
            .await;
        if farewell.is_empty() {
            client.socket.shutdown().await.expect("the socket shuts");
        }
        let stage = Arc::clone(&client.stage);
        sleep(Duration::from_secs(1)).await;
        ["a", "b", "c"].iter().for_each(|gate| stage.open(gate));
        client.ended().await;
        assert_eq!(
            stage.log(),
            ["send a", "send b", "sent a", "sent b", "wait c", "dropped"]
        );
    }
}
