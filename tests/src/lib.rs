//! The harness of the tests across crates: real binaries, people with a home each, and patience
//! with a deadline.
//!
//! A test area is a folder with a `main.rs`; `tests/run` builds the binaries and runs all of
//! them. Running one area alone (`cargo nextest run --cargo-profile ci -p maille-tests`) uses the
//! binaries of the last `cargo build --profile ci --workspace`.

pub mod fuzz;
pub mod gpx;
pub mod person;
pub mod proxy;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long anything may take between two processes on this machine before a test gives up: long,
/// since a loaded machine of two cores must not fail a test, and a test that passes never waits it out.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long to leave a process alone before it is asked again.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The folder of the repository.
///
/// # Panics
/// Never: this crate lies in a folder of it.
#[must_use]
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests lies in the repository")
        .to_owned()
}

/// A binary of this workspace, built with the profile of the running test.
///
/// # Panics
/// If it was not built.
#[must_use]
#[track_caller]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows where it lies");
    // target/PROFILE/deps/AREA-HASH: the binaries lie one folder up.
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("a test lies in target/PROFILE/deps");
    let path = profile.join(name);
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build --profile ci --workspace`, or tests/run",
        path.display()
    );
    path
}

/// `program` with an environment of its own: nothing of the person who runs the tests gets in.
#[must_use]
pub fn isolated(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(std::process::Stdio::null());
    // Backtraces of a panic help whoever reads a red test; temporary files stay where the tests' are.
    for kept in ["RUST_BACKTRACE", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Looks until `look` finds something.
///
/// # Panics
/// After [`DEADLINE`], naming `what` was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begun.elapsed() < DEADLINE,
            "{what}: not within {} s",
            DEADLINE.as_secs()
        );
        std::thread::sleep(ASK_EVERY);
    }
}
