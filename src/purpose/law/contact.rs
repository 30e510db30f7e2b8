//! Ways to reach a person: fields that hold one, and the channels on which it may be used.

use crate::purpose::law::limits::CALL_CONSENT_MONTHS_FR;
use crate::purpose::law::names::words;

crate::codes! {
    /// By what means a person may be contacted, or who else may. Consent is given for each apart (in France for calls since
    /// 11 August 2026: Code de la consommation art. L. 223-1, law 2025-594).
    pub enum Channel {
        /// E-mail.
        Email = "email",
        /// Calls.
        Phone = "phone",
        /// Text messages.
        Sms = "sms",
        /// Messages by WhatsApp.
        Whatsapp = "whatsapp",
        /// Letters.
        Post = "post",
        /// Handing the data to one recipient that decides by itself what to do with it.
        ThirdParty = "third_party",
    }
}

impl Channel {
    /// How long a consent to it holds where the purpose does not say, in calendar months, for a controller in this country
    /// (ISO 3166-1); none: as long as the record.
    pub fn consent_months(self, country: &str) -> Option<u32> {
        (self == Self::Phone && country == "FR").then_some(CALL_CONSENT_MONTHS_FR)
    }
}

/// What a field holds that is of use on some channels alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// A number to call.
    Number,
    /// An e-mail address.
    Address,
}

impl Contact {
    /// What a field holds that goes by these names (its own, and the keys of the questions that feed it) and takes the
    /// answers to questions of these types. A name alone tells a number to call, never an address. A field that may hold
    /// either holds a number.
    pub fn of<'n>(
        mut names: impl Iterator<Item = &'n str>,
        types: impl IntoIterator<Item = &'n str, IntoIter: Clone>,
    ) -> Option<Self> {
        let mut types = types.into_iter();
        if types.clone().any(is_number_type) || names.any(is_number) {
            Some(Self::Number)
        } else {
            types.any(|asked| asked.contains("EMAIL")).then_some(Self::Address)
        }
    }

    /// The channels on which it may be used, where the person agreed to one of them.
    pub fn channels(self) -> &'static [Channel] {
        match self {
            Self::Number => &[Channel::Phone, Channel::Sms, Channel::Whatsapp],
            Self::Address => &[Channel::Email],
        }
    }
}

/// True if a field with this name, or a question with this key, asks for a number to call.
fn is_number(name: &str) -> bool {
    const ALONE: [&str; 9] =
        ["phone", "tel", "mobile", "mobil", "portable", "handy", "cell", "gsm", "festnetz"];
    const NUMBER: [&str; 6] = ["number", "numero", "nummer", "num", "no", "nr"];
    let words = words(name);
    let is = |list: &[&str], word: &String| list.contains(&word.as_str());
    let whole = words.iter().any(|word| {
        let stems = ["telephon", "telefon", "whatsapp", "handynum", "mobilnum", "rufnummer"];
        stems.iter().any(|stem| word.starts_with(stem))
    });
    let pair = words.iter().any(|word| is(&ALONE, word)) && words.iter().any(|word| is(&NUMBER, word));
    whole || pair || matches!(words.as_slice(), [one] if is(&ALONE, one))
}

/// True if a question of this type asks for a number to call.
fn is_number_type(question_type: &str) -> bool {
    question_type.contains("PHONE") || question_type.contains("WHATSAPP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_holds_a_number_or_an_address_and_each_has_its_channels() {
        let of =
            |names: &'static [&str], asked: Option<&'static str>| Contact::of(names.iter().copied(), asked);
        assert_eq!(Contact::of(["contact"].into_iter(), ["EMAIL", "PHONE"]), Some(Contact::Number));
        assert_eq!(Contact::of(["contact"].into_iter(), ["CITY", "WORK_EMAIL"]), Some(Contact::Address));
        assert_eq!(of(&["contact"], Some("PHONE")), Some(Contact::Number), "by what is asked");
        assert_eq!(of(&["contact"], Some("WHATSAPP_NUMBER")), Some(Contact::Number));
        assert_eq!(
            of(&["contact", "numéro_de_portable"], None),
            Some(Contact::Number),
            "by any of its names"
        );
        assert_eq!(of(&["phone"], Some("EMAIL")), Some(Contact::Number));
        assert_eq!(of(&["contact"], Some("WORK_EMAIL")), Some(Contact::Address));
        assert_eq!(of(&["email"], None), None, "a name alone tells no address");
        assert_eq!(of(&["email"], Some("CUSTOM")), None);
        assert_eq!(of(&[], None), None);
        assert_eq!(Contact::Number.channels(), [Channel::Phone, Channel::Sms, Channel::Whatsapp]);
        assert_eq!(Contact::Address.channels(), [Channel::Email]);
    }

    #[test]
    fn a_consent_to_calls_wears_off_in_france_and_no_other_does() {
        for channel in Channel::ALL.iter().copied() {
            let months = (channel == Channel::Phone).then_some(12);
            assert_eq!(channel.consent_months("FR"), months, "{channel}");
            assert_eq!((channel.consent_months("DE"), channel.consent_months("")), (None, None), "{channel}");
        }
    }

    #[test]
    fn numbers_to_call_are_told_from_phones_to_buy() {
        for name in [
            "phone_number",
            "phone",
            "mobile",
            "téléphone",
            "telefonnummer",
            "numéro_de_portable",
            "Tel.",
            "whatsapp_number",
        ] {
            assert!(is_number(name), "{name}");
        }
        for name in ["phone_model", "hotel", "mobile_home", "number_of_rooms", "portable_heater", "email"] {
            assert!(!is_number(name), "{name}");
        }
        assert!(
            is_number_type("WORK_PHONE_NUMBER") && is_number_type("PHONE_OTP") && !is_number_type("EMAIL")
        );
    }
}
