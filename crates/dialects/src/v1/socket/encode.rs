//! From the domain's events to frames: the wire form of `/v1` at the hub, and
//! the same frames for a replay.

use std::sync::Arc;
use std::time::Duration;

use tertulia_domain::event::Signal;
use tertulia_domain::{Change, Event, RoomEvent};
use tertulia_hub::ws::{Close, code, frame};
use tertulia_hub::{Codec, Encoded, Farewell};

use super::event::{
    self, ByeEvent, ByeReason, DeletedEvent, DeletedFor, EditedEvent, MemberEvent, MessageEvent,
    Place, PresenceEvent, ReactionEvent, ReceiptEvent, ReceiptMark, RoomChange, SignalEvent,
    TypingEvent,
};
use crate::common::files::FileLinks;
use crate::v1::model::{Id, Member, Message, RoomInfo, Time};

/// The wire form of `/v1/ws`.
#[derive(Clone, Debug)]
pub struct V1Codec {
    links: Arc<FileLinks>,
}

impl V1Codec {
    /// With the links that messages' files get.
    #[must_use]
    pub fn new(links: Arc<FileLinks>) -> Self {
        Self { links }
    }
}

impl Codec for V1Codec {
    fn encode(&self, event: &Event) -> Encoded {
        Encoded::Text(match event {
            Event::Room(event) => of_room(event, &self.links),
            Event::Typing { room, user, on, .. } => event::encode(&TypingEvent {
                room_id: room.id.into(),
                user_id: user.id.into(),
                on: *on,
            }),
            Event::Presence { user, status, .. } => event::encode(&PresenceEvent {
                user_id: user.id.into(),
                status: (*status).into(),
            }),
            Event::Signal(signal) => of_signal(signal),
            Event::SessionsEnded(_) => return Encoded::PerReader,
            Event::Attendance { .. } | Event::Visit(_) | Event::ProfileChanged(_) => {
                return Encoded::Skip;
            }
        })
    }

    fn farewell(&self, retry_after: Duration) -> Farewell {
        let bye = ByeEvent {
            reason: ByeReason::Restarting,
            retry_in_ms: Some(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX)),
        };
        Farewell {
            frame: Some(frame::text(&event::encode(&bye))),
            close: Close::new(code::SERVICE_RESTART, "restarting"),
        }
    }
}

/// A stored event.
pub(super) fn of_room(stored: &RoomEvent, links: &FileLinks) -> String {
    let place = Place::new(stored.room.id, stored.at);
    match &stored.change {
        Change::Message { message, sender } => event::encode(&MessageEvent {
            place,
            message: Message::new(message, sender.as_deref(), links),
        }),
        Change::Edited { message, sender } => event::encode(&EditedEvent {
            place,
            message: Message::new(message, sender.as_deref(), links),
        }),
        Change::Deleted { message, by } => event::encode(&DeletedEvent {
            place,
            id: message.id.into(),
            message_seq: message.seq.0,
            whom: DeletedFor::Everyone,
            by: by.id.into(),
            deleted_at: message.deleted_at.map(Time::from),
        }),
        Change::Hidden { message, seq, user } => event::encode(&DeletedEvent {
            place,
            id: (*message).into(),
            message_seq: seq.0,
            whom: DeletedFor::Me,
            by: (*user).into(),
            deleted_at: None,
        }),
        Change::Reaction {
            message,
            seq,
            user,
            emoji,
            on,
            at,
            ..
        } => event::encode(&ReactionEvent {
            place,
            id: (*message).into(),
            message_seq: seq.0,
            user_id: user.id.into(),
            emoji,
            on: *on,
            at: (*at).into(),
        }),
        Change::Receipt { user, stretches } => event::encode(&ReceiptEvent {
            place,
            user_id: user.id.into(),
            marks: stretches.iter().map(ReceiptMark::from).collect(),
        }),
        Change::Member { member, by } => event::encode(&MemberEvent {
            place,
            member: Member::new(&member.membership, &member.profile, links),
            by: (*by).into(),
        }),
        Change::Created { members, by } => {
            let members = members
                .iter()
                .map(|member| Member::new(&member.membership, &member.profile, links))
                .collect();
            room_event(stored, RoomChange::Created, Some(members), (*by).into())
        }
        Change::Updated { by } => room_event(stored, RoomChange::Updated, None, (*by).into()),
        Change::Closed { by } => room_event(stored, RoomChange::Closed, None, (*by).into()),
    }
}

fn room_event(
    stored: &RoomEvent,
    change: RoomChange,
    members: Option<Vec<Member>>,
    by: Id,
) -> String {
    event::encode(&event::RoomEvent {
        place: Place::new(stored.room.id, stored.at),
        change,
        room: RoomInfo::from(&*stored.room),
        members,
        by,
    })
}

fn of_signal(signal: &Signal) -> String {
    event::encode(&SignalEvent {
        room_id: signal.room.id.into(),
        from: signal.from.id.into(),
        to: signal.to.as_ref().map(|to| to.id.into()),
        kind: &signal.kind,
        payload: &signal.payload,
        mode: signal.mode.as_deref(),
    })
}
