//! What the server says: frames and objects, key by key in the order of the
//! contract (contracts/sos-habilidoso.md §3).

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use tertulia_domain::receipt::Readers;
use tertulia_domain::{Message, Profile, Reaction, UserId};
use tertulia_hub::ws::frame;
use uuid::Uuid;

use super::kind::Kind;
use super::media::Media;
use crate::common::files::FileLinks;
use crate::common::json;
use crate::common::time::Rfc3339;

/// A frame of the server: contract §3, "Server → client".
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    /// Somebody said something.
    ChatMessage { message: MessageObject<'a> },
    /// Somebody is writing, or no longer.
    TypingStatus {
        user_id: Id,
        username: &'a str,
        is_typing: bool,
    },
    /// Somebody opened the chat, or closed it.
    UserStatus {
        user_id: Id,
        username: &'a str,
        status: &'static str,
    },
    /// Somebody read a message.
    MessageRead {
        message_id: Id,
        user_id: Id,
        username: &'a str,
    },
    /// A reaction was set or taken back.
    MessageReaction {
        message_id: Id,
        user_id: Id,
        username: &'a str,
        reaction_type: &'a str,
        added: bool,
    },
    /// A message has other words.
    MessageEdited { message: MessageObject<'a> },
    /// A message was taken back.
    MessageDeleted { message_id: Id, user_id: Id },
    /// A request was refused: the same text under both keys that clients read.
    Error { message: &'a str, error: &'a str },
}

impl Frame<'_> {
    /// What the frame says.
    pub(super) fn json(&self) -> String {
        json::text("", self)
    }

    /// The whole frame as it goes to sockets.
    pub(super) fn encode(&self) -> Bytes {
        frame::text(&self.json())
    }
}

/// A UUID as this wire writes it: hyphenated, lower case.
#[derive(Clone, Copy)]
pub(super) struct Id(pub(super) Uuid);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
    }
}

/// The id of a thing that has none of its own here, such as a membership: the
/// same for the same parts at every time, in the form of a UUID.
pub(super) fn derived_id(parts: &[&[u8]]) -> Id {
    // FNV-1a over 128 bits.
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0xff]));
    let hash = bytes.fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    });
    Id(uuid::Builder::from_random_bytes(hash.to_be_bytes()).into_uuid())
}

/// The contract's profile. What others may see stands in the first four keys;
/// the rest is there because clients expect the keys (contract §6, "full profile
/// with e-mail").
#[derive(Serialize)]
pub(super) struct ProfileObject<'a> {
    id: Id,
    username: &'a str,
    display_name: &'a str,
    avatar_url: Option<Cow<'a, str>>,
    email: Option<&'a str>,
    full_name: &'a str,
    avatar: Option<&'a str>,
    cover_photo: Option<&'a str>,
    cover_photo_url: Option<&'a str>,
    bio: &'a str,
    position: &'a str,
    team: &'a str,
    contact_number: &'a str,
    interests: [&'a str; 0],
    social_links: BTreeMap<&'a str, &'a str>,
    followers_count: u32,
    following_count: u32,
    posts_count: u32,
    is_verified: bool,
    is_private: bool,
    show_email: bool,
    show_phone: bool,
    created_at: Option<Rfc3339>,
    last_active: Option<Rfc3339>,
    account_type: Option<&'a str>,
    company_name: &'a str,
    industry: &'a str,
    website: &'a str,
}

impl<'a> ProfileObject<'a> {
    /// As others see somebody; a picture that lies here has a new link.
    pub(super) fn of(profile: &'a Profile, links: &FileLinks) -> Self {
        Self {
            id: Id(profile.uuid),
            username: &profile.username,
            display_name: &profile.display_name,
            avatar_url: profile.avatar_url.as_deref().map(|url| links.renewed(url)),
            email: None,
            full_name: "",
            avatar: None,
            cover_photo: None,
            cover_photo_url: None,
            bio: "",
            position: "",
            team: "",
            contact_number: "",
            interests: [],
            social_links: BTreeMap::new(),
            followers_count: 0,
            following_count: 0,
            posts_count: 0,
            is_verified: false,
            is_private: false,
            show_email: false,
            show_phone: false,
            created_at: None,
            last_active: None,
            account_type: None,
            company_name: "",
            industry: "",
            website: "",
        }
    }

    /// As one sees oneself.
    pub(super) fn own(user: &'a tertulia_domain::User, links: &FileLinks) -> Self {
        Self {
            email: user.email.as_deref(),
            created_at: Some(Rfc3339::new(user.created_at)),
            last_active: user.last_seen_at.map(Rfc3339::new),
            ..Self::of(&user.profile, links)
        }
    }
}

/// The two names by which a message that is only mentioned says who wrote it.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Names<'a> {
    username: &'a str,
    display_name: &'a str,
}

impl<'a> Names<'a> {
    pub(super) fn of(profile: Option<&'a Profile>) -> Self {
        Self {
            username: profile.map_or("", |profile| &profile.username),
            display_name: profile.map_or("", |profile| &profile.display_name),
        }
    }
}

/// The message that another one answers.
#[derive(Serialize)]
pub(super) struct ReplyObject<'a> {
    id: Id,
    sender: Names<'a>,
    content: String,
    message_type: Kind,
}

impl<'a> ReplyObject<'a> {
    /// With the first 100 characters of its words.
    pub(super) fn new(message: &Message, sender: Option<&'a Profile>) -> Self {
        const MOST: usize = 100;
        let content = match message.text.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}...", &message.text[..end]),
            None => message.text.clone(),
        };
        Self {
            id: Id(message.uuid),
            sender: Names::of(sender),
            content,
            message_type: Kind::of(message),
        }
    }
}

/// A reaction that stands.
#[derive(Serialize)]
pub(super) struct ReactionObject<'a> {
    id: Id,
    user: ProfileObject<'a>,
    reaction_type: &'a str,
    created_at: Rfc3339,
}

impl<'a> ReactionObject<'a> {
    pub(super) fn new(
        message: &Message,
        reaction: &'a Reaction,
        user: &'a Profile,
        links: &FileLinks,
    ) -> Self {
        let parts = [
            message.uuid.as_bytes() as &[u8],
            user.uuid.as_bytes(),
            reaction.emoji.as_bytes(),
        ];
        Self {
            id: derived_id(&parts),
            user: ProfileObject::of(user, links),
            reaction_type: &reaction.emoji,
            created_at: Rfc3339::new(reaction.created_at),
        }
    }
}

/// The contract's `Message`.
#[derive(Serialize)]
pub(super) struct MessageObject<'a> {
    id: Id,
    chat_room: Id,
    sender: Option<ProfileObject<'a>>,
    content: &'a str,
    message_type: Kind,
    #[serde(flatten)]
    media: Media<'a>,
    reply_to: Option<ReplyObject<'a>>,
    is_edited: bool,
    is_deleted: bool,
    is_reply: bool,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    reactions: Vec<ReactionObject<'a>>,
    user_reaction: Option<&'a str>,
    is_read: bool,
    read_by_count: i64,
    story_id: Option<&'a str>,
    story_preview: Option<&'a str>,
}

/// Under which names a message's metadata keeps this dialect's own words.
pub(super) mod key {
    /// The contract's kind, where the domain has none like it.
    pub(in crate::sos) const KIND: &str = "sos.message_type";
    /// An address that the client gave; the id of the file where it was ours.
    pub(in crate::sos) const FILE_URL: &str = "sos.file_url";
    /// The name of what is there.
    pub(in crate::sos) const FILE_NAME: &str = "sos.file_name";
    /// Its size in bytes.
    pub(in crate::sos) const FILE_SIZE: &str = "sos.file_size";
    /// The story that is answered.
    pub(in crate::sos) const STORY: &str = "sos.story_id";
}

impl<'a> MessageObject<'a> {
    /// A message as all readers get it, with links to what it carries.
    pub(super) fn new(
        message: &'a Message,
        room: Uuid,
        sender: Option<&'a Profile>,
        links: &FileLinks,
    ) -> Self {
        let last_change = message.deleted_at.or(message.edited_at);
        Self {
            id: Id(message.uuid),
            chat_room: Id(room),
            sender: sender.map(|sender| ProfileObject::of(sender, links)),
            content: &message.text,
            message_type: Kind::of(message),
            media: Media::of(message, links),
            reply_to: None,
            is_edited: message.edited_at.is_some(),
            is_deleted: message.deleted_at.is_some(),
            is_reply: message.reply_to.is_some(),
            created_at: Rfc3339::new(message.created_at),
            updated_at: Rfc3339::new(last_change.unwrap_or(message.created_at)),
            reactions: Vec::new(),
            user_reaction: None,
            is_read: false,
            read_by_count: 0,
            story_id: message.metadata.text(key::STORY),
            story_preview: None,
        }
    }

    /// With the message that it answers.
    pub(super) fn reply(mut self, reply: Option<ReplyObject<'a>>) -> Self {
        self.reply_to = reply;
        self
    }

    /// With the reactions that stand, and how many have read it.
    pub(super) fn known_to_all(mut self, reactions: Vec<ReactionObject<'a>>, readers: i64) -> Self {
        self.reactions = reactions;
        self.read_by_count = readers;
        self
    }

    /// With what is so for one reader alone: its first reaction, and whether it
    /// has read the message. Nobody has to read what is one's own.
    pub(super) fn for_reader(
        mut self,
        message: &'a Message,
        reader: UserId,
        readers: Readers,
    ) -> Self {
        let own = message.reactions.iter().find(|one| one.user == reader);
        self.user_reaction = own.map(|reaction| reaction.emoji.as_str());
        self.is_read = readers.with_asker || message.sender == Some(reader);
        self
    }
}
