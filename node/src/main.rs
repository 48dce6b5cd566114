//! `maille`, the command line. See `cli`.

mod cli;
mod demo;
mod export;
mod i18n;

fn main() -> std::process::ExitCode {
    cli::main()
}
