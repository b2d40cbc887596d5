//! The product as a whole.
mod pii_planter;
mod tidy;
