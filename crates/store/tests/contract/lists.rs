//! Lists of rooms as one reader sees them.

use tertulia_domain::ports::{RoomPage, RoomsCursor};
use tertulia_domain::receipt::Mark;
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{ReceiptKind, Role, RoomId, Seq, UserId, Visibility};

use crate::world::World;

const ALL: RoomPage = RoomPage {
    after: None,
    limit: 100,
    unread: true,
};

async fn rooms_of(world: &World, user: UserId, page: RoomPage) -> Vec<RoomSummary> {
    world
        .store
        .rooms_of(user, page)
        .await
        .expect("the store answers")
}

fn after(summary: &RoomSummary) -> Option<RoomsCursor> {
    Some(RoomsCursor {
        last_message_at: summary.last_message_at,
        room: summary.room.id,
    })
}

fn ids(rooms: &[RoomSummary]) -> Vec<RoomId> {
    rooms.iter().map(|summary| summary.room.id).collect()
}

#[tokio::test]
async fn the_newest_message_comes_first_and_empty_rooms_last() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(world.group(&[ann, bob]).await);
    }
    world.group(&[bob]).await;
    world.say(rooms[3], bob, "older").await;
    let last = world.say(rooms[1], ann, "newer").await;

    let expected = [rooms[1], rooms[3], rooms[4], rooms[2], rooms[0]];
    let all = rooms_of(&world, ann, ALL).await;
    assert_eq!(ids(&all), expected);
    assert_eq!(all[0].last_message.as_ref(), Some(&*last));
    assert_eq!(all[0].last_message_at, Some(last.created_at));
    assert_eq!(
        all[0].last_sender.as_ref().map(|sender| sender.id),
        Some(ann)
    );
    assert_eq!(all[0].position.seq, Seq(1));
    assert_eq!((all[0].unread, all[1].unread, all[2].unread), (0, 1, 0));
    assert_eq!(
        all[0].membership.as_ref().map(|own| own.role),
        Some(Role::Owner)
    );

    // In pages of two, with nothing left out and nothing twice.
    let mut paged = Vec::new();
    let mut page = RoomPage {
        after: None,
        limit: 2,
        unread: true,
    };
    loop {
        let next = rooms_of(&world, ann, page).await;
        let Some(last) = next.last() else {
            break;
        };
        page.after = after(last);
        paged.extend(ids(&next));
    }
    assert_eq!(paged, expected);
}

#[tokio::test]
async fn what_is_deleted_or_hidden_is_nobodys_last_message() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let first = world.say(room, bob, "first").await;
    let second = world.say(room, bob, "second").await;
    let third = world.say(room, bob, "third").await;
    world.done(world.delete(&third).await).await;
    world.done(world.hide(ann, &second).await).await;
    let of = async |user| {
        let summary = rooms_of(&world, user, ALL).await.remove(0);
        assert_eq!(summary.last_message_at, Some(third.created_at));
        summary.last_message.map(|message| message.id)
    };
    assert_eq!(of(ann).await, Some(first.id));
    assert_eq!(of(bob).await, Some(second.id));
    world.done(world.delete(&first).await).await;
    assert_eq!(of(ann).await, None);
}

#[tokio::test]
async fn unread_counts_what_others_sent_since_one_read_or_joined() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let unread = async |user| rooms_of(&world, user, ALL).await[0].unread;
    world.say_many(room, bob, 5).await;
    world.say(room, ann, "mine").await;
    assert_eq!((unread(ann).await, unread(bob).await), (5, 1));
    let mark = [Mark::UpTo(ReceiptKind::Read, Seq(2))];
    world.done(world.mark(room, ann, &mark).await).await;
    assert_eq!(unread(ann).await, 3);
    let deleted = world.history(room, ann).await.remove(3);
    world.done(world.delete(&deleted).await).await;
    assert_eq!(unread(ann).await, 2);

    world
        .done(world.admit(room, ann, eve, Role::Member).await)
        .await;
    assert_eq!(unread(eve).await, 0);
    world.say_many(room, bob, 1_100).await;
    assert_eq!(unread(eve).await, 1_000);
}

#[tokio::test]
async fn a_direct_room_shows_the_other_person() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    world.direct(ann, bob).await;
    let peer = async |user| {
        let summary = rooms_of(&world, user, ALL).await.remove(0);
        summary.peer.map(|peer| peer.id)
    };
    assert_eq!((peer(ann).await, peer(bob).await), (Some(bob), Some(ann)));
}

#[tokio::test]
async fn public_rooms_show_themselves_and_not_their_messages() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    world.group(&[ann]).await;
    let public = async || {
        world
            .room_with(&[ann], |room| room.visibility = Visibility::Public)
            .await
    };
    let (one, two, three) = (public().await, public().await, public().await);
    world.say(one, ann, "hola").await;
    let page = |after, limit| {
        world.store.public_rooms(
            bob,
            RoomPage {
                after,
                limit,
                unread: false,
            },
        )
    };
    let all = page(None, 10).await.expect("answered");
    assert_eq!(ids(&all), [one, three, two]);
    assert!(all[0].last_message.is_none() && all[0].membership.is_none());
    assert_eq!((all[0].unread, all[0].position.seq), (0, Seq(1)));
    let rest = page(after(&all[0]), 10).await.expect("answered");
    assert_eq!(ids(&rest), [three, two]);
    let own = world.store.public_rooms(ann, ALL).await.expect("answered");
    assert!(own[0].membership.is_some());
}

#[tokio::test]
async fn one_room_is_summed_up_as_in_the_list() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.direct(ann, bob).await;
    world.say(room, ann, "hola").await;
    let permit = world.may_read(room, bob).await;
    let one = world.store.room_summary(&permit).await.expect("answered");
    let listed = rooms_of(&world, bob, ALL).await.remove(0);
    assert_eq!(format!("{one:?}"), format!("{listed:?}"));
    assert_eq!(one.unread, 1);
}

#[tokio::test]
async fn members_of_rooms_come_by_room_in_the_order_of_joining() {
    let world = World::new().await;
    let [ann, bob, eve, dan] = world.users().await;
    let one = world.group(&[bob, ann]).await;
    let two = world.group(&[ann]).await;
    let secret = world.group(&[bob, eve]).await;
    world
        .done(world.admit(one, bob, dan, Role::Member).await)
        .await;
    world
        .done(world.admit(one, bob, eve, Role::Member).await)
        .await;
    world.done(world.leave(one, dan).await).await;
    let found = async |limit| {
        let found = world
            .store
            .members_of_rooms(Some(ann), &[two, secret, one, two], limit)
            .await;
        let found = found.expect("the store answers");
        found
            .into_iter()
            .map(|member| (member.membership.room, member.profile.id))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(10).await,
        [(one, bob), (one, ann), (one, eve), (two, ann)]
    );
    assert_eq!(found(2).await, [(one, bob), (one, ann), (two, ann)]);
}

#[tokio::test]
async fn readings_say_how_far_each_member_has_read() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let mut said = Vec::new();
    for sender in [ann, ann, bob, ann] {
        said.push(world.say(room, sender, "hola").await);
    }
    let mark = Mark::UpTo(ReceiptKind::Read, said[0].seq);
    world.done(world.mark(room, bob, &[mark]).await).await;
    world
        .done(world.admit(room, ann, eve, Role::Member).await)
        .await;
    world.done(world.delete(&said[3]).await).await;
    world.say(room, ann, "adiós").await;
    let found = async |reader| {
        let found = world.store.readings_of_rooms(reader, &[room], 10).await;
        let mut found = found.expect("the store answers");
        found.sort_unstable_by_key(|reading| reading.user);
        found
            .into_iter()
            .map(|one| (one.user, one.last_read_at.is_some(), one.unread))
            .collect::<Vec<_>>()
    };
    let expected = [(ann, false, 1), (bob, true, 2), (eve, false, 1)];
    assert_eq!(found(ann).await, expected);
    world.done(world.leave(room, eve).await).await;
    assert_eq!(found(eve).await, [], "to strangers nothing is said");
}

#[tokio::test]
async fn members_of_open_rooms_are_found_by_anyone_who_is_not_banned() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let open = world
        .room_with(&[ann, bob], |room| {
            room.visibility = Visibility::Public;
            room.open = true;
        })
        .await;
    let public = world
        .room_with(&[ann], |room| room.visibility = Visibility::Public)
        .await;
    world.done(world.remove(open, ann, eve, true).await).await;
    let found = async |reader| {
        let rooms = [open, public];
        let found = world.store.members_of_rooms(reader, &rooms, 10).await;
        let found = found.expect("the store answers");
        found
            .into_iter()
            .map(|member| (member.membership.room, member.profile.id))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(None).await, [(open, ann), (open, bob)]);
    assert_eq!(found(Some(bob)).await, [(open, ann), (open, bob)]);
    assert_eq!(
        found(Some(ann)).await,
        [(open, ann), (open, bob), (public, ann)]
    );
    assert_eq!(found(Some(eve)).await, []);
}

#[tokio::test]
async fn public_rooms_by_number_are_paged_by_place() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let mut public = Vec::new();
    for _ in 0..3 {
        let room = world
            .room_with(&[ann], |room| room.visibility = Visibility::Public)
            .await;
        public.push(room);
    }
    world.group(&[ann]).await;
    let page = async |skip, limit| {
        let found = world.store.public_rooms_by_number(skip, limit).await;
        let found = found.expect("the store answers");
        found.into_iter().map(|room| room.id).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 10).await, public);
    assert_eq!(page(1, 1).await, public[1..2]);
    assert_eq!(page(3, 1).await, []);
}
