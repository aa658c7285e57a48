//! Requests and their replies: order, overlap, bounds.

use super::*;

#[test]
fn an_idle_connection_is_small() {
    let connection = size_of::<Connection<tokio::net::TcpStream, Script>>();
    let outbox = size_of::<Outbox>();
    assert!(connection <= 900, "{connection} bytes for a connection");
    assert!(outbox <= 300, "{outbox} bytes for an outbox");
}

#[tokio::test(start_paused = true)]
async fn many_messages_in_one_write_are_answered_in_order() {
    let mut client = Client::connect();
    let words: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let burst: Vec<u8> = words
        .iter()
        .flat_map(|word| say(&format!("say {word}")))
        .collect();
    client.send(burst).await;
    client.expect(words.iter().map(|word| text(word))).await;
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_is_handled_first() {
    let leftover = [say("say one"), say("say two")[..3].to_vec()].concat();
    let options = Options {
        leftover: leftover.into(),
        ..Options::default()
    };
    let mut client = Client::connect_with(options);
    client.send(&say("say two")[3..]).await;
    client.expect([text("one"), text("two")]).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_one_at_a_time_both_ways() {
    let client = Client::connect_with(Options {
        socket: 1,
        ..Options::default()
    });
    client.deliver([shared("shared")]);
    let stream = [say("say one"), client_frame(0x89, b"?"), say("say two")].concat();
    let (mut reader, mut writer) = tokio::io::split(client.socket);
    let writing = tokio::spawn(async move {
        for byte in stream {
            writer.write_all(&[byte]).await.expect("the server reads");
        }
        writer
    });
    let expected = [
        frame::text("shared"),
        frame::text("one"),
        frame::pong(b"?"),
        frame::text("two"),
    ]
    .concat();
    let mut got = vec![0; expected.len()];
    reader
        .read_exact(&mut got)
        .await
        .expect("the server writes");
    assert_eq!(got, expected);
    writing.await.expect("the writer does not panic");
}

#[tokio::test(start_paused = true)]
async fn sends_overlap_and_replies_keep_the_order_of_requests() {
    let mut client = Client::connect();
    client
        .send([say("send a"), say("send b"), say("quick c"), say("send d")].concat())
        .await;
    client.expect_silence().await;
    assert_eq!(
        client.stage.log(),
        ["send a", "send b", "quick c", "send d"]
    );
    client.stage.open("b");
    client.stage.open("d");
    client.expect_silence().await;
    client.stage.open("a");
    client
        .expect([text("a"), text("b"), text("c"), text("d")])
        .await;
}

#[tokio::test(start_paused = true)]
async fn other_requests_wait_for_the_replies_before_them() {
    let mut client = Client::connect();
    client
        .send([say("send a"), say("say b"), say("say c"), say("send d")].concat())
        .await;
    client.expect_silence().await;
    assert_eq!(client.stage.log(), ["send a"]);
    client.stage.open("a");
    client.expect([text("a"), text("b"), text("c")]).await;
    client.expect_silence().await;
    assert_eq!(
        client.stage.log(),
        ["send a", "sent a", "say b", "say c", "send d"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_number_of_pending_replies_is_bounded() {
    let settings = ConnectionSettings {
        pending_replies: 3,
        ..ConnectionSettings::default()
    };
    let mut client = Client::connect_with(Options {
        settings,
        ..Options::default()
    });
    let burst: Vec<u8> = (0..10)
        .flat_map(|number| say(&format!("send {number}")))
        .collect();
    client.send(burst).await;
    client.expect_silence().await;
    assert_eq!(client.stage.log().len(), 3);
    for number in 0..10 {
        client.stage.open(&number.to_string());
        client.expect([text(&number.to_string())]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_delays_the_next_request_but_not_a_pong() {
    let mut client = Client::connect();
    let start = Instant::now();
    client
        .send([say("pause 700"), client_frame(0x89, b""), say("say late")].concat())
        .await;
    client.expect([Read::Pong(Vec::new())]).await;
    assert!(start.elapsed() < Duration::from_millis(10));
    client.expect([text("late")]).await;
    let waited = start.elapsed();
    assert!((700..710).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn replies_wait_for_the_reader() {
    let mut client = Client::connect_with(Options {
        socket: 4096,
        ..Options::default()
    });
    let burst: Vec<u8> = (0..20).flat_map(|_| say("big 50000")).collect();
    client.send(burst).await;
    sleep(Duration::from_secs(1)).await;
    let begun = client.stage.log().len();
    assert!(
        begun <= 3,
        "{begun} requests were begun with 64 KiB of replies allowed to wait"
    );
    client.expect((0..20).map(|_| Read::Binary(50_000))).await;
}

#[tokio::test(start_paused = true)]
async fn a_catch_up_goes_at_the_pace_of_the_reader() {
    let outbox = OutboxLimits {
        own_bytes: 5_000,
        ..OutboxLimits::default()
    };
    let mut client = Client::connect_with(Options {
        socket: 2000,
        outbox,
        ..Options::default()
    });
    client.say("pages 200").await;
    for page in 0..200 {
        let (queued, _) = client.outbox.waiting_bytes();
        assert!(queued < 5_000 + 2_000, "{queued} bytes wait");
        client.expect([text(&format!("{page:01000}"))]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_catch_up_ends_with_its_connection() {
    let outbox = OutboxLimits {
        own_bytes: 5_000,
        ..OutboxLimits::default()
    };
    let mut client = Client::connect_with(Options {
        socket: 2000,
        outbox,
        ..Options::default()
    });
    client.say("pages 200").await;
    client.expect([text(&format!("{:01000}", 0))]).await;
    client.outbox.expel(Close::new(code::POLICY, "out"));
    let stage = Arc::clone(&client.stage);
    assert_eq!(
        client.ended().await,
        Ended::ByServer(Close::new(code::POLICY, "out"))
    );
    assert_eq!(stage.log(), ["pages 200", "gone", "dropped"]);
}
