//! Files: uploading one or several, showing, downloading, removing.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use tertulia_domain::file::{Category, FileType, LinkedPart};
use tertulia_domain::ports::FilesPage;
use tertulia_domain::{Denial, Error, FileId, Identity, Result};
use utoipa::ToSchema;

use super::model::{
    AllowedTypesObject, CategoriesObject, FileListObject, FileObject, NotUploadedObject,
    RemovedObject, UploadedObject,
};
use super::people::People;
use crate::common::Context;
use crate::common::files::{Asked, Form, FormRefusal, FormRules, ServesBytes, read_form, serve};
use crate::izpochat::error::Refusal;
use crate::izpochat::extract::{Caller, Number, Page};
use crate::izpochat::openapi::{Always, IsLimited, NamesThing, NeedsToken, ReadsBody, ReadsQuery};

/// The field of a form with one file.
const FILE: &str = "file";

/// The field of a form with several.
const FILES: &str = "files";

/// Files of one form.
const MOST: usize = 10;

/// How many files a page has if nothing else is said.
const USUAL: usize = 50;

/// A form with one file.
#[derive(ToSchema)]
#[schema(as = izpochat::UploadFile)]
#[expect(dead_code, reason = "only describes the form that `upload_file` reads")]
pub(super) struct UploadFile {
    /// The file, with its name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A form with several files.
#[derive(ToSchema)]
#[schema(as = izpochat::UploadFiles)]
#[expect(
    dead_code,
    reason = "only describes the form that `upload_files` reads"
)]
pub(super) struct UploadFiles {
    /// The files, with their names.
    #[schema(value_type = Vec<String>, format = Binary, max_items = 10)]
    files: Vec<Vec<u8>>,
}

/// Uploads a file. What it is, is told from its content; the ending of its name
/// must agree.
#[utoipa::path(
    post, path = "/api/uploads/", tag = "izpochat",
    request_body(content = UploadFile, content_type = "multipart/form-data"),
    responses(
        (status = 201, body = FileObject, description = "The file."),
        NeedsToken, ReadsBody, IsLimited, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn upload_file(
    State(context): State<Context>,
    Caller(caller): Caller,
    request: Request,
) -> Result<(StatusCode, Json<FileObject>), Refusal> {
    context.wait_for_turn(caller.user()).await;
    let form = receive(&context, &caller, request, FILE, 1).await?;
    let is_text = form.text(FILE).is_some();
    let Some(received) = form.files.into_iter().next() else {
        return Err(Refusal::no_file(FILE, is_text));
    };
    let file = received
        .outcome
        .map_err(|error| Refusal::of_file(error, received.said_type.as_deref()))?;
    let uploader = People::read(&context.chat, Some(caller.user()), [file.owner]).await?;
    let object = FileObject::new(&file, uploader.show(Some(file.owner)), &context.files);
    Ok((StatusCode::CREATED, Json(object)))
}

/// Uploads up to ten files. Each is taken or refused for itself.
#[utoipa::path(
    post, path = "/api/uploads/multiple", tag = "izpochat",
    request_body(content = UploadFiles, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = UploadedObject, description = "What became of each."),
        NeedsToken, ReadsBody, IsLimited, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn upload_files(
    State(context): State<Context>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Json<UploadedObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    let form = receive(&context, &caller, request, FILES, MOST).await?;
    if form.files.is_empty() {
        return Err(Refusal::no_file(FILES, form.text(FILES).is_some()));
    }
    let own = caller.user();
    let uploader = People::read(&context.chat, Some(own), [own]).await?;
    let mut uploaded = UploadedObject {
        uploaded_files: Vec::new(),
        total_uploaded: 0,
        total_files: form.files.len(),
        errors: Vec::new(),
    };
    for received in form.files {
        match received.outcome {
            Ok(file) => {
                let object = FileObject::new(&file, uploader.show(Some(own)), &context.files);
                uploaded.uploaded_files.push(object);
            }
            Err(error) => uploaded.errors.push(NotUploadedObject {
                filename: received.name,
                error: Refusal::of_file(error, received.said_type.as_deref()).into_text(),
            }),
        }
    }
    uploaded.total_uploaded = uploaded.uploaded_files.len();
    Ok(Json(uploaded))
}

/// Reads a form with at most so many files in this field.
async fn receive(
    context: &Context,
    caller: &Identity,
    request: Request,
    field: &'static str,
    most: usize,
) -> Result<Form, Refusal> {
    let (parts, body) = request.into_parts();
    let rules = FormRules {
        file_fields: &[field],
        most_files: most,
        most_bytes: None,
    };
    let read = read_form(context, caller.user(), &parts.headers, body, rules).await;
    let mut form = read.map_err(|refusal| match refusal {
        FormRefusal::NotAForm => Refusal::no_file(field, false),
        FormRefusal::Malformed => Refusal::malformed_body(),
        FormRefusal::TooLarge => Refusal::too_large(),
        FormRefusal::TooManyFiles => Refusal::too_many_files(most),
        FormRefusal::Timeout => Refusal::timeout(),
        FormRefusal::Failed(error) => error.into(),
    })?;
    form.unfinished.keep();
    Ok(form)
}

/// One's own files, the newest first.
#[utoipa::path(
    get, path = "/api/uploads/", tag = "izpochat",
    params(Page),
    responses(
        (status = 200, body = FileListObject, description = "One page, of 50 if not said otherwise."),
        NeedsToken, ReadsQuery, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn list_files(
    State(context): State<Context>,
    Caller(caller): Caller,
    page: Page,
) -> Result<Json<FileListObject>, Refusal> {
    let files = own_files(&context, &caller, &page).await?;
    Ok(Json(FileListObject {
        total: files.len(),
        files,
        skip: page.skip,
        limit: page.limit(USUAL),
    }))
}

/// The same as a plain list.
#[utoipa::path(
    get, path = "/api/users/me/files", tag = "izpochat",
    params(Page),
    responses(
        (status = 200, body = Vec<FileObject>, description = "One page, of 50 if not said otherwise."),
        NeedsToken, ReadsQuery, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn my_files(
    State(context): State<Context>,
    Caller(caller): Caller,
    page: Page,
) -> Result<Json<Vec<FileObject>>, Refusal> {
    Ok(Json(own_files(&context, &caller, &page).await?))
}

async fn own_files(context: &Context, caller: &Identity, page: &Page) -> Result<Vec<FileObject>> {
    let own = caller.user();
    let stretch = FilesPage {
        before: None,
        skip: page.skip,
        limit: page.limit(USUAL),
    };
    let files = context.chat.files_of(own, stretch).await?;
    let uploader = People::read(&context.chat, Some(own), [own]).await?;
    let show = |file| FileObject::new(file, uploader.show(Some(own)), &context.files);
    Ok(files.iter().map(show).collect())
}

/// A file: one's own, or one that stands in a message of a room that one may
/// read.
#[utoipa::path(
    get, path = "/api/uploads/{file_id}", tag = "izpochat",
    params(("file_id" = i64, Path, description = "The file's number.")),
    responses(
        (status = 200, body = FileObject, description = "The file."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn get_file(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(file): Number<FileId>,
) -> Result<Json<FileObject>, Refusal> {
    let permit = context.chat.file(caller.user(), file).await?;
    let file = permit.file();
    let uploader = People::read(&context.chat, Some(caller.user()), [file.owner]).await?;
    let uploader = uploader.show(Some(file.owner));
    Ok(Json(FileObject::new(file, uploader, &context.files)))
}

/// Removes one's own file for good. Messages that have it stay, without it.
#[utoipa::path(
    delete, path = "/api/uploads/{file_id}", tag = "izpochat",
    params(("file_id" = i64, Path, description = "The file's number.")),
    responses(
        (status = 200, body = RemovedObject, description = "It is gone."),
        NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn delete_file(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(file): Number<FileId>,
) -> Result<Json<RemovedObject>, Refusal> {
    context.wait_for_turn(caller.user()).await;
    match context.chat.delete_file(caller.user(), file).await {
        Ok(()) => Ok(Json(RemovedObject {
            message: "Archivo eliminado exitosamente",
        })),
        Err(Error::Forbidden(Denial::NotAuthor)) => Err(Refusal::not_own_file()),
        Err(other) => Err(other.into()),
    }
}

/// Which files are taken. Needs no token.
#[utoipa::path(
    get, path = "/api/uploads/types/allowed", tag = "izpochat",
    responses(
        (status = 200, body = AllowedTypesObject, description = "Types and size."),
        Always,
    ),
)]
pub(super) async fn allowed_types(State(context): State<Context>) -> Json<AllowedTypesObject> {
    const MEGABYTE: u64 = 1024 * 1024;
    let of = |categories: &[Category]| -> Vec<&'static str> {
        FileType::ALL
            .iter()
            .filter(|kind| categories.contains(&kind.category()))
            .flat_map(|kind| told_names(*kind))
            .collect()
    };
    let categories = CategoriesObject {
        documents: of(&[Category::Document]),
        images: of(&[Category::Image]),
        audio: of(&[Category::Audio]),
        video: of(&[Category::Video]),
    };
    Json(AllowedTypesObject {
        allowed_types: FileType::ALL
            .iter()
            .flat_map(|kind| told_names(*kind))
            .collect(),
        max_file_size_mb: context.chat.limits().file_bytes as u64 / MEGABYTE,
        categories,
    })
}

/// The names that the contract's list has for a type: two for AVI.
fn told_names(kind: FileType) -> impl Iterator<Item = &'static str> {
    let second = (kind == FileType::Avi).then_some("video/avi");
    std::iter::once(kind.mime()).chain(second)
}

/// The bytes of a file, to be saved. Ranges and conditions work as RFC 9110
/// says.
#[utoipa::path(
    get, path = "/api/uploads/{file_id}/download", tag = "izpochat",
    params(("file_id" = i64, Path, description = "The file's number.")),
    responses(
        ServesBytes, NeedsToken, NamesThing, Always,
    ),
    security(("izpochat" = [])),
)]
pub(super) async fn download(
    State(context): State<Context>,
    Caller(caller): Caller,
    Number(file): Number<FileId>,
    request: Request,
) -> Result<Response, Refusal> {
    let permit = context.chat.file(caller.user(), file).await?;
    let asked = Asked {
        method: request.method(),
        headers: request.headers(),
        part: LinkedPart::Content,
        to_save: true,
    };
    Ok(serve(&context, &permit, asked).await?)
}
