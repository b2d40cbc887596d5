//! What a replaceable model is: texts in, one row of numbers each out.
//!
//! A classifier answers with the probability of each of its classes, an encoder with a vector. Built in, from an ONNX
//! file, behind an HTTP endpoint: callers see no difference but [`Model::id`], which is stored beside every value.
//! Invariants: an answer has one row for each text, all of the same width, every number finite; the texts are
//! redacted by whoever calls. Not here: what the numbers mean.

/// A model of texts.
pub trait Model: Send + Sync {
    /// Name and version, such as `onnx:polarity@1a2b3c4d5e6f`; no spaces.
    fn id(&self) -> &str;

    /// One row for each text, in their order.
    ///
    /// # Errors
    /// When the model can't answer for all of them; nothing is made up.
    fn rows(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError>;
}

/// Why a model can't be had or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file of the model can't be read.
    #[error("the model file {path} can't be read: {cause}; check models.* of the settings")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// The model is no such model.
    #[error("the model {id} can't be used: {cause}")]
    Unusable {
        /// The model.
        id: String,
        /// What is wrong.
        cause: String,
    },
    /// The host of an endpoint is not listed.
    #[error("the host {host} is not in models.allowed_hosts; texts are sent to listed hosts only")]
    HostNotAllowed {
        /// The host.
        host: String,
    },
    /// The model gave no answer, or not for all texts.
    #[error("the model {id} did not answer for {missing} of {asked} texts: {cause}")]
    Incomplete {
        /// The model.
        id: String,
        /// Texts without an answer.
        missing: usize,
        /// Texts in all.
        asked: usize,
        /// The last failure.
        cause: String,
    },
}

/// Whether an answer is one row of `width` finite numbers for each text; `None` takes the width of the first.
#[must_use]
pub fn is_whole(rows: &[Vec<f32>], texts: usize, width: Option<usize>) -> bool {
    let width = width.or_else(|| rows.first().map(Vec::len)).unwrap_or(0);
    rows.len() == texts
        && rows
            .iter()
            .all(|row| row.len() == width && width > 0 && row.iter().all(|n| n.is_finite()))
}
