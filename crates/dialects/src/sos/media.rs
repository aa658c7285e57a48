//! What messages carry (contract §3, `Message`: `image`, `video`, `audio`,
//! `file_url`, `file_name`, `file_size`). A file of ours is kept by its id, and
//! each rendering makes a new link to it; an address elsewhere is kept as it is.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use tertulia_domain::file::Category;
use tertulia_domain::{File, FileId, Message, MessageKind};

use super::encode::key;
use crate::common::files::FileLinks;

/// A field that holds what people see or hear in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaField {
    Image,
    Video,
    Audio,
}

impl MediaField {
    pub(super) const ALL: [Self; 3] = [Self::Image, Self::Video, Self::Audio];

    /// Its name on the wire.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    /// What it takes.
    pub(super) fn category(self) -> Category {
        match self {
            Self::Image => Category::Image,
            Self::Video => Category::Video,
            Self::Audio => Category::Audio,
        }
    }
}

/// The contract's fields for what a message carries.
#[derive(Default, Serialize)]
pub(super) struct Media<'a> {
    image: Option<String>,
    video: Option<String>,
    audio: Option<String>,
    file_url: Cow<'a, str>,
    file_name: &'a str,
    file_size: Option<i64>,
}

impl<'a> Media<'a> {
    /// What a message carries. Of each sort the first has its field; one more, a
    /// document, and what was sent as a file or as an address stand in
    /// `file_url`. Files beyond that have no place in this form.
    pub(super) fn of(message: &'a Message, links: &FileLinks) -> Self {
        let metadata = &message.metadata;
        let number = |name: &str| metadata.get(name).and_then(Value::as_i64);
        let mut media = Self {
            file_url: metadata.text(key::FILE_URL).unwrap_or_default().into(),
            file_name: metadata.text(key::FILE_NAME).unwrap_or_default(),
            file_size: number(key::FILE_SIZE),
            ..Self::default()
        };
        let by_address = number(key::FILE_URL).map(FileId);
        for file in &message.files {
            let is_file = message.kind == MessageKind::File || by_address == Some(file.id);
            media.show(file, is_file, links);
        }
        media
    }

    fn show(&mut self, file: &'a File, is_file: bool, links: &FileLinks) {
        let field = match file.content_type.category() {
            Category::Image => Some(&mut self.image),
            Category::Video => Some(&mut self.video),
            Category::Audio => Some(&mut self.audio),
            Category::Document => None,
        };
        let free = field.filter(|field| !is_file && field.is_none());
        if let Some(free) = free {
            *free = Some(links.url(file.id));
        } else if self.file_url.is_empty() {
            self.file_url = links.url(file.id).into();
            if self.file_name.is_empty() {
                self.file_name = &file.name;
            }
            self.file_size = i64::try_from(file.size).ok();
        }
    }
}
