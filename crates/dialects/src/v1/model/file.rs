//! Files.

use serde::Serialize;
use tertulia_domain::file::LinkedPart;
use utoipa::ToSchema;

use super::{Id, Time};
use crate::common::files::FileLinks;

/// A file, the same for everyone who sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct File {
    /// Names the file for good.
    pub id: Id,
    /// What its owner calls it.
    #[schema(min_length = 1, example = "partitura.pdf")]
    pub name: String,
    /// What it is, by its content.
    #[schema(example = "application/pdf")]
    pub content_type: &'static str,
    /// Bytes.
    #[schema(minimum = 1)]
    pub size: u64,
    /// Of an image: pixels across, as it is shown.
    #[schema(required, minimum = 1)]
    pub width: Option<u32>,
    /// Of an image: pixels down, as it is shown.
    #[schema(required, minimum = 1)]
    pub height: Option<u32>,
    /// Where its bytes are, for whoever has this link, until it ends; a day at
    /// least. An absolute address where the server knows its own
    /// (`TERTULIA_PUBLIC_URL`), else a path on this server. Ask for the message
    /// or file again for a new one.
    #[schema(format = "uri-reference")]
    pub url: String,
    /// The same of a small version of an image, where there is one.
    #[schema(required, format = "uri-reference")]
    pub thumbnail_url: Option<String>,
    /// When the upload was complete.
    pub created_at: Time,
}

impl File {
    /// A file with fresh links.
    #[must_use]
    pub(crate) fn new(file: &tertulia_domain::File, links: &FileLinks) -> Self {
        let small = || links.reference(file.id, LinkedPart::Thumbnail);
        Self {
            id: file.id.into(),
            name: file.name.clone(),
            content_type: file.content_type.mime(),
            size: file.size,
            width: file.dimensions.map(|size| size.width),
            height: file.dimensions.map(|size| size.height),
            url: links.reference(file.id, LinkedPart::Content),
            thumbnail_url: file.thumbnail.map(|_| small()),
            created_at: file.created_at.into(),
        }
    }
}
