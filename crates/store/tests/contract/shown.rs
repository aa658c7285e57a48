//! Histories with numbered pages, who read what, and what members keep for
//! themselves.

use tertulia_domain::ports::{MessagePage, ShownMessages};
use tertulia_domain::receipt::{Mark, Readers};
use tertulia_domain::{Metadata, ReceiptKind, RoomId, Seq, UserId};

use crate::world::World;

async fn shown(world: &World, room: RoomId, reader: UserId, skip: i64) -> ShownMessages {
    let permit = world.may_read(room, reader).await;
    let shown = world.store.shown_messages(&permit, skip).await;
    shown.expect("the store answers")
}

/// Whatever is gone, numbered pages show each message that is left once.
#[tokio::test]
async fn numbered_pages_have_no_hole_and_no_repeat() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say_many(room, ann, 23).await;
    let all = world.history(room, ann).await;
    for seq in [1, 2, 9, 10, 11, 22] {
        world.done(world.delete(&all[seq - 1]).await).await;
    }
    world.done(world.edit(&all[2], "edited").await).await;
    for seq in [3, 11, 23] {
        world.done(world.hide(bob, &all[seq - 1]).await).await;
    }
    for (reader, gone) in [
        (ann, vec![1, 2, 9, 10, 11, 22]),
        (bob, vec![1, 2, 3, 9, 10, 11, 22, 23]),
    ] {
        let left: Vec<i64> = (1..=23).rev().filter(|seq| !gone.contains(seq)).collect();
        let mut read = Vec::new();
        for skip in (0..left.len()).step_by(4) {
            let place = shown(&world, room, reader, skip as i64).await;
            assert_eq!(place.count, left.len() as i64);
            let page = MessagePage {
                before: Some(place.before),
                after: None,
                limit: 4,
                deleted: false,
            };
            let page = world.page(room, reader, page).await;
            read.extend(page.iter().rev().map(|message| message.seq.0));
        }
        assert_eq!(read, left);
        assert_eq!(shown(&world, room, reader, 1_000).await.before, Seq(1));
    }
}

#[tokio::test]
async fn readers_are_those_who_marked_the_message_but_its_sender() {
    let world = World::new().await;
    let [ann, bob, cleo] = world.users().await;
    let room = world.group(&[ann, bob, cleo]).await;
    world.say_many(room, ann, 3).await;
    for (user, mark) in [
        (ann, Mark::UpTo(ReceiptKind::Read, Seq(3))),
        (bob, Mark::Only(ReceiptKind::Read, Seq(3))),
        (cleo, Mark::UpTo(ReceiptKind::Read, Seq(1))),
        (cleo, Mark::UpTo(ReceiptKind::Delivered, Seq(3))),
    ] {
        world.done(world.mark(room, user, &[mark]).await).await;
    }
    let permit = world.may_read(room, bob).await;
    let asked = [1, 2, 3].map(|seq| (Seq(seq), Some(ann)));
    let found = world.store.readers(&permit, &asked).await;
    let readers = |count, with_asker| Readers { count, with_asker };
    assert_eq!(
        found.expect("the store answers"),
        [readers(1, false), readers(0, false), readers(1, true)]
    );
}

#[tokio::test]
async fn a_message_is_found_by_its_uuid_in_its_own_room_only() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let elsewhere = world.group(&[ann]).await;
    let message = world.say(room, ann, "hola").await;
    for (room, expected) in [(room, Some(message.id)), (elsewhere, None)] {
        let permit = world.may_read(room, ann).await;
        let found = world.store.message_by_uuid(&permit, message.uuid).await;
        assert_eq!(found.expect("it answers").map(|found| found.id), expected);
        let found = world.store.messages_by_id(&permit, &[message.id]).await;
        let found: Vec<_> = found.expect("it answers").iter().map(|m| m.id).collect();
        assert_eq!(found, Vec::from_iter(expected));
    }
    let permit = world.may_read(room, ann).await;
    let unknown = uuid::Uuid::from_u128(7);
    let found = world.store.message_by_uuid(&permit, unknown).await;
    assert!(found.expect("it answers").is_none());
}

#[tokio::test]
async fn members_keep_something_for_themselves() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let empty = world.group(&[ann]).await;
    let kept = async |user| {
        let kept = world.store.member_settings(user, &[room, empty]).await;
        kept.expect("the store answers")
    };
    for colour in ["red", "blue"] {
        let settings = Metadata::default().with("colour", colour);
        let permit = world.may_read(room, ann).await;
        let done = world
            .store
            .set_member_settings(&permit, settings.clone(), world.now())
            .await;
        done.expect("it is kept");
        assert_eq!(kept(ann).await, [(room, settings)]);
    }
    assert_eq!(kept(bob).await, []);
}
