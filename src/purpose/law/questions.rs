//! The types of a form's questions, as Meta has them: which tell what is asked, and which stand for anything at all.

use crate::purpose::law::special;

/// Meta's question types (marketing API, `LeadGenForm.questions.type`), and the key of the lead's answer where the form is
/// in English. `MARITIAL_STATUS` is Meta's spelling.
const TYPES: &[(&str, &str)] = &[
    ("FULL_NAME", "full_name"),
    ("FIRST_NAME", "first_name"),
    ("LAST_NAME", "last_name"),
    ("EMAIL", "email"),
    ("PHONE", "phone_number"),
    ("WORK_EMAIL", "work_email"),
    ("WORK_PHONE_NUMBER", "work_phone_number"),
    ("WHATSAPP_NUMBER", "whatsapp_number"),
    ("CITY", "city"),
    ("STATE", "state"),
    ("PROVINCE", "province"),
    ("COUNTRY", "country"),
    ("ZIP", "zip_code"),
    ("POST_CODE", "post_code"),
    ("STREET_ADDRESS", "street_address"),
    ("DOB", "date_of_birth"),
    ("GENDER", "gender"),
    ("MARITIAL_STATUS", "marital_status"),
    ("RELATIONSHIP_STATUS", "relationship_status"),
    ("EDUCATION_LEVEL", "education_level"),
    ("MILITARY_STATUS", "military_status"),
    ("COMPANY_NAME", "company_name"),
    ("JOB_TITLE", "job_title"),
    ("WEBSITE", "website"),
    ("ID_CPF", "id_cpf"),
];

/// Other types that tell what is asked; the keys of their answers are not known.
const TYPES_WITHOUT_KEY: &str = "EMAIL_ALIAS PHONE_OTP USER_PROVIDED_PHONE_NUMBER ADDRESS_LINE_TWO ID_AR_DNI ID_CL_RUT \
    ID_CO_CC ID_EC_CI ID_PE_DNI ID_MX_RFC VIN LICENSE_PLATE";

/// Types that stand for whatever the form's author asks: one of them in a whitelist would let everything in.
const WIDE_TYPES: &str = "CUSTOM SLIDER DATE_TIME STORE_LOOKUP STORE_LOOKUP_WITH_TYPEAHEAD JOIN_CODE MESSENGER \
    THREAD_LINK FACEBOOK_LEAD_ID";

/// What may be said of a question type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKnown {
    /// Questions of this type all ask the same.
    Precise,
    /// They ask whatever the form's author likes.
    Wide,
    /// Meta is not known to have it.
    Not,
}

/// What may be said of a type.
pub fn type_known(question_type: &str) -> TypeKnown {
    if WIDE_TYPES.split_whitespace().any(|wide| wide == question_type) {
        TypeKnown::Wide
    } else if types().any(|known| known == question_type) || special::of_type(question_type).is_some() {
        TypeKnown::Precise
    } else {
        TypeKnown::Not
    }
}

/// All precise types that are known by name.
pub fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(known, _)| *known).chain(TYPES_WITHOUT_KEY.split_whitespace())
}

/// The type of the standard question whose answer has this key where the form is in English.
pub fn type_of_key(key: &str) -> Option<&'static str> {
    TYPES.iter().find(|(_, english)| *english == key).map(|(known, _)| *known)
}

/// The key under which the answer to a standard question comes where neither the form's author nor a language gave another.
pub fn key_of_type(question_type: &str) -> Option<&'static str> {
    TYPES.iter().find(|(known, _)| *known == question_type).map(|(_, key)| *key)
}

/// The question type that a standard name stands for, so that a form in another language still matches
/// (Meta translates the keys of standard questions, never their types).
pub fn standard_type(name: &str) -> Option<&'static str> {
    match name {
        "full_name" | "first_name" | "last_name" | "email" | "phone_number" => type_of_key(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_tells_what_is_asked_or_lets_anything_in_or_is_unknown() {
        for (question_type, known) in [
            ("EMAIL", TypeKnown::Precise),
            ("VIN", TypeKnown::Precise),
            ("ID_OF_NEXT_YEAR", TypeKnown::Precise),
            ("CUSTOM", TypeKnown::Wide),
            ("MESSENGER", TypeKnown::Wide),
            ("EMAIL VIN", TypeKnown::Not),
            ("FAVOURITE", TypeKnown::Not),
        ] {
            assert_eq!(type_known(question_type), known, "{question_type}");
        }
    }

    #[test]
    fn only_name_address_and_number_stand_for_a_type_by_themselves() {
        assert_eq!(standard_type("email"), Some("EMAIL"));
        assert_eq!(standard_type("phone_number"), Some("PHONE"));
        assert_eq!((standard_type("city"), type_of_key("city")), (None, Some("CITY")));
        assert_eq!((key_of_type("PHONE"), key_of_type("CUSTOM")), (Some("phone_number"), None));
    }
}
