//! Tokens: the keyed stand-ins of personal values.
//!
//! A token is HMAC-SHA-256 of the kind, a zero byte and the canonical value, cut to 96 bits and
//! written in lower-case base32 (20 characters). In text it shows as `<PHONE:abc234>` (first 6
//! characters) or `<PHONE:` 20 characters `>`; in key columns as `phone:` and 20 characters.
//! Invariants: the same person in any spelling gives the same token under one key; a token cannot
//! be turned back without the key; the key has no `Debug`, no `Display`, no serialisation.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::PiiKind;

/// Characters of a whole token.
pub(super) const WHOLE_CHARS: usize = 20;
/// Characters of a token shown in text.
pub(super) const SHORT_CHARS: usize = 6;

/// No random bytes could be had from the operating system.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot make a token key: the operating system gives no random bytes ({0}); try again or give a key file"
)]
pub struct KeyError(String);

/// The secret under which personal values become tokens: 32 bytes, overwritten when dropped.
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new random key.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| KeyError(e.to_string()))?;
        Ok(Self(bytes))
    }

    /// The bytes, for the key file alone.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A name of the key that tells two keys apart and reveals neither (32 hex digits).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut mac = self.mac();
        mac.update(b"tingchao token key fingerprint v1");
        let bytes = mac.finalize().into_bytes();
        data_encoding::HEXLOWER.encode(bytes.get(..16).unwrap_or_default())
    }

    pub(super) fn mac(&self) -> Hmac<Sha256> {
        // HMAC pads its key with zeros to the block of 64 bytes; doing it here cannot fail.
        let mut block = [0_u8; 64];
        for (to, from) in block.iter_mut().zip(&self.0) {
            *to = *from;
        }
        let mac = Hmac::<Sha256>::new((&block).into());
        block.fill(0);
        std::hint::black_box(&block);
        mac
    }
}

impl Drop for TokenKey {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

/// The 20 characters for a canonical value.
pub(super) fn whole(mac: &Hmac<Sha256>, kind: PiiKind, canonical: &str) -> String {
    let mut mac = mac.clone();
    mac.update(kind.as_str().as_bytes());
    mac.update(&[0]);
    mac.update(canonical.as_bytes());
    let bytes = mac.finalize().into_bytes();
    let mut token = BASE32_NOPAD.encode(bytes.get(..12).unwrap_or_default());
    token.make_ascii_lowercase();
    token
}

fn is_base32(c: char) -> bool {
    matches!(c, 'a'..='z' | '2'..='7')
}

/// A token written in text, found at the start of `chars`: its kind, its 6 or 20 characters and
/// its length with the brackets.
pub(super) fn parse_in_text(chars: &[char]) -> Option<(PiiKind, String, usize)> {
    if chars.first() != Some(&'<') {
        return None;
    }
    let colon = chars.iter().take(12).position(|&c| c == ':')?;
    let tag: String = chars.get(1..colon)?.iter().collect();
    let kind = PiiKind::from_tag(&tag)?;
    let code: String = chars
        .get(colon + 1..)?
        .iter()
        .copied()
        .take(WHOLE_CHARS + 1)
        .take_while(|&c| is_base32(c))
        .collect();
    let end = colon + 1 + code.len();
    let fits = code.len() == WHOLE_CHARS || code.len() == SHORT_CHARS;
    (fits && chars.get(end) == Some(&'>')).then_some((kind, code, end + 1))
}

/// The key form of a value that is a whole token already, in either spelling.
pub(super) fn parse_key(value: &str) -> Option<String> {
    let inner = value.strip_prefix('<').and_then(|v| v.strip_suffix('>'));
    let (name, code) = inner.unwrap_or(value).split_once(':')?;
    let kind = match inner {
        Some(_) => PiiKind::from_tag(name)?,
        None => PiiKind::from_name(name)?,
    };
    (code.len() == WHOLE_CHARS && code.chars().all(is_base32))
        .then(|| format!("{}:{code}", kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_shape_and_fingerprint() {
        let key = TokenKey::from_bytes([7; 32]);
        let token = whole(&key.mac(), PiiKind::Phone, "13800138000");
        assert_eq!(token.len(), WHOLE_CHARS);
        assert!(token.chars().all(is_base32));
        assert_ne!(token, whole(&key.mac(), PiiKind::Account, "13800138000"));
        assert_eq!(
            key.fingerprint(),
            TokenKey::from_bytes([7; 32]).fingerprint()
        );
        assert_ne!(
            key.fingerprint(),
            TokenKey::from_bytes([8; 32]).fingerprint()
        );
    }

    #[test]
    fn generated_keys_differ() {
        let (a, b) = (TokenKey::generate().unwrap(), TokenKey::generate().unwrap());
        assert_ne!(a.expose_bytes(), b.expose_bytes());
    }

    #[test]
    fn mac_is_standard_hmac() {
        let key = TokenKey::from_bytes([9; 32]);
        let mut other = Hmac::<Sha256>::new_from_slice(&[9; 32]).unwrap();
        let mut ours = key.mac();
        other.update(b"x");
        ours.update(b"x");
        assert_eq!(ours.finalize().into_bytes(), other.finalize().into_bytes());
    }
}
