//! Words for people, in both languages of the project.

use std::borrow::Cow;

/// The same in English and Spanish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub en: Cow<'static, str>,
    /// In Spanish.
    pub es: Cow<'static, str>,
}

impl Text {
    /// Fixed or made words.
    pub(super) fn new(en: impl Into<Cow<'static, str>>, es: impl Into<Cow<'static, str>>) -> Self {
        Self {
            en: en.into(),
            es: es.into(),
        }
    }
}
