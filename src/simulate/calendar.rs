//! The Chinese calendar as far as it moves a service desk.
//!
//! Days are those of UTC+8. Days off and make-up workdays of 2023 to 2026 are
//! those that the State Council announced; other years take the statutory days
//! on their fixed dates, and the Spring Festival from a table of new moons.
//! Invariant: a day has one kind. Not here: the hours of a day.

use crate::domain::Day;

/// What kind of day it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A working day, a make-up workday at a weekend too.
    Work,
    /// An ordinary Saturday or Sunday.
    Weekend,
    /// A public holiday.
    Holiday,
    /// The Spring Festival.
    SpringFestival,
}

/// Announced days off: first and last day, both off.
const OFF: [(&str, &str); 26] = [
    ("2022-12-31", "2023-01-02"),
    ("2023-01-21", "2023-01-27"),
    ("2023-04-05", "2023-04-05"),
    ("2023-04-29", "2023-05-03"),
    ("2023-06-22", "2023-06-24"),
    ("2023-09-29", "2023-10-06"),
    ("2024-01-01", "2024-01-01"),
    ("2024-02-10", "2024-02-17"),
    ("2024-04-04", "2024-04-06"),
    ("2024-05-01", "2024-05-05"),
    ("2024-06-10", "2024-06-10"),
    ("2024-09-15", "2024-09-17"),
    ("2024-10-01", "2024-10-07"),
    ("2025-01-01", "2025-01-01"),
    ("2025-01-28", "2025-02-04"),
    ("2025-04-04", "2025-04-06"),
    ("2025-05-01", "2025-05-05"),
    ("2025-05-31", "2025-06-02"),
    ("2025-10-01", "2025-10-08"),
    ("2026-01-01", "2026-01-03"),
    ("2026-02-15", "2026-02-23"),
    ("2026-04-04", "2026-04-06"),
    ("2026-05-01", "2026-05-05"),
    ("2026-06-19", "2026-06-21"),
    ("2026-09-25", "2026-09-27"),
    ("2026-10-01", "2026-10-07"),
];

/// Announced workdays at weekends.
const MAKE_UP: [&str; 26] = [
    "2023-01-28",
    "2023-01-29",
    "2023-04-23",
    "2023-05-06",
    "2023-06-25",
    "2023-10-07",
    "2023-10-08",
    "2024-02-04",
    "2024-02-18",
    "2024-04-07",
    "2024-04-28",
    "2024-05-11",
    "2024-09-14",
    "2024-09-29",
    "2024-10-12",
    "2025-01-26",
    "2025-02-08",
    "2025-04-27",
    "2025-09-28",
    "2025-10-11",
    "2026-01-04",
    "2026-02-14",
    "2026-02-28",
    "2026-05-09",
    "2026-09-20",
    "2026-10-10",
];

/// First day of the lunar year.
const NEW_YEAR: [&str; 16] = [
    "2020-01-25",
    "2021-02-12",
    "2022-02-01",
    "2023-01-22",
    "2024-02-10",
    "2025-01-29",
    "2026-02-17",
    "2027-02-06",
    "2028-01-26",
    "2029-02-13",
    "2030-02-03",
    "2031-01-23",
    "2032-02-11",
    "2033-01-31",
    "2034-02-19",
    "2035-02-08",
];

/// Statutory days on fixed dates: month, first and last day.
const FIXED: [(u32, u32, u32); 4] = [(1, 1, 1), (4, 4, 5), (5, 1, 3), (10, 1, 7)];

/// Years that [`OFF`] and [`MAKE_UP`] hold.
const ANNOUNCED: std::ops::RangeInclusive<i32> = 2023..=2026;

/// Holidays looked up fast.
pub(super) struct Calendar {
    off: Vec<(i32, i32)>,
    make_up: Vec<i32>,
    new_year: Vec<i32>,
}

impl Calendar {
    pub(super) fn new() -> Self {
        let day = |text: &str| Day::parse(text).map_or(0, |day| day.0);
        Self {
            off: OFF.iter().map(|(from, to)| (day(from), day(to))).collect(),
            make_up: MAKE_UP.iter().map(|text| day(text)).collect(),
            new_year: NEW_YEAR.iter().map(|text| day(text)).collect(),
        }
    }

    /// Days until the next, or since the last, lunar new year, the nearer one.
    pub(super) fn days_to_new_year(&self, day: i32) -> i32 {
        let distances = self.new_year.iter().map(|new_year| day - new_year);
        distances
            .min_by_key(|distance| distance.abs())
            .unwrap_or(999)
    }

    pub(super) fn kind(&self, day: i32) -> Kind {
        let (year, month, date) = parts(day);
        let weekend = weekday(day) >= 5;
        let lunar = (-1..=6).contains(&self.days_to_new_year(day));
        let off = if ANNOUNCED.contains(&year) {
            self.off
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&day))
        } else {
            lunar
                || FIXED
                    .iter()
                    .any(|(m, from, to)| *m == month && (*from..=*to).contains(&date))
        };
        match off {
            true if lunar => Kind::SpringFestival,
            true => Kind::Holiday,
            false if weekend && !self.make_up.contains(&day) => Kind::Weekend,
            false => Kind::Work,
        }
    }

    /// How much a shop sells on `day` against an ordinary one: 双11 with its
    /// presale and returns, 618, the new year's goods.
    pub(super) fn shopping(&self, day: i32) -> f64 {
        let (_, month, date) = parts(day);
        let peak = match (month, date) {
            (10, 20..=31) => 1.25,
            (11, 1..=9) => 1.35,
            (11, 10) => 1.7,
            (11, 11) => 2.9,
            (11, 12) => 2.3,
            (11, 13..=20) => 1.7,
            (6, 16..=17) => 1.35,
            (6, 18) => 2.0,
            (6, 19..=24) => 1.4,
            (12, 12) => 1.4,
            _ => 1.0,
        };
        match self.days_to_new_year(day) {
            -21..=-8 => peak * 1.2,
            -7..=-2 => peak * 0.85,
            -1..=4 => peak * 0.45,
            5..=7 => peak * 0.8,
            _ => peak,
        }
    }
}

/// 0 is Monday.
pub(super) fn weekday(day: i32) -> i32 {
    (day + 3).rem_euclid(7)
}

/// Year, month and day of month.
pub(super) fn parts(day: i32) -> (i32, u32, u32) {
    let text = Day(day).to_string();
    let mut numbers = text
        .splitn(3, '-')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (year, month, date) = (next(), next(), next());
    (year as i32, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_off_make_up_days_and_weekends() {
        let calendar = Calendar::new();
        let kind = |text| calendar.kind(Day::parse(text).unwrap().0);
        assert_eq!(kind("2026-11-20"), Kind::Work);
        assert_eq!(kind("2026-11-21"), Kind::Weekend);
        assert_eq!(kind("2026-10-03"), Kind::Holiday);
        assert_eq!(kind("2026-10-10"), Kind::Work, "a Saturday to make up");
        assert_eq!(kind("2026-02-17"), Kind::SpringFestival);
        assert_eq!(kind("2027-02-06"), Kind::SpringFestival);
        assert_eq!(kind("2027-05-01"), Kind::Holiday);
    }

    #[test]
    fn shops_sell_most_on_the_eleventh_of_november() {
        let calendar = Calendar::new();
        let first = Day::parse("2026-01-01").unwrap().0;
        let best = (first..first + 365)
            .max_by(|a, b| calendar.shopping(*a).total_cmp(&calendar.shopping(*b)))
            .unwrap();
        assert_eq!(Day(best).to_string(), "2026-11-11");
    }
}
