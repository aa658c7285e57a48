//! `chat:created` for those who did not ask: a new chat, or one whose members
//! or words have changed. The client merges it by the chat's id.

use bytes::Bytes;
use tertulia_domain::{Change, Error, Result, RoomEvent, RoomId, RoomKind, UserId};

use super::chats::ReadChat;
use crate::common::Context;
use crate::common::rendered::Rendered;

/// Whether an event of a chat is told to this reader: contract §3 for new
/// chats, §6 for new members. Who did something learns of it by the reply.
pub(super) fn is_for(reader: UserId, event: &RoomEvent) -> bool {
    match &event.change {
        Change::Created { by, .. } => *by != reader,
        Change::Member { member, by } => {
            let (user, active) = (member.membership.user, member.membership.is_active());
            // Who joined without being invited may have done so through another
            // dialect; who left is told nothing more.
            if user == reader {
                active
            } else {
                !active || *by != reader
            }
        }
        Change::Updated { .. } => true,
        Change::Message { .. }
        | Change::Edited { .. }
        | Change::Deleted { .. }
        | Change::Hidden { .. }
        | Change::Reaction { .. }
        | Change::Receipt { .. }
        | Change::Closed { .. } => false,
    }
}

/// The latest announcements of groups. A group looks the same to all its
/// readers, so each of its events is read and encoded once.
#[derive(Debug, Default)]
pub(super) struct Announcements(Rendered<Bytes>);

impl Announcements {
    /// The frame that tells a reader of the event's chat; none when the reader
    /// no longer belongs to it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub(super) async fn frame(
        &self,
        context: &Context,
        reader: UserId,
        event: &RoomEvent,
    ) -> Result<Option<Bytes>> {
        let frame = match event.room.kind {
            RoomKind::Direct => read(context, reader, event.room.id).await,
            RoomKind::Group | RoomKind::Channel => self.shared(context, reader, event).await,
        };
        match frame {
            Ok(frame) => Ok(Some(frame)),
            Err(Error::Unavailable(source)) => Err(Error::Unavailable(source)),
            Err(_) => Ok(None),
        }
    }

    async fn shared(&self, context: &Context, reader: UserId, event: &RoomEvent) -> Result<Bytes> {
        let mut read_now = false;
        let announcement = async {
            read_now = true;
            read(context, reader, event.room.id).await
        };
        let frame = self.0.get(event, announcement).await?;
        if !read_now {
            // Another reader's right is not this one's.
            context
                .chat
                .membership(reader, event.room.id, reader)
                .await?;
        }
        Ok(frame)
    }
}

async fn read(context: &Context, reader: UserId, room: RoomId) -> Result<Bytes> {
    let Context { chat, files, .. } = context;
    Ok(ReadChat::read(chat, reader, room)
        .await?
        .pushed(chat, files))
}
