//! What a person makes of their consents once a record is stored: they take some back, or say yes once more.

use std::sync::Arc;

use jiff::Timestamp;

use crate::lead::revise::{Revision, Yes};
use crate::purpose::{Basis, ConsentKey, ConsentRule, FieldName, FieldRule, Purpose};

/// The purpose asks for no consent of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentUnknown;

/// What becomes of a record whose person takes these consents back, or all of its purpose (none said): they hold until this moment
/// and no longer, and the fields that hang on them go. Where the purpose rests on consent and nothing is left that it needs (none of
/// its required consents, or none at all where it requires none), it is refused with [`crate::lead::RevisionRefusal::NoGround`]: the
/// record itself is to go.
///
/// # Errors
/// [`ConsentUnknown`].
pub fn withdrawal(
    purpose: &Purpose,
    consents: Option<&[ConsentKey]>,
    at: Timestamp,
) -> Result<Revision, ConsentUnknown> {
    let known = |key: &ConsentKey| purpose.consents.iter().any(|rule| rule.key == *key);
    if !consents.unwrap_or_default().iter().all(known) {
        return Err(ConsentUnknown);
    }
    let is_named = |key: &ConsentKey| consents.is_none_or(|named| named.contains(key));
    let hangs = |rule: &FieldRule| rule.consent.as_ref().is_some_and(is_named);
    let rules = purpose.whitelist.rules();
    let goes = |rule: &&FieldRule| {
        let of = rule.e164_of.as_ref().and_then(|of| rules.iter().find(|rule| rule.name == *of));
        hangs(rule) || of.is_some_and(hangs)
    };
    let fields: Vec<FieldName> = rules.iter().filter(goes).map(|rule| rule.name.clone()).collect();
    let required = purpose.consents.iter().filter(|rule| rule.required);
    let required: Vec<ConsentRule> = required.cloned().collect();
    let rests_on = match purpose.basis {
        Basis::Consent if required.is_empty() => purpose.consents.clone(),
        Basis::Consent => required,
        _ => Vec::new(),
    };
    let revision = Revision::without(fields).ending(consents.map(<[_]>::to_vec), at);
    Ok(Revision { rests_on, ..revision })
}

/// What becomes of a record whose person says yes to these boxes: what they agreed to counts from now on as if they had ticked it
/// now, and so do the asking again and the end of the record ([`crate::purpose::periods`]). Boxes that are not named stay as they
/// are, and so does one that is over: nobody gives by the way anew what had ended. Where none counts it is refused with
/// [`crate::lead::RevisionRefusal::NothingToConfirm`]; what rests on no consent may be confirmed without one.
///
/// # Errors
/// [`ConsentUnknown`].
pub fn confirmation(purpose: &Arc<Purpose>, boxes: Vec<ConsentKey>) -> Result<Revision, ConsentUnknown> {
    if !boxes.iter().all(|key| purpose.consents.iter().any(|rule| rule.key == *key)) {
        return Err(ConsentUnknown);
    }
    Ok(Revision { yes: Some(Yes { purpose: Arc::clone(purpose), boxes }), ..Revision::default() })
}

#[cfg(test)]
mod tests;
