//! Which bucket, and how to be let in.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpConnector, ReqwestConnector};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig, StaticCredentialProvider};

use super::Bucket;
use super::unfinished::{Access, Unfinished};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long storage may say nothing.
const SILENCE: Duration = Duration::from_secs(20);
/// How long one request is tried again.
const TRY_FOR: Duration = Duration::from_secs(30);
/// Amazon's region when none is given.
const REGION: &str = "us-east-1";
/// Google's address.
const GOOGLE: &str = "https://storage.googleapis.com";

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
    pub(super) fn bucket(&self) -> Result<Bucket, UnusableStorage> {
        let region = self.region.as_deref().unwrap_or(REGION);
        let amazon = format!("https://s3.{region}.amazonaws.com");
        let endpoint = self.endpoint.as_deref().unwrap_or(&amazon);
        let options = client(endpoint);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_region(region)
            .with_client_options(options.clone())
            .with_retry(retry());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
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
        let store = Arc::new(builder.build()?);
        let access = Access::S3 {
            credentials: Arc::clone(store.credentials()),
            region: region.to_owned(),
        };
        let client = ReqwestConnector::default().connect(&options)?;
        let address = address(endpoint, &self.bucket);
        let uploads = Arc::clone(&store);
        let unfinished = Unfinished::new(client, address, access, uploads);
        Ok((store, unfinished))
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
    pub(super) fn bucket(&self) -> Result<Bucket, UnusableStorage> {
        let endpoint = self.endpoint.as_deref().unwrap_or(GOOGLE);
        let options = client(endpoint);
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&self.bucket)
            .with_client_options(options.clone())
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
        let store = Arc::new(builder.build()?);
        let access = Access::Gcs(Arc::clone(store.credentials()));
        let client = ReqwestConnector::default().connect(&options)?;
        let address = address(endpoint, &self.bucket);
        let uploads = Arc::clone(&store);
        let unfinished = Unfinished::new(client, address, access, uploads);
        Ok((store, unfinished))
    }
}

/// Of a bucket, below the storage's address.
fn address(endpoint: &str, bucket: &str) -> String {
    format!("{}/{bucket}", endpoint.trim_end_matches('/'))
}

fn client(endpoint: &str) -> ClientOptions {
    // No bound on a whole transfer: it lasts as long as the other side's does.
    ClientOptions::new()
        .with_allow_http(endpoint.starts_with("http://"))
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
