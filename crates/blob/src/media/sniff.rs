//! The accepted types, by how their content begins. What begins like none of
//! them, or like two at once, is none of them.

use tertulia_domain::file::FileType;

use FileType::*;

/// The accepted types that content with this beginning may have, the likeliest
/// first.
pub(super) fn types(head: &[u8]) -> Vec<FileType> {
    for (is_it, types) in BINARY {
        if is_it(head) {
            return types(head);
        }
    }
    text(head)
}

type Test = fn(&[u8]) -> bool;
type Types = fn(&[u8]) -> Vec<FileType>;

/// No two of these hold at once.
const BINARY: &[(Test, Types)] = &[
    (|head| head.starts_with(b"%PDF-"), |_| vec![Pdf]),
    (|head| head.starts_with(b"\xFF\xD8\xFF"), |_| vec![Jpeg]),
    (is_png, |_| vec![Png]),
    (is_gif, |_| vec![Gif]),
    (|head| head.starts_with(b"RIFF"), riff),
    (|head| head.starts_with(b"OggS\0"), ogg),
    (|head| head.get(4..8) == Some(b"ftyp"), mpeg4),
    (is_bare_quicktime, |_| vec![Mov]),
    (is_mp3, |_| vec![Mp3]),
    (is_zip, zip),
    (
        |head| head.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"),
        old_office,
    ),
    (|head| head.starts_with(b"Rar!\x1A\x07"), |_| vec![Rar]),
    (
        |head| head.starts_with(b"7z\xBC\xAF\x27\x1C"),
        |_| vec![SevenZip],
    ),
];

fn is_png(head: &[u8]) -> bool {
    head.starts_with(b"\x89PNG\r\n\x1A\n") && head.get(12..16) == Some(b"IHDR")
}

fn is_gif(head: &[u8]) -> bool {
    head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a")
}

fn riff(head: &[u8]) -> Vec<FileType> {
    match head.get(8..12) {
        Some(b"WAVE") => vec![Wav],
        Some(b"WEBP") => vec![Webp],
        Some(b"AVI ") => vec![Avi],
        _ => Vec::new(),
    }
}

/// Sound only: the same container holds films.
fn ogg(head: &[u8]) -> Vec<FileType> {
    let begins_film = |name: &[u8]| contains(head, name);
    if begins_film(b"\x80theora") || begins_film(b"BBCD\0") {
        return Vec::new();
    }
    vec![Ogg]
}

/// Told by the brand; pictures and sound have brands too (HEIC, AVIF, M4A).
fn mpeg4(head: &[u8]) -> Vec<FileType> {
    match head.get(8..12) {
        Some(b"qt  ") => vec![Mov],
        Some(
            b"isom" | b"iso2" | b"iso3" | b"iso4" | b"iso5" | b"iso6" | b"iso7" | b"iso8" | b"iso9"
            | b"mp41" | b"mp42" | b"avc1" | b"dash" | b"mmp4" | b"MSNV" | b"M4V " | b"M4VH"
            | b"M4VP" | b"f4v ",
        ) => vec![Mp4],
        _ => Vec::new(),
    }
}

/// Older QuickTime files name no brand.
fn is_bare_quicktime(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"moov" | b"mdat" | b"wide" | b"pnot"))
}

/// An ID3 tag, or the head of a frame of layer III.
fn is_mp3(head: &[u8]) -> bool {
    if head.starts_with(b"ID3") {
        return true;
    }
    let [0xFF, second, third, ..] = head else {
        return false;
    };
    let is_sync = second & 0b1110_0000 == 0b1110_0000;
    let has_version = second & 0b0001_1000 != 0b0000_1000;
    let is_layer_3 = second & 0b0000_0110 == 0b0000_0010;
    let has_bitrate = !matches!(third >> 4, 0 | 15);
    let has_rate = third & 0b0000_1100 != 0b0000_1100;
    is_sync && has_version && is_layer_3 && has_bitrate && has_rate
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// An Office document is an archive with certain names in it. Which one shows
/// at its beginning or only later.
fn zip(head: &[u8]) -> Vec<FileType> {
    let names: Vec<&[u8]> = entry_names(head).collect();
    let begin_with = |start: &[u8]| names.iter().any(|name| name.starts_with(start));
    for (folder, kind) in [(&b"word/"[..], Docx), (b"xl/", Xlsx), (b"ppt/", Pptx)] {
        if begin_with(folder) {
            return vec![kind, Zip];
        }
    }
    let is_office = [&b"[Content_Types].xml"[..], b"_rels/", b"docProps/"]
        .iter()
        .any(|start| begin_with(start));
    if is_office {
        vec![Docx, Xlsx, Pptx, Zip]
    } else {
        vec![Zip]
    }
}

/// The names in an archive as far as it is here.
fn entry_names(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    const HEADER: usize = 30;
    let starts = head.windows(4).enumerate();
    starts
        .filter(|(_, window)| window == b"PK\x03\x04")
        .filter_map(|(at, _)| {
            let length = head.get(at + 26..at + 28)?;
            let length = usize::from(u16::from_le_bytes(length.try_into().ok()?));
            head.get(at + HEADER..at + HEADER + length)
        })
}

/// Word, Excel or PowerPoint of before 2007: the directory that names its parts
/// may stand anywhere.
fn old_office(head: &[u8]) -> Vec<FileType> {
    let named = |name: &str| {
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        contains(head, &utf16)
    };
    if named("WordDocument") {
        vec![Doc]
    } else if named("Workbook") {
        vec![Xls]
    } else if named("PowerPoint Document") {
        vec![Ppt]
    } else {
        vec![Doc, Xls, Ppt]
    }
}

/// Text in any encoding that people still use: UTF-8, UTF-16 with its mark, or
/// one byte for each letter.
fn text(head: &[u8]) -> Vec<FileType> {
    let is_utf16 = head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF");
    if is_utf16 {
        return if head.len() >= 4 && !has_control_units(head) {
            vec![Txt, Csv]
        } else {
            Vec::new()
        };
    }
    if head.is_empty() || head.iter().copied().any(is_control) {
        return Vec::new();
    }
    if is_svg(head) {
        return vec![Svg, Txt];
    }
    vec![Txt, Csv]
}

/// A byte that no text holds.
fn is_control(byte: u8) -> bool {
    byte == 0x7F || (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B))
}

fn has_control_units(head: &[u8]) -> bool {
    let is_little = head.starts_with(b"\xFF\xFE");
    head.chunks_exact(2).any(|pair| {
        let [high, low] = if is_little {
            [pair[1], pair[0]]
        } else {
            [pair[0], pair[1]]
        };
        high == 0 && is_control(low)
    })
}

/// Whether the first element is `svg`, after what may stand before it.
fn is_svg(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let mut rest = head.trim_ascii_start();
    loop {
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => b">",
            _ => break,
        };
        let Some(at) = rest.windows(end.len()).position(|window| window == end) else {
            return false;
        };
        rest = rest[at + end.len()..].trim_ascii_start();
    }
    rest.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"<svg"))
        && rest
            .get(4)
            .is_none_or(|next| next.is_ascii_whitespace() || b">/".contains(next))
}

fn contains(head: &[u8], wanted: &[u8]) -> bool {
    head.windows(wanted.len()).any(|window| window == wanted)
}
