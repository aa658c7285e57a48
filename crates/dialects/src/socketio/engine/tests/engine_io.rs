//! The Engine.IO suite.

use super::*;

#[test]
fn handshake_web_socket_successfully_opens_a_session() {
    assert_eq!(
        EngineSettings::default().open_packet("abc", &[]),
        r#"0{"sid":"abc","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}"#
    );
    assert_eq!(
        SETTINGS.open_packet("abc", &["websocket"]),
        r#"0{"sid":"abc","upgrades":["websocket"],"pingTimeout":200,"pingInterval":300,"maxPayload":1000000}"#
    );
    let (one, other) = (new_sid(), new_sid());
    assert_ne!(one, other);
    assert_eq!(one.len(), 22);
}

#[tokio::test(start_paused = true)]
async fn message_web_socket_sends_and_receives_a_plain_text_packet() {
    let mut client = Client::of_engine();
    client.send("4hello").await;
    assert_eq!(client.read().await, text("4hello"));
}

#[tokio::test(start_paused = true)]
async fn message_web_socket_sends_and_receives_a_binary_packet() {
    let mut client = Client::of_engine();
    client.send_binary(&[1, 2, 3, 4]).await;
    assert_eq!(client.read().await, Read::Binary(vec![1, 2, 3, 4]));
    client.send("bAQIDBA==").await;
    assert_eq!(client.read().await, Read::Binary(vec![1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn message_web_socket_closes_the_session_upon_invalid_packet_format() {
    for packet in ["abc", "", "7", "b!", "2", "2probe"] {
        let mut client = Client::of_engine();
        client.send(packet).await;
        client.expect_close(parse_error()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn packets_that_mean_nothing_here_are_passed_over() {
    let mut client = Client::of_engine();
    for packet in ["0{}", "3", "3probe", "5", "6", "4still here"] {
        client.send(packet).await;
    }
    assert_eq!(client.read().await, text("4still here"));
}

#[tokio::test(start_paused = true)]
async fn heartbeat_web_socket_sends_ping_pong_packets() {
    let mut client = Client::of_engine();
    let start = Instant::now();
    for round in 1..=3 {
        assert_eq!(client.read().await, text("2"));
        assert_eq!(start.elapsed().as_millis() / 10, round * 30);
        client.send("3").await;
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeat_web_socket_closes_the_session_upon_ping_timeout() {
    let mut client = Client::of_engine();
    let start = Instant::now();
    assert_eq!(client.read().await, text("2"));
    client.expect_close(no_pong()).await;
    assert_eq!(start.elapsed().as_millis() / 10, 50);
}

#[tokio::test(start_paused = true)]
async fn close_web_socket_forcefully_closes_the_session() {
    let mut client = Client::of_engine();
    client.send("1").await;
    client.expect_close(Read::Close(1000, String::new())).await;
}
