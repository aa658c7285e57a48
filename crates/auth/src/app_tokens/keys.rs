//! What the app's tokens are verified with: one shared secret, one public key,
//! or a set of public keys (RFC 7517). The key decides the algorithm, never the
//! token.

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::rsa::{PublicEncryptingKey, PublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

use crate::SigningSecret;

/// The most keys of a set.
const MAX_KEYS: usize = 100;

/// What stands before the 32 bytes of an Ed25519 key in a public key file
/// (RFC 8410 §4).
const ED25519_PREFIX: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const ED25519_BYTES: usize = 32;

/// The keys that the app's tokens are verified with.
#[derive(Clone)]
pub struct AppKeys(Keys);

#[derive(Clone)]
enum Keys {
    One(AppKey),
    /// Chosen by `kid`. Never empty.
    Set(Vec<(Option<String>, AppKey)>),
}

/// A key and the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct AppKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// Why a file holds no key that could verify tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// Not PEM, or another kind of key.
    #[error("it is no public key in PEM form (RSA of 2048 to 8192 bits, or Ed25519)")]
    NotAPublicKey,
    /// Not JSON, or not of the form of RFC 7517.
    #[error("it is no JSON Web Key Set")]
    NotAKeySet,
    /// Nothing in it is for RS256 or EdDSA.
    #[error("no key in it is for signatures with RS256 or EdDSA")]
    NoUsableKey,
    /// A key in it says that it is for them, and is not.
    #[error("a key in it is broken, or RSA of less than 2048 or more than 8192 bits")]
    BrokenKey,
    /// One `kid` names two keys.
    #[error("two keys in it have the same `kid`")]
    RepeatedKeyId,
    /// More than 100 keys.
    #[error("it has more than 100 keys")]
    TooManyKeys,
}

impl AppKeys {
    /// A secret that the app signs with too: HS256.
    #[must_use]
    pub fn shared_secret(secret: &SigningSecret) -> Self {
        Self(Keys::One(AppKey {
            algorithm: Algorithm::HS256,
            key: DecodingKey::from_secret(secret.expose().as_bytes()),
        }))
    }

    /// A public key in PEM form: RSA for RS256, Ed25519 for EdDSA.
    ///
    /// # Errors
    /// [`UnusableKey::NotAPublicKey`].
    pub fn public_key(pem: &[u8]) -> Result<Self, UnusableKey> {
        let info =
            SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| UnusableKey::NotAPublicKey)?;
        ed25519_from_der(&info)
            .or_else(|| rsa_from_der(&info))
            .map(|key| Self(Keys::One(key)))
            .ok_or(UnusableKey::NotAPublicKey)
    }

    /// A JSON Web Key Set, of which the RSA keys for RS256 and the Ed25519 keys
    /// for EdDSA are taken, and all others passed over. At most 100.
    ///
    /// # Errors
    /// When it is none, or holds no such key, or a broken one.
    pub fn key_set(json: &[u8]) -> Result<Self, UnusableKey> {
        let KeySet { keys } = serde_json::from_slice(json).map_err(|_| UnusableKey::NotAKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(UnusableKey::TooManyKeys);
        }
        let mut set = Vec::new();
        let mut ids = HashSet::new();
        for jwk in keys {
            let Some(key) = jwk.key() else { continue };
            let key = key.ok_or(UnusableKey::BrokenKey)?;
            if !ids.insert(jwk.kid.clone()) {
                return Err(UnusableKey::RepeatedKeyId);
            }
            set.push((jwk.kid, key));
        }
        match set.is_empty() {
            true => Err(UnusableKey::NoUsableKey),
            false => Ok(Self(Keys::Set(set))),
        }
    }

    /// The key for a token with this header. A `kid` only chooses among the
    /// keys of the set, which a token without one may name if it has just one
    /// key; where there is no set, there is nothing to choose.
    pub(crate) fn find(&self, header: &Header) -> Option<&AppKey> {
        let key = match (&self.0, &header.kid) {
            (Keys::One(key), None) => Some(key),
            (Keys::One(_), Some(_)) => None,
            (Keys::Set(keys), Some(_)) => keys
                .iter()
                .find(|(kid, _)| *kid == header.kid)
                .map(|(_, key)| key),
            (Keys::Set(keys), None) => match &keys[..] {
                [(_, key)] => Some(key),
                _ => None,
            },
        };
        key.filter(|key| key.algorithm == header.alg)
    }
}

impl fmt::Debug for AppKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKeys(***)")
    }
}

fn ed25519_from_der(info: &[u8]) -> Option<AppKey> {
    info.strip_prefix(ED25519_PREFIX).and_then(ed25519)
}

fn ed25519(bytes: &[u8]) -> Option<AppKey> {
    (bytes.len() == ED25519_BYTES).then(|| AppKey {
        algorithm: Algorithm::EdDSA,
        key: DecodingKey::from_ed_der(bytes),
    })
}

fn rsa_from_der(info: &[u8]) -> Option<AppKey> {
    PublicEncryptingKey::from_der(info).ok()?;
    Some(AppKey {
        algorithm: Algorithm::RS256,
        key: DecodingKey::from_rsa_der(info),
    })
}

fn rsa(n: &[u8], e: &[u8]) -> Option<AppKey> {
    let checked: Result<PublicEncryptingKey, _> = PublicKeyComponents { n, e }.try_into();
    checked.ok()?;
    Some(AppKey {
        algorithm: Algorithm::RS256,
        key: DecodingKey::from_rsa_raw_components(n, e),
    })
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<WebKey>,
}

/// The members that matter (RFC 7517 §4, RFC 7518 §6.3, RFC 8037 §2).
#[derive(Deserialize)]
struct WebKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
}

impl WebKey {
    /// The outer none: it is for something else. The inner: it is broken.
    #[expect(
        clippy::option_option,
        reason = "a key is passed over, or wrong, or good"
    )]
    fn key(&self) -> Option<Option<AppKey>> {
        let is = |member: &Option<String>, value: &str| member.as_deref() == Some(value);
        if self.purpose.is_some() && !is(&self.purpose, "sig") {
            return None;
        }
        let bytes = |member: &Option<String>| URL_SAFE_NO_PAD.decode(member.as_deref()?).ok();
        let is_for = |name| self.alg.is_none() || is(&self.alg, name);
        match self.kty.as_str() {
            "RSA" if is_for("RS256") => Some(
                bytes(&self.n)
                    .zip(bytes(&self.e))
                    .and_then(|(n, e)| rsa(&n, &e)),
            ),
            "OKP" if is(&self.crv, "Ed25519") && (is_for("EdDSA") || is(&self.alg, "Ed25519")) => {
                Some(bytes(&self.x).and_then(|x| ed25519(&x)))
            }
            _ => None,
        }
    }
}
