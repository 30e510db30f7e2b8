//! What a purpose may hold of a record: its fields, each with the consent that it hangs on, and what is kept beside them.

use jiff::Timestamp;

use crate::clock::plus_months;
use crate::purpose::{ConsentKey, FieldName, FieldRule, Keep, Purpose, TextHash};

/// What a purpose may hold of a record. By it records are trimmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remit {
    fields: Vec<RemitField>,
    kept: Vec<Keep>,
}

/// A field that may be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemitField {
    /// Its name.
    pub name: FieldName,
    /// The consent without which it may not be.
    pub consent: Option<RemitConsent>,
}

/// A consent on which a field hangs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemitConsent {
    /// Its name.
    pub key: ConsentKey,
    /// How long it holds, in calendar months from when it was given; none: as long as the record.
    pub valid_months: Option<u32>,
}

impl Remit {
    /// What the config says of a purpose now. A field that hangs on a consent that the purpose does not ask for is not held.
    pub fn of(purpose: &Purpose) -> Self {
        let field = |rule: &FieldRule| {
            let consent = match &rule.consent {
                None => None,
                Some(key) => {
                    let consent = purpose.consents.iter().find(|consent| consent.key == *key)?;
                    Some(RemitConsent { key: key.clone(), valid_months: consent.valid_months })
                }
            };
            Some(RemitField { name: rule.name.clone(), consent })
        };
        let fields = purpose.whitelist.rules().iter().filter_map(field).collect();
        Self { fields, kept: purpose.keep.clone() }
    }

    /// What stands for it where it is noted: of the same fields, consents, months and keeps the same.
    pub fn hash(&self) -> TextHash {
        let field = |RemitField { name, consent }: &RemitField| match consent {
            None => name.to_string(),
            Some(RemitConsent { key, valid_months }) => format!("{name} {key} {valid_months:?}"),
        };
        // Names hold no space and no line break.
        let kept = self.kept.iter().map(|keep| format!(" {keep}"));
        let text = self.fields.iter().map(field).chain(kept).collect::<Vec<_>>().join("\n");
        TextHash::of(text.as_bytes())
    }

    /// The field of this name.
    pub fn field(&self, name: &FieldName) -> Option<&RemitField> {
        self.fields.iter().find(|field| field.name == *name)
    }

    /// True if this may be kept.
    pub fn keeps(&self, keep: Keep) -> bool {
        self.kept.contains(&keep)
    }

    /// True if some field hangs on a consent: what may be held then depends on the day.
    pub fn depends_on_the_day(&self) -> bool {
        self.fields.iter().any(|field| field.consent.is_some())
    }
}

impl RemitConsent {
    /// Until when it holds for who submitted and was received then; none: as long as the record.
    pub fn valid_until(&self, created: Timestamp, received: Timestamp) -> Option<Timestamp> {
        self.valid_months.map(|months| plus_months(created.min(received), months))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::{consent, field, purpose};
    use crate::purpose::{Channel, Whitelist};

    /// A purpose with two fields, of which the second hangs on a consent that holds for so many months.
    fn remit(hangs_on: Option<&str>, months: Option<u32>) -> Remit {
        let mut purpose = purpose("devis", &["email"]);
        let mut phone = field("phone_number");
        phone.consent = hangs_on.and_then(ConsentKey::parse);
        purpose.whitelist = Whitelist::new(vec![field("email"), phone]).expect("fields");
        purpose.consents = ["call_optin", "sms_optin"].map(|key| consent(key, Channel::Phone)).into();
        purpose.consents.iter_mut().for_each(|rule| rule.valid_months = months);
        purpose.keep = vec![Keep::Platform];
        Remit::of(&purpose)
    }

    #[test]
    fn whatever_decides_what_may_be_held_is_in_its_hash_and_nothing_else() {
        let mut all: Vec<Remit> = vec![
            remit(None, None),
            remit(Some("call_optin"), None),
            remit(Some("call_optin"), Some(11)),
            remit(Some("call_optin"), Some(1)),
            remit(Some("sms_optin"), None),
            // A field that hangs on what nobody asks for is held by nobody.
            remit(Some("fax_optin"), None),
        ];
        for keep in [vec![], vec![Keep::AdId], vec![Keep::Platform, Keep::AdId]] {
            all.push(Remit { kept: keep, ..remit(None, None) });
        }
        let hashes: std::collections::HashSet<_> = all.iter().map(|remit| *remit.hash().bytes()).collect();
        assert_eq!(hashes.len(), all.len());
        assert!(remit(None, Some(12)).hash() == remit(None, None).hash(), "nothing hangs on it");
        assert_eq!(all[5].fields.len(), 1);
    }

    #[test]
    fn only_where_a_field_hangs_on_a_consent_does_the_day_count() {
        assert!(!remit(None, Some(12)).depends_on_the_day());
        assert!(remit(Some("call_optin"), None).depends_on_the_day());
        assert!(!remit(Some("fax_optin"), None).depends_on_the_day());
    }
}
