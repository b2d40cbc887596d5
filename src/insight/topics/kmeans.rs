//! k-means on vectors of length 1, with greedy k-means++ starts.
//!
//! Invariants: the same vectors and seed give the same bytes; sums run over fixed chunks in order; every
//! cluster has a member as long as there are enough different vectors. Vectors of zeros take part in nothing.

use rayon::prelude::*;

use super::random::Random;
use crate::enrich::topic::{Matrix, dot};

const CHUNK: usize = 1_024;
/// Vectors among which starts are drawn.
const START_SAMPLE: usize = 10_000;

/// A partition with its centres.
#[derive(Debug, Clone)]
pub struct Partition {
    /// The cluster of each vector.
    pub labels: Vec<u32>,
    /// One row per cluster: the mean of its members.
    pub centres: Matrix,
    /// Sum of squared distances to the centres.
    pub inertia: f64,
}

/// Clusters the rows of `vectors` into at most `clusters`.
pub fn cluster(vectors: &Matrix, clusters: usize, seed: u64, rounds: usize) -> Partition {
    let centres = starts(vectors, clusters, seed);
    refine(vectors, centres, rounds)
}

/// Lloyd's rounds from given centres.
pub fn refine(vectors: &Matrix, mut centres: Matrix, rounds: usize) -> Partition {
    let mut labels: Vec<u32> = Vec::new();
    let mut inertia = f64::INFINITY;
    for _ in 0..rounds.max(1) {
        let step = step(vectors, &centres);
        let moved = labels
            .iter()
            .zip(&step.labels)
            .filter(|(a, b)| a != b)
            .count();
        let settled = !labels.is_empty() && moved * 2_000 <= labels.len();
        (labels, inertia) = (step.labels, step.inertia);
        centres = step.centres;
        if settled {
            break;
        }
    }
    Partition {
        labels,
        centres,
        inertia,
    }
}

/// The nearest centre of every row, and the squared distance.
pub fn nearest(vectors: &Matrix, centres: &Matrix) -> Vec<(u32, f32)> {
    let halves = halves(centres);
    vectors
        .values
        .par_chunks(vectors.width.max(1))
        .map(|row| nearest_of(row, centres, &halves))
        .collect()
}

/// Half the squared length of each centre.
fn halves(centres: &Matrix) -> Vec<f32> {
    (0..centres.rows())
        .map(|i| dot(centres.row(i), centres.row(i)) / 2.0)
        .collect()
}

fn nearest_of(row: &[f32], centres: &Matrix, halves: &[f32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for ((centre, half), label) in centres
        .values
        .chunks(centres.width.max(1))
        .zip(halves)
        .zip(0..)
    {
        let gain = dot(row, centre) - half;
        if gain > best.1 {
            best = (label, gain);
        }
    }
    let (label, gain) = best;
    (label, (dot(row, row) - 2.0 * gain).max(0.0))
}

struct Step {
    labels: Vec<u32>,
    centres: Matrix,
    inertia: f64,
}

struct Part {
    labels: Vec<u32>,
    sums: Vec<f32>,
    counts: Vec<u32>,
    inertia: f64,
    /// The row that lies furthest from its centre, by its place.
    furthest: (f32, usize),
}

fn step(vectors: &Matrix, centres: &Matrix) -> Step {
    let (width, clusters) = (vectors.width.max(1), centres.rows());
    let halves = halves(centres);
    // Large inputs get large chunks: each has sums of its own.
    let rows = CHUNK.max(vectors.rows().div_ceil(64));
    let parts: Vec<Part> = vectors
        .values
        .par_chunks(rows * width)
        .enumerate()
        .map(|(i, chunk)| part(chunk, i * rows, centres, &halves))
        .collect();
    let mut labels = Vec::with_capacity(vectors.rows());
    let mut sums = vec![0.0_f64; clusters * width];
    let mut counts = vec![0_u32; clusters];
    let mut inertia = 0.0;
    let mut far: Vec<(f32, usize)> = Vec::new();
    for part in parts {
        labels.extend(part.labels);
        for (sum, value) in sums.iter_mut().zip(part.sums) {
            *sum += f64::from(value);
        }
        for (count, value) in counts.iter_mut().zip(part.counts) {
            *count += value;
        }
        inertia += part.inertia;
        far.push(part.furthest);
    }
    far.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut far = far.into_iter();
    let mut next = Matrix::zeros(clusters, width);
    for (cluster, count) in counts.iter().enumerate() {
        let from = sums
            .get(cluster * width..(cluster + 1) * width)
            .unwrap_or_default();
        let row = next.row_mut(cluster);
        if *count > 0 {
            for (value, sum) in row.iter_mut().zip(from) {
                let mean = (sum / f64::from(*count)) as f32;
                *value = mean;
            }
        } else if let Some((_, place)) = far.next() {
            row.copy_from_slice(vectors.row(place));
        }
    }
    Step {
        labels,
        centres: next,
        inertia,
    }
}

fn part(chunk: &[f32], first: usize, centres: &Matrix, halves: &[f32]) -> Part {
    let width = centres.width.max(1);
    let mut part = Part {
        labels: Vec::with_capacity(chunk.len() / width),
        sums: vec![0.0; centres.values.len()],
        counts: vec![0; centres.rows()],
        inertia: 0.0,
        furthest: (0.0, first),
    };
    for (i, row) in chunk.chunks(width).enumerate() {
        let (label, distance) = nearest_of(row, centres, halves);
        part.labels.push(label);
        part.inertia += f64::from(distance);
        if distance > part.furthest.0 {
            part.furthest = (distance, first + i);
        }
        let cluster = label as usize;
        if let Some(sum) = part.sums.get_mut(cluster * width..(cluster + 1) * width) {
            crate::enrich::topic::add(sum, row, 1.0);
        }
        if let Some(count) = part.counts.get_mut(cluster) {
            *count += 1;
        }
    }
    part
}

/// Greedy k-means++ (Arthur, Vassilvitskii 2007): of some draws the one that lowers the sum most.
fn starts(vectors: &Matrix, clusters: usize, seed: u64) -> Matrix {
    let mut random = Random::new(seed);
    let pool = random.sample(vectors.rows(), START_SAMPLE);
    let mut centres = Matrix {
        width: vectors.width,
        values: Vec::new(),
    };
    let Some(first) = pool.get(random.below(pool.len())) else {
        return centres;
    };
    let trials = 2 + (clusters.max(1) as f64).ln() as usize;
    centres.values.extend_from_slice(vectors.row(*first));
    let mut distances = distances(vectors, &pool, *first, None);
    for _ in 1..clusters {
        let total: f64 = distances.iter().map(|d| f64::from(*d)).sum();
        if total <= 1e-6 {
            break;
        }
        let mut best: Option<(f64, usize, Vec<f32>)> = None;
        for _ in 0..trials {
            let candidate = draw(&distances, random.unit() * total);
            let Some(place) = pool.get(candidate) else {
                continue;
            };
            let left = self::distances(vectors, &pool, *place, Some(&distances));
            let sum: f64 = left.iter().map(|d| f64::from(*d)).sum();
            if best.as_ref().is_none_or(|(least, ..)| sum < *least) {
                best = Some((sum, *place, left));
            }
        }
        let Some((_, place, left)) = best else { break };
        centres.values.extend_from_slice(vectors.row(place));
        distances = left;
    }
    centres
}

fn draw(distances: &[f32], mut at: f64) -> usize {
    for (place, distance) in distances.iter().enumerate() {
        at -= f64::from(*distance);
        if at < 0.0 {
            return place;
        }
    }
    distances.len().saturating_sub(1)
}

fn distances(vectors: &Matrix, pool: &[usize], centre: usize, known: Option<&[f32]>) -> Vec<f32> {
    let centre = vectors.row(centre);
    let own = dot(centre, centre);
    pool.par_iter()
        .with_min_len(256)
        .enumerate()
        .map(|(i, place)| {
            let row = vectors.row(*place);
            let distance = (dot(row, row) + own - 2.0 * dot(row, centre)).max(0.0);
            known
                .and_then(|known| known.get(i))
                .map_or(distance, |least| distance.min(*least))
        })
        .collect()
}
