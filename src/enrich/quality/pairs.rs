//! Pairs of neighbouring characters: how alike two texts are.
//!
//! Invariants: a pair is hashed; spaces and punctuation are left out; a set is ascending and without repeats. A
//! [`Sketch`] is the smallest hashes of a set, which estimates the Jaccard coefficient of two sets from 64 bytes
//! each (Broder 1997, bottom-k).

use twox_hash::XxHash3_64;

/// Hashes of a sketch.
pub(super) const SKETCH: usize = 32;

fn pair(first: char, second: char) -> u32 {
    let mut bytes = [0; 8];
    let (low, high) = (
        u32::from(first).to_le_bytes(),
        u32::from(second).to_le_bytes(),
    );
    for (slot, byte) in bytes.iter_mut().zip(low.into_iter().chain(high)) {
        *slot = byte;
    }
    let hash = XxHash3_64::oneshot(&bytes);
    u32::try_from(hash & 0xffff_ffff).unwrap_or(0)
}

/// Hashes of the pairs of a text, in order.
fn pairs(text: &str) -> impl Iterator<Item = u32> {
    let chars = text.chars().filter(|c| c.is_alphanumeric());
    let mut last = None;
    chars.filter_map(move |c| last.replace(c).map(|before| pair(before, c)))
}

/// The set of pairs of a text; of a text of one character, that character.
pub(super) fn pair_set(text: &str) -> Vec<u32> {
    let mut set: Vec<u32> = pairs(text).collect();
    if set.is_empty() {
        set.extend(
            text.chars()
                .filter(|c| c.is_alphanumeric())
                .map(|c| pair(c, c)),
        );
    }
    set.sort_unstable();
    set.dedup();
    set
}

/// Clauses of a text, and the text as a whole when it has several.
pub(super) fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let is_end = |c: char| {
        matches!(
            c,
            '。' | '！' | '？' | '，' | '；' | '、' | '\n' | '.' | '!' | '?' | ',' | ';'
        )
    };
    let several = text.trim_end_matches(is_end).contains(is_end);
    let whole = several.then_some(text);
    text.split(is_end)
        .filter(|clause| !clause.trim().is_empty())
        .chain(whole)
}

/// A few hashes that stand for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sketch {
    hashes: [u16; SKETCH],
    len: u8,
}

impl Sketch {
    /// The sketch of a text; none when it is too short to say anything twice.
    pub fn of(text: &str) -> Option<Self> {
        const LEAST: usize = 4;
        let mut set: Vec<u16> = pairs(text)
            .map(|hash| u16::try_from(hash >> 16).unwrap_or(0))
            .collect();
        set.sort_unstable();
        set.dedup();
        if set.len() < LEAST {
            return None;
        }
        let mut hashes = [u16::MAX; SKETCH];
        let mut len = 0;
        for (slot, hash) in hashes.iter_mut().zip(&set) {
            *slot = *hash;
            len += 1;
        }
        Some(Self { hashes, len })
    }

    fn items(&self) -> &[u16] {
        self.hashes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The Jaccard coefficient of the sets behind, estimated over the smallest hashes of both together.
    pub fn likeness(&self, other: &Self) -> f64 {
        let (mine, theirs) = (self.items(), other.items());
        let (mut left, mut right, mut both, mut seen) = (0, 0, 0_u32, 0_u32);
        while seen < 32 {
            match (mine.get(left), theirs.get(right)) {
                (Some(a), Some(b)) if a == b => {
                    both += 1;
                    left += 1;
                    right += 1;
                }
                (Some(a), Some(b)) if a < b => left += 1,
                (Some(_), None) => left += 1,
                (_, Some(_)) => right += 1,
                (None, None) => break,
            }
            seen += 1;
        }
        if seen == 0 {
            return 0.0;
        }
        f64::from(both) / f64::from(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_texts_are_alike() {
        let of = |text: &str| Sketch::of(text).unwrap();
        let asked = of("我的快递什么时候到");
        assert!((asked.likeness(&asked) - 1.0).abs() < 1e-9);
        assert!(asked.likeness(&of("我的快递到底什么时候到")) > 0.6);
        assert!(asked.likeness(&of("请问怎么开发票呢")) < 0.1);
        assert!(Sketch::of("好的").is_none());
        let whole: Vec<&str> = clauses("您好，请问有什么可以帮您？").collect();
        assert_eq!(
            whole,
            ["您好", "请问有什么可以帮您", "您好，请问有什么可以帮您？"]
        );
        assert_eq!(clauses("好的。").count(), 1);
    }
}
