//! Files: what people upload, attach to messages and download again.

mod kind;
mod name;
mod upload;

pub use kind::{Category, FileType};
pub use name::clean_name;
pub(crate) use name::extension;
pub use upload::{Announced, NewUpload, Reservation, ResumableUpload};

use std::fmt;

use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::{FileId, MessageKind, Timestamp, UserId};

/// A file that was uploaded as a whole and passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The file's number.
    pub id: FileId,
    /// The file's UUID; part of its blob's key.
    pub uuid: Uuid,
    /// Who uploaded it.
    pub owner: UserId,
    /// What its owner calls it, cleaned by [`clean_name`]: data to show, never
    /// a path.
    pub name: String,
    /// What it is, by its content.
    pub content_type: FileType,
    /// Bytes; at least one.
    pub size: u64,
    /// The size of an image that could be read.
    pub dimensions: Option<Dimensions>,
    /// A small version, kept under [`thumbnail_key`](Self::thumbnail_key).
    pub thumbnail: Option<StoredThumbnail>,
    /// Where its bytes are.
    pub key: BlobKey,
    /// When the upload was complete.
    pub created_at: Timestamp,
}

impl File {
    /// Where its thumbnail is, if it has one.
    #[must_use]
    pub fn thumbnail_key(&self) -> Option<BlobKey> {
        self.thumbnail.map(|small| self.key.thumbnail(small.kind))
    }
}

/// A small version of an image, made by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredThumbnail {
    /// [`FileType::Jpeg`] or [`FileType::Png`].
    pub kind: FileType,
    /// Bytes.
    pub size: u64,
}

/// What of a file a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkedPart {
    /// Its bytes.
    Content,
    /// Its thumbnail.
    Thumbnail,
}

impl LinkedPart {
    /// The word for it in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Thumbnail => "thumbnail",
        }
    }

    /// What is signed to make a link good until then
    /// ([`LinkSigner::sign`](crate::ports::LinkSigner::sign)).
    #[must_use]
    pub fn link_text(self, file: FileId, expires_at: Timestamp) -> String {
        format!("file/{file}/{}/{}", self.word(), expires_at.as_secs())
    }
}

/// How large an image is, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// Where a blob is kept: `YYYY/MM/DD/<uuid>.<extension>`, made by the server
/// alone. Safe as a relative path and as the name of an object: made of small
/// letters, digits, `/`, `-` and single dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// The key of a file's content.
    #[must_use]
    pub fn new(at: Timestamp, uuid: Uuid, kind: FileType) -> Self {
        Self::dated(at, uuid, kind.extension())
    }

    /// The key of one part of a resumable upload.
    #[must_use]
    pub fn part(at: Timestamp, uuid: Uuid, number: u32) -> Self {
        Self::dated(at, uuid, &format!("part-{number}"))
    }

    /// The key of the thumbnail of the content under this key.
    #[must_use]
    pub fn thumbnail(&self, kind: FileType) -> Self {
        let stem = self.0.rsplit_once('.').map_or(&*self.0, |(stem, _)| stem);
        Self(format!("{stem}.thumb.{}", kind.extension()))
    }

    /// A key as it was stored; none when it is none that this type makes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '/' | '-' | '.');
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains("..");
        let safe = text.chars().all(allowed) && text.split('/').all(plain);
        safe.then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last piece, by which the older systems know a file:
    /// `<uuid>.<extension>`.
    #[must_use]
    pub fn stored_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    fn dated(at: Timestamp, uuid: Uuid, ending: &str) -> Self {
        let time = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
        let day = time.to_zoned(TimeZone::UTC).date();
        let (year, month, day) = (day.year().max(0), day.month(), day.day());
        Self(format!("{year:04}/{month:02}/{day:02}/{uuid}.{ending}"))
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message with files is: what its sender says, or where the sender says
/// no more than "text", what its first file is.
#[must_use]
pub fn message_kind<'f>(
    said: MessageKind,
    mut files: impl Iterator<Item = &'f File>,
) -> MessageKind {
    match (said, files.next()) {
        (MessageKind::Text, Some(first)) => first.content_type.category().message_kind(),
        (said, _) => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_the_day_and_the_uuid() {
        let at = Timestamp::from_secs(1_768_003_200);
        let key = BlobKey::new(at, Uuid::nil(), FileType::Pdf);
        assert_eq!(
            key.as_str(),
            "2026/01/10/00000000-0000-0000-0000-000000000000.pdf"
        );
        assert_eq!(
            key.stored_name(),
            "00000000-0000-0000-0000-000000000000.pdf"
        );
        assert_eq!(
            key.thumbnail(FileType::Jpeg).stored_name(),
            "00000000-0000-0000-0000-000000000000.thumb.jpg"
        );
        assert_eq!(
            BlobKey::part(at, Uuid::nil(), 7).stored_name(),
            "00000000-0000-0000-0000-000000000000.part-7"
        );
        assert_eq!(BlobKey::parse(key.as_str()), Some(key));
    }

    #[test]
    fn no_stored_key_leaves_its_folder() {
        for bad in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a//b",
            "a/.b",
            "A",
            "a b",
            "a\\b",
            "a/",
        ] {
            assert_eq!(BlobKey::parse(bad), None, "{bad:?}");
        }
    }
}
