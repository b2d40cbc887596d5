//! The best pairing of rows with columns: the linear assignment problem, solved exactly.
//!
//! Shortest augmenting paths on reduced costs with rectangular matrices (Jonker and Volgenant 1987; Crouse 2016),
//! begun from a greedy pairing on tight edges. O(rows^2 x columns) at worst, far less on the matrices of a queue.
//! Invariants: the pairing has the greatest sum that any has; a forbidden pair is never made; a row stays alone
//! when that is worth more; the same matrix gives the same pairing.

/// What is forbidden costs this much: more than any sum of gains, and small enough that differences of gains show.
const NEVER: f64 = 1e9;

/// The best column of each row, `None` where the row stays alone.
///
/// `gain` gives what a pair is worth, `None` where it is forbidden. A row stays alone only when no column is left
/// that it may have: gains are made non-negative by a constant, so more pairs are always better.
#[must_use]
pub fn assign(
    rows: usize,
    columns: usize,
    gain: impl Fn(usize, usize) -> Option<f64>,
) -> Vec<Option<usize>> {
    if rows == 0 || columns == 0 {
        return vec![None; rows];
    }
    if rows > columns {
        let turned = solve(&Costs::new(columns, rows, |row, column| gain(column, row)));
        let mut found = vec![None; rows];
        for (column, row) in turned.into_iter().enumerate() {
            if let Some(slot) = row.and_then(|row| found.get_mut(row)) {
                *slot = Some(column);
            }
        }
        return found;
    }
    solve(&Costs::new(rows, columns, gain))
}

/// Costs, row by row; a lower one is better.
struct Costs {
    columns: usize,
    cells: Vec<f64>,
}

impl Costs {
    fn new(rows: usize, columns: usize, gain: impl Fn(usize, usize) -> Option<f64>) -> Self {
        let mut cells = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            cells.extend((0..columns).map(|column| gain(row, column).map_or(NEVER, |gain| -gain)));
        }
        Self { columns, cells }
    }

    fn row(&self, row: usize) -> &[f64] {
        let from = row * self.columns;
        self.cells
            .get(from..from + self.columns)
            .unwrap_or_default()
    }

    fn rows(&self) -> usize {
        self.cells.len().checked_div(self.columns).unwrap_or(0)
    }
}

/// Bids for each row before paths are searched.
const BIDS: usize = 16;

/// No row or column.
const NONE: usize = usize::MAX;

struct Search {
    /// Prices of rows and columns: cost - row - column is never negative.
    of_row: Vec<f64>,
    of_column: Vec<f64>,
    row_of: Vec<usize>,
    column_of: Vec<usize>,
    /// Length of the shortest path to each column, and the row that it comes from.
    length: Vec<f64>,
    from: Vec<usize>,
    /// Columns not yet reached for good: the first `open` of the list.
    list: Vec<usize>,
    seen_rows: Vec<usize>,
    seen_columns: Vec<usize>,
}

fn solve(costs: &Costs) -> Vec<Option<usize>> {
    let (rows, columns) = (costs.rows(), costs.columns);
    let mut search = Search {
        of_row: vec![0.0; rows],
        of_column: vec![0.0; columns],
        row_of: vec![NONE; columns],
        column_of: vec![NONE; rows],
        length: vec![0.0; columns],
        from: vec![NONE; columns],
        list: (0..columns).collect(),
        seen_rows: Vec::new(),
        seen_columns: Vec::new(),
    };
    search.begin(costs);
    search.bid(costs);
    for row in 0..rows {
        if at(&search.column_of, row) == NONE {
            search.augment(costs, row);
        }
    }
    let pairs = search.column_of.iter().enumerate();
    pairs
        .map(|(row, column)| {
            let cost = costs.row(row).get(*column).copied().unwrap_or(NEVER);
            (cost < NEVER).then_some(*column)
        })
        .collect()
}

fn at(list: &[usize], index: usize) -> usize {
    list.get(index).copied().unwrap_or(NONE)
}

impl Search {
    /// Prices from each row's best column, and the pairs that cost nothing above them. With as many columns as
    /// rows, columns get a price too.
    fn begin(&mut self, costs: &Costs) {
        let rows = costs.rows();
        if rows == costs.columns {
            self.of_column.fill(f64::INFINITY);
            for row in 0..rows {
                for (price, cost) in self.of_column.iter_mut().zip(costs.row(row)) {
                    *price = price.min(*cost);
                }
            }
        }
        for row in 0..rows {
            let (mut best, mut place) = (f64::INFINITY, NONE);
            for (column, (cost, price)) in costs.row(row).iter().zip(&self.of_column).enumerate() {
                let reduced = cost - price;
                let is_free = at(&self.row_of, column) == NONE;
                if reduced < best || (reduced == best && is_free && at(&self.row_of, place) != NONE)
                {
                    (best, place) = (reduced, column);
                }
            }
            if let Some(price) = self.of_row.get_mut(row) {
                *price = best;
            }
            if at(&self.row_of, place) == NONE {
                self.pair(row, place);
            }
        }
    }

    /// Rows without a column take their best one from who has it, raising what it costs by what they would lose with
    /// the second best; a row that is pushed out goes on at once. Settles most of a matrix where many want the same.
    fn bid(&mut self, costs: &Costs) {
        let mut steps = BIDS * costs.rows();
        let is_free = |search: &Self, row: &usize| at(&search.column_of, *row) == NONE;
        let mut free: Vec<usize> = (0..costs.rows()).filter(|row| is_free(self, row)).collect();
        for _ in 0..2 {
            for start in std::mem::take(&mut free) {
                let mut row = start;
                loop {
                    if steps == 0 {
                        return;
                    }
                    steps -= 1;
                    let [(best, first), (next, second)] = self.two_best(costs.row(row));
                    let gap = if next.is_finite() { next - best } else { 0.0 };
                    let is_tie = gap <= 0.0;
                    let place = if is_tie && second != NONE && at(&self.row_of, first) != NONE {
                        second
                    } else {
                        first
                    };
                    let held = at(&self.row_of, place);
                    if let Some(price) = self.of_column.get_mut(place) {
                        *price -= gap;
                    }
                    if let Some(price) = self.of_row.get_mut(row) {
                        *price = best + gap;
                    }
                    self.pair(row, place);
                    if held == NONE {
                        break;
                    }
                    if let Some(slot) = self.column_of.get_mut(held) {
                        *slot = NONE;
                    }
                    if is_tie {
                        free.push(held);
                        break;
                    }
                    row = held;
                }
            }
        }
    }

    /// Reduced cost and place of the two best columns.
    fn two_best(&self, row: &[f64]) -> [(f64, usize); 2] {
        let mut best = [(f64::INFINITY, NONE); 2];
        for (column, (cost, price)) in row.iter().zip(&self.of_column).enumerate() {
            let reduced = cost - price;
            if reduced < best[0].0 {
                best = [(reduced, column), best[0]];
            } else if reduced < best[1].0 {
                best[1] = (reduced, column);
            }
        }
        best
    }

    fn pair(&mut self, row: usize, column: usize) {
        if let Some(slot) = self.row_of.get_mut(column) {
            *slot = row;
        }
        if let Some(slot) = self.column_of.get_mut(row) {
            *slot = column;
        }
    }

    /// Pairs `start`, moving others along the shortest path to a free column.
    fn augment(&mut self, costs: &Costs, start: usize) {
        self.length.fill(f64::INFINITY);
        self.seen_rows.clear();
        self.seen_columns.clear();
        let mut open = self.list.len();
        let (mut row, mut shortest) = (start, 0.0);
        let sink = loop {
            self.seen_rows.push(row);
            let price = self.of_row.get(row).copied().unwrap_or(0.0);
            let Some((place, length)) = self.relax(costs.row(row), row, shortest - price, open)
            else {
                return;
            };
            shortest = length;
            let column = at(&self.list, place);
            open -= 1;
            self.list.swap(place, open);
            if at(&self.row_of, column) == NONE {
                break column;
            }
            self.seen_columns.push(column);
            row = at(&self.row_of, column);
        };
        self.reprice(start, shortest);
        let mut column = sink;
        loop {
            let row = at(&self.from, column);
            let before = at(&self.column_of, row);
            self.pair(row, column);
            if row == start || before == NONE {
                return;
            }
            column = before;
        }
    }

    /// Paths through `row`; the open column that is now nearest, a free one among equals.
    fn relax(
        &mut self,
        row: &[f64],
        number: usize,
        base: f64,
        open: usize,
    ) -> Option<(usize, f64)> {
        let (mut best, mut place, mut is_free) = (f64::INFINITY, NONE, false);
        for (index, column) in self.list.iter().take(open).enumerate() {
            let (Some(cost), Some(length)) = (row.get(*column), self.length.get_mut(*column))
            else {
                continue;
            };
            let path = base + cost - self.of_column.get(*column).copied().unwrap_or(0.0);
            if path < *length {
                *length = path;
                if let Some(from) = self.from.get_mut(*column) {
                    *from = number;
                }
            }
            if *length < best || (*length == best && !is_free) {
                (best, place) = (*length, index);
                is_free = at(&self.row_of, *column) == NONE;
            }
        }
        (place != NONE).then_some((place, best))
    }

    fn reprice(&mut self, start: usize, shortest: f64) {
        for index in 0..self.seen_rows.len() {
            let row = at(&self.seen_rows, index);
            let length = if row == start {
                0.0
            } else {
                let column = at(&self.column_of, row);
                self.length.get(column).copied().unwrap_or(shortest)
            };
            if let Some(price) = self.of_row.get_mut(row) {
                *price += shortest - length;
            }
        }
        for column in &self.seen_columns {
            let length = self.length.get(*column).copied().unwrap_or(shortest);
            if let Some(price) = self.of_column.get_mut(*column) {
                *price -= shortest - length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::topics::random::Random;

    /// The greatest number of pairs, and of these the greatest sum, over all pairings.
    fn by_trying(gains: &[Vec<Option<f64>>], row: usize, taken: &mut Vec<bool>) -> (usize, f64) {
        let Some(cells) = gains.get(row) else {
            return (0, 0.0);
        };
        let mut best = by_trying(gains, row + 1, taken);
        for (column, gain) in cells.iter().enumerate() {
            let Some(gain) = gain else { continue };
            if taken[column] {
                continue;
            }
            taken[column] = true;
            let (pairs, sum) = by_trying(gains, row + 1, taken);
            taken[column] = false;
            let found = (pairs + 1, sum + gain);
            if found.0 > best.0 || (found.0 == best.0 && found.1 > best.1) {
                best = found;
            }
        }
        best
    }

    #[test]
    fn no_pairing_is_better() {
        let mut random = Random::new(11);
        for round in 0..600 {
            let (rows, columns) = (1 + random.below(6), 1 + random.below(6));
            let coarse = round % 2 == 0;
            let gains: Vec<Vec<Option<f64>>> = (0..rows)
                .map(|_| {
                    let cell = |random: &mut Random| {
                        let gain = random.unit() * 4.0;
                        let gain = if coarse { gain.round() } else { gain };
                        (random.unit() > 0.25).then_some(gain)
                    };
                    (0..columns).map(|_| cell(&mut random)).collect()
                })
                .collect();
            let found = assign(rows, columns, |row, column| gains[row][column]);
            let mut taken = vec![false; columns];
            let (mut pairs, mut sum) = (0, 0.0);
            for (row, column) in found.iter().enumerate() {
                let Some(column) = *column else { continue };
                assert!(!std::mem::replace(&mut taken[column], true));
                sum += gains[row][column].unwrap();
                pairs += 1;
            }
            let best = by_trying(&gains, 0, &mut vec![false; columns]);
            assert_eq!(pairs, best.0, "{gains:?}");
            assert!((sum - best.1).abs() < 1e-9, "{sum} {best:?} {gains:?}");
        }
    }

    #[test]
    fn nothing_to_pair() {
        assert!(assign(0, 3, |_, _| Some(1.0)).is_empty());
        assert_eq!(assign(2, 0, |_, _| Some(1.0)), [None, None]);
        assert_eq!(assign(2, 2, |_, _| None), [None, None]);
    }
}
