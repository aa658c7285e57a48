//! The types of files that are accepted (`contracts/izpochat.md` §3): nothing
//! else is stored.

use crate::MessageKind;

macro_rules! file_types {
    ($($(#[$doc:meta])* $name:ident = $mime:literal $category:ident
        [$($extension:literal),+] also [$($other:literal),*];)*) => {
        /// What a file is. Has one name of its own; other names for the same
        /// are understood.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FileType {
            $($(#[$doc])* $name),*
        }

        impl FileType {
            /// Every type, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name as a media type.
            #[must_use]
            pub const fn mime(self) -> &'static str {
                match self {
                    $(Self::$name => $mime),*
                }
            }

            /// The endings of names that agree with it; the first is its own.
            #[must_use]
            pub const fn extensions(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($extension),+]),*
                }
            }

            /// Other names that programs have for this media type.
            #[must_use]
            pub const fn other_mimes(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($other),*]),*
                }
            }

            /// What it is roughly.
            #[must_use]
            pub const fn category(self) -> Category {
                match self {
                    $(Self::$name => Category::$category),*
                }
            }
        }
    };
}

file_types! {
    /// Portable Document Format.
    Pdf = "application/pdf" Document ["pdf"] also [];
    /// Word, before 2007.
    Doc = "application/msword" Document ["doc"] also [];
    /// Word.
    Docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document" Document
        ["docx"] also [];
    /// Excel, before 2007.
    Xls = "application/vnd.ms-excel" Document ["xls"] also [];
    /// Excel.
    Xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" Document
        ["xlsx"] also [];
    /// PowerPoint, before 2007.
    Ppt = "application/vnd.ms-powerpoint" Document ["ppt"] also [];
    /// PowerPoint.
    Pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation" Document
        ["pptx"] also [];
    /// Plain text.
    Txt = "text/plain" Document ["txt", "text", "log"] also [];
    /// Comma-separated values.
    Csv = "text/csv" Document ["csv"] also ["application/vnd.ms-excel", "application/csv"];
    /// A JPEG image.
    Jpeg = "image/jpeg" Image ["jpg", "jpeg", "jpe", "jfif"] also ["image/jpg", "image/pjpeg"];
    /// A PNG image.
    Png = "image/png" Image ["png"] also ["image/x-png"];
    /// A GIF image.
    Gif = "image/gif" Image ["gif"] also [];
    /// A WebP image.
    Webp = "image/webp" Image ["webp"] also [];
    /// A drawing that can hold scripts: never shown inline.
    Svg = "image/svg+xml" Image ["svg"] also [];
    /// MPEG audio.
    Mp3 = "audio/mpeg" Audio ["mp3", "mpga"] also ["audio/mp3", "audio/x-mpeg", "audio/mpeg3"];
    /// Waveform audio.
    Wav = "audio/wav" Audio ["wav"] also ["audio/x-wav", "audio/wave", "audio/vnd.wave"];
    /// Sound in an Ogg container.
    Ogg = "audio/ogg" Audio ["ogg", "oga", "opus"] also ["application/ogg", "audio/opus"];
    /// An MPEG-4 film.
    Mp4 = "video/mp4" Video ["mp4", "m4v"] also ["video/x-m4v"];
    /// An AVI film.
    Avi = "video/x-msvideo" Video ["avi"] also ["video/avi", "video/msvideo"];
    /// A QuickTime film.
    Mov = "video/quicktime" Video ["mov", "qt"] also [];
    /// A ZIP archive; never unpacked.
    Zip = "application/zip" Document ["zip"] also ["application/x-zip-compressed"];
    /// A RAR archive; never unpacked.
    Rar = "application/x-rar-compressed" Document ["rar"] also ["application/vnd.rar", "application/x-rar"];
    /// A 7z archive; never unpacked.
    SevenZip = "application/x-7z-compressed" Document ["7z"] also [];
}

impl FileType {
    /// The ending of names that the server makes.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        self.extensions()[0]
    }

    /// The type that a name's ending speaks of, whatever its case.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        let speaks_of = |kind: &Self| {
            let endings = kind.extensions().iter();
            endings
                .copied()
                .any(|one| one.eq_ignore_ascii_case(extension))
        };
        Self::find(speaks_of)
    }

    /// The type with this name of its own, as stored.
    #[must_use]
    pub fn of_mime(mime: &str) -> Option<Self> {
        Self::find(|kind| kind.mime() == mime)
    }

    /// Whether a browser may show it in place: it cannot run anything there
    /// (S14). All else is for saving.
    #[must_use]
    pub fn may_be_shown(self) -> bool {
        match self.category() {
            Category::Document => false,
            Category::Image => self != Self::Svg,
            Category::Audio | Category::Video => true,
        }
    }

    /// Whether it is an image that can be measured and made small.
    #[must_use]
    pub fn is_raster(self) -> bool {
        self.category() == Category::Image && self != Self::Svg
    }

    fn find(is_it: impl Fn(&Self) -> bool) -> Option<Self> {
        Self::ALL.iter().copied().find(is_it)
    }
}

/// What a file is roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// Texts, tables, slides and archives.
    Document,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Films.
    Video,
}

impl Category {
    /// What a message is that carries such a file.
    #[must_use]
    pub fn message_kind(self) -> MessageKind {
        match self {
            Self::Document => MessageKind::File,
            Self::Image => MessageKind::Image,
            Self::Audio => MessageKind::Audio,
            Self::Video => MessageKind::Video,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_endings_tell_types_apart() {
        for kind in FileType::ALL.iter().copied() {
            assert_eq!(FileType::of_mime(kind.mime()), Some(kind));
            for extension in kind.extensions() {
                assert_eq!(FileType::of_extension(extension), Some(kind), "{extension}");
            }
        }
        assert_eq!(FileType::of_extension("PDF"), Some(FileType::Pdf));
        assert_eq!(FileType::of_extension("exe"), None);
        assert_eq!(FileType::of_extension(""), None);
    }

    #[test]
    fn what_can_run_or_be_opened_is_never_shown_in_place() {
        let shown: Vec<_> = FileType::ALL
            .iter()
            .filter(|kind| kind.may_be_shown())
            .collect();
        use FileType::*;
        assert_eq!(
            shown,
            [&Jpeg, &Png, &Gif, &Webp, &Mp3, &Wav, &Ogg, &Mp4, &Avi, &Mov]
        );
    }
}
