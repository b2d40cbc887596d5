//! A linear model over hashed features: the shipped form of a trained head.
//!
//! Invariants: a score is bias + sum of weights / sqrt(number of features), the same again for
//! what surrounds the text, so it depends on the multisets of features alone; the bytes of a model are the same for the same weights; reading
//! checks every length. Not here: which features a text has (`enrich::sentiment`), learning
//! (`model::learn`).

use sha2::{Digest, Sha256};

/// Why an artefact can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model file is not usable: {0}; train it again or restore the shipped one")]
pub struct BadModel(pub &'static str);

/// Turns the raw score of a head into a probability: `1 / (1 + exp(-(slope * score + offset)))`
/// (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Factor of the raw score.
    pub slope: f32,
    /// What is added.
    pub offset: f32,
}

impl Calibration {
    /// The calibrated log-odds.
    #[must_use]
    pub fn logit(self, score: f32) -> f32 {
        self.slope.mul_add(score, self.offset)
    }
}

/// `1 / (1 + exp(-x))`.
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// A head: 8-bit weights in `2^bits` buckets.
#[derive(Clone)]
pub struct Linear {
    name: String,
    version: String,
    bits: u32,
    scale: f32,
    bias: f32,
    calibration: Calibration,
    /// Further numbers of the head (thresholds of a gate), by its own order.
    extra: Vec<f32>,
    weights: Vec<i8>,
}

const MAGIC: &[u8; 8] = b"TCLIN\x00\x00\x01";

impl Linear {
    /// Quantises `weights`, whose length is a power of two, to 8 bits: a stored step `q` stands
    /// for `q |q|` units, so that small weights are kept as finely as they need.
    ///
    /// # Errors
    /// When the length is not a power of two.
    pub fn quantise(
        name: &str,
        bias: f32,
        weights: &[f32],
        calibration: Calibration,
        extra: Vec<f32>,
    ) -> Result<Self, BadModel> {
        if !weights.len().is_power_of_two() {
            return Err(BadModel("the number of weights is no power of two"));
        }
        let top = weights
            .iter()
            .fold(f32::MIN_POSITIVE, |top, w| top.max(w.abs()));
        let scale = top / (127.0 * 127.0);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "clamped to the range of i8"
        )]
        let weights: Vec<i8> = weights
            .iter()
            .map(|w| {
                ((w.abs() / scale).sqrt().copysign(*w))
                    .round()
                    .clamp(-127.0, 127.0) as i8
            })
            .collect();
        let mut model = Self {
            name: name.to_owned(),
            version: String::new(),
            bits: weights.len().trailing_zeros(),
            scale,
            bias,
            calibration,
            extra,
            weights,
        };
        model.version = version_of(&model.bytes());
        Ok(model)
    }

    /// Reads an artefact.
    ///
    /// # Errors
    /// When it is not one, or cut short.
    pub fn read(bytes: &[u8]) -> Result<Self, BadModel> {
        let body = bytes
            .strip_prefix(MAGIC)
            .ok_or(BadModel("it does not begin like a model"))?;
        let mut reader = Reader { rest: body };
        let bits = reader.u32()?;
        if !(8..=24).contains(&bits) {
            return Err(BadModel("the number of buckets is out of range"));
        }
        let scale = reader.f32()?;
        let bias = reader.f32()?;
        let slope = reader.f32()?;
        let offset = reader.f32()?;
        let count = reader.u32()?;
        if count > 64 {
            return Err(BadModel("too many extra numbers"));
        }
        let extra = (0..count).map(|_| reader.f32()).collect::<Result<_, _>>()?;
        let length = reader.u32()? as usize;
        let name = reader.take(length)?;
        let name = std::str::from_utf8(name).map_err(|_| BadModel("its name is not text"))?;
        let size = 1_usize << bits;
        let weights: Vec<i8> = reader.take(size)?.iter().map(|b| b.cast_signed()).collect();
        if !reader.rest.is_empty() {
            return Err(BadModel("it is longer than it says"));
        }
        Ok(Self {
            name: name.to_owned(),
            version: version_of(bytes),
            bits,
            scale,
            bias,
            calibration: Calibration { slope, offset },
            extra,
            weights,
        })
    }

    /// The artefact.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.weights.len() + 256);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.bits.to_le_bytes());
        for value in [
            self.scale,
            self.bias,
            self.calibration.slope,
            self.calibration.offset,
        ] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&length(self.extra.len()).to_le_bytes());
        for value in &self.extra {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&length(self.name.len()).to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
        out.extend(self.weights.iter().map(|w| w.cast_unsigned()));
        out
    }

    /// Name of the head, such as `polarity-zh`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First 12 characters of the SHA-256 of the artefact, hexadecimal.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Number of bits of a bucket.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Further numbers of the head.
    #[must_use]
    pub fn extra(&self) -> &[f32] {
        &self.extra
    }

    /// The weight of a hashed feature.
    #[must_use]
    pub fn weight(&self, hash: u64) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "at most 127 squared")]
        let units = self.units(hash) as f32;
        units * self.scale
    }

    fn units(&self, hash: u64) -> i64 {
        let step = self.weights.get(bucket(hash, self.bits)).copied();
        let step = i64::from(step.unwrap_or(0));
        step * step.abs()
    }

    /// Calibrated log-odds of a text and what surrounds it; a text without features has none.
    #[must_use]
    pub fn logit(&self, features: &[u64], context: &[u64]) -> Option<f32> {
        if features.is_empty() {
            return None;
        }
        Some(self.calibration.logit(self.score(features, context)))
    }

    /// The score before calibration, with the bias.
    #[must_use]
    pub fn score(&self, features: &[u64], context: &[u64]) -> f32 {
        let score = self.block(features) + self.block(context);
        self.scale.mul_add(score, self.bias)
    }

    /// How a score becomes log-odds.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// The bias.
    #[must_use]
    pub fn bias(&self) -> f32 {
        self.bias
    }

    /// The weight of every bucket.
    #[must_use]
    pub fn weights(&self) -> Vec<f32> {
        let step = |q: &i8| i16::from(*q) * i16::from(q.abs());
        self.weights
            .iter()
            .map(|q| f32::from(step(q)) * self.scale)
            .collect()
    }

    /// Whole numbers: the sum is exact, so its order can't matter.
    fn block(&self, hashes: &[u64]) -> f32 {
        let sum: i64 = hashes.iter().map(|h| self.units(*h)).sum();
        #[expect(
            clippy::cast_precision_loss,
            reason = "far below 2^24 for any real text"
        )]
        let value = sum as f32 / (hashes.len().max(1) as f32).sqrt();
        value
    }
}

/// The bucket of a hash among `2^bits`.
#[must_use]
pub fn bucket(hash: u64, bits: u32) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "at most 24 bits remain")]
    let index = (hash >> (64 - bits)) as usize;
    index
}

fn length(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn version_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(6).map(|b| format!("{b:02x}")).collect()
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, n: usize) -> Result<&'b [u8], BadModel> {
        let (head, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or(BadModel("it is cut short"))?;
        self.rest = rest;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, BadModel> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    fn f32(&mut self) -> Result<f32, BadModel> {
        let value = f32::from_bits(self.u32()?);
        if value.is_finite() {
            Ok(value)
        } else {
            Err(BadModel("a number in it is not finite"))
        }
    }
}
