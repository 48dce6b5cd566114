//! A link or a code as a picture, to be taken from this screen by another device's camera.
//!
//! It is drawn on stderr, below what is said there, and only where somebody may look: both outputs are terminals,
//! wide enough for it. Capitals make it smaller by a third (the picture has a short form for them), and are read
//! as well.

use std::io::{self, IsTerminal};

use qrcode::bits::Bits;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode, Version};

use crate::cli::screen::Screen;

/// Draws `text`, unless `no_qr` or nobody could see it.
pub(crate) fn show(screen: &Screen, text: &str, no_qr: bool) {
    let seen = io::stdout().is_terminal() && io::stderr().is_terminal();
    if no_qr || screen.json || !seen {
        return;
    }
    let size = rustix::termios::tcgetwinsize(io::stderr()).map(|it| usize::from(it.ws_col));
    match lines_of(text) {
        Some(lines) if fits(&lines, size.unwrap_or(0)) => screen.picture(&lines),
        _ => screen.note(screen.text.qr_too_wide()),
    }
}

fn fits(lines: &[String], columns: usize) -> bool {
    lines.iter().all(|line| line.chars().count() <= columns)
}

/// Two rows of the picture in each line; nothing if the text is too long for any.
fn lines_of(text: &str) -> Option<Vec<String>> {
    let image = picture(&text.to_uppercase())?
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Dark)
        .light_color(Dense1x2::Light)
        .build();
    Some(image.lines().map(str::to_owned).collect())
}

/// The smallest picture. The short form for capitals has no `#`: what stands before is written as bytes.
fn picture(text: &str) -> Option<QrCode> {
    let (start, rest) = text.split_at(text.find('#').map_or(0, |at| at + 1));
    // A screen is clean and near: the lowest correction is enough, and keeps the squares large.
    let level = EcLevel::L;
    (1..=40).find_map(|version| {
        let mut bits = Bits::new(Version::Normal(version));
        bits.push_byte_data(start.as_bytes()).ok()?;
        bits.push_alphanumeric_data(rest.as_bytes()).ok()?;
        bits.push_terminator(level).ok()?;
        QrCode::with_bits(bits, level).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as an invite with two addresses.
    fn link() -> String {
        format!("maille:join#invite1{}", "q7".repeat(270))
    }

    #[test]
    fn a_link_fits_into_a_terminal_of_eighty_columns() {
        let lines = lines_of(&link()).unwrap();
        assert!(fits(&lines, 80), "{}", lines[0].chars().count());
        assert!(!fits(&lines, 40));
        assert!(lines.len() <= 40, "{}", lines.len());
    }

    #[test]
    fn what_no_picture_holds_is_not_drawn() {
        assert!(lines_of(&"x".repeat(10_000)).is_none());
    }
}
