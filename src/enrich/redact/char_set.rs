//! A set of characters of the basic plane with constant-time look-up: the dictionaries of one
//! character each are asked for every character of a text.

/// One bit for each character below U+10000; others are never in it.
pub(super) struct CharSet(Vec<u64>);

impl CharSet {
    pub fn new(chars: impl IntoIterator<Item = char>) -> Self {
        let mut bits = vec![0_u64; 1024];
        for c in chars {
            let code = u32::from(c);
            if let Some(word) = bits.get_mut((code >> 6) as usize) {
                *word |= 1 << (code & 63);
            }
        }
        Self(bits)
    }

    pub fn contains(&self, c: char) -> bool {
        let code = u32::from(c);
        self.0
            .get((code >> 6) as usize)
            .is_some_and(|word| word >> (code & 63) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::CharSet;

    #[test]
    fn holds_what_was_put_in() {
        let set = CharSet::new("张王\u{1f600}".chars());
        assert!(set.contains('张') && set.contains('王'));
        assert!(!set.contains('李') && !set.contains('\u{1f600}') && !set.contains('\0'));
    }
}
