//! Sending over HTTP, with or without what is seen and heard (contract §3,
//! `send_message`). The same text may come on the socket as well: then this is
//! the message that was made of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use http::StatusCode;
use serde_json::Value;
use tertulia_domain::pairing::Transport;
use tertulia_domain::{Draft, Error, File, FileId, Message, MessageId, Room, UserId};
use uuid::Uuid;

use super::chats::participant;
use super::extract::{Caller, Fields, InPath, media_type};
use super::messages::for_reader;
use crate::common::Context;
use crate::common::files::{Form, FormRefusal, FormRules, ReceivedFile, Unfinished, read_form};
use crate::sos::act::draft;
use crate::sos::decode::content;
use crate::sos::encode::key;
use crate::sos::error::{NO_FIELD, Refusal, sending, upload};
use crate::sos::kind::Kind;
use crate::sos::media::MediaField;

/// The fields of a form that hold files.
const FILE_FIELDS: [&str; 3] = [
    MediaField::Image.name(),
    MediaField::Video.name(),
    MediaField::Audio.name(),
];

/// `POST /api/messaging/chats/{id}/send_message/`.
pub(super) async fn send(
    State(context): State<Context>,
    Caller(caller): Caller,
    InPath(room): InPath<Uuid>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let sender = caller.user();
    let room = participant(&context.chat, sender, room).await?;
    let room = &room.summary().room;
    context.count_message(sender)?;
    let call = Call {
        context: &context,
        sender,
        room,
    };
    let Brought {
        fields,
        mut uploaded,
    } = call.read(request).await?;
    let draft = match call.draft(&fields, uploaded.files()).await {
        Ok(draft) => draft,
        Err(refusal) => {
            uploaded.remove().await;
            return Err(refusal);
        }
    };
    // What becomes of a message for which nobody waits any more, or while the
    // store is away, is not known: its files stay.
    let files = uploaded.keep();
    let sent = match context.chat.send(&caller.profile, room.id, draft).await {
        Ok(sent) => sent,
        Err(error) => {
            if !matches!(error, Error::Unavailable(_)) {
                uploaded.add(files);
                uploaded.remove().await;
            }
            return Err(sending(error));
        }
    };
    let message = Message::clone(&sent.message);
    let object = for_reader(&context, sender, room, message).await?;
    Ok((StatusCode::CREATED, Json(object)))
}

/// What a call brought: its fields, and the files that were stored for it.
struct Brought {
    fields: Fields,
    uploaded: Unfinished,
}

/// Who sends, and where.
#[derive(Clone, Copy)]
struct Call<'a> {
    context: &'a Context,
    sender: UserId,
    room: &'a Room,
}

impl Call<'_> {
    async fn read(self, request: Request) -> Result<Brought, Refusal> {
        if media_type(request.headers()) != "multipart/form-data" {
            let fields = Fields::from_request(request, self.context).await?;
            let uploaded = Unfinished::new(self.context, self.sender);
            return Ok(Brought { fields, uploaded });
        }
        let (parts, body) = request.into_parts();
        let rules = FormRules {
            file_fields: &FILE_FIELDS,
            most_files: self.context.chat.limits().files_per_message,
            most_bytes: None,
        };
        let form = read_form(self.context, self.sender, &parts.headers, body, rules).await?;
        take(form).await
    }

    async fn draft(self, fields: &Fields, uploaded: &[FileId]) -> Result<Draft, Refusal> {
        let kind = match fields.text("message_type").filter(|word| !word.is_empty()) {
            None => Kind::Text,
            Some(word) => Kind::parse(&word)
                .filter(|kind| *kind != Kind::System)
                .ok_or(Refusal::INVALID_KIND)?,
        };
        let mut files = uploaded.to_vec();
        for field in MediaField::ALL {
            files.extend(self.linked_media(fields, field).await?);
        }
        let address = self.address(fields).await?;
        if let Some(Address::Ours(file)) = address {
            files.push(file);
        }
        // A person may choose the same file twice.
        let mut seen = Vec::with_capacity(files.len());
        files.retain(|file| {
            let is_new = !seen.contains(file);
            seen.push(*file);
            is_new
        });
        let mut draft = draft(kind, words(fields, !files.is_empty())?, Transport::Call);
        if !files.is_empty() || address.is_some() {
            // Only bare words come on both transports.
            draft.pairing = None;
        }
        draft.files = files;
        draft.reply_to = match fields.text("reply_to").filter(|id| !id.is_empty()) {
            Some(id) => Some(self.answered(&id).await?),
            None => None,
        };
        let mut metadata = draft.metadata;
        metadata = match address {
            Some(Address::Ours(file)) => metadata.with(key::FILE_URL, file.0),
            Some(Address::Elsewhere(url)) => metadata.with(key::FILE_URL, url),
            None => metadata,
        };
        for (key, name) in [(key::FILE_NAME, "file_name"), (key::STORY, "story_id")] {
            if let Some(text) = fields.text(name).filter(|text| !text.is_empty()) {
                metadata = metadata.with(key, text);
            }
        }
        if let Some(size) = fields.number("file_size") {
            metadata = metadata.with(key::FILE_SIZE, size);
        }
        draft.metadata = metadata;
        Ok(draft)
    }

    /// A link of ours where a file could be: somebody passes on what was sent.
    async fn linked_media(
        self,
        fields: &Fields,
        field: MediaField,
    ) -> Result<Option<FileId>, Refusal> {
        let name = field.name();
        let Some(url) = fields.text(name).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        let file = self.context.files.recognise(&url);
        let file = file.ok_or(Refusal::not_a_file(name))?;
        let file = self.readable(file, name).await?;
        check_category(field, &file)?;
        Ok(Some(file.id))
    }

    /// `file_url`.
    async fn address(self, fields: &Fields) -> Result<Option<Address>, Refusal> {
        const NAME: &str = "file_url";
        let Some(url) = fields.text(NAME).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(match self.context.files.recognise(&url) {
            Some(file) => Address::Ours(self.readable(file, NAME).await?.id),
            None => Address::Elsewhere(url),
        }))
    }

    /// A file that the sender may see.
    async fn readable(self, file: FileId, field: &'static str) -> Result<Arc<File>, Refusal> {
        match self.context.chat.file(self.sender, file).await {
            Ok(permit) => Ok(Arc::clone(permit.file())),
            Err(Error::NotFound(_) | Error::Forbidden(_)) => Err(Refusal::no_such_file(field)),
            Err(error) => Err(error.into()),
        }
    }

    /// The message that is answered: one of this chat.
    async fn answered(self, id: &str) -> Result<MessageId, Refusal> {
        let id = Uuid::try_parse(id).map_err(|_| Refusal::FOREIGN_REPLY)?;
        let chat = &self.context.chat;
        match chat.message_by_uuid(self.sender, self.room.id, id).await {
            Ok(message) if message.deleted_at.is_none() => Ok(message.id),
            Ok(_) | Err(Error::NotFound(_)) => Err(Refusal::FOREIGN_REPLY),
            Err(error) => Err(error.into()),
        }
    }
}

/// All files of a form, or none.
async fn take(form: Form) -> Result<Brought, Refusal> {
    for received in form.files {
        if let Err(refusal) = check(received) {
            form.unfinished.remove().await;
            return Err(refusal);
        }
    }
    Ok(Brought {
        fields: Fields::of_texts(form.texts),
        uploaded: form.unfinished,
    })
}

/// What is said against a file of a form.
fn check(received: ReceivedFile) -> Result<(), Refusal> {
    let mut fields = MediaField::ALL.into_iter();
    let field = fields.find(|field| field.name() == received.field);
    match received.outcome {
        Ok(file) => field.map_or(Ok(()), |field| check_category(field, &file)),
        Err(Error::Upload(refusal)) => {
            Err(upload(field.map_or(NO_FIELD, MediaField::name), refusal))
        }
        Err(error) => Err(error.into()),
    }
}

/// What `file_url` leads to.
enum Address {
    Ours(FileId),
    Elsewhere(String),
}

/// `content`, which may be missing or blank where there is a file.
fn words(fields: &Fields, has_files: bool) -> Result<String, Refusal> {
    let said = fields.text("content");
    match said {
        Some(text) if has_files && text.trim().is_empty() => Ok(String::new()),
        Some(text) => content(&text, Refusal::BLANK_CONTENT),
        None if has_files => Ok(String::new()),
        None => Err(Refusal::MISSING_CONTENT),
    }
}

fn check_category(field: MediaField, file: &File) -> Result<(), Refusal> {
    match file.content_type.category() == field.category() {
        true => Ok(()),
        false => Err(Refusal::wrong_media(field)),
    }
}

impl From<FormRefusal> for Refusal {
    fn from(refusal: FormRefusal) -> Self {
        match refusal {
            FormRefusal::NotAForm | FormRefusal::Malformed => Self::BROKEN_FORM,
            FormRefusal::TooLarge | FormRefusal::Failed(Error::Upload(_)) => Self::TOO_LARGE,
            FormRefusal::TooManyFiles => Self::TOO_MANY_FILES,
            FormRefusal::Timeout => Self::TOO_SLOW,
            FormRefusal::Failed(error) => error.into(),
        }
    }
}
