//! Accounts.

use tertulia_domain::ports::UserKey;
use tertulia_domain::session::NewSession;
use tertulia_domain::user::UserPatch;
use tertulia_domain::{
    Conflict, Entity, Error, Reason, Session, SessionId, Timestamp, User, UserId, UserState,
};

use crate::world::World;

#[tokio::test]
async fn a_user_is_found_by_each_of_its_names_whatever_their_case() {
    let world = World::new().await;
    let mut new = world.new_user("Inés").await;
    new.email = Some("Ines@LAN.test".to_owned());
    new.external_id = Some("App-7".to_owned());
    let made = world.store.create_user(new.clone()).await.expect("made");
    assert_eq!(made.profile.username, "Inés");
    assert_eq!(made.email.as_deref(), Some("Ines@LAN.test"));
    assert_eq!(
        (made.created_at, made.updated_at),
        (new.created_at, new.created_at)
    );
    assert_eq!((made.state, made.last_seen_at), (UserState::Active, None));
    for key in [
        UserKey::Id(new.id),
        UserKey::Uuid(new.uuid),
        UserKey::Username("iNÉS".to_owned()),
        UserKey::Email("ines@lan.TEST".to_owned()),
        UserKey::External("App-7".to_owned()),
    ] {
        let found = world.store.user(key).await.expect("the store answers");
        assert_eq!(found.as_ref(), Some(&made));
    }
    for key in [
        UserKey::Id(UserId(999)),
        UserKey::Username("ines".to_owned()),
        UserKey::External("app-7".to_owned()),
    ] {
        let found = world.store.user(key).await.expect("the store answers");
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn the_first_id_of_each_kind_is_1_and_none_comes_twice() {
    use tertulia_domain::ports::IdKind;
    let world = World::new().await;
    for kind in [
        IdKind::User,
        IdKind::Room,
        IdKind::Message,
        IdKind::Session,
        IdKind::File,
    ] {
        let first = world.store.reserve_ids(kind, 10).await.expect("reserved");
        assert_eq!(first, 1..11);
        let second = world.store.reserve_ids(kind, 1).await.expect("reserved");
        assert_eq!(second, 11..12);
    }
    // Android clients hold users in 31 bits.
    let most = world.store.reserve_ids(IdKind::User, (1 << 31) - 12).await;
    assert_eq!(most.expect("reserved").end, 1 << 31);
    let none = world.store.reserve_ids(IdKind::User, 1).await;
    assert!(matches!(none, Err(Error::Unavailable(_))));
    assert!(world.store.reserve_ids(IdKind::Room, 1).await.is_ok());
}

#[tokio::test]
async fn a_user_gets_the_first_handle_that_nobody_has() {
    let world = World::new().await;
    let make = |name: &'static str, handles: &'static [&str]| {
        let world = &world;
        async move {
            let mut new = world.new_user(name).await;
            new.handles = handles.iter().map(|&handle| handle.to_owned()).collect();
            let made = world.store.create_user(new).await?;
            Ok::<_, Error>(made.profile.handle)
        }
    };
    assert_eq!(make("ann", &["App-7", "1"]).await.expect("made"), "App-7");
    assert_eq!(
        make("bob", &["App-7", "app-7"]).await.expect("made"),
        "app-7"
    );
    let refused = make("eva", &["App-7", "app-7"]).await;
    let Err(Error::Invalid { field, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(field, "handles");
    for (handle, user) in [
        ("App-7", Some("ann")),
        ("app-7", Some("bob")),
        ("APP-7", None),
    ] {
        let found = world.store.user(UserKey::Handle(handle.to_owned())).await;
        let found = found.expect("the store answers");
        let name = found.as_ref().map(|user| user.profile.username.as_str());
        assert_eq!(name, user, "{handle}");
    }
}

#[tokio::test]
async fn no_number_is_handed_out_that_is_a_handle() {
    use tertulia_domain::ports::IdKind;
    let world = World::new().await;
    for (name, handle) in [("ann", "2"), ("bob", "4"), ("eva", "5"), ("leo", "06")] {
        let mut new = world.new_user(name).await;
        new.handles = vec![handle.to_owned()];
        world.store.create_user(new).await.expect("made");
    }
    // Ann has 1, Bob 3, Eva 5 and Leo 6: each got the number before the handle.
    for expected in [7, 8] {
        assert_eq!(world.id(IdKind::User).await, expected);
    }
    let mut new = world.new_user("mia").await;
    assert_eq!(new.id, UserId(9));
    new.handles = vec!["10".to_owned()];
    world.store.create_user(new).await.expect("made");
    assert_eq!(world.id(IdKind::User).await, 11);
    assert_eq!(world.id(IdKind::Room).await, 1, "names are people's");
}

#[tokio::test]
async fn names_and_addresses_are_given_once() {
    let world = World::new().await;
    let mut ann = world.new_user("ann").await;
    ann.email = Some("ann@lan.test".to_owned());
    ann.external_id = Some("x".to_owned());
    world.store.create_user(ann).await.expect("made");

    let same_name = world.new_user("ANN").await;
    let refused = world.store.create_user(same_name).await;
    assert!(matches!(
        refused,
        Err(Error::Conflict(Conflict::UsernameTaken))
    ));
    let mut same_email = world.new_user("bob").await;
    same_email.email = Some("Ann@lan.test".to_owned());
    let refused = world.store.create_user(same_email).await;
    assert!(matches!(
        refused,
        Err(Error::Conflict(Conflict::EmailTaken))
    ));
    let mut same_external = world.new_user("bob").await;
    same_external.external_id = Some("x".to_owned());
    let refused = world.store.create_user(same_external).await;
    assert!(matches!(
        refused,
        Err(Error::Invalid {
            field: "external_id",
            reason: Reason::NotAllowed
        })
    ));

    let bob = world.user("bob").await;
    let patch = UserPatch {
        username: Some("Ann".to_owned()),
        ..UserPatch::default()
    };
    let refused = world.store.update_user(bob, patch, world.now()).await;
    assert!(matches!(
        refused,
        Err(Error::Conflict(Conflict::UsernameTaken))
    ));
    let patch = UserPatch {
        email: Some(Some("ANN@lan.test".to_owned())),
        ..UserPatch::default()
    };
    let refused = world.store.update_user(bob, patch, world.now()).await;
    assert!(matches!(
        refused,
        Err(Error::Conflict(Conflict::EmailTaken))
    ));
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let world = World::new().await;
    let mut new = world.new_user("ann").await;
    new.email = Some("ann@lan.test".to_owned());
    let made = world.store.create_user(new).await.expect("made");
    let at = world.now();
    let patch = UserPatch {
        // The same name in another case is no conflict with oneself.
        username: Some("Ann".to_owned()),
        avatar_url: Some(Some("https://lan.test/ann.png".to_owned())),
        ..UserPatch::default()
    };
    let changed = world
        .store
        .update_user(made.id(), patch, at)
        .await
        .expect("changed");
    assert_eq!(changed.profile.username, "Ann");
    assert_eq!(changed.profile.display_name, "ann");
    assert_eq!(changed.email.as_deref(), Some("ann@lan.test"));
    assert_eq!(changed.updated_at, at);
    let patch = UserPatch {
        email: Some(None),
        avatar_url: Some(None),
        display_name: Some("Annie".to_owned()),
        ..UserPatch::default()
    };
    let changed = world
        .store
        .update_user(made.id(), patch, at)
        .await
        .expect("changed");
    assert_eq!((changed.email, changed.profile.avatar_url), (None, None));
    let nobody = world
        .store
        .update_user(UserId(99), UserPatch::default(), at)
        .await;
    assert!(matches!(nobody, Err(Error::NotFound(Entity::User))));
}

#[tokio::test]
async fn search_finds_the_start_of_either_name_and_pages_by_number() {
    let world = World::new().await;
    let mut all = Vec::new();
    for (username, display) in [
        ("mar_1", "Zoe"),
        ("zoe", "María"),
        ("MARK", "Mark"),
        ("other", "not mar"),
        ("mar%", "%"),
        ("maria", "gone"),
    ] {
        let mut user = world.new_user(username).await;
        user.display_name = display.to_owned();
        all.push(world.store.create_user(user).await.expect("made").id());
    }
    let gone = all[5];
    world
        .store
        .set_user_state(gone, UserState::Suspended, world.now())
        .await
        .expect("set");
    let found = |prefix: &'static str, after: Option<UserId>, limit: usize| {
        let store = &world.store;
        async move {
            let page = store.search_users(prefix, after, limit).await;
            let page = page.expect("the store answers");
            page.iter().map(User::id).collect::<Vec<_>>()
        }
    };
    assert_eq!(
        found("Mar", None, 10).await,
        [all[0], all[1], all[2], all[4]]
    );
    assert_eq!(found("mar", None, 2).await, [all[0], all[1]]);
    assert_eq!(found("mar", Some(all[1]), 2).await, [all[2], all[4]]);
    // No wildcards (S17).
    assert_eq!(found("mar%", None, 10).await, [all[4]]);
    assert_eq!(found("mar_", None, 10).await, [all[0]]);
    assert_eq!(found("%", None, 10).await, [all[4]]);
    assert_eq!(found("", None, 10).await, all[..5]);

    let seen = (all[0], Timestamp::from_secs(1_800_000_000));
    let touched = world.store.touch_last_seen(&[seen]).await;
    touched.expect("the store answers");
    let page = world.store.search_users("mar_", None, 10).await;
    let page = page.expect("the store answers");
    assert_eq!(page[0].last_seen_at, Some(seen.1));
}

#[tokio::test]
async fn profiles_are_those_that_exist() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let many: Vec<_> = (1..2_000).map(UserId).collect();
    let mut found: Vec<_> = world
        .store
        .profiles(&many)
        .await
        .expect("the store answers")
        .into_iter()
        .map(|profile| profile.id)
        .collect();
    found.dedup();
    assert_eq!(found, [ann, bob]);
    assert!(
        world
            .store
            .profiles(&[])
            .await
            .expect("the store answers")
            .is_empty()
    );
}

#[tokio::test]
async fn a_password_that_changes_ends_the_other_sessions_and_an_upgrade_ends_none() {
    let world = World::new().await;
    let mut new = world.new_user("ann").await;
    new.password_hash = Some("old".to_owned());
    let ann = world.store.create_user(new).await.expect("made").id();
    let (kept, ended) = (login(&world, ann, 1).await, login(&world, ann, 2).await);

    let upgrade = |old: &'static str, new: &'static str| {
        world.store.upgrade_password(ann, old, new.to_owned())
    };
    upgrade("not this", "never").await.expect("done");
    assert_eq!(hash(&world, ann).await.as_deref(), Some("old"));
    upgrade("old", "better").await.expect("done");
    assert_eq!(hash(&world, ann).await.as_deref(), Some("better"));
    assert_eq!(live(&world, ann).await, [ended, kept]);

    let at = world.now();
    let set = world
        .store
        .set_password(ann, "new".to_owned(), Some(kept), at)
        .await;
    set.expect("set");
    assert_eq!(hash(&world, ann).await.as_deref(), Some("new"));
    assert_eq!(live(&world, ann).await, [kept]);
    world
        .store
        .set_password(ann, "newer".to_owned(), None, at)
        .await
        .expect("set");
    assert!(live(&world, ann).await.is_empty());
    let nobody = world
        .store
        .set_password(UserId(99), String::new(), None, at)
        .await;
    assert!(matches!(nobody, Err(Error::NotFound(Entity::User))));
}

#[tokio::test]
async fn whoever_is_suspended_or_deleted_loses_its_sessions() {
    let world = World::new().await;
    let mut new = world.new_user("ann").await;
    new.email = Some("ann@lan.test".to_owned());
    new.external_id = Some("x".to_owned());
    new.password_hash = Some("hash".to_owned());
    let ann = world.store.create_user(new).await.expect("made").id();
    login(&world, ann, 1).await;

    let set = |state| {
        world
            .store
            .set_user_state(ann, state, Timestamp::from_secs(9_000))
    };
    set(UserState::Suspended).await.expect("set");
    assert!(live(&world, ann).await.is_empty());
    set(UserState::Active).await.expect("set");
    assert_eq!(hash(&world, ann).await.as_deref(), Some("hash"));
    login(&world, ann, 2).await;
    set(UserState::Deleted).await.expect("set");
    assert!(live(&world, ann).await.is_empty());
    let left = world
        .store
        .user(UserKey::Id(ann))
        .await
        .expect("answered")
        .expect("there");
    assert_eq!(left.profile.username, "ann");
    assert_eq!(left.state, UserState::Deleted);
    assert_eq!((left.email, left.profile.avatar_url), (None, None));
    assert_eq!(hash(&world, ann).await, None);

    // The address is free, the names are not.
    let mut again = world.new_user("bob").await;
    again.email = Some("ann@lan.test".to_owned());
    world.store.create_user(again).await.expect("made");
    let mut same_external = world.new_user("carla").await;
    same_external.external_id = Some("x".to_owned());
    assert!(world.store.create_user(same_external).await.is_err());
    let same_name = world.new_user("ann").await;
    assert!(world.store.create_user(same_name).await.is_err());
}

#[tokio::test]
async fn last_seen_never_moves_backwards() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let at = Timestamp::from_secs;
    for seen in [
        vec![(ann, at(50)), (bob, at(40))],
        vec![(ann, at(30)), (bob, at(60)), (UserId(99), at(1))],
    ] {
        world.store.touch_last_seen(&seen).await.expect("touched");
    }
    for (user, last) in [(ann, at(50)), (bob, at(60))] {
        let user = world.store.user(UserKey::Id(user)).await.expect("answered");
        assert_eq!(user.expect("there").last_seen_at, Some(last));
    }
}

#[tokio::test]
async fn users_are_listed_by_number_and_found_in_any_state() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let at = world.now();
    let suspended = world.store.set_user_state(bob, UserState::Suspended, at);
    suspended.await.expect("stored");
    let page = async |skip, limit| {
        let found = world.store.users_by_number(skip, limit).await;
        let found = found.expect("the store answers");
        found.iter().map(User::id).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 10).await, [ann, eve]);
    assert_eq!(page(1, 1).await, [eve]);
    let found = world.store.users(&[eve, bob, UserId(99)]).await;
    let mut found = found.expect("the store answers");
    found.sort_unstable_by_key(User::id);
    assert_eq!(
        found.iter().map(|user| user.state).collect::<Vec<_>>(),
        [UserState::Suspended, UserState::Active]
    );
}

#[tokio::test]
async fn a_new_name_is_noted_with_its_time() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let rename = async |name: &str| {
        let at = world.now();
        let patch = UserPatch {
            username: Some(name.to_owned()),
            ..UserPatch::default()
        };
        let user = world.store.update_user(ann, patch, at).await;
        (at, user.expect("stored").renamed_at)
    };
    assert_eq!(rename("USER0").await.1, None, "the same name");
    let (at, renamed_at) = rename("anna").await;
    assert_eq!(renamed_at, Some(at));
    assert_eq!(rename("anna").await.1, Some(at), "still");
}

async fn hash(world: &World, user: UserId) -> Option<String> {
    let found = world.store.credentials(UserKey::Id(user)).await;
    found
        .expect("the store answers")
        .expect("there")
        .password_hash
}

async fn live(world: &World, user: UserId) -> Vec<SessionId> {
    let found = world
        .store
        .sessions(user, world.now(), 100)
        .await
        .expect("the store answers");
    found.into_iter().map(|session| session.id).collect()
}

async fn login(world: &World, user: UserId, number: u8) -> SessionId {
    let at = world.now();
    let session = Session {
        id: SessionId(i64::from(number)),
        user,
        device: "phone".to_owned(),
        created_at: at,
        last_used_at: at,
        expires_at: Timestamp::from_secs(1 << 40),
    };
    let new = NewSession {
        session,
        refresh_hash: [number; 32],
    };
    world.store.create_session(new).await.expect("stored");
    SessionId(i64::from(number))
}
