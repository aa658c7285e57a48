//! What breaks a protocol ends the connection that sent it, with the right code,
//! and no other (`reliability.md` §3).

use super::*;

/// Somebody else on the same server, who must not notice anything.
struct Bystanders {
    socket: WebSocket,
    polling: Poller,
}

impl Bystanders {
    async fn of(server: &Server) -> Self {
        Self {
            socket: server.web_socket().await,
            polling: server.polling().await,
        }
    }

    async fn expect_peace(&mut self) {
        self.socket.send("4peace").await;
        assert_eq!(self.socket.read().await, text("4peace"));
        self.polling.send("4peace").await;
        self.polling.expect("4peace").await;
    }
}

fn server() -> Server {
    Server::engine_with(TransportSettings {
        ping_interval: Duration::from_secs(3600),
        ..echo::settings()
    })
}

/// RFC 6455, beneath Engine.IO.
#[tokio::test(start_paused = true)]
async fn frames_that_break_rfc_6455() {
    let server = server();
    let mut bystanders = Bystanders::of(&server).await;
    let masked = client_frame;
    let long_control = masked(0x89, &[0; 126]);
    let cases: [(&str, Vec<u8>, u16); 11] = [
        ("unmasked", vec![0x81, 2, b'4', b'a'], 1002),
        ("a reserved bit", masked(0xC1, b"4a"), 1002),
        ("a reserved opcode", masked(0x83, b"4a"), 1002),
        ("a reserved control opcode", masked(0x8B, b""), 1002),
        ("a fragmented control frame", masked(0x09, b""), 1002),
        ("a long control frame", long_control, 1002),
        ("a continuation of nothing", masked(0x80, b"4a"), 1002),
        ("a bad close code", masked(0x88, &[0x03, 0xED]), 1002),
        ("half a close code", masked(0x88, &[0x03]), 1002),
        ("text that is not UTF-8", masked(0x81, &[b'4', 0xFF]), 1007),
        (
            "a close reason that is not UTF-8",
            masked(0x88, &[0x03, 0xE8, 0xFF]),
            1007,
        ),
    ];
    for (what, bytes, code) in cases {
        let mut socket = server.web_socket().await;
        socket.send_bytes(&bytes).await;
        assert!(
            matches!(socket.read().await, Read::Close(said, _) if said == code),
            "{what}"
        );
        bystanders.expect_peace().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_max_payload() {
    let server = Server::engine_with(TransportSettings {
        socketio_bytes: 1_000,
        ..echo::settings()
    });
    let mut socket = server.web_socket().await;
    socket.send(&"4".repeat(1_000)).await;
    assert_eq!(socket.read().await, text(&"4".repeat(1_000)));
    socket.send(&"4".repeat(1_001)).await;
    let reason = "message is too big".to_owned();
    socket.expect_close(Read::Close(1009, reason)).await;
}

/// Engine.IO packets.
#[tokio::test(start_paused = true)]
async fn packets_that_are_none() {
    let server = server();
    let mut bystanders = Bystanders::of(&server).await;
    for packet in ["abc", "", "7", "9", "ñ", " 4a", "b!", "bA", "2", "2probe"] {
        let mut socket = server.web_socket().await;
        socket.send(packet).await;
        socket.expect_close(parse_error()).await;

        let client = server.polling().await;
        let poll = client.wait().await;
        let answer = client.post(packet.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{packet:?}");
        assert_eq!(answer.body, r#"{"code":3,"message":"Bad request"}"#);
        assert_eq!(poll.await.expect("it is answered").body, "1");
        client.expect_unknown().await;
        bystanders.expect_peace().await;
    }
}

/// Polling bodies of which one packet is none: all or nothing.
#[tokio::test(start_paused = true)]
async fn bodies_that_are_none() {
    let server = server();
    let mut bystanders = Bystanders::of(&server).await;
    let bodies: [&[u8]; 6] = [
        b"4a\x1e",
        b"\x1e4a",
        b"4a\x1e\x1e4b",
        b"4a\x1e4b\x1eabc",
        b"4\xFF",
        b"4a\x1eb***",
    ];
    for body in bodies {
        let client = server.polling().await;
        let answer = client.post(body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:?}");
        client.expect_unknown().await;
        bystanders.expect_peace().await;
    }
}

/// Socket.IO packets, over both transports.
#[tokio::test(start_paused = true)]
async fn socket_io_packets_that_are_none() {
    let deep = format!("42[\"message\",{}{}]", "[".repeat(40), "]".repeat(40));
    let cases = [
        "4",
        "4abc",
        "47",
        "42",
        "42{}",
        "42[]",
        "42[null]",
        "42[\"connect\"]",
        "42[\"message\"",
        "42abc[\"message\"]",
        "4299999999999999999999[\"message\"]",
        "43[1]",
        "431{}",
        "40[]",
        "40\"text\"",
        "41{}",
        "44{\"message\":\"no\"}",
        "42/other,[\"message\"]",
        "40",
        "451-[\"message\",{\"_placeholder\":true,\"num\":1}]",
        "4511-[\"message\"]",
        "45-[\"message\"]",
        "45x-[\"message\"]",
        "452[\"message\"]",
        "461-[]",
        "bAQID",
        &deep,
    ];
    for packet in cases {
        let mut socket = Server::connected().await;
        socket.send(packet).await;
        socket.expect_close(parse_error()).await;

        let client = Server::socket().polling().await;
        client.send("40").await;
        assert!(client.get().await.body.starts_with("40{"));
        client.expect(r#"42["auth",{}]"#).await;
        client.send(packet).await;
        client.expect("1").await;
        client.expect_unknown().await;
    }
}

/// A packet whose attachments do not come as announced.
#[tokio::test(start_paused = true)]
async fn attachments_that_do_not_come() {
    let announced = r#"451-["message",{"_placeholder":true,"num":0}]"#;
    let mut socket = Server::connected().await;
    socket.send(announced).await;
    socket.send(r#"42["message"]"#).await;
    socket.expect_close(parse_error()).await;

    let client = Server::socket().polling().await;
    client.send("40").await;
    assert!(client.get().await.body.starts_with("40{"));
    client.expect(r#"42["auth",{}]"#).await;
    client.send(&format!("{announced}\x1ebAQID")).await;
    let back = r#"451-["message-back",{"_placeholder":true,"num":0}]"#;
    client.expect(&format!("{back}\x1ebAQID")).await;
    client.send(&format!("{announced}\x1e{announced}")).await;
    client.expect("1").await;
}

/// Bad application text is the application's affair: the connection lives on.
#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_knows_costs_nothing() {
    let mut socket = Server::connected().await;
    socket.send(r#"42["no such event",{"x":null}]"#).await;
    socket.send(r#"42["message"]"#).await;
    assert_eq!(socket.read().await, text(r#"42["message-back"]"#));
}
