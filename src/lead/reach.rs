//! Whom a lead reaches, and what their wish has a hold on: taken from the answers that were kept, before anything is sealed.
//!
//! The addresses stay in here: they can be hashed under the key of the suppressions and looked up, and neither shown nor read.

use jiff::Timestamp;

use crate::forget::address::{Address, Fingerprint, Scope, SuppressionKey};
use crate::forget::suppression::Submission;
use crate::lead::minimised::{Answer, ConsentEvidence, Content};
use crate::notification::ParkCode;
use crate::purpose::law::Contact;
use crate::purpose::{ConsentKey, FieldName, FieldRule, FormDefinition, Purpose, PurposeId};

/// So many addresses of one lead are compared. Whoever typed more into one form is no person, and is on the list if anybody is.
const ADDRESSES_MAX: usize = 100;

/// Whom a lead reaches.
pub struct Reach {
    purpose: PurposeId,
    addresses: Vec<Address>,
    /// There are more than are compared.
    is_crowded: bool,
    submission: Submission,
    needs: Needs,
    /// Its purpose has a first mail.
    pub(in crate::lead) is_welcomed: bool,
}

/// Without what a purpose takes no lead.
pub(in crate::lead) struct Needs {
    required: Vec<FieldName>,
    one_of: Vec<FieldName>,
}

/// What is looked up of one address.
pub struct Looked {
    /// What it is called among the suppressions for all purposes, and among those for this one.
    pub fingerprints: [Fingerprint; 2],
    /// A mailbox or a number.
    pub contact: Contact,
}

impl Reach {
    /// Of what was kept for a purpose; nothing was looked at for addresses yet.
    pub(in crate::lead) fn of(
        purpose: &Purpose,
        consents: &[ConsentEvidence],
        (created, received): (Timestamp, Timestamp),
    ) -> Self {
        let given = consents.iter().filter(|found| found.given());
        let given: Vec<ConsentKey> = given.map(|found| found.key.clone()).collect();
        Self {
            purpose: purpose.id.clone(),
            addresses: Vec::new(),
            is_crowded: false,
            submission: Submission::of(purpose, created.min(received), &given),
            needs: Needs::of(purpose),
            is_welcomed: purpose.welcome,
        }
    }

    /// Of what a record holds, as its purpose reads it.
    pub(in crate::lead) fn of_content(purpose: &Purpose, content: &Content) -> Self {
        let mut reach = Self::of(purpose, &content.consents, (content.created, content.received));
        for (name, answers) in &content.fields {
            if let Some(rule) = purpose.whitelist.rule(name.as_str()) {
                reach.look(purpose, (rule, name.as_str()), None, answers);
            }
        }
        reach
    }

    /// Looks at the answers to one question: a mailbox is one wherever it was typed; a number is one where a number was asked
    /// for, or where it begins with a plus (a sum or a post code is nobody's telephone).
    pub(in crate::lead) fn look(
        &mut self,
        purpose: &Purpose,
        (rule, key): (&FieldRule, &str),
        definition: Option<&FormDefinition>,
        answers: &[Answer],
    ) {
        let asked = definition.and_then(|form| form.question(key)).map(|asked| asked.question_type.as_str());
        let names = [rule.name.as_str(), key].into_iter().chain(rule.from.iter().map(String::as_str));
        let types: Vec<&str> = rule.types.iter().chain(asked).collect();
        let is_number = rule.e164_of.is_some() || Contact::of(names, types) == Some(Contact::Number);
        for answer in answers {
            let typed = answer.expose();
            let dials = is_number || typed.trim_start().starts_with('+');
            let number = || dials.then(|| Address::phone(typed, purpose.phone_region)).flatten();
            let Some(address) = Address::email(typed).or_else(number) else { continue };
            let is_new = self.addresses.iter().all(|known| !known.is(&address));
            match self.addresses.len() < ADDRESSES_MAX {
                true if is_new => self.addresses.push(address),
                false if is_new => self.is_crowded = true,
                _ => {}
            }
        }
    }

    /// What is to be looked up, under the key of the suppressions.
    pub fn looked(&self, key: &SuppressionKey) -> Vec<Looked> {
        let of = |address: &Address| Looked {
            fingerprints: [Scope::All, Scope::Purpose(&self.purpose)]
                .map(|scope| key.fingerprint(address, scope)),
            contact: address.contact(),
        };
        self.addresses.iter().map(of).collect()
    }

    /// Its addresses, to be looked up; none: there are more than are compared, see [`Self::is_crowded`].
    pub fn into_addresses(self) -> Option<Vec<Address>> {
        (!self.is_crowded).then_some(self.addresses)
    }

    /// True if its purpose writes to whoever sends a form in.
    pub(in crate::lead) fn is_welcomed(&self) -> bool {
        self.is_welcomed
    }

    /// True if it has more addresses than are compared: nobody can say that none of them is on a list.
    pub fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// What is decided on.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// Without what its purpose does not take it.
    pub(in crate::lead) fn needs(&self) -> &Needs {
        &self.needs
    }
}

impl Needs {
    fn of(purpose: &Purpose) -> Self {
        let required = purpose.whitelist.rules().iter().filter(|rule| rule.required);
        let required = required.map(|rule| rule.name.clone()).collect();
        Self { required, one_of: purpose.require_one_of.clone() }
    }

    /// Everything that is needed is there.
    ///
    /// # Errors
    /// [`ParkCode::RequiredFieldMissing`], [`ParkCode::NothingWhitelisted`].
    pub(in crate::lead) fn met_by(&self, fields: &[(FieldName, Vec<Answer>)]) -> Result<(), ParkCode> {
        let has = |name: &FieldName| fields.iter().any(|(found, _)| found == name);
        let lacks_all = !self.one_of.is_empty() && !self.one_of.iter().any(has);
        if lacks_all || !self.required.iter().all(has) {
            return Err(ParkCode::RequiredFieldMissing);
        }
        if fields.is_empty() { Err(ParkCode::NothingWhitelisted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
