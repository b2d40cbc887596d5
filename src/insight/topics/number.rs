//! How many topics: as many as two halves of the texts agree on.
//!
//! For a number, the texts are cut into two halves at random, each half is clustered, and both give all texts a
//! cluster. Clusters are paired so that their Jaccard coefficients are greatest (see [`crate::insight::matching`]);
//! the mean of these is the stability. A few broad clusters are always easy to find again, so it is multiplied by
//! the share of pairs of texts that the partition tells apart. Of the numbers that come near the greatest product the
//! smallest is taken.
//! Invariants: the result depends on the vectors and the seed alone.

use rayon::prelude::*;

use super::kmeans;
use super::random::Random;
use crate::enrich::topic::Matrix;
use crate::insight::matching::assign;

/// Numbers that are tried, as far as the texts go.
const TRIED: [usize; 22] = [
    2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40, 48, 60, 80, 100,
];
/// Numbers that reach this share of the greatest score are as good; the smallest is taken.
const AS_GOOD: f64 = 0.93;
/// Below this share of the greatest score nothing better comes.
const HOPELESS: f64 = 0.75;
/// Texts that are looked at.
const SAMPLE: usize = 4_000;
/// Texts that a topic should have.
const LEAST_SIZE: usize = 8;
const ROUNDS: usize = 15;
/// With fewer texts a start may be a bad one, and two cost little.
const FEW: usize = 1_000;

/// What was tried: the number and its score, in order.
pub type Scores = Vec<(usize, f64)>;

/// Chooses the number of topics of `vectors`; 1 when there is no structure to be seen.
pub fn choose(vectors: &Matrix, seed: u64) -> (usize, Scores) {
    let mut random = Random::new(seed ^ 0x6e75_6d62_6572);
    let places = random.sample(vectors.rows(), SAMPLE);
    let sample = rows(vectors, &places);
    let count = sample.rows();
    let repeats = (16_000 / count.max(1)).clamp(4, 12);
    let most = count / LEAST_SIZE;
    let halves: Vec<Vec<usize>> = (0..repeats).map(|_| random.sample(count, count)).collect();
    let mut scores: Scores = Vec::new();
    for number in TRIED
        .into_iter()
        .take_while(|number| *number <= most.max(2))
    {
        let mut stabilities: Vec<f64> = halves
            .par_iter()
            .enumerate()
            .map(|(i, order)| stability(&sample, order, number, seed.wrapping_add(i as u64 * 2)))
            .collect();
        stabilities.sort_by(f64::total_cmp);
        let mean = stabilities.iter().sum::<f64>() / stabilities.len().max(1) as f64;
        scores.push((number, mean));
        let best = scores.iter().map(|(_, score)| *score).fold(0.0, f64::max);
        let last = scores.iter().rev().take(3);
        if scores.len() > 8 && last.clone().all(|(_, score)| *score < HOPELESS * best) {
            break;
        }
    }
    // Neighbours share their noise.
    let smooth = |i: usize| {
        let near = |j: Option<usize>| j.and_then(|j| scores.get(j)).map(|(_, score)| *score);
        let own = near(Some(i)).unwrap_or(0.0);
        let left = near(i.checked_sub(1)).unwrap_or(own);
        let right = near(i.checked_add(1)).unwrap_or(own);
        0.5 * own + 0.25 * left + 0.25 * right
    };
    let smoothed: Scores = scores
        .iter()
        .enumerate()
        .map(|(i, (number, _))| (*number, smooth(i)))
        .collect();
    let greatest = smoothed.iter().map(|(_, score)| *score).fold(0.0, f64::max);
    let best = smoothed
        .iter()
        .find(|(_, score)| *score >= AS_GOOD * greatest);
    (best.map_or(1, |(number, _)| *number), smoothed)
}

/// The rows at `places`.
pub fn rows(vectors: &Matrix, places: &[usize]) -> Matrix {
    Matrix {
        width: vectors.width,
        values: places
            .iter()
            .flat_map(|place| vectors.row(*place).iter().copied())
            .collect(),
    }
}

fn stability(sample: &Matrix, order: &[usize], number: usize, seed: u64) -> f64 {
    let (left, right) = order.split_at(order.len() / 2);
    let labels = |half: &[usize], seed: u64| {
        let half = rows(sample, half);
        let mut part = kmeans::cluster(&half, number, seed, ROUNDS);
        if half.rows() < FEW {
            let other = kmeans::cluster(&half, number, seed ^ 0xff_0000, ROUNDS);
            if other.inertia < part.inertia {
                part = other;
            }
        }
        let labels = kmeans::nearest(sample, &part.centres);
        labels
            .into_iter()
            .map(|(label, _)| label as usize)
            .collect::<Vec<_>>()
    };
    let (a, b) = (labels(left, seed), labels(right, seed ^ 0xffff));
    let mut both = vec![vec![0_usize; number]; number];
    for (a, b) in a.iter().zip(&b) {
        if let Some(count) = both.get_mut(*a).and_then(|row| row.get_mut(*b)) {
            *count += 1;
        }
    }
    let rows: Vec<usize> = both.iter().map(|row| row.iter().sum()).collect();
    let columns: Vec<usize> = (0..number)
        .map(|j| both.iter().filter_map(|row| row.get(j)).sum())
        .collect();
    let jaccard: Vec<Vec<f64>> = both
        .iter()
        .zip(&rows)
        .map(|(row, all)| {
            let of =
                |(both, other): (&usize, &usize)| *both as f64 / (all + other - both).max(1) as f64;
            row.iter().zip(&columns).map(of).collect()
        })
        .collect();
    let agreed: f64 = assign(&jaccard)
        .iter()
        .enumerate()
        .filter_map(|(i, j)| jaccard.get(i)?.get((*j)?))
        .sum();
    let total = sample.rows().max(1) as f64;
    let told_apart = 1.0
        - rows
            .iter()
            .map(|size| (*size as f64 / total).powi(2))
            .sum::<f64>();
    agreed / number as f64 * told_apart
}
