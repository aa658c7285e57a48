//! The Engine.IO suite. What it checks before any message, the Socket.IO suite
//! checks too.

use super::*;

#[tokio::test(start_paused = true)]
async fn handshake_polling_successfully_opens_a_session() {
    for server in Server::both() {
        let answer = server.get("EIO=4&transport=polling").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["content-type"], "text/plain; charset=UTF-8");
        let sid = sid(&answer.body);
        assert_eq!(sid.len(), 22);
        assert_eq!(
            answer.body,
            format!(
                r#"0{{"sid":"{sid}","upgrades":["websocket"],"pingTimeout":200,"pingInterval":300,"maxPayload":1000000}}"#
            )
        );
        assert_ne!(server.polling().await.sid, sid);
    }
}

#[tokio::test(start_paused = true)]
async fn handshake_polling_fails_with_an_invalid_eio_query_parameter() {
    for server in Server::both() {
        for query in ["transport=polling", "EIO=abc&transport=polling"] {
            let answer = server.get(query).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn handshake_polling_fails_with_an_invalid_transport_query_parameter() {
    for server in Server::both() {
        for query in ["EIO=4", "EIO=4&transport=abc"] {
            let answer = server.get(query).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn handshake_polling_fails_with_an_invalid_request_method() {
    for server in Server::both() {
        for method in [Method::POST, Method::PUT] {
            let query = "EIO=4&transport=polling";
            let answer = server.ask(method, query, Body::empty()).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn handshake_web_socket_successfully_opens_a_session() {
    assert_eq!(
        EngineSettings::default().open_packet("abc", &[]),
        r#"0{"sid":"abc","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}"#
    );
    for server in Server::both() {
        let mut socket = server.connect("EIO=4&transport=websocket").await;
        let Read::Text(open) = socket.read().await else {
            panic!("the open packet is a text")
        };
        let sid = sid(&open);
        assert_eq!(
            open,
            format!(
                r#"0{{"sid":"{sid}","upgrades":[],"pingTimeout":200,"pingInterval":300,"maxPayload":1000000}}"#
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn handshake_web_socket_fails_with_an_invalid_query_parameter() {
    for server in Server::both() {
        for query in [
            "transport=websocket",
            "EIO=abc&transport=websocket",
            "EIO=4",
            "EIO=4&transport=abc",
            "EIO=4&transport=polling&sid=abc",
        ] {
            let refused = server.try_connect(query).await.err();
            let head = refused.expect("it is no WebSocket");
            assert!(head.starts_with("HTTP/1.1 400 "), "{query}: {head}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn message_polling_sends_and_receives_a_payload_containing_one_plain_text_packet() {
    let client = Server::engine().polling().await;
    let posted = client.post("4hello").await;
    assert_eq!(
        (posted.status, posted.body.as_str()),
        (StatusCode::OK, "ok")
    );
    assert_eq!(posted.headers["content-type"], "text/html");
    client.expect("4hello").await;
}

#[tokio::test(start_paused = true)]
async fn message_polling_sends_and_receives_a_payload_containing_several_plain_text_packets() {
    let client = Server::engine().polling().await;
    client.send("4test1\x1e4test2\x1e4test3").await;
    client.expect("4test1\x1e4test2\x1e4test3").await;
}

#[tokio::test(start_paused = true)]
async fn message_polling_sends_and_receives_a_payload_containing_plain_text_and_binary_packets() {
    let client = Server::engine().polling().await;
    client.send("4hello\x1ebAQIDBA==").await;
    client.expect("4hello\x1ebAQIDBA==").await;
}

#[tokio::test(start_paused = true)]
async fn message_polling_closes_the_session_upon_invalid_packet_format() {
    let client = Server::engine().polling().await;
    let answer = client.post("abc").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    client.expect_unknown().await;
}

#[tokio::test(start_paused = true)]
async fn message_polling_closes_the_session_upon_duplicate_poll_requests() {
    let client = Server::engine().polling().await;
    let first = client.wait().await;
    let second = client.get().await;
    assert_eq!(second.status, StatusCode::BAD_REQUEST);
    let first = first.await.expect("the poll is answered");
    assert_eq!((first.status, first.body.as_str()), (StatusCode::OK, "1"));
    client.expect_unknown().await;
}

#[tokio::test(start_paused = true)]
async fn message_web_socket_sends_and_receives_a_plain_text_packet() {
    let mut socket = Server::engine().web_socket().await;
    socket.send("4hello").await;
    assert_eq!(socket.read().await, text("4hello"));
}

#[tokio::test(start_paused = true)]
async fn message_web_socket_sends_and_receives_a_binary_packet() {
    let mut socket = Server::engine().web_socket().await;
    socket.send_binary(&[1, 2, 3, 4]).await;
    assert_eq!(socket.read().await, Read::Binary(vec![1, 2, 3, 4]));
    socket.send("bAQIDBA==").await;
    assert_eq!(socket.read().await, Read::Binary(vec![1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn message_web_socket_closes_the_session_upon_invalid_packet_format() {
    let mut socket = Server::engine().web_socket().await;
    socket.send("abc").await;
    socket.expect_close(parse_error()).await;
}

#[tokio::test(start_paused = true)]
async fn packets_that_mean_nothing_here_are_passed_over() {
    let server = Server::engine();
    let mut socket = server.web_socket().await;
    let polling = server.polling().await;
    for packet in ["0{}", "3", "3probe", "5", "6", "4still here"] {
        socket.send(packet).await;
        polling.send(packet).await;
    }
    assert_eq!(socket.read().await, text("4still here"));
    polling.expect("4still here").await;
}

#[tokio::test(start_paused = true)]
async fn heartbeat_polling_sends_ping_pong_packets() {
    for server in Server::both() {
        let client = server.polling().await;
        let start = Instant::now();
        for round in 1..=3 {
            client.expect("2").await;
            let elapsed = start.elapsed().as_millis();
            assert!((round * 300 - 30..=round * 300).contains(&elapsed));
            client.send("3").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeat_polling_closes_the_session_upon_ping_timeout() {
    for server in Server::both() {
        let client = server.polling().await;
        sleep(Duration::from_millis(500)).await;
        client.expect_unknown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeat_web_socket_sends_ping_pong_packets() {
    for server in Server::both() {
        let mut socket = server.web_socket().await;
        let start = Instant::now();
        for round in 1..=3 {
            assert_eq!(socket.read().await, text("2"));
            assert_eq!(start.elapsed().as_millis() / 10, round * 30);
            socket.send("3").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeat_web_socket_closes_the_session_upon_ping_timeout() {
    for server in Server::both() {
        let mut socket = server.web_socket().await;
        let start = Instant::now();
        assert_eq!(socket.read().await, text("2"));
        socket.expect_close(no_pong()).await;
        assert_eq!(start.elapsed().as_millis() / 10, 50);
    }
}

#[tokio::test(start_paused = true)]
async fn close_polling_forcefully_closes_the_session() {
    for server in Server::both() {
        let client = server.polling().await;
        let poll = client.wait().await;
        client.send("1").await;
        let poll = poll.await.expect("the poll is answered");
        assert_eq!((poll.status, poll.body.as_str()), (StatusCode::OK, "6"));
        client.expect_unknown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn close_web_socket_forcefully_closes_the_session() {
    for server in Server::both() {
        let mut socket = server.web_socket().await;
        socket.send("1").await;
        socket.expect_close(Read::Close(1000, String::new())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn upgrade_successfully_upgrades_from_polling_to_web_socket() {
    for server in Server::both() {
        let client = server.polling().await;
        let mut socket = client.socket().await;
        socket.send("2probe").await;
        assert_eq!(socket.read().await, text("3probe"));
        client.expect("6").await;
        socket.send("5").await;
        assert_eq!(socket.read().await, text("2"), "the heartbeat goes on");
    }
    let mut socket = Server::engine().polling().await.upgrade().await;
    socket.send("4hello").await;
    assert_eq!(socket.read().await, text("4hello"));
}

#[tokio::test(start_paused = true)]
async fn upgrade_ignores_http_requests_with_same_sid_after_upgrade() {
    for server in Server::both() {
        let client = server.polling().await;
        let mut socket = client.socket().await;
        socket.send("2probe").await;
        socket.send("5").await;
        for answer in [client.get().await, client.post("4x").await] {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(answer.body, r#"{"code":3,"message":"Bad request"}"#);
        }
        assert_eq!(socket.read().await, text("3probe"));
        assert_eq!(socket.read().await, text("2"));
    }
}

#[tokio::test(start_paused = true)]
async fn upgrade_ignores_web_socket_connection_with_same_sid_after_upgrade() {
    let client = Server::engine().polling().await;
    let mut socket = client.upgrade().await;
    let other = client.socket().await;
    let reason = "the session has another transport".to_owned();
    other.expect_close(Read::Close(1008, reason)).await;
    socket.send("4hello").await;
    assert_eq!(socket.read().await, text("4hello"));
}
