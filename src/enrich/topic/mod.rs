//! Topics of texts: what a text is made of, the space in which texts are compared, and the assigner.
//!
//! Invariants: pure; the same model and text give the same topic. Not here: how a model is learnt
//! (`insight`), where it is kept (`jobs`).

mod artefact;
mod assign;
mod current;
mod space;
mod terms;

pub use assign::{Assigned, Buffer, Known, SOFTNESS, TopicModel};
pub use current::{CurrentTopics, Judgement, TopicSlot, root};
pub use space::{GRAM_WEIGHT, Matrix, Row, Space, Vocabulary, WordVectors, add, dot, normalise};
pub use terms::{MAX_CHARS, Terms, has_word, is_stop_word, label_terms};
