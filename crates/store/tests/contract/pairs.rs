//! Sends that a client makes twice, on a socket and in a call: both together are
//! one message (contracts/sos-habilidoso.md, "How the web client behaves").

use std::sync::Arc;

use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::pairing::{Pairing, Transport};
use tertulia_domain::{Draft, Message, MessageId, RoomId, Timestamp, UserId};

use crate::world::World;

use Transport::{Call, Socket};

/// Seconds and microseconds as the clock of these tests has them.
fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(50_000_000_000 + micros)
}

const SECOND: i64 = 1_000_000;

struct Send {
    over: Transport,
    kind: &'static str,
    text: &'static str,
    at: i64,
}

fn send(over: Transport, text: &'static str, at: i64) -> Send {
    Send {
        over,
        kind: "text",
        text,
        at,
    }
}

async fn command(world: &World, room: RoomId, sender: UserId, send: Send) -> Command {
    let draft = Draft {
        pairing: Some(Pairing {
            over: send.over,
            kind: send.kind,
        }),
        ..Draft::text(send.text)
    };
    match world.append(room, sender, draft).await {
        Command::Append {
            permit,
            mut message,
        } => {
            message.created_at = at(send.at);
            Command::Append { permit, message }
        }
        other => panic!("not an append: {other:?}"),
    }
}

/// The message that came of a send, and whether it was there before.
fn result(outcome: Result<Outcome, StoreError>) -> (Arc<Message>, bool) {
    match outcome {
        Ok(Outcome::Appended { message, .. }) => (message, false),
        Ok(Outcome::Repeated { message }) => (message, true),
        other => panic!("not sent: {other:?}"),
    }
}

async fn sent(world: &World, room: RoomId, sender: UserId, send: Send) -> (MessageId, bool) {
    let command = command(world, room, sender, send).await;
    let (message, repeated) = result(world.run(command).await);
    (message.id, repeated)
}

/// As [`sent`], all in one batch.
async fn batch(
    world: &World,
    room: RoomId,
    sender: UserId,
    sends: Vec<Send>,
) -> Vec<(MessageId, bool)> {
    let mut commands = Vec::new();
    for send in sends {
        commands.push(command(world, room, sender, send).await);
    }
    let outcomes = world.commit(commands).await.into_iter().map(result);
    outcomes
        .map(|(message, repeated)| (message.id, repeated))
        .collect()
}

/// Lets the sends that wait for a partner have come so much earlier.
fn age(world: &World, micros: i64) {
    let sql = format!("UPDATE unpaired_sends SET sent_at = sent_at - {micros}");
    world.rows.change(sql);
}

fn waiting(world: &World) -> i64 {
    world.rows.count("unpaired_sends")
}

#[tokio::test]
async fn whichever_came_first_the_second_is_the_same_message() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.direct(ann, bob).await;
    for (first, second) in [(Socket, Call), (Call, Socket)] {
        let (message, repeated) = sent(&world, room, ann, send(first, "hola", 0)).await;
        assert!(!repeated);
        let again = sent(&world, room, ann, send(second, " hola ", 10 * SECOND)).await;
        assert_eq!(again, (message, true), "{first:?} first");
    }
    assert_eq!(world.history(room, ann).await.len(), 2);
    assert_eq!(waiting(&world), 0, "who has a partner is forgotten");
}

#[tokio::test]
async fn what_is_repeated_on_one_transport_is_said_again() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let (first, _) = sent(&world, room, ann, send(Socket, "ok", 0)).await;
    let (second, repeated) = sent(&world, room, ann, send(Socket, "ok", 1)).await;
    assert!(!repeated);
    // Each has one partner, the oldest first; a third call is a new message.
    for (nth, expected) in [(2, (first, true)), (3, (second, true))] {
        assert_eq!(
            sent(&world, room, ann, send(Call, "ok", nth)).await,
            expected
        );
    }
    assert!(!sent(&world, room, ann, send(Call, "ok", 4)).await.1);
    assert_eq!(world.history(room, ann).await.len(), 3);
}

#[tokio::test]
async fn pairs_are_found_inside_one_batch() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let sends = [Socket, Socket, Call, Call, Call, Socket];
    let sends = sends.map(|over| send(over, "ok", 0)).into();
    let done = batch(&world, room, ann, sends).await;
    let [first, second, third] = [done[0].0, done[1].0, done[4].0];
    assert_eq!(
        done,
        [
            (first, false),
            (second, false),
            (first, true),
            (second, true),
            (third, false),
            (third, true),
        ]
    );
    assert_eq!(world.history(room, ann).await.len(), 3);
    assert_eq!(waiting(&world), 0);
}

#[tokio::test]
async fn a_batch_goes_on_with_what_is_stored() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let (stored, _) = sent(&world, room, ann, send(Call, "ok", 0)).await;
    let sends = [Socket, Socket].map(|over| send(over, "ok", 1)).into();
    let done = batch(&world, room, ann, sends).await;
    assert_eq!(done[0], (stored, true));
    assert!(!done[1].1, "the partner was taken in this batch");
    assert_eq!(waiting(&world), 1);
}

#[tokio::test]
async fn what_differs_is_no_pair() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let elsewhere = world.group(&[ann]).await;
    sent(&world, room, ann, send(Socket, "ok", 0)).await;
    let emoji = Send {
        kind: "emoji",
        ..send(Call, "ok", 1)
    };
    for (what, room, sender, other) in [
        ("another kind", room, ann, emoji),
        ("other words", room, ann, send(Call, "OK", 1)),
        ("another room", elsewhere, ann, send(Call, "ok", 1)),
        ("another person", room, bob, send(Call, "ok", 1)),
    ] {
        assert!(!sent(&world, room, sender, other).await.1, "{what}");
    }
}

/// The clock of a database server is its own: there the rows are made older.
#[tokio::test]
async fn what_comes_after_ten_seconds_is_no_pair() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let (first, _) = sent(&world, room, ann, send(Socket, "ok", 0)).await;
    age(&world, 10 * SECOND + 1);
    let (second, repeated) = sent(&world, room, ann, send(Call, "ok", 0)).await;
    assert!(second != first && !repeated);
}

/// However far the clocks of two nodes are apart, a database server has one.
#[tokio::test]
async fn on_a_server_the_clock_is_the_databases() {
    let world = World::new().await;
    if !world.rows.are_on_a_server() {
        return;
    }
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let (first, _) = sent(&world, room, ann, send(Socket, "ok", 0)).await;
    let again = sent(&world, room, ann, send(Call, "ok", 3_600 * SECOND)).await;
    assert_eq!(again, (first, true));
}

#[tokio::test]
async fn the_words_as_first_sent_count() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let first = command(&world, room, ann, send(Socket, "hola", 0)).await;
    let (message, _) = result(world.run(first).await);
    world.done(world.edit(&message, "adiós").await).await;
    let second = command(&world, room, ann, send(Call, "hola", 1)).await;
    let (again, repeated) = result(world.run(second).await);
    assert!(repeated);
    assert_eq!((again.id, again.text.as_str()), (message.id, "adiós"));
}

#[tokio::test]
async fn what_never_got_a_partner_goes_with_the_next_send() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    for _ in 0..5 {
        sent(&world, room, ann, send(Socket, "ok", 0)).await;
        assert_eq!(waiting(&world), 1);
        age(&world, 11 * SECOND);
    }
}
