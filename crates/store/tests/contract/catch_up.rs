//! What a returning client missed (G8).

use tertulia_domain::command::{Command, Outcome, StoreError, Toggle};
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::receipt::Mark;
use tertulia_domain::room::RoomPatch;
use tertulia_domain::{
    Change, Draft, Message, Position, ReceiptKind, Revision, Role, RoomEvent, RoomId, Seq, UserId,
    policy,
};

use crate::world::World;

/// The whole catch-up in pages of `limit`, checked for form: positions rise,
/// messages come first, and the last page stands where the room stands.
async fn all(
    world: &World,
    room: RoomId,
    reader: UserId,
    known: Position,
    limit: usize,
) -> Vec<RoomEvent> {
    let mut cursor = CatchUpCursor::new(known);
    let mut events: Vec<RoomEvent> = Vec::new();
    loop {
        let page = world.catch_up(room, reader, cursor, limit).await;
        assert!(page.events.len() <= limit);
        events.extend(page.events);
        cursor = page.next;
        if page.complete {
            break;
        }
    }
    for two in events.windows(2) {
        assert!(two[1].at.covers(two[0].at) && two[1].at != two[0].at);
    }
    assert_eq!(cursor.reached, world.position(room, reader).await);
    assert_eq!(cursor.known, known);
    events
}

/// A word for each event.
fn words(events: &[RoomEvent]) -> Vec<String> {
    let word = |event: &RoomEvent| match &event.change {
        Change::Message { message, .. } => format!("message {} {}", message.seq.0, message.text),
        Change::Edited { message, .. } => format!("edited {} {}", message.seq.0, message.text),
        Change::Deleted { message, .. } => format!("deleted {}", message.seq.0),
        Change::Hidden { seq, .. } => format!("hidden {}", seq.0),
        Change::Reaction { seq, emoji, on, .. } => format!("{emoji} {} {on}", seq.0),
        Change::Receipt { stretches, .. } => format!("receipt {}", stretches.len()),
        Change::Member { member, .. } => {
            format!("member {} {:?}", member.profile.id, member.membership.state)
        }
        Change::Created { members, .. } => format!("created {}", members.len()),
        Change::Updated { .. } => "updated".to_owned(),
        Change::Closed { .. } => "closed".to_owned(),
    };
    events.iter().map(word).collect()
}

async fn react(world: &World, message: &Message, user: UserId, emoji: &str) {
    let authority = world.authority(message.room, user).await;
    let command = Command::React {
        permit: policy::may_react(&authority, user).expect("may react"),
        message: message.id,
        emoji: emoji.to_owned(),
        on: Toggle::Flip,
        most: 100,
        at: world.now(),
    };
    world.done(command).await;
}

#[tokio::test]
async fn from_the_start_it_tells_messages_as_they_are_and_then_the_rest() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob, eve]).await;
    let first = world.say(room, ann, "1").await;
    let second = world.say(room, bob, "2").await;
    world.done(world.edit(&first, "1b").await).await;
    react(&world, &first, bob, "🔥").await;
    world.done(world.delete(&second).await).await;
    world.done(world.leave(room, eve).await).await;
    for limit in [1, 2, 3, 100] {
        let events = all(&world, room, bob, Position::START, limit).await;
        assert_eq!(
            words(&events),
            ["message 1 1b", "message 2 ", "created 2", "member 3 Left"],
            "pages of {limit}"
        );
        let Change::Message { message, sender } = &events[0].change else {
            panic!("a message");
        };
        assert_eq!(message.reactions.len(), 1);
        assert_eq!(sender.as_ref().map(|sender| sender.id), Some(ann));
        assert_eq!(
            events[1].at,
            Position {
                seq: Seq(2),
                revision: Revision(0)
            }
        );
        assert_eq!(
            events[2].at,
            Position {
                seq: Seq(2),
                revision: Revision(1)
            }
        );
        assert_eq!(
            events[0].members_version,
            world.authority(room, ann).await.version
        );
    }
}

#[tokio::test]
async fn known_messages_come_with_their_changes_and_new_ones_without() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let old = world.say(room, ann, "old").await;
    let gone = world.say(room, ann, "gone").await;
    react(&world, &old, bob, "👍").await;
    let known = world.position(room, bob).await;
    let new = world.say(room, ann, "new").await;
    world.done(world.edit(&old, "old 2").await).await;
    world.done(world.edit(&new, "new 2").await).await;
    react(&world, &old, bob, "👍").await;
    react(&world, &old, ann, "golazo").await;
    react(&world, &new, ann, "golazo").await;
    world.done(world.delete(&gone).await).await;
    world.done(world.edit(&old, "old 3").await).await;
    let marks = [Mark::UpTo(ReceiptKind::Read, Seq(3))];
    world.done(world.mark(room, bob, &marks).await).await;
    let authority = world.authority(room, ann).await;
    let update = Command::UpdateRoom {
        permit: policy::may_update(&authority, ann).expect("may update"),
        patch: RoomPatch {
            title: Some("Cafetal".to_owned()),
            ..RoomPatch::default()
        },
        at: world.now(),
    };
    world.done(update).await;
    world
        .done(world.admit(room, ann, bob, Role::Admin).await)
        .await;
    for limit in [1, 2, 3, 100] {
        let events = all(&world, room, bob, known, limit).await;
        assert_eq!(
            words(&events),
            [
                "message 3 new 2",
                "👍 1 false",
                "golazo 1 true",
                "deleted 2",
                "edited 1 old 3",
                "receipt 2",
                "updated",
                "member 2 Active",
            ],
            "pages of {limit}"
        );
        assert_eq!(
            events[0].at,
            Position {
                seq: Seq(3),
                ..known
            }
        );
        assert!(events[1..].iter().all(|event| event.at.seq == Seq(3)));
        assert_eq!(events[6].room.title.as_deref(), Some("Cafetal"));
    }
}

#[tokio::test]
async fn what_one_reader_hid_is_told_to_that_reader_only() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let first = world.say(room, ann, "1").await;
    let known = world.position(room, bob).await;
    let second = world.say(room, ann, "2").await;
    world.done(world.hide(bob, &first).await).await;
    world.done(world.hide(bob, &second).await).await;
    let told = async |reader| words(&all(&world, room, reader, known, 1).await);
    assert_eq!(told(bob).await, ["message 2 2", "hidden 1", "hidden 2"]);
    assert_eq!(told(ann).await, ["message 2 2"]);
}

#[tokio::test]
async fn what_lands_between_two_pages_is_told_once() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let old = world.say(room, ann, "1").await;
    let known = world.position(room, bob).await;
    let second = world.say(room, ann, "2").await;
    world.done(world.edit(&old, "1b").await).await;

    let page = world
        .catch_up(room, bob, CatchUpCursor::new(known), 1)
        .await;
    assert_eq!(words(&page.events), ["message 2 2"]);
    let third = world.say(room, ann, "3").await;
    world.done(world.edit(&second, "2b").await).await;
    let page = world.catch_up(room, bob, page.next, 2).await;
    assert_eq!(words(&page.events), ["message 3 3", "edited 1 1b"]);
    assert!(!page.complete);
    // A message told in this catch-up, changed after it began.
    world.done(world.delete(&third).await).await;
    world.say(room, ann, "4").await;
    let page = world.catch_up(room, bob, page.next, 10).await;
    assert_eq!(
        words(&page.events),
        ["message 4 4", "edited 2 2b", "deleted 3"]
    );
    assert!(page.complete);
    assert_eq!(page.next.reached, world.position(room, bob).await);

    // Gone on from there, only what is new comes.
    world.say(room, ann, "5").await;
    let page = world.catch_up(room, bob, page.next, 10).await;
    assert_eq!(words(&page.events), ["message 5 5"]);
}

#[tokio::test]
async fn a_client_from_the_future_goes_on_from_where_the_room_stands() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say(room, ann, "1").await;
    let stands = world.position(room, bob).await;
    for known in [
        Position {
            seq: Seq(7),
            revision: Revision(0),
        },
        Position {
            seq: Seq(0),
            revision: Revision(7),
        },
        Position {
            seq: Seq(7),
            revision: Revision(7),
        },
    ] {
        let page = world
            .catch_up(room, bob, CatchUpCursor::new(known), 10)
            .await;
        assert!(page.events.is_empty() && page.complete);
        assert_eq!(page.next.reached, stands);
    }
    let page = world
        .catch_up(room, bob, CatchUpCursor::new(stands), 10)
        .await;
    assert!(page.events.is_empty() && page.complete);
}

#[tokio::test]
async fn it_needs_a_permit_that_is_not_stale() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let permit = world.may_read(room, bob).await;
    world.done(world.leave(room, bob).await).await;
    let cursor = CatchUpCursor::new(Position::START);
    let refused = world.store.catch_up(&permit, cursor, 10).await;
    assert!(matches!(refused, Err(StoreError::Stale)));
}

#[tokio::test]
async fn the_stretches_of_one_mark_are_never_torn_apart() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say_many(room, ann, 9).await;
    let known = world.position(room, ann).await;
    let marks = [1, 3, 5, 7].map(|seq| Mark::Only(ReceiptKind::Read, Seq(seq)));
    let Outcome::Marked { stretches, .. } = world.done(world.mark(room, bob, &marks).await).await
    else {
        panic!("marked");
    };
    let draft = Draft::text("10");
    world.done(world.append(room, ann, draft).await).await;
    let events = all(&world, room, ann, known, 1).await;
    assert_eq!(words(&events), ["message 10 10", "receipt 8"]);
    let Change::Receipt {
        user,
        stretches: told,
    } = &events[1].change
    else {
        panic!("a receipt");
    };
    assert_eq!((user.id, told), (bob, &stretches));
}
