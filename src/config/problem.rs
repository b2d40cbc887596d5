//! What can be wrong in a configuration, and how it is told.
//!
//! Invariant: the text of a secret never gets into a [`ConfigError`], and neither does the value of an
//! unknown key (it may be a secret under a misspelt name).

use std::fmt;

use crate::error::{Coded, ErrorCode};

/// Where a value came from. Later ones win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File,
    /// An environment variable, by name.
    Environment(String),
    /// A flag of the command line, by name.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File => f.write_str("the configuration file"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Flag(name) => write!(f, "the flag {name}"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: expected {expected}, got {text} (from {origin})")]
pub struct ConfigError {
    /// The key, as `section.key`.
    pub key: String,
    /// Where the value came from.
    pub origin: Origin,
    /// The value as it was written, quoted; for secrets and unknown keys a stand-in.
    pub text: String,
    /// What was expected.
    pub expected: String,
}

/// All mistakes of one configuration, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 {
            "mistake"
        } else {
            "mistakes"
        };
        write!(f, "the configuration has {} {noun}", self.0.len())?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Coded for ConfigErrors {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidParameter
    }
}
