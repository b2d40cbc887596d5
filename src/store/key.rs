//! API keys: `tc_<id>.<secret>`.
//!
//! The id is 64 random bits in hexadecimal and not secret. The secret is 256 random bits; the store holds its
//! SHA-256, which needs no salt and no slow hash because nobody can guess 256 random bits.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::StoreError;
use crate::domain::Role;

const PREFIX: &str = "tc_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
const MAX_NAME_CHARS: usize = 100;

/// What everybody may know of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made, microseconds UTC.
    pub created_at_us: i64,
    /// When it was revoked, microseconds UTC.
    pub revoked_at_us: Option<i64>,
}

/// The whole key, shown once. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The text to hand to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(secret)")
    }
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What is stored of it.
    pub key: Key,
    /// The key itself.
    pub api_key: ApiKey,
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The id of the key.
    pub key_id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// A key as it is stored.
#[derive(Debug, Clone)]
pub(super) struct KeyRow {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub secret_sha256: [u8; 32],
    pub created_at_us: i64,
    pub revoked_at_us: Option<i64>,
}

impl KeyRow {
    pub(super) fn into_key(self) -> Key {
        Key {
            id: self.id,
            name: self.name,
            role: self.role,
            created_at_us: self.created_at_us,
            revoked_at_us: self.revoked_at_us,
        }
    }
}

/// A new key and its row.
pub(super) fn generate(
    name: &str,
    role: Role,
    created_at_us: i64,
) -> Result<(NewKey, KeyRow), StoreError> {
    let chars = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&chars) || name.chars().any(char::is_control) {
        return Err(StoreError::InvalidName);
    }
    let mut id = [0; ID_BYTES];
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut id).map_err(StoreError::Random)?;
    getrandom::fill(&mut secret).map_err(StoreError::Random)?;
    let row = KeyRow {
        id: HEXLOWER.encode(&id),
        name: name.to_owned(),
        role,
        secret_sha256: Sha256::digest(secret).into(),
        created_at_us,
        revoked_at_us: None,
    };
    let text = format!("{PREFIX}{}.{}", row.id, BASE64URL_NOPAD.encode(&secret));
    let new_key = NewKey {
        key: row.clone().into_key(),
        api_key: ApiKey(text),
    };
    Ok((new_key, row))
}

/// A key of the right form, not yet believed.
pub(super) struct PresentedKey<'a> {
    id: &'a str,
    secret_sha256: [u8; 32],
}

impl<'a> PresentedKey<'a> {
    /// `None` when the text has not the form of a key. Only the form that was handed out is accepted: no other
    /// case of the id, no padding, no spaces.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let id_bytes = HEXLOWER.decode(id.as_bytes()).ok()?;
        // The length first: the caller chooses how long the text is.
        if id_bytes.len() != ID_BYTES || secret.len() > 2 * SECRET_BYTES {
            return None;
        }
        let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?;
        (secret.len() == SECRET_BYTES).then(|| Self {
            id,
            secret_sha256: Sha256::digest(&secret).into(),
        })
    }

    pub(super) const fn id(&self) -> &'a str {
        self.id
    }

    /// The principal when the secret is that of `row` and the row is not revoked. The comparison takes the
    /// same time wherever the hashes differ.
    pub(super) fn matches(&self, row: &KeyRow) -> Option<Principal> {
        let is_same: bool = self.secret_sha256.ct_eq(&row.secret_sha256).into();
        let is_valid = is_same && self.id == row.id && row.revoked_at_us.is_none();
        is_valid.then(|| Principal {
            key_id: row.id.clone(),
            name: row.name.clone(),
            role: row.role,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_256_random_bits_and_proves_itself() {
        let (new_key, row) = generate("crm", Role::Integrator, 7).unwrap();
        let text = new_key.api_key.expose();
        let (id, secret) = text.strip_prefix("tc_").unwrap().split_once('.').unwrap();
        assert_eq!((id.len(), secret.len()), (16, 43));
        let principal = PresentedKey::parse(text).unwrap().matches(&row).unwrap();
        assert_eq!(principal.key_id, row.id);
        assert_eq!(principal.role, Role::Integrator);

        let (other, _) = generate("crm", Role::Integrator, 7).unwrap();
        assert_ne!(other.api_key, new_key.api_key);
        assert_ne!(other.key.id, new_key.key.id);
    }

    #[test]
    fn a_wrong_secret_a_wrong_id_and_a_revoked_row_do_not_match() {
        let (new_key, mut row) = generate("crm", Role::Admin, 7).unwrap();
        let (other, other_row) = generate("crm", Role::Admin, 7).unwrap();
        let presented = PresentedKey::parse(new_key.api_key.expose()).unwrap();
        assert!(presented.matches(&other_row).is_none());
        let mixed = format!(
            "tc_{}.{}",
            row.id,
            other.api_key.expose().split_once('.').unwrap().1
        );
        assert!(PresentedKey::parse(&mixed).unwrap().matches(&row).is_none());
        assert!(presented.matches(&row).is_some());
        row.revoked_at_us = Some(8);
        assert!(presented.matches(&row).is_none());
    }

    #[test]
    fn only_the_form_that_was_handed_out_is_read() {
        let (new_key, row) = generate("crm", Role::Admin, 7).unwrap();
        let good = new_key.api_key.expose();
        let secret = good.split_once('.').unwrap().1;
        for bad in [
            String::new(),
            "tc_".to_owned(),
            "tc_.".to_owned(),
            format!(" {good}"),
            format!("{good}="),
            format!("{good}\n"),
            good.replace("tc_", "TC_"),
            format!("tc_{}.{secret}", row.id.to_uppercase() + "A"),
            format!("tc_{}.{secret}{secret}", row.id),
            format!("tc_{}.{}", row.id, "A".repeat(1 << 20)),
            format!("tc_{}.", row.id),
            "tc_你好.世界".to_owned(),
        ] {
            assert!(PresentedKey::parse(&bad).is_none(), "{bad:.80}");
        }
        assert!(PresentedKey::parse(good).is_some());
    }

    #[test]
    fn names_have_a_form() {
        let generated = |name: &str| generate(name, Role::Admin, 0).map(|_| ());
        assert!(generated("质检组 1").is_ok());
        assert!(generated(&"长".repeat(100)).is_ok());
        for bad in ["", "a\nb", &"长".repeat(101)] {
            assert!(matches!(generated(bad), Err(StoreError::InvalidName)));
        }
    }

    #[test]
    fn a_new_key_does_not_show_itself() {
        let (new_key, row) = generate("crm", Role::Admin, 7).unwrap();
        let shown = format!("{new_key:?}");
        let secret = new_key.api_key.expose().split_once('.').unwrap().1;
        assert!(!shown.contains(secret));
        assert!(shown.contains(&row.id));
    }
}
