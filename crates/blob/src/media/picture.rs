//! Images: how large they are, and small versions of them.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage, Rgba};
use tertulia_domain::file::FileType;
use tertulia_domain::ports::{Picture, THUMBNAIL_SIDE, Thumbnail};

/// Pixels of an image that is decoded. The newest phones make 50 million, and
/// smaller ones unless asked.
const MOST_PIXELS: u64 = 52_000_000;

/// Bytes that decoding one image may take.
pub(super) const MOST_MEMORY: u64 = 256 * 1024 * 1024;

/// A transparent thumbnail that is larger becomes an opaque one.
const MOST_PNG_BYTES: usize = 160 * 1024;

const JPEG_QUALITY: u8 = 80;

/// The decoder for a type; none for what is no raster image.
pub(super) fn format(kind: FileType) -> Option<ImageFormat> {
    match kind {
        FileType::Jpeg => Some(ImageFormat::Jpeg),
        FileType::Png => Some(ImageFormat::Png),
        FileType::Gif => Some(ImageFormat::Gif),
        FileType::Webp => Some(ImageFormat::WebP),
        _ => None,
    }
}

/// Looks at an image; none when it cannot be read as one, or is too large.
pub(super) fn inspect(format: ImageFormat, bytes: &[u8]) -> Option<Picture> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MOST_PIXELS {
        return None;
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = match turns_sideways(orientation) {
        true => (height, width),
        false => (width, height),
    };
    let fits = decoder.total_bytes() <= MOST_MEMORY && decoder.set_limits(limits).is_ok();
    let drawn = fits.then(|| DynamicImage::from_decoder(decoder).ok());
    Some(Picture {
        width,
        height,
        thumbnail: drawn
            .flatten()
            .and_then(|image| thumbnail(image, orientation)),
    })
}

fn turns_sideways(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn thumbnail(image: DynamicImage, orientation: Orientation) -> Option<Thumbnail> {
    let is_small = image.width() <= THUMBNAIL_SIDE && image.height() <= THUMBNAIL_SIDE;
    let mut small = match is_small {
        true => image,
        false => image.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE),
    };
    small.apply_orientation(orientation);
    if small.color().has_alpha() {
        let small = small.to_rgba8();
        let mut png = Cursor::new(Vec::new());
        small.write_to(&mut png, ImageFormat::Png).ok()?;
        let png = png.into_inner();
        if png.len() <= MOST_PNG_BYTES {
            return Some(Thumbnail {
                content_type: FileType::Png,
                bytes: Bytes::from(png),
            });
        }
        return jpeg(&on_white(&small));
    }
    jpeg(&small.to_rgb8())
}

fn on_white(image: &image::RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *image.get_pixel(x, y);
        let blend = |colour: u8| {
            let (colour, alpha) = (u16::from(colour), u16::from(alpha));
            u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        image::Rgb([blend(red), blend(green), blend(blue)])
    })
}

fn jpeg(image: &RgbImage) -> Option<Thumbnail> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    image.write_with_encoder(encoder).ok()?;
    Some(Thumbnail {
        content_type: FileType::Jpeg,
        bytes: Bytes::from(bytes),
    })
}
