//! Uploads as forms (`multipart/form-data`, RFC 7578), read as they come in:
//! each file goes to its storage piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use multer::{Field, Multipart};
use tertulia_domain::{Error, File, UploadRefusal, UserId};

use super::body::{Broken, Pieces, in_time};
use super::unfinished::Unfinished;
use crate::common::Context;

/// Fields of a form that are no files.
const TEXTS: usize = 64;

/// Bytes in which nothing of a form is found, neither a part's head nor some of
/// its content: they wait in memory.
const UNREAD: usize = 64 * 1024;

/// What the parts of a form have besides their contents, at most.
const OVERHEAD: u64 = 64 * 1024;

/// What a form may bring.
#[derive(Clone, Copy, Debug)]
pub struct FormRules<'r> {
    /// The fields that hold files.
    pub file_fields: &'r [&'r str],
    /// Files in all.
    pub most_files: usize,
    /// Bytes of one file, where fewer are allowed than by the settings.
    pub most_bytes: Option<u64>,
}

/// What a form brought.
#[derive(Debug)]
pub struct Form {
    /// The files, in their order.
    pub files: Vec<ReceivedFile>,
    /// The other fields by name, in their order.
    pub texts: Vec<(String, String)>,
    /// Those of the files that were taken. They are removed with this unless they
    /// are [kept](Unfinished::keep).
    pub unfinished: Unfinished,
}

/// A file of a form.
#[derive(Debug)]
pub struct ReceivedFile {
    /// The field that held it.
    pub field: String,
    /// Its name as it came.
    pub name: String,
    /// The type that was said of it; not believed, good for error texts.
    pub said_type: Option<String>,
    /// The file, or why it was refused.
    pub outcome: Result<File, Error>,
}

/// Why a form was not read to its end. Nothing is left of its files then.
#[derive(Debug)]
pub enum FormRefusal {
    /// The request is no form.
    NotAForm,
    /// It is broken, or was cut.
    Malformed,
    /// Its fields besides the files are too large or too many.
    TooLarge,
    /// There are more files than allowed.
    TooManyFiles,
    /// It came too slowly.
    Timeout,
    /// A file could not be taken, and the others neither.
    Failed(Error),
}

impl Form {
    /// The last value of a field that is no file.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let values = self.texts.iter().rev();
        let found = values.clone().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl From<Broken> for FormRefusal {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Timeout => Self::Timeout,
            Broken::Cut => Self::Malformed,
        }
    }
}

impl From<multer::Error> for FormRefusal {
    fn from(_: multer::Error) -> Self {
        Self::Malformed
    }
}

/// Reads a form, and stores its files for `owner`. A file that is refused
/// ([`Error::Upload`]) is noted beside the others; whatever else goes wrong
/// removes the files that came before. Who is content with the form keeps them.
///
/// # Errors
/// See [`FormRefusal`].
pub async fn read_form(
    context: &Context,
    owner: UserId,
    headers: &HeaderMap,
    body: Body,
    rules: FormRules<'_>,
) -> Result<Form, FormRefusal> {
    let boundary = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| multer::parse_boundary(value).ok())
        .ok_or(FormRefusal::NotAForm)?;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    let mut reader = FormReader {
        context,
        owner,
        rules,
        announced,
        unread: Arc::default(),
        file_bytes: 0,
        parts: 0,
        text_bytes: 0,
        form: Form {
            files: Vec::new(),
            texts: Vec::new(),
            unfinished: Unfinished::new(context, owner),
        },
    };
    let mut watched = Watched {
        pieces: Pieces::of(body),
        unread: Arc::clone(&reader.unread),
    };
    let read = reader.read(Multipart::new(&mut watched, boundary)).await;
    match read {
        Ok(()) => Ok(reader.form),
        Err(refusal) => {
            reader.form.unfinished.remove().await;
            // The sender gets to hear the answer.
            watched.pieces.drain().await;
            Err(refusal)
        }
    }
}

/// The pieces of a body, of which only so much may come without anything being
/// found in it.
struct Watched {
    pieces: Pieces,
    /// Bytes since something was found.
    unread: Arc<AtomicUsize>,
}

impl Stream for Watched {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let polled = self.pieces.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            // One task reads a form: the order of what it reads and writes is plain.
            let before = self.unread.fetch_add(piece.len(), Ordering::Relaxed);
            if before > UNREAD {
                let endless = axum::Error::new("nothing of a form is found");
                return Poll::Ready(Some(Err(endless)));
            }
        }
        polled
    }
}

struct FormReader<'r> {
    context: &'r Context,
    owner: UserId,
    rules: FormRules<'r>,
    announced: Option<u64>,
    /// See [`Watched`].
    unread: Arc<AtomicUsize>,
    /// Bytes of files so far, taken or not.
    file_bytes: u64,
    /// Parts so far, of whatever kind.
    parts: usize,
    text_bytes: usize,
    form: Form,
}

impl FormReader<'_> {
    async fn read(&mut self, mut parts: Multipart<'_>) -> Result<(), FormRefusal> {
        while let Some(field) = in_time(parts.next_field()).await?? {
            self.found();
            self.parts += 1;
            // Empty ones count nowhere else.
            if self.parts > TEXTS + self.rules.most_files {
                return Err(FormRefusal::TooLarge);
            }
            let name = field.name().unwrap_or_default().to_owned();
            match self.rules.file_fields.contains(&&*name) {
                _ if !is_file(&field) => self.take_text(name, field).await?,
                true => self.take_file(name, field).await?,
                false => self.pass_over(field).await?,
            }
        }
        Ok(())
    }

    /// A file that nobody asked for falls.
    async fn pass_over(&mut self, mut field: Field<'_>) -> Result<(), FormRefusal> {
        while let Some(piece) = in_time(field.chunk()).await?? {
            self.count(&piece)?;
        }
        Ok(())
    }

    /// Counts bytes of files, taken or not: nobody reads on for ever.
    fn count(&mut self, piece: &Bytes) -> Result<(), FormRefusal> {
        self.found();
        self.file_bytes += piece.len() as u64;
        let max = self.context.chat.limits().file_bytes as u64;
        if self.file_bytes > (max + OVERHEAD) * self.rules.most_files as u64 {
            return Err(FormRefusal::Failed(too_large(max)));
        }
        Ok(())
    }

    /// Something of the form was found in what has come.
    fn found(&self) {
        self.unread.store(0, Ordering::Relaxed);
    }

    async fn take_file(&mut self, field_name: String, field: Field<'_>) -> Result<(), FormRefusal> {
        if self.form.files.len() >= self.rules.most_files {
            return Err(FormRefusal::TooManyFiles);
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let said_type = field.content_type().map(ToString::to_string);
        let outcome = match self.store(&name, field).await? {
            Err(error @ Error::Unavailable(_)) => return Err(FormRefusal::Failed(error)),
            outcome => outcome,
        };
        if let Ok(file) = &outcome {
            self.form.unfinished.add([file.id]);
        }
        self.form.files.push(ReceivedFile {
            field: field_name,
            name,
            said_type,
            outcome,
        });
        Ok(())
    }

    /// Stores one file; reads on to its end when it is refused.
    async fn store(
        &mut self,
        name: &str,
        mut field: Field<'_>,
    ) -> Result<Result<File, Error>, FormRefusal> {
        let chat = &self.context.chat;
        let max = self.rules.most_bytes.unwrap_or(u64::MAX);
        let mut upload = chat.begin_upload(self.owner, name, self.announced);
        let mut size = 0;
        while let Some(piece) = in_time(field.chunk()).await?? {
            self.count(&piece)?;
            size += piece.len() as u64;
            let Ok(taking) = &mut upload else { continue };
            let taken = match size > max {
                true => Err(too_large(max)),
                false => taking.write(piece).await,
            };
            if let Err(error) = taken {
                upload = Err(error);
            }
        }
        Ok(match upload {
            Ok(upload) => upload.finish().await,
            Err(error) => Err(error),
        })
    }

    async fn take_text(&mut self, name: String, mut field: Field<'_>) -> Result<(), FormRefusal> {
        let most = self.context.settings.body_bytes;
        let mut text = Vec::new();
        while let Some(piece) = in_time(field.chunk()).await?? {
            self.found();
            self.text_bytes += piece.len();
            if self.text_bytes > most {
                return Err(FormRefusal::TooLarge);
            }
            text.extend_from_slice(&piece);
        }
        if self.form.texts.len() >= TEXTS {
            return Err(FormRefusal::TooLarge);
        }
        let text = String::from_utf8(text).map_err(|_| FormRefusal::Malformed)?;
        self.form.texts.push((name, text));
        Ok(())
    }
}

/// RFC 7578 §4.2: a file has a name.
fn is_file(field: &Field<'_>) -> bool {
    field.file_name().is_some()
}

fn too_large(max: u64) -> Error {
    Error::Upload(UploadRefusal::TooLarge { max })
}
