//! When a factor was valid, as its source writes it, in a reader's language.
//!
//! Sources write `avr-21`, `31-mars-21`, `20/12/2023`, or a year and words of their own. `--json`
//! keeps the source's words; so does the screen for what is none of these.

use crate::i18n::Text;

/// The starts of months as ADEME abbreviates them.
const MONTHS: [&str; 12] = [
    "janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc",
];

/// Spells a validity out.
pub(super) fn spell(words: &str, text: &dyn Text) -> String {
    read(words, text).unwrap_or_else(|| words.to_owned())
}

fn read(words: &str, text: &dyn Text) -> Option<String> {
    if let Some((year, "mix moyen, consommation")) = words.split_once(" - ") {
        return Some(text.average_mix(year));
    }
    let parts: Vec<&str> = words.split(['-', '/']).collect();
    match parts[..] {
        [month, year] => Some(text.month(century(year)?, named(month)?)),
        [day, month, year] if day.len() <= 2 => {
            let number = || month.parse().ok().filter(|it| (1..=12).contains(it));
            let month = named(month).or_else(number)?;
            Some(text.day(century(year)?, month, day.parse().ok()?))
        }
        [year, month, day] => Some(text.day(
            year.parse().ok()?,
            month.parse().ok().filter(|it| (1..=12).contains(it))?,
            day.parse().ok()?,
        )),
        _ => None,
    }
}

fn named(month: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|it| *it == month)?;
    i8::try_from(at + 1).ok()
}

/// `21` is 2021.
fn century(year: &str) -> Option<i16> {
    let number: i16 = year.parse().ok()?;
    Some(if year.len() == 2 {
        2000 + number
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use maille_schemas::domain::mobility::Mode;
    use maille_schemas::factors::FactorSetId;
    use maille_schemas::units::Millimetres;

    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn dates_of_sources_are_spelt_in_the_reader_s_language() {
        for (words, french, english) in [
            ("avr-21", "avril 2021", "April 2021"),
            ("31-mars-21", "31 mars 2021", "31 March 2021"),
            ("20/12/2023", "20 décembre 2023", "20 December 2023"),
            ("2024-12-05", "5 décembre 2024", "5 December 2024"),
            ("été 21", "été 21", "été 21"),
            ("1-13-2020", "1-13-2020", "1-13-2020"),
        ] {
            assert_eq!(spell(words, Lang::Fr.text()), french);
            assert_eq!(spell(words, Lang::En.text()), english);
        }
    }

    #[test]
    fn no_factor_says_french_words_to_an_english_reader() {
        for set in FactorSetId::ALL {
            let set = set.set();
            let far = Millimetres::from_metres(9e6).unwrap();
            let factors = Mode::ALL.iter().filter_map(|mode| set.factor(*mode, far));
            let factors = factors.map(|factor| factor.validity);
            for words in factors.chain([set.electricity.validity]) {
                let english = spell(words, Lang::En.text());
                assert!(
                    words == "-" || english != words,
                    "{words} is not translated"
                );
                assert!(!english.contains("mix moyen"), "{english}");
            }
        }
    }
}
