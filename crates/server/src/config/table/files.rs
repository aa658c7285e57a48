//! Where uploaded files are kept.

use std::path::PathBuf;

use super::{Aliases, Field, Setting};
use crate::config::files::{FilesLocation, endpoint};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "files_url",
        aliases: Aliases::EndOf(&["GCS_BUCKET_NAME"], "gs://"),
        field: Field::Other {
            set: |settings, value| {
                settings.files.location = FilesLocation::parse(value.text()?)?;
                Ok(())
            },
            show: |settings| settings.files.location.url().map(Into::into),
        },
        example: "s3://bucket/prefix",
        en: "Where uploaded files are kept: `file:` and a folder, `s3://bucket/prefix` (Amazon S3 \
             and what speaks its language) or `gs://bucket/prefix` (Google Cloud Storage). When \
             not set: `files` in the data folder.",
        es: "Dónde se guardan los archivos subidos: `file:` y una carpeta, `s3://bucket/prefijo` \
             (Amazon S3 y lo que habla su idioma) o `gs://bucket/prefijo` (Google Cloud Storage). \
             Si no se indica: `files` en la carpeta de datos.",
    },
    Setting {
        key: "files_endpoint",
        aliases: Aliases::FirstOf(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
        field: Field::Other {
            set: |settings, value| {
                settings.files.endpoint = Some(endpoint(value.text()?)?);
                Ok(())
            },
            show: |settings| settings.files.endpoint.clone().map(Into::into),
        },
        example: "https://minio.example.org:9000",
        en: "The address of the storage when it is not Amazon's or Google's own.",
        es: "La dirección del almacenamiento cuando no es el propio de Amazon o de Google.",
    },
    Setting {
        key: "files_region",
        aliases: Aliases::FirstOf(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
        field: Field::Other {
            set: |settings, value| {
                settings.files.region = Some(value.text()?.to_owned());
                Ok(())
            },
            show: |settings| settings.files.region.clone().map(Into::into),
        },
        example: "eu-south-2",
        en: "The region of the S3 bucket. When not set: `us-east-1`.",
        es: "La región del bucket de S3. Si no se indica: `us-east-1`.",
    },
    Setting {
        key: "files_access_key",
        aliases: Aliases::FirstOf(&["AWS_ACCESS_KEY_ID"]),
        field: Field::Key {
            at: |settings| &mut settings.files.access_key,
        },
        example: "",
        en: "The name of the key for S3. When not set: the role that the cloud gives this machine.",
        es: "El nombre de la clave para S3. Si no se indica: el rol que la nube da a esta máquina.",
    },
    Setting {
        key: "files_secret_key",
        aliases: Aliases::FirstOf(&["AWS_SECRET_ACCESS_KEY"]),
        field: Field::Key {
            at: |settings| &mut settings.files.secret_key,
        },
        example: "",
        en: "The secret of the key for S3.",
        es: "El secreto de la clave para S3.",
    },
    Setting {
        key: "files_session_token",
        aliases: Aliases::FirstOf(&["AWS_SESSION_TOKEN"]),
        field: Field::Key {
            at: |settings| &mut settings.files.session_token,
        },
        example: "",
        en: "The session token that goes with a key for S3 that holds for a while only.",
        es: "El token de sesión de una clave para S3 que solo vale por un tiempo.",
    },
    Setting {
        key: "files_credentials",
        aliases: Aliases::FirstOf(&["GOOGLE_APPLICATION_CREDENTIALS"]),
        field: Field::Other {
            set: |settings, value| {
                settings.files.credentials = Some(PathBuf::from(value.text()?));
                Ok(())
            },
            show: |settings| {
                let file = settings.files.credentials.as_ref()?;
                Some(file.display().to_string().into())
            },
        },
        example: "service-account.json",
        en: "The file of credentials for Google Cloud Storage. When not set: those that `gcloud` \
             keeps on this machine, else the machine's own. With `files_endpoint` and no file, \
             none are sent.",
        es: "El archivo de credenciales para Google Cloud Storage. Si no se indica: las que \
             `gcloud` guarda en esta máquina, si no, las de la máquina misma. Con \
             `files_endpoint` y sin archivo no se envía ninguna.",
    },
];
