//! What a call brings along: the caller, what its path names, the fields of its
//! body.

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use serde_json::{Map, Value};
use tertulia_domain::Identity;
use tertulia_domain::ports::Installation;
use uuid::Uuid;

use crate::common::json::{self, Bounds};
use crate::common::{Context, body, client};
use crate::sos::error::Refusal;

/// Who calls, proved by the bearer token.
pub(super) struct Caller(pub(super) Identity);

impl FromRequestParts<Context> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let token = client::bearer_token(&parts.headers).ok_or(Refusal::MISSING_TOKEN)?;
        let installation = Installation::SosHabilidoso;
        let identity = context.chat.authenticate_with(installation, token).await?;
        Ok(Self(identity))
    }
}

/// The fields of a body: a JSON object, or a form. An empty body has none.
pub(super) struct Fields(Map<String, Value>);

impl FromRequest<Context> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, context: &Context) -> Result<Self, Refusal> {
        let (parts, content) = request.into_parts();
        let bytes = body::read(content, context.settings.body_bytes).await?;
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        match media_type(&parts.headers).as_str() {
            "application/json" => read_json(&bytes, Bounds::from(&*context.settings)),
            "application/x-www-form-urlencoded" => read_form(&bytes),
            _ => Err(Refusal::UNSUPPORTED_MEDIA),
        }
    }
}

impl From<body::Refusal> for Refusal {
    fn from(refusal: body::Refusal) -> Self {
        match refusal {
            body::Refusal::TooLarge => Self::TOO_LARGE,
            body::Refusal::Timeout => Self::TOO_SLOW,
            body::Refusal::Broken => Self::INVALID_JSON,
        }
    }
}

/// The type of a body without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn read_json(bytes: &[u8], bounds: Bounds) -> Result<Fields, Refusal> {
    match json::parse(bytes, bounds) {
        Ok(Value::Object(fields)) => Ok(Fields(fields)),
        Ok(_) | Err(json::Refusal::Malformed) => Err(Refusal::INVALID_JSON),
        Err(json::Refusal::TooComplex) => Err(Refusal::COMPLEX_JSON),
    }
}

fn read_form(bytes: &[u8]) -> Result<Fields, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::INVALID_JSON)?;
    let uri: Uri = format!("/?{text}")
        .parse()
        .map_err(|_| Refusal::INVALID_JSON)?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|_| Refusal::INVALID_JSON)?;
    Ok(Fields::of_texts(pairs.0))
}

impl Fields {
    /// The fields of a form.
    pub(super) fn of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let fields = texts.into_iter();
        Self(fields.map(|(name, text)| (name, text.into())).collect())
    }

    /// What stands under a name, as it is.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be missing. A number counts as its digits; everything
    /// else as missing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Texts that must all be there with something in them.
    ///
    /// # Errors
    /// All that are missing, by field.
    pub(super) fn required<const N: usize>(
        &self,
        names: [&'static str; N],
    ) -> Result<[String; N], Refusal> {
        let texts = names.map(|name| self.text(name).filter(|text| !text.trim().is_empty()));
        let missing: Vec<&'static str> = names
            .into_iter()
            .zip(&texts)
            .filter(|(_, text)| text.is_none())
            .map(|(name, _)| name)
            .collect();
        match missing.is_empty() {
            true => Ok(texts.map(Option::unwrap_or_default)),
            false => Err(Refusal::missing(missing)),
        }
    }

    /// A whole number that may be missing.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A list of ids that may be missing; none when one of them is no UUID.
    pub(super) fn ids(&self, name: &str) -> Option<Vec<Uuid>> {
        match self.get(name) {
            None => Some(Vec::new()),
            Some(Value::Array(ids)) => ids
                .iter()
                .map(|id| Uuid::try_parse(id.as_str()?).ok())
                .collect(),
            Some(_) => None,
        }
    }
}

/// What stands in the path: the last of what it names.
pub(super) struct InPath<T>(pub(super) T);

impl<T: PathValue> FromRequestParts<Context> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let values = RawPathParams::from_request_parts(parts, context)
            .await
            .map_err(|_| Refusal::NOT_FOUND)?;
        let last = values.iter().last().map(|(_, value)| value);
        last.and_then(T::read).map(Self).ok_or(Refusal::NOT_FOUND)
    }
}

/// What can stand in a path.
pub(super) trait PathValue: Sized {
    /// None when it is none of these, and so names nothing.
    fn read(text: &str) -> Option<Self>;
}

impl PathValue for Uuid {
    fn read(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }
}

impl PathValue for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}
