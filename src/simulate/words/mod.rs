//! What customers, agents and bots say, in Chinese and English.
//!
//! Plain word lists with `{slots}`; [`phrases`](super::phrases) fills them.
//! Everything here is made up. No other module may read these lists: quality
//! figures taken on simulated text are worth something only because nothing
//! that is judged has seen its words.

mod chinese;
mod english;
mod names;

use super::staff::Queue;

pub(super) use chinese::CHINESE;
pub(super) use english::ENGLISH;
pub(super) use names::*;

/// One thing that customers come for.
pub(super) struct Intent {
    /// Short code, in cases and dispositions.
    pub code: &'static str,
    /// Whether a telecom or a shop matter, and who answers calls about it.
    pub queue: Queue,
    /// The article that answers it.
    pub article: &'static str,
    /// What an agent types into the knowledge search.
    pub query: &'static str,
    /// What customers say first.
    pub asks: &'static [&'static str],
    /// What agents answer.
    pub answers: &'static [&'static str],
}

/// The lists of one language.
pub(super) struct Language {
    /// BCP 47 tag.
    pub tag: &'static str,
    pub intents: &'static [Intent],
    pub openers: &'static [&'static str],
    pub links: &'static [&'static str],
    pub tails: &'static [&'static str],
    pub endings: &'static [&'static str],
    pub upset: &'static [&'static str],
    pub follow_ups: &'static [&'static str],
    pub personal: &'static [&'static str],
    pub nods: &'static [&'static str],
    pub goodbyes: &'static [&'static str],
    pub greetings: &'static [&'static str],
    pub addresses: &'static [&'static str],
    pub checks: &'static [&'static str],
    pub promises: &'static [&'static str],
    pub closings: &'static [&'static str],
    pub bot_greetings: &'static [&'static str],
    pub bot_answers: &'static [&'static str],
    pub bot_hand_overs: &'static [&'static str],
    pub comments: &'static [&'static str],
    pub comments_upset: &'static [&'static str],
}
