//! The Socket.IO suite, beyond what the Engine.IO suite checks too.

use super::*;

/// Reads the packet that lets a client into a namespace.
async fn read_welcome(client: &mut WebSocket, start: &str) {
    let Read::Text(welcome) = client.read().await else {
        panic!("the welcome is a text")
    };
    let data = welcome.strip_prefix(start).expect("it is a welcome");
    let data: Map<String, Value> = serde_json::from_str(data).expect("it carries an object");
    assert_eq!(data.len(), 1);
    assert!(data["sid"].is_string());
}

#[tokio::test(start_paused = true)]
async fn connect_should_allow_connection_to_the_main_namespace() {
    let mut client = Server::socket().web_socket().await;
    client.send("40").await;
    read_welcome(&mut client, "40").await;
    assert_eq!(client.read().await, text(r#"42["auth",{}]"#));
}

#[tokio::test(start_paused = true)]
async fn connect_should_allow_connection_to_the_main_namespace_with_a_payload() {
    let mut client = Server::socket().web_socket().await;
    client.send(r#"40{"token":"123"}"#).await;
    read_welcome(&mut client, "40").await;
    assert_eq!(client.read().await, text(r#"42["auth",{"token":"123"}]"#));
}

#[tokio::test(start_paused = true)]
async fn connect_should_allow_connection_to_a_custom_namespace() {
    let mut client = Server::socket().web_socket().await;
    client.send("40/custom,").await;
    read_welcome(&mut client, "40/custom,").await;
    assert_eq!(client.read().await, text(r#"42/custom,["auth",{}]"#));
}

#[tokio::test(start_paused = true)]
async fn connect_should_allow_connection_to_a_custom_namespace_with_a_payload() {
    let mut client = Server::socket().web_socket().await;
    client.send(r#"40/custom,{"token":"abc"}"#).await;
    read_welcome(&mut client, "40/custom,").await;
    let auth = r#"42/custom,["auth",{"token":"abc"}]"#;
    assert_eq!(client.read().await, text(auth));
}

#[tokio::test(start_paused = true)]
async fn connect_should_disallow_connection_to_an_unknown_namespace() {
    let mut client = Server::socket().web_socket().await;
    client.send("40/random").await;
    let refusal = r#"44/random,{"message":"Invalid namespace"}"#;
    assert_eq!(client.read().await, text(refusal));
}

#[tokio::test(start_paused = true)]
async fn connect_should_disallow_connection_with_an_invalid_handshake() {
    let mut client = Server::socket().web_socket().await;
    client.send("4abc").await;
    client.expect_close(parse_error()).await;
}

#[tokio::test(start_paused = true)]
async fn connect_should_close_the_connection_if_no_handshake_is_received() {
    let mut client = Server::socket().web_socket().await;
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(client.read().await, text("2"));
        client.send("3").await;
    }
    let close = Read::Close(1008, "no namespace entered".to_owned());
    client.expect_close(close).await;
    assert_eq!(start.elapsed().as_millis() / 10, 100);
}

#[tokio::test(start_paused = true)]
async fn nobody_enters_a_namespace_twice() {
    let mut client = Server::connected().await;
    client.send("40").await;
    client.expect_close(parse_error()).await;
}

#[tokio::test(start_paused = true)]
async fn disconnect_should_disconnect_from_the_main_namespace() {
    let mut client = Server::connected().await;
    client.send("41").await;
    assert_eq!(client.read().await, text("2"));
}

#[tokio::test(start_paused = true)]
async fn disconnect_should_connect_then_disconnect_from_a_custom_namespace() {
    let mut client = Server::connected().await;
    assert_eq!(client.read().await, text("2"));
    client.send("40/custom").await;
    read_welcome(&mut client, "40/custom,").await;
    assert_eq!(client.read().await, text(r#"42/custom,["auth",{}]"#));

    client.send("41/custom").await;
    let event = r#"42["message","message to main namespace"]"#;
    client.send(event).await;
    let back = r#"42["message-back","message to main namespace"]"#;
    assert_eq!(client.read().await, text(back));
}

#[tokio::test(start_paused = true)]
async fn message_should_send_a_plain_text_packet() {
    let mut client = Server::connected().await;
    client.send(r#"42["message",1,"2",{"3":[true]}]"#).await;
    let back = r#"42["message-back",1,"2",{"3":[true]}]"#;
    assert_eq!(client.read().await, text(back));
}

#[tokio::test(start_paused = true)]
async fn message_should_send_a_packet_with_binary_attachments() {
    let placeholders = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let mut client = Server::connected().await;
    client
        .send(&format!(r#"452-["message",{placeholders}"#))
        .await;
    client.send_binary(&[1, 2, 3]).await;
    client.send_binary(&[4, 5, 6]).await;
    let back = format!(r#"452-["message-back",{placeholders}"#);
    assert_eq!(client.read().await, Read::Text(back));
    assert_eq!(client.read().await, Read::Binary(vec![1, 2, 3]));
    assert_eq!(client.read().await, Read::Binary(vec![4, 5, 6]));
}

#[tokio::test(start_paused = true)]
async fn message_should_send_a_plain_text_packet_with_an_ack() {
    let mut client = Server::connected().await;
    let event = r#"42456["message-with-ack",1,"2",{"3":[false]}]"#;
    client.send(event).await;
    let ack = r#"43456[1,"2",{"3":[false]}]"#;
    assert_eq!(client.read().await, text(ack));
}

#[tokio::test(start_paused = true)]
async fn message_should_send_a_packet_with_binary_attachments_and_an_ack() {
    let placeholders = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let mut client = Server::connected().await;
    let event = format!(r#"452-789["message-with-ack",{placeholders}"#);
    client.send(&event).await;
    client.send_binary(&[1, 2, 3]).await;
    client.send_binary(&[4, 5, 6]).await;
    let ack = format!("462-789[{placeholders}");
    assert_eq!(client.read().await, Read::Text(ack));
    assert_eq!(client.read().await, Read::Binary(vec![1, 2, 3]));
    assert_eq!(client.read().await, Read::Binary(vec![4, 5, 6]));
}

#[tokio::test(start_paused = true)]
async fn message_should_close_the_connection_upon_invalid_format() {
    for packet in [
        // Unknown packet type, invalid payload format, invalid ack id.
        "4abc",
        "42{}",
        r#"42abc["message-with-ack",1,"2",{"3":[false]}]"#,
        // To a namespace that was not entered, and what only servers say.
        r#"42/custom,["message"]"#,
        "41/custom",
        r#"44{"message":"no"}"#,
    ] {
        let mut client = Server::connected().await;
        client.send(packet).await;
        client.expect_close(parse_error()).await;
    }
    let mut client = Server::connected().await;
    client.send_binary(&[1]).await;
    client.expect_close(parse_error()).await;
}
