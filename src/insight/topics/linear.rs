//! The linear algebra that topics need: sparse products, an orthonormal basis, a symmetric
//! eigenproblem, and with them the leading axes of a sparse matrix.
//!
//! Invariants: every sum runs in an order that does not depend on the number of threads. Axes are
//! found by subspace iteration from a seeded start (Halko, Martinsson, Tropp 2011, algorithm 4.4).

use rayon::prelude::*;

use super::random::Random;
use crate::enrich::topic::{Matrix, Row, add};

/// Rows of one unit of parallel work.
const CHUNK: usize = 512;

/// A sparse matrix by rows.
#[derive(Debug, Clone, Default)]
pub struct Sparse {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    width: usize,
}

impl Sparse {
    /// The matrix of these rows.
    pub fn of(rows: &[Row], width: usize) -> Self {
        let mut matrix = Self {
            starts: vec![0],
            width,
            ..Self::default()
        };
        for row in rows {
            matrix.columns.extend_from_slice(&row.terms);
            matrix.values.extend_from_slice(&row.weights);
            matrix.starts.push(matrix.columns.len());
        }
        matrix
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many columns there are.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Columns and values of a row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let (Some(from), Some(to)) = (self.starts.get(row), self.starts.get(row + 1)) else {
            return (&[], &[]);
        };
        (
            self.columns.get(*from..*to).unwrap_or_default(),
            self.values.get(*from..*to).unwrap_or_default(),
        )
    }

    /// Rows and columns changed places.
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0_usize; self.width + 1];
        for column in &self.columns {
            if let Some(count) = starts.get_mut(*column as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut columns = vec![0; self.columns.len()];
        let mut values = vec![0.0; self.values.len()];
        for (row, number) in (0..self.rows()).zip(0_u32..) {
            let (terms, weights) = self.row(row);
            for (term, weight) in terms.iter().zip(weights) {
                let Some(place) = next.get_mut(*term as usize) else {
                    continue;
                };
                if let (Some(column), Some(value)) =
                    (columns.get_mut(*place), values.get_mut(*place))
                {
                    *column = number;
                    *value = *weight;
                }
                *place += 1;
            }
        }
        Self {
            starts,
            columns,
            values,
            width: self.rows(),
        }
    }

    /// This matrix times a dense one.
    pub fn times(&self, right: &Matrix) -> Matrix {
        let mut product = Matrix::zeros(self.rows(), right.width);
        if right.width == 0 {
            return product;
        }
        product
            .values
            .par_chunks_mut(CHUNK * right.width)
            .enumerate()
            .for_each(|(chunk, out)| {
                for (i, out) in out.chunks_mut(right.width).enumerate() {
                    let (terms, weights) = self.row(chunk * CHUNK + i);
                    for (term, weight) in terms.iter().zip(weights) {
                        add(out, right.row(*term as usize), *weight);
                    }
                }
            });
        product
    }
}

/// A dense matrix times a small one.
pub fn dense_times(left: &Matrix, right: &Matrix) -> Matrix {
    let mut product = Matrix::zeros(left.rows(), right.width);
    if right.width == 0 {
        return product;
    }
    product
        .values
        .par_chunks_mut(CHUNK * right.width)
        .enumerate()
        .for_each(|(chunk, out)| {
            for (i, out) in out.chunks_mut(right.width).enumerate() {
                for (j, value) in left.row(chunk * CHUNK + i).iter().enumerate() {
                    add(out, right.row(j), *value);
                }
            }
        });
    product
}

/// The inner products of the columns: a symmetric matrix by rows.
fn gram(matrix: &Matrix) -> Vec<f64> {
    let width = matrix.width;
    if width == 0 {
        return Vec::new();
    }
    // The chunks are few and large, so that their partial sums stay small.
    let rows = matrix.rows().div_ceil(16).max(CHUNK);
    let parts: Vec<Vec<f64>> = matrix
        .values
        .par_chunks(rows * width)
        .map(|part| gram_of(part, width))
        .collect();
    let mut sum = vec![0.0; width * width];
    for part in parts {
        for (value, other) in sum.iter_mut().zip(part) {
            *value += other;
        }
    }
    for i in 0..width {
        for j in 0..i {
            let value = at(&sum, width, j, i);
            set(&mut sum, width, i, j, value);
        }
    }
    sum
}

/// The upper triangle of the inner products of the columns, blocks of rows in single precision.
fn gram_of(part: &[f32], width: usize) -> Vec<f64> {
    let mut sum = vec![0.0_f64; width * width];
    let mut block = vec![0.0_f32; width * width];
    for rows in part.chunks(64 * width) {
        block.fill(0.0);
        for row in rows.chunks(width) {
            for (i, value) in row.iter().enumerate() {
                if let (Some(out), Some(tail)) =
                    (block.get_mut(i * width + i..(i + 1) * width), row.get(i..))
                {
                    add(out, tail, *value);
                }
            }
        }
        for (value, other) in sum.iter_mut().zip(&block) {
            *value += f64::from(*other);
        }
    }
    sum
}

fn at(matrix: &[f64], width: usize, row: usize, column: usize) -> f64 {
    matrix.get(row * width + column).copied().unwrap_or(0.0)
}

fn set(matrix: &mut [f64], width: usize, row: usize, column: usize, value: f64) {
    if let Some(slot) = matrix.get_mut(row * width + column) {
        *slot = value;
    }
}

/// Makes the columns orthonormal, in place (Cholesky QR); columns that depend on those before become zero.
fn orthonormalise(matrix: &mut Matrix) {
    let width = matrix.width;
    let gram = gram(matrix);
    // upper triangular r with rᵀr = gram
    let mut r = vec![0.0_f64; width * width];
    for i in 0..width {
        let taken: f64 = (0..i).map(|k| at(&r, width, k, i).powi(2)).sum();
        let whole = at(&gram, width, i, i);
        let left = whole - taken;
        if left <= whole * 1e-9 || left <= 0.0 {
            continue;
        }
        let pivot = left.sqrt();
        set(&mut r, width, i, i, pivot);
        for j in i + 1..width {
            let sum: f64 = (0..i)
                .map(|k| at(&r, width, k, i) * at(&r, width, k, j))
                .sum();
            set(&mut r, width, i, j, (at(&gram, width, i, j) - sum) / pivot);
        }
    }
    // The inverse of r, so that the rows are one small product.
    let mut inverse = Matrix::zeros(width, width);
    for j in 0..width {
        let mut column = vec![0.0_f64; width];
        for i in (0..=j).rev() {
            let pivot = at(&r, width, i, i);
            if pivot == 0.0 {
                continue;
            }
            let unit = if i == j { 1.0 } else { 0.0 };
            let sum: f64 = (i + 1..=j)
                .map(|k| at(&r, width, i, k) * column.get(k).copied().unwrap_or(0.0))
                .sum();
            if let Some(value) = column.get_mut(i) {
                *value = (unit - sum) / pivot;
            }
        }
        if at(&r, width, j, j) == 0.0 {
            continue;
        }
        for (i, value) in column.into_iter().enumerate() {
            if let Some(slot) = inverse.row_mut(i).get_mut(j) {
                *slot = value as f32;
            }
        }
    }
    *matrix = dense_times(matrix, &inverse);
}

/// Eigenvalues, greatest first, and eigenvectors as columns of a symmetric matrix (cyclic Jacobi).
fn symmetric_eigen(mut a: Vec<f64>, width: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut v: Vec<Vec<f64>> = (0..width)
        .map(|i| (0..width).map(|j| if i == j { 1.0 } else { 0.0 }).collect())
        .collect();
    let scale: f64 = (0..width).map(|i| at(&a, width, i, i).powi(2)).sum();
    for _ in 0..30 {
        let mut off = 0.0;
        for p in 0..width {
            for q in p + 1..width {
                let apq = at(&a, width, p, q);
                off += apq * apq;
                if apq * apq <= 1e-24 * scale / (width * width) as f64 {
                    continue;
                }
                let theta = (at(&a, width, q, q) - at(&a, width, p, p)) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                rotate(&mut a, &mut v, width, (p, q), (c, t * c));
            }
        }
        if off <= 1e-18 * scale {
            break;
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> = (0..width).map(|i| at(&a, width, i, i)).zip(v).collect();
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0));
    pairs.into_iter().unzip()
}

/// One rotation of rows and columns `p` and `q`; `v` holds the vectors as rows.
fn rotate(
    a: &mut [f64],
    v: &mut [Vec<f64>],
    width: usize,
    (p, q): (usize, usize),
    (c, s): (f64, f64),
) {
    for k in 0..width {
        let (x, y) = (at(a, width, k, p), at(a, width, k, q));
        set(a, width, k, p, c * x - s * y);
        set(a, width, k, q, s * x + c * y);
    }
    for k in 0..width {
        let (x, y) = (at(a, width, p, k), at(a, width, q, k));
        set(a, width, p, k, c * x - s * y);
        set(a, width, q, k, s * x + c * y);
    }
    if let Ok([first, second]) = v.get_disjoint_mut([p, q]) {
        for (x, y) in first.iter_mut().zip(second) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    }
}

/// The leading right singular axes of a matrix as columns, with their singular values.
pub struct Axes {
    /// One row per column of the matrix.
    pub axes: Matrix,
    /// Greatest first.
    pub values: Vec<f32>,
}

/// How the axes are found.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// How many axes.
    pub axes: usize,
    /// How often the start is drawn through the matrix.
    pub rounds: usize,
    /// Of the start.
    pub seed: u64,
}

/// More directions than axes make the last ones accurate.
const SPARE: usize = 10;

/// Finds the leading axes of `matrix`, at most as many as it has rows or columns.
pub fn leading_axes(matrix: &Sparse, search: Search) -> Axes {
    let most = matrix.rows().min(matrix.width());
    let width = (search.axes + SPARE).min(most);
    if width == 0 {
        return Axes {
            axes: Matrix::zeros(matrix.width(), 0),
            values: Vec::new(),
        };
    }
    let back = matrix.transposed();
    let mut random = Random::new(search.seed);
    let mut start = Matrix::zeros(matrix.rows(), width);
    for value in &mut start.values {
        *value = random.normal();
    }
    let mut basis = back.times(&start);
    drop(start);
    orthonormalise(&mut basis);
    for _ in 0..search.rounds {
        basis = back.times(&matrix.times(&basis));
        orthonormalise(&mut basis);
    }
    let image = matrix.times(&basis);
    rotate_to_axes(&basis, &image, search.axes.min(most))
}

/// [`leading_axes`] of a dense matrix with few columns: exact.
pub fn dense_axes(matrix: &Matrix, axes: usize) -> Axes {
    let mut basis = Matrix::zeros(matrix.width, matrix.width);
    for i in 0..matrix.width {
        if let Some(value) = basis.row_mut(i).get_mut(i) {
            *value = 1.0;
        }
    }
    rotate_to_axes(&basis, matrix, axes.min(matrix.width))
}

fn rotate_to_axes(basis: &Matrix, image: &Matrix, axes: usize) -> Axes {
    let (squares, vectors) = symmetric_eigen(gram(image), image.width);
    let mut turn = Matrix::zeros(image.width, axes);
    for (j, vector) in vectors.iter().take(axes).enumerate() {
        // A sign of its own would make the axes depend on rounding; the largest part is positive.
        let largest = vector
            .iter()
            .copied()
            .fold(0.0_f64, |m, x| if x.abs() > m.abs() { x } else { m });
        let sign = if largest < 0.0 { -1.0 } else { 1.0 };
        for (i, value) in vector.iter().enumerate() {
            if let Some(slot) = turn.row_mut(i).get_mut(j) {
                *slot = (sign * value) as f32;
            }
        }
    }
    Axes {
        axes: dense_times(basis, &turn),
        values: squares
            .into_iter()
            .take(axes)
            .map(|square| square.max(0.0).sqrt() as f32)
            .collect(),
    }
}
