//! The twelve words on the screen, and whether they have reached the paper.
//!
//! Three of them, at places drawn anew each time, are asked back. The screen is cleared before that: who reads them
//! there has not written them down. A wrong one shows them all again; only right ones, or no answer at all, end it.

use std::io::{self, IsTerminal as _, Write as _};

use maille_node::clock;
use rand_core::Rng;

use crate::cli::ask;
use crate::cli::device::folded;
use crate::cli::failure::Failure;
use crate::cli::screen::Screen;

/// Words on one line of the screen.
const WORDS_PER_LINE: usize = 4;
/// How many are asked back.
const ASKED: usize = 3;

/// Who shows the words and asks for them.
pub(crate) trait Dialog {
    /// Shows all of them, and returns when they are written down; `wrong` is the number of one that was not.
    fn show(&mut self, words: &str, wrong: Option<usize>) -> Result<(), Failure>;
    /// Asks for the word of this number, from 1.
    fn ask(&mut self, number: usize) -> Result<String, Failure>;
    /// All were right.
    fn known(&mut self);
}

/// Shows the words until three of them come back.
pub(crate) fn until_known(words: &str, dialog: &mut impl Dialog) -> Result<(), Failure> {
    let list: Vec<&str> = words.split(' ').collect();
    let mut wrong = None;
    loop {
        dialog.show(words, wrong)?;
        wrong = first_wrong(&list, &drawn(list.len(), &mut clock::os_rng()), dialog)?;
        if wrong.is_none() {
            dialog.known();
            return Ok(());
        }
    }
}

/// The number of the first of these that does not come back.
fn first_wrong(
    words: &[&str],
    numbers: &[usize],
    dialog: &mut impl Dialog,
) -> Result<Option<usize>, Failure> {
    for number in numbers {
        // Nobody should fail at a capital or an accent.
        if folded(&dialog.ask(*number)?) != folded(words[number - 1]) {
            return Ok(Some(*number));
        }
    }
    Ok(None)
}

/// Different numbers from 1 to `of`, in their order.
fn drawn(of: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut all: Vec<usize> = (1..=of).collect();
    for place in 0..ASKED {
        let left = u64::try_from(of - place).expect("twelve is small");
        let other = usize::try_from(rng.next_u64() % left).expect("less than twelve");
        all.swap(place, place + other);
    }
    all.truncate(ASKED);
    all.sort_unstable();
    all
}

/// Shows the words, numbered.
pub(crate) fn show(screen: &Screen, words: &str) {
    screen.note(screen.text.words_head());
    screen.note("");
    let words: Vec<&str> = words.split(' ').collect();
    for (line, words) in words.chunks(WORDS_PER_LINE).enumerate() {
        let numbered = words.iter().enumerate().map(|(column, word)| {
            let number = line * WORDS_PER_LINE + column + 1;
            format!("{number:>2}. {word:<14}")
        });
        screen.line(format!("  {}", numbered.collect::<String>()).trim_end());
    }
    screen.note("");
    screen.note(screen.text.words_foot());
}

/// The person at this terminal.
pub(crate) struct Terminal<'a> {
    /// Where it is asked.
    pub(crate) screen: &'a Screen,
}

impl Dialog for Terminal<'_> {
    fn show(&mut self, words: &str, wrong: Option<usize>) -> Result<(), Failure> {
        if let Some(number) = wrong {
            self.screen.note(self.screen.text.words_wrong(number));
            self.screen.note("");
        }
        show(self.screen, words);
        if let Some(failure) = self.screen.lost() {
            return Err(failure);
        }
        ask::line(self.screen.text.words_written())?;
        if io::stdout().is_terminal() {
            // All of it, what was scrolled away included, and from the top.
            let mut out = io::stdout().lock();
            let _ = write!(out, "\u{1b}[2J\u{1b}[3J\u{1b}[H").and_then(|()| out.flush());
        }
        Ok(())
    }

    fn ask(&mut self, number: usize) -> Result<String, Failure> {
        ask::line(&self.screen.text.words_ask_back(number))
    }

    fn known(&mut self) {
        self.screen.note(self.screen.text.words_known());
        self.screen.note("");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const WORDS: &str = "abaisser abandon abdiquer abeille abolir aborder aboutir aboyer éclipser abrasif abreuver abriter";

    /// Somebody who answers from a list, and then goes away.
    struct Typist<'a> {
        answers: Vec<&'a dyn Fn(usize) -> String>,
        asked: Vec<usize>,
        shown: Vec<Option<usize>>,
        told: bool,
    }

    impl<'a> Typist<'a> {
        fn of(answers: &[&'a dyn Fn(usize) -> String]) -> Self {
            Self {
                answers: answers.iter().rev().copied().collect(),
                asked: Vec::new(),
                shown: Vec::new(),
                told: false,
            }
        }
    }

    impl Dialog for Typist<'_> {
        fn show(&mut self, words: &str, wrong: Option<usize>) -> Result<(), Failure> {
            assert_eq!(words, WORDS);
            self.shown.push(wrong);
            Ok(())
        }

        fn ask(&mut self, number: usize) -> Result<String, Failure> {
            self.asked.push(number);
            let answer = self.answers.pop().ok_or(Failure::NotDone)?;
            Ok(answer(number))
        }

        fn known(&mut self) {
            self.told = true;
        }
    }

    fn right(number: usize) -> String {
        WORDS.split(' ').nth(number - 1).unwrap().to_owned()
    }

    fn shouted(number: usize) -> String {
        format!(" {} ", right(number).to_uppercase().replace('É', "E"))
    }

    fn wrong(number: usize) -> String {
        right(number % 12 + 1)
    }

    #[test]
    fn three_right_words_end_it() {
        let mut typist = Typist::of(&[&right, &shouted, &shouted]);
        until_known(WORDS, &mut typist).unwrap();
        assert_eq!(typist.shown, [None]);
        assert_eq!(typist.asked.len(), 3);
        assert!(typist.told);
    }

    #[test]
    fn a_wrong_word_is_named_and_shows_all_of_them_again() {
        let mut typist = Typist::of(&[&right, &wrong, &right, &right, &right]);
        until_known(WORDS, &mut typist).unwrap();
        assert_eq!(typist.shown, [None, Some(typist.asked[1])]);
        assert_eq!(typist.asked.len(), 5, "two, and then three anew");
    }

    #[test]
    fn who_goes_away_has_not_written_them_down() {
        let rounds: [&[&dyn Fn(usize) -> String]; 3] =
            [&[], &[&right, &right], &[&right, &right, &wrong]];
        for answers in rounds {
            let mut typist = Typist::of(answers);
            assert!(until_known(WORDS, &mut typist).is_err());
            assert!(!typist.told);
        }
    }

    #[test]
    fn every_word_may_be_asked_and_none_twice() {
        let mut rng = clock::os_rng();
        let mut seen = BTreeSet::new();
        for _ in 0..1_000 {
            let numbers = drawn(12, &mut rng);
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), ASKED);
            seen.extend(numbers);
        }
        assert_eq!(seen, (1..=12).collect());
    }
}
