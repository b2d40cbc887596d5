//! What the heads are worth on labelled texts.
//!
//! Invariants: pure; every figure comes from `model::measure`; what has no label of a class is left out of the
//! figures that need it, and the counts say how many were used. Not here: reading files, baselines.

use serde::Serialize;

use super::corpus::Example;
use super::{Label, Mood, Sentiment, Surroundings, Symbols};
use crate::enrich::language;
use crate::model::measure::{
    Scored, accuracy, auroc, calibration_error_equal_mass, calibration_error_equal_width, f1,
    macro_f1, spearman,
};

/// What a label says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truth {
    /// One of the three.
    Class(Label),
    /// A number that grows with satisfaction.
    Number(f64),
}

/// Reads a label: the usual words and signs of both languages, 0 and 1, or any other number.
#[must_use]
pub fn truth(label: &str, is_binary: bool) -> Option<Truth> {
    let class = match label.trim().to_lowercase().as_str() {
        "negative" | "neg" | "-1" | "负" | "负面" | "消极" | "差评" => Label::Negative,
        "neutral" | "neu" | "中" | "中性" => Label::Neutral,
        "positive" | "pos" | "正" | "正面" | "积极" | "好评" => Label::Positive,
        "0" if is_binary => Label::Negative,
        "1" if is_binary => Label::Positive,
        other => return other.parse().ok().map(Truth::Number),
    };
    Some(Truth::Class(class))
}

/// Figures of the polarity head.
#[derive(Debug, Clone, Serialize)]
pub struct PolarityReport {
    /// Texts with a usable label.
    pub n: usize,
    /// Negative and positive texts on the right side of score 0; null without any.
    pub accuracy: Option<f64>,
    /// Mean F1 of negative and positive by the side of the score.
    pub macro_f1: Option<f64>,
    /// Mean F1 of the three labels; null without neutral texts.
    pub macro_f1_of_labels: Option<f64>,
    /// Calibration error of positive / (positive + negative), 15 bins of equal mass.
    pub calibration_error_equal_mass_15: Option<f64>,
    /// The same, 10 bins of equal width.
    pub calibration_error_equal_width_10: Option<f64>,
    /// Area under the curve of positive against negative.
    pub auroc: Option<f64>,
    /// Rank correlation of the score with numeric labels.
    pub spearman: Option<f64>,
    /// Share that the gate called neutral.
    pub neutral_share: f64,
}

/// Figures of the dissatisfaction head.
#[derive(Debug, Clone, Serialize)]
pub struct DissatisfactionReport {
    /// Texts with a usable label.
    pub n: usize,
    /// Dissatisfied ones among them.
    pub dissatisfied: usize,
    /// F1 of the dissatisfied at the head's threshold.
    pub f1: f64,
    /// Area under the curve.
    pub auroc: f64,
    /// 15 bins of equal mass.
    pub calibration_error_equal_mass_15: f64,
    /// 10 bins of equal width.
    pub calibration_error_equal_width_10: f64,
}

/// The polarity of a text as the doors tell it.
#[must_use]
pub fn mood(heads: &Sentiment, text: &str, tag: Option<&str>) -> Mood {
    language::grams(tag, text).map_or(Mood::NONE, |grams| {
        heads.polarity(&Symbols::of(text), grams)
    })
}

/// Scores the polarity heads.
#[must_use]
pub fn polarity(heads: &Sentiment, texts: &[(String, Truth)], tag: Option<&str>) -> PolarityReport {
    let mut two: Vec<Scored> = Vec::new();
    let mut three: Vec<(usize, usize)> = Vec::new();
    let (mut scores, mut numbers) = (Vec::new(), Vec::new());
    let mut neutral = 0_usize;
    for (text, truth) in texts {
        let mood = mood(heads, text, tag);
        neutral += usize::from(mood.label == Label::Neutral);
        match truth {
            Truth::Number(number) => {
                scores.push(mood.score);
                numbers.push(*number);
            }
            Truth::Class(class) => {
                three.push((*class as usize, mood.label as usize));
                if *class != Label::Neutral {
                    two.push((f64::midpoint(mood.score, 1.0), *class == Label::Positive));
                }
            }
        }
    }
    let sides: Vec<(usize, usize)> = two
        .iter()
        .map(|(p, y)| (usize::from(*y), usize::from(*p >= 0.5)))
        .collect();
    let of_two = |figure: &dyn Fn() -> f64| (!two.is_empty()).then(figure);
    let has_neutral = three.iter().any(|(t, _)| *t == Label::Neutral as usize);
    #[expect(clippy::cast_precision_loss, reason = "counts of texts")]
    let neutral_share = neutral as f64 / texts.len().max(1) as f64;
    PolarityReport {
        n: texts.len(),
        accuracy: of_two(&|| accuracy(&two)),
        macro_f1: of_two(&|| macro_f1(&sides)),
        macro_f1_of_labels: has_neutral.then(|| macro_f1(&three)),
        calibration_error_equal_mass_15: of_two(&|| calibration_error_equal_mass(&two, 15)),
        calibration_error_equal_width_10: of_two(&|| calibration_error_equal_width(&two, 10)),
        auroc: of_two(&|| auroc(&two)),
        spearman: (numbers.len() > 1).then(|| spearman(&scores, &numbers)),
        neutral_share,
    }
}

/// Scores the dissatisfaction heads; an example's target is above .5 for a dissatisfied customer.
#[must_use]
pub fn dissatisfaction(
    heads: &Sentiment,
    examples: &[Example],
    tag: Option<&str>,
) -> DissatisfactionReport {
    let mut scored: Vec<Scored> = Vec::new();
    let mut sides: Vec<(usize, usize)> = Vec::new();
    for example in examples {
        let Some(grams) = language::grams(tag, &example.text) else {
            continue;
        };
        let around = Surroundings {
            previous: example.previous.as_deref().map(Symbols::of),
            position: example.position,
            repeated: example.repeated,
        };
        let told = heads.dissatisfaction(&Symbols::of(&example.text), &around, grams);
        let probability = told.unwrap_or(0.0);
        let is_true = example.target > 0.5;
        scored.push((probability, is_true));
        let is_told = probability >= heads.dissatisfied_from(grams);
        sides.push((usize::from(is_true), usize::from(is_told)));
    }
    DissatisfactionReport {
        n: scored.len(),
        dissatisfied: scored.iter().filter(|(_, y)| *y).count(),
        f1: f1(&sides, 1),
        auroc: auroc(&scored),
        calibration_error_equal_mass_15: calibration_error_equal_mass(&scored, 15),
        calibration_error_equal_width_10: calibration_error_equal_width(&scored, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_in_both_languages() {
        assert_eq!(truth("1", true), Some(Truth::Class(Label::Positive)));
        assert_eq!(truth("负面", true), Some(Truth::Class(Label::Negative)));
        assert_eq!(truth("Neutral", false), Some(Truth::Class(Label::Neutral)));
        assert_eq!(truth("1", false), Some(Truth::Number(1.0)));
        assert_eq!(truth("?", false), None);
    }
}
