//! Uploads that can be interrupted and resumed, by the tus protocol 1.0
//! (<https://tus.io/protocols/resumable-upload>): core, creation, expiration and
//! termination. The protocol has clients for every language; the OpenAPI
//! document names its calls, whose answers are headers.
//!
//! An upload's address ends in the id that the file will have.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tertulia_domain::chat::Resumable;
use tertulia_domain::file::{Announced, ResumableUpload};
use tertulia_domain::{Error, FileId, Reason, Timestamp};

use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Caller, Named};
use super::model::Id;
use super::openapi::{
    Always, AnnouncesFile, AsksProgress, ChangesUpload, IsLimited, MayCollide, NamesThing,
    NeedsToken, ReadsBody, SpeaksTus,
};
use super::refusal::Refusal;
use crate::common::Context;
use crate::common::files::{Broken, Pieces};

const PATH: &str = "/v1/files/tus";
const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// Headers of requests that a browser may send from other origins.
pub(crate) const REQUEST_HEADERS: [HeaderName; 4] =
    [TUS_RESUMABLE, UPLOAD_LENGTH, UPLOAD_OFFSET, UPLOAD_METADATA];

/// Headers of answers that a browser may show to pages of other origins.
pub(crate) const ANSWER_HEADERS: [HeaderName; 7] = [
    TUS_RESUMABLE,
    TUS_VERSION,
    TUS_EXTENSION,
    TUS_MAX_SIZE,
    UPLOAD_LENGTH,
    UPLOAD_OFFSET,
    UPLOAD_EXPIRES,
];

/// Bytes of `Upload-Metadata`.
const METADATA_BYTES: usize = 1_024;

/// What uploads are sent to.
pub(super) fn calls() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(begin_upload))
        .routes(routes!(get_upload, continue_upload, give_up_upload))
        .layer(axum::middleware::from_fn(speak_tus))
}

/// Every answer names the version; a request that speaks another is refused.
async fn speak_tus(request: Request, next: Next) -> Response {
    let speaks = request.headers().get(TUS_RESUMABLE) == Some(&VERSION);
    let mut response = match speaks {
        true => next.run(request).await,
        false => Refusal::WrongTusVersion.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, VERSION);
    if !speaks {
        headers.insert(TUS_VERSION, VERSION);
    }
    response
}

/// Says what is spoken here, to whoever asks with OPTIONS: beside what the CORS
/// layer, which answers that method everywhere, says.
pub(crate) async fn introduce(
    State(context): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    let asks = request.method() == Method::OPTIONS && request.uri().path().starts_with(PATH);
    let mut response = next.run(request).await;
    if asks {
        let most = context.chat.limits().file_bytes as u64;
        let headers = response.headers_mut();
        headers.insert(TUS_RESUMABLE, VERSION);
        headers.insert(TUS_VERSION, VERSION);
        let extensions = HeaderValue::from_static("creation,expiration,termination");
        headers.insert(TUS_EXTENSION, extensions);
        headers.insert(TUS_MAX_SIZE, most.into());
    }
    response
}

/// Begins an upload that can be interrupted and resumed, by the tus protocol 1.0.
///
/// See <https://tus.io/protocols/resumable-upload>. `Location` ends in the id
/// that the file will have.
#[utoipa::path(
    post, path = "/v1/files/tus", tag = "files",
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Length" = u64, Header, description = "The file's bytes."),
        (
            "Upload-Metadata" = Option<String>, Header,
            description = "`filename`, a blank, and the name in Base64.",
        ),
    ),
    responses(
        (
            status = 201, description = "It has begun.",
            headers(
                ("Tus-Resumable" = String, description = "`1.0.0`."),
                ("Location" = String, description = "Where to send its bytes."),
                ("Upload-Expires" = String, description = "When it is given up if nothing comes."),
            ),
        ),
        NeedsToken, SpeaksTus, AnnouncesFile, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
async fn begin_upload(
    State(context): State<Context>,
    Caller(caller): Caller,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    context.count_message(caller.user())?;
    let length = number(&headers, &UPLOAD_LENGTH, "upload_length")?;
    let metadata = metadata(&headers)?;
    let name = file_name(&metadata).ok_or(malformed("upload_metadata"))?;
    let announced = Announced { length, metadata };
    let upload = context
        .chat
        .begin_resumable(caller.user(), &name, announced)
        .await?;
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, text(&format!("{PATH}/{}", upload.id)));
    headers.insert(UPLOAD_EXPIRES, expiry(upload.expires_at));
    Ok(response)
}

/// Where a resumable upload stands.
#[utoipa::path(
    head, path = "/v1/files/tus/{file_id}", tag = "files",
    params(
        ("file_id" = Id, Path, description = "The upload; the file's id."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
    ),
    responses(
        (
            status = 200, description = "It is under way, or complete.",
            headers(
                ("Tus-Resumable" = String, description = "`1.0.0`."),
                ("Upload-Offset" = u64, description = "How many of its bytes are here."),
                ("Upload-Length" = u64, description = "All of its bytes."),
                (
                    "Upload-Metadata" = String,
                    description = "As it was announced; not once it is complete."
                ),
                (
                    "Upload-Expires" = String,
                    description = "When it is given up if nothing comes; not once it is complete."
                ),
            ),
        ),
        NeedsToken, NamesThing, SpeaksTus, AsksProgress, Always,
    ),
    security(("bearer" = [])),
)]
async fn get_upload(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(id): Named<FileId>,
) -> Result<Response, Refusal> {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    match context.chat.resumable(caller.user(), id).await? {
        Resumable::UnderWay(upload) => {
            headers.insert(UPLOAD_OFFSET, upload.received.into());
            headers.insert(UPLOAD_LENGTH, upload.announced.length.into());
            headers.insert(UPLOAD_EXPIRES, expiry(upload.expires_at));
            if !upload.announced.metadata.is_empty() {
                headers.insert(UPLOAD_METADATA, text(&upload.announced.metadata));
            }
        }
        Resumable::Complete(file) => {
            headers.insert(UPLOAD_OFFSET, file.size.into());
            headers.insert(UPLOAD_LENGTH, file.size.into());
        }
    }
    Ok(response)
}

/// A stretch of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(
    dead_code,
    reason = "only describes the body that `continue_upload` reads"
)]
struct FileBytes(Vec<u8>);

/// Brings more of a resumable upload. With its last byte it becomes a file.
#[utoipa::path(
    patch, path = "/v1/files/tus/{file_id}", tag = "files",
    params(
        ("file_id" = Id, Path, description = "The upload; the file's id."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Offset" = u64, Header, description = "Where the bytes go: where it stands."),
    ),
    request_body(content = inline(FileBytes), content_type = "application/offset+octet-stream"),
    responses(
        (
            status = 204, description = "They are here.",
            headers(
                ("Tus-Resumable" = String, description = "`1.0.0`."),
                ("Upload-Offset" = u64, description = "Where it stands now."),
                (
                    "Upload-Expires" = String,
                    description = "When it is given up if nothing comes; not once it is complete."
                ),
            ),
        ),
        NeedsToken, NamesThing, MayCollide, SpeaksTus, ReadsBody, ChangesUpload, Always,
    ),
    security(("bearer" = [])),
)]
async fn continue_upload(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(id): Named<FileId>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    if content_type.is_none_or(|it| it != "application/offset+octet-stream") {
        return Err(Refusal::UnsupportedMediaType);
    }
    let offset = number(&parts.headers, &UPLOAD_OFFSET, "upload_offset")?;
    let mut upload = context
        .chat
        .resume_upload(caller.user(), id, offset)
        .await?;
    let mut pieces = Pieces::of(body);
    let cut = loop {
        match pieces.next().await {
            Ok(Some(piece)) => {
                if let Err(error) = upload.write(piece).await {
                    pieces.drain().await;
                    return Err(error.into());
                }
            }
            Ok(None) => break None,
            Err(broken) => break Some(broken),
        }
    };
    // What came before a cut is kept.
    let stands = upload.finish().await?;
    match cut {
        None => Ok(progress(&stands)),
        Some(Broken::Timeout) => Err(Refusal::Timeout),
        Some(Broken::Cut) => Err(Refusal::MalformedForm),
    }
}

fn progress(stands: &Resumable) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    match stands {
        Resumable::UnderWay(ResumableUpload {
            received,
            expires_at,
            ..
        }) => {
            headers.insert(UPLOAD_OFFSET, (*received).into());
            headers.insert(UPLOAD_EXPIRES, expiry(*expires_at));
        }
        Resumable::Complete(file) => {
            headers.insert(UPLOAD_OFFSET, file.size.into());
        }
    }
    response
}

/// Gives up a resumable upload that is not complete.
#[utoipa::path(
    delete, path = "/v1/files/tus/{file_id}", tag = "files",
    params(
        ("file_id" = Id, Path, description = "The upload."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
    ),
    responses(
        (
            status = 204, description = "Nothing is left of it.",
            headers(("Tus-Resumable" = String, description = "`1.0.0`.")),
        ),
        NeedsToken, NamesThing, SpeaksTus, ChangesUpload, Always,
    ),
    security(("bearer" = [])),
)]
async fn give_up_upload(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(id): Named<FileId>,
) -> Result<StatusCode, Refusal> {
    context.chat.abandon_resumable(caller.user(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn malformed(field: &'static str) -> Error {
    Error::invalid(field, Reason::Malformed)
}

fn number(headers: &HeaderMap, name: &HeaderName, field: &'static str) -> Result<u64, Error> {
    let value = headers
        .get(name)
        .ok_or(Error::invalid(field, Reason::Missing))?;
    let digits = value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|it| it.is_ascii_digit()));
    digits
        .and_then(|text| text.parse().ok())
        .ok_or(malformed(field))
}

/// As it came, to be said again.
fn metadata(headers: &HeaderMap) -> Result<String, Error> {
    let Some(value) = headers.get(UPLOAD_METADATA) else {
        return Ok(String::new());
    };
    let text = value.to_str().map_err(|_| malformed("upload_metadata"))?;
    match text.len() {
        0..=METADATA_BYTES => Ok(text.to_owned()),
        _ => Err(Error::invalid(
            "upload_metadata",
            Reason::TooLong {
                max: METADATA_BYTES,
            },
        )),
    }
}

/// The value of `filename` or `name`, in Base64; empty when there is neither,
/// none when it is broken.
fn file_name(metadata: &str) -> Option<String> {
    let pairs = metadata
        .split(',')
        .filter_map(|pair| pair.trim().split_once(' '));
    let found = ["filename", "name"]
        .iter()
        .find_map(|name| pairs.clone().find(|(key, _)| key == name));
    let Some((_, value)) = found else {
        return Some(String::new());
    };
    let bytes = BASE64_STANDARD.decode(value.trim()).ok()?;
    String::from_utf8(bytes).ok()
}

/// An HTTP date (RFC 9110 §5.6.7).
fn expiry(at: Timestamp) -> HeaderValue {
    let time = jiff::Timestamp::from_second(at.as_secs()).unwrap_or_default();
    text(&time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// Everything that is put into headers here is printable ASCII.
fn text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_from_the_metadata() {
        for (metadata, name) in [
            ("filename cGFydGl0dXJhLnBkZg==", Some("partitura.pdf")),
            (
                "is_x,name bm90YS50eHQ=, filetype dGV4dA==",
                Some("nota.txt"),
            ),
            ("", Some("")),
            ("filetype dGV4dA==", Some("")),
            ("filename ???", None),
        ] {
            assert_eq!(file_name(metadata).as_deref(), name, "{metadata}");
        }
    }

    #[test]
    fn an_expiry_is_an_http_date() {
        let at = Timestamp::from_secs(1_771_400_000);
        assert_eq!(expiry(at), "Wed, 18 Feb 2026 07:33:20 GMT");
    }
}
