//! Repeat contacts; rounds as a whole are tested through the door (`api`).

use super::load::repeats;
use crate::insight::gaps::case::DAY_US;
use crate::insight::gaps::{Candidate, Case, Match};

fn case(number: i64, customer: Option<&str>, day: i64, article: &str) -> Case {
    Case {
        request_id: format!("r{number}"),
        interaction_id: format!("i{number}"),
        at_us: day * DAY_US,
        customer: customer.map(str::to_owned),
        matched: Match {
            candidates: vec![Candidate {
                article_id: article.to_owned(),
                p_answered: 0.8,
                is_valid: true,
            }],
            ..Match::default()
        },
        ..Case::default()
    }
}

#[test]
fn a_customer_comes_again_with_the_same_matter_within_seven_days() {
    let mut cases = vec![
        case(0, Some("a"), 0, "x"),
        case(1, None, 1, "x"),
        case(2, Some("a"), 5, "y"),
        case(3, Some("a"), 6, "x"),
        case(4, Some("b"), 9, "x"),
        case(5, Some("a"), 20, "x"),
    ];
    repeats(&mut cases);
    let again: Vec<Option<bool>> = cases.iter().map(|case| case.came_again).collect();
    // The last ones can still come.
    let wanted = [
        Some(true),
        Some(false),
        Some(false),
        Some(false),
        Some(false),
        None,
    ];
    assert_eq!(again, wanted);
}
