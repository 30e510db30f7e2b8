//! Trades for which nobody may be called to sell, consent or not.

use crate::purpose::law::names::words;

/// A trade whose marketing calls French law forbids, the running contract of a customer excepted (Code de la consommation
/// art. L. 223-1 al. 5, law 2025-594, since 11 August 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForbiddenTrade {
    /// Works that save energy.
    EnergyRenovation,
    /// Making energy from what renews itself.
    RenewableEnergy,
    /// Making a home fit for age or handicap.
    HomeAdaptation,
}

/// Beginnings of words, in French, English and German. A word of the first list alone tells; of the second, one of each
/// half must be there.
const RENOVATION: &[&str] = &["isolation", "insulat", "dammung", "warmedamm"];
const RENOVATION_OF: (&[&str], &[&str]) =
    (&["renov", "sanier", "econom", "saving", "sparen", "retrofit"], &["energ", "thermi"]);
const RENEWABLE: &[&str] = &[
    "photovolt",
    "solar",
    "solaire",
    "eolien",
    "renouvelable",
    "renewable",
    "erneuerbar",
    "geotherm",
    "warmepump",
    "windkraft",
    "aerotherm",
];
const RENEWABLE_OF: (&[&str], &[&str]) = (&["pompe", "heat"], &["chaleur", "pump"]);
const ADAPTATION: &[&str] =
    &["stairlift", "treppenlift", "barrierefrei", "handicap", "accessib", "autonomie"];
const ADAPTATION_OF: (&[&str], &[&str]) = (
    &["adapt", "amenagement", "umbau", "anpass"],
    &[
        "logement", "habitat", "domicile", "maison", "home", "hous", "wohn", "vieilli", "age", "alter",
        "senior",
    ],
);

const STAIRS_OF: (&[&str], &[&str]) = (&["monte"], &["escalier"]);

impl ForbiddenTrade {
    /// The trade that the operator's words name; none: no calls are known to be forbidden for it.
    pub fn named(text: &str) -> Option<Self> {
        let words = words(text);
        let one_of =
            |stems: &[&str]| words.iter().any(|word| stems.iter().any(|stem| word.starts_with(stem)));
        let both = |(one, other): (&[&str], &[&str])| one_of(one) && one_of(other);
        if one_of(RENEWABLE) || both(RENEWABLE_OF) {
            Some(Self::RenewableEnergy)
        } else if one_of(RENOVATION) || both(RENOVATION_OF) {
            Some(Self::EnergyRenovation)
        } else if one_of(ADAPTATION) || both(ADAPTATION_OF) || both(STAIRS_OF) {
            Some(Self::HomeAdaptation)
        } else {
            None
        }
    }

    /// What calls would be about.
    pub fn about(self) -> &'static str {
        match self {
            Self::EnergyRenovation => "energy renovation",
            Self::RenewableEnergy => "renewable energy",
            Self::HomeAdaptation => "adapting a home to age or handicap",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_is_known_by_its_words_in_three_languages() {
        use ForbiddenTrade::{EnergyRenovation, HomeAdaptation, RenewableEnergy};
        for (text, trade) in [
            ("Rénovation énergétique", EnergyRenovation),
            ("energy_renovation", EnergyRenovation),
            ("économies d'énergie", EnergyRenovation),
            ("Isolation des combles", EnergyRenovation),
            ("loft insulation", EnergyRenovation),
            ("Wärmedämmung", EnergyRenovation),
            ("energetische Sanierung", EnergyRenovation),
            ("panneaux photovoltaïques", RenewableEnergy),
            ("renewable_energy", RenewableEnergy),
            ("énergies renouvelables", RenewableEnergy),
            ("Solar", RenewableEnergy),
            ("pompes à chaleur", RenewableEnergy),
            ("heat pumps", RenewableEnergy),
            ("Wärmepumpen", RenewableEnergy),
            ("home_adaptation", HomeAdaptation),
            ("Adaptation du logement au vieillissement", HomeAdaptation),
            ("aménagement de l'habitat pour seniors", HomeAdaptation),
            ("monte-escaliers", HomeAdaptation),
            ("stairlifts", HomeAdaptation),
            ("accessibilité, handicap", HomeAdaptation),
            ("barrierefreies Bad", HomeAdaptation),
        ] {
            assert_eq!(ForbiddenTrade::named(text), Some(trade), "{text}");
            assert!(!trade.about().is_empty());
        }
        for other in [
            "",
            "curtains and blinds",
            "rénovation de cuisines",
            "menuiserie",
            "insurance",
            "home delivery",
            "boissons énergisantes",
            "Energieberatung",
            "montres",
        ] {
            assert_eq!(ForbiddenTrade::named(other), None, "{other}");
        }
    }
}
