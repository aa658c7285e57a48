//! A client that comes back: what it missed, then what happens, without a hole
//! and without a repeat (G7, G8).

use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::client::Client;
use crate::world::World;

fn seqs(frames: &[Value]) -> Vec<i64> {
    let messages = frames.iter().filter(|frame| frame["ev"] == "message");
    messages
        .map(|frame| frame["seq"].as_i64().expect("a number"))
        .collect()
}

fn names(frames: &[Value]) -> Vec<&str> {
    frames
        .iter()
        .map(|frame| frame["ev"].as_str().expect("a word"))
        .collect()
}

#[tokio::test]
async fn what_was_missed_comes_before_live() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let mut writer = world.live("W", &ines).await;
    let first = writer
        .done(json!({"op": "send", "room_id": room, "text": "uno"}))
        .await;
    writer.event("message").await;
    let cursor = json!({&room: world.place(&luis, &room).await});
    for text in ["dos", "tres"] {
        writer
            .done(json!({"op": "send", "room_id": room, "text": text}))
            .await;
    }
    let message = |op: &str| json!({"op": op, "room_id": room, "id": first["id"]});
    let mut edit = message("edit");
    edit["text"] = json!("UNO");
    let mut react = message("react");
    react["emoji"] = json!("👍");
    react["on"] = json!(true);
    for op in [
        edit,
        react,
        json!({"op": "receipt", "room_id": room, "read": 3}),
    ] {
        writer.done(op).await;
    }

    let (mut client, missed) = world.returning("A", &luis, Some(&cursor)).await;
    assert_eq!(
        names(&missed),
        [
            "message",
            "message",
            "message.edited",
            "reaction",
            "receipt"
        ]
    );
    assert_eq!(seqs(&missed), [2, 3]);
    let places: Vec<_> = missed
        .iter()
        .map(|frame| (frame["seq"].as_i64(), frame["revision"].as_i64()))
        .collect();
    let at = |seq, revision| (Some(seq), Some(revision));
    assert_eq!(places, [at(2, 1), at(3, 1), at(3, 2), at(3, 3), at(3, 4)]);
    assert_eq!(missed[2]["message"]["text"], "UNO");

    // From where it ends it goes on.
    writer.until("receipt").await;
    writer
        .done(json!({"op": "send", "room_id": room, "text": "cuatro"}))
        .await;
    assert_eq!(client.event("message").await["seq"], 4);
    client.nothing_else().await;
    writer.vanish();
    world.end([client]).await;
}

/// A message that is told includes what became of it. No event says so: where the
/// client stands, it knows from `ready`, and from there it misses nothing.
#[tokio::test]
async fn a_message_that_was_missed_comes_as_it_is_now() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let cursor = json!({&room: world.place(&luis, &room).await});
    let mut writer = world.live("W", &ines).await;
    let said = writer
        .done(json!({"op": "send", "room_id": room, "text": "uno"}))
        .await;
    let id = &said["id"];
    writer
        .done(json!({"op": "edit", "room_id": room, "id": id, "text": "dos"}))
        .await;
    let react = json!({"op": "react", "room_id": room, "id": id, "emoji": "👍", "on": true});
    writer.done(react).await;
    let gone = writer
        .done(json!({"op": "send", "room_id": room, "text": "ay"}))
        .await;
    writer
        .done(json!({"op": "delete", "room_id": room, "id": gone["id"]}))
        .await;

    let mut client = world.socket("A").await;
    let (ready, missed) = client.auth(&luis.token, Some(&cursor)).await;
    assert_eq!(names(&missed), ["message", "message"]);
    assert_eq!(missed[1]["revision"], cursor[&room][1]);
    assert_eq!(ready["cursor"][&room], world.place(&luis, &room).await);
    let (again, missed_again) = world.returning("B", &luis, Some(&ready["cursor"])).await;
    assert!(missed_again.is_empty(), "{missed_again:?}");
    assert_eq!(missed[0]["message"]["text"], "dos");
    assert_eq!(missed[0]["message"]["reactions"][0]["emoji"], "👍");
    assert_eq!(missed[1]["message"]["text"], "");
    assert!(missed[1]["message"]["deleted_at"].is_string());
    writer.vanish();
    world.end([client, again]).await;
}

#[tokio::test]
async fn a_room_that_the_cursor_does_not_name_starts_where_it_stands() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let (here, there) = (
        world.group(&[&ines, &luis]).await,
        world.group(&[&ines, &luis]).await,
    );
    for room in [&here, &there] {
        world.say(&ines, room, "uno").await;
    }
    let cursor = json!({&here: [0, 0]});
    let (mut client, missed) = world.returning("A", &luis, Some(&cursor)).await;
    assert!(
        missed.iter().all(|frame| frame["room_id"] == *here),
        "{missed:?}"
    );
    assert_eq!(names(&missed), ["message", "room"]);
    world.say(&ines, &there, "dos").await;
    let told = client.event("message").await;
    assert_eq!((&told["room_id"], &told["seq"]), (&json!(there), &json!(2)));
    client.nothing_else().await;
    world.end([client]).await;
}

/// Where nothing was missed, and where a client claims more than there is (the
/// database came back from a backup), nothing is told again.
#[tokio::test]
async fn a_cursor_at_the_head_or_beyond_it_misses_nothing() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let room = world.group(&[&ines]).await;
    world.say(&ines, &room, "uno").await;
    for place in [
        world.place(&ines, &room).await,
        json!([99, 99]),
        json!([99, 0]),
    ] {
        let cursor = json!({&room: place});
        let (mut client, missed) = world.returning("A", &ines, Some(&cursor)).await;
        assert_eq!(seqs(&missed), [0i64; 0], "{cursor}");
        let said = world.say(&ines, &room, "otro").await;
        assert_eq!(
            client.event("message").await["seq"],
            said["seq"],
            "{cursor}"
        );
        client.nothing_else().await;
        client.finish().await;
    }
    world.end([]).await;
}

/// Pages of 100, and a socket that takes them at its own pace.
#[tokio::test]
async fn many_messages_come_page_by_page() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let mut writer = world.live("W", &ines).await;
    let text = "a".repeat(2_000);
    for _ in 0..240 {
        writer
            .ask(json!({"op": "send", "room_id": room, "text": text}))
            .await;
    }
    writer.answers_and("message", 240).await;
    let cursor = json!({&room: [5, 1]});
    let (mut client, missed) = world.returning("A", &luis, Some(&cursor)).await;
    assert_eq!(seqs(&missed), (6..=240).collect::<Vec<_>>());
    client.nothing_else().await;
    writer.vanish();
    world.end([client]).await;
}

/// Nothing is believed of what a cursor claims beyond the head.
#[tokio::test]
async fn a_revision_beyond_the_head_makes_no_message_come_twice() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    for _ in 0..130 {
        world.say(&ines, &room, "hola").await;
    }
    let cursor = json!({&room: [5, 1_000]});
    let (mut client, missed) = world.returning("A", &luis, Some(&cursor)).await;
    assert_eq!(seqs(&missed), (6..=130).collect::<Vec<_>>());
    client.nothing_else().await;
    world.end([client]).await;
}

#[tokio::test]
async fn rooms_in_which_too_much_was_missed_are_named() {
    let builder = TestServer::builder().settings(|settings| {
        settings.limits.recovery_messages = 5;
    });
    let world = World::with(builder).await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let rooms = [
        world.group(&[&ines, &luis]).await,
        world.group(&[&ines, &luis]).await,
    ];
    for (room, count) in rooms.iter().zip([5, 6]) {
        for _ in 0..count {
            world.say(&ines, room, "hola").await;
        }
    }
    let cursor = json!({&rooms[0]: [0, 1], &rooms[1]: [0, 1], "999": [3, 3]});
    let (mut client, missed) = world.returning("A", &luis, Some(&cursor)).await;
    assert_eq!(
        missed[0],
        json!({"ev": "resync", "room_ids": [rooms[1], "999"]})
    );
    assert_eq!(seqs(&missed), [1, 2, 3, 4, 5]);
    // A room to be fetched goes on from where it stands.
    world.say(&ines, &rooms[1], "siete").await;
    assert_eq!(client.event("message").await["seq"], 7);
    client.nothing_else().await;
    world.end([client]).await;
}

/// G9: whoever may no longer read a room is told nothing of it.
#[tokio::test]
async fn a_room_that_one_left_meanwhile_is_named() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let cursor = json!({&room: world.place(&luis, &room).await});
    world.say(&ines, &room, "uno").await;
    world.remove(&ines, &room, &luis).await;
    let (mut client, missed) = world.returning("A", &luis, Some(&cursor)).await;
    assert_eq!(missed, [json!({"ev": "resync", "room_ids": [room]})]);
    world.say(&ines, &room, "dos").await;
    client.nothing_else().await;
    world.end([client]).await;
}

/// `resume` tells what came before the connection's own events of the room.
#[tokio::test]
async fn resume_tells_what_was_missed_on_an_open_connection() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    for _ in 0..130 {
        world.say(&ines, &room, "hola").await;
    }
    let mut client = world.live("A", &luis).await;
    let resume = json!({"op": "resume", "cursor": {&room: [10, 1]}});
    let reference = client.ask(resume.clone()).await;
    let missed = until_answer(&mut client, &reference).await;
    assert_eq!(seqs(&missed), (11..=130).collect::<Vec<_>>());
    assert_eq!(missed.len(), 120);

    // Asked again, nothing is left; asked from further back, only what is older.
    assert_eq!(resumed(&mut client, &resume).await, [0i64; 0]);
    let further = json!({"op": "resume", "cursor": {&room: [7, 1]}});
    assert_eq!(resumed(&mut client, &further).await, [8, 9, 10]);
    client.nothing_else().await;
    world.end([client]).await;
}

/// G7: what came live is not told again, whatever the cursor says.
#[tokio::test]
async fn resume_repeats_nothing_that_came_live() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    world.say(&ines, &room, "uno").await;
    let mut client = world.live("A", &luis).await;
    let mut writer = world.live("W", &ines).await;
    client.event("presence").await;
    for _ in 0..150 {
        writer
            .done(json!({"op": "send", "room_id": room, "text": "hola"}))
            .await;
    }
    let resume = json!({"op": "resume", "cursor": {&room: [0, 0]}});
    let reference = client.ask(resume).await;
    let told = until_answer(&mut client, &reference).await;
    let mut seqs = seqs(&told);
    // The older message may come between the others, which were on their way.
    seqs.sort_unstable();
    let mut rest = client.take("message", 151 - seqs.len()).await;
    seqs.append(&mut rest);
    assert_eq!(seqs, (1..=151).collect::<Vec<_>>());
    client.nothing_else().await;
    writer.vanish();
    world.end([client]).await;
}

#[tokio::test]
async fn resume_names_rooms_that_one_may_not_read_or_that_have_too_much() {
    let builder = TestServer::builder().settings(|settings| {
        settings.limits.recovery_messages = 5;
    });
    let world = World::with(builder).await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let (full, foreign) = (
        world.group(&[&ines, &luis]).await,
        world.group(&[&ines]).await,
    );
    for _ in 0..6 {
        world.say(&ines, &full, "hola").await;
    }
    let mut client = world.live("A", &luis).await;
    let cursor = json!({&full: [0, 1], &foreign: [0, 0], "999": [0, 0]});
    client.done(json!({"op": "resume", "cursor": cursor})).await;
    let resync = client.event("resync").await;
    assert_eq!(resync["room_ids"], json!([full, foreign, "999"]));
    world.say(&ines, &full, "siete").await;
    assert_eq!(client.event("message").await["seq"], 7);
    client.nothing_else().await;
    world.end([client]).await;
}

/// A member who joined on an open connection asks for the history by `resume`,
/// piece by piece; and again after leaving and coming back.
#[tokio::test]
async fn resume_reaches_back_before_one_joined() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines]).await;
    for _ in 0..3 {
        world.say(&ines, &room, "antes").await;
    }
    let mut client = world.live("A", &luis).await;
    world.admit(&ines, &room, &luis).await;
    client.event("member").await;
    world.say(&ines, &room, "cuatro").await;
    client.event("message").await;
    let resume = |seq: i64| json!({"op": "resume", "cursor": {&room: [seq, 1]}});
    for (from, told) in [
        (2, vec![3]),
        (2, vec![]),
        (0, vec![1, 2]),
        (1, vec![]),
        (4, vec![]),
    ] {
        assert_eq!(
            resumed(&mut client, &resume(from)).await,
            told,
            "from {from}"
        );
    }

    world.remove(&ines, &room, &luis).await;
    client.event("member").await;
    world.say(&ines, &room, "cinco").await;
    world.admit(&ines, &room, &luis).await;
    client.event("member").await;
    for (from, told) in [(4, vec![5]), (4, vec![]), (5, vec![])] {
        assert_eq!(
            resumed(&mut client, &resume(from)).await,
            told,
            "from {from}"
        );
    }
    client.nothing_else().await;
    world.end([client]).await;
}

/// Everything that comes before the answer.
async fn until_answer(client: &mut Client, reference: &str) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        let frame = client.recv().await;
        if frame["ref"] == reference {
            assert_eq!(frame["ev"], "ok", "{frame}");
            return frames;
        }
        frames.push(frame);
    }
}

/// The messages that a `resume` tells.
async fn resumed(client: &mut Client, resume: &Value) -> Vec<i64> {
    let reference = client.ask(resume.clone()).await;
    seqs(&until_answer(client, &reference).await)
}
