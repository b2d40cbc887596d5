//! `[models]`: models in place of the built-in ones.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use super::reader::settings;
use super::setting::{Secret, positive, positive_u32, words};

words! {
    /// What a class of a classifier means.
    PolarityClass {
        /// Displeased.
        Negative = "negative",
        /// Neither.
        Neutral = "neutral",
        /// Pleased.
        Positive = "positive",
    }
}

settings! {
    /// Models in place of the built-in ones. A model of an ONNX file runs in this process; an endpoint is asked by jobs only, never for a turn on its way in, with redacted text only, and only when its host is listed. Where a model does not answer the built-in one does; which one answered is stored beside the value.
    Models {
        /// A folder with `model.onnx`, a classifier of texts, and its `vocab.txt` (WordPiece): tells polarity instead of the built-in heads.
        polarity_onnx: Option<PathBuf> = None, like "\"/etc/tingchao/polarity\"";
        /// What the classes of that classifier mean, in their order.
        polarity_classes: Vec<PolarityClass> = vec![PolarityClass::Negative, PolarityClass::Neutral, PolarityClass::Positive];
        /// A folder with `model.onnx`, an encoder of texts, and its `vocab.txt`: topics are found among its vectors.
        embedding_onnx: Option<PathBuf> = None, like "\"/etc/tingchao/embedding\"";
        /// Pieces of a text that an ONNX model sees at most; the rest is cut off.
        max_pieces: NonZeroU32 = positive_u32(128);
        /// True for vocabularies of lower-case words.
        lower_case: bool = true;
        /// An OpenAI-compatible address, up to and without `/embeddings`: topics are found among its vectors.
        endpoint_url: Option<String> = None, like "\"http://127.0.0.1:8000/v1\"";
        /// The model's name there.
        endpoint_model: String = String::new();
        /// The key of the endpoint.
        endpoint_key: Option<Secret> = None, like "\"file:/etc/tingchao/endpoint-key\"";
        /// Hosts that texts may be sent to, without port. Empty: none.
        allowed_hosts: Vec<String> = Vec::new();
        /// Limit of one request to the endpoint, in milliseconds.
        endpoint_timeout_ms: NonZeroU64 = positive(10_000);
        /// Texts of one request at most.
        endpoint_batch: NonZeroU32 = positive_u32(64);
        /// How often a batch is asked before the built-in model is used.
        endpoint_attempts: NonZeroU32 = positive_u32(4);
    }
}
