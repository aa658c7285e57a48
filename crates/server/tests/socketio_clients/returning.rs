//! Connection state recovery as the official JavaScript client uses it
//! (`docs/adr/0009-socketio-recovery.md`, `reliability.md` G8): whoever was cut
//! off goes on where it was, also at a server that was started anew.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tertulia_domain::UserState;
use tertulia_testkit::{SocketIoClient, TestClock, TestServer, TestServerBuilder};

const MINUTE: Duration = Duration::from_secs(60);

fn builder() -> TestServerBuilder {
    TestServer::builder().variable("TERTULIA_TRUST_USER_ID", "true")
}

/// A server over this folder; each start over it has a seed of its own.
async fn server(folder: &Path, seed: u64, clock: &Arc<TestClock>) -> TestServer {
    let builder = builder().data_dir(folder).seed(seed);
    builder.clock(Arc::clone(clock)).spawn().await
}

/// What a client has kept when it is cut off.
struct Kept {
    pid: Value,
    sid: Value,
    offset: String,
}

impl Kept {
    /// What the official client sends when it comes back.
    fn auth(&self) -> Value {
        json!({"pid": self.pid, "offset": self.offset})
    }

    fn is_of(&self, client: &SocketIoClient) -> bool {
        let welcome = client.welcome();
        welcome["pid"] == self.pid && welcome["sid"] == self.sid
    }
}

/// Enters, and waits until the server has said how far it is.
async fn enter(server: &TestServer, user_id: &str) -> SocketIoClient {
    let mut client = server.socketio(user_id, user_id).await;
    client.recv_offset().await;
    client
}

/// Waits for what the server says after the last thing that happened, and goes
/// without a word.
async fn cut_off(mut client: SocketIoClient) -> Kept {
    let offset = client.recv_offset().await;
    let welcome = client.welcome().clone();
    client.vanish();
    Kept {
        pid: welcome["pid"].clone(),
        sid: welcome["sid"].clone(),
        offset,
    }
}

async fn come_back(server: &TestServer, user_id: &str, auth: &Value) -> SocketIoClient {
    let query = format!("user_id={user_id}");
    let mut client = server.socketio_visitor(user_id, &query).await;
    client.enter(auth).await;
    client
}

async fn open_direct(client: &mut SocketIoClient, other: &str) -> String {
    let body = json!({"other_user_id": other});
    let joined = client
        .ask("join_direct_chat", body, "direct_chat_joined")
        .await;
    joined["sala_uuid"].as_str().unwrap().to_owned()
}

fn upred(room: &str, sender: &str, text: &str) -> Value {
    json!({
        "sala_uuid": room, "message": text, "sender_id": sender, "timestamp": "t",
        "type": "directo",
    })
}

fn redup(to: &str, sender: &str, text: &str) -> Value {
    json!({"to": to, "message": text, "sender_id": sender, "timestamp": "t", "type": "text"})
}

/// Sends what comes back to the sender, too, and takes the echo and the answer,
/// whichever comes first.
async fn say(client: &mut SocketIoClient, body: &Value) {
    client.emit("send_message", body).await;
    let both = [client.packet().await, client.packet().await];
    for start in [r#"42["receive_message","#, r#"42["ack",{"status":"sent""#] {
        let is_there = both.iter().any(|packet| packet.starts_with(start));
        assert!(is_there, "no {start} in {both:?}");
    }
}

/// Sends what goes to somebody else alone, and takes the answer.
async fn tell(client: &mut SocketIoClient, body: &Value) {
    client.emit("send_message", body).await;
    assert_eq!(client.expect("ack").await["status"], "sent");
}

/// Issue 3, criterion 4: fifty messages, with a restart in their midst, once and
/// in order; then what happens from then on.
#[tokio::test]
async fn fifty_messages_and_a_restart_later() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::<TestClock>::default();
    let first = server(folder.path(), 1, &clock).await;
    let mut ana = enter(&first, "31").await;
    let mut beto = enter(&first, "58").await;
    let room = open_direct(&mut ana, "58").await;
    open_direct(&mut beto, "31").await;
    say(&mut ana, &upred(&room, "31", "before")).await;
    assert_eq!(beto.expect("receive_message").await["message"], "before");
    let beto = cut_off(beto).await;
    for number in 0..25 {
        say(&mut ana, &upred(&room, "31", &number.to_string())).await;
    }
    ana.vanish();
    first.shutdown().await;

    clock.advance(MINUTE / 2);
    let second = server(folder.path(), 2, &clock).await;
    let mut ana = enter(&second, "31").await;
    open_direct(&mut ana, "58").await;
    for number in 25..50 {
        say(&mut ana, &upred(&room, "31", &number.to_string())).await;
    }
    let mut back = come_back(&second, "58", &beto.auth()).await;
    assert!(beto.is_of(&back), "{}", back.welcome());
    for number in 0..50 {
        let missed = back.expect("receive_message").await;
        assert_eq!(missed["message"], number.to_string());
        // As it would have been told when it happened: to who spoke UPRed.
        assert_eq!(missed["type"], "directo");
        assert!(!missed["enviado_en"].as_str().unwrap().contains('+'));
    }
    // The chat is still open: the echo of one's own goes out, too.
    say(&mut back, &upred(&room, "58", "ya estoy")).await;
    assert_eq!(ana.expect("receive_message").await["message"], "ya estoy");
    say(&mut ana, &upred(&room, "31", "live")).await;
    assert_eq!(back.expect("receive_message").await["message"], "live");
    back.expect_no_reply().await;
    back.finish().await;
    ana.finish().await;
    second.shutdown().await;
}

/// Twice in a row: what was told on the second connection is not told on the
/// third.
#[tokio::test]
async fn coming_back_again_goes_on_from_there() {
    let server = builder().spawn().await;
    let mut ana = enter(&server, "ana").await;
    let mut beto = enter(&server, "beto").await;
    tell(&mut ana, &redup("beto", "ana", "one")).await;
    assert_eq!(beto.expect("receive_message").await["message"], "one");
    let mut kept = cut_off(beto).await;
    for text in ["two", "three"] {
        tell(&mut ana, &redup("beto", "ana", text)).await;
        let mut back = come_back(&server, "beto", &kept.auth()).await;
        assert!(kept.is_of(&back));
        assert_eq!(back.expect("receive_message").await["message"], text);
        back.expect_no_reply().await;
        kept = cut_off(back).await;
    }
    ana.finish().await;
    server.shutdown().await;
}

/// A group that was open is open again, under its name; one that was not open is
/// not told of; and who has come into a chat meanwhile gets all of it.
#[tokio::test]
async fn rooms_are_kept_as_they_were_and_new_ones_are_told_from_their_beginning() {
    let server = builder().spawn().await;
    let mut ana = enter(&server, "ana").await;
    let mut beto = enter(&server, "beto").await;
    for group in ["abierto", "cerrado"] {
        for client in [&mut ana, &mut beto] {
            let body = json!({ "group_id": group });
            client.ask("join_group", body, "group_joined").await;
        }
    }
    let closed = json!({"group_id": "cerrado"});
    beto.ask("leave_group", closed, "group_left").await;
    ana.forget_unread();
    let beto = cut_off(beto).await;
    for (to, text) in [("abierto", "a"), ("cerrado", "b"), ("abierto", "c")] {
        say(&mut ana, &redup(to, "ana", text)).await;
    }
    let mut eva = enter(&server, "eva").await;
    tell(&mut eva, &redup("beto", "eva", "hola")).await;

    let mut back = come_back(&server, "beto", &beto.auth()).await;
    assert!(beto.is_of(&back));
    let mut missed = Vec::new();
    for _ in 0..3 {
        let message = back.expect("receive_message").await["message"].take();
        missed.push(message.as_str().unwrap().to_owned());
    }
    missed.sort();
    assert_eq!(missed, ["a", "c", "hola"]);
    back.expect_no_reply().await;
    let open = json!({"group_id": "abierto"});
    back.ask("leave_group", open, "group_left").await;
    say(&mut ana, &redup("abierto", "ana", "d")).await;
    back.expect_no_reply().await;
    back.finish().await;
    eva.finish().await;
    ana.vanish();
    server.shutdown().await;
}

/// The text is bound to one user and one `pid`, and what is not ours is not
/// believed: such a client begins anew.
#[tokio::test]
async fn whoever_brings_something_else_begins_anew() {
    let server = builder().spawn().await;
    let mut ana = enter(&server, "ana").await;
    let mut beto = enter(&server, "beto").await;
    tell(&mut ana, &redup("beto", "ana", "one")).await;
    beto.expect("receive_message").await;
    let kept = cut_off(beto).await;
    tell(&mut ana, &redup("beto", "ana", "two")).await;

    let mut cut = kept.offset.clone();
    cut.pop();
    let mut altered = kept.offset.clone();
    altered.replace_range(..1, if altered.starts_with('A') { "B" } else { "A" });
    let (pid, offset) = (&kept.pid, &kept.offset);
    for (user_id, auth) in [
        ("eva", kept.auth()),
        ("beto", json!({"pid": "another", "offset": offset})),
        ("beto", json!({"pid": pid})),
        ("beto", json!({"offset": offset})),
        ("beto", json!({"pid": pid, "offset": cut})),
        ("beto", json!({"pid": pid, "offset": altered})),
        ("beto", json!({"pid": pid, "offset": ""})),
        ("beto", json!({"pid": pid, "offset": 7})),
        ("beto", json!({"pid": pid, "offset": "A".repeat(100_000)})),
        ("beto", json!({"pid": "p".repeat(1_000), "offset": offset})),
        ("beto", json!({"pid": [], "offset": offset})),
    ] {
        let mut client = come_back(&server, user_id, &auth).await;
        let welcome = client.welcome();
        assert_ne!(welcome["pid"], kept.pid, "{auth}");
        assert_ne!(welcome["sid"], kept.sid, "{auth}");
        assert!(welcome["pid"].is_string(), "{welcome}");
        client.expect_no_reply().await;
        client.finish().await;
    }
    ana.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_comes_too_late_or_missed_too_much_begins_anew() {
    let server = builder()
        .variable("TERTULIA_RECOVERY_WINDOW", "2m")
        .variable("TERTULIA_LIMIT_RECOVERY_MESSAGES", "3")
        .spawn()
        .await;
    let mut ana = enter(&server, "ana").await;
    let mut beto = enter(&server, "beto").await;
    tell(&mut ana, &redup("beto", "ana", "first")).await;
    beto.expect("receive_message").await;
    let kept = cut_off(beto).await;
    for text in ["1", "2", "3"] {
        tell(&mut ana, &redup("beto", "ana", text)).await;
    }
    let mut back = come_back(&server, "beto", &kept.auth()).await;
    assert!(kept.is_of(&back));
    for text in ["1", "2", "3"] {
        assert_eq!(back.expect("receive_message").await["message"], text);
    }
    back.finish().await;
    tell(&mut ana, &redup("beto", "ana", "4")).await;
    let mut anew = come_back(&server, "beto", &kept.auth()).await;
    assert!(!kept.is_of(&anew), "four are too many");
    anew.expect_no_reply().await;
    let kept = cut_off(anew).await;
    server.advance(2 * MINUTE + Duration::from_secs(1));
    let mut anew = come_back(&server, "beto", &kept.auth()).await;
    assert!(!kept.is_of(&anew), "too late");
    anew.expect_no_reply().await;
    anew.finish().await;
    ana.finish().await;
    server.shutdown().await;
}

/// Membership and the user's state are looked at again.
#[tokio::test]
async fn whoever_was_put_out_begins_anew_and_the_suspended_are_refused() {
    let server = builder().spawn().await;
    let chat = server.chat();
    let mut ana = enter(&server, "ana").await;
    let mut beto = enter(&server, "beto").await;
    let group = json!({"group_id": "lab"});
    ana.ask("join_group", group.clone(), "group_joined").await;
    let joined = beto.ask("join_group", group, "group_joined").await;
    let room = tertulia_domain::RoomId(joined["sala_chat_id"].as_i64().unwrap());
    let kept = cut_off(beto).await;
    let owner = chat.user_named("ana").await.unwrap().unwrap().profile;
    let owner = chat.profile(owner.id).await.unwrap();
    let member = chat.user_named("beto").await.unwrap().unwrap().id();
    chat.remove(&owner, room, member, false).await.unwrap();
    let mut anew = come_back(&server, "beto", &kept.auth()).await;
    assert!(!kept.is_of(&anew));
    anew.expect_no_reply().await;
    let kept = cut_off(anew).await;

    chat.set_user_state(member, UserState::Suspended)
        .await
        .unwrap();
    let mut refused = server.socketio_visitor("beto", "user_id=beto").await;
    refused.send_text(&format!("40{}", kept.auth())).await;
    let rejected = r#"44{"message":"Connection rejected by server"}"#;
    assert_eq!(refused.packet().await, rejected);
    refused.vanish();
    ana.vanish();
    server.shutdown().await;
}

/// With the setting at zero nothing of it is there.
#[tokio::test]
async fn it_can_be_turned_off() {
    let server = builder()
        .variable("TERTULIA_RECOVERY_WINDOW", "0")
        .spawn()
        .await;
    let mut ana = server.socketio("ana", "ana").await;
    assert!(ana.welcome().get("pid").is_none(), "{}", ana.welcome());
    ana.expect_no_reply().await;
    ana.finish().await;
    server.shutdown().await;
}
