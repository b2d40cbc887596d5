//! A tree over many small clusters (Ward 1963), so that any level of detail is a cut.
//!
//! Invariants: a merge joins the two clusters whose union raises the sum of squared distances least; ties go to
//! the lower numbers; cuts of one tree are nested.

use serde::{Deserialize, Serialize};

use crate::enrich::topic::Matrix;

/// Merges in their order: the second cluster becomes part of the first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// How many leaves there are.
    pub leaves: usize,
    /// Which clusters were joined, and how much it cost.
    pub merges: Vec<(u32, u32, f32)>,
}

impl Tree {
    /// The tree over `centres` with so many members each.
    pub fn over(centres: &Matrix, sizes: &[usize]) -> Self {
        let leaves = centres.rows();
        let mut forest = Forest::new(centres, sizes);
        let mut merges = Vec::new();
        while let Some((first, second, cost)) = forest.cheapest() {
            merges.push((first as u32, second as u32, cost as f32));
            forest.join(first, second);
        }
        Self { leaves, merges }
    }

    /// The cluster of each leaf when `clusters` are left, numbered from 0 in the order of the leaves.
    #[must_use]
    pub fn cut(&self, clusters: usize) -> Vec<u32> {
        let mut roots: Vec<usize> = (0..self.leaves).collect();
        let joins = self.leaves.saturating_sub(clusters.max(1));
        for (first, second, _) in self.merges.iter().take(joins) {
            for root in &mut roots {
                if *root == *second as usize {
                    *root = *first as usize;
                }
            }
        }
        let mut known: Vec<usize> = Vec::new();
        let number = |root: usize| {
            let place = known
                .iter()
                .position(|known| *known == root)
                .unwrap_or_else(|| {
                    known.push(root);
                    known.len() - 1
                });
            u32::try_from(place).unwrap_or(u32::MAX)
        };
        roots.into_iter().map(number).collect()
    }
}

struct Forest {
    centres: Vec<Vec<f64>>,
    sizes: Vec<f64>,
    alive: Vec<bool>,
    /// Cost of joining `i < j`, by rows.
    costs: Vec<f64>,
}

impl Forest {
    fn new(centres: &Matrix, sizes: &[usize]) -> Self {
        let count = centres.rows();
        let mut forest = Self {
            centres: (0..count)
                .map(|i| centres.row(i).iter().map(|x| f64::from(*x)).collect())
                .collect(),
            sizes: sizes.iter().map(|size| *size as f64).collect(),
            alive: vec![true; count],
            costs: vec![f64::INFINITY; count * count],
        };
        for i in 0..count {
            forest.price(i);
        }
        forest
    }

    fn price(&mut self, i: usize) {
        let count = self.alive.len();
        for j in 0..count {
            let cost = if i == j {
                f64::INFINITY
            } else {
                self.cost(i, j)
            };
            let place = i.min(j) * count + i.max(j);
            if let Some(slot) = self.costs.get_mut(place) {
                *slot = cost;
            }
        }
    }

    fn cost(&self, i: usize, j: usize) -> f64 {
        let dead = |k: usize| !self.alive.get(k).copied().unwrap_or(false);
        let (Some(a), Some(b)) = (self.centres.get(i), self.centres.get(j)) else {
            return f64::INFINITY;
        };
        if dead(i) || dead(j) {
            return f64::INFINITY;
        }
        let size = |k: usize| self.sizes.get(k).copied().unwrap_or(0.0).max(1e-9);
        let distance: f64 = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
        distance * size(i) * size(j) / (size(i) + size(j))
    }

    fn cheapest(&self) -> Option<(usize, usize, f64)> {
        let count = self.alive.len();
        let (place, cost) = self
            .costs
            .iter()
            .enumerate()
            .filter(|(_, cost)| cost.is_finite())
            .min_by(|a, b| a.1.total_cmp(b.1))?;
        Some((place / count, place % count, *cost))
    }

    fn join(&mut self, first: usize, second: usize) {
        let size = |k: usize| self.sizes.get(k).copied().unwrap_or(0.0).max(1e-9);
        let (a, b) = (size(first), size(second));
        let other = self.centres.get(second).cloned().unwrap_or_default();
        if let Some(centre) = self.centres.get_mut(first) {
            for (x, y) in centre.iter_mut().zip(other) {
                *x = (a * *x + b * y) / (a + b);
            }
        }
        if let Some(size) = self.sizes.get_mut(first) {
            *size = a + b;
        }
        if let Some(alive) = self.alive.get_mut(second) {
            *alive = false;
        }
        self.price(second);
        self.price(first);
    }
}
