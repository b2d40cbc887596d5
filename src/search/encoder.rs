//! Texts as vectors: a learnt row for each known word, word pair and part of a word, weighted by how rare it is,
//! summed, and brought to length 1.
//!
//! Invariants: the same text gives the same vector on every machine (sums run in the order of the terms); a term
//! that was never learnt gets a pseudo-random row out of its hash, so that unknown words still count as themselves.
//! [`Quantised`] is the vector in 128 signed bytes. It does not learn here: see `train`.

use std::collections::HashMap;

use super::analysis::{Analysis, Term};

/// Numbers of a vector.
pub const DIMENSIONS: usize = 128;

/// The first bytes of a stored encoder.
const MAGIC: &[u8; 8] = b"tc-enc-1";
const ENTRY_BYTES: usize = 4 + 4 + 4 + DIMENSIONS;

/// A vector of length 1 (or 0 for a text without terms).
pub type Vector = [f32; DIMENSIONS];

/// A vector in signed bytes with the factor that brings it back.
#[derive(Debug, Clone)]
pub struct Quantised {
    /// The numbers.
    pub bytes: [i8; DIMENSIONS],
    /// What they are multiplied with.
    pub scale: f32,
}

/// Rows by term, and in how many background texts each term was seen.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    index: HashMap<Term, u32>,
    rows: Vec<Vector>,
    seen: Vec<u32>,
    background: u32,
}

/// Why a stored encoder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the stored encoder is damaged: {0}")]
pub struct EncoderError(&'static str);

impl Encoder {
    /// An encoder out of its parts: for each term its row and in how many of `background` texts it was seen.
    #[must_use]
    pub fn new(background: u32, entries: Vec<(Term, u32, Vector)>) -> Self {
        let mut made = Self {
            background,
            ..Self::default()
        };
        for ((term, seen, row), place) in entries.into_iter().zip(0..) {
            made.index.insert(term, place);
            made.rows.push(row);
            made.seen.push(seen);
        }
        made
    }

    /// Texts of the background.
    #[must_use]
    pub fn background(&self) -> u32 {
        self.background
    }

    /// In how many background texts a term was seen.
    #[must_use]
    pub fn seen(&self, term: Term) -> u32 {
        self.place(term)
            .and_then(|place| self.seen.get(place))
            .copied()
            .unwrap_or(0)
    }

    fn place(&self, term: Term) -> Option<usize> {
        self.index
            .get(&term)
            .and_then(|&place| usize::try_from(place).ok())
    }

    /// The learnt row of a term.
    #[must_use]
    pub fn row(&self, term: Term) -> Option<&Vector> {
        self.place(term).and_then(|place| self.rows.get(place))
    }

    /// How much a term counts: its inverse frequency in the background.
    #[must_use]
    pub fn weight(&self, term: Term) -> f32 {
        inverse_frequency(self.background, self.seen(term))
    }

    /// The vector of a text.
    #[must_use]
    pub fn encode(&self, analysis: &Analysis) -> Vector {
        let mut sum = [0.0; DIMENSIONS];
        let share = |terms: &[Term]| 1.0 / (1.0 + count(terms.len())).sqrt();
        let groups = [
            (&analysis.words, WORD_SHARE * share(&analysis.words)),
            (&analysis.pairs, PAIR_SHARE * share(&analysis.pairs)),
            (&analysis.parts, PART_SHARE * share(&analysis.parts)),
        ];
        for (terms, share) in groups {
            for &term in terms {
                let weight = self.weight(term) * share;
                match self.row(term) {
                    Some(row) => add(&mut sum, row, weight),
                    None => add(&mut sum, &unknown(term), weight),
                }
            }
        }
        normalise(&mut sum);
        sum
    }

    /// The stored form: little-endian, rows in signed bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut terms: Vec<(Term, usize)> = self
            .index
            .iter()
            .filter_map(|(&term, &place)| Some((term, usize::try_from(place).ok()?)))
            .collect();
        terms.sort_unstable();
        let mut bytes = Vec::with_capacity(16 + terms.len() * ENTRY_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.background.to_le_bytes());
        for (term, place) in terms {
            let row = self.rows.get(place).map(quantise);
            let (Some(row), Some(seen)) = (row, self.seen.get(place)) else {
                continue;
            };
            bytes.extend_from_slice(&term.to_le_bytes());
            bytes.extend_from_slice(&seen.to_le_bytes());
            bytes.extend_from_slice(&row.scale.to_le_bytes());
            bytes.extend(row.bytes.iter().map(|b| b.cast_unsigned()));
        }
        bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is not one or is cut off.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncoderError> {
        let rest = bytes
            .strip_prefix(MAGIC.as_slice())
            .ok_or(EncoderError("another format"))?;
        let (background, rest) = number(rest).ok_or(EncoderError("cut off"))?;
        if rest.len() % ENTRY_BYTES != 0 {
            return Err(EncoderError("cut off"));
        }
        let entries = rest.chunks_exact(ENTRY_BYTES).filter_map(|entry| {
            let (term, entry) = number(entry)?;
            let (seen, entry) = number(entry)?;
            let (scale, entry) = number(entry)?;
            let scale = f32::from_bits(scale);
            let mut row = [0.0; DIMENSIONS];
            for (value, &byte) in row.iter_mut().zip(entry) {
                *value = f32::from(byte.cast_signed()) * scale;
            }
            Some((term, seen, row))
        });
        Ok(Self::new(background, entries.collect()))
    }
}

const WORD_SHARE: f32 = 1.0;
const PAIR_SHARE: f32 = 0.3;
const PART_SHARE: f32 = 0.8;

/// The group of a text's terms with what each counts for; `train` shares it with [`Encoder::encode`].
pub(super) fn shares(analysis: &Analysis) -> Vec<(Term, f32)> {
    let share = |terms: &[Term]| 1.0 / (1.0 + count(terms.len())).sqrt();
    let mut all = Vec::new();
    for (terms, factor) in [
        (&analysis.words, WORD_SHARE),
        (&analysis.pairs, PAIR_SHARE),
        (&analysis.parts, PART_SHARE),
    ] {
        let share = factor * share(terms);
        all.extend(terms.iter().map(|&term| (term, share)));
    }
    all
}

/// `ln(1 + n / (seen + 0.5))`, at most 9: the smoothed inverse document frequency.
#[must_use]
pub fn inverse_frequency(n: u32, seen: u32) -> f32 {
    let n = f64::from(n.max(1));
    let value = (1.0 + n / (f64::from(seen) + 0.5)).ln().min(9.0);
    #[expect(clippy::cast_possible_truncation, reason = "a small number")]
    let value = value as f32;
    value
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_at_checked(4)?;
    Some((u32::from_le_bytes(head.try_into().ok()?), rest))
}

#[expect(clippy::cast_precision_loss, reason = "a count of terms")]
fn count(n: usize) -> f32 {
    n as f32
}

/// The row of a term that was never learnt: signs out of its hash, length 1.
#[must_use]
pub fn unknown(term: Term) -> Vector {
    let mut state = u64::from(term) ^ 0x9e37_79b9_7f4a_7c15;
    let mut row = [0.0; DIMENSIONS];
    let size = 1.0 / 128.0_f32.sqrt();
    let (halves, _) = row.as_chunks_mut::<64>();
    for half in halves {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        for value in half {
            *value = if bits & 1 == 1 { size } else { -size };
            bits >>= 1;
        }
    }
    row
}

/// `sum += row * weight`.
pub fn add(sum: &mut Vector, row: &Vector, weight: f32) {
    for (value, &other) in sum.iter_mut().zip(row) {
        *value += other * weight;
    }
}

/// The sum of products.
#[must_use]
pub fn dot(a: &Vector, b: &Vector) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Brings a vector to length 1; 0 stays 0.
pub fn normalise(vector: &mut Vector) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

/// The vector in signed bytes; the greatest number becomes 127.
#[must_use]
pub fn quantise(vector: &Vector) -> Quantised {
    let greatest = vector
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = if greatest > 0.0 {
        greatest / 127.0
    } else {
        1.0
    };
    let mut bytes = [0_i8; DIMENSIONS];
    for (byte, value) in bytes.iter_mut().zip(vector) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within -127..=127 by the scale"
        )]
        let rounded = (value / scale).round() as i8;
        *byte = rounded;
    }
    Quantised { bytes, scale }
}

/// The cosine of two quantised vectors.
#[must_use]
pub fn cosine(a: &Quantised, b: &Quantised) -> f32 {
    let sum: i32 = a
        .bytes
        .iter()
        .zip(&b.bytes)
        .map(|(&x, &y)| i32::from(i16::from(x) * i16::from(y)))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "at most 128 * 127 * 127")]
    let sum = sum as f32;
    sum * a.scale * b.scale
}

#[cfg(test)]
mod tests {
    use super::super::analysis::analyse;
    use super::*;

    #[test]
    fn unknown_words_count_as_themselves() {
        let encoder = Encoder::default();
        let vector = |text: &str| encoder.encode(&analyse(text));
        let a = vector("how do i cancel my card");
        let near = dot(&a, &vector("cancel my card please"));
        let far = dot(&a, &vector("weather tomorrow in berlin"));
        assert!(near > far + 0.3, "{near} {far}");
        assert_eq!(dot(&vector("…"), &a), 0.0);
    }

    #[test]
    fn the_stored_form_comes_back() {
        let row = unknown(7);
        let encoder = Encoder::new(100, vec![(7, 3, row), (9, 1, unknown(9))]);
        let bytes = encoder.to_bytes();
        let read = Encoder::from_bytes(&bytes).unwrap();
        assert_eq!(read.background(), 100);
        assert_eq!(read.seen(7), 3);
        assert!(dot(read.row(7).unwrap(), &row) > 0.99);
        assert_eq!(read.to_bytes(), bytes);
        assert!(Encoder::from_bytes(&bytes[..20]).is_err());
        assert!(Encoder::from_bytes(b"x").is_err());
    }

    #[test]
    fn bytes_keep_the_cosine() {
        let mut a = unknown(1);
        add(&mut a, &unknown(2), 0.7);
        normalise(&mut a);
        let b = unknown(1);
        let exact = dot(&a, &b);
        let rounded = cosine(&quantise(&a), &quantise(&b));
        assert!((exact - rounded).abs() < 0.01, "{exact} {rounded}");
    }
}
