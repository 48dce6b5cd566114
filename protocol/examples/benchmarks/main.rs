//! What the protocol costs, beside the bare cryptography that it cannot do without.
//!
//! `cargo run --release -p maille-protocol --features sim --example benchmarks` prints a table per topic; each ratio
//! is to a baseline measured in the same run. Times are CPU time of this thread where the system
//! tells it (Linux), else time that passed; medians of several runs. Counts and bytes are the same on
//! every machine.

#![expect(
    clippy::print_stdout,
    reason = "the tables are the result; nothing here is part of the protocol"
)]

mod chain;
mod checks;
mod entries;
mod measure;
mod rotation;

/// One line of a table.
struct Row {
    what: String,
    measured: String,
    /// What it must not be above, if anything was promised.
    bar: Option<String>,
}

impl Row {
    fn new(what: &str, measured: impl ToString) -> Self {
        Self {
            what: what.to_owned(),
            measured: measured.to_string(),
            bar: None,
        }
    }

    fn at_most(mut self, bar: impl ToString) -> Self {
        self.bar = Some(bar.to_string());
        self
    }
}

fn print(title: &str, rows: &[Row]) {
    println!("## {title}\n");
    println!("| what | measured | at most |\n|---|---|---|");
    for row in rows {
        let bar = row.bar.as_deref().unwrap_or("");
        println!("| {} | {} | {bar} |", row.what, row.measured);
    }
    println!();
}

fn main() {
    println!("# Benchmarks of the protocol\n");
    print("An entry with 2 KiB of content", &entries::sealing());
    print(
        "One of 1,000 members is removed from a circle",
        &rotation::rows(),
    );
    print("A grant handed on four times", &chain::rows());
    // Last: it counts, and what counts takes a little longer.
    print("20,000 entries of 1,000 logs", &entries::taking());
}
