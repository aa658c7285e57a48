//! What the fan-out brings, beside requests.

use super::*;

#[tokio::test(start_paused = true)]
async fn fan_out_and_pongs_go_on_while_a_request_is_handled() {
    let mut client = Client::connect();
    client.say("wait gate").await;
    client
        .send([client_frame(0x89, b"alive?"), say("say after")].concat())
        .await;
    client.expect([Read::Pong(b"alive?".to_vec())]).await;
    client.deliver([shared("news")]);
    client.expect([text("news")]).await;
    client.stage.open("gate");
    client.expect([text("gate"), text("after")]).await;
}

#[tokio::test(start_paused = true)]
async fn events_are_rendered_in_their_place() {
    let mut client = Client::connect();
    client.deliver([
        shared("one"),
        event(2),
        shared("three"),
        event(4),
        event(5),
        shared("six"),
    ]);
    let expected = ["one", "event 2", "three", "event 4", "event 5", "six"];
    client.expect(expected.map(text)).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_rendering_holds_back_the_fan_out_but_not_the_replies() {
    let mut client = Client::connect();
    client.say("send reply").await;
    client.expect_silence().await;
    client.deliver([event(0), shared("after")]);
    client.expect_silence().await;
    client.stage.open("reply");
    client.expect([text("reply")]).await;
    client.deliver([shared("later")]);
    client.expect_silence().await;
    client.stage.open("event");
    client
        .expect([text("event 0"), text("after"), text("later")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_event_waits_for_the_request_in_progress() {
    let mut client = Client::connect();
    client.say("wait gate").await;
    client.expect_silence().await;
    client.deliver([event(1)]);
    client.expect_silence().await;
    client.stage.open("gate");
    client.expect([text("gate"), text("event 1")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_is_cut_and_its_memory_freed() {
    let outbox = OutboxLimits {
        shared_bytes: 100_000,
        ..OutboxLimits::default()
    };
    let mut client = Client::connect_with(Options {
        socket: 1000,
        outbox,
        ..Options::default()
    });
    let news = Item::Frame(frame::binary(&[1; 936]));
    for _ in 0..99 {
        client.deliver([news.clone()]);
        tokio::task::yield_now().await;
    }
    assert_eq!(
        client.outbox.waiting_bytes().1,
        98 * 1_004 - 60,
        "one has gone out, and the beginning of the next"
    );
    client.deliver([news.clone(), news.clone(), news.clone()]);
    assert!(client.outbox.is_empty(), "what waits is dropped at once");
    client.deliver([news]);
    let mut frames = 0;
    loop {
        match client.read().await {
            Read::Binary(936) => frames += 1,
            other => {
                assert_eq!(other, closed(1013, "slow_consumer"));
                break;
            }
        }
    }
    assert!(frames <= 2, "only what was on the wire came: {frames}");
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::slow_consumer())
    );
}

#[tokio::test(start_paused = true)]
async fn a_burst_becomes_one_write() {
    let mut client = Client::connect();
    client.expect_silence().await;
    client.deliver((0..60).map(|number| shared(&number.to_string())));
    let mut bytes = vec![0; 4096];
    let count = client
        .socket
        .read(&mut bytes)
        .await
        .expect("the server writes");
    let expected: Vec<u8> = (0..60)
        .flat_map(|number| frame::text(&number.to_string()).to_vec())
        .collect();
    assert_eq!(bytes[..count], expected);
}

fn following(follow_ups: Vec<FollowUp>) -> Client {
    Client::connect_with(Options {
        follow_ups: Some(follow_ups),
        ..Options::default()
    })
}

fn word(text: &str) -> FollowUp {
    FollowUp::Frame(frame::text(text))
}

fn asked(client: &Client) -> usize {
    let log = client.stage.log();
    log.iter().filter(|call| *call == "asked").count()
}

#[tokio::test(start_paused = true)]
async fn a_word_follows_the_fan_out_after_a_moment_and_once_a_second() {
    let words = ["first", "second"].map(word).into_iter();
    let mut client = following(words.chain([FollowUp::Nothing, word("third")]).collect());
    let start = Instant::now();
    client.deliver([shared("one"), shared("two")]);
    client.expect(["one", "two", "first"].map(text)).await;
    assert_eq!(start.elapsed().as_millis() / 10, 10);
    for number in 0..5 {
        client.deliver([shared(&number.to_string())]);
        client.expect([text(&number.to_string())]).await;
    }
    client.expect([text("second")]).await;
    assert_eq!(start.elapsed().as_millis() / 10, 110);
    sleep(Duration::from_secs(3)).await;
    client.expect_silence().await;
    assert_eq!(
        asked(&client),
        3,
        "after its own word once, and never again"
    );
    // What a client asks changes what a session knows, too.
    client.say("say this").await;
    client.expect([text("this"), text("third")]).await;
    assert_eq!(start.elapsed().as_millis() / 10, 420);
}

#[tokio::test(start_paused = true)]
async fn what_follows_does_not_overtake_what_waits() {
    let mut client = following(vec![word("behind")]);
    client.deliver([shared("one"), event(0), shared("two")]);
    client.expect([text("one")]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(asked(&client), 0, "the session is away, and is not hurried");
    client.deliver([shared("three")]);
    client.stage.open("event");
    let expected = ["event 0", "two", "three", "behind"];
    client.expect(expected.map(text)).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_follows_nothing_is_asked_once() {
    let mut client = following(vec![FollowUp::Never]);
    for number in 0..3 {
        client.deliver([shared(&number.to_string())]);
        client.expect([text(&number.to_string())]).await;
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(asked(&client), 1);
}
