//! Frames of events that do not say all that the wire says: what is missing is
//! read when the first reader needs it, and the frame is made once for all.

use bytes::Bytes;
use tertulia_domain::ports::MessagePage;
use tertulia_domain::{
    Change, Chat, Error, Message, Profile, ReceiptKind, Result, RoomEvent, Seq, Stretch, UserId,
};

use super::encode::{Frame, Id};
use super::read::ReadMessages;
use crate::common::Context;

/// Of one mark, the newest so many messages are told: whoever marked more at once
/// marked a history, not what is on the screen.
const MARKS_TOLD: usize = 100;

/// The frames of an event, the same for all readers; `reader` is the one for whom
/// they are made.
///
/// # Errors
/// As [`Chat::history`].
pub(super) async fn render(
    context: &Context,
    reader: UserId,
    event: &RoomEvent,
) -> Result<Vec<Bytes>> {
    match &event.change {
        Change::Message { message, .. } => {
            let read = complete(context, reader, event, message).await?;
            Ok(said(&read, |message| Frame::ChatMessage { message }))
        }
        Change::Edited { message, .. } => {
            let read = complete(context, reader, event, message).await?;
            Ok(said(&read, |message| Frame::MessageEdited { message }))
        }
        Change::Receipt { user, stretches } => {
            marks(&context.chat, reader, event, user, stretches).await
        }
        Change::Deleted { .. }
        | Change::Hidden { .. }
        | Change::Reaction { .. }
        | Change::Member { .. }
        | Change::Created { .. }
        | Change::Updated { .. }
        | Change::Closed { .. } => Ok(Vec::new()),
    }
}

async fn complete(
    context: &Context,
    reader: UserId,
    event: &RoomEvent,
    message: &Message,
) -> Result<ReadMessages> {
    ReadMessages::complete(context, reader, &event.room, vec![message.clone()]).await
}

fn said<'a>(
    read: &'a ReadMessages,
    frame: impl Fn(super::encode::MessageObject<'a>) -> Frame<'a>,
) -> Vec<Bytes> {
    read.shared()
        .map(|message| frame(message).encode())
        .collect()
}

/// `message_read` for each message that was read just now.
async fn marks(
    chat: &Chat,
    reader: UserId,
    event: &RoomEvent,
    user: &Profile,
    stretches: &[Stretch],
) -> Result<Vec<Bytes>> {
    let mut read = Vec::new();
    let stretches = stretches.iter().rev();
    for stretch in stretches.filter(|stretch| stretch.kind == ReceiptKind::Read) {
        let left = MARKS_TOLD - read.len();
        if left == 0 {
            break;
        }
        let page = MessagePage {
            before: Some(stretch.to.next()),
            after: Some(Seq(stretch.from.0 - 1)),
            limit: left,
            deleted: false,
        };
        let found = chat.history(reader, event.room.id, page, left).await?;
        read.extend(found.into_iter().rev());
    }
    let frames = read.iter().rev().map(|message| Frame::MessageRead {
        message_id: Id(message.uuid),
        user_id: Id(user.uuid),
        username: &user.username,
    });
    Ok(frames.map(|frame| frame.encode()).collect())
}

/// Whether a reader is without the frame for good because it may not read any
/// more, and not because something is away.
pub(super) fn is_refusal(error: &Error) -> bool {
    !matches!(error, Error::Unavailable(_))
}
