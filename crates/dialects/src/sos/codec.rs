//! Which events have a frame on this wire, the same for all readers (contract
//! §3, "Server → client").

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::{Change, Event, MembershipState, ReceiptKind, RoomEvent};
use tertulia_hub::codec::{Codec, Encoded, Farewell};
use tertulia_hub::ws::{Close, code};

use super::encode::{Frame, Id, MessageObject};
use crate::common::files::FileLinks;

/// SOS-Habilidoso's wire form.
#[derive(Clone, Debug)]
pub struct SosCodec {
    links: Arc<FileLinks>,
}

impl SosCodec {
    /// With the links that messages' files get.
    #[must_use]
    pub fn new(links: Arc<FileLinks>) -> Self {
        Self { links }
    }
}

impl Codec for SosCodec {
    fn encode(&self, event: &Event) -> Encoded {
        match event {
            Event::Room(event) => of_room(event, &self.links),
            Event::Typing { user, on, .. } => shared(&Frame::TypingStatus {
                user_id: Id(user.uuid),
                username: &user.username,
                is_typing: *on,
            }),
            Event::Attendance { user, here, .. } => shared(&Frame::UserStatus {
                user_id: Id(user.uuid),
                username: &user.username,
                status: if *here { "online" } else { "offline" },
            }),
            Event::SessionsEnded(_) => Encoded::PerReader,
            // Of people on a socket of a chat, `user_status` tells; of others
            // this wire has no word.
            Event::Presence { .. }
            | Event::Visit(_)
            | Event::Signal(_)
            | Event::ProfileChanged(_) => Encoded::Skip,
        }
    }

    /// The client comes back by itself, on any close.
    fn farewell(&self, _retry_after: Duration) -> Farewell {
        Farewell {
            frame: None,
            close: Close::new(code::GOING_AWAY, "restart"),
        }
    }
}

fn of_room(event: &RoomEvent, links: &FileLinks) -> Encoded {
    match &event.change {
        // The message that it answers is not in the event.
        Change::Message { message, .. } if message.reply_to.is_some() => Encoded::PerReader,
        Change::Message { message, sender } => shared(&Frame::ChatMessage {
            message: MessageObject::new(message, event.room.uuid, sender.as_deref(), links),
        }),
        // Neither are the people who reacted, nor how many have read it.
        Change::Edited { .. } => Encoded::PerReader,
        Change::Deleted { message, by } => shared(&Frame::MessageDeleted {
            message_id: Id(message.uuid),
            user_id: Id(by.uuid),
        }),
        Change::Reaction {
            uuid,
            user,
            emoji,
            on,
            ..
        } => shared(&Frame::MessageReaction {
            message_id: Id(*uuid),
            user_id: Id(user.uuid),
            username: &user.username,
            reaction_type: emoji,
            added: *on,
        }),
        // It says which places were marked, not which messages stand there.
        Change::Receipt { stretches, .. } => {
            let read = |kind| kind == ReceiptKind::Read;
            match stretches.iter().any(|stretch| read(stretch.kind)) {
                true => Encoded::PerReader,
                false => Encoded::Skip,
            }
        }
        // Whoever is no participant any more is shown out.
        Change::Member { member, .. } => match member.membership.state {
            MembershipState::Left | MembershipState::Banned => Encoded::PerReader,
            MembershipState::Active | MembershipState::Pending => Encoded::Skip,
        },
        Change::Closed { .. } => Encoded::PerReader,
        // This wire has no form for them; the next list says how it stands.
        Change::Hidden { .. } | Change::Created { .. } | Change::Updated { .. } => Encoded::Skip,
    }
}

fn shared(frame: &Frame<'_>) -> Encoded {
    Encoded::Text(frame.json())
}
