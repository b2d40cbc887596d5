//! Which of the allowed words was meant: the list that a refusal shows, closest first.

/// Most words that a refusal lists.
const SHOWN: usize = 40;

/// `allowed` as a list for people, the most similar to `given` first.
pub(crate) fn listed<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    let given: Vec<char> = given.to_lowercase().chars().take(100).collect();
    let mut words: Vec<(usize, &str)> = allowed
        .into_iter()
        .map(|word| (distance(&given, word), word))
        .collect();
    words.sort_unstable();
    let more = words.len().saturating_sub(SHOWN);
    let shown: Vec<&str> = words.iter().take(SHOWN).map(|(_, word)| *word).collect();
    let shown = shown.join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}

/// Levenshtein's distance: insertions, deletions and replacements of one character.
fn distance(given: &[char], word: &str) -> usize {
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (index, letter) in word.to_lowercase().chars().enumerate() {
        let mut before = index;
        let mut left = index + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, known) in row.iter_mut().skip(1).zip(given) {
            let replaced = before + usize::from(*known != letter);
            before = *cell;
            *cell = replaced.min(before + 1).min(left + 1);
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_word_comes_first() {
        let of = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), b);
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("abc", ""), 3);
        assert_eq!(of("abc", "ABC"), 0);
        let list = listed("chanel", ["queue", "channel", "agent_id"]);
        assert!(list.starts_with("channel, "), "{list}");
        let many: Vec<String> = (0..50).map(|n| format!("word{n}")).collect();
        assert!(listed("x", many.iter().map(String::as_str)).ends_with("and 10 more"));
    }
}
