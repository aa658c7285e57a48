//! Which bucket, and how to be let in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long storage may say nothing.
const SILENCE: Duration = Duration::from_secs(20);
/// How long one request is tried again.
const TRY_FOR: Duration = Duration::from_secs(30);

/// Storage that cannot be used as it is set.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct UnusableStorage(#[from] object_store::Error);

/// A bucket of S3, or of storage that speaks its language.
#[derive(Clone, Default)]
pub struct S3Settings {
    /// The bucket's name.
    pub bucket: String,
    /// What all names begin with; may be empty.
    pub prefix: String,
    /// The address of storage other than Amazon's, `https://host:port`.
    pub endpoint: Option<String>,
    /// Amazon's when not given: `us-east-1`.
    pub region: Option<String>,
    /// The key's name. Without it the machine's role is used, where the cloud
    /// gives it one.
    pub access_key_id: Option<String>,
    /// The key's secret.
    pub secret_access_key: Option<String>,
    /// For keys that hold for a while only.
    pub session_token: Option<String>,
}

impl S3Settings {
    pub(super) fn store(&self) -> Result<Arc<dyn ObjectStore>, UnusableStorage> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_client_options(client(self.endpoint.as_deref()))
            .with_retry(retry());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(id) = &self.access_key_id {
            builder = builder.with_access_key_id(id);
        }
        if let Some(secret) = &self.secret_access_key {
            builder = builder.with_secret_access_key(secret);
        }
        if let Some(token) = &self.session_token {
            builder = builder.with_token(token);
        }
        Ok(Arc::new(builder.build()?))
    }
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, Default)]
pub struct GcsSettings {
    /// The bucket's name.
    pub bucket: String,
    /// What all names begin with; may be empty.
    pub prefix: String,
    /// The address of storage other than Google's.
    pub endpoint: Option<String>,
    /// The file of credentials. Without it, those that `gcloud` left on this
    /// machine, or the machine's own where the cloud gives it some.
    pub credentials: Option<PathBuf>,
    /// Names nobody in its requests: for emulators.
    pub anonymous: bool,
}

impl GcsSettings {
    pub(super) fn store(&self) -> Result<Arc<dyn ObjectStore>, UnusableStorage> {
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&self.bucket)
            .with_client_options(client(self.endpoint.as_deref()))
            .with_retry(retry());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        if self.anonymous {
            let nobody = GcpCredential {
                bearer: String::new(),
            };
            builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
        }
        if let Some(file) = &self.credentials {
            builder = builder.with_application_credentials(file.to_string_lossy());
        }
        Ok(Arc::new(builder.build()?))
    }
}

fn client(endpoint: Option<&str>) -> ClientOptions {
    // No bound on a whole transfer: it lasts as long as the other side's does.
    ClientOptions::new()
        .with_allow_http(endpoint.is_some_and(|address| address.starts_with("http://")))
        .with_connect_timeout(CONNECT)
        .with_timeout_disabled()
        .with_read_timeout(SILENCE)
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 4,
        retry_timeout: TRY_FOR,
    }
}
