//! The [`Tokens`] port: access tokens as `design.md` §5 says, HS256 and
//! nothing else (S2). Those of the app are read in `app_tokens`.
//!
//! The algorithm and the keys come from the settings alone. A header that says
//! anything besides `alg` and `typ` (`jku`, `jwk`, `x5u`, `kid`, `crit`, …) is
//! refused, and time is the caller's: there is no leeway, since the same
//! clock signs and verifies.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tertulia_domain::ports::{Installation, LinkSigner};
use tertulia_domain::session::{AppClaims, Bearer, InstallationClaims, RefreshClaims};
use tertulia_domain::{AccessClaims, Error, Random, Result, SessionId, Timestamp, Tokens, UserId};
use uuid::Uuid;

use crate::seals::Seals;
use crate::{AppTokens, SigningSecret};

/// The issuer of our own tokens, and of no others.
pub(crate) const ISSUER: &str = "tertulia";
const TOKEN_TYPE: &str = "access";
const REFRESH_TYPE: &str = "refresh";

/// Longer ones are refused unread.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What tokens are signed and verified with.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    /// Signs, and verifies.
    pub current: SigningSecret,
    /// Verifies what was signed before the last change of keys (S3).
    pub previous: Option<SigningSecret>,
    /// Verifies what an older KaapehChat installation signed.
    pub kaapehchat: Option<SigningSecret>,
}

/// What tokens of an older IzpoChat installation are read with.
#[derive(Clone, Debug)]
pub struct IzpoChatKey {
    /// Its `SECRET_KEY`.
    pub secret: SigningSecret,
    /// How long its tokens lived (`ACCESS_TOKEN_EXPIRE_MINUTES`): they say only
    /// when they end, and this tells when they were issued.
    pub lifetime: Duration,
}

/// Signs and reads JSON Web Tokens.
pub struct JwtTokens {
    signing: EncodingKey,
    /// The current one first.
    verifying: Vec<DecodingKey>,
    /// Signs links; the current one first.
    links: Vec<hmac::Key>,
    kaapehchat: Option<DecodingKey>,
    sos_habilidoso: Vec<DecodingKey>,
    izpochat: Option<(DecodingKey, Duration)>,
    signature_only: Validation,
    app: Option<AppTokens>,
    seals: Seals,
    random: Arc<dyn Random>,
}

impl JwtTokens {
    /// `random` makes each token's `jti`.
    #[must_use]
    pub fn new(keys: &TokenKeys, random: Arc<dyn Random>) -> Self {
        Self {
            signing: EncodingKey::from_secret(keys.current.expose().as_bytes()),
            verifying: slice::from_ref(&keys.current)
                .iter()
                .chain(&keys.previous)
                .map(verifying_key)
                .collect(),
            links: slice::from_ref(&keys.current)
                .iter()
                .chain(&keys.previous)
                .map(link_key)
                .collect(),
            kaapehchat: keys.kaapehchat.as_ref().map(verifying_key),
            sos_habilidoso: Vec::new(),
            izpochat: None,
            signature_only: signature_only(Algorithm::HS256),
            app: None,
            seals: Seals::new(&keys.current, keys.previous.as_ref()),
            random,
        }
    }

    /// Reads tokens of an older IzpoChat installation too.
    #[must_use]
    pub fn with_izpochat_key(mut self, key: &IzpoChatKey) -> Self {
        self.izpochat = Some((verifying_key(&key.secret), key.lifetime));
        self
    }

    /// Reads the app's own tokens too.
    #[must_use]
    pub fn with_app_tokens(mut self, app: AppTokens) -> Self {
        self.app = Some(app);
        self
    }

    /// Reads what an older SOS-Habilidoso installation signed, too: with any of
    /// these keys, since it had one for calls and one for sockets.
    #[must_use]
    pub fn with_sos_habilidoso_keys<'a>(
        mut self,
        keys: impl IntoIterator<Item = &'a SigningSecret>,
    ) -> Self {
        self.sos_habilidoso = keys.into_iter().map(verifying_key).collect();
        self
    }

    /// The claims under a signature of one of these keys.
    fn read<C: DeserializeOwned>(&self, token: &str, keys: &[DecodingKey]) -> Option<C> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let token = keys
            .iter()
            .find_map(|key| jsonwebtoken::decode(token, key, &self.signature_only).ok())?;
        is_plain(&token.header).then_some(token.claims)
    }

    fn token_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl LinkSigner for JwtTokens {
    fn sign(&self, text: &str) -> [u8; 32] {
        let mut signature = [0; 32];
        signature.copy_from_slice(hmac::sign(&self.links[0], text.as_bytes()).as_ref());
        signature
    }

    fn is_signed(&self, text: &str, signature: &[u8]) -> bool {
        let made = |key| hmac::verify(key, text.as_bytes(), signature).is_ok();
        self.links.iter().any(made)
    }
}

impl Tokens for JwtTokens {
    fn issue(&self, claims: &AccessClaims) -> Result<String> {
        let own = OwnClaims {
            iss: ISSUER.to_owned(),
            sub: claims.user_uuid.to_string(),
            user_id: claims.user_uuid.to_string(),
            uid: claims.user.0,
            usr: claims.username.clone(),
            token_type: TOKEN_TYPE.to_owned(),
            sid: claims.session.0,
            jti: self.token_id().to_string(),
            iat: claims.issued_at.as_secs(),
            exp: claims.expires_at.as_secs(),
            nbf: None,
            aud: None,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &own, &self.signing)
            .map_err(Error::unavailable)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims> {
        self.read::<OwnClaims>(token, &self.verifying)
            .filter(|claims| claims.is_ours() && claims.is_valid_at(now))
            .and_then(OwnClaims::into_domain)
            .ok_or(Error::InvalidToken)
    }

    fn issue_refresh(&self, claims: &RefreshClaims) -> Result<String> {
        let own = OwnRefreshClaims {
            iss: ISSUER.to_owned(),
            user_id: claims.user_uuid.to_string(),
            token_type: REFRESH_TYPE.to_owned(),
            jti: claims.token.clone(),
            iat: claims.issued_at.as_secs(),
            exp: claims.expires_at.as_secs(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &own, &self.signing)
            .map_err(Error::unavailable)
    }

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims> {
        self.read::<OwnRefreshClaims>(token, &self.verifying)
            .filter(OwnRefreshClaims::is_ours)
            .and_then(OwnRefreshClaims::into_domain)
            .filter(|claims| now < claims.expires_at)
            .ok_or(Error::InvalidToken)
    }

    fn verify_installation(
        &self,
        installation: Installation,
        token: &str,
        now: Timestamp,
    ) -> Result<InstallationClaims> {
        let claims = match installation {
            Installation::KaapehChat => {
                let key = self.kaapehchat.as_ref();
                self.read::<KaapehChatClaims>(token, key.map_or(&[], slice::from_ref))
                    .and_then(KaapehChatClaims::into_domain)
            }
            Installation::SosHabilidoso => self
                .read::<SosHabilidosoClaims>(token, &self.sos_habilidoso)
                .and_then(SosHabilidosoClaims::into_domain),
            Installation::IzpoChat => self.izpochat.as_ref().and_then(|(key, lifetime)| {
                let claims = self.read::<IzpoChatClaims>(token, slice::from_ref(key))?;
                Some(claims.into_domain(*lifetime))
            }),
        };
        claims
            .filter(|claims| now < claims.expires_at)
            .ok_or(Error::InvalidToken)
    }

    fn verify_app(&self, token: &str, now: Timestamp) -> Result<AppClaims> {
        self.app
            .as_ref()
            .and_then(|app| app.read(token, now))
            .ok_or(Error::InvalidToken)
    }

    fn seal(&self, purpose: &str, content: &[&[u8]]) -> [u8; 32] {
        self.seals.make(purpose, content)
    }

    fn is_sealed(&self, purpose: &str, content: &[&[u8]], seal: &[u8]) -> bool {
        self.seals.is_one(purpose, content, seal)
    }
}

/// A key of its own, so that no signature of a link is one of a token.
fn link_key(secret: &SigningSecret) -> hmac::Key {
    let master = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let derived = hmac::sign(&master, b"tertulia: links, version 1");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

fn verifying_key(secret: &SigningSecret) -> DecodingKey {
    DecodingKey::from_secret(secret.expose().as_bytes())
}

/// The claims are checked here, against the caller's time.
pub(crate) fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// Whether the header names the algorithm, perhaps says that it is a JWT, and
/// asks for nothing else.
fn is_plain(header: &Header) -> bool {
    let plain = Header {
        typ: header.typ.clone(),
        ..Header::new(Algorithm::HS256)
    };
    let is_jwt = |typ: &String| typ.eq_ignore_ascii_case("JWT");
    *header == plain && header.typ.as_ref().is_none_or(is_jwt)
}

/// What a token of ours says; unknown claims are passed over (RFC 7519 §4).
#[derive(Serialize, Deserialize)]
struct OwnClaims {
    iss: String,
    sub: String,
    user_id: String,
    uid: i64,
    usr: String,
    token_type: String,
    sid: i64,
    jti: String,
    iat: i64,
    exp: i64,
    /// Never written; honoured where it stands.
    #[serde(default, skip_serializing)]
    nbf: Option<i64>,
    /// Never written; a token with an audience is for somebody else.
    #[serde(default, skip_serializing)]
    aud: Option<serde::de::IgnoredAny>,
}

impl OwnClaims {
    fn is_ours(&self) -> bool {
        self.iss == ISSUER
            && self.token_type == TOKEN_TYPE
            && self.sub == self.user_id
            && self.aud.is_none()
    }

    fn is_valid_at(&self, now: Timestamp) -> bool {
        let begun = self.nbf.is_none_or(|nbf| Timestamp::from_secs(nbf) <= now);
        begun && now < Timestamp::from_secs(self.exp)
    }

    fn into_domain(self) -> Option<AccessClaims> {
        Some(AccessClaims {
            user: UserId(self.uid),
            user_uuid: Uuid::try_parse(&self.sub).ok()?,
            username: self.usr,
            session: SessionId(self.sid),
            issued_at: Timestamp::from_secs(self.iat),
            expires_at: Timestamp::from_secs(self.exp),
        })
    }
}

/// What a refresh token of ours says where it has the form of a JWT. `jti` is
/// the refresh token itself: who has one has the other.
#[derive(Serialize, Deserialize)]
struct OwnRefreshClaims {
    iss: String,
    user_id: String,
    token_type: String,
    jti: String,
    iat: i64,
    exp: i64,
}

impl OwnRefreshClaims {
    fn is_ours(&self) -> bool {
        self.iss == ISSUER && self.token_type == REFRESH_TYPE
    }

    fn into_domain(self) -> Option<RefreshClaims> {
        Some(RefreshClaims {
            token: self.jti,
            user_uuid: Uuid::try_parse(&self.user_id).ok()?,
            issued_at: Timestamp::from_secs(self.iat),
            expires_at: Timestamp::from_secs(self.exp),
        })
    }
}

/// What an access token of SOS-Habilidoso says (`contracts/sos-habilidoso.md`
/// §2): these five claims of SimpleJWT, none missing and none besides. Its
/// refresh tokens have the same, but for `token_type`, and are good for nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SosHabilidosoClaims {
    token_type: String,
    exp: i64,
    #[serde(rename = "iat")]
    _iat: i64,
    #[serde(rename = "jti")]
    _jti: String,
    user_id: String,
}

impl SosHabilidosoClaims {
    fn into_domain(self) -> Option<InstallationClaims> {
        if self.token_type != TOKEN_TYPE {
            return None;
        }
        Some(InstallationClaims {
            user: Bearer::Uuid(Uuid::try_parse(&self.user_id).ok()?),
            expires_at: Timestamp::from_secs(self.exp),
        })
    }
}

/// What a token of KaapehChat says (`contracts/kaapehchat.md` §2), by which it
/// is told from any other that may be signed with the same secret: these four
/// claims, none missing and none besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KaapehChatClaims {
    sub: String,
    #[serde(rename = "usr")]
    _usr: String,
    #[serde(rename = "iat")]
    _iat: i64,
    exp: i64,
}

impl KaapehChatClaims {
    fn into_domain(self) -> Option<InstallationClaims> {
        Some(InstallationClaims {
            user: Bearer::Uuid(Uuid::try_parse(&self.sub).ok()?),
            expires_at: Timestamp::from_secs(self.exp),
        })
    }
}

/// What a token of IzpoChat says (`contracts/izpochat.md` §2): these two claims,
/// none missing and none besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IzpoChatClaims {
    sub: String,
    exp: i64,
}

impl IzpoChatClaims {
    fn into_domain(self, lifetime: Duration) -> InstallationClaims {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        InstallationClaims {
            user: Bearer::Username {
                name: self.sub,
                issued_at: Timestamp::from_secs(self.exp.saturating_sub(lifetime)),
            },
            expires_at: Timestamp::from_secs(self.exp),
        }
    }
}

#[cfg(test)]
mod tests;
