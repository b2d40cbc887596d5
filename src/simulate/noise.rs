//! What a speech recogniser makes of what was said.
//!
//! A layer over finished sentences, with a rate: characters and words heard as
//! others that sound alike, punctuation that is not heard, restarts, words that
//! are cut. Invariants: a rate of 0 changes nothing; personal values, whose
//! places are kept, and the words beside them stay as they are.

use super::dice::Dice;
use super::scenario::Language;

/// A piece of a sentence; a fixed one is a value from a list.
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

/// How likely a character is wrong behind a wrong one: mistakes come in runs.
const GOES_ON: f64 = 0.35;

/// Passes a sentence through the recogniser; gives how much was changed.
///
/// `rate` is the share of the characters (English: words) that come out wrong:
/// heard as others, swallowed, or heard twice. Restarts, ends that are cut off,
/// words that are always mixed up and punctuation that is not heard come on top.
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
    let mut heard = Heard {
        language,
        rate: rate.min(0.95),
        is_run: false,
        changes: 0,
    };
    let free = free(pieces);
    for (order, index) in free.iter().enumerate() {
        let Some(piece) = pieces.get_mut(*index) else {
            continue;
        };
        changes += homophones(piece, language, rate, dice);
        changes += punctuation(piece, language, dice);
        heard.piece(piece, dice);
        if order == 0 && dice.chance(rate * 1.5) {
            restart(piece, language, dice);
            changes += 1;
        }
    }
    let last = free.last().and_then(|index| pieces.get_mut(*index));
    if let Some(last) = last
        && dice.chance(rate * 1.2)
    {
        changes += cut_off(last, language, dice);
    }
    changes + heard.changes
}

/// Pieces that may be misheard: not personal values, nor the words beside one. A
/// name whose cue is lost is no name to any reader, and would not count as planted.
fn free(pieces: &[Piece]) -> Vec<usize> {
    let is_personal = |index: Option<usize>| {
        let piece = index.and_then(|index| pieces.get(index));
        piece.is_some_and(|piece| piece.kind.is_some())
    };
    (0..pieces.len())
        .filter(|index| {
            !is_personal(Some(*index))
                && !is_personal(index.checked_sub(1))
                && !is_personal(Some(*index + 1))
                && pieces
                    .get(*index)
                    .is_some_and(|piece| !piece.text.is_empty())
        })
        .collect()
}

fn homophones(piece: &mut Piece, language: &Language, rate: f64, dice: &mut Dice) -> u32 {
    let mut changes = 0;
    for (said, heard) in &language.homophones {
        if piece.text.contains(said.as_str()) && dice.chance((rate * 2.5).min(0.9)) {
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
        if "，。？！、；,.?!;".contains(c) && dice.chance(0.85) {
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

/// What is heard, character by character or word by word, over one sentence.
struct Heard<'l> {
    language: &'l Language,
    rate: f64,
    is_run: bool,
    changes: u32,
}

impl Heard<'_> {
    /// Whether the next one is wrong. The chance to begin a run is such that
    /// the share of wrong ones is the rate.
    fn is_wrong(&mut self, dice: &mut Dice) -> bool {
        let begins = self.rate * (1.0 - GOES_ON) / (1.0 - self.rate);
        let likely = if self.is_run { GOES_ON } else { begins };
        self.is_run = dice.chance(likely);
        self.changes += u32::from(self.is_run);
        self.is_run
    }

    fn piece(&mut self, piece: &mut Piece, dice: &mut Dice) {
        let mut out = String::with_capacity(piece.text.len() + 8);
        if self.language.is_english() {
            for word in piece.text.split_inclusive(' ') {
                let is_word = word.contains(|c: char| c.is_ascii_alphabetic());
                if is_word && self.is_wrong(dice) {
                    wrong_word(word, dice, &mut out);
                } else {
                    out.push_str(word);
                }
            }
        } else {
            for c in piece.text.chars() {
                if is_spoken(c) && self.is_wrong(dice) {
                    self.wrong_character(c, dice, &mut out);
                } else {
                    out.push(c);
                }
            }
        }
        piece.text = out;
    }

    fn wrong_character(&self, c: char, dice: &mut Dice, out: &mut String) {
        let alike = self.language.alike(c);
        match dice.unit() {
            throw if throw < 0.62 && !alike.is_empty() => {
                // The common ones stand first and are heard more often.
                let place = dice.unit() * dice.unit() * alike.len() as f64;
                let other = alike.get(place as usize).copied().unwrap_or(c);
                out.push(if other == c {
                    alike_but(alike, c)
                } else {
                    other
                });
            }
            throw if throw < 0.88 => {}
            _ => {
                out.push(c);
                out.push(c);
            }
        }
    }
}

/// The first that isn't `c`.
fn alike_but(alike: &[char], c: char) -> char {
    alike.iter().copied().find(|other| *other != c).unwrap_or(c)
}

/// Digits and Latin letters are spelled out and come through.
const fn is_spoken(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

/// A word that is lost, cut in its middle, or heard twice.
fn wrong_word(word: &str, dice: &mut Dice, out: &mut String) {
    match dice.unit() {
        throw if throw < 0.45 => {}
        throw if throw < 0.85 => {
            let letters = word.trim_end().chars().count();
            let kept = (letters as f64 * (0.4 + 0.4 * dice.unit())) as usize;
            out.extend(word.chars().take(kept.max(1)));
            out.push(' ');
        }
        _ => {
            out.push_str(word.trim_end());
            out.push(' ');
            out.push_str(word);
        }
    }
}

/// The first words twice.
fn restart(piece: &mut Piece, language: &Language, dice: &mut Dice) {
    let begin: String = if language.is_english() {
        let words: Vec<&str> = piece.text.split_whitespace().take(2).collect();
        format!("{} ", words.join(" "))
    } else {
        let length = dice.between(1, 3) as usize;
        let begin: String = piece.text.chars().take(length).collect();
        let filler = ["", "呃", "那个", "不是"];
        format!("{begin}{}", dice.pick(&filler))
    };
    piece.text.insert_str(0, &begin);
}

/// The end of what was said is missing: the line or the speaker was faster.
fn cut_off(piece: &mut Piece, language: &Language, dice: &mut Dice) -> u32 {
    let before = piece.text.chars().count();
    let lost = dice.between(2, 7) as usize * if language.is_english() { 3 } else { 1 };
    piece.text = piece
        .text
        .chars()
        .take(before.saturating_sub(lost).max(before.min(2)))
        .collect();
    u32::from(before > 2)
}

#[cfg(test)]
mod tests {
    use super::super::dice::Stream;
    use super::*;

    fn piece(text: &str, kind: Option<&'static str>) -> Piece {
        Piece {
            text: text.to_owned(),
            kind,
            fixed: kind.is_some(),
        }
    }

    fn language() -> Language {
        let mut language = Language {
            tag: "zh-CN",
            homophones: vec![("套餐".to_owned(), "套残".to_owned())],
            dialects: vec![vec![("什么".to_owned(), "啥".to_owned())]],
            ..Language::default()
        };
        language.sounds_alike(&["事是市".to_owned(), "得的德".to_owned()]);
        language
    }

    #[test]
    fn no_rate_no_change() {
        let mut pieces = vec![piece("我的套餐，是什么？", None)];
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
                piece("我的套餐，是什么？", None),
                piece("电话是", None),
                piece("13812345678", Some("phone")),
            ];
            dialect(&mut pieces, &language(), 0, &mut dice);
            changed += recognise(&mut pieces, &language(), 0.1, &mut dice);
            assert_eq!(pieces[1].text, "电话是");
            assert_eq!(pieces[2].text, "13812345678");
        }
        assert!(changed > 200, "{changed}");
    }

    #[test]
    fn the_rate_is_the_share_of_wrong_characters() {
        let said = "是的是的是的是的是的是的是的是的是的是的";
        for rate in [0.05, 0.15, 0.3] {
            let mut dice = Dice::new(2, Stream::Words, 5);
            let mut heard = Heard {
                language: &language(),
                rate,
                is_run: false,
                changes: 0,
            };
            for _ in 0..1_000 {
                heard.piece(&mut piece(said, None), &mut dice);
            }
            let share = f64::from(heard.changes) / 20_000.0;
            assert!((share - rate).abs() < 0.012, "{share} at {rate}");
        }
    }
}
