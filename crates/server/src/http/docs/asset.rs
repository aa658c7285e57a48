//! Files that are in the program, and how they are answered: compressed where
//! the client takes it, and only when it has not got them already.

use std::io::Read;
use std::sync::OnceLock;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// What the pages load, below `/docs/assets/`.
pub(super) static ASSETS: [Asset; 9] = [
    Asset::compressed(
        "swagger-ui-bundle.js",
        JAVASCRIPT,
        include_bytes!("../../../assets/docs/swagger-ui-bundle.js.gz"),
    ),
    Asset::compressed(
        "swagger-ui.css",
        CSS,
        include_bytes!("../../../assets/docs/swagger-ui.css.gz"),
    ),
    Asset::compressed(
        "redoc.standalone.js",
        JAVASCRIPT,
        include_bytes!("../../../assets/docs/redoc.standalone.js.gz"),
    ),
    Asset::compressed(
        "licences.txt",
        "text/plain; charset=utf-8",
        include_bytes!("../../../assets/docs/licences.txt.gz"),
    ),
    Asset::plain("swagger.js", JAVASCRIPT, include_str!("swagger.js")),
    Asset::plain("redoc.js", JAVASCRIPT, include_str!("redoc.js")),
    Asset::plain("redoc.css", CSS, include_str!("redoc.css")),
    Asset::plain("events.js", JAVASCRIPT, include_str!("events.js")),
    Asset::plain("events.css", CSS, include_str!("events.css")),
];

/// A file that is in the program.
pub(super) struct Asset {
    pub(super) name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    is_gzip: bool,
    /// Names the content; made when first asked for.
    hash: OnceLock<String>,
}

/// One form of a file.
enum Form {
    Plain(&'static [u8]),
    Gzip(&'static [u8]),
    /// Compressed here, for a client that takes no compression.
    ToInflate(&'static [u8]),
}

impl Asset {
    pub(super) const fn plain(
        name: &'static str,
        content_type: &'static str,
        text: &'static str,
    ) -> Self {
        Self {
            name,
            content_type,
            bytes: text.as_bytes(),
            is_gzip: false,
            hash: OnceLock::new(),
        }
    }

    const fn compressed(
        name: &'static str,
        content_type: &'static str,
        bytes: &'static [u8],
    ) -> Self {
        Self {
            name,
            content_type,
            bytes,
            is_gzip: true,
            hash: OnceLock::new(),
        }
    }

    /// The file, or 304 for a client that has it.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let form = self.form(request);
        let tag = self.tag(&form);
        let is_known = names_tag(request, &tag);
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        // Asked for anew each time, which costs no more than a 304.
        let revalidate = HeaderValue::from_static("public, no-cache");
        headers.insert(header::CACHE_CONTROL, revalidate);
        if self.is_gzip {
            let vary = HeaderValue::from_static("accept-encoding");
            headers.insert(header::VARY, vary);
        }
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let content_type = HeaderValue::from_static(self.content_type);
        headers.insert(header::CONTENT_TYPE, content_type);
        if let Form::Gzip(_) = form {
            let gzip = HeaderValue::from_static("gzip");
            headers.insert(header::CONTENT_ENCODING, gzip);
        }
        *response.body_mut() = match form {
            Form::Plain(bytes) | Form::Gzip(bytes) => Body::from(bytes),
            Form::ToInflate(bytes) => Body::from(inflate(bytes)),
        };
        response
    }

    /// What this client gets.
    fn form(&self, request: &HeaderMap) -> Form {
        match self.is_gzip {
            false => Form::Plain(self.bytes),
            true if takes_gzip(request) => Form::Gzip(self.bytes),
            true => Form::ToInflate(self.bytes),
        }
    }

    /// Each form has a tag of its own (RFC 9110 §8.8.3.3).
    fn tag(&self, form: &Form) -> String {
        let hash = self.hash.get_or_init(|| {
            let hash = Sha256::digest(self.bytes);
            URL_SAFE_NO_PAD.encode(&hash[..12])
        });
        match form {
            Form::Plain(_) | Form::Gzip(_) => format!("\"{hash}\""),
            Form::ToInflate(_) => format!("\"{hash}-plain\""),
        }
    }
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    let read = GzDecoder::new(bytes).read_to_end(&mut inflated);
    read.expect("what is in the program is whole: a test inflates it");
    inflated
}

/// Whether gzip may be sent (RFC 9110 §12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    list(request, header::ACCEPT_ENCODING).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let is_refused = parts
            .filter_map(|part| part.strip_prefix("q="))
            .any(|weight| weight.parse() == Ok(0.0));
        (coding == "*" || coding.eq_ignore_ascii_case("gzip")) && !is_refused
    })
}

/// Whether the client has what this tag names (RFC 9110 §13.1.2).
fn names_tag(request: &HeaderMap, tag: &str) -> bool {
    list(request, header::IF_NONE_MATCH)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
}

/// The items of a list, over all lines of the header.
fn list(request: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    request
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, text: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(text));
        headers
    }

    #[test]
    fn every_compressed_file_is_whole() {
        for asset in ASSETS.iter().filter(|asset| asset.is_gzip) {
            assert!(
                inflate(asset.bytes).len() > asset.bytes.len(),
                "{}",
                asset.name
            );
        }
    }

    #[test]
    fn compression_is_sent_only_where_it_is_taken() {
        let taken = |text| takes_gzip(&headers(header::ACCEPT_ENCODING, text));
        assert!(taken("gzip, deflate, br"));
        assert!(taken("br;q=1.0, gzip;q=0.5"));
        assert!(taken("*"));
        assert!(!taken("gzip;q=0"));
        assert!(!taken("identity"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let asset = &ASSETS[0];
        let gzip = headers(header::ACCEPT_ENCODING, "gzip");
        let tag = asset.answer(&gzip).headers()[header::ETAG].clone();
        for known in [
            tag.as_bytes().to_vec(),
            [b"\"x\", W/", tag.as_bytes()].concat(),
        ] {
            let mut again = gzip.clone();
            let known = HeaderValue::from_bytes(&known).expect("tags are visible");
            again.insert(header::IF_NONE_MATCH, known);
            assert_eq!(asset.answer(&again).status(), StatusCode::NOT_MODIFIED);
            // The other form is another thing.
            again.remove(header::ACCEPT_ENCODING);
            assert_eq!(asset.answer(&again).status(), StatusCode::OK);
        }
    }
}
