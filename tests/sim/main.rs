//! The simulator from outside: the same seed is the same run, many seeds keep every invariant, and
//! planted bugs are found.

mod check;
mod determinism;
mod plants;
mod usage;
