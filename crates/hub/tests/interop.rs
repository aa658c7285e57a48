//! An independent client (tungstenite) on a real upgrade (hyper): handshake, messages both ways,
//! pings, fragments, closing.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tertulia_domain::Event;
use tertulia_hub::{
    Codecs, Ended, Flow, Hub, HubSettings, Link, Message, Replies, Session,
    ws::{Close, frame, handshake},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::oneshot,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// Says again what it hears; closes with 4000 when told to.
struct Echo {
    _link: Link,
}

enum Heard {
    Text(String),
    Binary(Vec<u8>),
}

impl Session for Echo {
    type Request = Heard;

    fn decode(&mut self, message: Message<'_>) -> Heard {
        match message {
            Message::Text(text) => Heard::Text(text.to_owned()),
            Message::Binary(bytes) => Heard::Binary(bytes.to_vec()),
        }
    }

    async fn on_request(&mut self, heard: Heard, replies: &mut Replies) -> Flow {
        match heard {
            Heard::Text(text) if text == "close" => {
                return Flow::Close(Close::new(4000, "as you wish"));
            }
            Heard::Text(text) => replies.frame(frame::text(&text)),
            Heard::Binary(bytes) => replies.frame(frame::binary(&bytes)),
        }
        Flow::Continue
    }

    async fn on_event(&mut self, _event: Arc<Event>) -> Flow {
        Flow::Continue
    }
}

/// Serves one HTTP connection whose requests become WebSockets; says how the first one ended.
fn serve(io: DuplexStream, deflate: bool) -> oneshot::Receiver<Ended> {
    let hub = Hub::new(HubSettings::default(), Codecs::default());
    let (ended, how) = oneshot::channel();
    let ended = Arc::new(std::sync::Mutex::new(Some(ended)));
    let service = service_fn(move |request: Request<Incoming>| {
        let (hub, ended) = (Arc::clone(&hub), Arc::clone(&ended));
        async move {
            let (parts, body) = request.into_parts();
            let response = match handshake::check(&parts, deflate) {
                Ok(handshake) => {
                    let upgrade = hyper::upgrade::on(Request::from_parts(parts, body));
                    let link = hub.link().expect("the hub runs");
                    let deflate = handshake.deflate();
                    tokio::spawn(async move {
                        let io = TokioIo::new(upgrade.await.expect("the upgrade works"));
                        let outbox = Arc::clone(link.outbox());
                        let session = Echo { _link: link };
                        let how = hub
                            .connection(io, &Bytes::new(), deflate, outbox, session)
                            .await;
                        if let Some(ended) = ended.lock().expect("nobody panics").take() {
                            let _ = ended.send(how);
                        }
                    });
                    handshake.response()
                }
                Err(refusal) => refusal.response(),
            };
            Ok::<_, Infallible>(response.map(|()| Empty::<Bytes>::new()))
        }
    });
    tokio::spawn(
        http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades(),
    );
    how
}

async fn connect() -> (WebSocketStream<DuplexStream>, oneshot::Receiver<Ended>) {
    let (client, server) = duplex(64 << 10);
    let ended = serve(server, false);
    let (socket, response) = client_async("ws://localhost/", client)
        .await
        .expect("the handshake succeeds");
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    (socket, ended)
}

#[tokio::test]
async fn messages_of_every_size_come_back() {
    let (mut socket, _) = connect().await;
    for length in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        let text = tungstenite::Message::text("ñ".repeat(length / 2));
        let binary = tungstenite::Message::binary(vec![7; length]);
        for message in [text, binary] {
            socket
                .send(message.clone())
                .await
                .expect("the server reads");
            let back = socket
                .next()
                .await
                .expect("the server answers")
                .expect("a good frame");
            assert_eq!(back, message);
        }
    }
}

#[tokio::test]
async fn a_burst_comes_back_in_order() {
    let (mut socket, _) = connect().await;
    for number in 0..500 {
        let message = tungstenite::Message::text(number.to_string());
        socket.feed(message).await.expect("the server reads");
    }
    socket.flush().await.expect("the server reads");
    for number in 0..500 {
        let back = socket
            .next()
            .await
            .expect("the server answers")
            .expect("a good frame");
        assert_eq!(back.to_text().expect("a text"), number.to_string());
    }
}

#[tokio::test]
async fn pings_are_answered() {
    let (mut socket, _) = connect().await;
    let ping = tungstenite::Message::Ping("are you there".into());
    socket.send(ping).await.expect("the server reads");
    let pong = socket
        .next()
        .await
        .expect("the server answers")
        .expect("a good frame");
    assert_eq!(pong, tungstenite::Message::Pong("are you there".into()));
}

#[tokio::test]
async fn the_client_closes() {
    let (mut socket, ended) = connect().await;
    let close = CloseFrame {
        code: CloseCode::Normal,
        reason: "done".into(),
    };
    socket.close(Some(close)).await.expect("the server reads");
    let answer = socket
        .next()
        .await
        .expect("the server answers")
        .expect("a good frame");
    let tungstenite::Message::Close(Some(answer)) = answer else {
        panic!("{answer}")
    };
    assert_eq!(answer.code, CloseCode::Normal);
    assert!(socket.next().await.is_none());
    assert_eq!(
        ended.await.expect("the connection ends"),
        Ended::ByPeer(Some(1000))
    );
}

#[tokio::test]
async fn the_server_closes() {
    let (mut socket, ended) = connect().await;
    let message = tungstenite::Message::text("close");
    socket.send(message).await.expect("the server reads");
    let close = socket
        .next()
        .await
        .expect("the server answers")
        .expect("a good frame");
    let tungstenite::Message::Close(Some(close)) = close else {
        panic!("{close}")
    };
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (4000, "as you wish")
    );
    assert!(socket.next().await.is_none());
    let how = ended.await.expect("the connection ends");
    assert_eq!(how, Ended::ByServer(Close::new(4000, "as you wish")));
}

#[tokio::test]
async fn what_follows_the_request_at_once_is_not_lost() {
    let (mut client, server) = duplex(64 << 10);
    let _ended = serve(server, true);
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    // "Hello" compressed (RFC 7692 §7.2.3.1), masked with zeros, in the same write.
    let hello = [
        0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00,
    ];
    let both = [request.as_bytes(), &hello].concat();
    client.write_all(&both).await.expect("the server reads");
    let mut received = Vec::new();
    let expected = b"\x81\x05Hello";
    while !received.ends_with(expected) {
        let count = client
            .read_buf(&mut received)
            .await
            .expect("the server writes");
        assert_ne!(count, 0, "{:?}", String::from_utf8_lossy(&received));
    }
    let answer = String::from_utf8_lossy(&received).to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(answer.contains("sec-websocket-extensions: permessage-deflate; server_no_context"));
}
