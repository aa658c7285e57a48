//! Batches: one order, one transaction, and nobody disturbs anybody (G1, G4, G6).

use serde_json::json;
use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::message::NewMessage;
use tertulia_domain::ports::RoomKey;
use tertulia_domain::{
    Conflict, Draft, Entity, Error, Message, MessageId, Metadata, Reason, Role, RoomKind, Seq,
    policy,
};

use crate::world::{World, draft_with};

#[tokio::test]
async fn messages_get_the_numbers_1_2_3_in_the_order_of_the_batch() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let made = world.position(room, ann).await;
    let mut commands = Vec::new();
    for (number, sender) in [ann, bob, ann, bob].into_iter().enumerate() {
        let draft = Draft::text(format!("{number}"));
        commands.push(world.append(room, sender, draft).await);
    }
    for (number, outcome) in (1..).zip(world.commit(commands).await) {
        let Ok(Outcome::Appended { message, at }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(message.seq, Seq(number));
        assert_eq!(message.text, (number - 1).to_string());
        assert_eq!((at.seq, at.revision), (Seq(number), made.revision));
    }
    let stored = world.history(room, ann).await;
    assert_eq!(stored.len(), 4);
    assert_eq!(world.position(room, bob).await.seq, Seq(4));
}

#[tokio::test]
async fn what_is_stored_is_what_was_answered() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let first = world.say(room, ann, "¿café a las 5? ☕").await;
    let draft = Draft {
        reply_to: Some(first.id),
        metadata: Metadata::default()
            .with("kaapehchat.kind", "emoji")
            .with("n", 1.5)
            .with("own", json!({"$serde_json::private::RawValue": "x"}))
            .with("$serde_json::private::RawValue", 1),
        ..draft_with("c-1", "with\0everything")
    };
    let command = world.append(room, bob, draft).await;
    let Outcome::Appended { message, .. } = world.done(command).await else {
        panic!("not appended");
    };
    assert_eq!(message.reply_to, Some(first.id));
    assert_eq!(message.uuid.get_version_num(), 4);
    assert_eq!(
        world.history(room, ann).await,
        [(*first).clone(), (*message).clone()]
    );
}

#[tokio::test]
async fn several_rooms_in_one_batch_keep_their_own_numbers() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let (one, two) = (
        world.group(&[ann, bob]).await,
        world.group(&[bob, ann]).await,
    );
    let mut commands = Vec::new();
    for room in [two, one, two, one, two] {
        commands.push(world.append(room, ann, Draft::text("hola")).await);
    }
    let outcomes = world.commit(commands).await;
    let seqs: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| appended(outcome).seq.0)
        .collect();
    assert_eq!(seqs, [1, 1, 2, 2, 3]);
}

fn appended(outcome: Result<Outcome, StoreError>) -> Message {
    match outcome {
        Ok(Outcome::Appended { message, .. }) => (*message).clone(),
        other => panic!("not appended: {other:?}"),
    }
}

#[tokio::test]
async fn a_retry_gets_the_first_result_in_the_same_batch_and_in_later_ones() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let commands = vec![
        world.append(room, ann, draft_with("c-1", "hola")).await,
        world.append(room, ann, draft_with("c-1", "hola")).await,
        world.append(room, bob, draft_with("c-1", "hola")).await,
    ];
    let mut outcomes = world.commit(commands).await.into_iter();
    let first = appended(outcomes.next().expect("three outcomes"));
    let Some(Ok(Outcome::Repeated { message })) = outcomes.next() else {
        panic!("the second is a repeat");
    };
    assert_eq!(*message, first);
    // Another sender's id is another id.
    assert_eq!(
        appended(outcomes.next().expect("three outcomes")).seq,
        Seq(2)
    );

    let again = world.append(room, ann, draft_with("c-1", "hola")).await;
    let Outcome::Repeated { message } = world.done(again).await else {
        panic!("a repeat");
    };
    assert_eq!(*message, first);
    assert_eq!(world.position(room, ann).await.seq, Seq(2));
}

#[tokio::test]
async fn a_repeat_shows_the_message_as_it_is_now() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let command = world.append(room, ann, draft_with("c-1", "hola")).await;
    let first = appended(world.run(command).await);
    let batch = vec![
        world.edit(&first, "adiós").await,
        world.append(room, ann, draft_with("c-1", "hola")).await,
        world.delete(&first).await,
        world.append(room, ann, draft_with("c-1", "hola")).await,
    ];
    let outcomes = world.commit(batch).await;
    let texts: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Ok(Outcome::Repeated { message }) => Some(message.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["adiós", ""]);
}

#[tokio::test]
async fn a_client_id_is_not_used_for_another_content() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let (room, other) = (
        world.group(&[ann, bob]).await,
        world.group(&[ann, bob]).await,
    );
    let commands = vec![
        world.append(room, ann, draft_with("c-1", "hola")).await,
        world.append(room, ann, draft_with("c-1", "adiós")).await,
        world.append(other, ann, draft_with("c-1", "hola")).await,
    ];
    for outcome in world.commit(commands).await.into_iter().skip(1) {
        check_reused(&outcome);
    }
    let later = world.append(other, ann, draft_with("c-1", "hola")).await;
    check_reused(&world.run(later).await);
    assert!(world.history(other, ann).await.is_empty());
}

fn check_reused(outcome: &Result<Outcome, StoreError>) {
    assert!(
        matches!(
            outcome,
            Err(StoreError::Failed(Error::Conflict(
                Conflict::ClientIdReused
            )))
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_refused_send_leaves_its_client_id_free() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let wrong = Draft {
        reply_to: Some(MessageId(999)),
        ..draft_with("c-1", "hola")
    };
    let commands = vec![
        world.append(room, ann, wrong).await,
        world.append(room, ann, draft_with("c-1", "hola")).await,
    ];
    let outcomes = world.commit(commands).await;
    assert!(matches!(
        outcomes[0],
        Err(StoreError::Failed(Error::Invalid {
            field: "reply_to",
            reason: Reason::Malformed
        }))
    ));
    assert!(matches!(outcomes[1], Ok(Outcome::Appended { .. })));
}

#[tokio::test]
async fn a_reply_names_a_message_of_the_same_room_that_was_not_deleted() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let (room, other) = (world.group(&[ann]).await, world.group(&[ann]).await);
    let elsewhere = world.say(other, ann, "there").await;
    let deleted = world.say(room, ann, "gone").await;
    let good = world.say(room, ann, "here").await;
    let reply = |target: MessageId| Draft {
        reply_to: Some(target),
        ..Draft::text("yes")
    };
    let commands = vec![
        world.append(room, ann, reply(elsewhere.id)).await,
        world.append(room, ann, reply(deleted.id)).await,
        world.delete(&deleted).await,
        world.append(room, ann, reply(deleted.id)).await,
        world.append(room, ann, reply(good.id)).await,
    ];
    let outcomes = world.commit(commands).await;
    let done: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(done, [false, true, true, false, true]);
}

#[tokio::test]
async fn no_message_overtakes_one_of_its_sender_whose_permit_is_stale() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let older = world.append(room, bob, Draft::text("older")).await;
    world
        .done(world.admit(room, ann, eve, Role::Member).await)
        .await;
    let newer = world.append(room, bob, Draft::text("newer")).await;
    let others = world.append(room, ann, Draft::text("others")).await;
    let outcomes = world.commit(vec![older, newer, others]).await;
    assert!(matches!(outcomes[0], Err(StoreError::Stale)));
    assert!(matches!(outcomes[1], Err(StoreError::Stale)));
    assert!(matches!(outcomes[2], Ok(Outcome::Appended { .. })));
}

#[tokio::test]
async fn a_permit_is_stale_once_the_members_have_changed() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let other = world.group(&[ann, bob]).await;

    // Within the batch: what comes after the change is stale, what is in
    // another room is not.
    let commands = vec![
        world.append(room, bob, Draft::text("1")).await,
        world.admit(room, ann, eve, Role::Member).await,
        world.append(room, bob, Draft::text("2")).await,
        world.append(other, bob, Draft::text("3")).await,
    ];
    let outcomes = world.commit(commands).await;
    assert!(matches!(outcomes[0], Ok(Outcome::Appended { .. })));
    assert!(matches!(outcomes[1], Ok(Outcome::Members { .. })));
    assert!(matches!(outcomes[2], Err(StoreError::Stale)));
    assert!(matches!(outcomes[3], Ok(Outcome::Appended { .. })));

    // Across batches, for writes and for reads.
    let late = world.append(room, bob, Draft::text("4")).await;
    let read = world.may_read(room, bob).await;
    world.done(world.leave(room, bob).await).await;
    assert!(matches!(world.run(late).await, Err(StoreError::Stale)));
    let page = world.store.message(&read, MessageId(1)).await;
    assert!(matches!(page, Err(StoreError::Stale)));
    let texts: Vec<_> = world
        .history(room, ann)
        .await
        .into_iter()
        .map(|m| m.text)
        .collect();
    assert_eq!(texts, ["1"]);
}

#[tokio::test]
async fn one_command_that_the_database_refuses_does_not_fail_its_neighbours() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let taken = world.say(room, ann, "first").await;
    let authority = world.authority(room, ann).await;
    let broken = Command::Append {
        permit: policy::may_speak(&authority, ann).expect("may speak"),
        message: NewMessage {
            id: taken.id,
            ..world.new_message(Draft::text("an id twice")).await
        },
    };
    let commands = vec![
        world.append(room, ann, draft_with("c-1", "before")).await,
        broken,
        world.append(room, ann, draft_with("c-1", "before")).await,
        world.append(room, ann, Draft::text("after")).await,
    ];
    let outcomes = world.commit(commands).await;
    assert!(matches!(&outcomes[0], Ok(Outcome::Appended { message, .. }) if message.seq == Seq(2)));
    assert!(matches!(
        outcomes[1],
        Err(StoreError::Failed(Error::Unavailable(_)))
    ));
    assert!(matches!(&outcomes[2], Ok(Outcome::Repeated { message }) if message.seq == Seq(2)));
    assert!(matches!(&outcomes[3], Ok(Outcome::Appended { message, .. }) if message.seq == Seq(3)));
}

#[tokio::test]
async fn everything_takes_exactly_one_step() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let message = world.say(room, ann, "hola").await;
    let before = world.position(room, ann).await.step();
    let commands = vec![
        world.append(room, ann, Draft::text("again")).await,
        world.edit(&message, "adiós").await,
        world.hide(bob, &message).await,
        world.delete(&message).await,
        world.admit(room, ann, eve, Role::Admin).await,
    ];
    let mut steps = Vec::new();
    for outcome in world.commit(commands).await {
        match outcome.expect("all are done") {
            Outcome::Appended { at, .. }
            | Outcome::Edited { at, .. }
            | Outcome::Hidden { at, .. }
            | Outcome::Deleted { at, .. } => steps.push(at.step() - before),
            Outcome::Members { changed } => {
                steps.extend(changed.iter().map(|(_, at)| at.step() - before));
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!(steps, [1, 2, 3, 4, 5]);
    assert_eq!(world.position(room, ann).await.step() - before, 5);
}

#[tokio::test]
async fn a_room_that_is_not_there_is_not_found() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let elsewhere = World::new().await;
    let [other] = elsewhere.users().await;
    let room = elsewhere.group(&[other]).await;
    let command = elsewhere.append(room, other, Draft::text("hola")).await;
    assert!(matches!(
        world.run(command).await,
        Err(StoreError::Failed(Error::NotFound(Entity::Room)))
    ));
    let none = world.store.authority(RoomKey::Id(room), ann).await;
    assert!(none.expect("the store answers").is_none());
}

#[tokio::test]
async fn two_direct_rooms_asked_for_at_once_are_one() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let one = world.new_room(RoomKind::Direct, &[ann, bob]).await;
    let two = world.new_room(RoomKind::Direct, &[bob, ann]).await;
    let three = world.new_room(RoomKind::Direct, &[ann, bob]).await;
    let commands = vec![
        Command::OpenDirect { room: one, by: ann },
        Command::OpenDirect { room: two, by: bob },
    ];
    let (outcomes, third) = tokio::join!(
        world.commit(commands),
        world.run(Command::OpenDirect {
            room: three,
            by: ann
        })
    );
    let mut rooms = Vec::new();
    let mut made = 0;
    for outcome in outcomes.into_iter().chain([third]) {
        match outcome.expect("all are answered") {
            Outcome::Created { room, .. } => {
                made += 1;
                rooms.push(room.id);
            }
            Outcome::Found { room } => rooms.push(room.id),
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!(made, 1);
    rooms.dedup();
    assert_eq!(rooms.len(), 1);
}
