//! The names by which Socket.IO clients know people (`design.md` §5,
//! `docs/adr/0007-handles.md`): each names one person, for good.

use std::sync::Arc;

use futures_util::future::join_all;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use tertulia_domain::chat::NewAccount;
use tertulia_domain::user::UserPatch;
use tertulia_domain::{Chat, Error, Identity, Reason, Timestamp, UserId, UserState};
use tertulia_testkit::{PASSWORD, START, TestServer};

const SECRET: &str = "app-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA-app";

/// A server that takes the app's tokens too.
async fn server() -> TestServer {
    TestServer::builder()
        .variable("TERTULIA_APP_JWT_SECRET", SECRET)
        .spawn()
        .await
}

/// Somebody with an account of ours.
async fn native(chat: &Chat, username: &str) -> UserId {
    let account = NewAccount {
        username: username.to_owned(),
        password: PASSWORD.to_owned(),
        ..NewAccount::default()
    };
    chat.create_account(account).await.unwrap().id()
}

/// Somebody whom the app brings along by a token.
async fn from_app(chat: &Chat, external_id: &str) -> Identity {
    let claims = json!({"sub": external_id, "exp": START.as_secs() + 900});
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    chat.authenticate(&token).await.unwrap()
}

async fn named(chat: &Chat, name: &str) -> Option<UserId> {
    let user = chat.user_named(name).await.unwrap();
    user.map(|user| user.id())
}

async fn handle(chat: &Chat, user: UserId) -> String {
    chat.profile(user).await.unwrap().handle.clone()
}

#[tokio::test]
async fn digits_name_a_number_else_an_external_id_and_text_an_external_id_else_a_username() {
    let server = server().await;
    let chat = server.chat();
    let ines = native(chat, "Ines").await;
    let app = from_app(chat, "5801").await.user();
    let beto = from_app(chat, "beto").await.user();
    assert_eq!((ines, app, beto), (UserId(1), UserId(2), UserId(3)));
    for (name, user) in [
        ("1", Some(ines)),
        (" 1 ", Some(ines)),
        ("ines", Some(ines)),
        ("5801", Some(app)),
        ("beto", Some(beto)),
        // The number of somebody who is known by another name is no name: the
        // app may have somebody of its own who is called that.
        ("2", None),
        ("3", None),
        ("Beto", None),
        ("01", None),
        ("", None),
    ] {
        assert_eq!(named(chat, name).await, user, "{name:?}");
    }
    for (user, shown) in [(ines, "1"), (app, "5801"), (beto, "beto")] {
        assert_eq!(handle(chat, user).await, shown);
        assert_eq!(named(chat, shown).await, Some(user));
    }
    server.shutdown().await;
}

/// A number that is somebody's external id is not handed out later.
#[tokio::test]
async fn no_later_number_is_somebodys_name() {
    let server = server().await;
    let chat = server.chat();
    let app = [
        from_app(chat, "2").await,
        from_app(chat, "3").await,
        from_app(chat, "5").await,
    ];
    assert_eq!(app.map(|it| it.user().0), [1, 3, 4], "2 is a name by then");
    let ines = native(chat, "ines").await;
    let luis = native(chat, "luis").await;
    assert_eq!((ines, luis), (UserId(6), UserId(7)), "and so is 5");
    assert_eq!(named(chat, "6").await, Some(ines));
    server.shutdown().await;
}

/// An external id that names somebody already stays that one's name; who brings
/// it is shown by number, and known by its token all the same.
#[tokio::test]
async fn no_later_external_id_takes_a_name_over() {
    let server = server().await;
    let chat = server.chat();
    let ines = native(chat, "ines").await;
    let same_number = from_app(chat, "1").await;
    let same_name = from_app(chat, "INES").await;
    for later in [&same_number, &same_name] {
        assert_ne!(later.user(), ines);
        let shown = later.user().to_string();
        assert_eq!(later.profile.handle, shown);
        assert_eq!(named(chat, &shown).await, Some(later.user()));
    }
    assert_eq!(named(chat, "1").await, Some(ines));
    assert_eq!(named(chat, "INES").await, Some(ines));
    // A number that stands for a name is taken too.
    assert_eq!(same_number.profile.handle, "2");
    let third = from_app(chat, "2").await;
    assert_eq!(third.profile.handle, third.user().to_string());
    assert_eq!(named(chat, "2").await, Some(same_number.user()));
    assert_eq!(from_app(chat, "1").await.user(), same_number.user());
    server.shutdown().await;
}

/// Handles are not usernames: those may change.
#[tokio::test]
async fn no_username_takes_a_name_over() {
    let server = server().await;
    let chat = server.chat();
    let app = from_app(chat, "ana").await.user();
    let patch = |username: &str| UserPatch {
        username: Some(username.to_owned()),
        ..UserPatch::default()
    };
    chat.update_account(app, patch("somebody")).await.unwrap();
    let ines = native(chat, "ana").await;
    assert_eq!(named(chat, "ana").await, Some(app));
    assert_eq!(
        named(chat, "somebody").await,
        None,
        "the app's ids come first"
    );
    chat.update_account(ines, patch("inés")).await.unwrap();
    assert_eq!(named(chat, "inés").await, Some(ines));
    let digits = native(chat, "99").await;
    assert_eq!(named(chat, "99").await, None);
    assert_eq!(named(chat, &handle(chat, digits).await).await, Some(digits));
    server.shutdown().await;
}

/// With a token, `user_id` must be one of its subject's names.
#[tokio::test]
async fn whoever_has_proved_who_it_is_may_use_each_of_its_names() {
    let server = server().await;
    let chat = server.chat();
    let ines = native(chat, "ines").await;
    let app = from_app(chat, "1").await.profile;
    let uuid = app.uuid.to_string();
    for own in [
        "1",
        " 1 ",
        &*app.handle,
        &app.username,
        &uuid,
        &uuid.to_uppercase(),
    ] {
        assert!(chat.is_called(&app, own).await.unwrap(), "{own}");
    }
    for other in ["", "ines", "3", "01"] {
        assert!(!chat.is_called(&app, other).await.unwrap(), "{other}");
    }
    let ines = chat.profile(ines).await.unwrap();
    assert!(chat.is_called(&ines, "INES").await.unwrap());
    assert!(!chat.is_called(&ines, &app.handle).await.unwrap());
    server.shutdown().await;
}

#[tokio::test]
async fn the_trusted_are_made_at_first_sight_and_known_from_then_on() {
    let server = server().await;
    let chat = server.chat();
    let ines = native(chat, "ines").await;
    let first = chat.trust("  usuario123 ").await.unwrap();
    assert_eq!(first.profile.handle, "usuario123");
    assert_eq!(first.profile.username, "usuario123");
    assert_eq!((first.session, first.expires_at), (None, Timestamp::NEVER));
    assert_eq!(chat.trust("usuario123").await.unwrap().user(), first.user());
    assert_eq!(chat.trust("ines").await.unwrap().user(), ines);
    assert_eq!(chat.trust("1").await.unwrap().user(), ines);
    let external = chat.account(first.user()).await.unwrap().external_id;
    assert_eq!(external.as_deref(), Some("usuario123"));
    // What the app's token calls somebody is the same name.
    assert_eq!(from_app(chat, "usuario123").await.user(), first.user());
    // Two ids are two people, whatever their case or their first zero.
    let other = chat.trust("Usuario123").await.unwrap();
    assert_ne!(other.user(), first.user());
    let one = chat.trust("58").await.unwrap();
    assert_ne!(chat.trust("058").await.unwrap().user(), one.user());
    server.shutdown().await;
}

/// Numbers of the app's own are never mistaken for ours: otherwise the second
/// to come could be taken for the first.
#[tokio::test]
async fn the_trusted_with_numbers_keep_apart() {
    let server = server().await;
    let chat = server.chat();
    let mut users = Vec::new();
    for id in ["58", "1", "2", "31", "3"] {
        let user = chat.trust(id).await.unwrap();
        assert_eq!(user.profile.handle, id);
        users.push(user.user());
    }
    users.sort_unstable();
    users.dedup();
    assert_eq!(users.len(), 5, "{users:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn many_first_sights_of_a_name_make_one_user() {
    let server = server().await;
    let chat = Arc::clone(server.chat());
    let seen = join_all((0..40).map(|_| chat.trust("ana"))).await;
    let mut users: Vec<_> = seen.into_iter().map(|it| it.unwrap().user()).collect();
    users.dedup();
    assert_eq!(users.len(), 1, "{users:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn the_suspended_and_the_deleted_are_refused_and_their_names_stay_theirs() {
    let server = server().await;
    let chat = server.chat();
    for (name, state) in [("ana", UserState::Suspended), ("beto", UserState::Deleted)] {
        let user = chat.trust(name).await.unwrap().user();
        chat.set_user_state(user, state).await.unwrap();
        let refused = chat.trust(name).await;
        assert!(matches!(refused, Err(Error::InvalidToken)), "{refused:?}");
        assert_eq!(named(chat, name).await, Some(user));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_trusted_id_is_1_to_100_characters() {
    let server = server().await;
    let chat = server.chat();
    let longest = "ñ".repeat(100);
    assert_eq!(chat.trust(&longest).await.unwrap().profile.handle, longest);
    for (wrong, reason) in [
        ("", Reason::Missing),
        (" \t ", Reason::Missing),
        (&*format!("{longest}ñ"), Reason::TooLong { max: 100 }),
        ("a\u{0}b", Reason::Malformed),
        ("a\nb", Reason::Malformed),
    ] {
        let refused = chat.trust(wrong).await;
        let Err(Error::Invalid { field, reason: why }) = refused else {
            panic!("{wrong:?} was taken: {refused:?}");
        };
        assert_eq!((field, why), ("user_id", reason), "{wrong:?}");
    }
    server.shutdown().await;
}
