//! Making, changing and closing rooms, and what permissions rest on.

use tertulia_domain::command::{Command, Entrance, Outcome, StoreError};
use tertulia_domain::ports::RoomKey;
use tertulia_domain::room::{Invite, RoomPatch};
use tertulia_domain::{
    Conflict, Draft, Entity, Error, Position, Revision, Role, RoomKind, Seq, UserId, UserState,
    Visibility, policy,
};

use crate::world::World;

#[tokio::test]
async fn a_room_is_made_with_its_first_members() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let new = world.new_room(RoomKind::Channel, &[bob, ann]).await;
    let asked = new.room.clone();
    let Outcome::Created { room, members, at } =
        world.done(Command::CreateRoom { room: new, by: bob }).await
    else {
        panic!("made");
    };
    assert_eq!(*room, asked);
    assert_eq!(
        at,
        Position {
            seq: Seq(0),
            revision: Revision(1)
        }
    );
    let roles: Vec<_> = members
        .iter()
        .map(|m| (m.profile.id, m.membership.role))
        .collect();
    assert_eq!(roles, [(bob, Role::Owner), (ann, Role::Member)]);

    for key in [RoomKey::Id(room.id), RoomKey::Uuid(room.uuid)] {
        let found = world
            .store
            .authority(key, ann)
            .await
            .expect("answered")
            .expect("there");
        assert_eq!(*found.room, asked);
        assert_eq!(found.version, Revision(1));
        assert_eq!(found.membership.as_ref(), Some(&members[1].membership));
    }
    let stranger = world.user("eve").await;
    assert!(
        world
            .authority(room.id, stranger)
            .await
            .membership
            .is_none()
    );
    assert_eq!(
        world.store.heads(ann, 10).await.expect("answered"),
        [(room.id, at, Revision(1))]
    );
}

#[tokio::test]
async fn first_members_must_exist() {
    let world = World::new().await;
    let [ann, gone] = world.users().await;
    world
        .store
        .set_user_state(gone, UserState::Deleted, world.now())
        .await
        .expect("set");
    for other in [gone, UserId(99)] {
        let room = world.new_room(RoomKind::Group, &[ann, other]).await;
        let direct = world.new_room(RoomKind::Direct, &[ann, other]).await;
        for command in [
            Command::CreateRoom { room, by: ann },
            Command::OpenDirect {
                room: direct,
                by: ann,
            },
        ] {
            let refused = world.run(command).await;
            assert!(matches!(
                refused,
                Err(StoreError::Failed(Error::NotFound(Entity::User)))
            ));
        }
    }
    let alone = world.new_room(RoomKind::Direct, &[ann, ann]).await;
    let refused = world
        .run(Command::OpenDirect {
            room: alone,
            by: ann,
        })
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::Failed(Error::Conflict(
            Conflict::DirectWithSelf
        )))
    ));
    assert!(
        world
            .store
            .heads(ann, 10)
            .await
            .expect("answered")
            .is_empty()
    );
}

#[tokio::test]
async fn an_apps_own_name_for_a_room_is_given_once_and_is_free_after_closing() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let named = async || {
        let mut new = world.new_room(RoomKind::Group, &[ann]).await;
        new.room.external_id = Some("patio".to_owned());
        world.run(Command::CreateRoom { room: new, by: ann }).await
    };
    let Ok(Outcome::Created { room, .. }) = named().await else {
        panic!("made");
    };
    assert!(matches!(
        named().await,
        Err(StoreError::Failed(Error::Conflict(Conflict::RoomExists)))
    ));
    let authority = world.authority(room.id, ann).await;
    let permit = policy::may_close(&authority, ann).expect("may close");
    world
        .done(Command::CloseRoom {
            permit,
            at: world.now(),
        })
        .await;
    assert!(matches!(named().await, Ok(Outcome::Created { .. })));
}

#[tokio::test]
async fn a_direct_room_is_found_again_from_both_sides() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.direct(ann, bob).await;
    assert_eq!(world.direct(bob, ann).await, room);
    assert_ne!(world.direct(ann, eve).await, room);
}

#[tokio::test]
async fn a_room_takes_new_words_and_says_nothing_when_they_are_the_same() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let update = async |patch: RoomPatch| {
        let authority = world.authority(room, ann).await;
        let permit = policy::may_update(&authority, ann).expect("may update");
        let at = world.now();
        (
            at,
            world.run(Command::UpdateRoom { permit, patch, at }).await,
        )
    };
    let (when, outcome) = update(RoomPatch {
        title: Some("Cafetal".to_owned()),
        description: Some(Some("turno tarde".to_owned())),
        visibility: Some(Visibility::Public),
        open: None,
    })
    .await;
    let Ok(Outcome::Updated {
        room: updated, at, ..
    }) = outcome
    else {
        panic!("updated");
    };
    assert_eq!(updated.title.as_deref(), Some("Cafetal"));
    assert_eq!(updated.description.as_deref(), Some("turno tarde"));
    assert_eq!(updated.visibility, Visibility::Public);
    assert_eq!(updated.updated_at, when);
    let authority = world.authority(room, ann).await;
    assert_eq!(authority.room, updated);
    assert_eq!(at.revision, Revision(2));
    assert_eq!(authority.version, Revision(1), "the members did not change");

    let (_, outcome) = update(RoomPatch {
        title: Some("Cafetal".to_owned()),
        ..RoomPatch::default()
    })
    .await;
    assert!(matches!(outcome, Ok(Outcome::Unchanged)));
    assert_eq!(world.position(room, ann).await, at);
    let (_, outcome) = update(RoomPatch {
        description: Some(None),
        ..RoomPatch::default()
    })
    .await;
    assert!(matches!(outcome, Ok(Outcome::Updated { room, .. }) if room.description.is_none()));
}

#[tokio::test]
async fn what_was_permitted_in_an_open_room_ends_when_it_is_open_no_longer() {
    let world = World::new().await;
    let [ann, guest] = world.users().await;
    let room = world
        .room_with(&[ann], |room| {
            room.visibility = Visibility::Public;
            room.open = true;
        })
        .await;
    let late = world.append(room, guest, Draft::text("hola")).await;
    let read = world.may_read(room, guest).await;
    let shut = async |open, visibility| {
        let authority = world.authority(room, ann).await;
        let permit = policy::may_update(&authority, ann).expect("may update");
        let patch = RoomPatch {
            open: Some(open),
            visibility: Some(visibility),
            ..RoomPatch::default()
        };
        let at = world.now();
        match world.run(Command::UpdateRoom { permit, patch, at }).await {
            Ok(Outcome::Updated { room, at, shut }) => {
                assert_eq!((room.open, room.visibility), (open, visibility));
                (shut, at.revision)
            }
            other => panic!("updated, not {other:?}"),
        }
    };
    let (is_shut, revision) = shut(false, Visibility::Private).await;
    assert!(is_shut);
    assert_eq!(world.authority(room, ann).await.version, revision);
    assert!(matches!(world.run(late).await, Err(StoreError::Stale)));
    let refused = world.store.newest_messages(&read, 0, 10).await;
    assert!(matches!(refused, Err(StoreError::Stale)));
    let (is_shut, _) = shut(true, Visibility::Public).await;
    assert!(!is_shut);
    assert_eq!(world.authority(room, ann).await.version, revision);
}

#[tokio::test]
async fn a_closed_room_is_gone_for_everybody() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world
        .room_with(&[ann, bob], |room| room.visibility = Visibility::Public)
        .await;
    world.say(room, bob, "hola").await;
    let authority = world.authority(room, ann).await;
    let at = world.now();
    let invite = Invite {
        code: "code".to_owned(),
        room,
        created_by: ann,
        created_at: at,
        expires_at: at.after(std::time::Duration::from_secs(1_000)),
        uses_left: None,
    };
    let permit = policy::may_invite(&authority, ann).expect("may invite");
    world
        .store
        .create_invite(&permit, invite)
        .await
        .expect("stored");
    let late = world
        .append(room, bob, tertulia_domain::Draft::text("too late"))
        .await;
    let permit = policy::may_close(&authority, ann).expect("may close");
    let Outcome::Closed { at: end } = world.done(Command::CloseRoom { permit, at }).await else {
        panic!("closed");
    };
    assert_eq!(
        end,
        Position {
            seq: Seq(1),
            revision: Revision(2)
        }
    );
    assert!(matches!(world.run(late).await, Err(StoreError::Stale)));
    let found = world
        .store
        .authority(RoomKey::Id(room), ann)
        .await
        .expect("answered");
    assert!(found.is_none());
    for user in [ann, bob] {
        assert!(
            world
                .store
                .heads(user, 10)
                .await
                .expect("answered")
                .is_empty()
        );
    }
    assert!(
        world
            .store
            .invite("code", at)
            .await
            .expect("answered")
            .is_none()
    );
}

#[tokio::test]
async fn a_room_is_found_by_its_name_until_it_is_closed() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let named = |room: &mut tertulia_domain::Room| room.external_id = Some("grupo_1".to_owned());
    let found = async || world.store.room_named("grupo_1").await.expect("answered");
    assert_eq!(found().await, None);
    let room = world.room_with(&[ann], named).await;
    assert_eq!(found().await, Some(room));
    assert_eq!(
        world.store.room_named("Grupo").await.expect("answered"),
        None
    );

    let mut again = world.new_room(RoomKind::Group, &[bob]).await;
    named(&mut again.room);
    let command = Command::CreateRoom {
        room: again,
        by: bob,
    };
    assert!(matches!(
        world.run(command).await,
        Err(StoreError::Failed(Error::Conflict(Conflict::RoomExists)))
    ));

    // Whoever knows its name enters, although it is private.
    let authority = world.authority(room, eve).await;
    let permit = policy::may_join_by_name(&authority, eve, true).expect("may join");
    let join = Command::Join {
        permit,
        by: Entrance::Door,
        at: world.now(),
    };
    assert!(matches!(world.done(join).await, Outcome::Members { .. }));

    let authority = world.authority(room, ann).await;
    let permit = policy::may_close(&authority, ann).expect("may close");
    let at = world.now();
    world.done(Command::CloseRoom { permit, at }).await;
    assert_eq!(found().await, None, "the name is free");
}

#[tokio::test]
async fn a_direct_room_is_found_by_its_two_people() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.direct(bob, ann).await;
    for (one, other) in [(ann, bob), (bob, ann)] {
        let found = world.store.direct_room(one, other).await.expect("answered");
        assert_eq!(found.map(|room| room.id), Some(room));
    }
    let none = world.store.direct_room(ann, eve).await.expect("answered");
    assert!(none.is_none());
}
