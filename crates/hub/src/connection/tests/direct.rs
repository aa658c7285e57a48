//! Fan-out that others write while the connection's task sleeps.

use super::*;

const NONE: [usize; 0] = [];

impl Client {
    /// What others have written since this was asked last, in bytes; 0 where the socket took
    /// nothing.
    fn direct_writes(&self) -> Vec<usize> {
        let writes = std::mem::take(&mut *self.server.direct_writes.lock());
        let bytes = writes.into_iter().map(|write| write.unwrap_or(0));
        bytes.collect()
    }

    /// A connection that sleeps, whose session has nothing to follow the fan-out with and was
    /// asked for it.
    async fn asleep(options: Options) -> Self {
        let mut client = Self::connect_with(options);
        client.deliver([shared("first")]);
        client.expect([text("first")]).await;
        let more = timeout(Duration::from_secs(5), client.read_frame()).await;
        assert!(more.is_err(), "unexpected {more:?}");
        assert_eq!(client.direct_writes(), NONE, "it had to be asked");
        client
    }
}

fn big(byte: u8, length: usize) -> Item {
    Item::Frame(frame::binary(&vec![byte; length]))
}

#[tokio::test(start_paused = true)]
async fn one_that_sleeps_is_written_to_without_its_task() {
    let mut client = Client::asleep(Options::default()).await;
    client.deliver([shared("one")]);
    client.expect([text("one")]).await;
    assert_eq!(client.direct_writes(), [5]);
    client.deliver([shared("two"), shared("three")]);
    client.expect([text("two"), text("three")]).await;
    assert_eq!(client.direct_writes(), [5 + 7], "in one piece");
    assert_eq!(client.outbox.waiting_bytes(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_socket_of_ones_own_the_task_writes() {
    let mut client = Client::asleep(Options {
        direct: false,
        ..Options::default()
    })
    .await;
    client.deliver([shared("one"), event(2), shared("three")]);
    client
        .expect([text("one"), text("event 2"), text("three")])
        .await;
    assert_eq!(client.direct_writes(), NONE);
}

#[tokio::test(start_paused = true)]
async fn what_several_batches_brought_goes_out_together() {
    let mut client = Client::asleep(Options::default()).await;
    client.deliver([shared("one")]);
    client.deliver([shared("two")]);
    client.expect([text("one"), text("two")]).await;
    assert_eq!(client.direct_writes(), [5 + 5]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_awake_takes_the_fan_out_along() {
    let mut client = Client::asleep(Options::default()).await;
    client.deliver([shared("news")]);
    client.outbox.reply(frame::text("reply"));
    client.expect([text("reply"), text("news")]).await;
    assert_eq!(client.direct_writes(), NONE);
}

/// Whoever publishes lets the fan-out go first, and answers its sender in the turn after.
#[tokio::test(start_paused = true)]
async fn who_is_answered_in_the_next_turn_takes_the_fan_out_along() {
    let mut client = Client::asleep(Options::default()).await;
    client.say("send reply").await;
    client.expect_silence().await;
    let (outbox, writing) = (Arc::clone(&client.outbox), Arc::clone(&client.writing));
    let stage = Arc::clone(&client.stage);
    tokio::spawn(async move {
        let mut wakes = Wakes::with_writing();
        outbox.push(shared("news"), &mut wakes);
        wakes.finish(&writing);
        tertulia_domain::turn::let_others_run().await;
        stage.open("reply");
    });
    client.expect([text("reply"), text("news")]).await;
    assert_eq!(client.direct_writes(), NONE);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_rendered_by_the_task_in_its_place() {
    let mut client = Client::asleep(Options::default()).await;
    client.deliver([shared("one"), event(2), shared("three")]);
    client
        .expect([text("one"), text("event 2"), text("three")])
        .await;
    assert_eq!(client.direct_writes(), [5]);
}

/// The rest of a frame comes before anything else, whatever is said meanwhile.
#[tokio::test(start_paused = true)]
async fn what_the_socket_does_not_take_is_the_tasks() {
    for socket in [1, 2, 5, 6, 7, 8, 100, 204, 205, 208, 209] {
        let mut client = Client::asleep(Options {
            socket,
            ..Options::default()
        })
        .await;
        client.deliver([shared("one"), big(1, 200), shared("three")]);
        sleep(Duration::from_millis(1)).await;
        client.outbox.reply(frame::text("reply"));
        let mut frames = Vec::new();
        while frames.len() < 4 {
            frames.push(client.read().await);
        }
        let reply = frames.iter().position(|frame| *frame == text("reply"));
        frames.remove(reply.expect("the reply comes"));
        assert_eq!(frames, [text("one"), Read::Binary(200), text("three")]);
        assert!(!client.direct_writes().is_empty(), "{socket}");
        assert_eq!(client.outbox.waiting_bytes(), (0, 0), "{socket}");
    }
}

/// What is begun is finished before the close frame, and counts while it waits.
#[tokio::test(start_paused = true)]
async fn a_reader_that_stops_in_a_frame_is_cut_after_it() {
    let mut client = Client::asleep(Options {
        socket: 100,
        outbox: OutboxLimits {
            shared_bytes: 1_000,
            ..OutboxLimits::default()
        },
        ..Options::default()
    })
    .await;
    client.deliver([big(1, 300)]);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(client.direct_writes(), [100]);
    client.deliver([big(2, 900)]);
    client
        .expect([Read::Binary(300), closed(1013, "slow_consumer"), Read::End])
        .await;
    let ended = client.ended().await;
    assert_eq!(ended, Ended::ByServer(Close::slow_consumer()));
}

#[tokio::test(start_paused = true)]
async fn a_broken_socket_ends_the_connection() {
    let client = Client::asleep(Options::default()).await;
    let Client {
        socket,
        outbox,
        writing,
        task,
        ..
    } = client;
    drop(socket);
    let mut wakes = Wakes::with_writing();
    outbox.push(shared("news"), &mut wakes);
    wakes.finish(&writing);
    let ended = timeout(Duration::from_secs(60), task).await;
    let ended = ended.expect("it ends").expect("and does not panic");
    assert_eq!(ended, Ended::Lost);
}

/// A session that says what follows the fan-out is asked all the same, and not more often.
#[tokio::test(start_paused = true)]
async fn who_has_a_word_to_follow_is_asked() {
    let mut client = Client::asleep(Options {
        follow_ups: Some(vec![FollowUp::Nothing; 9]),
        ..Options::default()
    })
    .await;
    sleep(Duration::from_secs(5)).await;
    let asked = client.stage.log().len();
    client.deliver([shared("one")]);
    client.expect([text("one")]).await;
    assert_eq!(
        client.direct_writes(),
        NONE,
        "its task notes that it is to be asked"
    );
    client.deliver([shared("two")]);
    client.expect([text("two")]).await;
    assert_eq!(client.direct_writes(), [5], "that much is known already");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(client.stage.log().len(), asked + 1);
}
