//! Access tokens that the app signs itself (`design.md` §5), verified here.
//!
//! Which keys there are, and with it the algorithm of each, comes from the
//! settings alone (S2). A header may name the algorithm, the type, and in a
//! key set the key; one that says anything else (`jku`, `jwk`, `x5u`, `crit`,
//! …) is refused.

mod keys;

use std::time::Duration;

use jsonwebtoken::Header;
use serde_json::{Map, Value};
use tertulia_domain::Timestamp;
use tertulia_domain::session::AppClaims;

pub use keys::{AppKeys, UnusableKey};

use crate::tokens::{ISSUER, MAX_TOKEN_BYTES, signature_only};

/// How far ahead the app's clock may be (S2). The end of a token has no such
/// grace: the connection it admits would end at once.
const LEEWAY: Duration = Duration::from_secs(60);

/// The longest id of the app's for a user, in characters.
const MAX_EXTERNAL_ID_CHARS: usize = 100;

/// How the app's tokens are told and read.
#[derive(Clone, Debug)]
pub struct AppTokens {
    /// What verifies them.
    pub keys: AppKeys,
    /// The claim with the app's own id for the user, a text or a whole number.
    pub user_claim: String,
    /// The claim with the user's name, for people.
    pub name_claim: String,
    /// Who must have issued a token; anybody but Tertulia when not set.
    pub issuer: Option<String>,
    /// For whom a token must be. When not set, it must be for nobody: one with
    /// an audience is for somebody else (RFC 7519 §4.1.3).
    pub audience: Option<String>,
}

impl AppTokens {
    /// What a token says, when it is good at `now`.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Option<AppClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.keys.find(&header)?;
        if !is_plain(&header) {
            return None;
        }
        let validation = signature_only(key.algorithm);
        let claims: Map<String, Value> = jsonwebtoken::decode(token, &key.key, &validation)
            .ok()?
            .claims;
        self.is_for_us(&claims).then_some(())?;
        if time(&claims, "nbf")?.is_some_and(|begin| begin > now.after(LEEWAY)) {
            return None;
        }
        let expires_at = time(&claims, "exp")??;
        (now < expires_at).then_some(())?;
        Some(AppClaims {
            external_id: external_id(claims.get(&self.user_claim)?)?,
            name: name(claims.get(&self.name_claim)),
            expires_at,
        })
    }

    /// Whether issuer and audience are as configured. What says that it is
    /// Tertulia's is never the app's.
    fn is_for_us(&self, claims: &Map<String, Value>) -> bool {
        let issuer_is_right = match (claims.get("iss"), &self.issuer) {
            (None, None) => true,
            (Some(Value::String(issuer)), None) => issuer != ISSUER,
            (Some(Value::String(issuer)), Some(ours)) => issuer == ours && issuer != ISSUER,
            (Some(_), _) | (None, Some(_)) => false,
        };
        let audience_is_right = match (claims.get("aud"), &self.audience) {
            (None, None) => true,
            (Some(Value::String(audience)), Some(ours)) => audience == ours,
            (Some(Value::Array(audiences)), Some(ours)) => {
                audiences.iter().all(Value::is_string) && audiences.iter().any(|it| it == ours)
            }
            (Some(_), _) | (None, Some(_)) => false,
        };
        issuer_is_right && audience_is_right
    }
}

/// Whether the header asks for nothing but what [`AppKeys::find`] looked at,
/// and its type, where it has one, is that of an access token (RFC 7519 §5.1,
/// RFC 9068 §2.1).
fn is_plain(header: &Header) -> bool {
    let plain = Header {
        typ: header.typ.clone(),
        kid: header.kid.clone(),
        ..Header::new(header.alg)
    };
    let is_access = |typ: &String| {
        ["JWT", "at+jwt"]
            .iter()
            .any(|it| typ.eq_ignore_ascii_case(it))
    };
    *header == plain && header.typ.as_ref().is_none_or(is_access)
}

/// A time claim, perhaps with a fraction (RFC 7519 §2). The outer none: there
/// is something else than a time.
#[expect(
    clippy::option_option,
    reason = "a claim is absent, or wrong, or a time"
)]
fn time(claims: &Map<String, Value>, claim: &str) -> Option<Option<Timestamp>> {
    let Some(value) = claims.get(claim) else {
        return Some(None);
    };
    let seconds = match value.as_i64() {
        Some(whole) => whole,
        None => {
            let time = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
            i64::try_from(time.as_secs()).ok()?
        }
    };
    Some(Some(Timestamp::from_secs(seconds)))
}

/// The app's id of the user: 1 to 100 characters without control characters,
/// trimmed.
fn external_id(claim: &Value) -> Option<String> {
    let id = match claim {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return None,
    };
    let is_short = id.chars().nth(MAX_EXTERNAL_ID_CHARS).is_none();
    let is_good = !id.is_empty() && is_short && !id.chars().any(char::is_control);
    is_good.then_some(id)
}

/// A name is a courtesy: whatever is no text is passed over.
fn name(claim: Option<&Value>) -> Option<String> {
    claim.and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests;
