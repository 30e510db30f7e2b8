//! The basis in law, and what hangs on it.

use crate::purpose::{ConsentRule, FieldRule};

crate::codes! {
    /// The basis in law (GDPR art. 6(1)).
    pub enum Basis {
        /// Art. 6(1)(a).
        Consent = "consent",
        /// Art. 6(1)(b), steps at the person's request before a contract.
        PreContract = "pre_contract",
        /// Art. 6(1)(b).
        Contract = "contract",
        /// Art. 6(1)(f).
        LegitimateInterest = "legitimate_interest",
    }
}

/// Why a purpose could come to hold a record without any consent given, although its basis is consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// It counts no tick-box at all.
    NoConsent,
    /// None is required, and some fields hang on none.
    NoneRequired,
}

impl Basis {
    /// True if people are held as prospects: they did not ask for anything, or nothing that takes years.
    pub fn is_prospecting(self) -> bool {
        matches!(self, Self::Consent | Self::LegitimateInterest)
    }

    /// After how many calendar months people are asked again where the purpose does not say; none: never.
    pub fn reconfirm_months(self) -> Option<u32> {
        (self == Self::Consent).then_some(18)
    }

    /// Under basis consent no record may come to be without a consent given (GDPR arts. 6(1)(a), 7(1)): either a consent
    /// is required, or every field hangs on one, so that a lead without a tick has nothing left to hold. `fields` is none
    /// where nobody knows them.
    pub fn unproven(self, consents: &[ConsentRule], fields: Option<&[FieldRule]>) -> Option<Unproven> {
        let free = || fields.is_some_and(|fields| fields.iter().any(|field| field.consent.is_none()));
        match self {
            Self::Consent if consents.is_empty() => Some(Unproven::NoConsent),
            Self::Consent if !consents.iter().any(|consent| consent.required) && free() => {
                Some(Unproven::NoneRequired)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::Channel;
    use crate::purpose::{FieldName, sample};

    fn consent(required: bool) -> ConsentRule {
        ConsentRule { required, ..sample::consent("optin", Channel::Email) }
    }

    fn field(hangs: bool) -> FieldRule {
        FieldRule {
            consent: hangs.then(|| consent(false).key),
            ..FieldRule::named(FieldName::parse("email").expect("a name"))
        }
    }

    #[test]
    fn who_did_not_ask_for_anything_is_a_prospect_and_consent_wears_off() {
        for (basis, prospecting, months) in [
            (Basis::Consent, true, Some(18)),
            (Basis::LegitimateInterest, true, None),
            (Basis::PreContract, false, None),
            (Basis::Contract, false, None),
        ] {
            assert_eq!((basis.is_prospecting(), basis.reconfirm_months()), (prospecting, months), "{basis}");
        }
    }

    #[test]
    fn under_basis_consent_no_record_comes_to_be_without_one() {
        let unproven =
            |consents: &[ConsentRule], fields: &[FieldRule]| Basis::Consent.unproven(consents, Some(fields));
        assert_eq!(unproven(&[], &[field(true)]), Some(Unproven::NoConsent));
        assert_eq!(unproven(&[consent(false)], &[field(true), field(false)]), Some(Unproven::NoneRequired));
        assert_eq!(unproven(&[consent(false)], &[field(true)]), None);
        assert_eq!(unproven(&[consent(false), consent(true)], &[field(false)]), None);
        assert_eq!(Basis::Consent.unproven(&[consent(false)], None), None, "nobody knows the fields");
        assert_eq!(Basis::Contract.unproven(&[], Some(&[field(false)])), None);
    }
}
