//! Files: uploading, showing, downloading, removing.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use tertulia_domain::file::LinkedPart;
use tertulia_domain::policy::MayFetch;
use tertulia_domain::{FileId, Reason};
use utoipa::ToSchema;

use crate::common::Context;
use crate::common::files::{
    Asked, FormRefusal, FormRules, LinkClaim, ServesBytes, read_form, serve,
};
use crate::v1::cursor::Cursor;
use crate::v1::extract::{Caller, Named, PageQuery, Query, authenticate};
use crate::v1::model::{File, FilePage, Id};
use crate::v1::openapi::{
    Always, IsLimited, NamesThing, NeedsRight, NeedsToken, ReadsBody, ReadsQuery,
};
use crate::v1::refusal::Refusal;

/// The field of a form that holds the file.
const FIELD: &str = "file";

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the form that `upload_file` reads")]
pub(super) struct UploadForm {
    /// The file, with its name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Uploads a file. It takes room of one's quota until it is deleted.
///
/// Accepted are PDF, Word, Excel and PowerPoint documents, plain text and CSV,
/// JPEG, PNG, GIF, WebP and SVG images, MP3, WAV and Ogg audio, MP4, AVI and
/// QuickTime video, ZIP, RAR and 7z archives. What a file is, is told from its
/// content; the ending of its name must agree. Uploads that can be interrupted
/// go to `/v1/files/tus`, by the tus protocol 1.0; the address that is made
/// there ends in the file's id.
#[utoipa::path(
    post, path = "/v1/files", tag = "files",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, body = File, description = "The file."),
        NeedsToken, ReadsBody, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn upload_file(
    State(context): State<Context>,
    Caller(caller): Caller,
    request: Request,
) -> Result<(StatusCode, Json<File>), Refusal> {
    context.count_message(caller.user())?;
    let (parts, body) = request.into_parts();
    let rules = FormRules {
        file_fields: &[FIELD],
        most_files: 1,
        most_bytes: None,
    };
    let mut form = read_form(&context, caller.user(), &parts.headers, body, rules).await?;
    form.unfinished.keep();
    let received = form.files.into_iter().next();
    let received = received.ok_or(Refusal::invalid(FIELD, Reason::Missing))?;
    let file = received.outcome?;
    Ok((StatusCode::CREATED, Json(File::new(&file, &context.files))))
}

impl From<FormRefusal> for Refusal {
    fn from(refusal: FormRefusal) -> Self {
        match refusal {
            FormRefusal::NotAForm => Self::NotAForm,
            FormRefusal::Malformed => Self::MalformedForm,
            FormRefusal::TooLarge => Self::TooLarge,
            FormRefusal::TooManyFiles => Self::invalid(FIELD, Reason::TooLong { max: 1 }),
            FormRefusal::Timeout => Self::Timeout,
            FormRefusal::Failed(error) => error.into(),
        }
    }
}

/// One's own files, the newest first.
#[utoipa::path(
    get, path = "/v1/files", tag = "files",
    params(PageQuery),
    responses(
        (status = 200, body = FilePage, description = "One page of them."),
        NeedsToken, ReadsQuery, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_files(
    State(context): State<Context>,
    Caller(caller): Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<FilePage>, Refusal> {
    let stretch = tertulia_domain::ports::FilesPage {
        before: page.place()?,
        skip: 0,
        limit: page.limit + 1,
    };
    let mut found = context.chat.files_of(caller.user(), stretch).await?;
    let more = found.len() > page.limit;
    found.truncate(page.limit);
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.encode());
    let items = found
        .iter()
        .map(|file| File::new(file, &context.files))
        .collect();
    Ok(Json(FilePage { items, next_cursor }))
}

/// A file: one's own, or one that stands in a message of a room that one may
/// read.
#[utoipa::path(
    get, path = "/v1/files/{file_id}", tag = "files",
    params(("file_id" = Id, Path, description = "The file.")),
    responses(
        (status = 200, body = File, description = "The file."),
        NeedsToken, NamesThing, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_file(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(file): Named<FileId>,
) -> Result<Json<File>, Refusal> {
    let permit = context.chat.file(caller.user(), file).await?;
    Ok(Json(File::new(permit.file(), &context.files)))
}

/// Removes one's own file for good. Messages that have it stay, without it.
#[utoipa::path(
    delete, path = "/v1/files/{file_id}", tag = "files",
    params(("file_id" = Id, Path, description = "The file.")),
    responses(
        (status = 204, description = "It is gone."),
        NeedsToken, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn delete_file(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(file): Named<FileId>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context.chat.delete_file(caller.user(), file).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The bytes of a file.
///
/// Needs the signature that stands in a file's `url`, or a token. Ranges and
/// conditions work as RFC 9110 says. Only images, audio and video are shown in
/// place; all else is sent as an attachment.
#[utoipa::path(
    get, path = "/v1/files/{file_id}/content", tag = "files",
    params(("file_id" = Id, Path, description = "The file."), LinkQuery),
    responses(ServesBytes, NeedsToken, NamesThing, Always),
    security(("bearer" = []), ()),
)]
pub(super) async fn get_content(
    State(context): State<Context>,
    named: Result<Named<FileId>, Refusal>,
    request: Request,
) -> Result<Response, Refusal> {
    fetch(&context, named, LinkedPart::Content, request).await
}

/// The bytes of a small version of an image.
#[utoipa::path(
    get, path = "/v1/files/{file_id}/thumbnail", tag = "files",
    params(("file_id" = Id, Path, description = "The file."), LinkQuery),
    responses(ServesBytes, NeedsToken, NamesThing, Always),
    security(("bearer" = []), ()),
)]
pub(super) async fn get_thumbnail(
    State(context): State<Context>,
    named: Result<Named<FileId>, Refusal>,
    request: Request,
) -> Result<Response, Refusal> {
    fetch(&context, named, LinkedPart::Thumbnail, request).await
}

/// What a link to a file's bytes says. Copied from `url`, never made up.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what `LinkClaim` reads")]
pub(super) struct LinkQuery {
    /// When the link ends.
    expires: Option<i64>,
    /// Proves that the link was made here.
    #[param(max_length = 64)]
    signature: Option<String>,
}

async fn fetch(
    context: &Context,
    named: Result<Named<FileId>, Refusal>,
    part: LinkedPart,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let permit = match named {
        Ok(Named(file)) => permit(context, file, part, &parts).await?,
        Err(refusal) => {
            authenticate(&parts.headers, context).await?;
            return Err(refusal);
        }
    };
    let asked = Asked {
        method: &parts.method,
        headers: &parts.headers,
        part,
        to_save: false,
    };
    Ok(serve(context, &permit, asked).await?)
}

/// By the link's signature, else by the token.
async fn permit(
    context: &Context,
    file: FileId,
    part: LinkedPart,
    request: &Parts,
) -> Result<MayFetch, Refusal> {
    let query = request.uri.query().unwrap_or_default();
    match LinkClaim::read(file, part, query) {
        Some(link) => {
            let found =
                context
                    .chat
                    .linked_file(link.file, link.part, link.expires_at, &link.signature);
            Ok(found.await?)
        }
        None => {
            let Caller(caller) = authenticate(&request.headers, context).await?;
            Ok(context.chat.file(caller.user(), file).await?)
        }
    }
}
