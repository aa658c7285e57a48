//! Reading pages, and editing, deleting, hiding and reacting.

use tertulia_domain::command::{Command, Outcome, StoreError, Toggle};
use tertulia_domain::ports::MessagePage;
use tertulia_domain::{
    Conflict, Draft, Entity, Error, Message, MessageId, Metadata, Reason, Seq, UserId, policy,
};

use crate::world::World;

fn page(after: Option<i64>, before: Option<i64>, limit: usize) -> MessagePage {
    MessagePage {
        before: before.map(Seq),
        after: after.map(Seq),
        limit,
        deleted: true,
    }
}

#[tokio::test]
async fn a_page_is_the_stretch_that_was_asked_for_in_rising_order() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    world.say_many(room, ann, 10).await;
    for (asked, expected) in [
        (page(None, None, 3), 8..=10),
        (page(None, None, 100), 1..=10),
        (page(None, Some(5), 2), 3..=4),
        (page(None, Some(3), 9), 1..=2),
        (page(Some(5), None, 2), 6..=7),
        (page(Some(8), None, 9), 9..=10),
        (page(Some(2), Some(9), 3), 6..=8),
        (page(Some(2), Some(5), 9), 3..=4),
    ] {
        let found = world.page(room, ann, asked).await;
        let seqs: Vec<_> = found.iter().map(|message| message.seq.0).collect();
        assert_eq!(seqs, expected.collect::<Vec<_>>(), "{asked:?}");
    }
    assert!(
        world
            .page(room, ann, page(Some(10), None, 5))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn hidden_and_deleted_messages_do_not_shorten_a_page() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    world.say_many(room, ann, 10).await;
    let all = world.history(room, ann).await;
    for seq in [7, 9] {
        world.done(world.hide(bob, &all[seq - 1]).await).await;
    }
    world.done(world.delete(&all[5]).await).await;
    let seqs = async |user, page| -> Vec<i64> {
        let found = world.page(room, user, page).await;
        found.iter().map(|message| message.seq.0).collect()
    };
    assert_eq!(seqs(bob, page(None, None, 4)).await, [5, 6, 8, 10]);
    assert_eq!(seqs(ann, page(None, None, 4)).await, [7, 8, 9, 10]);
    let without_deleted = MessagePage {
        deleted: false,
        ..page(Some(4), None, 3)
    };
    assert_eq!(seqs(bob, without_deleted).await, [5, 8, 10]);
}

#[tokio::test]
async fn an_edit_changes_the_words_and_the_same_words_change_nothing() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let message = world.say(room, ann, "hola").await;
    let Outcome::Edited {
        message: edited,
        at,
    } = world.done(world.edit(&message, "adiós").await).await
    else {
        panic!("edited");
    };
    assert_eq!(edited.text, "adiós");
    assert!(edited.edited_at.is_some());
    assert_eq!(edited.revision, at.revision);
    assert_eq!(world.history(room, ann).await, [(*edited).clone()]);
    let same = world.edit(&edited, "adiós").await;
    assert!(matches!(world.run(same).await, Ok(Outcome::Unchanged)));
    assert_eq!(world.position(room, ann).await, at);
    world.done(world.edit(&edited, "otra vez").await).await;
}

#[tokio::test]
async fn a_deleted_message_keeps_its_place_and_nothing_else() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let draft = Draft {
        metadata: Metadata::default().with("kaapehchat.kind", "emoji"),
        ..Draft::text("hola")
    };
    let Outcome::Appended { message, .. } = world.done(world.append(room, ann, draft).await).await
    else {
        panic!("appended");
    };
    react(&world, ann, &message, "👍", Toggle::On)
        .await
        .expect("reacted");
    let edit = world.edit(&message, "late").await;
    let Outcome::Deleted { message: left, .. } = world.done(world.delete(&message).await).await
    else {
        panic!("deleted");
    };
    assert_eq!(
        (left.id, left.seq, left.sender),
        (message.id, message.seq, message.sender)
    );
    assert!(left.text.is_empty() && left.metadata.is_empty() && left.reactions.is_empty());
    assert!(left.deleted_at.is_some());
    assert_eq!(world.history(room, ann).await, [(*left).clone()]);

    assert!(matches!(
        world.run(edit).await,
        Err(StoreError::Failed(Error::Conflict(
            Conflict::MessageDeleted
        )))
    ));
    assert!(matches!(
        react(&world, ann, &message, "👍", Toggle::On).await,
        Err(StoreError::Failed(Error::Conflict(
            Conflict::MessageDeleted
        )))
    ));
    assert!(matches!(
        world.run(world.delete(&message).await).await,
        Ok(Outcome::Unchanged)
    ));
}

#[tokio::test]
async fn hiding_is_for_one_reader_and_once() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let message = world.say(room, ann, "hola").await;
    world.done(world.hide(bob, &message).await).await;
    assert!(matches!(
        world.run(world.hide(bob, &message).await).await,
        Ok(Outcome::Unchanged)
    ));
    assert!(world.history(room, bob).await.is_empty());
    assert_eq!(world.history(room, ann).await.len(), 1);
    // By its id it is still there: an edit or a reaction finds it.
    let permit = world.may_read(room, bob).await;
    let found = world
        .store
        .message(&permit, message.id)
        .await
        .expect("answered");
    assert_eq!(found.as_ref(), Some(&*message));
}

async fn react(
    world: &World,
    user: UserId,
    message: &Message,
    emoji: &str,
    on: Toggle,
) -> Result<Outcome, StoreError> {
    let authority = world.authority(message.room, user).await;
    let command = Command::React {
        permit: policy::may_react(&authority, user).expect("may react"),
        message: message.id,
        emoji: emoji.to_owned(),
        on,
        most: 3,
        at: world.now(),
    };
    world.run(command).await
}

#[tokio::test]
async fn reactions_are_set_taken_back_and_bounded() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let message = world.say(room, ann, "hola").await;
    let flip = async |user, emoji| match react(&world, user, &message, emoji, Toggle::Flip).await {
        Ok(Outcome::Reacted { on, seq, .. }) => {
            assert_eq!(seq, message.seq);
            on
        }
        other => panic!("not reacted: {other:?}"),
    };
    let standing = async || -> Vec<(UserId, String)> {
        let message = world.history(room, ann).await.remove(0);
        message
            .reactions
            .into_iter()
            .map(|r| (r.user, r.emoji))
            .collect()
    };
    assert!(flip(bob, "🔥").await);
    assert!(flip(ann, "🔥").await);
    assert!(flip(ann, "golazo").await);
    let entry = |user, emoji: &str| (user, emoji.to_owned());
    let all = [entry(bob, "🔥"), entry(ann, "🔥"), entry(ann, "golazo")];
    assert_eq!(standing().await, all);

    assert!(matches!(
        react(&world, bob, &message, "x", Toggle::On).await,
        Err(StoreError::Failed(Error::Invalid {
            reason: Reason::TooLong { max: 3 },
            ..
        }))
    ));
    assert!(matches!(
        react(&world, bob, &message, "🔥", Toggle::On).await,
        Ok(Outcome::Unchanged)
    ));
    assert!(matches!(
        react(&world, bob, &message, "x", Toggle::Off).await,
        Ok(Outcome::Unchanged)
    ));
    assert!(!flip(bob, "🔥").await);
    assert_eq!(standing().await, all[1..]);
    // Set again it is the newest.
    assert!(flip(bob, "🔥").await);
    assert_eq!(
        standing().await,
        [all[1].clone(), all[2].clone(), all[0].clone()]
    );
}

#[tokio::test]
async fn a_message_of_another_room_is_not_found() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let (room, other) = (world.group(&[ann]).await, world.group(&[ann]).await);
    let elsewhere = world.say(other, ann, "hola").await;
    let permit = world.may_read(room, ann).await;
    for id in [elsewhere.id, MessageId(999)] {
        assert!(
            world
                .store
                .message(&permit, id)
                .await
                .expect("answered")
                .is_none()
        );
        let receipts = world.store.receipts(&permit, id, None, 10).await;
        assert!(matches!(
            receipts,
            Err(StoreError::Failed(Error::NotFound(Entity::Message)))
        ));
        let hide = Command::Hide {
            permit: permit.clone(),
            message: id,
            at: world.now(),
        };
        assert!(matches!(
            world.run(hide).await,
            Err(StoreError::Failed(Error::NotFound(Entity::Message)))
        ));
    }
}

#[tokio::test]
async fn a_message_is_placed_by_its_number_alone() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let rooms = [world.group(&[ann]).await, world.group(&[ann]).await];
    for room in rooms {
        let said = world.say(room, ann, "hola").await;
        let place = world.store.message_place(said.id).await.expect("answered");
        assert_eq!(place, Some((room, said.seq)));
    }
    let nowhere = world.store.message_place(MessageId(99)).await;
    assert_eq!(nowhere.expect("answered"), None);
}

#[tokio::test]
async fn the_newest_messages_are_paged_by_place_without_deleted_and_hidden_ones() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let mut said = Vec::new();
    for text in ["1", "2", "3", "4", "5"] {
        said.push(world.say(room, ann, text).await);
    }
    world.done(world.delete(&said[1]).await).await;
    world.done(world.hide(bob, &said[3]).await).await;
    let page = async |reader, skip, limit| {
        let permit = world.may_read(room, reader).await;
        let found = world.store.newest_messages(&permit, skip, limit).await;
        let found = found.expect("the store answers");
        found
            .into_iter()
            .map(|message| message.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(page(ann, 0, 10).await, ["5", "4", "3", "1"]);
    assert_eq!(page(bob, 0, 10).await, ["5", "3", "1"]);
    assert_eq!(page(bob, 1, 1).await, ["3"]);
    assert!(page(bob, 3, 1).await.is_empty());
}
