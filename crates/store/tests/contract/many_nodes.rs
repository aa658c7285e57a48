//! Several nodes over one database, writing to the same rooms: nothing of one
//! fails for the others, and the numbers have no hole.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tertulia_domain::command::{Command, Outcome, Toggle};
use tertulia_domain::message::NewMessage;
use tertulia_domain::policy::{self, MayRead, MaySpeak};
use tertulia_domain::ports::IdKind;
use tertulia_domain::receipt::Mark;
use tertulia_domain::{MessageId, ReceiptKind, Seq, Store, Timestamp, UserId};

use crate::world::{World, draft_with, in_good_time, server, soon};

const ROOMS: usize = 5;

/// Batches of one node, where the test is not to run for its whole time.
const ROUNDS: usize = 30;

/// Its whole time, which `cargo xtask test --long` asks for.
const WHOLE_TIME: Duration = Duration::from_secs(60);

/// Writers on a file wait for one another, and each flush takes its time.
fn nodes() -> usize {
    if server().is_some() { 16 } else { 3 }
}

fn runs_whole_time() -> bool {
    #[expect(clippy::disallowed_methods, reason = "how the test command says it")]
    std::env::var_os("TEST_LONG").is_some()
}

/// One node's writer, with all that it may say.
struct Node {
    number: usize,
    store: Arc<dyn Store>,
    /// Who may say something in a room, or mark what is there.
    permits: Vec<(MaySpeak, MayRead)>,
    ids: Range<i64>,
}

impl Node {
    /// Writes batch after batch; gives how many, and how long the slowest took.
    async fn write(mut self) -> (usize, Duration) {
        let begun = Instant::now();
        let (mut round, mut slowest) = (0, Duration::ZERO);
        while match runs_whole_time() {
            true => begun.elapsed() < WHOLE_TIME,
            false => round < ROUNDS,
        } {
            let asked = Instant::now();
            let batch = Arc::new(self.batch(round));
            // The whole time is run on a machine that does nothing else.
            let by = match runs_whole_time() {
                true => soon(),
                false => in_good_time(),
            };
            for outcome in self.store.commit(batch, by).await {
                assert!(outcome.is_ok(), "round {round}: {outcome:?}");
            }
            slowest = slowest.max(asked.elapsed());
            round += 1;
            if round % 10 == 0 {
                // What is written beside the batches, under locks of its own.
                let ids = self.store.reserve_ids(IdKind::User, 1).await;
                ids.expect("ids are reserved");
            }
        }
        (round, slowest)
    }

    /// A message in every room, in an order of its own, and a mark in the last.
    fn batch(&mut self, round: usize) -> Vec<Command> {
        let turn = self.number + round;
        let mut commands = Vec::new();
        for place in 0..ROOMS {
            let room = (place * 3 + turn) % ROOMS;
            let person = (place + turn) % (self.permits.len() / ROOMS);
            let (speak, read) = &self.permits[person * ROOMS + room];
            let id = self.ids.next().expect("enough ids");
            let message = NewMessage {
                id: MessageId(id),
                draft: draft_with(&format!("c-{id}"), "and on it goes"),
                fingerprint: Some(id),
                outbox: None,
                created_at: Timestamp::from_secs(1_000),
            };
            let permit = speak.clone();
            commands.push(Command::Append { permit, message });
            if place + 1 == ROOMS {
                commands.push(Command::Mark {
                    permit: read.clone(),
                    marks: vec![Mark::UpTo(ReceiptKind::Read, Seq(i64::MAX))],
                    at: Timestamp::from_secs(1_000),
                });
            }
        }
        commands
    }
}

/// Issue 6, criterion 3: no send fails, and no number is left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_in_the_same_rooms_never_fail_one_another() {
    let world = World::new().await;
    let people: [UserId; 4] = world.users().await;
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(world.group(&people).await);
    }
    let mut permits = Vec::new();
    for person in people {
        for room in &rooms {
            let authority = world.authority(*room, person).await;
            permits.push((
                policy::may_speak(&authority, person).expect("may speak"),
                policy::may_read(&authority, person).expect("may read"),
            ));
        }
    }
    let mut work = Vec::new();
    for number in 0..nodes() {
        let store = world.another_node().await;
        let ids = store.reserve_ids(IdKind::Message, 1 << 20).await;
        let node = Node {
            number,
            store,
            permits: permits.clone(),
            ids: ids.expect("ids are reserved"),
        };
        work.push(tokio::spawn(node.write()));
    }
    let done = tokio::time::timeout(WHOLE_TIME * 3, try_join_all(work)).await;
    let done = done.expect("the writers stand in each other's way");
    let done = done.expect("no writer fails");
    let batches: usize = done.iter().map(|(batches, _)| batches).sum();
    let slowest = done.iter().map(|(_, slowest)| slowest).max();
    println!(
        "{batches} batches, {} messages, the slowest took {slowest:?}",
        batches * ROOMS
    );
    for room in rooms {
        // That nothing is left out below it is looked at in every test's end.
        let position = world.position(room, people[0]).await;
        assert_eq!(position.seq, Seq(i64::try_from(batches).expect("few")));
    }
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
            .commit(Arc::new(vec![mine, react(&authority)]), in_good_time()),
        other.commit(Arc::new(vec![theirs, react(&authority)]), in_good_time()),
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
