//! What public conformance suites test, on the code path of the server
//! (`reliability.md` §3): an echo of Engine.IO at `/engine.io/` and of Socket.IO
//! at `/socket.io/`, with the times that their suites expect, and an echo
//! WebSocket at `/echo`.
//!
//! ```text
//! cargo run -p tertulia-dialects --example conformance [port]
//! ```
//!
//! It listens on loopback only, on port 3000 unless told otherwise. The suites
//! are the folders `test-suite/` of `socketio/engine.io-protocol` and
//! `socketio/socket.io-protocol`: `npm ci && npm test` there.

mod echo;

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use tertulia_dialects::common::upgrade::{Entrance, Opened};
use tertulia_dialects::socketio::engine::door::Door;
use tertulia_domain::Event;
use tertulia_hub::ws::frame;
use tertulia_hub::{Codecs, Flow, Hub, Message, Replies, Session};
use tokio::net::TcpListener;

use echo::{EngineEcho, SocketEcho};

const PORT: u16 = 3000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => PORT,
    };
    let settings = echo::settings();
    let hub = Hub::new(settings.hub(), Codecs::default());
    let entrance = Entrance::new(hub, settings);
    let router = Router::new()
        .route("/echo", any(web_socket))
        .with_state(entrance.clone())
        .merge(Door::new(entrance.clone(), EngineEcho).router("/engine.io"))
        .merge(Door::new(entrance, SocketEcho).router("/socket.io"));
    let v4 = TcpListener::bind(("127.0.0.1", port)).await?;
    let serve_v4 = axum::serve(v4, router.clone());
    println!("listening on port {port}");
    match TcpListener::bind(("::1", port)).await {
        Ok(v6) => tokio::try_join!(
            serve_v4.into_future(),
            axum::serve(v6, router).into_future()
        )?,
        Err(_) => (serve_v4.await?, ()),
    };
    Ok(())
}

async fn web_socket(State(entrance): State<Entrance>, request: Request) -> Response {
    let upgraded = entrance.upgrade(request, |opened| WebSocketEcho { _opened: opened });
    upgraded.unwrap_or_else(IntoResponse::into_response)
}

/// Messages come back as they are.
struct WebSocketEcho {
    _opened: Opened,
}

impl Session for WebSocketEcho {
    type Request = Bytes;

    fn decode(&mut self, message: Message<'_>) -> Bytes {
        match message {
            Message::Text(text) => frame::text(text),
            Message::Binary(bytes) => frame::binary(bytes),
        }
    }

    async fn on_request(&mut self, echo: Bytes, replies: &mut Replies) -> Flow {
        replies.frame(echo);
        Flow::Continue
    }

    async fn on_event(&mut self, _event: Arc<Event>) -> Flow {
        Flow::Continue
    }
}
