//! The contract's kinds of message and of reaction (contract §3).

use serde::{Serialize, Serializer};
use tertulia_domain::{Message, MessageKind};

use super::encode::key;

/// A `message_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Image,
    Video,
    Audio,
    File,
    Emoji,
    System,
    StoryReply,
}

impl Kind {
    /// None for a word that the contract does not have.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            "file" => Self::File,
            "emoji" => Self::Emoji,
            "system" => Self::System,
            "story_reply" => Self::StoryReply,
            _ => return None,
        })
    }

    /// The contract's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
            Self::Emoji => "emoji",
            Self::System => "system",
            Self::StoryReply => "story_reply",
        }
    }

    /// What the domain calls it; kinds that only this dialect has are texts, and
    /// the message's metadata say more.
    pub(super) fn domain(self) -> MessageKind {
        match self {
            Self::Text | Self::Emoji | Self::StoryReply => MessageKind::Text,
            Self::Image => MessageKind::Image,
            Self::Video => MessageKind::Video,
            Self::Audio => MessageKind::Audio,
            Self::File => MessageKind::File,
            Self::System => MessageKind::System,
        }
    }

    /// Whether the domain has no such kind of its own.
    pub(super) fn is_ours_alone(self) -> bool {
        matches!(self, Self::Emoji | Self::StoryReply)
    }

    /// What a stored message is.
    pub(super) fn of(message: &Message) -> Self {
        match message.kind {
            MessageKind::Text => message
                .metadata
                .text(key::KIND)
                .and_then(Self::parse)
                .filter(|kind| kind.is_ours_alone())
                .unwrap_or(Self::Text),
            MessageKind::Image => Self::Image,
            MessageKind::File => Self::File,
            MessageKind::Audio => Self::Audio,
            MessageKind::Video => Self::Video,
            MessageKind::System => Self::System,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// The reactions that a client can set.
const REACTIONS: [&str; 8] = [
    "like", "love", "laugh", "wow", "sad", "angry", "fire", "golazo",
];

/// Whether the contract has this `reaction_type`.
pub(super) fn is_reaction(word: &str) -> bool {
    REACTIONS.contains(&word)
}
