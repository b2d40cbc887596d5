//! A model in an ONNX file, with the vocabulary that cuts its texts: a classifier or an encoder.
//!
//! The folder holds `model.onnx` and `vocab.txt`. The model takes 64-bit integers of shape `[1, pieces]` under the
//! names `input_ids` and, if it wants them, `attention_mask` and `token_type_ids`; a single input may have any name.
//! Its first output is taken: `[1, width]` as it is, `[1, pieces, width]` as the mean over the pieces; a classifier's
//! scores become probabilities (softmax) unless they are some already.
//! Invariants: a model answers the same for the same text, alone or among others. Not here: what classes mean.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tract_onnx::prelude::*;

use super::replace::{Model, ModelError};
use super::wordpiece::Wordpiece;

/// How an ONNX model is read.
#[derive(Debug, Clone, Copy)]
pub struct OnnxSettings {
    /// Pieces of a text at most; the rest is cut off.
    pub max_pieces: usize,
    /// Whether the vocabulary is of lower-case words.
    pub lower_case: bool,
    /// Whether its numbers are scores of classes.
    pub is_classifier: bool,
}

/// A loaded ONNX model.
pub struct Onnx {
    id: String,
    vocabulary: Wordpiece,
    settings: OnnxSettings,
    plan: Arc<TypedRunnableModel>,
    /// What each input of the plan gets.
    inputs: Vec<Input>,
    /// Pieces of every text when the plan takes no other number; the rest is padding that the mask hides.
    length: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Ids,
    Mask,
    Types,
}

impl Onnx {
    /// Loads the model of a folder and tries it on one text.
    ///
    /// # Errors
    /// When a file is missing or is no model of this kind; `width` is what each answer must have, if that is known.
    pub fn open(
        folder: &Path,
        settings: OnnxSettings,
        width: Option<usize>,
    ) -> Result<Self, ModelError> {
        let file = folder.join("model.onnx");
        let bytes = read(&file)?;
        let words = folder.join("vocab.txt");
        let vocabulary = String::from_utf8(read(&words)?).ok();
        let vocabulary = vocabulary.and_then(|text| Wordpiece::read(&text, settings.lower_case));
        let vocabulary = vocabulary.ok_or_else(|| ModelError::File {
            path: words.display().to_string(),
            cause: "expected UTF-8 with one piece a line, [UNK] or <unk> among them".to_owned(),
        })?;
        let name = folder
            .file_name()
            .map_or("model".into(), |n| n.to_string_lossy());
        let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        let digest = Sha256::digest(&bytes);
        let version: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        let id = format!("onnx:{name}@{version}");
        let unusable = |cause: String| ModelError::Unusable {
            id: id.clone(),
            cause,
        };
        let (plan, inputs, length) = load(&bytes, settings.max_pieces).map_err(unusable)?;
        let model = Self {
            id: id.clone(),
            vocabulary,
            settings,
            plan,
            inputs,
            length,
        };
        let tried = model.row("a").map_err(unusable)?;
        if width.is_some_and(|width| width != tried.len()) || tried.is_empty() {
            let cause = format!(
                "it answers with {} numbers, expected {width:?}",
                tried.len()
            );
            return Err(unusable(cause));
        }
        Ok(model)
    }

    fn row(&self, text: &str) -> Result<Vec<f32>, String> {
        let mut ids = self.vocabulary.ids(text, self.settings.max_pieces);
        let pieces = ids.len();
        let length = self.length.unwrap_or(pieces);
        ids.resize(length, 0);
        let tensor = |values: &[i64]| Tensor::from_shape(&[1, length], values).map_err(shown);
        let mut values: TVec<TValue> = tvec!();
        for input in &self.inputs {
            let tensor = match input {
                Input::Ids => tensor(&ids)?,
                Input::Mask => {
                    let seen = (0..length).map(|place| i64::from(place < pieces));
                    tensor(&seen.collect::<Vec<_>>())?
                }
                Input::Types => tensor(&vec![0; length])?,
            };
            values.push(tensor.into());
        }
        let answers = self.plan.run(values).map_err(shown)?;
        let first = answers.first().ok_or("it has no output")?;
        let numbers = first.cast_to::<f32>().map_err(shown)?;
        let view = numbers.to_plain_array_view::<f32>().map_err(shown)?;
        let flat: Vec<f32> = view.iter().copied().collect();
        let row = match view.shape() {
            [_] | [1, _] => flat,
            [1, _, width] => mean(&flat, *width, pieces),
            shape => return Err(format!("its output has the shape {shape:?}")),
        };
        if row.iter().any(|number| !number.is_finite()) {
            return Err("it answers with what is no number".to_owned());
        }
        Ok(if self.settings.is_classifier {
            probabilities(row)
        } else {
            row
        })
    }
}

impl Model for Onnx {
    fn id(&self) -> &str {
        &self.id
    }

    fn rows(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let failed = |cause| ModelError::Unusable {
            id: self.id.clone(),
            cause,
        };
        texts
            .iter()
            .map(|text| self.row(text).map_err(failed))
            .collect()
    }
}

type Loaded = (Arc<TypedRunnableModel>, Vec<Input>, Option<usize>);

/// A plan for texts of any length, or, for models that can't have one, of `most` pieces.
fn load(bytes: &[u8], most: usize) -> Result<Loaded, String> {
    let any = plan(bytes, None);
    let (plan, inputs, length) = match any {
        Ok((plan, inputs)) => (plan, inputs, None),
        Err(first) => {
            let (plan, inputs) = plan(bytes, Some(most)).map_err(|_| first)?;
            if !inputs.contains(&Input::Mask) {
                return Err("it takes texts of one length and no attention_mask".to_owned());
            }
            (plan, inputs, Some(most))
        }
    };
    Ok((plan, inputs, length))
}

fn plan(
    bytes: &[u8],
    length: Option<usize>,
) -> Result<(Arc<TypedRunnableModel>, Vec<Input>), String> {
    let mut model = tract_onnx::onnx()
        .model_for_read(&mut std::io::Cursor::new(bytes))
        .map_err(shown)?;
    let outlets = model.input_outlets().map_err(shown)?.to_vec();
    let mut inputs = Vec::with_capacity(outlets.len());
    let pieces = match length {
        Some(length) => length.to_dim(),
        None => model.symbols.sym("pieces").to_dim(),
    };
    for (place, outlet) in outlets.iter().enumerate() {
        let name = model.node(outlet.node).name.as_str();
        inputs.push(match name {
            "attention_mask" => Input::Mask,
            "token_type_ids" => Input::Types,
            "input_ids" => Input::Ids,
            _ if outlets.len() == 1 => Input::Ids,
            other => {
                return Err(format!(
                    "it has an input {other:?}; known are input_ids, attention_mask and token_type_ids"
                ));
            }
        });
        let fact = i64::fact([1.to_dim(), pieces.clone()]);
        model.set_input_fact(place, fact.into()).map_err(shown)?;
    }
    let model = model.into_optimized().map_err(shown)?;
    Ok((model.into_runnable().map_err(shown)?, inputs))
}

/// The mean of the first `pieces` rows.
fn mean(flat: &[f32], width: usize, pieces: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; width];
    for row in flat.chunks(width.max(1)).take(pieces) {
        for (slot, value) in sum.iter_mut().zip(row) {
            *slot += value;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "pieces of one text")]
    let n = pieces.max(1) as f32;
    sum.iter_mut().for_each(|value| *value /= n);
    sum
}

/// Scores as probabilities; what is some already stays.
fn probabilities(row: Vec<f32>) -> Vec<f32> {
    let sum: f32 = row.iter().sum();
    if row.iter().all(|p| (0.0..=1.0).contains(p)) && (sum - 1.0).abs() < 1e-3 {
        return row;
    }
    let top = row.iter().copied().fold(f32::MIN, f32::max);
    let raised: Vec<f32> = row.iter().map(|score| (score - top).exp()).collect();
    let all: f32 = raised.iter().sum();
    raised.iter().map(|one| one / all).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    std::fs::read(path).map_err(|error| ModelError::File {
        path: path.display().to_string(),
        cause: error.to_string(),
    })
}

fn shown(error: impl Display) -> String {
    format!("{error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx/polarity")
    }

    const CLASSIFIER: OnnxSettings = OnnxSettings {
        max_pieces: 32,
        lower_case: true,
        is_classifier: true,
    };

    #[test]
    fn a_classifier_answers_with_probabilities() {
        let model = Onnx::open(&fixture(), CLASSIFIER, Some(3)).unwrap();
        assert!(model.id().starts_with("onnx:polarity@"), "{}", model.id());
        let rows = model
            .rows(&["good good", "太差了", "the bill", ""])
            .unwrap();
        let best = |row: &[f32]| {
            let top = row.iter().copied().fold(f32::MIN, f32::max);
            row.iter().position(|p| *p == top)
        };
        let told: Vec<_> = rows.iter().map(|row| best(row)).collect();
        assert_eq!(told, [Some(2), Some(0), Some(1), Some(1)]);
        for row in &rows {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        let alone = model.rows(&["太差了"]).unwrap();
        assert_eq!(alone.first(), rows.get(1));
    }

    #[test]
    fn an_encoder_answers_with_a_vector() {
        let settings = OnnxSettings {
            is_classifier: false,
            ..CLASSIFIER
        };
        let model = Onnx::open(&fixture(), settings, None).unwrap();
        assert_eq!(
            model.rows(&["good"]).unwrap().first().map(Vec::len),
            Some(3)
        );
    }

    #[test]
    fn what_is_no_model_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = |width| match Onnx::open(folder.path(), CLASSIFIER, width) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(told(None).contains("model.onnx"));
        std::fs::write(folder.path().join("model.onnx"), b"no model").unwrap();
        assert!(told(None).contains("vocab.txt"));
        std::fs::copy(fixture().join("vocab.txt"), folder.path().join("vocab.txt")).unwrap();
        assert!(told(None).contains("can't be used"));
        std::fs::copy(
            fixture().join("model.onnx"),
            folder.path().join("model.onnx"),
        )
        .unwrap();
        assert!(told(Some(2)).contains("3 numbers"), "{}", told(Some(2)));
    }
}
