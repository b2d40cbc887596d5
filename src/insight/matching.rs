//! The assignment problem: pairs of rows and columns with the greatest sum.
//!
//! Invariants: the sum is the greatest there is; equal sums give the same answer every time.

/// For each row the column that it is given, at most one row per column, so that the sum of the values is
/// greatest (shortest augmenting paths with potentials, Jonker and Volgenant 1987). Rows have equal length.
/// Rows beyond the number of columns get `None`.
#[must_use]
pub fn assign(values: &[Vec<f64>]) -> Vec<Option<usize>> {
    let rows = values.len();
    let columns = values.first().map_or(0, Vec::len);
    if rows > columns {
        let turned: Vec<Vec<f64>> = (0..columns)
            .map(|j| {
                values
                    .iter()
                    .map(|row| row.get(j).copied().unwrap_or(0.0))
                    .collect()
            })
            .collect();
        let mut given = vec![None; rows];
        for (j, i) in assign(&turned).into_iter().enumerate() {
            if let Some(slot) = i.and_then(|i| given.get_mut(i)) {
                *slot = Some(j);
            }
        }
        return given;
    }
    let mut paths = Paths {
        values,
        rows: vec![0.0; rows + 1],
        columns: vec![0.0; columns + 1],
        owner: vec![0; columns + 1],
    };
    for row in 1..=rows {
        paths.augment(row);
    }
    let mut given = vec![None; rows];
    for (column, row) in paths.owner.iter().enumerate().skip(1) {
        if let Some(slot) = row.checked_sub(1).and_then(|row| given.get_mut(row)) {
            *slot = Some(column - 1);
        }
    }
    given
}

/// Rows and columns count from 1; 0 stands for none.
struct Paths<'v> {
    values: &'v [Vec<f64>],
    rows: Vec<f64>,
    columns: Vec<f64>,
    owner: Vec<usize>,
}

impl Paths<'_> {
    fn cost(&self, row: usize, column: usize) -> f64 {
        let value = self.values.get(row - 1).and_then(|row| row.get(column - 1));
        let potential = |of: &[f64], i: usize| of.get(i).copied().unwrap_or(0.0);
        -value.copied().unwrap_or(0.0)
            - potential(&self.rows, row)
            - potential(&self.columns, column)
    }

    fn augment(&mut self, row: usize) {
        let count = self.owner.len();
        self.owner[0] = row;
        let mut least = vec![f64::INFINITY; count];
        let mut way = vec![0; count];
        let mut used = vec![false; count];
        let mut at = 0;
        while self.owner[at] != 0 {
            used[at] = true;
            let from = self.owner[at];
            let (mut delta, mut next) = (f64::INFINITY, 0);
            for j in (1..count).filter(|j| !used[*j]) {
                let cost = self.cost(from, j);
                if cost < least[j] {
                    (least[j], way[j]) = (cost, at);
                }
                if least[j] < delta {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..count {
                if used[j] {
                    self.rows[self.owner[j]] += delta;
                    self.columns[j] -= delta;
                } else {
                    least[j] -= delta;
                }
            }
            at = next;
        }
        while at != 0 {
            let before = way[at];
            self.owner[at] = self.owner[before];
            at = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greatest_sum() {
        let values = vec![
            vec![4.0, 1.0, 3.0],
            vec![2.0, 0.0, 5.0],
            vec![3.0, 2.0, 2.0],
        ];
        assert_eq!(assign(&values), [Some(0), Some(2), Some(1)]);
    }

    #[test]
    fn more_rows_than_columns_and_back() {
        assert_eq!(
            assign(&[vec![1.0], vec![3.0], vec![2.0]]),
            [None, Some(0), None]
        );
        assert_eq!(assign(&[vec![1.0, 3.0, 2.0]]), [Some(1)]);
        assert!(assign(&[]).is_empty());
    }
}
