//! Where uploaded files are kept, as settings say it.

use std::fmt;
use std::path::{Path, PathBuf};

use http::Uri;

use super::problem::Refusal;

/// The place of uploaded files, and how to be let in.
#[derive(Clone, Default)]
pub struct FilesSettings {
    /// The place.
    pub location: FilesLocation,
    /// The address of storage that is not Amazon's or Google's own.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// The file of credentials for Google Cloud Storage.
    pub credentials: Option<PathBuf>,
    pub(crate) access_key: Option<String>,
    pub(crate) secret_key: Option<String>,
    pub(crate) session_token: Option<String>,
}

impl FilesSettings {
    /// The folder of files, when they are kept in one.
    #[must_use]
    pub fn folder(&self, data_dir: &Path) -> Option<PathBuf> {
        match &self.location {
            FilesLocation::Folder(None) => Some(data_dir.join("files")),
            FilesLocation::Folder(Some(folder)) => Some(folder.clone()),
            FilesLocation::S3(_) | FilesLocation::Gcs(_) => None,
        }
    }
}

impl fmt::Debug for FilesSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesSettings")
            .field("location", &self.location)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A place of uploaded files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesLocation {
    /// A folder; without a name, the one in the data folder.
    Folder(Option<PathBuf>),
    /// A bucket of S3 or of what speaks its language.
    S3(Bucket),
    /// A bucket of Google Cloud Storage.
    Gcs(Bucket),
}

impl Default for FilesLocation {
    fn default() -> Self {
        Self::Folder(None)
    }
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What all names in it begin with; may be empty.
    pub prefix: String,
}

impl FilesLocation {
    /// The place that an address names.
    pub(super) fn parse(url: &str) -> Result<Self, Refusal> {
        let (scheme, rest) = url.split_once(':').ok_or_else(expected)?;
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                Ok(Self::Folder((!path.is_empty()).then(|| path.into())))
            }
            "s3" => Ok(Self::S3(bucket(rest)?)),
            "gs" | "gcs" => Ok(Self::Gcs(bucket(rest)?)),
            _ => Err(expected()),
        }
    }

    /// The address that names it; none for the default.
    pub(super) fn url(&self) -> Option<String> {
        match self {
            Self::Folder(None) => None,
            Self::Folder(Some(folder)) => Some(format!("file:{}", folder.display())),
            Self::S3(bucket) => Some(format!("s3://{}", bucket.path())),
            Self::Gcs(bucket) => Some(format!("gs://{}", bucket.path())),
        }
    }
}

impl Bucket {
    fn path(&self) -> String {
        match self.prefix.as_str() {
            "" => self.name.clone(),
            prefix => format!("{}/{prefix}", self.name),
        }
    }
}

fn bucket(rest: &str) -> Result<Bucket, Refusal> {
    if !cfg!(feature = "cloud") {
        return Err(Refusal::unusable(
            "this program was built without object storage (cargo feature `cloud`)".to_owned(),
            "este programa se compiló sin almacenamiento de objetos (característica `cloud` de \
             cargo)"
                .to_owned(),
        ));
    }
    let rest = rest.strip_prefix("//").ok_or_else(expected)?;
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let prefix = prefix.trim_end_matches('/');
    let is_plain = prefix
        .split('/')
        .all(|part| !matches!(part, "." | "..") && !part.contains(char::is_control));
    if name.is_empty() || !name.chars().all(allowed) || !is_plain {
        return Err(expected());
    }
    Ok(Bucket {
        name: name.to_owned(),
        prefix: prefix.to_owned(),
    })
}

/// The address of a server: scheme, host and perhaps a port.
pub(super) fn endpoint(text: &str) -> Result<String, Refusal> {
    let parsed: Option<Uri> = text.parse().ok();
    let is_server = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if !is_server {
        return Err(Refusal::expected(
            "an address that begins with `http://` or `https://`",
            "una dirección que empiece por `http://` o `https://`",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn expected() -> Refusal {
    Refusal::expected(
        "`file:` and a folder, `s3://bucket/prefix` or `gs://bucket/prefix`",
        "`file:` y una carpeta, `s3://bucket/prefijo` o `gs://bucket/prefijo`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_folders() {
        let folder = |path: &str| Ok(FilesLocation::Folder(Some(PathBuf::from(path))));
        assert_eq!(FilesLocation::parse("file:"), Ok(FilesLocation::default()));
        assert_eq!(FilesLocation::parse("file:up"), folder("up"));
        assert_eq!(FilesLocation::parse("file:/srv/up"), folder("/srv/up"));
        assert_eq!(FilesLocation::parse("FILE:///srv/up"), folder("/srv/up"));
    }

    #[cfg(feature = "cloud")]
    #[test]
    fn addresses_of_buckets() {
        let bucket = |name: &str, prefix: &str| Bucket {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (url, location) in [
            ("s3://chat", FilesLocation::S3(bucket("chat", ""))),
            ("s3://chat/", FilesLocation::S3(bucket("chat", ""))),
            ("s3://chat/a/b/", FilesLocation::S3(bucket("chat", "a/b"))),
            ("gs://chat.x/a", FilesLocation::Gcs(bucket("chat.x", "a"))),
        ] {
            let parsed = FilesLocation::parse(url);
            assert_eq!(parsed, Ok(location.clone()), "{url}");
            let again = location.url().map(|url| FilesLocation::parse(&url));
            assert_eq!(again, Some(Ok(location)), "{url}");
        }
        for wrong in [
            "",
            "chat",
            "s3:chat",
            "s3://",
            "gs://a b",
            "s3://a/../b",
            "ftp://a",
        ] {
            assert_eq!(FilesLocation::parse(wrong), Err(expected()), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_is_the_address_of_a_server() {
        let fine = endpoint("http://127.0.0.1:9000/");
        assert_eq!(fine.as_deref(), Ok("http://127.0.0.1:9000"));
        for wrong in ["", "minio", "ftp://minio", "http://", "https://a?b"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
