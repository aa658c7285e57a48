//! Messages and what becomes of them.

use serde::Serialize;
use tertulia_domain::receipt::MessageReceipt;
use tertulia_domain::{ClientId, Profile};
use utoipa::ToSchema;

use super::{File, Id, Time, UserBrief};
use crate::common::files::FileLinks;

/// A message, the same for every reader.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    /// Names the message for good.
    pub id: Id,
    /// The same for the dialects that show a UUID.
    #[schema(format = "uuid")]
    pub uuid: String,
    /// Where it was said.
    pub room_id: Id,
    /// Its place in the room: 1, 2, 3, without holes. Order is this, never id
    /// or time.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// The sender's own id of the send.
    #[schema(required, max_length = 64)]
    pub client_id: Option<String>,
    /// Who said it; `null` for what the server says.
    #[schema(required)]
    pub sender: Option<UserBrief>,
    /// What it is.
    pub kind: MessageKind,
    /// Its words; empty once deleted.
    pub text: String,
    /// The message of the same room that it answers.
    #[schema(required)]
    pub reply_to: Option<Id>,
    /// What it carries. Empty once deleted; a file that its owner deleted is
    /// missing.
    #[schema(max_items = 100)]
    pub files: Vec<File>,
    /// What stands on it, in the order in which each emoji came first.
    pub reactions: Vec<Reaction>,
    /// When its words last changed.
    #[schema(required)]
    pub edited_at: Option<Time>,
    /// When it was taken back.
    #[schema(required)]
    pub deleted_at: Option<Time>,
    /// When it was stored.
    pub created_at: Time,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    /// Words.
    Text,
    /// A picture, with or without words.
    Image,
    /// Any file.
    File,
    /// A recording.
    Audio,
    /// A film.
    Video,
    /// What the server says of the room. Clients cannot send it.
    System,
}

/// One emoji on a message, and who left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reaction {
    /// The emoji, or a word.
    #[schema(example = "👍", max_length = 64)]
    pub emoji: String,
    /// How many left it.
    #[schema(minimum = 1)]
    pub count: usize,
    /// Who did, the first one first.
    pub user_ids: Vec<Id>,
}

/// One recipient's marks on one message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// The recipient.
    pub user_id: Id,
    /// When the message first reached a device.
    #[schema(required)]
    pub delivered_at: Option<Time>,
    /// When it was first read.
    #[schema(required)]
    pub read_at: Option<Time>,
}

impl Message {
    /// A message with its sender.
    #[must_use]
    pub(crate) fn new(
        message: &tertulia_domain::Message,
        sender: Option<&Profile>,
        links: &FileLinks,
    ) -> Self {
        Self {
            id: message.id.into(),
            uuid: message.uuid.to_string(),
            room_id: message.room.into(),
            seq: message.seq.0,
            client_id: message
                .client_id
                .as_ref()
                .map(ClientId::as_str)
                .map(str::to_owned),
            sender: sender.map(|sender| UserBrief::new(sender, links)),
            kind: message.kind.into(),
            text: message.text.clone(),
            reply_to: message.reply_to.map(Id::from),
            files: message
                .files
                .iter()
                .map(|file| File::new(file, links))
                .collect(),
            reactions: by_emoji(&message.reactions),
            edited_at: message.edited_at.map(Time::from),
            deleted_at: message.deleted_at.map(Time::from),
            created_at: message.created_at.into(),
        }
    }
}

/// At most `reactions_per_message` stand, so looking through them is quick.
fn by_emoji(reactions: &[tertulia_domain::Reaction]) -> Vec<Reaction> {
    let mut grouped: Vec<Reaction> = Vec::new();
    for reaction in reactions {
        let user = reaction.user.into();
        match grouped
            .iter_mut()
            .find(|group| group.emoji == reaction.emoji)
        {
            Some(group) => {
                group.count += 1;
                group.user_ids.push(user);
            }
            None => grouped.push(Reaction {
                emoji: reaction.emoji.clone(),
                count: 1,
                user_ids: vec![user],
            }),
        }
    }
    grouped
}

impl From<tertulia_domain::MessageKind> for MessageKind {
    fn from(kind: tertulia_domain::MessageKind) -> Self {
        match kind {
            tertulia_domain::MessageKind::Text => Self::Text,
            tertulia_domain::MessageKind::Image => Self::Image,
            tertulia_domain::MessageKind::File => Self::File,
            tertulia_domain::MessageKind::Audio => Self::Audio,
            tertulia_domain::MessageKind::Video => Self::Video,
            tertulia_domain::MessageKind::System => Self::System,
        }
    }
}

impl From<&MessageReceipt> for Receipt {
    fn from(receipt: &MessageReceipt) -> Self {
        Self {
            user_id: receipt.user.into(),
            delivered_at: receipt.delivered_at.map(Time::from),
            read_at: receipt.read_at.map(Time::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tertulia_domain::{Timestamp, UserId};

    #[test]
    fn reactions_are_grouped_in_the_order_in_which_they_came() {
        let reaction = |user, emoji: &str| tertulia_domain::Reaction {
            user: UserId(user),
            emoji: emoji.to_owned(),
            created_at: Timestamp::from_secs(user),
        };
        let standing = [reaction(3, "👍"), reaction(1, "🎉"), reaction(2, "👍")];
        let grouped: Vec<_> = by_emoji(&standing)
            .into_iter()
            .map(|group| (group.emoji, group.count, group.user_ids.len()))
            .collect();
        assert_eq!(grouped, [("👍".to_owned(), 2, 2), ("🎉".to_owned(), 1, 1)]);
    }
}
