//! Rounds over small lakes.
