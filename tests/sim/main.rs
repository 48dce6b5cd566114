//! The simulator from outside: the same seed is the same run, and many seeds keep every invariant.

mod check;
mod determinism;
mod usage;
