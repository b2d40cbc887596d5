//! A topic model as bytes, and back.
//!
//! Numbers are little-endian, every list begins with its length. Invariants: what is written is read again as the
//! same model; bytes of another version or cut short are no model, and nothing is allocated that they do not hold.
//! Not here: where the bytes are kept (`jobs`).

use super::assign::{Known, TopicModel};
use super::space::{Matrix, Space, Vocabulary, WordVectors};

/// What a model begins with; the last byte is the version of the shape.
const MAGIC: &[u8] = b"tingchao topics\x01";

impl TopicModel {
    /// The model as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        out.text(&self.run);
        out.number(self.topics.len());
        for topic in &self.topics {
            out.text(&topic.id);
            out.text(&topic.name);
            out.floats(&[topic.threshold]);
        }
        out.matrix(&self.centres);
        out.vocabulary(&self.space.words);
        out.vocabulary(&self.space.grams);
        out.matrix(&self.space.axes);
        let meaning = &self.space.meaning;
        out.vocabulary(&meaning.vocabulary);
        out.matrix(&meaning.vectors);
        out.floats(&meaning.mean);
        out.matrix(&meaning.projection);
        out.0
    }

    /// The model in these bytes; `None` when they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes.strip_prefix(MAGIC)?);
        let run = from.text()?;
        let count = from.number()?;
        let mut topics = Vec::new();
        for _ in 0..count {
            topics.push(Known {
                id: from.text()?,
                name: from.text()?,
                threshold: *from.floats()?.first()?,
            });
        }
        let centres = from.matrix()?;
        let space = Space {
            words: from.vocabulary()?,
            grams: from.vocabulary()?,
            axes: from.matrix()?,
            meaning: WordVectors {
                vocabulary: from.vocabulary()?,
                vectors: from.matrix()?,
                mean: from.floats()?,
                projection: from.matrix()?,
            },
        };
        let whole = from.0.is_empty() && (centres.width == 0 || centres.rows() == topics.len());
        whole.then_some(Self {
            run,
            space,
            topics,
            centres,
        })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn floats(&mut self, values: &[f32]) {
        self.number(values.len());
        for value in values {
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn matrix(&mut self, matrix: &Matrix) {
        self.number(matrix.width);
        self.floats(&matrix.values);
    }

    fn vocabulary(&mut self, vocabulary: &Vocabulary) {
        self.number(vocabulary.len());
        for hash in vocabulary.hashes() {
            self.0.extend_from_slice(&hash.to_le_bytes());
        }
        self.floats(vocabulary.idf());
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, bytes: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(*number)).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn floats(&mut self) -> Option<Vec<f32>> {
        let length = self.number()?;
        let (values, _) = self.take(length.checked_mul(4)?)?.as_chunks::<4>();
        Some(
            values
                .iter()
                .map(|value| f32::from_le_bytes(*value))
                .collect(),
        )
    }

    fn matrix(&mut self) -> Option<Matrix> {
        let width = self.number()?;
        let values = self.floats()?;
        let whole = values.len().checked_rem(width).unwrap_or(values.len()) == 0;
        whole.then_some(Matrix { width, values })
    }

    fn vocabulary(&mut self) -> Option<Vocabulary> {
        let length = self.number()?;
        let (hashes, _) = self.take(length.checked_mul(8)?)?.as_chunks::<8>();
        let hashes = hashes.iter().map(|hash| u64::from_le_bytes(*hash));
        let idf = self.floats()?;
        (idf.len() == length).then(|| Vocabulary::new(hashes.zip(idf).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_read_as_it_was_written_and_damage_is_no_model() {
        let matrix = |width, values: &[f32]| Matrix {
            width,
            values: values.to_vec(),
        };
        let model = TopicModel {
            run: "run-3".to_owned(),
            space: Space {
                words: Vocabulary::new(vec![(7, 1.5), (9, 0.5)]),
                grams: Vocabulary::default(),
                axes: matrix(2, &[1.0, 2.0, 3.0, 4.0]),
                meaning: WordVectors::default(),
            },
            topics: vec![Known {
                id: "t-1-1".to_owned(),
                name: "退款".to_owned(),
                threshold: 0.25,
            }],
            centres: matrix(2, &[0.6, 0.8]),
        };
        let bytes = model.to_bytes();
        assert_eq!(TopicModel::from_bytes(&bytes), Some(model));
        for cut in 0..bytes.len() {
            let part = bytes.get(..cut).unwrap_or_default();
            assert_eq!(TopicModel::from_bytes(part), None, "{cut}");
        }
        let empty = TopicModel::default();
        assert_eq!(TopicModel::from_bytes(&empty.to_bytes()), Some(empty));
    }
}
