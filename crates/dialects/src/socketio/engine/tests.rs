//! The rules that the public conformance suites check, each named as there, with
//! the small echo applications that they expect; and what the suites leave out.
//!
//! Everything comes through the HTTP door, in this process and on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value};
use tertulia_hub::{Codecs, Hub};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

use super::door::Door;
use super::session::EngineSettings;
use crate::common::settings::TransportSettings;
use crate::common::upgrade::Entrance;

#[path = "../../../examples/conformance/echo.rs"]
mod echo;
mod engine_io;
mod malformed;
mod polling;
mod socket_io;
mod upgrade;

const PATH: &str = "/engine.io";

/// How long a test waits for anything, on the paused clock.
const PATIENCE: Duration = Duration::from_secs(60);

/// An echo server.
#[derive(Clone)]
struct Server {
    router: Router,
    hub: Arc<Hub>,
}

/// What a request is answered.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Server {
    /// The Engine.IO echo.
    fn engine() -> Self {
        Self::engine_with(echo::settings())
    }

    fn engine_with(settings: TransportSettings) -> Self {
        Self::behind(settings, |entrance| {
            Door::new(entrance, echo::EngineEcho).router(PATH)
        })
    }

    /// The Socket.IO echo.
    fn socket() -> Self {
        Self::behind(echo::settings(), |entrance| {
            Door::new(entrance, echo::SocketEcho).router(PATH)
        })
    }

    /// Both, for the rules that hold for either.
    fn both() -> [Self; 2] {
        [Self::engine(), Self::socket()]
    }

    fn behind(settings: TransportSettings, door: impl FnOnce(Entrance) -> Router) -> Self {
        let hub = Hub::new(settings.hub(), Codecs::default());
        let router = door(Entrance::new(Arc::clone(&hub), settings));
        Self { router, hub }
    }

    async fn ask(&self, method: Method, query: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("{PATH}/?{query}"))
            .body(body.into())
            .expect("the test's request is well formed");
        let answer = self.router.clone().oneshot(request);
        let answer = timeout(PATIENCE, answer).await.expect("it is answered");
        let (parts, body) = answer.expect("the door does not fail").into_parts();
        let body = body.collect().await.expect("the body is whole").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).expect("the body is text"),
        }
    }

    async fn get(&self, query: &str) -> Answer {
        self.ask(Method::GET, query, Body::empty()).await
    }

    /// A session over polling.
    async fn polling(&self) -> Poller {
        let open = self.get("EIO=4&transport=polling").await;
        assert_eq!(open.status, StatusCode::OK);
        Poller {
            server: self.clone(),
            query: format!("EIO=4&transport=polling&sid={}", sid(&open.body)),
            sid: sid(&open.body),
        }
    }

    /// A session on a WebSocket, which has read the open packet.
    async fn web_socket(&self) -> WebSocket {
        let mut socket = self.connect("EIO=4&transport=websocket").await;
        let Read::Text(open) = socket.read().await else {
            panic!("the open packet is a text")
        };
        assert!(open.starts_with(r#"0{"sid":""#), "{open}");
        socket
    }

    /// A WebSocket session in the main namespace of the Socket.IO echo.
    async fn connected() -> WebSocket {
        let mut socket = Self::socket().web_socket().await;
        socket.send("40").await;
        assert!(matches!(socket.read().await, Read::Text(welcome) if welcome.starts_with("40{")));
        assert_eq!(socket.read().await, text(r#"42["auth",{}]"#));
        socket
    }

    /// A WebSocket, by whatever query.
    async fn connect(&self, query: &str) -> WebSocket {
        self.try_connect(query).await.expect("the answer is 101")
    }

    /// A WebSocket, or the answer that is none.
    async fn try_connect(&self, query: &str) -> Result<WebSocket, String> {
        let (mut socket, server) = duplex(1 << 16);
        let service = TowerToHyperService::new(self.router.clone());
        tokio::spawn(async move {
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(server), service)
                .with_upgrades()
                .await
        });
        let request = format!(
            "GET {PATH}/?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let sent = socket.write_all(request.as_bytes()).await;
        sent.expect("the server reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.expect("the server answers"));
        }
        let head = String::from_utf8(head).expect("the head is text");
        if head.starts_with("HTTP/1.1 101 ") {
            Ok(WebSocket(socket))
        } else {
            Err(head)
        }
    }
}

/// A client that polls.
#[derive(Clone)]
struct Poller {
    server: Server,
    query: String,
    sid: String,
}

impl Poller {
    /// Fetches what there is, and expects it to be this.
    async fn expect(&self, body: &str) {
        let answer = self.get().await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, body)
        );
    }

    async fn get(&self) -> Answer {
        self.server.get(&self.query).await
    }

    /// A poll that waits.
    async fn wait(&self) -> JoinHandle<Answer> {
        let this = self.clone();
        let poll = tokio::spawn(async move { this.get().await });
        settle().await;
        poll
    }

    async fn post(&self, body: impl Into<Body>) -> Answer {
        self.server.ask(Method::POST, &self.query, body).await
    }

    /// Sends something that is taken.
    async fn send(&self, body: &str) {
        let answer = self.post(body.to_owned()).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "ok")
        );
    }

    /// The session is over.
    async fn expect_unknown(&self) {
        let answer = self.get().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body, r#"{"code":1,"message":"Session ID unknown"}"#);
    }

    /// A WebSocket for this session.
    async fn socket(&self) -> WebSocket {
        let query = format!("EIO=4&transport=websocket&sid={}", self.sid);
        self.server.connect(&query).await
    }

    /// Changes over, as the libraries do while no poll waits.
    async fn upgrade(&self) -> WebSocket {
        let mut socket = self.socket().await;
        socket.send("2probe").await;
        assert_eq!(socket.read().await, text("3probe"));
        socket.send("5").await;
        socket
    }
}

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..50 {
        yield_now().await;
    }
}

/// The session's name in an open packet.
fn sid(open: &str) -> String {
    let json = open.strip_prefix('0').expect("it is an open packet");
    let open: Value = serde_json::from_str(json).expect("it carries JSON");
    open["sid"].as_str().expect("the sid is a text").to_owned()
}

/// What comes to a client on a WebSocket.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Text(String),
    Binary(Vec<u8>),
    Close(u16, String),
}

fn text(text: &str) -> Read {
    Read::Text(text.to_owned())
}

fn parse_error() -> Read {
    Read::Close(1008, "parse error".to_owned())
}

fn no_pong() -> Read {
    Read::Close(1011, "no pong".to_owned())
}

/// A client's side of a WebSocket.
struct WebSocket(DuplexStream);

impl WebSocket {
    async fn send(&mut self, text: &str) {
        self.send_frame(0x81, text.as_bytes()).await;
    }

    async fn send_binary(&mut self, bytes: &[u8]) {
        self.send_frame(0x82, bytes).await;
    }

    async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.send_bytes(&client_frame(first, payload)).await;
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the server reads");
    }

    async fn read(&mut self) -> Read {
        timeout(PATIENCE, self.read_frame())
            .await
            .expect("a frame comes")
    }

    async fn read_frame(&mut self) -> Read {
        let first = self.0.read_u8().await.expect("the server writes");
        let length = match self.0.read_u8().await.expect("the frame is whole") {
            126 => usize::from(self.0.read_u16().await.expect("the frame is whole")),
            127 => panic!("the test's frames are short"),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        let read = self.0.read_exact(&mut payload).await;
        read.expect("the frame is whole");
        let utf8 = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is UTF-8");
        match first {
            0x81 => Read::Text(utf8(&payload)),
            0x82 => Read::Binary(payload),
            0x88 => {
                let (code, reason) = payload.split_at(2);
                Read::Close(u16::from_be_bytes([code[0], code[1]]), utf8(reason))
            }
            other => panic!("a frame of kind {other:#x}"),
        }
    }

    /// The server closes, and after the answer it is gone.
    async fn expect_close(mut self, close: Read) {
        assert_eq!(self.read().await, close);
        self.send_frame(0x88, &[]).await;
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await;
        end.expect("the server is gone").expect("without an error");
        assert!(rest.is_empty(), "{rest:?}");
    }
}

/// A short frame of a client, masked with zeros.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("the test's message is short");
    let mut bytes = vec![first];
    match u8::try_from(length) {
        Ok(short @ ..126) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}
