//! What files are told to be, by their content alone.

use std::io::Cursor;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use tertulia_blob::FileMedia;
use tertulia_domain::Error;
use tertulia_domain::file::FileType::{self, *};
use tertulia_domain::ports::{BlobStream, Media, Picture};

fn sniff(head: &[u8]) -> Vec<FileType> {
    FileMedia::default().sniff(head)
}

/// The head of an entry of an archive.
fn entry(name: &str) -> Vec<u8> {
    let mut entry = b"PK\x03\x04".to_vec();
    entry.resize(26, 0);
    entry.extend((name.len() as u16).to_le_bytes());
    entry.extend([0, 0]);
    entry.extend(name.as_bytes());
    entry
}

#[test]
fn every_type_is_known_by_its_beginning() {
    let docx = [entry("[Content_Types].xml"), entry("word/document.xml")].concat();
    let old = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    let cases: &[(&[u8], &[FileType])] = &[
        (b"%PDF-1.7", &[Pdf]),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF\0", &[Jpeg]),
        (b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", &[Png]),
        (b"GIF89a\x01\0\x01\0", &[Gif]),
        (b"RIFF\x24\0\0\0WEBPVP8 ", &[Webp]),
        (b"RIFF\x24\0\0\0WAVEfmt ", &[Wav]),
        (b"RIFF\x24\0\0\0AVI LIST", &[Avi]),
        (b"OggS\0\x02 OpusHead", &[Ogg]),
        (b"ID3\x04\0\0\0\0\0\0", &[Mp3]),
        (b"\xFF\xFB\x90\x64\0\0", &[Mp3]),
        (b"\0\0\0\x20ftypisom\0\0\x02\0", &[Mp4]),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", &[Mov]),
        (b"\0\0\0\x08wide\0\0\0\0mdat", &[Mov]),
        (b"Rar!\x1A\x07\x01\0", &[Rar]),
        (b"7z\xBC\xAF\x27\x1C\0\x04", &[SevenZip]),
        (b"PK\x05\x06\0\0", &[Zip]),
        (&entry("photo.jpg"), &[Zip]),
        (&entry("[Content_Types].xml"), &[Docx, Xlsx, Pptx, Zip]),
        (&docx, &[Docx, Zip]),
        (&entry("xl/workbook.xml"), &[Xlsx, Zip]),
        (&entry("ppt/presentation.xml"), &[Pptx, Zip]),
        (&old, &[Doc, Xls, Ppt]),
        (&[&old[..], b"W\0o\0r\0k\0b\0o\0o\0k\0"].concat(), &[Xls]),
        ("Hola, ¿qué tal?\r\n".as_bytes(), &[Txt, Csv]),
        (b"nombre;a\xF1o\n", &[Txt, Csv]),
        (b"\xFF\xFEH\0o\0l\0a\0", &[Txt, Csv]),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", &[Svg, Txt]),
    ];
    for (head, types) in cases {
        assert_eq!(sniff(head), *types, "{}", String::from_utf8_lossy(head));
    }
}

#[test]
fn an_svg_is_one_whatever_stands_before_it() {
    let svg = "\u{FEFF}<?xml version=\"1.0\"?>\n<!-- <b> -->\n<!DOCTYPE svg>\n<SVG/>";
    assert_eq!(sniff(svg.as_bytes()), [Svg, Txt]);
    for text in [
        "<svgx>",
        "<html><svg>",
        "<?xml version=\"1.0\"?",
        "<!-- <svg>",
    ] {
        assert_eq!(sniff(text.as_bytes()), [Txt, Csv], "{text}");
    }
}

#[test]
fn what_is_not_accepted_is_nothing() {
    let cases: &[&[u8]] = &[
        b"",
        b"\x7FELF\x02\x01\x01\0",
        b"MZ\x90\0\x03\0",
        b"\xCA\xFE\xBA\xBE\0\0\0\x41",
        b"\0\0\0\x18ftypheic",
        b"\0\0\0\x18ftypM4A ",
        b"OggS\0\x02\0\0\x80theora",
        b"RIFF\x24\0\0\0ACON",
        b"\x1A\x45\xDF\xA3matroska",
        b"\xFF\xFE\0\0",
        b"a text\0with a zero",
        b"\xFF\xF1\x50\x80\0\x1F\xFC",
    ];
    for head in cases {
        assert_eq!(sniff(head), [], "{}", String::from_utf8_lossy(head));
    }
}

/// A page that pretends to be a picture is what its first bytes say, and no
/// first bytes are two things at once.
#[test]
fn a_polyglot_is_what_it_begins_with() {
    assert_eq!(sniff(b"GIF89a/*<script>alert(1)</script>*/"), [Gif]);
    assert_eq!(sniff(b"<script>/*\xFF\xD8\xFF*/</script>"), [Txt, Csv]);
    assert_eq!(sniff(b"\x89PNG<script>"), [Txt, Csv]);
    assert_eq!(sniff(b"junk %PDF-1.7"), [Txt, Csv]);
}

fn stream(bytes: Vec<u8>) -> BlobStream {
    let bytes = Bytes::from(bytes);
    let mut pieces = Vec::new();
    for piece in bytes.chunks(1_000) {
        pieces.push(Ok(bytes.slice_ref(piece)));
    }
    stream::iter(pieces).boxed()
}

async fn inspect(kind: FileType, bytes: Vec<u8>) -> Option<Picture> {
    let inspected = FileMedia::default().inspect(kind, stream(bytes)).await;
    inspected.expect("the content can be read")
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an image");
    bytes.into_inner()
}

fn decoded(picture: &Picture) -> DynamicImage {
    let thumbnail = picture.thumbnail.as_ref().expect("a thumbnail");
    let format = match thumbnail.content_type {
        Png => ImageFormat::Png,
        Jpeg => ImageFormat::Jpeg,
        other => panic!("a thumbnail of type {other:?}"),
    };
    assert!(thumbnail.bytes.len() <= 200 * 1024);
    image::load_from_memory_with_format(&thumbnail.bytes, format).expect("an image")
}

#[tokio::test]
async fn an_image_is_measured_and_made_small() {
    let image = DynamicImage::new_rgb8(800, 400);
    for (kind, format) in [
        (Jpeg, ImageFormat::Jpeg),
        (Png, ImageFormat::Png),
        (Webp, ImageFormat::WebP),
        (Gif, ImageFormat::Gif),
    ] {
        let picture = inspect(kind, encoded(&image, format))
            .await
            .expect("an image");
        assert_eq!((picture.width, picture.height), (800, 400), "{kind:?}");
        let small = decoded(&picture);
        assert_eq!((small.width(), small.height()), (320, 160), "{kind:?}");
    }
}

#[tokio::test]
async fn a_small_image_is_not_made_larger() {
    let image = DynamicImage::new_rgb8(3, 5);
    let picture = inspect(Png, encoded(&image, ImageFormat::Png))
        .await
        .expect("an image");
    assert_eq!(
        (decoded(&picture).width(), decoded(&picture).height()),
        (3, 5)
    );
}

#[tokio::test]
async fn what_is_transparent_stays_so_while_it_is_small() {
    let clear = RgbaImage::from_pixel(400, 400, Rgba([10, 20, 30, 0]));
    let picture = inspect(Png, encoded(&clear.into(), ImageFormat::Png))
        .await
        .expect("an image");
    assert_eq!(decoded(&picture).to_rgba8().get_pixel(9, 9)[3], 0);

    // Noise cannot be compressed.
    let mut state = 1_u32;
    let noise = RgbaImage::from_fn(320, 320, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        Rgba([a, b, c, c])
    });
    let picture = inspect(Png, encoded(&noise.into(), ImageFormat::Png))
        .await
        .expect("an image");
    assert!(!decoded(&picture).color().has_alpha());
}

/// A JPEG with this orientation in its EXIF data.
fn turned(orientation: u8) -> Vec<u8> {
    let jpeg = encoded(&DynamicImage::new_rgb8(40, 20), ImageFormat::Jpeg);
    let tiff = [
        b"II*\0\x08\0\0\0\x01\0".as_slice(),
        &[
            0x12,
            0x01,
            3,
            0,
            1,
            0,
            0,
            0,
            orientation,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ],
    ]
    .concat();
    let exif = [b"Exif\0\0".as_slice(), &tiff].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], b"\xFF\xE1", &length, &exif, &jpeg[2..]].concat()
}

#[tokio::test]
async fn an_image_is_measured_as_it_is_shown() {
    for (orientation, size) in [(1, (40, 20)), (3, (40, 20)), (6, (20, 40)), (8, (20, 40))] {
        let picture = inspect(Jpeg, turned(orientation)).await.expect("an image");
        assert_eq!((picture.width, picture.height), size, "{orientation}");
        let small = decoded(&picture);
        assert_eq!((small.width(), small.height()), size, "{orientation}");
    }
}

/// A PNG that says it is this large and holds nothing.
fn boast(width: u32, height: u32) -> Vec<u8> {
    let mut png = encoded(&DynamicImage::new_rgb8(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = 0xFFFF_FFFF_u32;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png
}

#[tokio::test]
async fn a_bomb_is_not_decoded() {
    assert_eq!(inspect(Png, boast(100_000, 100_000)).await, None);
    assert_eq!(inspect(Png, boast(u32::MAX, 1)).await, None);
    // Small enough to try, and then there is nothing: measured, not drawn.
    let empty = inspect(Png, boast(500, 500))
        .await
        .expect("it can be measured");
    assert_eq!(
        (empty.width, empty.height, empty.thumbnail),
        (500, 500, None)
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_without_a_picture() {
    let png = encoded(&DynamicImage::new_rgb8(30, 30), ImageFormat::Png);
    assert_eq!(inspect(Jpeg, png.clone()).await, None);
    assert_eq!(inspect(Png, png[..20].to_vec()).await, None);
    assert_eq!(inspect(Svg, b"<svg/>".to_vec()).await, None);
    assert_eq!(inspect(Pdf, b"%PDF-".to_vec()).await, None);
    assert_eq!(inspect(Png, vec![0; 13 * 1024 * 1024]).await, None);
}

/// No beginning and no damage makes it panic.
#[tokio::test]
async fn damage_is_survived() {
    let image = DynamicImage::new_rgb8(20, 20);
    for (kind, format) in [
        (Jpeg, ImageFormat::Jpeg),
        (Png, ImageFormat::Png),
        (Webp, ImageFormat::WebP),
        (Gif, ImageFormat::Gif),
    ] {
        let whole = encoded(&image, format);
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xFF;
            sniff(&broken[..at]);
            sniff(&broken);
            inspect(kind, broken).await;
        }
    }
}

#[tokio::test]
async fn storage_that_fails_is_told() {
    let broken = stream::iter([Err(Error::unavailable("away"))]).boxed();
    let inspected = FileMedia::default().inspect(Png, broken).await;
    assert!(matches!(inspected, Err(Error::Unavailable(_))));
}
