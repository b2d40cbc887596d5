//! Planted drivers found again.
use super::*;
use crate::insight::topics::random::Random;

/// Rows whose log-odds are -3.2 + 0.9 a - 0.02 b + (0, 0.5, -0.6 by word) + 0.9 where c is 0; d says nothing.
fn world(seed: u64, count: usize) -> (Vec<Feature>, Vec<bool>, Vec<u64>, Vec<f64>) {
    let mut random = Random::new(seed);
    let (mut a, mut b, mut c, mut d, mut word) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut label, mut truth) = (vec![], vec![]);
    for _ in 0..count {
        let grief = if random.unit() < 0.6 {
            0.0
        } else {
            -random.unit().ln()
        };
        let months = random.below(120) as f64;
        let left = random.below(12) as f64;
        let tier = random.below(3);
        let z = -3.2 + 0.9 * grief - 0.02 * months
            + [0.0, 0.5, -0.6][tier]
            + if left == 0.0 { 0.9 } else { 0.0 };
        a.push(grief);
        b.push(if random.unit() < 0.1 {
            f64::NAN
        } else {
            months
        });
        c.push(left);
        d.push(random.unit());
        word.push(Some(["x", "y", "z"][tier]));
        truth.push(z);
        label.push(random.unit() < probability(z));
    }
    let features = vec![
        Feature::number("a", a),
        Feature::number("b", b),
        Feature::number("c", c),
        Feature::number("d", d),
        Feature::word("word", &word),
    ];
    let group = (0..count as u64).collect();
    (features, label, group, truth)
}

fn scores(card: &Scorecard, features: &[Feature], count: usize) -> Vec<f64> {
    let of = |row: usize| {
        let value = |name: &str| {
            let feature = features.iter().find(|f| f.name == name).unwrap();
            let value = feature.values[row];
            let word = feature.words.get(value as usize).map(String::as_str);
            (value, word)
        };
        card.score(value).0
    };
    (0..count).map(of).collect()
}

#[test]
fn planted_drivers_come_back_with_their_signs_and_the_card_is_calibrated() {
    let (features, label, group, _) = world(4, 12_000);
    let card = learn(features, &label, &group).unwrap();
    let direction = |name: &str| {
        let weight = card.weights.iter().find(|weight| weight.name == name);
        weight.unwrap().direction.clone()
    };
    assert_eq!(direction("a"), "rises");
    assert_eq!(direction("b"), "falls");
    assert_eq!(direction("c"), "falls");
    let zero = &card.weights[2].bins[1];
    assert!(
        zero.rows < 1_500 && zero.points > 0.3,
        "{:?}",
        card.weights[2]
    );
    let words: Vec<f64> = card.weights[4]
        .bins
        .iter()
        .skip(1)
        .map(|bin| bin.points)
        .collect();
    assert!(words[1] > words[0] && words[0] > words[2], "{words:?}");
    // What says nothing adds nearly nothing.
    let most = card.weights[3].bins.iter().map(|bin| bin.points.abs());
    assert!(most.fold(0.0, f64::max) < 0.35, "{:?}", card.weights[3]);
    let (others, label, _, truth) = world(5, 12_000);
    let found = scores(&card, &others, label.len());
    let (intercept, slope) = calibration(&found, &label);
    assert!((0.88..1.12).contains(&slope), "{slope} {intercept}");
    let mean = found
        .iter()
        .zip(&truth)
        .map(|(a, b)| (a - b).abs())
        .sum::<f64>()
        / 12_000.0;
    assert!(mean < 0.45, "{mean}");
}

#[test]
fn points_are_against_the_average_and_the_same_rows_give_the_same_card() {
    let (features, label, group, _) = world(6, 3_000);
    let card = learn(features.clone(), &label, &group).unwrap();
    assert_eq!(card, learn(features, &label, &group).unwrap());
    for weight in &card.weights {
        let sum: f64 = weight
            .bins
            .iter()
            .map(|bin| bin.rows as f64 * bin.points)
            .sum();
        assert!(sum.abs() < 1e-6, "{weight:?}");
    }
    let stored: Scorecard = serde_json::from_str(&serde_json::to_string(&card).unwrap()).unwrap();
    for (stored, learnt) in stored.weights.iter().zip(&card.weights) {
        for (a, b) in stored.bins.iter().zip(&learnt.bins) {
            assert!((a.points - b.points).abs() < 1e-12 && a.word == b.word);
        }
    }
}

#[test]
fn too_few_are_refused() {
    let (features, label, group, _) = world(7, 60);
    let few = learn(features, &label, &group).unwrap_err();
    assert_eq!(few.rows, 60);
}
