//! Several nodes over one database, writing to the same rooms: nothing of one
//! fails for the others, and the numbers have no hole.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tertulia_domain::command::{Command, Outcome, Toggle};
use tertulia_domain::receipt::Mark;
use tertulia_domain::{Draft, ReceiptKind, RoomId, Seq, UserId, policy};

use crate::world::{World, server, soon};

const ROOMS: usize = 5;
const ROUNDS: usize = 6;

/// Writers on a file wait for one another, and each flush takes its time.
fn nodes() -> usize {
    if server().is_some() { 16 } else { 3 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_in_the_same_rooms_never_fail_one_another() {
    let world = World::new().await;
    let people: [UserId; 4] = world.users().await;
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(world.group(&people).await);
    }
    let mut work = Vec::new();
    for node in 0..nodes() {
        let store = world.another_node().await;
        let mut batches = Vec::new();
        for round in 0..ROUNDS {
            batches.push(Arc::new(batch(&world, &rooms, &people, node + round).await));
        }
        work.push(async move {
            for batch in batches {
                for outcome in store.commit(batch, soon()).await {
                    assert!(outcome.is_ok(), "{outcome:?}");
                }
            }
        });
    }
    let patience = Duration::from_secs(120);
    let done = tokio::time::timeout(patience, join_all(work)).await;
    assert!(done.is_ok(), "the writers stand in each other's way");
    for room in rooms {
        let history = world.history(room, people[0]).await;
        let numbers: Vec<_> = history.iter().map(|message| message.seq).collect();
        let count = i64::try_from(nodes() * ROUNDS).expect("few");
        assert_eq!(numbers, (1..=count).map(Seq).collect::<Vec<_>>());
    }
}

/// A message in every room, in an order of its own, and a mark in the last.
async fn batch(world: &World, rooms: &[RoomId], people: &[UserId], turn: usize) -> Vec<Command> {
    let mut commands = Vec::new();
    for place in 0..rooms.len() {
        let room = rooms[(place * 3 + turn) % rooms.len()];
        let sender = people[(place + turn) % people.len()];
        let draft = Draft::text(format!("turn {turn}"));
        commands.push(world.append(room, sender, draft).await);
        if place + 1 == rooms.len() {
            let mark = Mark::UpTo(ReceiptKind::Read, Seq(1_000));
            commands.push(world.mark(room, sender, &[mark]).await);
        }
    }
    commands
}

#[tokio::test]
async fn two_nodes_that_make_the_same_room_or_reaction_at_once_agree() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let message = world.say(room, ann, "tea?").await;
    let other = world.another_node().await;
    let direct = |room| Command::OpenDirect { room, by: ann };
    let kind = tertulia_domain::RoomKind::Direct;
    let mine = direct(world.new_room(kind, &[ann, bob]).await);
    let theirs = direct(world.new_room(kind, &[ann, bob]).await);
    let react = |authority: &policy::Authority| Command::React {
        permit: policy::may_react(authority, bob).expect("may react"),
        message: message.id,
        emoji: "☕".to_owned(),
        on: Toggle::On,
        most: 10,
        at: world.now(),
    };
    let authority = world.authority(room, bob).await;
    let (one, two) = tokio::join!(
        world
            .store
            .commit(Arc::new(vec![mine, react(&authority)]), soon()),
        other.commit(Arc::new(vec![theirs, react(&authority)]), soon()),
    );
    let mut made = Vec::new();
    let mut reacted = 0;
    for outcome in one.into_iter().chain(two) {
        match outcome.expect("carried out") {
            Outcome::Created { room, .. } | Outcome::Found { room } => made.push(room.id),
            Outcome::Reacted { .. } => reacted += 1,
            Outcome::Unchanged => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(made.len(), 2);
    assert_eq!(made[0], made[1]);
    assert_eq!(reacted, 1);
}

#[tokio::test]
async fn who_else_writes_is_noticed() {
    let world = World::new().await;
    let other = world.another_node().await;
    let before = world.store.foreign_writes().await.expect("answered");
    world.user("ann").await;
    let own = world.store.foreign_writes().await.expect("answered");
    assert_eq!(own, before, "one's own writes are none");
    other.ping().await.expect("it writes");
    let after = world.store.foreign_writes().await.expect("answered");
    assert_ne!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_find_one_database() {
    let world = World::new().await;
    let starts = (0..4).map(|_| world.another_node());
    let nodes = join_all(starts).await;
    for node in nodes {
        node.ping().await.expect("it takes writes");
    }
}
