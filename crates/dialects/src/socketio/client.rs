//! One Socket.IO socket: whom it speaks for, what it has spoken and opened,
//! what it asks, and what it is told besides the frames that all sockets of its
//! view share.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value};
use tertulia_domain::{Change, Event, Profile, RoomEvent};
use tertulia_hub::ws::{Close, code, frame};
use tertulia_hub::{Flow, FollowUp, Link, Replies};
use tokio::time::Instant;

use super::decode::{self, Action};
use super::encode::{Connected, DISCONNECT, Received, acknowledgement, event, is_for};
use super::engine::door::Application;
use super::engine::socket_packet::{Arguments, Limits, MAIN_NAMESPACE};
use super::engine::socket_session::{Client, Socket, SocketSession, Welcome};
use super::enter::{Bound, Entered};
use super::error::Refusal;
use super::form::is_direct;
use super::identity::{self, Caller};
use super::open::OpenRooms;
use super::recovery::Keeper;
use super::send::People;
use super::view::{Dialect, Spoken, View};
use crate::common::seats::Seat;
use crate::common::upgrade::Opened;
use crate::common::{Context, live};

/// Makes a client of whoever comes.
pub(super) struct Clients(Context);

impl Clients {
    pub(super) fn new(context: Context) -> Self {
        Self(context)
    }
}

impl Application for Clients {
    type Session = SocketSession<ChatClient>;

    fn open(&self, opened: Opened, first: &Parts) -> Self::Session {
        let settings = &self.0.settings;
        let client = ChatClient::new(self.0.clone(), opened, Caller::of(first));
        SocketSession::new(client, Limits::from(&**settings), settings.auth_timeout)
    }
}

/// One client.
pub(super) struct ChatClient {
    pub(super) context: Context,
    pub(super) link: Link,
    /// Whether compression was negotiated.
    pub(super) deflate: bool,
    /// Its place among the sockets without a login.
    pub(super) seat: Option<Seat>,
    /// Who it says it is.
    pub(super) caller: Caller,
    /// Where the user's rooms stand, and what a client that came back has
    /// missed, between being let in and being told so.
    entered: Option<Entered>,
    /// Whom it speaks for, once it is let in.
    pub(super) bound: Option<Bound>,
    pub(super) spoken: Spoken,
    pub(super) open: OpenRooms,
    /// Whom it wrote to by name.
    pub(super) people: People,
    /// How far the client is, for when it is cut off.
    pub(super) keeper: Option<Keeper>,
    /// Until when a client that has left must have come back.
    return_by: Option<Instant>,
}

impl ChatClient {
    fn new(context: Context, opened: Opened, caller: Caller) -> Self {
        Self {
            context,
            link: opened.link,
            deflate: opened.deflate,
            seat: opened.seat,
            caller,
            entered: None,
            bound: None,
            spoken: Spoken::default(),
            open: OpenRooms::default(),
            people: People::default(),
            keeper: None,
            return_by: None,
        }
    }

    /// What the client has said belongs to one of the two systems.
    fn speak(&mut self, dialect: Dialect) {
        self.set_spoken(self.spoken.after(dialect));
    }

    pub(super) fn set_spoken(&mut self, spoken: Spoken) {
        if spoken == self.spoken {
            return;
        }
        self.spoken = spoken;
        self.link.change_facets(|facet| {
            let view = View::of(facet);
            View { spoken, ..view }.facet()
        });
    }

    async fn on_event(&mut self, arguments: Arguments, replies: &mut Replies) {
        let Some(bound) = &self.bound else { return };
        // A client that asks too fast is read more slowly, never refused
        // (`reliability.md` §2): nothing further is read from this socket until then.
        self.context.wait_for_turn(bound.who.identity.user()).await;
        let user = self.context.chat.current(&bound.who.identity.profile).await;
        let mut values = arguments.values.into_iter();
        let Some(Value::String(name)) = values.next() else {
            return;
        };
        let Some(request) = decode::decode(&name, values.next(), self.spoken) else {
            return;
        };
        if let Some(dialect) = request.dialect {
            self.speak(dialect);
        }
        let done = match request.action {
            Ok(action) => self.act(&user, action, replies).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = done {
            replies.frame(refusal.frame());
        }
    }

    async fn act(
        &mut self,
        user: &Arc<Profile>,
        action: Action,
        replies: &mut Replies,
    ) -> Result<(), Refusal> {
        match action {
            Action::JoinDirect { other } => self.join_direct(user, other, replies).await,
            Action::JoinGroup { group } => self.join_group(user, group, replies).await,
            Action::LeaveGroup { group } => {
                self.leave_group(user, group, replies).await;
                Ok(())
            }
            Action::Send(send) => self.send(user, *send, replies).await,
            Action::Mark(mark) => self.mark(user, mark, replies).await,
            Action::History { room, limit } => self.history(user, room, limit, replies).await,
        }
    }

    /// The frame of a message, if this socket is told of it. In direct chats it
    /// goes to one of the two people's sockets and not to the other's.
    pub(super) fn received(&self, event: &RoomEvent) -> Option<Bytes> {
        let Change::Message { message, sender } = &event.change else {
            return None;
        };
        let who = &self.bound.as_ref()?.who.identity;
        let room = &*event.room;
        let own = is_direct(room).then(|| message.sender == Some(who.user()));
        let view = View {
            spoken: self.spoken,
            open: self.open.contains(room.id),
        };
        if !is_for(message, room, view, own) {
            return None;
        }
        let is_alone = room.own_of().is_some();
        let peer = match own {
            None => None,
            Some(true) if !is_alone => self.open.peer(room.id),
            Some(_) => Some(who.profile.handle.as_str()),
        };
        let links = &self.context.files;
        let received = Received::new(message, sender.as_deref(), room, self.spoken, peer, links);
        Some(super::encode::event("receive_message", &received))
    }

    /// The proof of who it is has ended.
    fn dismiss(&self) -> Flow {
        self.link.outbox().reply(frame::text(DISCONNECT));
        Flow::Close(Close::new(code::POLICY, "token_expired"))
    }
}

impl Client for ChatClient {
    async fn connect(&mut self, socket: &Socket, auth: &Map<String, Value>) -> Result<(), Value> {
        if socket.namespace() != MAIN_NAMESPACE {
            return Err("Unable to connect".into());
        }
        let entry = self.context.rates.entering().begin().await;
        // Apart, so that who waits for its turn holds little.
        match Box::pin(self.enter(auth, entry)).await {
            Ok(entered) => {
                self.entered = Some(entered);
                self.return_by = None;
                Ok(())
            }
            Err(unwelcome) => {
                unwelcome.note();
                self.link.detach();
                Err(identity::rejected())
            }
        }
    }

    fn welcome(&mut self) -> Welcome {
        self.keeper
            .as_ref()
            .map_or_else(Welcome::default, Keeper::welcome)
    }

    async fn connected(
        &mut self,
        socket: &Socket,
        _auth: Map<String, Value>,
        replies: &mut Replies,
    ) -> Flow {
        let (Some(bound), Some(entered)) = (&self.bound, self.entered.take()) else {
            return Flow::Continue;
        };
        let connected = Connected {
            status: "connected",
            user_id: &bound.who.identity.profile.handle,
            sid: socket.sid(),
        };
        replies.frame(event("connected", &connected));
        let user = bound.who.identity.user();
        let Entered {
            heads,
            returning,
            mut entry,
        } = entered;
        let Some(returning) = returning else {
            Box::pin(live::go_live(&self.context, &self.link, user, heads)).await;
            return Flow::Continue;
        };
        // What was missed may take longer to tell than a login may.
        self.link.outbox().move_deadline(bound.ends_at);
        Box::pin(self.go_on(user, returning, &heads, &mut entry)).await
    }

    async fn event(
        &mut self,
        _socket: &Socket,
        id: Option<u64>,
        arguments: Arguments,
        replies: &mut Replies,
    ) -> Flow {
        Box::pin(self.on_event(arguments, replies)).await;
        if let Some(id) = id {
            replies.frame(acknowledgement(id));
        }
        Flow::Continue
    }

    fn is_pipelined(&self, arguments: &Arguments) -> bool {
        arguments.name().is_some_and(decode::is_send)
    }

    fn disconnected(&mut self, _socket: &Socket) {
        self.link.detach();
        self.bound = None;
        self.keeper = None;
        self.spoken = Spoken::default();
        self.open = OpenRooms::default();
        self.return_by = Some(Instant::now() + self.context.settings.auth_timeout);
    }

    async fn hub_event(&mut self, event: Arc<Event>) -> Flow {
        if let Event::Room(event) = &*event
            && let Some(frame) = self.received(event)
        {
            self.link.outbox().reply(frame);
        }
        Flow::Continue
    }

    fn follow_up(&mut self) -> FollowUp {
        self.how_far()
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.bound {
            Some(bound) => Some(bound.ends_at),
            None => self.return_by,
        }
    }

    async fn on_deadline(&mut self) -> Flow {
        match self.bound {
            Some(_) => self.dismiss(),
            None => Flow::Close(Close::new(code::POLICY, "no namespace entered")),
        }
    }
}
