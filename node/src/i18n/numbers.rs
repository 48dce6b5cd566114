//! Numbers as a person reads them: three figures that mean something, and a unit.

use crate::i18n::{en::English, fr::French};

/// How a language writes numbers. Values come as whole small units and are rounded
/// half up for the eye only.
pub(crate) trait Numbers {
    /// Between the whole part and the decimals.
    fn decimal_mark(&self) -> char;
    /// Between groups of three figures.
    fn group_mark(&self) -> char;

    /// A count: `11 807`.
    fn count(&self, value: u64) -> String {
        let figures = value.to_string();
        let mut out = String::new();
        for (index, figure) in figures.chars().enumerate() {
            if index > 0 && (figures.len() - index).is_multiple_of(3) {
                out.push(self.group_mark());
            }
            out.push(figure);
        }
        out
    }

    /// `value / unit` with `places` decimals, at most 6.
    fn decimal(&self, value: u64, unit: u64, places: u32) -> String {
        let scale = 10_u128.pow(places.min(6));
        let unit = u128::from(unit.max(1));
        let scaled = (u128::from(value) * scale + unit / 2) / unit;
        let whole = u64::try_from(scaled / scale).unwrap_or(u64::MAX);
        if places == 0 {
            return self.count(whole);
        }
        let width = places.min(6) as usize;
        format!(
            "{}{}{:0width$}",
            self.count(whole),
            self.decimal_mark(),
            scaled % scale
        )
    }

    /// A distance: `850 m`, `12,4 km`, `1 204 km`.
    fn distance_mm(&self, millimetres: u64) -> String {
        match millimetres {
            0..1_000_000 => format!("{} m", self.decimal(millimetres, 1_000, 0)),
            1_000_000..100_000_000 => format!("{} km", self.decimal(millimetres, 1_000_000, 1)),
            _ => format!("{} km", self.decimal(millimetres, 1_000_000, 0)),
        }
    }

    /// A mass of greenhouse gas: `12 g CO2e`, `0,79 kg CO2e`, `204 kg CO2e`.
    fn mass_mg(&self, milligrams: u64) -> String {
        match milligrams {
            0 => "0 kg CO2e".to_owned(),
            1..100_000 => format!("{} g CO2e", self.decimal(milligrams, 1_000, 0)),
            100_000..10_000_000 => format!("{} kg CO2e", self.decimal(milligrams, 1_000_000, 2)),
            10_000_000..100_000_000 => {
                format!("{} kg CO2e", self.decimal(milligrams, 1_000_000, 1))
            }
            _ => format!("{} kg CO2e", self.decimal(milligrams, 1_000_000, 0)),
        }
    }

    /// An energy: `5 576,5 kWh`.
    fn energy_j(&self, joules: u64) -> String {
        format!("{} kWh", self.decimal(joules, 3_600_000, 1))
    }

    /// A size: `312 octets` is for lists, so the unit is the international one.
    fn size(&self, bytes: u64) -> String {
        match bytes {
            0..10_000 => format!("{} B", self.count(bytes)),
            10_000..1_000_000 => format!("{} kB", self.decimal(bytes, 1_000, 0)),
            _ => format!("{} MB", self.decimal(bytes, 1_000_000, 1)),
        }
    }
}

impl Numbers for French {
    fn decimal_mark(&self) -> char {
        ','
    }
    fn group_mark(&self) -> char {
        '\u{202f}' // the narrow no-break space of French typography
    }
}

impl Numbers for English {
    fn decimal_mark(&self) -> char {
        '.'
    }
    fn group_mark(&self) -> char {
        ','
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_has_a_comma_and_narrow_spaces() {
        assert_eq!(French.mass_mg(793_839), "0,79 kg CO2e");
        assert_eq!(French.mass_mg(12_400), "12 g CO2e");
        assert_eq!(French.mass_mg(204_400_000), "204 kg CO2e");
        assert_eq!(French.distance_mm(12_449_000), "12,4 km");
        assert_eq!(French.distance_mm(849_500), "850 m");
        assert_eq!(French.distance_mm(1_204_000_000), "1\u{202f}204 km");
        assert_eq!(French.energy_j(5_576_487 * 3_600), "5\u{202f}576,5 kWh");
        assert_eq!(French.count(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn english_has_a_point_and_commas() {
        assert_eq!(English.mass_mg(793_839), "0.79 kg CO2e");
        assert_eq!(English.energy_j(5_576_487 * 3_600), "5,576.5 kWh");
        assert_eq!(English.count(999), "999");
    }

    #[test]
    fn rounding_carries_into_the_whole_part_and_nothing_overflows() {
        assert_eq!(English.decimal(9_996, 1_000, 2), "10.00");
        assert!(!French.mass_mg(u64::MAX).is_empty());
        assert!(!French.distance_mm(u64::MAX).is_empty());
    }
}
