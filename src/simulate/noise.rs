//! What a speech recogniser makes of what was said.
//!
//! A layer over finished sentences, with a rate: words heard as others that
//! sound alike, punctuation that is not heard, restarts, words cut off.
//! Invariants: a rate of 0 changes nothing; pieces marked as fixed (personal
//! values, whose places are kept) stay as they are.

use super::dice::Dice;
use super::scenario::Language;

/// A piece of a sentence; a fixed one is a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: String,
    /// Kind of personal value.
    pub kind: Option<&'static str>,
    pub fixed: bool,
}

/// Regional words instead of the written ones.
pub(super) fn dialect(pieces: &mut [Piece], language: &Language, region: usize, dice: &mut Dice) {
    let Some(pairs) = language.dialects.get(region) else {
        return;
    };
    for piece in pieces.iter_mut().filter(|piece| !piece.fixed) {
        for (written, said) in pairs {
            if piece.text.contains(written.as_str()) && dice.chance(0.8) {
                piece.text = piece.text.replace(written.as_str(), said);
            }
        }
    }
}

/// Passes a sentence through the recogniser; gives how much was changed.
pub(super) fn recognise(
    pieces: &mut [Piece],
    language: &Language,
    rate: f64,
    dice: &mut Dice,
) -> u32 {
    if rate <= 0.0 {
        return 0;
    }
    let mut changes = 0;
    let free = pieces
        .iter_mut()
        .filter(|piece| !piece.fixed && !piece.text.is_empty());
    for (index, piece) in free.enumerate() {
        changes += homophones(piece, language, rate, dice);
        changes += punctuation(piece, language, dice);
        if index == 0 && dice.chance(rate * 2.0) {
            restart(piece, language, dice);
            changes += 1;
        }
        changes += cuts(piece, language, rate, dice);
    }
    changes
}

fn homophones(piece: &mut Piece, language: &Language, rate: f64, dice: &mut Dice) -> u32 {
    let mut changes = 0;
    for (said, heard) in &language.homophones {
        if piece.text.contains(said.as_str()) && dice.chance((rate * 5.0).min(0.9)) {
            piece.text = piece.text.replacen(said.as_str(), heard, 1);
            changes += 1;
        }
    }
    changes
}

/// A recogniser hears pauses now and then, and no marks.
fn punctuation(piece: &mut Piece, language: &Language, dice: &mut Dice) -> u32 {
    let before = piece.text.len();
    let gap = if language.is_english() { " " } else { "" };
    let mut text = String::with_capacity(piece.text.len());
    for c in piece.text.chars() {
        if "，。？！、；,.?!;".contains(c) && dice.chance(0.8) {
            if !text.ends_with(' ') {
                text.push_str(gap);
            }
        } else {
            text.push(c);
        }
    }
    piece.text = text;
    u32::from(piece.text.len() != before)
}

/// The first words twice.
fn restart(piece: &mut Piece, language: &Language, dice: &mut Dice) {
    let begin: String = if language.is_english() {
        let words: Vec<&str> = piece.text.split_whitespace().take(2).collect();
        format!("{} ", words.join(" "))
    } else {
        let length = dice.between(1, 3) as usize;
        piece.text.chars().take(length).collect()
    };
    piece.text.insert_str(0, &begin);
}

/// Characters (English: words) that were swallowed.
fn cuts(piece: &mut Piece, language: &Language, rate: f64, dice: &mut Dice) -> u32 {
    let lost = rate * 0.6;
    let mut changes = 0;
    if language.is_english() {
        let words = piece.text.split_inclusive(' ');
        let kept: String = words
            .filter(|_| {
                let cut = dice.chance(lost);
                changes += u32::from(cut);
                !cut
            })
            .collect();
        piece.text = kept;
    } else {
        let kept: String = piece
            .text
            .chars()
            .filter(|_| {
                let cut = dice.chance(lost);
                changes += u32::from(cut);
                !cut
            })
            .collect();
        piece.text = kept;
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::dice::Stream;
    use super::*;

    fn piece(text: &str, fixed: bool) -> Piece {
        Piece {
            text: text.to_owned(),
            kind: None,
            fixed,
        }
    }

    fn language() -> Language {
        Language {
            tag: "zh-CN",
            homophones: vec![("套餐".to_owned(), "套残".to_owned())],
            dialects: vec![vec![("什么".to_owned(), "啥".to_owned())]],
            ..Language::default()
        }
    }

    #[test]
    fn no_rate_no_change() {
        let mut pieces = vec![piece("我的套餐，是什么？", false)];
        let mut dice = Dice::new(1, Stream::Words, 1);
        assert_eq!(recognise(&mut pieces, &language(), 0.0, &mut dice), 0);
        assert_eq!(pieces[0].text, "我的套餐，是什么？");
    }

    #[test]
    fn values_stay_and_words_change() {
        let mut changed = 0;
        for index in 0..200 {
            let mut dice = Dice::new(1, Stream::Words, index);
            let mut pieces = vec![
                piece("我的套餐，是什么？", false),
                piece("13812345678", true),
            ];
            dialect(&mut pieces, &language(), 0, &mut dice);
            changed += recognise(&mut pieces, &language(), 0.1, &mut dice);
            assert_eq!(pieces[1].text, "13812345678");
        }
        assert!(changed > 200, "{changed}");
    }
}
