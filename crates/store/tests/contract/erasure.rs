//! Erasing a person (`docs/adr/0016-erasure.md`): nothing is left that says who
//! it was or what it said, and nothing of anybody else is touched.

use std::collections::HashSet;

use tertulia_domain::command::{Command, Toggle};
use tertulia_domain::ports::{Pseudonyms, UserKey};
use tertulia_domain::user::NewUser;
use tertulia_domain::{Draft, MessageId, Metadata, RoomId, UserId, UserState, policy};

use crate::sessions::login;
use crate::world::World;

fn pseudonyms(id: UserId) -> Pseudonyms {
    Pseudonyms {
        usernames: vec![format!("borrado-{id}"), format!("borrado-{id}-2")],
        handles: vec![id.to_string(), format!("{id}-2")],
    }
}

async fn known_to_an_app(world: &World) -> NewUser {
    NewUser {
        username: "Ana".to_owned(),
        handles: vec!["app-ana".to_owned()],
        email: Some("ana@example.org".to_owned()),
        external_id: Some("app-ana".to_owned()),
        password_hash: Some("hash".to_owned()),
        ..world.new_user("Ana").await
    }
}

#[tokio::test]
async fn nothing_of_an_erased_user_says_who_it_was() {
    let world = World::new().await;
    let new = known_to_an_app(&world).await;
    let ana = world.store.create_user(new).await.expect("made").profile;
    let (ana, uuid) = (ana.id, ana.uuid);
    let bob = world.user("bob").await;
    let room = world.group(&[ana, bob]).await;
    login(&world, ana, 1, 0).await;
    for user in [ana, bob] {
        let settings = Metadata::default().with("theme", "dark");
        let own = world.may_read(room, user).await;
        let kept = world.store.set_member_settings(&own, settings, world.now());
        kept.await.expect("kept");
    }
    // The last two may be other people's ids in the app.
    let upper = uuid.simple().to_string().to_uppercase();
    let (braced, urn) = (uuid.braced().to_string(), uuid.urn().to_string());
    let names = ["app-ana", &upper, &braced, &urn, "Ana", "bob"];
    for name in names {
        let asked = format!(
            "INSERT INTO outbox (sender, recipient, text, state) VALUES
             ('{name}', 'eve', 'secreto', 'sent')"
        );
        world.rows.change(asked);
        let asked = format!(
            "INSERT INTO outbox (sender, recipient, text, state) VALUES
             ('eve', '{name}', 'not its own', 'sent')"
        );
        world.rows.change(asked);
    }
    let at = world.now();
    let erased = world.store.erase_user(ana, pseudonyms(ana), at).await;
    let erased = erased.expect("erased");
    assert_eq!(erased.state, UserState::Deleted);
    assert_eq!(erased.profile.username, format!("borrado-{ana}"));
    assert_eq!(erased.profile.display_name, format!("borrado-{ana}"));
    assert_eq!(erased.profile.handle, ana.to_string());
    assert_eq!((erased.email, erased.external_id), (None, None));
    assert_eq!(
        (&erased.profile.avatar_url, erased.last_seen_at),
        (&None, None)
    );
    let credentials = world.store.credentials(UserKey::Id(ana)).await;
    let credentials = credentials.expect("answered").expect("still there");
    assert_eq!(credentials.password_hash, None);
    assert_eq!(world.rows.count("sessions"), 0);
    let settings = world.store.member_settings(ana, &[room]).await;
    assert!(settings.expect("answered").is_empty());
    let settings = world.store.member_settings(bob, &[room]).await;
    assert_eq!(settings.expect("answered").len(), 1, "somebody else's");
    for (left, count) in [
        (
            "text = 'secreto' AND sender IN ('Ana', 'bob')".to_owned(),
            2,
        ),
        (
            format!("text IS NULL AND sender IS NULL AND sender_id = {ana}"),
            4,
        ),
        (
            "text = 'not its own' AND recipient IN ('Ana', 'bob')".to_owned(),
            2,
        ),
        (
            format!("text = 'not its own' AND recipient IS NULL AND recipient_id = {ana}"),
            4,
        ),
    ] {
        let sql = format!("SELECT COUNT(*) FROM outbox WHERE {left} HAVING COUNT(*) = {count}");
        assert!(world.rows.find(vec![(left.clone(), sql)])[0].1, "{left}");
    }

    // Again is the same; and its names are free for somebody new.
    let again = world.store.erase_user(ana, pseudonyms(ana), at).await;
    assert_eq!(again.expect("erased").profile, erased.profile);
    let new = known_to_an_app(&world).await;
    let somebody_new = world.store.create_user(new).await.expect("made");
    assert_eq!(somebody_new.profile.handle, "app-ana");
    assert_ne!(somebody_new.id(), ana);
}

#[tokio::test]
async fn a_pseudonym_is_nobody_elses_name() {
    let world = World::new().await;
    let ana = world.user("ana").await;
    world.user(&format!("Borrado-{ana}")).await;
    let erased = world
        .store
        .erase_user(ana, pseudonyms(ana), world.now())
        .await;
    let username = erased.expect("erased").profile.username;
    assert_eq!(username, format!("borrado-{ana}-2"));
}

#[tokio::test]
async fn all_messages_of_a_user_are_found_and_no_others() {
    let world = World::new().await;
    let [ana, bob] = world.users().await;
    let (one, two) = (world.group(&[ana, bob]).await, world.direct(ana, bob).await);
    let mut own = HashSet::new();
    for room in [one, two] {
        world.say_many(room, bob, 600).await;
        own.insert((room, world.say(room, ana, "hola").await.id));
    }
    let deleted = world.say(one, ana, "adiós").await;
    world.done(world.delete(&deleted).await).await;
    let mut found: Vec<(RoomId, MessageId)> = Vec::new();
    let mut after = MessageId(0);
    loop {
        let page = world.store.own_messages(ana, after).await;
        let page = page.expect("answered");
        found.extend(page.found);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(found.len(), 2);
    assert_eq!(found.into_iter().collect::<HashSet<_>>(), own);
}

/// No command changes a closed room, and nobody sees it; its words go all the same.
#[tokio::test]
async fn words_in_closed_rooms_go_and_those_in_open_ones_need_a_command() {
    let world = World::new().await;
    let [ana, bob] = world.users().await;
    let (open, closed) = (
        world.group(&[ana, bob]).await,
        world.group(&[ana, bob]).await,
    );
    let mut said = Vec::new();
    for room in [open, closed] {
        let file = world.file(ana, 10).await;
        let draft = Draft {
            files: vec![file.id],
            ..Draft::text("secreto")
        };
        world.send(room, ana, draft).await.expect("sent");
        let page = world.history(room, ana).await;
        said.push(page[0].id);
        let react = Command::React {
            permit: policy::may_react(&world.authority(room, bob).await, bob).expect("may"),
            message: page[0].id,
            emoji: "👍".to_owned(),
            on: Toggle::On,
            most: 10,
            at: world.now(),
        };
        world.done(react).await;
    }
    let authority = world.authority(closed, ana).await;
    let close = Command::CloseRoom {
        permit: policy::may_close(&authority, ana).expect("may close"),
        at: world.now(),
    };
    world.done(close).await;
    let emptied = world.store.empty_in_closed_rooms(&said, world.now()).await;
    emptied.expect("emptied");
    assert_eq!(world.history(open, bob).await[0].text, "secreto");
    let left = "SELECT COUNT(*) FROM messages WHERE text <> '' HAVING COUNT(*) = 1".to_owned();
    assert!(world.rows.find(vec![("texts".to_owned(), left)])[0].1);
    assert_eq!(world.rows.count("reactions"), 1);
    assert_eq!(world.rows.count("message_files"), 1);
}
