//! Links to files: signed, and good until they end, because an `<img>` sends no
//! token (S16). They are made anew each time a message is shown; what clients
//! send back of them names the file, however old it is.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tertulia_domain::file::LinkedPart;
use tertulia_domain::ports::LinkSigner;
use tertulia_domain::{Clock, File, FileId, Timestamp};

/// How this server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicAddress {
    /// Scheme, host and perhaps a port, without a slash at the end.
    pub base: String,
    /// Whether somebody said so; else it is guessed from where the server
    /// listens, and right on this machine only.
    pub is_certain: bool,
}

/// Makes and recognises links to files.
pub struct FileLinks {
    signer: Arc<dyn LinkSigner>,
    clock: Arc<dyn Clock>,
    address: PublicAddress,
    lifetime: Duration,
}

/// What a link says, true or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkClaim {
    pub(crate) file: FileId,
    pub(crate) part: LinkedPart,
    pub(crate) expires_at: Timestamp,
    pub(crate) signature: Vec<u8>,
}

/// A link of an avatar or another place that has no file beside it. Longer ones
/// are nobody's.
const MOST_BYTES: usize = 2_048;

impl FileLinks {
    /// Links live for `lifetime`, and up to a quarter longer: whoever asks
    /// twice soon gets the same link twice, which caches know.
    #[must_use]
    pub fn new(
        signer: Arc<dyn LinkSigner>,
        clock: Arc<dyn Clock>,
        address: PublicAddress,
        lifetime: Duration,
    ) -> Self {
        Self {
            signer,
            clock,
            address,
            lifetime,
        }
    }

    /// How this server is reached.
    #[must_use]
    pub fn address(&self) -> &PublicAddress {
        &self.address
    }

    /// An absolute link to a file's bytes, for the older systems' clients.
    #[must_use]
    pub fn url(&self, file: FileId) -> String {
        self.absolute(file, LinkedPart::Content)
    }

    /// An absolute link to a file's thumbnail; none when it has none.
    #[must_use]
    pub fn thumbnail_url(&self, file: &File) -> Option<String> {
        file.thumbnail?;
        Some(self.absolute(file.id, LinkedPart::Thumbnail))
    }

    /// A link for clients that know at which address they call: absolute where
    /// the server's address is certain, else a path.
    #[must_use]
    pub fn reference(&self, file: FileId, part: LinkedPart) -> String {
        match self.address.is_certain {
            true => self.absolute(file, part),
            false => self.path(file, part),
        }
    }

    /// The file that one of our own links leads to, whether or not the link has
    /// ended. Says nothing of whether anyone may see it.
    #[must_use]
    pub fn recognise(&self, url: &str) -> Option<FileId> {
        if url.len() > MOST_BYTES {
            return None;
        }
        let (path, is_ours) = self.local_path(url)?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (file, part) = read_path(path)?;
        let claim = LinkClaim::read(file, part, query);
        (is_ours || claim.is_some_and(|claim| self.is_signed(&claim))).then_some(file)
    }

    /// The same link, good for as long as a new one, if it was made here, however
    /// long ago; any other address as it is. For links that are shown to others:
    /// whoever makes one up gets no signature for it.
    #[must_use]
    pub fn renewed<'u>(&self, url: &'u str) -> Cow<'u, str> {
        match self.signed(url) {
            Some((file, part)) => Cow::Owned(self.absolute(file, part)),
            None => Cow::Borrowed(url),
        }
    }

    /// As [`renewed`](Self::renewed), in the form of
    /// [`reference`](Self::reference).
    #[must_use]
    pub fn renewed_reference<'u>(&self, url: &'u str) -> Cow<'u, str> {
        match self.signed(url) {
            Some((file, part)) => Cow::Owned(self.reference(file, part)),
            None => Cow::Borrowed(url),
        }
    }

    /// What a link leads to that was signed here.
    fn signed(&self, url: &str) -> Option<(FileId, LinkedPart)> {
        if url.len() > MOST_BYTES {
            return None;
        }
        let (path, _) = self.local_path(url)?;
        let (path, query) = path.split_once('?')?;
        let (file, part) = read_path(path)?;
        let claim = LinkClaim::read(file, part, query)?;
        self.is_signed(&claim).then_some((file, part))
    }

    /// What stands after the address of the server, and whether that address is
    /// known to be ours. A link that was made under another address is known by
    /// its signature.
    fn local_path<'u>(&self, url: &'u str) -> Option<(&'u str, bool)> {
        if let Some(path) = url.strip_prefix(&*self.address.base) {
            return Some((path, true));
        }
        if url.starts_with('/') {
            return Some((url, true));
        }
        let after_scheme = ["http://", "https://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))?;
        let slash = after_scheme.find('/')?;
        Some((&after_scheme[slash..], false))
    }

    fn is_signed(&self, claim: &LinkClaim) -> bool {
        let text = claim.part.link_text(claim.file, claim.expires_at);
        self.signer.is_signed(&text, &claim.signature)
    }

    fn absolute(&self, file: FileId, part: LinkedPart) -> String {
        format!("{}{}", self.address.base, self.path(file, part))
    }

    fn path(&self, file: FileId, part: LinkedPart) -> String {
        let expires_at = self.expiry();
        let signature = self.signer.sign(&part.link_text(file, expires_at));
        let (word, until) = (part.word(), expires_at.as_secs());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        format!("/v1/files/{file}/{word}?expires={until}&signature={signature}")
    }

    fn expiry(&self) -> Timestamp {
        let step = i64::try_from(self.lifetime.as_secs() / 4)
            .unwrap_or(i64::MAX)
            .max(1);
        let end = self.clock.now().after(self.lifetime).as_secs();
        Timestamp::from_secs(end.div_euclid(step).saturating_add(1).saturating_mul(step))
    }
}

impl fmt::Debug for FileLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLinks")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl LinkClaim {
    /// What the query of a link says; none when it is not the query of a link.
    pub(crate) fn read(file: FileId, part: LinkedPart, query: &str) -> Option<Self> {
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
                .next()
        };
        let seconds: i64 = value("expires")?.parse().ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(value("signature")?).ok()?;
        Some(Self {
            file,
            part,
            expires_at: Timestamp::from_secs(seconds),
            signature,
        })
    }
}

/// `/v1/files/{id}/content` and `…/thumbnail`.
fn read_path(path: &str) -> Option<(FileId, LinkedPart)> {
    let (id, word) = path.strip_prefix("/v1/files/")?.split_once('/')?;
    let part = [LinkedPart::Content, LinkedPart::Thumbnail]
        .into_iter()
        .find(|part| part.word() == word)?;
    let digits = !id.starts_with('0') && id.bytes().all(|byte| byte.is_ascii_digit());
    let id = id.parse().ok().filter(|_| digits)?;
    Some((FileId(id), part))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Signs with a sum of the bytes: enough to tell texts apart.
    struct Sum;

    impl LinkSigner for Sum {
        fn sign(&self, text: &str) -> [u8; 32] {
            let mut sum = [7_u8; 32];
            for (place, byte) in text.bytes().enumerate() {
                let place = place % 32;
                sum[place] = sum[place].wrapping_mul(31).wrapping_add(byte);
            }
            sum
        }

        fn is_signed(&self, text: &str, signature: &[u8]) -> bool {
            self.sign(text) == signature
        }
    }

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(self.0)
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    /// Links of a server at this address, at this second.
    pub(crate) fn links_at(base: &str, is_certain: bool, second: i64) -> FileLinks {
        let address = PublicAddress {
            base: base.to_owned(),
            is_certain,
        };
        let day = Duration::from_secs(24 * 60 * 60);
        FileLinks::new(Arc::new(Sum), Arc::new(At(second)), address, day)
    }

    const BASE: &str = "https://chat.example.org";

    #[test]
    fn a_link_lives_for_its_time_and_stays_the_same_for_a_while() {
        let now = 1_771_400_000;
        let link = links_at(BASE, true, now).url(FileId(7));
        let (head, query) = link.split_once('?').expect("a query");
        assert_eq!(head, "https://chat.example.org/v1/files/7/content");
        let claim = LinkClaim::read(FileId(7), LinkedPart::Content, query).expect("a link");
        let left = claim.expires_at.as_secs() - now;
        assert!((86_400..=108_000).contains(&left), "{left}");
        assert_eq!(links_at(BASE, true, now + 60).url(FileId(7)), link);
        assert_ne!(links_at(BASE, true, now + 86_400).url(FileId(7)), link);
    }

    #[test]
    fn a_reference_is_absolute_only_where_the_address_is_certain() {
        let certain = links_at(BASE, true, 0).reference(FileId(7), LinkedPart::Thumbnail);
        assert!(certain.starts_with("https://chat.example.org/v1/files/7/thumbnail?"));
        let guessed = links_at(BASE, false, 0).reference(FileId(7), LinkedPart::Content);
        assert!(guessed.starts_with("/v1/files/7/content?"));
    }

    #[test]
    fn own_links_are_recognised_however_old_and_under_whatever_address() {
        let old = links_at("http://10.0.2.2:8000", true, 1_000);
        let now = links_at(BASE, true, 1_771_400_000);
        for own in [
            now.url(FileId(7)),
            now.reference(FileId(7), LinkedPart::Content),
            old.url(FileId(7)),
            "https://chat.example.org/v1/files/7/content".to_owned(),
            "/v1/files/7/thumbnail?expires=1&signature=AA".to_owned(),
        ] {
            assert_eq!(now.recognise(&own), Some(FileId(7)), "{own}");
        }
        let forged = old.url(FileId(7)).replace("signature=", "signature=AAAA");
        for foreign in [
            &*forged,
            "https://files.test/p.jpg",
            "https://files.test/v1/files/7/content",
            "https://chat.example.org/v1/files/07/content",
            "https://chat.example.org/v1/files/7",
            "https://chat.example.org.evil.test/v1/files/7/content",
            "ftp://chat.example.org/v1/files/7/content",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(now.recognise(foreign), None, "{foreign}");
            assert_eq!(now.renewed(foreign), foreign);
        }
    }

    #[test]
    fn only_a_link_that_was_signed_here_is_renewed() {
        let old = links_at("http://10.0.2.2:8000", false, 1_000);
        let now = links_at(BASE, false, 1_771_400_000);
        let small = |links: &FileLinks| links.absolute(FileId(7), LinkedPart::Thumbnail);
        for (own, renewed) in [
            (old.url(FileId(7)), now.url(FileId(7))),
            (
                old.reference(FileId(7), LinkedPart::Content),
                now.url(FileId(7)),
            ),
            (small(&old), small(&now)),
        ] {
            assert_eq!(now.renewed(&own), renewed);
            let path = renewed.strip_prefix(BASE).expect("it is ours");
            assert_eq!(now.renewed_reference(&own), path);
        }
        for made_up in [
            "https://chat.example.org/v1/files/7/content",
            "/v1/files/7/content",
            "/v1/files/7/content?expires=1&signature=AA",
            &*old.url(FileId(7)).replace("/7/", "/8/"),
            &*old.url(FileId(7)).replace("/content?", "/thumbnail?"),
        ] {
            assert_eq!(now.renewed(made_up), made_up);
            assert_eq!(now.renewed_reference(made_up), made_up);
        }
    }
}
