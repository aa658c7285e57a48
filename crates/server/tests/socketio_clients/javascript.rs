//! The official client, `socket.io-client` 4.x of npm.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tertulia_testkit::{SocketIoClient, TestClock, TestServer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::programs::{PROOFS, Stage, TRANSPORTS, goes_through, provided, script, url};

/// The folder with the installed library.
const INSTALLED: &str = "TERTULIA_TEST_JAVASCRIPT";

fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(script(&format!("javascript/{name}")));
    command.kill_on_drop(true);
    command
}

/// contracts/upred.md §7, over every transport.
#[tokio::test]
async fn upreds_example_session_in_javascript() {
    if provided(INSTALLED).is_none() {
        return;
    }
    for proof in PROOFS {
        for transport in TRANSPORTS {
            let stage = Stage::new(proof, ["31", "58"]).await;
            let mut program = node("upred.mjs");
            program.args([&*url(&stage.server), transport]);
            program.args(stage.arguments()).arg(&stage.group);
            goes_through(&mut program, &format!("{proof:?}, {transport}")).await;
            stage.server.shutdown().await;
        }
    }
}

/// contracts/redup.md §7, over every transport.
#[tokio::test]
async fn redups_example_session_in_javascript() {
    if provided(INSTALLED).is_none() {
        return;
    }
    for proof in PROOFS {
        for transport in TRANSPORTS {
            let stage = Stage::new(proof, ["ana", "beto"]).await;
            let mut program = node("redup.mjs");
            program.args([&*url(&stage.server), transport]);
            program.args(stage.arguments());
            goes_through(&mut program, &format!("{proof:?}, {transport}")).await;
            stage.server.shutdown().await;
        }
    }
}

/// The program at the other end of two pipes.
struct Far {
    child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Far {
    fn new(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        Self {
            orders: child.stdin.take().unwrap(),
            said: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    async fn says(&mut self, expected: &str) {
        let line = tokio::time::timeout(Duration::from_secs(60), self.said.next_line()).await;
        let line = line.expect("it says something in time").unwrap();
        assert_eq!(line.as_deref(), Some(expected));
    }

    async fn order(&mut self, what: &str) {
        let line = format!("{what}\n");
        self.orders.write_all(line.as_bytes()).await.unwrap();
    }
}

async fn say(client: &mut SocketIoClient, room: &str, text: &str) {
    let body = json!({
        "sala_uuid": room, "message": text, "sender_id": "31", "timestamp": "t",
        "type": "directo",
    });
    client.emit("send_message", &body).await;
    // The echo and the answer, whichever comes first.
    client.packet().await;
    client.packet().await;
}

/// Issue 3, criterion 4, as the app sees it: `socket.recovered` is true, and all
/// fifty messages come once and in order, although the server is another one.
#[tokio::test]
async fn the_official_client_goes_on_at_a_server_started_anew() {
    if provided(INSTALLED).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::<TestClock>::default();
    // The client knows one address: the second server takes the first one's.
    let start = |seed, listen: String| {
        TestServer::builder()
            .variable("TERTULIA_TRUST_USER_ID", "true")
            .data_dir(folder.path())
            .seed(seed)
            .clock(Arc::clone(&clock))
            .settings(move |settings| {
                settings.network.listen = vec![listen.parse().unwrap()];
            })
            .spawn()
    };
    let first = start(1, "127.0.0.1:0".to_owned()).await;
    let address = first.address();
    let mut ana = first.socketio("A", "31").await;
    let mut far = Far::new(node("recovery.mjs").args([&*url(&first), "58", "31"]));
    far.says("open").await;
    let other = json!({"other_user_id": "58"});
    let joined = ana
        .ask("join_direct_chat", other, "direct_chat_joined")
        .await;
    let room = joined["sala_uuid"].as_str().unwrap().to_owned();
    far.order("first").await;
    say(&mut ana, &room, "first").await;
    far.says("cut off").await;
    for number in 0..25 {
        say(&mut ana, &room, &number.to_string()).await;
    }
    ana.vanish();
    first.shutdown().await;
    clock.advance(Duration::from_secs(30));

    let second = start(2, address.to_string()).await;
    let mut ana = second.socketio("A", "31").await;
    let other = json!({"other_user_id": "58"});
    ana.ask("join_direct_chat", other, "direct_chat_joined")
        .await;
    for number in 25..50 {
        say(&mut ana, &room, &number.to_string()).await;
    }
    far.order("return").await;
    far.says("back").await;
    far.order("last").await;
    say(&mut ana, &room, "last").await;
    far.says("as in the contract").await;
    assert!(far.child.wait().await.unwrap().success());
    ana.finish().await;
    second.shutdown().await;
}
