//! UPRed's upload of a picture (contracts/upred.md §3, "Later additions"). The
//! address that is answered goes into `url_archivo`.
//!
//! Whoever uploads has to be somebody, as on the socket and by the same means:
//! the file is that user's, counts for its quota, and can be sent by it.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Map;
use tertulia_domain::Error;
use tertulia_domain::error::UploadRefusal;
use tertulia_domain::file::Category;
use utoipa::openapi::OpenApi;
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::identity::{Caller, Refused};
use crate::common::files::{Form, FormRefusal, FormRules, read_form};
use crate::common::time::whole_seconds;
use crate::common::{Context, cors};

/// The field of a form that holds the picture.
const FIELD: &str = "file";

/// Bytes of a picture.
const MOST_BYTES: u64 = 10 * MEGABYTE;

const MEGABYTE: u64 = 1024 * 1024;

/// The call, and what describes it.
pub(crate) fn router(context: Context) -> (Router, OpenApi) {
    let calls = OpenApiRouter::with_openapi(Document::openapi()).routes(routes!(upload_image));
    let (calls, document) = calls.split_for_parts();
    let cors = cors::with_credentials(&context.settings.allowed_origins);
    (calls.layer(cors).with_state(context), document)
}

#[derive(utoipa::OpenApi)]
#[openapi(tags((
    name = "upred",
    description = "UPRed's one call over HTTP. All else is on Socket.IO at `/socket.io/`.",
)))]
struct Document;

/// A form with a picture.
#[derive(ToSchema)]
#[schema(as = upred::UploadImage)]
#[expect(
    dead_code,
    reason = "only describes the form that `upload_image` reads"
)]
struct UploadImage {
    /// The picture, with its name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Where a picture is.
#[derive(Serialize, ToSchema)]
#[schema(as = upred::Uploaded)]
struct Uploaded {
    /// Goes into `url_archivo` of a message. Needs no token, and ends; in a
    /// message it is made anew whenever it is told.
    url: String,
}

/// Why a picture was not taken.
#[derive(Serialize, ToSchema)]
#[schema(as = upred::Error)]
struct Failure {
    /// A text for people.
    #[schema(value_type = String, example = "Solo se permiten imágenes")]
    error: Cow<'static, str>,
}

/// Takes a picture of up to 10 MB. Who uploads says a token, in the header or
/// the query, or, where the server believes clients without one, `user_id`.
#[utoipa::path(
    post, path = "/upload/image", tag = "upred",
    params(
        ("token" = Option<String>, Query, description = "The token, where no header has it."),
        ("user_id" = Option<String>, Query, description = "Who uploads, where that is believed."),
    ),
    request_body(content = UploadImage, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = Uploaded, description = "Where the picture is."),
        (status = 400, body = Failure, description = "It is no picture, too large, or no form."),
        (status = 401, body = Failure, description = "Nothing says who uploads."),
        (status = 403, body = Failure, description = "Who uploads may not."),
        (status = 408, body = Failure, description = "The body did not arrive in time."),
        (status = 413, body = Failure, description = "There is no room left for one's files."),
        (status = 429, body = Failure, description = "Too many uploads at once."),
        (status = 503, body = Failure, description = "Storage is away and nothing was done."),
    ),
    security(("bearer" = []), ()),
)]
async fn upload_image(State(context): State<Context>, request: Request) -> Response {
    let url = take(&context, request).await;
    let mut response = url.map_or_else(IntoResponse::into_response, |url| {
        Json(Uploaded { url }).into_response()
    });
    let nobody_keeps = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, nobody_keeps);
    response
}

/// Takes the picture of a request; its address.
async fn take(context: &Context, request: Request) -> Result<String, Refusal> {
    let (parts, body) = request.into_parts();
    let admitted = Caller::of(&parts).identify(context, &Map::new()).await?;
    let owner = admitted.identity.user();
    context.wait_for_turn(owner).await;
    let rules = FormRules {
        file_fields: &[FIELD],
        most_files: 1,
        most_bytes: Some(MOST_BYTES),
    };
    let Form {
        files,
        mut unfinished,
        ..
    } = read_form(context, owner, &parts.headers, body, rules).await?;
    let received = files.into_iter().next();
    let file = received.ok_or(Refusal::NO_FIELD)?.outcome?;
    if file.content_type.category() != Category::Image {
        // It was one of the user's for a moment.
        unfinished.remove().await;
        return Err(Refusal::NO_IMAGE);
    }
    unfinished.keep();
    Ok(context.files.url(file.id))
}

/// Why a picture was not taken.
struct Refusal {
    status: StatusCode,
    error: Cow<'static, str>,
    /// When to try again, where waiting helps.
    retry_after: Option<Duration>,
}

impl Refusal {
    // The contract's.
    const NO_FIELD: Self = Self::new(StatusCode::BAD_REQUEST, "Campo 'file' requerido");
    const NO_IMAGE: Self = Self::new(StatusCode::BAD_REQUEST, "Solo se permiten imágenes");

    // Ours.
    const ONE_FILE: Self = Self::new(StatusCode::BAD_REQUEST, "Solo una imagen por vez");
    const MALFORMED: Self = Self::new(StatusCode::BAD_REQUEST, "El formulario está dañado");
    const EMPTY: Self = Self::new(StatusCode::BAD_REQUEST, "La imagen está vacía");
    const TIMEOUT: Self = Self::new(StatusCode::REQUEST_TIMEOUT, "La imagen tardó demasiado");
    const UNKNOWN: Self = Self::new(StatusCode::UNAUTHORIZED, "Hace falta un token válido");
    const DENIED: Self = Self::new(StatusCode::FORBIDDEN, "No puedes subir imágenes aquí");
    const BUSY: Self = Self::new(StatusCode::TOO_MANY_REQUESTS, "Demasiadas subidas a la vez");
    const AWAY: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Servicio no disponible: prueba de nuevo en unos segundos",
    );

    const fn new(status: StatusCode, error: &'static str) -> Self {
        Self {
            status,
            error: Cow::Borrowed(error),
            retry_after: None,
        }
    }

    fn after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    /// A size or a bound of the server, in the contract's units.
    fn bound(status: StatusCode, text: &str, bytes: u64) -> Self {
        Self {
            status,
            error: format!("{text} {}MB", bytes / MEGABYTE).into(),
            retry_after: None,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        refused.note();
        match refused {
            Refused::Nobody | Refused::NotTrusted => Self::UNKNOWN,
            Refused::Origin(_) | Refused::OtherUser => Self::DENIED,
            Refused::Domain(Error::Forbidden(_)) => Self::DENIED,
            Refused::Domain(error @ (Error::Unavailable(_) | Error::SlowDown { .. })) => {
                error.into()
            }
            Refused::Domain(_) => Self::UNKNOWN,
        }
    }
}

impl From<FormRefusal> for Refusal {
    fn from(refusal: FormRefusal) -> Self {
        match refusal {
            FormRefusal::NotAForm => Self::NO_FIELD,
            FormRefusal::Malformed | FormRefusal::TooLarge => Self::MALFORMED,
            FormRefusal::TooManyFiles => Self::ONE_FILE,
            FormRefusal::Timeout => Self::TIMEOUT,
            FormRefusal::Failed(error) => error.into(),
        }
    }
}

/// The one translation of the domain's errors into this call's answers.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Upload(refused) => refused.into(),
            Error::SlowDown { retry_after } => Self::BUSY.after(retry_after),
            Error::Forbidden(_) => Self::DENIED,
            Error::InvalidCredentials | Error::InvalidToken => Self::UNKNOWN,
            Error::NotFound(_) | Error::Invalid { .. } | Error::Conflict(_) => Self::MALFORMED,
            Error::Unavailable(cause) => {
                tracing::error!(%cause, "a picture could not be taken");
                Self::AWAY.after(Duration::from_secs(1))
            }
        }
    }
}

impl From<UploadRefusal> for Refusal {
    fn from(refused: UploadRefusal) -> Self {
        match refused {
            UploadRefusal::TypeNotAllowed | UploadRefusal::TypeMismatch => Self::NO_IMAGE,
            UploadRefusal::Empty => Self::EMPTY,
            UploadRefusal::TooLarge { max } => {
                // Where the server takes less than the contract, that is told.
                let max = max.min(MOST_BYTES);
                Self::bound(StatusCode::BAD_REQUEST, "La imagen no debe superar", max)
            }
            UploadRefusal::OverQuota { max } => {
                let text = "No queda espacio para tus archivos. Máximo:";
                Self::bound(StatusCode::PAYLOAD_TOO_LARGE, text, max)
            }
            UploadRefusal::TooManyUploads
            | UploadRefusal::Busy
            | UploadRefusal::WrongOffset
            | UploadRefusal::TooManyParts => Self::BUSY.after(Duration::from_secs(1)),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let failure = Failure { error: self.error };
        let mut response = (self.status, Json(failure)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        response
    }
}
