//! Sessions and their refresh tokens.

use tertulia_domain::ports::Rotation;
use tertulia_domain::session::NewSession;
use tertulia_domain::{Session, SessionId, Timestamp, UserId, UserState};

use crate::world::World;

const DAY: i64 = 24 * 60 * 60;

fn at(day: i64) -> Timestamp {
    Timestamp::from_secs(day * DAY)
}

/// Logs in on a day, for ten days, with the token `[id; 32]`.
pub(crate) async fn login(world: &World, user: UserId, id: u8, day: i64) -> SessionId {
    let session = Session {
        id: SessionId(i64::from(id)),
        user,
        device: format!("device {id}"),
        created_at: at(day),
        last_used_at: at(day),
        expires_at: at(day + 10),
    };
    let refresh_hash = [id; 32];
    let new = NewSession {
        session,
        refresh_hash,
    };
    world.store.create_session(new).await.expect("stored");
    SessionId(i64::from(id))
}

pub(crate) async fn rotate(world: &World, old: u8, new: u8, day: i64) -> Rotation {
    let done = world
        .store
        .rotate_session([old; 32], [new; 32], at(day), at(day + 10));
    done.await.expect("the store answers")
}

#[tokio::test]
async fn a_session_lives_until_it_runs_out() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let (one, two) = (
        login(&world, ann, 1, 0).await,
        login(&world, ann, 2, 5).await,
    );
    login(&world, bob, 3, 5).await;
    for (day, expected) in [(6, vec![two, one]), (10, vec![two]), (15, vec![])] {
        let live = world
            .store
            .sessions(ann, at(day), 100)
            .await
            .expect("answered");
        let live: Vec<_> = live.into_iter().map(|session| session.id).collect();
        assert_eq!(live, expected, "day {day}");
    }
    let newest = world.store.sessions(ann, at(6), 1).await.expect("answered");
    assert_eq!(newest.len(), 1, "at most so many");
    assert_eq!(newest[0].id, two, "the newest first");
    let user = world
        .store
        .session_user(one, at(9))
        .await
        .expect("answered");
    assert_eq!(user.expect("live").id(), ann);
    assert!(
        world
            .store
            .session_user(one, at(10))
            .await
            .expect("answered")
            .is_none()
    );
}

#[tokio::test]
async fn a_token_is_exchanged_once() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let session = login(&world, ann, 1, 0).await;
    let Rotation::Rotated(rotated, user) = rotate(&world, 1, 11, 5).await else {
        panic!("exchanged");
    };
    assert_eq!((rotated.id, user.id()), (session, ann));
    assert_eq!((rotated.last_used_at, rotated.expires_at), (at(5), at(15)));
    assert_eq!(
        world
            .store
            .sessions(ann, at(6), 100)
            .await
            .expect("answered"),
        [rotated]
    );
    assert!(matches!(
        rotate(&world, 11, 12, 8).await,
        Rotation::Rotated(..)
    ));

    // The first token again, two exchanges later: somebody else has it.
    assert_eq!(
        rotate(&world, 1, 13, 9).await,
        Rotation::Reused(ann, session)
    );
    assert!(
        world
            .store
            .session_user(session, at(6))
            .await
            .expect("answered")
            .is_none()
    );
    assert_eq!(rotate(&world, 12, 14, 14).await, Rotation::Unknown);
    assert_eq!(rotate(&world, 1, 15, 9).await, Rotation::Unknown);
}

#[tokio::test]
async fn a_token_that_ran_out_or_never_was_is_unknown() {
    let world = World::new().await;
    let [ann] = world.users().await;
    login(&world, ann, 1, 0).await;
    assert_eq!(rotate(&world, 1, 2, 10).await, Rotation::Unknown);
    assert_eq!(rotate(&world, 9, 2, 1).await, Rotation::Unknown);
    // A spent token that would have run out by itself is forgotten.
    assert!(matches!(
        rotate(&world, 1, 2, 9).await,
        Rotation::Rotated(..)
    ));
    assert!(matches!(
        rotate(&world, 2, 3, 18).await,
        Rotation::Rotated(..)
    ));
    assert_eq!(rotate(&world, 1, 4, 18).await, Rotation::Unknown);
    assert!(matches!(
        rotate(&world, 2, 4, 18).await,
        Rotation::Reused(..)
    ));
}

#[tokio::test]
async fn a_user_that_may_not_sign_in_may_not_refresh() {
    let world = World::new().await;
    let [ann] = world.users().await;
    world
        .store
        .set_user_state(ann, UserState::Suspended, at(0))
        .await
        .expect("set");
    let session = login(&world, ann, 1, 0).await;
    assert_eq!(rotate(&world, 1, 2, 1).await, Rotation::Unknown);
    assert!(
        world
            .store
            .session_user(session, at(1))
            .await
            .expect("answered")
            .is_none()
    );
}

#[tokio::test]
async fn a_session_is_ended_by_its_owner_or_by_its_token() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let (one, two) = (
        login(&world, ann, 1, 0).await,
        login(&world, ann, 2, 0).await,
    );
    let end = |user, session, day| world.store.end_session(user, session, at(day));
    assert!(!end(bob, one, 1).await.expect("answered"));
    assert!(
        !end(ann, one, 10).await.expect("answered"),
        "it had run out"
    );
    assert!(end(ann, one, 1).await.expect("answered"));
    assert!(!end(ann, one, 1).await.expect("answered"));
    assert_eq!(rotate(&world, 1, 3, 1).await, Rotation::Unknown);

    let by_token = |hash| world.store.end_session_by_token(hash, at(1));
    assert_eq!(by_token([1; 32]).await.expect("answered"), None);
    assert_eq!(by_token([2; 32]).await.expect("answered"), Some((ann, two)));
    assert_eq!(by_token([2; 32]).await.expect("answered"), None);
    assert!(
        world
            .store
            .sessions(ann, at(1), 100)
            .await
            .expect("answered")
            .is_empty()
    );
}

#[tokio::test]
async fn a_login_clears_away_what_ran_out() {
    let world = World::new().await;
    let [ann] = world.users().await;
    login(&world, ann, 1, 0).await;
    assert!(matches!(
        rotate(&world, 1, 2, 1).await,
        Rotation::Rotated(..)
    ));
    login(&world, ann, 3, 50).await;
    assert_eq!(world.rows.count("sessions"), 1);
    assert_eq!(world.rows.count("spent_refresh_tokens"), 0);
}
