//! What a lens says of itself.

use std::str::FromStr;

use crate::document::Domain;
use crate::factors::FactorSetId;

/// Raised whenever the code of this module could give other rows for the same spec.
const ENGINE_VERSION: u64 = 1;

/// What a lens shows, as data.
#[derive(Debug, PartialEq, Eq)]
pub struct LensSpec {
    /// Its name.
    pub name: &'static str,
    /// Raised whenever this spec changes.
    pub version: u64,
    /// The documents it looks at; it sees no others.
    pub documents: Domain,
    /// One row per combination of these, in this order.
    pub grouping: &'static [Grouping],
    /// What a row holds.
    pub fields: &'static [Field],
    /// Distances are rounded to this.
    pub distance_step_mm: u64,
    /// Emissions are rounded to this: exact ones would tell the exact distance.
    pub co2e_step_mg: u64,
    /// Emissions are counted with this.
    pub factors: FactorSetId,
    /// Weeks and months are cut in this zone.
    pub zone: &'static str,
}

/// What makes rows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// The ISO week in which a trip starts.
    IsoWeek,
    /// The mode of a section.
    Mode,
}

/// What a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// How many trips.
    Trips,
    /// How far.
    Distance,
    /// Emissions.
    Co2e,
}

/// A language of explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// French.
    Fr,
    /// English.
    En,
}

/// No language has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a language: fr or en")]
pub struct UnknownLang;

impl FromStr for Lang {
    type Err = UnknownLang;
    fn from_str(name: &str) -> Result<Self, UnknownLang> {
        match name {
            "fr" => Ok(Self::Fr),
            "en" => Ok(Self::En),
            _ => Err(UnknownLang),
        }
    }
}

/// A lens. There are as many as [`Lens::all`] gives.
#[derive(Debug, PartialEq, Eq)]
pub struct Lens {
    spec: LensSpec,
}

static LENSES: [Lens; 1] = [Lens {
    spec: LensSpec {
        name: "mobility.weekly",
        version: 1,
        documents: Domain::Mobility,
        grouping: &[Grouping::IsoWeek, Grouping::Mode],
        fields: &[Field::Trips, Field::Distance, Field::Co2e],
        distance_step_mm: 100_000,
        co2e_step_mg: 10_000,
        factors: FactorSetId::BaseCarboneV22,
        zone: crate::time::ZONE,
    },
}];

impl Lens {
    /// Every lens.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &LENSES
    }

    /// The lens with this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        LENSES.iter().find(|lens| lens.name() == name)
    }

    /// The lens with this id.
    #[must_use]
    pub fn find_id(id: &[u8; 32]) -> Option<&'static Self> {
        LENSES.iter().find(|lens| lens.id() == *id)
    }

    /// Its name, as in `mobility.weekly`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// What it shows, as data.
    #[must_use]
    pub fn spec(&self) -> &LensSpec {
        &self.spec
    }

    /// A hash of the spec, of the version of the code that evaluates it and of the
    /// factor set: a device without the lens of this id must not publish for it.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        let spec = &self.spec;
        let mut hasher = blake3::Hasher::new_derive_key("maille lens id v1");
        let mut fact = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for number in [
            ENGINE_VERSION,
            spec.version,
            spec.distance_step_mm,
            spec.co2e_step_mg,
        ] {
            fact(&number.to_le_bytes());
        }
        for text in [
            spec.name,
            spec.documents.as_str(),
            spec.factors.as_str(),
            spec.zone,
        ] {
            fact(text.as_bytes());
        }
        // Debug names, not numbers: reordering the enums changes nothing.
        for word in spec
            .grouping
            .iter()
            .map(|it| format!("{it:?}"))
            .chain(spec.fields.iter().map(|it| format!("{it:?}")))
        {
            fact(word.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// What someone who is given this lens sees, in one sentence to its giver.
    #[must_use]
    pub fn explain(&self, lang: Lang) -> String {
        let spec = &self.spec;
        let shown = spec
            .fields
            .iter()
            .map(|field| field.words(spec, lang))
            .collect::<Vec<_>>();
        let per = spec
            .grouping
            .iter()
            .map(|it| it.words(lang))
            .collect::<Vec<_>>();
        match (spec.documents, lang) {
            (Domain::Mobility, Lang::Fr) => format!(
                "Par {}, la personne voit {} de vos trajets ; ni lieu, ni heure, ni motif.",
                list(&per, "et"),
                list(&shown, "et")
            ),
            (Domain::Mobility, Lang::En) => format!(
                "By {}, they see {} of your trips; no place, no time of day, no purpose.",
                list(&per, "and"),
                list(&shown, "and")
            ),
            (Domain::Energy, Lang::Fr) => {
                format!(
                    "Par {}, la personne voit {} de votre logement.",
                    list(&per, "et"),
                    list(&shown, "et")
                )
            }
            (Domain::Energy, Lang::En) => {
                format!(
                    "By {}, they see {} of your home.",
                    list(&per, "and"),
                    list(&shown, "and")
                )
            }
        }
    }
}

impl Grouping {
    fn words(self, lang: Lang) -> String {
        match (self, lang) {
            (Self::IsoWeek, Lang::Fr) => "semaine",
            (Self::IsoWeek, Lang::En) => "week",
            (Self::Mode, Lang::Fr) => "mode de transport",
            (Self::Mode, Lang::En) => "mode of transport",
        }
        .to_owned()
    }
}

impl Field {
    fn words(self, spec: &LensSpec, lang: Lang) -> String {
        let metres = spec.distance_step_mm / 1_000;
        let grams = spec.co2e_step_mg / 1_000;
        let source = spec.factors.set().version;
        match (self, lang) {
            (Self::Trips, Lang::Fr) => "le nombre".to_owned(),
            (Self::Trips, Lang::En) => "the number".to_owned(),
            (Self::Distance, Lang::Fr) => format!("la distance (arrondie à {metres} m)"),
            (Self::Distance, Lang::En) => format!("the distance (rounded to {metres} m)"),
            (Self::Co2e, Lang::Fr) => {
                format!("les émissions de CO2e (arrondies à {grams} g, {source})")
            }
            (Self::Co2e, Lang::En) => {
                format!("the CO2e emissions (rounded to {grams} g, {source})")
            }
        }
    }
}

fn list(words: &[String], and: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}
