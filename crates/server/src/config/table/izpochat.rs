//! What an older IzpoChat installation was told.

use std::time::Duration;

use super::{Aliases, Field, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "izpochat_jwt_secret",
        aliases: Aliases::FirstOf(&["SECRET_KEY"]),
        field: Field::Secret {
            at: |settings| &mut settings.tokens.izpochat_secret,
        },
        example: "",
        en: "The `SECRET_KEY` of the IzpoChat installation that this server follows: tokens that \
             it made stay valid for IzpoChat clients until they end.",
        es: "El `SECRET_KEY` de la instalación de IzpoChat a la que sigue este servidor: los \
             tokens que hizo valen para los clientes de IzpoChat hasta su fin.",
    },
    Setting {
        key: "izpochat_token_lifetime",
        aliases: Aliases::FirstIn(&["ACCESS_TOKEN_EXPIRE_MINUTES"], "m"),
        field: Field::Time {
            at: |settings| &mut settings.transport.izpochat_access_lifetime,
            range: Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60),
        },
        example: "",
        en: "How long an access token made by an IzpoChat login is valid, and how long those of \
             the older installation were. In `ACCESS_TOKEN_EXPIRE_MINUTES` a bare number is \
             minutes.",
        es: "Cuánto vale un token de acceso hecho al entrar con IzpoChat, y cuánto valían los de \
             la instalación anterior. En `ACCESS_TOKEN_EXPIRE_MINUTES` un número solo son minutos.",
    },
    Setting {
        key: "join_by_number",
        aliases: Aliases::None,
        field: Field::Switch {
            at: |settings| &mut settings.limits.join_by_number,
        },
        example: "true",
        en: "Whether whoever knows the number of a private group may join it without an \
             invitation, as in the old IzpoChat: private then means little.",
        es: "Si quien sepa el número de un grupo privado puede entrar sin invitación, como en el \
             IzpoChat antiguo: privado significa entonces poco.",
    },
    Setting {
        key: "app_name",
        aliases: Aliases::FirstOf(&["APP_NAME"]),
        field: Field::Other {
            set: |settings, value| {
                value.text()?.clone_into(&mut settings.app_name);
                Ok(())
            },
            show: |settings| Some(settings.app_name.clone().into()),
        },
        example: "",
        en: "What `/health` calls the service.",
        es: "Cómo llama `/health` al servicio.",
    },
];
