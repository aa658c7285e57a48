//! The table `outbox`: what an app inserts in transactions of its own becomes a
//! message exactly once (issue 6, criterion 4).

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::outbox::{OutboxRow, Settled, Settlement};
use tertulia_domain::ports::OutboxPage;
use tertulia_domain::{
    Draft, Error, MessageId, OutboxId, Reason, Role, RoomId, Seq, Store, Timestamp, UserId, policy,
};
use tokio::time::timeout;

use crate::app::App;
use crate::world::{World, draft_with, in_good_time, server};

const PAGE: OutboxPage = OutboxPage {
    after: OutboxId(i64::MIN),
    limit: 100,
    text_chars: 20,
    metadata_chars: 30,
};

async fn waiting(store: &dyn Store) -> Vec<OutboxRow> {
    let rows = store.outbox_waiting(PAGE).await;
    rows.expect("the store answers")
}

async fn waiting_ids(world: &World) -> Vec<i64> {
    let rows = waiting(&*world.store).await;
    rows.iter().map(|row| row.id.0).collect()
}

/// Whether a row of `outbox` is as the condition says.
fn has_row(world: &World, condition: &str) -> bool {
    let sql = format!("SELECT 1 AS found FROM outbox WHERE {condition}");
    let found = world.rows.find(vec![(String::new(), sql)]);
    found.into_iter().all(|(_, found)| found)
}

/// What a row asks for, as the domain gives it to the writer.
async fn asked(world: &World, row: i64, room: RoomId, sender: UserId, draft: Draft) -> Command {
    asking(world.append(room, sender, draft).await, row)
}

fn asking(command: Command, row: i64) -> Command {
    let Command::Append {
        permit,
        mut message,
    } = command
    else {
        panic!("not an append: {command:?}");
    };
    message.outbox = Some(OutboxId(row));
    Command::Append { permit, message }
}

fn insert(id: i64, sender: UserId, room: RoomId, text: &str) -> String {
    format!(
        "INSERT INTO outbox (id, sender_id, room_id, text) VALUES ({id}, {sender}, {room}, '{text}')"
    )
}

#[tokio::test]
async fn a_row_waits_once_its_transaction_is_committed_and_never_after_a_rollback() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    app.run("BEGIN").await;
    app.run("INSERT INTO outbox (sender, room, text, metadata) VALUES ('ana', 'lab', 'no', '{}')")
        .await;
    assert!(waiting(&*world.store).await.is_empty(), "not committed yet");
    app.run("ROLLBACK").await;
    assert!(waiting(&*world.store).await.is_empty(), "rolled back");
    app.run("BEGIN").await;
    app.run(
        "INSERT INTO outbox (sender, room, kind, text, file_ids, client_id, metadata, reply_to)
         VALUES ('ana', 'lab', 'image', 'sí', '[1]', 'c-1', '{\"a\":1}', 7)",
    )
    .await;
    app.run("COMMIT").await;
    let rows = waiting(&*world.store).await;
    let [row] = &rows[..] else {
        panic!("one row: {rows:?}");
    };
    assert_eq!(row.sender.as_deref(), Some("ana"));
    assert_eq!(row.room.as_deref(), Some("lab"));
    assert_eq!(row.kind.as_deref(), Some("image"));
    assert_eq!(row.text.as_deref(), Some("sí"));
    assert_eq!(row.file_ids.as_deref(), Some("[1]"));
    assert_eq!(row.client_id.as_deref(), Some("c-1"));
    assert_eq!(row.metadata.as_deref(), Some("{\"a\":1}"));
    assert_eq!(row.reply_to, Some(7));
    assert_eq!(
        (row.sender_id, row.room_id, row.message_id),
        (None, None, None)
    );
    assert!(has_row(
        &world,
        "state = 'waiting' AND created_at > 1700000000000000"
    ));
}

#[tokio::test]
async fn what_is_too_long_is_read_only_so_far_as_shows_it() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    let (text, word) = ("ñ".repeat(100_000), "w".repeat(100_000));
    app.run(&format!(
        "INSERT INTO outbox (sender, text, metadata) VALUES ('{word}', '{text}', '{word}')"
    ))
    .await;
    let rows = waiting(&*world.store).await;
    let lengths = [&rows[0].sender, &rows[0].text, &rows[0].metadata]
        .map(|it| it.as_ref().expect("there").chars().count());
    assert_eq!(lengths, [513, 21, 31]);
}

#[tokio::test]
async fn a_message_and_the_mark_on_its_row_are_one_transaction() {
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let mut app = App::of(&world.rows).await;
    app.run(&insert(1, ann, room, "tea?")).await;
    app.break_marks().await;
    let command = asked(&world, 1, room, ann, Draft::text("tea?")).await;
    let refused = world.run(command).await;
    assert!(
        matches!(refused, Err(StoreError::Failed(Error::Unavailable(_)))),
        "{refused:?}"
    );
    assert!(
        world.history(room, bob).await.is_empty(),
        "no mark, no message"
    );
    assert_eq!(waiting_ids(&world).await, [1]);

    app.mend_marks().await;
    let command = asked(&world, 1, room, ann, Draft::text("tea?")).await;
    let Outcome::Appended { message, .. } = world.done(command).await else {
        panic!("not appended");
    };
    assert!(waiting_ids(&world).await.is_empty());
    let (id, seq) = (message.id, message.seq);
    assert!(has_row(
        &world,
        &format!(
            "id = 1 AND state = 'sent' AND message_id = {id} AND seq = {seq} AND room_id = {room}
             AND settled_at > 0 AND reason IS NULL"
        )
    ));

    let again = asked(&world, 1, room, ann, Draft::text("tea?")).await;
    let again = world.run(again).await;
    assert!(matches!(again, Ok(Outcome::Unchanged)), "{again:?}");
    assert_eq!(world.history(room, bob).await.len(), 1);
}

#[tokio::test]
async fn a_row_in_one_batch_twice_is_one_message() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let mut app = App::of(&world.rows).await;
    app.run(&insert(1, ann, room, "tea?")).await;
    let commands = vec![
        asked(&world, 1, room, ann, Draft::text("tea?")).await,
        asked(&world, 1, room, ann, Draft::text("tea?")).await,
    ];
    let outcomes = world.commit(commands).await;
    assert!(
        matches!(
            outcomes[..],
            [Ok(Outcome::Appended { .. }), Ok(Outcome::Unchanged)]
        ),
        "{outcomes:?}"
    );
    assert_eq!(world.history(room, ann).await.len(), 1);
}

#[tokio::test]
async fn a_repeated_send_marks_its_row_with_the_first_message() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let first = world.append(room, ann, draft_with("c-1", "tea?")).await;
    world.done(first).await;
    let mut app = App::of(&world.rows).await;
    app.run(&insert(1, ann, room, "tea?")).await;
    let again = asked(&world, 1, room, ann, draft_with("c-1", "tea?")).await;
    let Outcome::Repeated { message } = world.done(again).await else {
        panic!("not repeated");
    };
    let sent = format!("state = 'sent' AND seq = 1 AND message_id = {}", message.id);
    assert!(has_row(&world, &sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_take_the_same_rows_at_once_make_each_a_message_once() {
    const ROWS: i64 = 40;
    let world = World::new().await;
    let [ann, bob] = world.users().await;
    let rooms = [
        world.group(&[ann, bob]).await,
        world.group(&[ann, bob]).await,
    ];
    let place = |row: i64| rooms[usize::from(row % 3 == 0)];
    let mut app = App::of(&world.rows).await;
    for row in 1..=ROWS {
        app.run(&insert(row, ann, place(row), &format!("row {row}")))
            .await;
    }
    let mut work = Vec::new();
    for node in 0..3 {
        let store = world.another_node().await;
        let mut commands = Vec::new();
        for row in 1..=ROWS {
            let draft = Draft::text(format!("row {row}"));
            commands.push(asked(&world, row, place(row), ann, draft).await);
        }
        // In halves, and not at the same step everywhere.
        let rest = commands.split_off(15 + node);
        work.push(async move {
            let mut outcomes = store.commit(Arc::new(commands), in_good_time()).await;
            outcomes.extend(store.commit(Arc::new(rest), in_good_time()).await);
            outcomes
        });
    }
    let mut appended = 0;
    let outcomes = futures_util::future::join_all(work).await;
    for outcome in outcomes.into_iter().flatten() {
        match outcome {
            Ok(Outcome::Appended { .. }) => appended += 1,
            Ok(Outcome::Unchanged) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(appended, ROWS);
    assert!(waiting_ids(&world).await.is_empty());
    for room in rooms {
        let history = world.history(room, bob).await;
        let numbers: Vec<_> = history
            .iter()
            .filter_map(|message| message.text.strip_prefix("row ")?.parse::<i64>().ok())
            .collect();
        let expected: Vec<_> = (1..=ROWS).filter(|row| place(*row) == room).collect();
        assert_eq!(numbers, expected, "each once, in the order of the rows");
    }
}

#[tokio::test]
async fn a_refused_row_keeps_its_reason_and_the_others_go_on() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let mut app = App::of(&world.rows).await;
    for row in 1..=3 {
        app.run(&insert(row, ann, room, "tea?")).await;
    }
    let lost = Draft {
        reply_to: Some(MessageId(99)),
        ..Draft::text("tea?")
    };
    let commands = vec![
        asked(&world, 1, room, ann, Draft::text("tea?")).await,
        asked(&world, 2, room, ann, lost).await,
        asked(&world, 3, room, ann, Draft::text("tea?")).await,
    ];
    let outcomes = world.commit(commands).await;
    let [Ok(_), Err(StoreError::Failed(error)), Ok(_)] = &outcomes[..] else {
        panic!("only the second is refused: {outcomes:?}");
    };
    assert_eq!(waiting_ids(&world).await, [2], "until its reason is noted");
    let settle = |id, result| Settlement {
        id: OutboxId(id),
        result,
    };
    let refused = Settled::refused(error);
    let settled = vec![settle(1, refused.clone()), settle(2, refused)];
    let noted = world.store.outbox_settle(settled, world.now()).await;
    noted.expect("the store answers");
    assert!(waiting_ids(&world).await.is_empty());
    assert!(has_row(
        &world,
        "id = 2 AND state = 'refused' AND reason = 'invalid_field' AND detail LIKE 'reply_to: %'
         AND message_id IS NULL AND settled_at > 0"
    ));
    assert!(has_row(&world, "id = 1 AND state = 'sent' AND seq = 1"));
}

#[tokio::test]
async fn what_is_done_without_a_message_says_so() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    app.run("INSERT INTO outbox (id, action, sender_id) VALUES (1, 'open', 1)")
        .await;
    let result = Settled::Done {
        room: Some(RoomId(5)),
        message: None,
    };
    let id = OutboxId(1);
    let settled = world
        .store
        .outbox_settle(vec![Settlement { id, result }], world.now());
    settled.await.expect("the store answers");
    assert!(has_row(
        &world,
        "state = 'sent' AND room_id = 5 AND message_id IS NULL AND seq IS NULL"
    ));
}

/// On a file there is one writer at a time, and a number given by hand stands for
/// the late commit.
#[tokio::test]
async fn a_row_that_is_committed_late_is_taken_late_and_not_passed_over() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let (mut slow, mut quick) = (App::of(&world.rows).await, App::of(&world.rows).await);
    if server().is_some() {
        slow.run("BEGIN").await;
        slow.run(&insert(1, ann, room, "late")).await;
    }
    quick.run(&insert(2, ann, room, "early")).await;
    assert_eq!(waiting_ids(&world).await, [2]);
    let early = asked(&world, 2, room, ann, Draft::text("early")).await;
    world.done(early).await;
    match server() {
        Some(_) => slow.run("COMMIT").await,
        None => slow.run(&insert(1, ann, room, "late")).await,
    }
    assert_eq!(waiting_ids(&world).await, [1]);
    let late = asked(&world, 1, room, ann, Draft::text("late")).await;
    world.done(late).await;
    assert!(has_row(&world, "id = 1 AND state = 'sent' AND seq = 2"));
}

#[tokio::test]
async fn a_row_that_its_app_is_taking_back_is_passed_over() {
    if server().is_none() {
        return;
    }
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let mut app = App::of(&world.rows).await;
    app.run(&insert(1, ann, room, "sorry")).await;
    app.run(&insert(2, ann, room, "tea?")).await;
    app.run("BEGIN").await;
    app.run("DELETE FROM outbox WHERE id = 1 AND state = 'waiting'")
        .await;
    let commands = vec![
        asked(&world, 1, room, ann, Draft::text("sorry")).await,
        asked(&world, 2, room, ann, Draft::text("tea?")).await,
    ];
    let outcomes = world.commit(commands).await;
    assert!(
        matches!(
            outcomes[..],
            [Ok(Outcome::Unchanged), Ok(Outcome::Appended { .. })]
        ),
        "{outcomes:?}"
    );
    app.run("COMMIT").await;
    assert!(waiting_ids(&world).await.is_empty());
    assert_eq!(world.history(room, ann).await.len(), 1);
}

/// An app's transaction that takes its time costs nobody else any.
#[tokio::test]
async fn rows_that_their_app_keeps_are_neither_settled_nor_removed_nor_waited_for() {
    if server().is_none() {
        return;
    }
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    app.run("INSERT INTO outbox (id, text) VALUES (1, 'kept'), (2, 'free')")
        .await;
    app.run("INSERT INTO outbox (id, state, settled_at) VALUES (3, 'sent', 1), (4, 'sent', 2)")
        .await;
    app.run("BEGIN").await;
    for row in [1, 3] {
        app.run(&format!(
            "UPDATE outbox SET detail = 'mine' WHERE id = {row}"
        ))
        .await;
    }
    let refusal = Settled::refused(&Error::invalid("room", Reason::Missing));
    let settled = [1, 2].map(|id| Settlement {
        id: OutboxId(id),
        result: refusal.clone(),
    });
    let noted = world.store.outbox_settle(settled.to_vec(), world.now());
    noted.await.expect("not waited for");
    assert_eq!(waiting_ids(&world).await, [1]);
    let early = Timestamp::from_micros(3);
    let prune = async || world.store.outbox_prune(early, 10).await;
    assert_eq!(prune().await.expect("not waited for"), 1);
    app.run("ROLLBACK").await;
    assert_eq!(prune().await.expect("removed"), 1);
    assert_eq!(world.rows.count("outbox"), 2);
}

#[tokio::test]
async fn a_message_gets_the_number_that_was_promised_unless_it_is_taken() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let mut app = App::of(&world.rows).await;
    let numbered = |command, number| match asking(command, number) {
        Command::Append {
            permit,
            mut message,
        } => {
            message.id = MessageId(1_000_000_000_000_001);
            Command::Append { permit, message }
        }
        other => panic!("not an append: {other:?}"),
    };
    let mut commands = Vec::new();
    for row in 1..=2 {
        app.run(&insert(row, ann, room, "tea?")).await;
        let command = world.append(room, ann, Draft::text("tea?")).await;
        commands.push(numbered(command, row));
    }
    commands.push(world.append(room, ann, Draft::text("others go on")).await);
    let outcomes = world.commit(commands).await;
    let [
        Ok(Outcome::Appended { message, .. }),
        Err(StoreError::Failed(taken)),
        Ok(_),
    ] = &outcomes[..]
    else {
        panic!("the second of them has another's number: {outcomes:?}");
    };
    assert_eq!(message.id, MessageId(1_000_000_000_000_001));
    let is_refused = |error: &Error| {
        matches!(
            error,
            Error::Invalid {
                field: "message_id",
                reason: Reason::NotAllowed
            }
        )
    };
    assert!(is_refused(taken), "{taken:?}");
    let command = world.append(room, ann, Draft::text("tea?")).await;
    match world.run(numbered(command, 2)).await {
        Err(StoreError::Failed(error)) if is_refused(&error) => {}
        other => panic!("taken before this batch too: {other:?}"),
    }
}

#[tokio::test]
async fn what_is_out_of_date_holds_up_what_was_asked_for_later_in_the_room() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let room = world.group(&[ann, bob]).await;
    let mut app = App::of(&world.rows).await;
    app.run(&insert(1, ann, room, "first")).await;
    app.run(&insert(2, bob, room, "second")).await;
    let stale = asked(&world, 1, room, ann, Draft::text("first")).await;
    let admitted = world.admit(room, ann, eve, Role::Member).await;
    world.done(admitted).await;
    let fresh = asked(&world, 2, room, bob, Draft::text("second")).await;
    let outcomes = world.commit(vec![stale, fresh]).await;
    assert!(
        matches!(
            outcomes[..],
            [Err(StoreError::Stale), Err(StoreError::Stale)]
        ),
        "{outcomes:?}"
    );
    assert!(policy::may_speak(&world.authority(room, ann).await, ann).is_ok());
    assert_eq!(waiting_ids(&world).await, [1, 2]);
}

#[tokio::test]
async fn old_rows_are_removed_and_those_that_wait_are_kept() {
    let world = World::new().await;
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let mut app = App::of(&world.rows).await;
    for row in 1..=4 {
        app.run(&insert(row, ann, room, "tea?")).await;
    }
    for row in 1..=3 {
        let command = asked(&world, row, room, ann, Draft::text("tea?")).await;
        world.done(command).await;
    }
    let later = world.now();
    let prune = async |limit| world.store.outbox_prune(later, limit).await.expect("done");
    assert_eq!(prune(2).await, 2);
    assert_eq!(prune(2).await, 1);
    assert_eq!(prune(2).await, 0);
    assert_eq!(world.rows.count("outbox"), 1);
    assert_eq!(waiting_ids(&world).await, [4]);
    assert_eq!(
        world.history(room, ann).await.last().map(|it| it.seq),
        Some(Seq(3))
    );
}

/// A number is not given twice, so that what an app has noted stays right.
#[tokio::test]
async fn the_number_of_a_removed_row_is_not_given_again() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    app.run("INSERT INTO outbox (text) VALUES ('a')").await;
    app.run("DELETE FROM outbox").await;
    app.run("INSERT INTO outbox (text) VALUES ('b')").await;
    assert_eq!(waiting_ids(&world).await, [2]);
}

#[tokio::test]
async fn postgres_tells_of_rows_and_the_others_are_asked() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    // Poolers that keep no prepared statements pass on no notifications either.
    let behind_pooler = server().is_some_and(|url| url.contains("prepare=false"));
    if !app.is_postgres() || behind_pooler {
        let hint = timeout(Duration::from_millis(1), world.store.outbox_hint());
        assert!(hint.await.is_err());
        assert!(!world.store.outbox_hints());
        return;
    }
    let told = async || {
        let told = timeout(Duration::from_secs(60), world.store.outbox_hint());
        told.await.expect("told");
    };
    // The first says only that somebody listens now.
    told().await;
    assert!(world.store.outbox_hints());
    app.run("BEGIN").await;
    app.run("INSERT INTO outbox (text) VALUES ('a')").await;
    app.run("INSERT INTO outbox (text) VALUES ('b')").await;
    app.run("COMMIT").await;
    told().await;
    assert_eq!(waiting_ids(&world).await, [1, 2]);
}

/// As an SQL function of PostgreSQL does, on every database.
#[tokio::test]
async fn a_direct_room_gets_the_number_that_was_promised_to_it() {
    let world = World::new().await;
    let [ann, bob, eve] = world.users().await;
    let mut app = App::of(&world.rows).await;
    app.run(&format!(
        "INSERT INTO direct_rooms (low_user_id, high_user_id, room_id)
         VALUES ({ann}, {bob}, 2000000001)"
    ))
    .await;
    let none = world.store.direct_room(ann, bob).await;
    assert_eq!(none.expect("the store answers"), None, "only promised");
    let promised = RoomId(2_000_000_001);
    assert_eq!(world.direct(bob, ann).await, promised);
    assert_eq!(world.direct(ann, bob).await, promised, "made once");
    assert_ne!(world.direct(ann, eve).await, promised);
    assert_eq!(world.say(promised, ann, "tea?").await.seq, Seq(1));
}

/// Rows that were copied here from another database have their numbers already.
#[tokio::test]
async fn numbers_go_on_after_those_of_rows_that_were_copied_here() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    app.run("INSERT INTO outbox (id, text) VALUES (50, 'copied')")
        .await;
    world.another_node().await;
    app.run("INSERT INTO outbox (text) VALUES ('new')").await;
    assert_eq!(waiting_ids(&world).await, [50, 51]);
}

/// What anybody may write into a row moves no counter out of its range.
#[tokio::test]
async fn numbers_that_nobody_can_have_promised_count_for_nothing() {
    let world = World::new().await;
    let mut app = App::of(&world.rows).await;
    for number in [-1, 7, 1 << 53, i64::MAX] {
        app.run(&format!(
            "INSERT INTO outbox (message_id) VALUES ({number})"
        ))
        .await;
    }
    world.another_node().await;
    if !app.is_postgres() {
        return;
    }
    let mut promised = 1_000_000_000_000_001_i64;
    let mut is_next = || {
        let next = format!("SELECT 1 WHERE nextval('outbox_message_numbers') = {promised}");
        promised += 11;
        world.rows.find(vec![("next".to_owned(), next)])[0].1
    };
    assert!(is_next());
    app.run("INSERT INTO outbox (message_id) VALUES (1000000000000011)")
        .await;
    world.another_node().await;
    assert!(is_next());
}
