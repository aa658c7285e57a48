//! `kill -9` in the middle of 8 concurrent senders, ten times over, then a start
//! on the same data (`reliability.md` G1 to G7).

use futures_util::future::join_all;
use tertulia_testkit::checker::{Outcome, Send, check, check_reader};
use tertulia_testkit::{Sender, ServerProcess, V1Account};
use tokio::sync::watch;

use crate::{Journal, make_room, program, register};

const KILLS: usize = 10;
const SENDERS: usize = 8;
/// More than a sender can have confirmed before the kill.
const MESSAGES: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_confirmed_message_is_lost_doubled_or_moved_by_ten_kills() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&folder.path().join("data"));
    let mut server = program.spawn().await;
    let people = register(&server, SENDERS).await;
    let room = make_room(&server, &people).await;
    let mut journal = Journal::default();
    for round in 0..KILLS {
        let unanswered = send_and_kill(&mut server, &people, &room, round, &mut journal).await;
        server = program.spawn().await;
        retry(&server, &people, &room, &unanswered, &mut journal).await;
    }

    let history = server
        .http()
        .bearer(&people[0].token)
        .v1_history(&room)
        .await;
    assert_eq!(check(&journal.sends, &history), []);
    for told in &journal.told {
        assert_eq!(check_reader(told, &history), []);
    }
    let answered = |send: &Send| matches!(send.outcome, Outcome::Acked { .. });
    let cut_off = journal.sends.iter().filter(|it| !answered(it)).count();
    let (sends, stored) = (journal.sends.len(), history.len());
    println!("{sends} sends, {cut_off} of them cut off by a kill; {stored} messages");
    assert!(
        cut_off >= KILLS,
        "only {cut_off} sends were in progress at a kill"
    );
    server.kill().await;
}

/// All send at once until the server is killed, some time after it has confirmed
/// a number of messages that differs from round to round. Gives the sends that
/// got no answer, by sender.
async fn send_and_kill(
    server: &mut ServerProcess,
    people: &[V1Account],
    room: &str,
    round: usize,
    journal: &mut Journal,
) -> Vec<Vec<String>> {
    let (acked, mut confirmed) = watch::channel(0);
    let mut senders = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let socket = server.v1_socket(&person.id, &person.token).await;
        let sender = Sender::new(socket, room);
        let acked = acked.clone();
        let client_ids = (0..MESSAGES).map(move |message| format!("{number}-{round}-{message}"));
        senders.push(tokio::spawn(
            async move { sender.run(client_ids, &acked).await },
        ));
    }
    let enough = 40 + 37 * round;
    confirmed.wait_for(|count| *count >= enough).await.unwrap();
    server.kill().await;

    let mut unanswered = Vec::new();
    for seen in join_all(senders).await {
        let seen = seen.unwrap();
        assert!(seen.closed.is_some(), "the server outlived a sender");
        let open = |send: &&Send| send.outcome == Outcome::Unanswered;
        let ids = seen.sends.iter().filter(open);
        unanswered.push(ids.map(|send| send.client_id.clone()).collect());
        journal.sends.extend(seen.sends);
        journal.told.push(seen.told);
    }
    unanswered
}

/// Everybody sends again what got no answer, and something that did: the first
/// result must come back.
async fn retry(
    server: &ServerProcess,
    people: &[V1Account],
    room: &str,
    unanswered: &[Vec<String>],
    journal: &mut Journal,
) {
    let (acked, _) = watch::channel(0);
    for (number, (person, ids)) in people.iter().zip(unanswered).enumerate() {
        let own = format!("{number}-");
        let answered = journal.sends.iter().filter(|send| {
            send.client_id.starts_with(&own) && matches!(send.outcome, Outcome::Acked { .. })
        });
        let answered = answered.map(|send| send.client_id.clone()).take(3);
        let again: Vec<String> = ids.iter().cloned().chain(answered).collect();
        let socket = server.v1_socket(&person.id, &person.token).await;
        let seen = Sender::new(socket, room).run(again, &acked).await;
        let confirmed = |send: &Send| matches!(send.outcome, Outcome::Acked { .. });
        assert!(seen.sends.iter().all(confirmed), "{:?}", seen.sends);
        journal.sends.extend(seen.sends);
        journal.told.push(seen.told);
    }
}
