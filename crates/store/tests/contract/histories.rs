//! Random histories: a client that goes away, comes back and catches up in
//! pages while others go on, ends up knowing exactly what there is (G8).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tertulia_domain::command::{Command, Outcome, StoreError, Toggle};
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::receipt::{Mark, MessageReceipt};
use tertulia_domain::room::RoomPatch;
use tertulia_domain::{
    Change, Draft, Message, MessageId, Position, Reaction, ReceiptKind, Role, RoomEvent, RoomId,
    Seq, Timestamp, UserId, policy,
};

use crate::world::{World, server};

/// What somebody does. People are the members 0 to 2, messages are counted
/// from the newest.
#[derive(Clone, Debug)]
enum Deed {
    Say(usize),
    Edit(usize, u8),
    Delete(usize),
    Hide(usize, usize),
    React(usize, usize, u8),
    Mark(usize, bool, bool, usize),
    LeaveOrReturn,
    Rename(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0_usize..3;
    prop_oneof![
        6 => who.clone().prop_map(Deed::Say),
        3 => (0_usize..9, 0_u8..3).prop_map(|(which, text)| Deed::Edit(which, text)),
        1 => (0_usize..9).prop_map(Deed::Delete),
        1 => (0_usize..2, 0_usize..9).prop_map(|(who, which)| Deed::Hide(who, which)),
        3 => (0_usize..2, 0_usize..9, 0_u8..3).prop_map(|(w, m, e)| Deed::React(w, m, e)),
        3 => (who, any::<bool>(), any::<bool>(), 0_usize..9)
            .prop_map(|(who, read, all, which)| Deed::Mark(who, read, all, which)),
        1 => Just(Deed::LeaveOrReturn),
        1 => (0_u8..3).prop_map(Deed::Rename),
    ]
}

/// A room with its owner, a reader who stays, and one who comes and goes.
struct Scene {
    world: World,
    room: RoomId,
    people: [UserId; 3],
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let people = world.users().await;
        let room = world.group(&people).await;
        Self {
            world,
            room,
            people,
        }
    }

    async fn is_member(&self, who: usize) -> bool {
        let authority = self.world.authority(self.room, self.people[who]).await;
        authority.membership.is_some_and(|own| own.is_active())
    }

    async fn command(&self, deed: &Deed) -> Option<Command> {
        let (world, room) = (&self.world, self.room);
        let at = world.now();
        let history = world.history(room, self.people[0]).await;
        let message = |which: usize| history.iter().rev().nth(which);
        Some(match *deed {
            Deed::Say(who) | Deed::Mark(who, ..) if !self.is_member(who).await => return None,
            Deed::Say(who) => {
                let text = format!("{}", at.as_micros());
                world
                    .append(room, self.people[who], Draft::text(text))
                    .await
            }
            Deed::Edit(which, text) => {
                let message = message(which).filter(|m| m.sender == Some(self.people[0]))?;
                world.edit(message, &text.to_string()).await
            }
            Deed::Delete(which) => {
                let authority = world.authority(room, self.people[0]).await;
                let permit = policy::may_delete(&authority, self.people[0], message(which)?);
                let permit = permit.expect("the owner may");
                Command::Delete { permit, at }
            }
            Deed::Hide(who, which) => world.hide(self.people[who], message(which)?).await,
            Deed::React(who, which, emoji) => {
                let authority = world.authority(room, self.people[who]).await;
                Command::React {
                    permit: policy::may_react(&authority, self.people[who]).expect("may"),
                    message: message(which)?.id,
                    emoji: format!("e{emoji}"),
                    on: Toggle::Flip,
                    most: 100,
                    at,
                }
            }
            Deed::Mark(who, read, all, which) => {
                let kind = if read {
                    ReceiptKind::Read
                } else {
                    ReceiptKind::Delivered
                };
                let seq = message(which)?.seq;
                let mark = if all {
                    Mark::UpTo(kind, seq)
                } else {
                    Mark::Only(kind, seq)
                };
                world.mark(room, self.people[who], &[mark]).await
            }
            Deed::LeaveOrReturn if self.is_member(2).await => {
                world.leave(room, self.people[2]).await
            }
            Deed::LeaveOrReturn => {
                let [owner, _, subject] = self.people;
                world.admit(room, owner, subject, Role::Member).await
            }
            Deed::Rename(title) => {
                let authority = world.authority(room, self.people[0]).await;
                Command::UpdateRoom {
                    permit: policy::may_update(&authority, self.people[0]).expect("may"),
                    patch: RoomPatch {
                        title: Some(format!("title {title}")),
                        ..RoomPatch::default()
                    },
                    at,
                }
            }
        })
    }

    /// Does it all in one batch.
    async fn act(&self, deeds: &[Deed]) {
        let mut commands = Vec::new();
        for deed in deeds {
            commands.extend(self.command(deed).await);
        }
        for outcome in self.world.commit(commands).await {
            match outcome {
                // A message may be deleted, or the members change, in the batch.
                Ok(_) | Err(StoreError::Stale) => {}
                Err(StoreError::Failed(tertulia_domain::Error::Conflict(_))) => {}
                Err(other) => panic!("refused: {other:?}"),
            }
        }
    }
}

/// What a client knows of a room.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    messages: BTreeMap<i64, Message>,
    hidden: BTreeSet<i64>,
    delivered: BTreeMap<(UserId, i64), Timestamp>,
    read: BTreeMap<(UserId, i64), Timestamp>,
    members: BTreeMap<UserId, Role>,
    title: Option<String>,
}

impl Known {
    fn hear(&mut self, event: &RoomEvent, reader: UserId) {
        self.title.clone_from(&event.room.title);
        match &event.change {
            Change::Message { message, .. } => {
                let before = self.messages.insert(message.seq.0, (**message).clone());
                assert!(before.is_none(), "message {} came twice", message.seq.0);
                let count = i64::try_from(self.messages.len()).expect("few");
                assert_eq!(message.seq, Seq(count), "there is a hole");
            }
            Change::Edited { message, .. } | Change::Deleted { message, .. } => {
                self.messages.insert(message.seq.0, (**message).clone());
            }
            Change::Hidden { seq, user, .. } => {
                assert_eq!(*user, reader, "told to another reader");
                self.hidden.insert(seq.0);
            }
            Change::Reaction {
                seq,
                user,
                emoji,
                on,
                at,
                ..
            } => {
                let message = self.messages.get_mut(&seq.0).expect("told before");
                message
                    .reactions
                    .retain(|r| (r.user, &r.emoji) != (user.id, emoji));
                if *on {
                    let (user, emoji) = (user.id, emoji.clone());
                    let created_at = *at;
                    message.reactions.push(Reaction {
                        user,
                        emoji,
                        created_at,
                    });
                }
            }
            Change::Receipt { user, stretches } => {
                for stretch in stretches {
                    let marks = match stretch.kind {
                        ReceiptKind::Delivered => &mut self.delivered,
                        ReceiptKind::Read => &mut self.read,
                    };
                    for seq in stretch.from.0..=stretch.to.0 {
                        marks.insert((user.id, seq), stretch.at);
                    }
                }
            }
            Change::Member { member, .. } => self.meet(member),
            Change::Created { members, .. } => members.iter().for_each(|m| self.meet(m)),
            Change::Updated { .. } => {}
            Change::Closed { .. } => panic!("nobody closed the room"),
        }
    }

    fn meet(&mut self, member: &tertulia_domain::room::Member) {
        if member.membership.is_active() {
            self.members
                .insert(member.profile.id, member.membership.role);
        } else {
            self.members.remove(&member.profile.id);
        }
    }

    /// Compares with what the store says when it is asked directly.
    async fn check(&self, scene: &Scene) {
        let (world, room, reader) = (&scene.world, scene.room, scene.people[1]);
        let shown: Vec<_> = self
            .messages
            .values()
            .filter(|message| !self.hidden.contains(&message.seq.0))
            .cloned()
            .collect();
        assert_eq!(shown, world.history(room, reader).await);
        let permit = world.may_read(room, reader).await;
        let members = world
            .store
            .members(&permit, None, 100)
            .await
            .expect("answered");
        let members: BTreeMap<_, _> = members
            .iter()
            .map(|member| (member.profile.id, member.membership.role))
            .collect();
        assert_eq!(self.members, members);
        assert_eq!(self.title, world.authority(room, reader).await.room.title);
        for (seq, message) in &self.messages {
            self.check_receipts(world, &permit, *seq, message.id).await;
        }
    }

    async fn check_receipts(
        &self,
        world: &World,
        permit: &policy::MayRead,
        seq: i64,
        id: MessageId,
    ) {
        let all = world
            .store
            .receipts(permit, id, None, 100)
            .await
            .expect("answered");
        for receipt in all {
            let expected = MessageReceipt {
                user: receipt.user,
                delivered_at: self.delivered.get(&(receipt.user, seq)).copied(),
                read_at: self.read.get(&(receipt.user, seq)).copied(),
            };
            assert_eq!(receipt, expected, "message {seq}");
        }
    }
}

/// Catches up from where the client stands, one page before each of the
/// batches, and then to the end.
async fn catch_up(scene: &Scene, known: &mut Known, position: Position, visit: &Visit) -> Position {
    let (world, room, reader) = (&scene.world, scene.room, scene.people[1]);
    let mut cursor = CatchUpCursor::new(position);
    let mut meanwhile = visit.meanwhile.iter();
    loop {
        let page = world.catch_up(room, reader, cursor, visit.limit).await;
        for event in &page.events {
            assert!(event.at.covers(cursor.reached));
            known.hear(event, reader);
        }
        cursor = page.next;
        match meanwhile.next() {
            Some(deeds) => scene.act(deeds).await,
            None if page.complete => return cursor.reached,
            None => {}
        }
    }
}

async fn run(visits: Vec<Visit>) {
    let scene = Scene::new().await;
    let (mut known, mut position) = (Known::default(), Position::START);
    for visit in visits {
        for deeds in &visit.away {
            scene.act(deeds).await;
        }
        position = catch_up(&scene, &mut known, position, &visit).await;
        known.check(&scene).await;
    }
}

/// A client's absence and return.
#[derive(Clone, Debug)]
struct Visit {
    /// What is done while it is away, in batches.
    away: Vec<Vec<Deed>>,
    /// What is done while it catches up.
    meanwhile: Vec<Vec<Deed>>,
    /// How large its pages are.
    limit: usize,
}

fn visit() -> impl Strategy<Value = Visit> {
    (batches(5), batches(4), 1_usize..12).prop_map(|(away, meanwhile, limit)| Visit {
        away,
        meanwhile,
        limit,
    })
}

fn batches(most: usize) -> impl Strategy<Value = Vec<Vec<Deed>>> {
    prop::collection::vec(prop::collection::vec(deed(), 1..6), 0..most)
}

/// The statements are the same on a server, and each takes its way there.
fn cases() -> u32 {
    if server().is_some() { 12 } else { 64 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_returning_client_knows_what_there_is(
        visits in prop::collection::vec(visit(), 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(run(visits));
    }
}

#[tokio::test]
async fn the_words_of_a_scene_do_what_they_say() {
    let scene = Scene::new().await;
    let deeds = [Deed::Say(0), Deed::Say(1), Deed::Say(2)];
    scene.act(&deeds).await;
    for deed in [
        Deed::Edit(2, 1),
        Deed::React(1, 0, 1),
        Deed::Mark(1, true, true, 0),
        Deed::Hide(1, 1),
        Deed::Delete(0),
        Deed::LeaveOrReturn,
        Deed::LeaveOrReturn,
        Deed::Rename(1),
    ] {
        let command = scene.command(&deed).await.expect("something to do");
        let outcome = scene.world.done(command).await;
        assert!(!matches!(outcome, Outcome::Repeated { .. }), "{deed:?}");
    }
}
