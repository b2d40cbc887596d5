//! The models that the package ships; what they learnt from stands in `models/retrieval/README.md`.

use serde::{Deserialize, Serialize};

use super::answered::Answered;
use super::encoder::Encoder;
use super::features;
use super::fit::Shipped;
use super::rank::Ranker;
use super::synonyms;

const ENCODER: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/retrieval/encoder.bin"
));
const WEIGHTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/retrieval/weights.json"
));

/// The weights of the ranker and of P(answered), as they are stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Weights {
    /// The features that they belong to.
    pub features_version: u32,
    /// The pair ranker.
    pub ranker: Ranker,
    /// P(answered) of any base.
    pub answered: Answered,
}

/// The shipped models.
#[derive(Debug, Clone)]
pub struct Models {
    encoder: Encoder,
    weights: Weights,
}

/// Why shipped models cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the models of the package are damaged: {0}; install the package again")]
pub struct ShippedError(String);

impl Models {
    /// The models of the package.
    ///
    /// # Errors
    /// When they are damaged or belong to other features.
    pub fn shipped() -> Result<Self, ShippedError> {
        let weights: Weights =
            serde_json::from_str(WEIGHTS).map_err(|error| ShippedError(error.to_string()))?;
        let encoder =
            Encoder::from_bytes(ENCODER).map_err(|error| ShippedError(error.to_string()))?;
        Self::new(encoder, weights)
    }

    /// Models out of their parts.
    ///
    /// # Errors
    /// When the weights belong to other features.
    pub fn new(encoder: Encoder, weights: Weights) -> Result<Self, ShippedError> {
        let fits = weights.features_version == features::VERSION
            && weights.ranker.weights.len() == features::FEATURES
            && weights.answered.weights.len() == super::answered::EVIDENCE;
        if !fits {
            return Err(ShippedError(
                "the weights belong to other features".to_owned(),
            ));
        }
        Ok(Self { encoder, weights })
    }

    /// As search uses them.
    #[must_use]
    pub fn parts(&self) -> Shipped<'_> {
        Shipped {
            models: features::Models {
                encoder: &self.encoder,
                synonyms: synonyms::shipped(),
            },
            ranker: &self.weights.ranker,
            answered: &self.weights.answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_holds_usable_models() {
        let models = Models::shipped().unwrap();
        assert!(models.encoder.background() > 10_000);
        let mut other = models.weights.clone();
        other.features_version += 1;
        assert!(Models::new(Encoder::default(), other).is_err());
    }
}
