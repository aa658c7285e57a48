//! Messages: what people say, and what is checked before it is stored.

use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::pairing::Pairing;
use crate::{
    Error, File, FileId, Limits, MessageId, OutboxId, Reason, Result, Revision, RoomId, Seq,
    Timestamp, UserId,
};

/// A stored message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Unique over all rooms.
    pub id: MessageId,
    /// Derived from `id`; see [`MessageUuids`](crate::MessageUuids).
    pub uuid: Uuid,
    /// Where it was said.
    pub room: RoomId,
    /// Its place there.
    pub seq: Seq,
    /// Who said it; none for what the server says.
    pub sender: Option<UserId>,
    /// The sender's own id of this send.
    pub client_id: Option<ClientId>,
    /// What it is.
    pub kind: MessageKind,
    /// Its words; empty once deleted.
    pub text: String,
    /// The message it answers, in the same room.
    pub reply_to: Option<MessageId>,
    /// The dialects' own words; empty once deleted.
    pub metadata: Metadata,
    /// What was attached and still exists, in the sender's order, at most
    /// [`Limits::files_per_message`]; empty once deleted.
    pub files: Vec<Arc<File>>,
    /// Those that stand, oldest first.
    pub reactions: Vec<Reaction>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its words last changed.
    pub edited_at: Option<Timestamp>,
    /// When it was taken back.
    pub deleted_at: Option<Timestamp>,
    /// The change that last edited or deleted it; zero for none.
    pub revision: Revision,
}

/// What a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Words.
    #[default]
    Text,
    /// A picture, with or without words.
    Image,
    /// Any file.
    File,
    /// A recording.
    Audio,
    /// A film.
    Video,
    /// What the server says of the room.
    System,
}

/// One person's mark on a message; a person may leave several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Who.
    pub user: UserId,
    /// An emoji or a word such as SOS's `golazo`: 1 to 64 bytes.
    pub emoji: String,
    /// When.
    pub created_at: Timestamp,
}

/// The sender's own id of a send, 1 to 64 bytes. The same user with the same id
/// and the same content gets the first result, however often it is sent (G6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Takes an id as the client gave it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is empty or longer than 64 bytes.
    pub fn new(id: String) -> Result<Self> {
        match id.len() {
            0 => Err(Error::invalid("client_id", Reason::Empty)),
            1..=64 => Ok(Self(id)),
            _ => Err(Error::invalid("client_id", Reason::TooLong { max: 64 })),
        }
    }

    /// As the client gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Words that only some dialects have: KaapehChat's `emoji` and `object` kinds,
/// the client's own `timestamp`, SOS's `story_reply`. Kept with the message so
/// that every history can say them again. Keys start with the dialect's name
/// where two dialects could differ. A copy shares them.
#[derive(Clone, Debug, Default)]
pub struct Metadata(Option<Arc<Words>>);

/// So many names are compared sooner than one is hashed.
const FEW: usize = 8;

/// What absent words stand for.
static NO_WORDS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

#[derive(Debug)]
struct Words {
    map: Map<String, Value>,
    /// Made when it is first asked for.
    json: OnceLock<Box<str>>,
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.as_map() == other.as_map()
    }
}

impl Metadata {
    /// The words as a JSON object.
    #[must_use]
    pub fn from_map(map: Map<String, Value>) -> Self {
        let words = |map| {
            let json = OnceLock::new();
            Arc::new(Words { map, json })
        };
        Self((!map.is_empty()).then_some(map).map(words))
    }

    /// The words as a JSON object.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        self.0.as_deref().map_or(&NO_WORDS, |words| &words.map)
    }

    /// The text of the JSON object.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.as_deref().map_or("{}", |words| {
            words.json.get_or_init(|| {
                let json = serde_json::to_string(&words.map);
                json.expect("texts and JSON values have a JSON form").into()
            })
        })
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let map = self.as_map();
        if map.len() > FEW {
            return map.get(key);
        }
        let mut words = map.iter();
        words.find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The value of `key`, when it is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Keeps `value` under `key`.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<Value>) -> Self {
        let mut map = self.as_map().clone();
        map.insert(key.to_owned(), value.into());
        Self::from_map(map)
    }
}

/// A message as a client asks for it.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What it is.
    pub kind: MessageKind,
    /// Its words.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// What to attach, in this order, at most [`Limits::files_per_message`] and
    /// none twice.
    pub files: Vec<FileId>,
    /// The dialect's own words.
    pub metadata: Metadata,
    /// The sender's own id of this send.
    pub client_id: Option<ClientId>,
    /// Where its client may have made the same send on another transport.
    pub pairing: Option<Pairing>,
}

impl Draft {
    /// A plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Checks it against the limits; what comes out may be stored.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a text that is empty (where no file is attached) or
    /// too long, for metadata over its bound, for too many files or one that is
    /// named twice, and for the kind that only the server may use.
    pub fn validate(self, limits: &Limits) -> Result<ValidDraft> {
        if self.kind == MessageKind::System {
            return Err(Error::invalid("kind", Reason::NotAllowed));
        }
        validate_text(&self.text, !self.files.is_empty(), limits)?;
        validate_files(&self.files, limits)?;
        let max = limits.metadata_bytes;
        if !self.metadata.is_empty() && self.metadata.json().len() > max {
            return Err(Error::invalid("metadata", Reason::TooLong { max }));
        }
        Ok(ValidDraft(self))
    }
}

/// Checks the words of a message or of an edit.
///
/// # Errors
/// [`Error::Invalid`] when there is nothing but white space in a message that
/// has no files, or more than [`Limits::text_chars`] characters.
pub fn validate_text(text: &str, has_files: bool, limits: &Limits) -> Result<()> {
    if !has_files && text.trim().is_empty() {
        return Err(Error::invalid("text", Reason::Empty));
    }
    // A text of n bytes has at most n characters: count only when it may be too long.
    if text.len() > limits.text_chars && text.chars().count() > limits.text_chars {
        return Err(Error::invalid(
            "text",
            Reason::TooLong {
                max: limits.text_chars,
            },
        ));
    }
    Ok(())
}

fn validate_files(files: &[FileId], limits: &Limits) -> Result<()> {
    let max = limits.files_per_message;
    if files.len() > max {
        return Err(Error::invalid("file_ids", Reason::TooLong { max }));
    }
    let twice = |(place, file): (usize, &FileId)| files[..place].contains(file);
    if files.iter().enumerate().any(twice) {
        return Err(Error::invalid("file_ids", Reason::Malformed));
    }
    Ok(())
}

/// A draft that passed [`Draft::validate`].
#[derive(Clone, Debug)]
pub struct ValidDraft(Draft);

impl ValidDraft {
    /// What was asked for.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.0
    }

    /// What was asked for.
    #[must_use]
    pub fn into_draft(self) -> Draft {
        self.0
    }

    /// Tells a retry from another message under the same `client_id`: 64 bits
    /// of a hash over room and content.
    #[must_use]
    pub fn fingerprint(&self, room: RoomId) -> i64 {
        let mut hash = Sha256::new();
        hash.update(room.0.to_le_bytes());
        hash.update([self.0.kind as u8]);
        hash.update(self.0.reply_to.map_or(0, |id| id.0).to_le_bytes());
        hash.update((self.0.text.len() as u64).to_le_bytes());
        hash.update(self.0.text.as_bytes());
        hash.update((self.0.files.len() as u64).to_le_bytes());
        for file in &self.0.files {
            hash.update(file.0.to_le_bytes());
        }
        let mut metadata: Vec<_> = self.0.metadata.as_map().iter().collect();
        metadata.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in metadata {
            hash.update((key.len() as u64).to_le_bytes());
            hash.update(key.as_bytes());
            let value = value.to_string();
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(value.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        i64::from_le_bytes(first)
    }
}

/// A message about to be appended: everything but its seq.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its number, taken from a reserved block.
    pub id: MessageId,
    /// What was asked for.
    pub draft: Draft,
    /// See [`ValidDraft::fingerprint`]; none without a `client_id`.
    pub fingerprint: Option<i64>,
    /// When.
    pub created_at: Timestamp,
    /// The row by which an SQL client asked for it: the message is appended only
    /// while that waits, and it is marked as done in the same transaction.
    pub outbox: Option<OutboxId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(draft: Draft) -> (&'static str, Reason) {
        match draft.validate(&Limits::default()) {
            Err(Error::Invalid { field, reason }) => (field, reason),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_draft_has_words_within_bounds_and_is_not_the_servers() {
        assert_eq!(refused(Draft::text(" \n\t ")), ("text", Reason::Empty));
        assert_eq!(
            refused(Draft::text("ñ".repeat(20_001))),
            ("text", Reason::TooLong { max: 20_000 })
        );
        assert!(
            Draft::text("ñ".repeat(20_000))
                .validate(&Limits::default())
                .is_ok(),
            "characters, not bytes"
        );
        let system = Draft {
            kind: MessageKind::System,
            ..Draft::text("x")
        };
        assert_eq!(refused(system), ("kind", Reason::NotAllowed));
        let metadata = Metadata::default().with("note", "x".repeat(16 * 1024));
        let heavy = Draft {
            metadata,
            ..Draft::text("x")
        };
        assert_eq!(
            refused(heavy),
            ("metadata", Reason::TooLong { max: 16 * 1024 })
        );
    }

    #[test]
    fn a_draft_with_files_needs_no_words() {
        let with = |files: Vec<i64>| Draft {
            files: files.into_iter().map(FileId).collect(),
            ..Draft::text(" ")
        };
        assert!(with(vec![1, 2]).validate(&Limits::default()).is_ok());
        assert_eq!(
            refused(with((1..=11).collect())),
            ("file_ids", Reason::TooLong { max: 10 })
        );
        assert_eq!(
            refused(with(vec![3, 4, 3])),
            ("file_ids", Reason::Malformed)
        );
    }

    #[test]
    fn a_client_id_is_1_to_64_bytes() {
        assert!(ClientId::new(String::new()).is_err());
        assert!(ClientId::new("x".repeat(64)).is_ok());
        assert!(ClientId::new("x".repeat(65)).is_err());
    }

    #[test]
    fn a_fingerprint_tells_every_part_of_the_content_apart() {
        let plain = || Draft::text("hola");
        let drafts = [
            plain(),
            Draft::text("hola "),
            Draft {
                kind: MessageKind::Image,
                ..plain()
            },
            Draft {
                reply_to: Some(MessageId(1)),
                ..plain()
            },
            Draft {
                metadata: Metadata::default().with("a", "b"),
                ..plain()
            },
            Draft {
                files: vec![FileId(1)],
                ..plain()
            },
            Draft {
                files: vec![FileId(2), FileId(1)],
                ..plain()
            },
            Draft {
                files: vec![FileId(1), FileId(2)],
                ..plain()
            },
            Draft {
                metadata: Metadata::default().with("ab", ""),
                ..plain()
            },
        ];
        let print = |draft: &Draft, room| {
            draft
                .clone()
                .validate(&Limits::default())
                .expect("valid")
                .fingerprint(RoomId(room))
        };
        let mut prints: Vec<_> = drafts.iter().map(|draft| print(draft, 1)).collect();
        prints.push(print(&plain(), 2));
        assert_eq!(
            print(&plain(), 1),
            prints[0],
            "the same content has the same fingerprint"
        );
        let with_id = Draft {
            client_id: ClientId::new("1".to_owned()).ok(),
            ..plain()
        };
        assert_eq!(
            print(&with_id, 1),
            prints[0],
            "the id is no part of the content"
        );
        let noted = |first: &str, second: &str| {
            let metadata = Metadata::default().with(first, 1).with(second, 1);
            print(
                &Draft {
                    metadata,
                    ..plain()
                },
                1,
            )
        };
        assert_eq!(
            noted("a", "b"),
            noted("b", "a"),
            "the order of keys says nothing"
        );
        let count = prints.len();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), count);
    }
}
