//! What fields and the things beside them are called.

use crate::language::Language;
use crate::purpose::{FieldName, Keep};

/// Our name of a field, and what people call it in French, English and German. Meta's standard questions, by the key under which
/// they come in English, and the names that quote and newsletter forms have beside them.
const FIELDS: &[(&str, [&str; 3])] = &[
    ("full_name", ["Nom complet", "Full name", "Vollständiger Name"]),
    ("first_name", ["Prénom", "First name", "Vorname"]),
    ("last_name", ["Nom", "Last name", "Nachname"]),
    ("email", ["Adresse e-mail", "E-mail address", "E-Mail-Adresse"]),
    ("work_email", ["Adresse e-mail professionnelle", "Work e-mail address", "Geschäftliche E-Mail-Adresse"]),
    ("phone_number", ["Numéro de téléphone", "Telephone number", "Telefonnummer"]),
    (
        "phone_e164",
        [
            "Téléphone au format international",
            "Telephone in international format",
            "Telefon im internationalen Format",
        ],
    ),
    ("work_phone_number", ["Téléphone professionnel", "Work telephone", "Geschäftliche Telefonnummer"]),
    ("whatsapp_number", ["Numéro WhatsApp", "WhatsApp number", "WhatsApp-Nummer"]),
    ("street_address", ["Adresse", "Street address", "Straße und Hausnummer"]),
    ("city", ["Ville", "City", "Ort"]),
    ("state", ["Région", "State or region", "Bundesland oder Region"]),
    ("province", ["Province", "Province", "Provinz"]),
    ("country", ["Pays", "Country", "Land"]),
    ("zip_code", ["Code postal", "Postcode", "Postleitzahl"]),
    ("post_code", ["Code postal", "Postcode", "Postleitzahl"]),
    ("postcode", ["Code postal", "Postcode", "Postleitzahl"]),
    ("date_of_birth", ["Date de naissance", "Date of birth", "Geburtsdatum"]),
    ("gender", ["Genre", "Gender", "Geschlecht"]),
    ("marital_status", ["Situation matrimoniale", "Marital status", "Familienstand"]),
    ("relationship_status", ["Situation personnelle", "Relationship status", "Beziehungsstatus"]),
    ("education_level", ["Niveau d’études", "Level of education", "Bildungsabschluss"]),
    ("military_status", ["Situation militaire", "Military status", "Wehrdienststatus"]),
    ("company_name", ["Entreprise", "Company", "Unternehmen"]),
    ("job_title", ["Fonction", "Job title", "Position"]),
    ("website", ["Site web", "Website", "Website"]),
    ("budget", ["Budget", "Budget", "Budget"]),
    ("message", ["Message", "Message", "Nachricht"]),
];

/// What a field is called. One that nobody knows is called by the operator's own name of it.
pub(in crate::notice) fn field_label(name: &FieldName, language: Language) -> String {
    if let Some((_, labels)) = FIELDS.iter().find(|(known, _)| *known == name.as_str()) {
        return labels[language.index()].to_owned();
    }
    let words = name.as_str().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What is kept beside the answers.
pub(in crate::notice) fn keep_label(keep: Keep, language: Language) -> &'static str {
    let labels = match keep {
        Keep::AdId => ["le numéro de l’annonce", "the number of the advertisement", "die Nummer der Anzeige"],
        Keep::AdsetId => [
            "le numéro de l’ensemble de publicités",
            "the number of the ad set",
            "die Nummer der Anzeigengruppe",
        ],
        Keep::CampaignId => {
            ["le numéro de la campagne", "the number of the campaign", "die Nummer der Kampagne"]
        }
        Keep::Platform => [
            "la plateforme, Facebook ou Instagram",
            "the platform, Facebook or Instagram",
            "die Plattform, Facebook oder Instagram",
        ],
        Keep::LeadgenId => [
            "le numéro de l’envoi chez Meta",
            "Meta’s number of the submission",
            "Metas Nummer der Einsendung",
        ],
        Keep::IsOrganic => [
            "si vous êtes venu par une annonce ou sans annonce",
            "whether an advertisement brought you",
            "ob eine Anzeige Sie hergeführt hat",
        ],
        Keep::AdName => ["le nom de l’annonce", "the name of the advertisement", "der Name der Anzeige"],
        Keep::CampaignName => ["le nom de la campagne", "the name of the campaign", "der Name der Kampagne"],
        Keep::FormName => ["le nom du formulaire", "the name of the form", "der Name des Formulars"],
        Keep::PartnerName => [
            "le partenaire par lequel l’envoi est passé",
            "the partner through whom it came",
            "der Partner, über den die Einsendung kam",
        ],
        Keep::RetailerItemId => [
            "l’article qui vous a intéressé",
            "the item that interested you",
            "der Artikel, der Sie interessiert hat",
        ],
        Keep::Vehicle => [
            "le véhicule qui vous a intéressé",
            "the vehicle that interested you",
            "das Fahrzeug, das Sie interessiert hat",
        ],
        Keep::HomeListing => [
            "le logement qui vous a intéressé",
            "the home that interested you",
            "die Immobilie, die Sie interessiert hat",
        ],
    };
    labels[language.index()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, language: Language) -> String {
        field_label(&FieldName::parse(name).expect("a name"), language)
    }

    #[test]
    fn a_field_is_called_what_people_call_it_or_else_what_the_operator_does() {
        assert_eq!(label("email", Language::Fr), "Adresse e-mail");
        assert_eq!(label("postcode", Language::De), "Postleitzahl");
        assert_eq!(label("number_of_rooms", Language::En), "Number of rooms");
        for (name, labels) in FIELDS {
            assert!(
                FieldName::parse(name).is_some() && labels.iter().all(|label| !label.is_empty()),
                "{name}"
            );
        }
    }

    #[test]
    fn the_standard_fields_are_known_by_name() {
        for question_type in crate::purpose::law::types() {
            let Some(key) = crate::purpose::law::key_of_type(question_type) else { continue };
            let is_known = FIELDS.iter().any(|(known, _)| *known == key);
            // Its field is refused without a ground of its own, and then called by the operator.
            assert!(is_known || key.starts_with("id_"), "{key}");
        }
    }
}
