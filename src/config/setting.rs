//! The types that a setting can have: how each is read from TOML and from text, written, and described.
//!
//! Invariant: what a type writes it reads back as the same value; the default file relies on it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use toml::Value;

/// A type of settings.
pub trait Setting: Sized {
    /// What is expected, for error texts and documents, such as "a whole number".
    fn expected() -> String;

    /// Reads a value of the file.
    fn from_value(value: &Value) -> Option<Self>;

    /// Reads the text of an environment variable or a flag.
    fn from_text(text: &str) -> Option<Self>;

    /// Writes the value as TOML; `None` when it is not set.
    fn to_toml(&self) -> Option<String>;

    /// True when the value must not be shown.
    #[must_use]
    fn is_secret() -> bool {
        false
    }
}

/// Quotes a text as a TOML string.
pub(super) fn quote(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// A default that cannot be 0 (0 would become 1).
pub(super) const fn positive(number: u64) -> NonZeroU64 {
    match NonZeroU64::new(number) {
        Some(number) => number,
        None => NonZeroU64::MIN,
    }
}

/// A smaller default that cannot be 0 (0 would become 1).
pub(super) const fn positive_u32(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

macro_rules! whole_numbers {
    ($($ty:ty: $expected:literal, $from:expr;)+) => {$(
        impl Setting for $ty {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn from_value(value: &Value) -> Option<Self> {
                value.as_integer().and_then($from)
            }

            fn from_text(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }

            fn to_toml(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

whole_numbers! {
    u32: "a whole number, 0 or more", |n| u32::try_from(n).ok();
    u64: "a whole number, 0 or more", |n| u64::try_from(n).ok();
    NonZeroU32: "a whole number, 1 or more", |n| u32::try_from(n).ok().and_then(NonZeroU32::new);
    NonZeroU64: "a whole number, 1 or more", |n| u64::try_from(n).ok().and_then(NonZeroU64::new);
}

/// Types that stand as one TOML string: reading from text is all that differs.
macro_rules! texts {
    ($($ty:ty: $expected:literal, $read:expr, $write:expr;)+) => {$(
        impl Setting for $ty {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn from_value(value: &Value) -> Option<Self> {
                value.as_str().and_then(Self::from_text)
            }

            fn from_text(text: &str) -> Option<Self> {
                $read(text)
            }

            fn to_toml(&self) -> Option<String> {
                Some(quote(&$write(self)))
            }
        }
    )+};
}

texts! {
    String: "a text", |text: &str| Some(text.to_owned()), Clone::clone;
    PathBuf: "a path", |text: &str| (!text.is_empty()).then(|| PathBuf::from(text)), |path: &PathBuf| path.to_string_lossy().into_owned();
    SocketAddr: "an address and port, such as 127.0.0.1:8080", parse_address, ToString::to_string;
    NaiveTime: "a time of day, such as 02:00", parse_time, |time: &NaiveTime| time.format("%H:%M").to_string();
    Tz: "a time zone, such as Asia/Shanghai", |text: &str| text.parse().ok(), |zone: &Tz| zone.name().to_owned();
    LakeUrl: "a folder or s3://bucket/prefix", LakeUrl::parse, ToString::to_string;
}

/// Names are not resolved here; `localhost` is the one that everybody writes.
fn parse_address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::new(
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            port.parse().ok()?,
        ));
    }
    text.parse().ok()
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

impl Setting for NaiveDate {
    fn expected() -> String {
        "a date, such as 2026-01-31".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Datetime(date) => Self::from_text(&date.to_string()),
            other => other.as_str().and_then(Self::from_text),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> Option<String> {
        Some(quote(&self.to_string()))
    }
}

impl Setting for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setting for f64 {
    fn expected() -> String {
        "a number, 0 or more".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(number) => not_negative(*number),
            // The text of a whole number is read as the nearest float, without a lossy cast.
            Value::Integer(number) => Self::from_text(&number.to_string()),
            _ => None,
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok().and_then(not_negative)
    }

    fn to_toml(&self) -> Option<String> {
        Some(Value::Float(*self).to_string())
    }
}

fn not_negative(number: f64) -> Option<f64> {
    (number.is_finite() && number >= 0.0).then_some(number)
}

impl<T: Setting> Setting for Option<T> {
    fn expected() -> String {
        T::expected()
    }

    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Some)
    }

    fn from_text(text: &str) -> Option<Self> {
        T::from_text(text).map(Some)
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(T::to_toml)
    }

    fn is_secret() -> bool {
        T::is_secret()
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn expected() -> String {
        format!("a list, of each: {}", T::expected())
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_value).collect()
    }

    /// Comma-separated; spaces around an item do not count; an empty text is an empty list.
    fn from_text(text: &str) -> Option<Self> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(T::from_text)
            .collect()
    }

    fn to_toml(&self) -> Option<String> {
        let items: Vec<String> = self.iter().filter_map(T::to_toml).collect();
        Some(format!("[{}]", items.join(", ")))
    }

    fn is_secret() -> bool {
        T::is_secret()
    }
}

/// A value that is never printed. `file:PATH` means: the first line of that file.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself; reads the file when the setting names one.
    ///
    /// # Errors
    /// When the named file cannot be read.
    pub fn value(&self) -> std::io::Result<String> {
        let Some(path) = self.0.strip_prefix("file:") else {
            return Ok(self.0.clone());
        };
        let text = std::fs::read_to_string(Path::new(path))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Setting for Secret {
    fn expected() -> String {
        "a secret, or file:PATH of a file that holds it".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::new(text))
    }

    /// Never written.
    fn to_toml(&self) -> Option<String> {
        None
    }

    fn is_secret() -> bool {
        true
    }
}

/// Where the tables live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeUrl {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A prefix in an S3 bucket; the prefix has no slash at its ends and may be empty.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix in it.
        prefix: String,
    },
}

impl LakeUrl {
    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let prefix = prefix.trim_matches('/').to_owned();
            return (!bucket.is_empty()).then(|| Self::S3 {
                bucket: bucket.to_owned(),
                prefix,
            });
        }
        let path = text.strip_prefix("file://").unwrap_or(text);
        let is_path = !path.is_empty() && !path.contains("://");
        is_path.then(|| Self::Folder(PathBuf::from(path)))
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Where the operational state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file on this machine.
    Sqlite(PathBuf),
    /// A PostgreSQL server. The URL holds a password, so it is a secret.
    Postgres(Secret),
}

impl Setting for StoreUrl {
    fn expected() -> String {
        "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(Self::Postgres(Secret::new(text)));
        }
        let path = text.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        (!path.is_empty()).then(|| Self::Sqlite(PathBuf::from(path)))
    }

    fn to_toml(&self) -> Option<String> {
        match self {
            Self::Sqlite(path) => Some(quote(&format!("sqlite:{}", path.display()))),
            Self::Postgres(_) => None,
        }
    }

    fn is_secret() -> bool {
        true
    }
}

/// Defines a closed set of words as an enum. Words are read without regard to ASCII case.
macro_rules! words {
    (
        $(#[doc = $about:literal])+
        $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// The word in the file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::config::Setting for $name {
            fn expected() -> String {
                [$(concat!("\"", $word, "\"")),+].join(" or ")
            }

            fn from_value(value: &toml::Value) -> Option<Self> {
                value.as_str().and_then(Self::from_text)
            }

            fn from_text(text: &str) -> Option<Self> {
                $(if text.eq_ignore_ascii_case($word) {
                    return Some(Self::$variant);
                })+
                None
            }

            fn to_toml(&self) -> Option<String> {
                Some(format!("\"{}\"", self.as_str()))
            }
        }
    };
}
pub(super) use words;
