//! Which events have a frame on this wire. One frame serves all readers, save
//! for chats: a direct chat's title is the other person's name, and who caused
//! a change learns of it by a reply.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::{Change, Event, MembershipState, RoomEvent};
use tertulia_hub::codec::{Codec, Encoded, Farewell};
use tertulia_hub::ws::{Close, code};
use uuid::Uuid;

use super::encode::{Frame, Id, MessageObject, StatusWord};
use crate::common::files::FileLinks;

/// KaapehChat's wire form.
#[derive(Clone, Debug)]
pub struct KaapehCodec {
    links: Arc<FileLinks>,
}

impl KaapehCodec {
    /// With the links that messages' files get.
    #[must_use]
    pub fn new(links: Arc<FileLinks>) -> Self {
        Self { links }
    }
}

impl Codec for KaapehCodec {
    fn encode(&self, event: &Event) -> Encoded {
        match event {
            Event::Room(event) => of_room(event, &self.links),
            Event::Presence { user, status, .. } => shared(&Frame::Presence {
                user_id: Id(user.uuid),
                status: StatusWord(*status),
            }),
            Event::Signal(signal) => shared(&Frame::Signal {
                r#type: &signal.kind,
                chat_id: Id(signal.room.uuid),
                from_user_id: Id(signal.from.uuid),
                to_user_id: signal.to.as_ref().map(|to| Id(to.uuid)),
                payload: &signal.payload,
                mode: signal.mode.as_deref(),
            }),
            Event::SessionsEnded(_) => Encoded::PerReader,
            Event::Typing { .. }
            | Event::Attendance { .. }
            | Event::Visit(_)
            | Event::ProfileChanged(_) => Encoded::Skip,
        }
    }

    /// Contract §2, "close codes": 1001 at shutdown. The client comes back by
    /// itself, after 1.5 s and more.
    fn farewell(&self, _retry_after: Duration) -> Farewell {
        Farewell {
            frame: None,
            close: Close::new(code::GOING_AWAY, "restart"),
        }
    }
}

fn of_room(event: &RoomEvent, links: &FileLinks) -> Encoded {
    match &event.change {
        Change::Message { message, sender } => {
            let sender = sender.as_ref().map_or(Uuid::nil(), |who| who.uuid);
            shared(&Frame::Message(MessageObject::new(
                message,
                event.room.uuid,
                sender,
                links,
            )))
        }
        Change::Created { .. } | Change::Updated { .. } => Encoded::PerReader,
        Change::Member { member, .. } => match member.membership.state {
            MembershipState::Active | MembershipState::Left | MembershipState::Banned => {
                Encoded::PerReader
            }
            MembershipState::Pending => Encoded::Skip,
        },
        // This wire has no form for them; the next history says how it stands.
        Change::Edited { .. }
        | Change::Deleted { .. }
        | Change::Hidden { .. }
        | Change::Reaction { .. }
        | Change::Receipt { .. }
        | Change::Closed { .. } => Encoded::Skip,
    }
}

fn shared(frame: &Frame<'_>) -> Encoded {
    Encoded::Text(frame.json())
}
