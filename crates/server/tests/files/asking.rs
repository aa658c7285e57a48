//! Every way to ask for a file's bytes (S16, RFC 9110 §13 and §14): links that
//! were not made here, and ranges and conditions at their edges.

use http::{HeaderName, Method};
use insta::assert_snapshot;
use tertulia_testkit::{HttpResponse, PDF, PNG, TestServer};

use crate::{person, text};

/// The path of a link, and its two values.
fn parts(link: &str) -> (&str, &str, &str) {
    let (path, query) = link.split_once("?expires=").expect("an end");
    let (expires, signature) = query.split_once("&signature=").expect("a signature");
    (path, expires, signature)
}

#[tokio::test]
async fn nobody_makes_up_a_link() {
    let server = TestServer::spawn().await;
    let ines = person(server.http(), "ines").await;
    let eva = person(server.http(), "eva").await;
    let photo = ines.upload("foto.png", PNG).await;
    let other = text(&ines.upload("a.pdf", PDF).await["url"]);
    let (link, small) = (text(&photo["url"]), text(&photo["thumbnail_url"]));
    let (path, expires, signature) = parts(&link);
    let (other_path, _, of_other) = parts(&other);
    let (small_path, _, of_small) = parts(&small);
    let with = |path: &str, expires: &str, signature: &str| {
        format!("{path}?expires={expires}&signature={signature}")
    };
    let numbered = |number: &str| with(&path.replace("/1/", number), expires, signature);
    let rows = [
        ("as it is", link.clone()),
        ("another file's signature", with(path, expires, of_other)),
        (
            "another file by this one",
            with(other_path, expires, signature),
        ),
        ("the thumbnail's signature", with(path, expires, of_small)),
        (
            "the thumbnail by this one",
            with(small_path, expires, signature),
        ),
        ("a later end", with(path, "99999999999", signature)),
        (
            "an end beyond time",
            with(path, "9223372036854775807", signature),
        ),
        (
            "an end before time",
            with(path, "-9223372036854775808", signature),
        ),
        ("an end long ago", with(path, "0", signature)),
        (
            "a longer signature",
            with(path, expires, &format!("{signature}AA")),
        ),
        ("a shorter signature", with(path, expires, &signature[..40])),
        ("another signature", with(path, expires, &"A".repeat(43))),
        ("an empty signature", with(path, expires, "")),
        ("no signature", format!("{path}?expires={expires}")),
        ("no end", format!("{path}?signature={signature}")),
        ("no number as its end", with(path, "tomorrow", signature)),
        ("no Base64", with(path, expires, "%00%00")),
        ("a zero before the number", numbered("/01/")),
        (
            "a number beyond numbers",
            numbered("/99999999999999999999/"),
        ),
        ("a path above", numbered("/../1/")),
        ("two ends", format!("{link}&expires=99999999999")),
        ("two signatures", format!("{link}&signature={of_other}")),
    ];
    let mut seen = Vec::new();
    for (what, link) in rows {
        let anyone = server.http().get(&link).await.status.as_u16();
        let stranger = eva.http.get(&link).await.status.as_u16();
        seen.push(format!(
            "{what}: {anyone}, with a stranger's token {stranger}"
        ));
    }
    assert_snapshot!(seen.join("\n"), @r"
    as it is: 200, with a stranger's token 200
    another file's signature: 404, with a stranger's token 404
    another file by this one: 404, with a stranger's token 404
    the thumbnail's signature: 404, with a stranger's token 404
    the thumbnail by this one: 404, with a stranger's token 404
    a later end: 404, with a stranger's token 404
    an end beyond time: 404, with a stranger's token 404
    an end before time: 404, with a stranger's token 404
    an end long ago: 404, with a stranger's token 404
    a longer signature: 401, with a stranger's token 404
    a shorter signature: 404, with a stranger's token 404
    another signature: 404, with a stranger's token 404
    an empty signature: 404, with a stranger's token 404
    no signature: 401, with a stranger's token 404
    no end: 401, with a stranger's token 404
    no number as its end: 401, with a stranger's token 404
    no Base64: 401, with a stranger's token 404
    a zero before the number: 401, with a stranger's token 404
    a number beyond numbers: 401, with a stranger's token 404
    a path above: 404, with a stranger's token 404
    two ends: 200, with a stranger's token 200
    two signatures: 200, with a stranger's token 200
    ");
    server.shutdown().await;
}

/// Status, the headers that matter, and the bytes.
fn shown(answer: &HttpResponse) -> String {
    let mut line = answer.status.as_u16().to_string();
    for name in ["content-range", "content-length"] {
        let value = answer.header(name);
        if !value.is_empty() {
            line.push_str(&format!(" {name}: {value};"));
        }
    }
    format!("{line} {}", answer.text()).trim_end().to_owned()
}

#[tokio::test]
async fn ranges_and_conditions_have_edges() {
    const RANGE: (&str, &str) = ("range", "bytes=0-1");
    let server = TestServer::spawn().await;
    let ines = person(server.http(), "ines").await;
    let file = ines.upload("nota.txt", b"0123456789").await;
    let url = text(&file["url"]);
    let tag = server.http().get(&url).await.header("etag").to_owned();
    let weak = format!("W/{tag}");
    let listed = format!("\"x\", {tag}");
    let many = format!("bytes={}", vec!["0-"; 1_000].join(","));
    let time = "Wed, 18 Feb 2026 07:33:20 GMT";
    let rows: &[(&str, &[(&'static str, &str)])] = &[
        ("a range", &[("range", "bytes=2-4")]),
        ("the end", &[("range", "bytes=-3")]),
        ("more than all", &[("range", "bytes=-99")]),
        ("none", &[("range", "bytes=-0")]),
        ("from the last", &[("range", "bytes=9-")]),
        ("from the end", &[("range", "bytes=10-")]),
        ("beyond the end", &[("range", "bytes=5-99")]),
        ("backwards", &[("range", "bytes=5-4")]),
        (
            "beyond numbers",
            &[("range", "bytes=0-99999999999999999999")],
        ),
        ("a minus", &[("range", "bytes=--1")]),
        ("another unit", &[("range", "lines=1-2")]),
        ("two ranges", &[("range", "bytes=0-1,4-5")]),
        ("a thousand ranges", &[("range", &many)]),
        ("if the same", &[RANGE, ("if-range", &tag)]),
        ("if weakly the same", &[RANGE, ("if-range", &weak)]),
        ("if another", &[RANGE, ("if-range", "\"x\"")]),
        ("if of this time", &[RANGE, ("if-range", time)]),
        ("unless known", &[("if-none-match", &tag)]),
        ("unless weakly known", &[("if-none-match", &weak)]),
        ("unless one is known", &[("if-none-match", &listed)]),
        ("unless any is known", &[("if-none-match", "*")]),
        ("unless another is", &[("if-none-match", "\"x\"")]),
        ("a range unless known", &[RANGE, ("if-none-match", &tag)]),
        ("only this", &[("if-match", &tag)]),
        ("only weakly this", &[("if-match", &weak)]),
        ("only another", &[("if-match", "\"x\"")]),
        ("only one of these", &[("if-match", &listed)]),
    ];
    let mut seen = Vec::new();
    for (what, headers) in rows {
        let mut answers = Vec::new();
        for method in [Method::GET, Method::HEAD] {
            let mut request = server.http().request(method, &url);
            for (name, value) in *headers {
                request = request.header(HeaderName::from_static(name), value);
            }
            let answer = request.send().await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("etag"), tag, "{what}");
            answers.push(shown(&answer));
        }
        seen.push(format!("{what}: {} | HEAD {}", answers[0], answers[1]));
    }
    assert_snapshot!(seen.join("\n"), @r"
    a range: 206 content-range: bytes 2-4/10; content-length: 3; 234 | HEAD 200 content-length: 10;
    the end: 206 content-range: bytes 7-9/10; content-length: 3; 789 | HEAD 200 content-length: 10;
    more than all: 206 content-range: bytes 0-9/10; content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    none: 416 content-range: bytes */10; content-length: 0; | HEAD 200 content-length: 10;
    from the last: 206 content-range: bytes 9-9/10; content-length: 1; 9 | HEAD 200 content-length: 10;
    from the end: 416 content-range: bytes */10; content-length: 0; | HEAD 200 content-length: 10;
    beyond the end: 206 content-range: bytes 5-9/10; content-length: 5; 56789 | HEAD 200 content-length: 10;
    backwards: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    beyond numbers: 206 content-range: bytes 0-9/10; content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    a minus: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    another unit: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    two ranges: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    a thousand ranges: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    if the same: 206 content-range: bytes 0-1/10; content-length: 2; 01 | HEAD 200 content-length: 10;
    if weakly the same: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    if another: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    if of this time: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    unless known: 304 | HEAD 304 content-length: 10;
    unless weakly known: 304 | HEAD 304 content-length: 10;
    unless one is known: 304 | HEAD 304 content-length: 10;
    unless any is known: 304 | HEAD 304 content-length: 10;
    unless another is: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    a range unless known: 304 | HEAD 304 content-length: 10;
    only this: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    only weakly this: 412 content-length: 0; | HEAD 412 content-length: 0;
    only another: 412 content-length: 0; | HEAD 412 content-length: 0;
    only one of these: 200 content-length: 10; 0123456789 | HEAD 200 content-length: 10;
    ");
    server.shutdown().await;
}
