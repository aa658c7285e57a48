//! Entering, leaving, and roles.

use std::time::Duration;

use tertulia_domain::command::{Command, Entrance, Outcome, StoreError};
use tertulia_domain::room::{Invite, Member, RoomPatch};
use tertulia_domain::{
    Entity, Error, Membership, MembershipState, Role, RoomId, Seq, UserId, UserState, Visibility,
    policy,
};

use crate::world::World;

fn changed(outcome: Outcome) -> Vec<Member> {
    let Outcome::Members { changed } = outcome else {
        panic!("no members changed: {outcome:?}");
    };
    for ((member, at), (_, next)) in changed.iter().zip(changed.iter().skip(1)) {
        assert_eq!(next.revision.0, at.revision.0 + 1);
        assert_eq!(member.membership.revision, at.revision);
    }
    changed.into_iter().map(|(member, _)| member).collect()
}

fn states(members: &[Member]) -> Vec<(UserId, Role, MembershipState)> {
    let state = |m: &Member| (m.profile.id, m.membership.role, m.membership.state);
    members.iter().map(state).collect()
}

async fn public_group(world: &World, members: &[UserId]) -> RoomId {
    world
        .room_with(members, |room| room.visibility = Visibility::Public)
        .await
}

async fn join(world: &World, room: RoomId, user: UserId, invite: Option<&str>) -> Command {
    let authority = world.authority(room, user).await;
    Command::Join {
        permit: policy::may_join(&authority, user, invite.is_some()).expect("may join"),
        by: invite.map_or(Entrance::Door, |code| Entrance::Invite(code.to_owned())),
        at: world.now(),
    }
}

async fn active(world: &World, room: RoomId, reader: UserId) -> Vec<(UserId, Role)> {
    let permit = world.may_read(room, reader).await;
    let members = world
        .store
        .members(&permit, None, 100)
        .await
        .expect("answered");
    members
        .iter()
        .map(|m| (m.profile.id, m.membership.role))
        .collect()
}

#[tokio::test]
async fn whoever_joins_belongs_to_the_room_from_then_on() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = public_group(&world, &[ann]).await;
    world.say_many(room, ann, 3).await;
    let joined = changed(world.done(join(&world, room, bob, None).await).await);
    let membership = &joined[0].membership;
    assert_eq!(
        states(&joined),
        [(bob, Role::Member, MembershipState::Active)]
    );
    assert_eq!((membership.since, membership.until), (Seq(3), None));
    let authority = world.authority(room, bob).await;
    assert_eq!(authority.membership.as_ref(), Some(membership));
    assert_eq!(authority.version, membership.revision);
    assert_eq!(
        world.position(room, bob).await.revision,
        membership.revision
    );
}

#[tokio::test]
async fn a_room_that_became_private_meanwhile_is_not_joined() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = public_group(&world, &[ann]).await;
    let late = join(&world, room, bob, None).await;
    let authority = world.authority(room, ann).await;
    let patch = RoomPatch {
        visibility: Some(Visibility::Private),
        ..RoomPatch::default()
    };
    let permit = policy::may_update(&authority, ann).expect("may update");
    world
        .done(Command::UpdateRoom {
            permit,
            patch,
            at: world.now(),
        })
        .await;
    assert!(matches!(world.run(late).await, Err(StoreError::Stale)));
}

async fn ask_in(world: &World, room: RoomId, actor: UserId, user: UserId) -> Command {
    let authority = world.authority(room, actor).await;
    let current = world.authority(room, user).await.membership;
    let permit = policy::may_admit(&authority, actor, user, current.as_ref(), Role::Member);
    Command::AskIn {
        permit: permit.expect("may admit"),
        at: world.now(),
    }
}

#[tokio::test]
async fn whoever_is_asked_in_belongs_to_the_room_once_it_enters() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann]).await;
    world.say_many(room, ann, 2).await;
    let asked = changed(world.done(ask_in(&world, room, ann, bob).await).await);
    assert_eq!(
        states(&asked),
        [(bob, Role::Member, MembershipState::Pending)]
    );
    let again = world.run(ask_in(&world, room, ann, bob).await).await;
    assert!(matches!(again, Ok(Outcome::Unchanged)));
    assert_eq!(active(&world, room, ann).await, [(ann, Role::Owner)]);

    world.say_many(room, ann, 1).await;
    let joined = changed(world.done(join(&world, room, bob, None).await).await);
    assert_eq!(
        states(&joined),
        [(bob, Role::Member, MembershipState::Active)]
    );
    assert_eq!(joined[0].membership.since, Seq(3), "from then on");
    let of_member = world.run(ask_in(&world, room, ann, bob).await).await;
    assert!(matches!(of_member, Ok(Outcome::Unchanged)));

    // Who left may be asked in again.
    world.done(world.leave(room, bob).await).await;
    assert!(policy::may_join(&world.authority(room, bob).await, bob, false).is_err());
    world.done(ask_in(&world, room, ann, bob).await).await;
    world.done(join(&world, room, bob, None).await).await;
    assert!(policy::may_join(&world.authority(room, eve).await, eve, false).is_err());
}

#[tokio::test]
async fn the_number_of_a_room_lets_in_where_the_command_says_so() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann]).await;
    let permit = policy::may_join(&world.authority(room, bob).await, bob, true).expect("may join");
    let by_number = Command::Join {
        permit,
        by: Entrance::Number,
        at: world.now(),
    };
    assert_eq!(
        states(&changed(world.done(by_number).await)),
        [(bob, Role::Member, MembershipState::Active)]
    );
}

#[tokio::test]
async fn an_invite_lets_in_as_many_as_it_says_and_until_it_ends() {
    let world = World::new().await;
    let [ann, bob, eve, dan] = world.users().await;
    let (room, other) = (world.group(&[ann]).await, world.group(&[ann]).await);
    let made = world.now();
    let ends = made.after(Duration::from_secs(1_000));
    let invite = Invite {
        code: "two".to_owned(),
        room,
        created_by: ann,
        created_at: made,
        expires_at: ends,
        uses_left: Some(2),
    };
    let authority = world.authority(room, ann).await;
    let permit = policy::may_invite(&authority, ann).expect("may invite");
    world
        .store
        .create_invite(&permit, invite.clone())
        .await
        .expect("stored");
    let stored = world.store.invite("two", made).await.expect("answered");
    assert_eq!(stored, Some(invite.clone()));
    assert!(
        world
            .store
            .invite("TWO", made)
            .await
            .expect("answered")
            .is_none()
    );

    let wrong_room = join(&world, other, bob, Some("two")).await;
    check_no_invite(&world.run(wrong_room).await);
    world.done(join(&world, room, bob, Some("two")).await).await;
    let left = world.store.invite("two", made).await.expect("answered");
    assert_eq!(left.and_then(|invite| invite.uses_left), Some(1));

    // Only one of two gets the last use.
    let last = vec![
        join(&world, room, eve, Some("two")).await,
        join(&world, room, dan, Some("two")).await,
    ];
    let outcomes = world.commit(last).await;
    assert!(matches!(outcomes[0], Ok(Outcome::Members { .. })));
    assert!(matches!(outcomes[1], Err(StoreError::Stale)));
    let again = join(&world, room, dan, Some("two")).await;
    check_no_invite(&world.run(again).await);
    assert!(
        world
            .store
            .invite("two", made)
            .await
            .expect("answered")
            .is_none()
    );

    let authority = world.authority(room, ann).await;
    let permit = policy::may_invite(&authority, ann).expect("may invite");
    let endless = Invite {
        code: "any".to_owned(),
        uses_left: None,
        ..invite
    };
    world
        .store
        .create_invite(&permit, endless)
        .await
        .expect("stored");
    assert!(
        world
            .store
            .invite("any", ends)
            .await
            .expect("answered")
            .is_none()
    );
    let permit = policy::may_join(&world.authority(room, dan).await, dan, true).expect("may join");
    let late = Command::Join {
        permit,
        by: Entrance::Invite("any".to_owned()),
        at: ends,
    };
    check_no_invite(&world.run(late).await);
    world.done(join(&world, room, dan, Some("any")).await).await;
    assert!(
        world
            .store
            .invite("any", made)
            .await
            .expect("answered")
            .is_some()
    );
}

fn check_no_invite(outcome: &Result<Outcome, StoreError>) {
    assert!(
        matches!(
            outcome,
            Err(StoreError::Failed(Error::NotFound(Entity::Invite)))
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_invite_needs_a_permit_that_is_not_stale() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let permit = policy::may_invite(&world.authority(room, bob).await, bob).expect("may invite");
    world.done(world.leave(room, bob).await).await;
    let made = world.now();
    let invite = Invite {
        code: "late".to_owned(),
        room,
        created_by: bob,
        created_at: made,
        expires_at: made.after(Duration::from_secs(60)),
        uses_left: None,
    };
    let refused = world.store.create_invite(&permit, invite).await;
    assert!(matches!(refused, Err(StoreError::Stale)));
    assert!(
        world
            .store
            .invite("late", made)
            .await
            .expect("answered")
            .is_none()
    );
}

#[tokio::test]
async fn a_new_role_keeps_the_membership_as_it_began() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say(room, bob, "hola").await;
    let before = world
        .authority(room, bob)
        .await
        .membership
        .expect("a member");
    let promote = world.admit(room, ann, bob, Role::Admin).await;
    let after = changed(world.done(promote).await).remove(0).membership;
    let expected = Membership {
        role: Role::Admin,
        revision: after.revision,
        ..before
    };
    assert_eq!(after, expected);
    let again = world.admit(room, ann, bob, Role::Admin).await;
    assert!(matches!(world.run(again).await, Ok(Outcome::Unchanged)));
}

#[tokio::test]
async fn ownership_is_passed_on() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let pass = world.admit(room, ann, bob, Role::Owner).await;
    assert_eq!(
        states(&changed(world.done(pass).await)),
        [
            (ann, Role::Admin, MembershipState::Active),
            (bob, Role::Owner, MembershipState::Active),
        ]
    );
    // Also to somebody who was no member.
    let pass = world.admit(room, bob, eve, Role::Owner).await;
    assert_eq!(changed(world.done(pass).await).len(), 2);
    assert_eq!(
        active(&world, room, ann).await,
        [(ann, Role::Admin), (bob, Role::Admin), (eve, Role::Owner)]
    );
}

#[tokio::test]
async fn whom_nobody_knows_is_not_admitted() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let admit = world.admit(room, ann, UserId(99), Role::Member).await;
    assert!(matches!(
        world.run(admit).await,
        Err(StoreError::Failed(Error::NotFound(Entity::User)))
    ));
}

#[tokio::test]
async fn an_owner_who_leaves_passes_the_room_to_the_longest_standing_admin() {
    let world = World::new().await;
    let [ann, bob, eve, dan] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world
        .done(world.admit(room, ann, dan, Role::Admin).await)
        .await;
    world
        .done(world.admit(room, ann, eve, Role::Admin).await)
        .await;
    let left = changed(world.done(world.leave(room, ann).await).await);
    assert_eq!(
        states(&left),
        [
            (ann, Role::Member, MembershipState::Left),
            (dan, Role::Owner, MembershipState::Active),
        ]
    );
    world.done(world.leave(room, eve).await).await;
    let left = changed(world.done(world.leave(room, dan).await).await);
    assert_eq!(
        states(&left)[1],
        (bob, Role::Owner, MembershipState::Active)
    );
    // The last one leaves nobody to pass it to.
    assert_eq!(
        changed(world.done(world.leave(room, bob).await).await).len(),
        1
    );
}

#[tokio::test]
async fn who_is_put_out_may_come_back_and_who_is_banned_may_not() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = public_group(&world, &[ann, bob]).await;
    world.say(room, ann, "1").await;
    let out = changed(world.done(world.remove(room, ann, bob, false).await).await);
    assert_eq!(states(&out), [(bob, Role::Member, MembershipState::Left)]);
    assert_eq!(out[0].membership.until, Some(Seq(1)));
    assert!(matches!(
        world.run(world.remove(room, ann, bob, false).await).await,
        Ok(Outcome::Unchanged)
    ));
    world.say(room, ann, "2").await;
    let back = changed(world.done(join(&world, room, bob, None).await).await);
    assert_eq!(
        (back[0].membership.since, back[0].membership.until),
        (Seq(2), None)
    );

    // Also somebody who never was a member.
    for user in [bob, eve] {
        let banned = changed(world.done(world.remove(room, ann, user, true).await).await);
        assert_eq!(
            states(&banned),
            [(user, Role::Member, MembershipState::Banned)]
        );
        let again = world.remove(room, ann, user, true).await;
        assert!(matches!(world.run(again).await, Ok(Outcome::Unchanged)));
        let authority = world.authority(room, user).await;
        assert!(policy::may_join(&authority, user, true).is_err());
    }
    assert_eq!(active(&world, room, ann).await, [(ann, Role::Owner)]);
    let pardoned = changed(
        world
            .done(world.admit(room, ann, eve, Role::Member).await)
            .await,
    );
    assert_eq!(
        states(&pardoned),
        [(eve, Role::Member, MembershipState::Active)]
    );
}

#[tokio::test]
async fn somebody_whose_account_was_deleted_can_still_be_put_out() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = public_group(&world, &[ann, bob]).await;
    let late = join(&world, room, eve, None).await;
    for user in [bob, eve] {
        let deleted = world
            .store
            .set_user_state(user, UserState::Deleted, world.now());
        deleted.await.expect("set");
    }
    let gone = world.run(late).await;
    assert!(matches!(
        gone,
        Err(StoreError::Failed(Error::NotFound(Entity::User)))
    ));
    let promoted = world.admit(room, ann, bob, Role::Admin).await;
    assert_eq!(changed(world.done(promoted).await).len(), 1);
    let out = changed(world.done(world.remove(room, ann, bob, false).await).await);
    assert_eq!(states(&out), [(bob, Role::Member, MembershipState::Left)]);
    let back = world.admit(room, ann, bob, Role::Member).await;
    let refused = world.run(back).await;
    assert!(matches!(
        refused,
        Err(StoreError::Failed(Error::NotFound(Entity::User)))
    ));
}

#[tokio::test]
async fn leaving_and_coming_back_with_nothing_between_is_one_period() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = public_group(&world, &[ann]).await;
    for _ in 0..2 {
        world.done(join(&world, room, bob, None).await).await;
        world.done(world.leave(room, bob).await).await;
    }
    world.done(join(&world, room, bob, None).await).await;
    let message = world.say(room, ann, "hola").await;
    let permit = world.may_read(room, ann).await;
    let recipients = world
        .store
        .receipts(&permit, message.id, None, 10)
        .await
        .expect("answered");
    assert_eq!(recipients.iter().map(|r| r.user).collect::<Vec<_>>(), [bob]);
}

#[tokio::test]
async fn members_come_in_pages_by_number() {
    let world = World::new().await;
    let [ann, bob, eve, dan] = world.users().await;
    let room = world.group(&[dan, ann, eve, bob]).await;
    world.done(world.leave(room, bob).await).await;
    let permit = world.may_read(room, ann).await;
    let page = async |after, limit| -> Vec<UserId> {
        let found = world
            .store
            .members(&permit, after, limit)
            .await
            .expect("answered");
        found.iter().map(|member| member.profile.id).collect()
    };
    assert_eq!(page(None, 2).await, [ann, eve]);
    assert_eq!(page(Some(eve), 2).await, [dan]);
    let one = world
        .store
        .membership(&permit, bob)
        .await
        .expect("answered");
    assert_eq!(one.map(|own| own.state), Some(MembershipState::Left));
    let none = world
        .store
        .membership(&permit, UserId(99))
        .await
        .expect("answered");
    assert!(none.is_none());
}
