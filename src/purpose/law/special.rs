//! Fields that name what the law protects most: special categories (GDPR art. 9), criminal convictions (art. 10),
//! national identifiers (art. 87). They are told by the words of their names, in French, English and German.
//!
//! A net for slips, not a proof: a field called `q7` may ask anything. What may only hint (gender, age, marital status) is
//! not special; like any other field it must say why it is needed.

use std::fmt;

use crate::purpose::law::names::words;

/// What the law protects most. `Display` names it with its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Of body or mind, disabilities and habits included.
    Health,
    /// Religion or philosophy.
    Belief,
    /// Membership.
    TradeUnion,
    /// Opinions, membership of a party.
    Politics,
    /// Sex life or orientation.
    SexLife,
    /// Racial or ethnic.
    Origin,
    /// Biometric or genetic data.
    Biometry,
    /// Convictions and offences.
    Crime,
    /// A number that a state gave.
    NationalId,
}

impl Category {
    /// What a field seems to hold that goes by these names (its own, and the keys of the questions that feed it) and
    /// takes the answers to questions of these types.
    pub fn of<'n>(
        mut names: impl Iterator<Item = &'n str>,
        types: impl IntoIterator<Item = &'n str>,
    ) -> Option<Self> {
        names.find_map(of_name).or_else(|| types.into_iter().find_map(of_type))
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Health => "health data (GDPR art. 9)",
            Self::Belief => "religion or belief (GDPR art. 9)",
            Self::TradeUnion => "trade-union membership (GDPR art. 9)",
            Self::Politics => "political opinions (GDPR art. 9)",
            Self::SexLife => "sex life or orientation (GDPR art. 9)",
            Self::Origin => "racial or ethnic origin (GDPR art. 9)",
            Self::Biometry => "biometric or genetic data (GDPR art. 9)",
            Self::Crime => "criminal convictions or offences (GDPR art. 10)",
            Self::NationalId => "a national identifier (GDPR art. 87)",
        })
    }
}

/// The words of one category, folded: lower case, no accents, `ß` as `ss`.
struct CategoryWords {
    category: Category,
    /// Any word that begins so.
    stems: &'static str,
    /// Anywhere in a word: German puts words together.
    parts: &'static str,
    /// The whole word.
    words: &'static str,
    /// Words in a row; several are parted by commas.
    phrases: &'static str,
}

/// The first entry that knows a name tells its category.
const TABLE: &[CategoryWords] = &[
    CategoryWords {
        category: Category::Health,
        stems: "health medic medik disease illness maladie diabet cancer tumeur tumor handicap disab invalidit \
            pregnan depressi symptom vaccin addict psych chirurg allerg",
        parts: "gesundheit krankheit kranken medizin behinder schwanger therap impfung geimpft",
        words: "sante krebs hiv vih sida aids covid blood blut blutgruppe bmi imc mental diagnosis diagnose surgery \
            hospital hopital prescription rezept grossesse enceinte smoker fumeur fumeuse raucher impfstatus",
        phrases: "groupe sanguin, medecin traitant, hearing loss, arret de travail",
    },
    CategoryWords {
        category: Category::Belief,
        stems: "belief croyan catholi katholi protestan musulman muslim moslem hindu bouddh buddh",
        parts: "religi konfession glaubens weltanschau kirchen philosoph",
        words: "confession church eglise kirche faith jewish juif juive judisch juedisch evangelisch halal kosher \
            casher koscher parish paroisse",
        phrases: "",
    },
    CategoryWords {
        category: Category::TradeUnion,
        stems: "syndical syndique",
        parts: "gewerkschaft",
        words: "syndicat syndicats",
        phrases: "trade union, labor union, labour union, union member, union membership",
    },
    CategoryWords {
        category: Category::Politics,
        stems: "politi",
        parts: "parteimit parteizug parteibuch",
        words: "electeur wahlverhalten",
        phrases: "party membership, voting intention, vote intention, intention de vote",
    },
    CategoryWords {
        category: Category::SexLife,
        stems: "lgbt lesbi transgen transsex",
        parts: "sexual sexuel sexuell sexleben",
        words: "gay queer",
        phrases: "sex life, vie sexuelle",
    },
    CategoryWords {
        category: Category::Origin,
        stems: "ethni racial rassisch",
        parts: "migrationshinter hautfarbe",
        words: "",
        phrases: "skin color, skin colour, couleur de peau, race",
    },
    CategoryWords {
        category: Category::Biometry,
        stems: "biometr genet genom",
        parts: "fingerabdruck fingerprint",
        words: "dna adn",
        phrases: "empreinte digitale, empreintes digitales, facial recognition, face id",
    },
    CategoryWords {
        category: Category::Crime,
        stems: "crimin condamnation conviction vorstraf kriminal",
        parts: "strafregister fuhrungszeugnis fuehrungszeugnis",
        words: "felony judiciaire",
        phrases: "police record",
    },
    CategoryWords {
        category: Category::NationalId,
        stems: "passport passeport",
        parts: "reisepass passnummer ausweis sozialversicherung steueridentifikation fuhrerscheinnummer",
        words: "ssn nir cpf dni rut rfc curp bsn aadhaar steuerid",
        phrases: "social security, securite sociale, national insurance, national id, id card, identity card, \
            id number, carte identite, carte d identite, piece d identite, tax id, numero fiscal, \
            steuer id, license number, licence number, numero de permis",
    },
];

/// What a field with this name, or a form's question with this key, seems to hold.
fn of_name(name: &str) -> Option<Category> {
    let words = words(name);
    let line = format!(" {} ", words.join(" "));
    let hits = |entry: &&CategoryWords| {
        words.iter().any(|word| {
            entry.stems.split_whitespace().any(|stem| word.starts_with(stem))
                || entry.parts.split_whitespace().any(|part| word.contains(part))
                || entry.words.split_whitespace().any(|whole| word == whole)
        }) || entry.phrases.split(", ").any(|phrase| match phrase {
            // A lone "race"; `race_du_chien` and `race_date` are about dogs and about running.
            "race" => line == " race ",
            "" => false,
            phrase => line.contains(&format!(" {phrase} ")),
        })
    };
    TABLE.iter().find(hits).map(|entry| entry.category)
}

/// What a question of this type asks: Meta's `ID_…` types are national identifiers.
pub(super) fn of_type(question_type: &str) -> Option<Category> {
    question_type.starts_with("ID_").then_some(Category::NationalId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_names_are_recognised_in_three_languages() {
        for (expected, names) in [
            (
                Category::Health,
                "health_status, have_you_diabetes, état_de_santé, groupe_sanguin, krankenversicherung, \
                vorerkrankungen_gesundheitszustand",
            ),
            (Category::Belief, "religion, religionszugehörigkeit, votre_confession"),
            (Category::TradeUnion, "trade_union, syndicat, gewerkschaftsmitglied"),
            (Category::Politics, "political_party, opinion_politique, politische_meinung"),
            (Category::SexLife, "sexual_orientation, orientation_sexuelle, sexuelle_orientierung"),
            (Category::Origin, "ethnicity, origine_ethnique, race"),
            (Category::Biometry, "dna_test, empreinte digitale"),
            (Category::Crime, "criminal_record, casier_judiciaire, führungszeugnis"),
            (
                Category::NationalId,
                "id_cpf, passport_number, numéro de sécurité sociale, \
                nume\u{301}ro de se\u{301}curite\u{301} sociale, personalausweisnummer, ssn",
            ),
        ] {
            for name in names.split(", ") {
                assert_eq!(of_name(name), Some(expected), "{name}");
            }
        }
        assert_eq!(of_type("ID_CL_RUT"), Some(Category::NationalId));
        assert_eq!(of_type("EMAIL"), None);
    }

    #[test]
    fn a_field_is_told_by_any_of_its_names_or_else_by_what_its_question_asks() {
        let of =
            |names: &'static [&str], asked: Option<&'static str>| Category::of(names.iter().copied(), asked);
        assert_eq!(Category::of(["q7"].into_iter(), ["EMAIL", "ID_CPF"]), Some(Category::NationalId));
        assert_eq!(of(&["q7", "votre_religion"], None), Some(Category::Belief));
        assert_eq!(of(&["q7"], Some("ID_CPF")), Some(Category::NationalId));
        assert_eq!(of(&["groupe_sanguin"], Some("ID_CPF")), Some(Category::Health), "a name says more");
        assert_eq!(of(&["q7"], Some("EMAIL")), None);
        assert_eq!(of(&[], None), None);
    }

    /// The operator is told which law asks for a reason.
    #[test]
    fn each_category_is_shown_with_its_article() {
        let articles = [(Category::Health, 9), (Category::Crime, 10), (Category::NationalId, 87)];
        for (category, article) in articles {
            assert!(category.to_string().ends_with(&format!("(GDPR art. {article})")), "{category}");
        }
    }

    #[test]
    fn everyday_names_are_not_special() {
        let names = "full_name email phone_number postcode date_of_birth gender marital_status budget auswahl \
            credit_union orientation_scolaire race_du_chien environmental_interest company_name \
            job_title date_de_passage discriminator vehicle surface wohnfläche nombre_de_pièces \
            hospitality_sector diagnostic_immobilier syndic_de_copropriete rutland partei hair_dryer \
            sport anrede";
        for name in names.split_whitespace() {
            assert_eq!(of_name(name), None, "{name}");
        }
    }
}
