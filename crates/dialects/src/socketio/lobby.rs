//! Who receives Socket.IO clients while no dialect does: every namespace is
//! closed to them.

use std::sync::Arc;

use http::request::Parts;
use serde_json::{Map, Value, json};
use tertulia_domain::Event;
use tertulia_hub::{Flow, Link, Replies};

use super::engine::door::Application;
use super::engine::socket_packet::{Arguments, Limits};
use super::engine::socket_session::{Client, Socket, SocketSession};
use crate::common::seats::Seat;
use crate::common::settings::TransportSettings;
use crate::common::upgrade::Opened;

/// Makes a client of whoever comes.
pub(super) struct Lobby {
    pub(super) settings: Arc<TransportSettings>,
}

/// A client that nobody has let in.
pub(super) struct Visitor {
    _link: Link,
    _seat: Option<Seat>,
}

impl Application for Lobby {
    type Session = SocketSession<Visitor>;

    fn open(&self, opened: Opened, _first: &Parts) -> Self::Session {
        let visitor = Visitor {
            _link: opened.link,
            _seat: opened.seat,
        };
        let limits = Limits::from(&*self.settings);
        SocketSession::new(visitor, limits, self.settings.auth_timeout)
    }
}

impl Client for Visitor {
    async fn connect(&mut self, _socket: &Socket, _auth: &Map<String, Value>) -> Result<(), Value> {
        Err(json!({"message": "Connection rejected by server"}))
    }

    async fn connected(&mut self, _: &Socket, _: Map<String, Value>, _: &mut Replies) -> Flow {
        Flow::Continue
    }

    async fn event(
        &mut self,
        _socket: &Socket,
        _id: Option<u64>,
        _arguments: Arguments,
        _replies: &mut Replies,
    ) -> Flow {
        Flow::Continue
    }

    async fn hub_event(&mut self, _event: Arc<Event>) -> Flow {
        Flow::Continue
    }
}
