//! Query parameters as typed values, with every mistake named at once.

use std::fmt;
use std::ops::RangeInclusive;

use super::problem::ApiError;
use crate::domain::{Micros, TimeError};
use crate::error::FieldError;

/// Collects the mistakes of a query string.
#[derive(Debug, Default)]
pub(super) struct Filters {
    errors: Vec<FieldError>,
}

impl Filters {
    /// A value that `read` understands, or a mistake.
    pub(super) fn checked<T>(
        &mut self,
        name: &str,
        value: Option<&str>,
        expected: impl fmt::Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let read = read(value?);
        if read.is_none() {
            self.wrong(name, expected);
        }
        read
    }

    /// A time.
    pub(super) fn time(&mut self, name: &str, value: Option<&str>) -> Option<Micros> {
        self.checked(name, value, TimeError, |text| Micros::parse(text).ok())
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, name: &str, value: Option<&str>) -> Option<bool> {
        self.checked(name, value, "expected true or false", |text| {
            text.parse().ok()
        })
    }

    /// A whole number within `range`.
    pub(super) fn whole(
        &mut self,
        name: &str,
        value: Option<&str>,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let expected = format!(
            "expected a whole number from {} to {}",
            range.start(),
            range.end()
        );
        self.checked(name, value, expected, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// `to` must lie after `from`.
    pub(super) fn order(&mut self, from: Option<Micros>, to: Option<Micros>) {
        if from.zip(to).is_some_and(|(from, to)| to.0 <= from.0) {
            self.wrong("to", "expected a time after `from`");
        }
    }

    /// A mistake.
    pub(super) fn wrong(&mut self, name: &str, expected: impl fmt::Display) {
        self.errors.push(FieldError {
            pointer: format!("/{name}"),
            detail: expected.to_string(),
        });
    }

    /// All mistakes, if there are any.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::parameters(self.errors))
        }
    }
}
