//! A file's bytes over HTTP (RFC 9110): whole or a range, and so that no
//! browser takes them for a page of ours (S14).

use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tertulia_domain::file::{FileType, LinkedPart};
use tertulia_domain::policy::MayFetch;
use tertulia_domain::{Entity, Error, File, Result};

use crate::common::Context;

/// How a file is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// GET or HEAD.
    pub method: &'a Method,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// Which bytes of it.
    pub part: LinkedPart,
    /// Whether it is to be saved, whatever it is.
    pub to_save: bool,
}

/// What a call answers that serves bytes (RFC 9110).
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "only describes what `serve` answers")]
pub(crate) enum ServesBytes {
    /// All of it.
    #[response(status = 200, content_type = "*/*")]
    Whole(Vec<u8>),
    /// The part that `Range` asked for.
    #[response(status = 206, content_type = "*/*")]
    Part(Vec<u8>),
    /// The caller has it already: `If-None-Match`.
    #[response(status = 304)]
    NotModified,
    /// It is another than the caller wants: `If-Match`. Without a body.
    #[response(status = 412, content_type = "*/*")]
    Changed(Vec<u8>),
    /// There is nothing in that range. Without a body.
    #[response(status = 416, content_type = "*/*")]
    Unsatisfiable(Vec<u8>),
}

/// What is sent of it.
enum Answer {
    Whole,
    Part(Range<u64>),
    NotModified,
    /// It is another than the caller wants.
    Changed,
    Unsatisfiable,
}

/// Answers with a file's bytes.
///
/// # Errors
/// [`Entity::File`] not found for a thumbnail that there is not, or bytes that
/// are gone; [`Error::Unavailable`].
pub async fn serve(context: &Context, permit: &MayFetch, asked: Asked<'_>) -> Result<Response> {
    let file = permit.file();
    let (kind, size) = match asked.part {
        LinkedPart::Content => (file.content_type, file.size),
        LinkedPart::Thumbnail => {
            let small = file.thumbnail.ok_or(Error::NotFound(Entity::File))?;
            (small.kind, small.size)
        }
    };
    let etag = format!("\"{}-{}\"", file.uuid.simple(), asked.part.word());
    let answer = answer(asked.method, asked.headers, &etag, size);
    let body = match &answer {
        _ if asked.method == Method::HEAD => Body::empty(),
        Answer::Whole => body(context, permit, asked.part, 0..size).await?,
        Answer::Part(range) => body(context, permit, asked.part, range.clone()).await?,
        Answer::NotModified | Answer::Changed | Answer::Unsatisfiable => Body::empty(),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(&etag));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=3600"),
    );
    guard(headers);
    let status = match answer {
        Answer::NotModified => {
            if asked.method == Method::HEAD {
                // Else it would be said to be empty (RFC 9110 §8.6).
                headers.insert(header::CONTENT_LENGTH, size.into());
            }
            StatusCode::NOT_MODIFIED
        }
        Answer::Changed => StatusCode::PRECONDITION_FAILED,
        Answer::Unsatisfiable => {
            headers.insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
            headers.insert(header::CONTENT_LENGTH, 0.into());
            StatusCode::RANGE_NOT_SATISFIABLE
        }
        Answer::Whole => {
            describe(headers, file, kind, asked.to_save);
            headers.insert(header::CONTENT_LENGTH, size.into());
            StatusCode::OK
        }
        Answer::Part(range) => {
            describe(headers, file, kind, asked.to_save);
            let (first, last) = (range.start, range.end - 1);
            headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
            let covered = format!("bytes {first}-{last}/{size}");
            headers.insert(header::CONTENT_RANGE, value(&covered));
            StatusCode::PARTIAL_CONTENT
        }
    };
    *response.status_mut() = status;
    Ok(response)
}

async fn body(
    context: &Context,
    permit: &MayFetch,
    part: LinkedPart,
    range: Range<u64>,
) -> Result<Body> {
    let bytes = match part {
        LinkedPart::Content => context.chat.read_file(permit, range).await?,
        LinkedPart::Thumbnail => {
            // Small, and of one piece in memory: a range is cut out of it.
            let whole = context.chat.read_thumbnail(permit).await?;
            return Ok(Body::from_stream(cut(whole, range)));
        }
    };
    Ok(Body::from_stream(bytes))
}

/// The bytes `range` of a stream.
fn cut(
    bytes: tertulia_domain::ports::BlobStream,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = Result<Bytes>> {
    use futures_util::TryStreamExt;
    let mut place = 0_u64;
    bytes.map_ok(move |piece| {
        let begin = place;
        place += piece.len() as u64;
        let within = |at: u64| at.saturating_sub(begin).min(piece.len() as u64);
        let (from, to) = (within(range.start), within(range.end));
        let index = |at: u64| usize::try_from(at).unwrap_or(piece.len());
        piece.slice(index(from)..index(to))
    })
}

/// Nothing of what is served here may act as a page of this server.
fn guard(headers: &mut HeaderMap) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
}

fn describe(headers: &mut HeaderMap, file: &File, kind: FileType, to_save: bool) {
    let content_type = match kind {
        FileType::Txt | FileType::Csv => format!("{}; charset=utf-8", kind.mime()),
        _ => kind.mime().to_owned(),
    };
    headers.insert(header::CONTENT_TYPE, value(&content_type));
    let manner = match kind.may_be_shown() && !to_save {
        true => "inline",
        false => "attachment",
    };
    let disposition = format!("{manner}; {}", file_name(&file.name));
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition));
}

/// A name in both forms of RFC 6266: plain for old programs, and as it is
/// (RFC 8187).
fn file_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '_',
        })
        .collect();
    let mut exact = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => exact.push(byte.into()),
            false => exact.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

/// What the conditions of a request come to, in their order (RFC 9110 §13.2.2).
/// Only GET knows ranges (§14.2).
fn answer(method: &Method, headers: &HeaderMap, etag: &str, size: u64) -> Answer {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(header::IF_MATCH) && !names(headers, &header::IF_MATCH, etag, false) {
        return Answer::Changed;
    }
    if names(headers, &header::IF_NONE_MATCH, etag, true) {
        return Answer::NotModified;
    }
    if method != Method::GET || text(header::IF_RANGE).is_some_and(|tag| tag.trim() != etag) {
        return Answer::Whole;
    }
    text(header::RANGE).map_or(Answer::Whole, |range| read_range(range, size))
}

/// Whether a condition names this tag, in any of its lines. Weak tags count
/// where the comparison is weak (RFC 9110 §8.8.3.2).
fn names(headers: &HeaderMap, condition: &HeaderName, etag: &str, is_weak: bool) -> bool {
    let lines = headers.get_all(condition).iter();
    let tags = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    tags.map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").filter(|_| is_weak).unwrap_or(tag);
        tag == "*" || tag == etag
    })
}

/// One range of bytes. Several at once, and what is no range, are answered with
/// the whole (RFC 9110 §14.2).
fn read_range(text: &str, size: u64) -> Answer {
    let one = text
        .trim()
        .strip_prefix("bytes=")
        .filter(|it| !it.contains(','));
    let Some((first, last)) = one.and_then(|range| range.trim().split_once('-')) else {
        return Answer::Whole;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return Answer::Whole;
    }
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let range = match (first, last) {
        ("", "") => return Answer::Whole,
        ("", suffix) => size.saturating_sub(number(suffix))..size,
        (first, "") => number(first)..size,
        (first, last) if number(first) > number(last) => return Answer::Whole,
        (first, last) => number(first)..number(last).saturating_add(1).min(size),
    };
    match range.start < range.end {
        true => Answer::Part(range),
        false => Answer::Unsatisfiable,
    }
}

/// Everything that is put into headers here is printable ASCII.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(range: &str) -> String {
        match read_range(range, 1_000) {
            Answer::Whole => "whole".to_owned(),
            Answer::Part(range) => format!("{}..{}", range.start, range.end),
            Answer::NotModified | Answer::Changed => "a condition".to_owned(),
            Answer::Unsatisfiable => "unsatisfiable".to_owned(),
        }
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        for (range, expected) in [
            ("bytes=0-499", "0..500"),
            ("bytes=500-", "500..1000"),
            ("bytes=-200", "800..1000"),
            ("bytes=-2000", "0..1000"),
            ("bytes=999-5000", "999..1000"),
            ("bytes=1000-", "unsatisfiable"),
            ("bytes=-0", "unsatisfiable"),
            ("bytes=99999999999999999999-", "unsatisfiable"),
            ("bytes=5-4", "whole"),
            ("bytes=0-1,5-6", "whole"),
            ("bytes=a-b", "whole"),
            ("bytes=-", "whole"),
            ("lines=1-2", "whole"),
        ] {
            assert_eq!(shown(range), expected, "{range}");
        }
    }

    #[test]
    fn a_name_stands_in_a_header_in_both_forms() {
        assert_eq!(
            file_name("plano \"ñ\" 50%.pdf"),
            "filename=\"plano ___ 50_.pdf\"; filename*=UTF-8''plano%20%22%C3%B1%22%2050%25.pdf"
        );
    }
}
