//! Noise as speech recognition makes it: no punctuation, fillers, characters of the same sound.
//!
//! Invariants: seeded, so the same text and seed give the same noise. Only for training and evaluation.

/// Groups of characters of the same sound, one group a line.
const HOMOPHONES: &str = include_str!("../data/homophones.txt");

const FILLERS: [&str; 6] = ["嗯", "呃", "那个", "啊", "就是", "这个"];

/// The text as a recogniser may have heard it: each Han character is another of the same sound
/// with probability `share`, punctuation is gone, a filler comes in about every 12 characters.
#[must_use]
pub fn heard(text: &str, share: f64, seed: u64) -> String {
    let mut state = seed
        ^ text.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && c != ' ' {
            continue;
        }
        if next() % 12 == 0 {
            let filler = usize::try_from(next() % 6).unwrap_or(0);
            out.push_str(FILLERS.get(filler).unwrap_or(&""));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a million"
        )]
        let swaps = next() % 1_000_000 < (share * 1e6) as u64;
        out.push(if swaps { like(c, next()) } else { c });
    }
    out
}

fn like(c: char, dice: u64) -> char {
    let Some(group) = HOMOPHONES
        .lines()
        .find(|line| !line.starts_with('#') && line.contains(c))
    else {
        return c;
    };
    let others: Vec<char> = group.chars().filter(|o| *o != c).collect();
    let index = usize::try_from(dice % others.len().max(1) as u64).unwrap_or(0);
    others.get(index).copied().unwrap_or(c)
}
