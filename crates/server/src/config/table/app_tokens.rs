//! What the app's own tokens are verified with, and how they are read.

use std::path::PathBuf;

use super::{Aliases, Field, Setting};
use crate::config::Settings;
use crate::config::problem::Refusal;
use crate::config::value::Value;

/// The issuer of Tertulia's own tokens.
const OWN_ISSUER: &str = "tertulia";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "app_jwt_secret",
        aliases: Aliases::None,
        field: Field::Secret {
            at: |settings| &mut settings.app_tokens.secret,
        },
        example: "",
        en: "A secret that your app signs tokens with (HS256), at least 32 bytes: its users then \
             need no account here. Of this, `app_jwt_public_key` and `app_jwks_file`, one.",
        es: "Un secreto con el que tu app firma tokens (HS256), de al menos 32 bytes: sus usuarios \
             no necesitan entonces una cuenta aquí. De este, `app_jwt_public_key` y \
             `app_jwks_file`, uno.",
    },
    other(
        "app_jwt_public_key",
        |settings, value| {
            settings.app_tokens.public_key = Some(PathBuf::from(value.text()?));
            Ok(())
        },
        |settings| path(settings.app_tokens.public_key.as_ref()),
        "app-key.pem",
        "The public key of your app's tokens, a PEM file: RSA for RS256, Ed25519 for EdDSA.",
        "La clave pública de los tokens de tu app, un archivo PEM: RSA para RS256, Ed25519 para \
         EdDSA.",
    ),
    other(
        "app_jwks_file",
        |settings, value| {
            settings.app_tokens.key_set = Some(PathBuf::from(value.text()?));
            Ok(())
        },
        |settings| path(settings.app_tokens.key_set.as_ref()),
        "jwks.json",
        "The public keys of your app's tokens, a file with a JSON Web Key Set; a token names its \
         key by `kid`. Read at the start.",
        "Las claves públicas de los tokens de tu app, un archivo con un JSON Web Key Set; cada \
         token nombra la suya con `kid`. Se lee al arrancar.",
    ),
    other(
        "app_jwt_user_claim",
        |settings, value| {
            settings.app_tokens.user_claim = word(value)?;
            Ok(())
        },
        |settings| Some(settings.app_tokens.user_claim.clone().into()),
        "user_id",
        "The claim in which your app's tokens name the user by your app's own id.",
        "El dato (claim) con el que los tokens de tu app nombran a la persona, con el id de tu app.",
    ),
    other(
        "app_jwt_name_claim",
        |settings, value| {
            settings.app_tokens.name_claim = word(value)?;
            Ok(())
        },
        |settings| Some(settings.app_tokens.name_claim.clone().into()),
        "full_name",
        "The claim with the name that others see, read when the user is seen for the first time.",
        "El dato (claim) con el nombre que ven los demás, leído la primera vez que se ve a la \
         persona.",
    ),
    other(
        "app_jwt_issuer",
        |settings, value| {
            settings.app_tokens.issuer = Some(issuer(value)?);
            Ok(())
        },
        |settings| settings.app_tokens.issuer.clone().map(Into::into),
        "https://app.example.org",
        "The `iss` that your app's tokens must have. When not set, any or none.",
        "El `iss` que deben tener los tokens de tu app. Si no se indica, cualquiera o ninguno.",
    ),
    other(
        "app_jwt_audience",
        |settings, value| {
            settings.app_tokens.audience = Some(word(value)?);
            Ok(())
        },
        |settings| settings.app_tokens.audience.clone().map(Into::into),
        "chat",
        "The `aud` that your app's tokens must have. When not set, they must have none.",
        "El `aud` que deben tener los tokens de tu app. Si no se indica, no deben tener ninguno.",
    ),
];

const fn other(
    key: &'static str,
    set: fn(&mut Settings, &Value) -> Result<(), Refusal>,
    show: fn(&Settings) -> Option<toml::Value>,
    example: &'static str,
    en: &'static str,
    es: &'static str,
) -> Setting {
    Setting {
        key,
        aliases: Aliases::None,
        field: Field::Other { set, show },
        example,
        en,
        es,
    }
}

fn path(path: Option<&PathBuf>) -> Option<toml::Value> {
    Some(path?.display().to_string().into())
}

fn word(value: &Value) -> Result<String, Refusal> {
    value.text().map(str::to_owned)
}

fn issuer(value: &Value) -> Result<String, Refusal> {
    match value.text()? {
        OWN_ISSUER => Err(Refusal::unusable(
            "Tertulia signs its own tokens with it",
            "Tertulia firma con él sus propios tokens",
        )),
        issuer => Ok(issuer.to_owned()),
    }
}
