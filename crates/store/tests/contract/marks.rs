//! Delivered and read: stretches that only grow, with the first time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tertulia_domain::command::Outcome;
use tertulia_domain::receipt::{Mark, MessageReceipt};
use tertulia_domain::{ReceiptKind, Role, RoomId, Seq, Stretch, Timestamp, UserId, Visibility};

use ReceiptKind::{Delivered, Read};

use crate::world::World;

fn up_to(kind: ReceiptKind, seq: i64) -> Mark {
    Mark::UpTo(kind, Seq(seq))
}

fn only(kind: ReceiptKind, seq: i64) -> Mark {
    Mark::Only(kind, Seq(seq))
}

/// What was newly marked, as kind, from, to.
async fn mark(
    world: &World,
    room: RoomId,
    user: UserId,
    marks: &[Mark],
) -> Vec<(ReceiptKind, i64, i64)> {
    match world.run(world.mark(room, user, marks).await).await {
        Ok(Outcome::Marked { stretches, .. }) => {
            let plain = |s: &Stretch| (s.kind, s.from.0, s.to.0);
            stretches.iter().map(plain).collect()
        }
        Ok(Outcome::Unchanged) => Vec::new(),
        other => panic!("not marked: {other:?}"),
    }
}

async fn receipt(world: &World, room: RoomId, seq: i64, user: UserId) -> Option<MessageReceipt> {
    let reader = world.history(room, user).await;
    let message = reader
        .iter()
        .find(|message| message.seq == Seq(seq))
        .expect("there");
    let permit = world.may_read(room, user).await;
    let all = world
        .store
        .receipts(&permit, message.id, None, 100)
        .await
        .expect("answered");
    all.into_iter().find(|receipt| receipt.user == user)
}

#[tokio::test]
async fn read_is_delivered_too_and_nothing_is_marked_twice() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say_many(room, ann, 10).await;
    let marked = async |marks: &[Mark]| mark(&world, room, bob, marks).await;
    assert_eq!(marked(&[up_to(Delivered, 4)]).await, [(Delivered, 1, 4)]);
    assert_eq!(marked(&[up_to(Delivered, 4)]).await, []);
    assert_eq!(
        marked(&[up_to(Read, 6)]).await,
        [(Delivered, 5, 6), (Read, 1, 6)]
    );
    assert_eq!(marked(&[up_to(Delivered, 6), only(Read, 3)]).await, []);
    assert_eq!(
        marked(&[only(Read, 9), only(Delivered, 8)]).await,
        [(Delivered, 8, 9), (Read, 9, 9)]
    );
    assert_eq!(
        marked(&[up_to(Read, 100)]).await,
        [
            (Delivered, 7, 7),
            (Delivered, 10, 10),
            (Read, 7, 8),
            (Read, 10, 10)
        ]
    );
    let membership = world
        .authority(room, bob)
        .await
        .membership
        .expect("a member");
    assert_eq!(
        (membership.delivered_seq, membership.read_seq),
        (Seq(10), Seq(10))
    );
    assert_eq!(
        marked(&[up_to(Read, 0), only(Read, -3), only(Read, 11)]).await,
        []
    );
}

#[tokio::test]
async fn the_first_time_stands() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say_many(room, ann, 3).await;
    mark(&world, room, bob, &[only(Delivered, 2)]).await;
    let first = receipt(&world, room, 2, bob).await.expect("a recipient");
    assert!(first.delivered_at.is_some() && first.read_at.is_none());
    mark(&world, room, bob, &[up_to(Read, 3)]).await;
    let second = receipt(&world, room, 2, bob).await.expect("a recipient");
    assert_eq!(second.delivered_at, first.delivered_at);
    assert!(second.read_at > first.delivered_at);
    let other = receipt(&world, room, 1, bob).await.expect("a recipient");
    assert_eq!(other.delivered_at, second.read_at);
}

#[tokio::test]
async fn a_mark_takes_one_revision_and_changes_no_version() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say_many(room, ann, 3).await;
    let before = world.position(room, bob).await;
    mark(&world, room, bob, &[only(Read, 1), only(Read, 3)]).await;
    let after = world.position(room, bob).await;
    assert_eq!(after.step(), before.step() + 1);
    assert_eq!(world.authority(room, bob).await.version.0, 1);
}

#[tokio::test]
async fn recipients_are_those_who_were_members_at_the_time() {
    let world = World::new().await;
    let [ann, bob, eve, dan] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let first = world.say(room, ann, "1").await;
    world
        .done(world.admit(room, ann, eve, Role::Member).await)
        .await;
    let second = world.say(room, bob, "2").await;
    world.done(world.leave(room, eve).await).await;
    let third = world.say(room, ann, "3").await;
    world
        .done(world.admit(room, ann, eve, Role::Member).await)
        .await;
    world
        .done(world.admit(room, ann, dan, Role::Member).await)
        .await;
    let fourth = world.say(room, ann, "4").await;
    let permit = world.may_read(room, ann).await;
    let recipients = async |message, after, limit| -> Vec<UserId> {
        let all = world.store.receipts(&permit, message, after, limit).await;
        all.expect("answered")
            .iter()
            .map(|receipt| receipt.user)
            .collect()
    };
    assert_eq!(recipients(first.id, None, 9).await, [bob]);
    assert_eq!(recipients(second.id, None, 9).await, [ann, eve]);
    assert_eq!(recipients(third.id, None, 9).await, [bob]);
    assert_eq!(recipients(fourth.id, None, 2).await, [bob, eve]);
    assert_eq!(recipients(fourth.id, Some(eve), 2).await, [dan]);

    // And they mark only what was sent to them.
    assert_eq!(
        mark(&world, room, eve, &[up_to(Delivered, 4)]).await,
        [(Delivered, 2, 2), (Delivered, 4, 4)]
    );
    assert_eq!(
        mark(&world, room, dan, &[only(Read, 1), only(Read, 3)]).await,
        []
    );
    assert_eq!(
        mark(&world, room, dan, &[up_to(Read, 4)]).await,
        [(Delivered, 4, 4), (Read, 4, 4)]
    );
}

#[tokio::test]
async fn a_guest_of_an_open_room_marks_nothing() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world
        .room_with(&[ann], |room| {
            room.visibility = Visibility::Public;
            room.open = true;
        })
        .await;
    world.say(room, bob, "hola").await;
    world.say(room, ann, "hola").await;
    assert_eq!(mark(&world, room, bob, &[up_to(Read, 2)]).await, []);
}

/// What a test does to the memberships and marks of one user.
#[derive(Clone, Debug)]
enum Step {
    Say(usize),
    Mark(Vec<Mark>),
    LeaveOrReturn,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(Delivered), Just(Read)];
    let one = (kind, any::<bool>(), 0_i64..25).prop_map(|(kind, all, seq)| {
        if all {
            up_to(kind, seq)
        } else {
            only(kind, seq)
        }
    });
    prop_oneof![
        2 => (1_usize..4).prop_map(Step::Say),
        6 => prop::collection::vec(one, 1..4).prop_map(Step::Mark),
        1 => Just(Step::LeaveOrReturn),
    ]
}

/// The same, message by message: when each was first marked.
#[derive(Default)]
struct Model {
    sent: Vec<i64>,
    delivered: BTreeMap<i64, Timestamp>,
    read: BTreeMap<i64, Timestamp>,
}

impl Model {
    fn mark(&mut self, mark: Mark, at: Timestamp) {
        let (kind, from, to) = match mark {
            Mark::UpTo(kind, seq) => (kind, 1, seq.0),
            Mark::Only(kind, seq) => (kind, seq.0, seq.0),
        };
        for seq in self.sent.iter().filter(|seq| (from..=to).contains(*seq)) {
            self.delivered.entry(*seq).or_insert(at);
            if kind == Read {
                self.read.entry(*seq).or_insert(at);
            }
        }
    }
}

async fn run(steps: Vec<Step>) {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let (mut model, mut last, mut member) = (Model::default(), 0, true);
    for step in steps {
        match step {
            Step::Say(count) => {
                world.say_many(room, ann, count).await;
                let from = last + 1;
                last += i64::try_from(count).expect("few");
                if member {
                    model.sent.extend(from..=last);
                }
            }
            Step::Mark(marks) if member => {
                let command = world.mark(room, bob, &marks).await;
                let tertulia_domain::command::Command::Mark { at, .. } = &command else {
                    unreachable!("a mark is a mark");
                };
                marks.iter().for_each(|mark| model.mark(*mark, *at));
                world.run(command).await.expect("marked");
            }
            Step::Mark(_) => {}
            Step::LeaveOrReturn => {
                let command = if member {
                    world.leave(room, bob).await
                } else {
                    world.admit(room, ann, bob, Role::Member).await
                };
                world.done(command).await;
                member = !member;
            }
        }
    }
    let permit = world.may_read(room, ann).await;
    for message in world.history(room, ann).await {
        let all = world
            .store
            .receipts(&permit, message.id, None, 9)
            .await
            .expect("answered");
        let seq = message.seq.0;
        let expected = model.sent.contains(&seq).then(|| MessageReceipt {
            user: bob,
            delivered_at: model.delivered.get(&seq).copied(),
            read_at: model.read.get(&seq).copied(),
        });
        assert_eq!(all.first().copied(), expected, "message {seq}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_has_its_first_times(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(run(steps));
    }
}
