//! Uploads in parts that were begun and never completed. A crash leaves them in
//! the bucket, where nobody sees them and everybody pays for them. The library
//! can end one, and cannot list them: that one question is asked here, in the
//! words that S3 (`ListMultipartUploads`) and the XML API of Google Cloud
//! Storage ("List multipart uploads") have in common.

use std::fmt;
use std::sync::{Arc, Once};

use form_urlencoded::byte_serialize;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue};
use http_body_util::{BodyExt, Limited};
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::gcp::GcpCredentialProvider;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use serde::Deserialize;
use tertulia_domain::{Error, Result};

use super::failed;

/// Bytes of an answer; a list names at most a thousand uploads.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A bucket, asked for its unfinished uploads.
pub(super) struct Unfinished {
    client: HttpClient,
    /// Its address.
    bucket: String,
    access: Access,
    uploads: Arc<dyn MultipartStore>,
    refused: Once,
}

/// How a request says who asks.
pub(super) enum Access {
    /// With a signature.
    S3 {
        credentials: AwsCredentialProvider,
        region: String,
    },
    /// With a token.
    Gcs(GcpCredentialProvider),
}

/// An answer; the first thousand, in the order of their keys.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Upload", default)]
    uploads: Vec<Begun>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    key: String,
    upload_id: String,
}

impl Unfinished {
    pub(super) fn new(
        client: HttpClient,
        bucket: String,
        access: Access,
        uploads: Arc<dyn MultipartStore>,
    ) -> Self {
        Self {
            client,
            bucket,
            access,
            uploads,
            refused: Once::new(),
        }
    }

    /// Ends every upload in parts that was begun at `path`; its parts go.
    pub(super) async fn end(&self, path: &Path) -> Result<()> {
        for begun in self.begun(path).await? {
            // One with a longer key is another's.
            if begun.key != path.as_ref() {
                continue;
            }
            match self.uploads.abort_multipart(path, &begun.upload_id).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    async fn begun(&self, path: &Path) -> Result<Vec<Begun>> {
        let request = self.question(path).await?;
        let answer = self.client.execute(request).await;
        let (head, body) = answer.map_err(Error::unavailable)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await;
        let body = body.map_err(Error::unavailable)?.to_bytes();
        let status = head.status;
        let fails = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
        if fails || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Error::unavailable(format!("a list was answered {status}")));
        }
        let text = String::from_utf8_lossy(&body);
        match quick_xml::de::from_str::<Listed>(&text) {
            Ok(listed) if status.is_success() => Ok(listed.uploads),
            _ => {
                // To ask again would help nothing, and what was to be removed is.
                self.refused.call_once(|| warn_of_refusal(status));
                Ok(Vec::new())
            }
        }
    }

    /// Signed, or with a token.
    async fn question(&self, path: &Path) -> Result<HttpRequest> {
        let prefix: String = byte_serialize(path.as_ref().as_bytes()).collect();
        let uri = format!("{}?prefix={prefix}&uploads=", self.bucket);
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = uri.parse().map_err(Error::unavailable)?;
        match &self.access {
            Access::S3 {
                credentials,
                region,
            } => {
                let credential = credentials.get_credential().await.map_err(failed)?;
                let signed =
                    AwsAuthorizer::new(&credential, "s3", region).try_authorize(&mut request, None);
                signed.map_err(failed)?;
            }
            Access::Gcs(credentials) => {
                let credential = credentials.get_credential().await.map_err(failed)?;
                if !credential.bearer.is_empty() {
                    let bearer = format!("Bearer {}", credential.bearer);
                    let mut bearer = HeaderValue::from_str(&bearer).map_err(Error::unavailable)?;
                    bearer.set_sensitive(true);
                    request.headers_mut().insert(AUTHORIZATION, bearer);
                }
            }
        }
        Ok(request)
    }
}

fn warn_of_refusal(status: StatusCode) {
    tracing::warn!(
        %status,
        "the bucket does not tell its unfinished uploads: what a crash cuts off stays in it until \
         a rule of its own ends it"
    );
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished").finish_non_exhaustive()
    }
}
