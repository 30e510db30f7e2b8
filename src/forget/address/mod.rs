//! Addresses of people as they are compared: to find the records that hold one, and to know one that may not be stored again.
//!
//! An [`Address`] is what two spellings of one mailbox or one number have in common. It is brought there by what standards say
//! are spellings of the same, and by nothing that is guessed. Where an address must be remembered, only its [`Fingerprint`]
//! under a [`SuppressionKey`] is.

mod email;
mod fingerprint;
mod given;
mod sought;

#[cfg(test)]
mod tests;

use subtle::ConstantTimeEq;

use crate::purpose::law::Contact;
use crate::purpose::{PhoneRegion, dialled, international_e164};
use crate::secret::Wiped;

pub use fingerprint::{EvidenceKey, Fingerprint, Scope, SuppressionKey};
pub use sought::{Matcher, Sought};

/// What has fewer digits reaches nobody from outside, and is in the answers of many.
const DIGITS_MIN: usize = 6;

/// One address of a person, in its one spelling. Shown nowhere, wiped when dropped.
pub struct Address {
    contact: Contact,
    text: Wiped<String>,
}

crate::secret::never_shown!(Address, Sought, Matcher);

impl Address {
    /// The e-mail address that was typed; none: it is none, or longer than any.
    pub fn email(typed: &str) -> Option<Self> {
        email::normalised(typed).map(|text| Self { contact: Contact::Address, text })
    }

    /// The e-mail address that somebody hands over to be searched for, barred or erased; none: it is none that mail reaches, or
    /// more than one. What a mail client copies beside it is taken off.
    pub fn email_given(typed: &str) -> Option<Self> {
        given::given(typed).map(|text| Self { contact: Contact::Address, text })
    }

    /// The telephone number that was typed: as E.164 where it is one, by the region of the purpose if it has no country's code.
    /// Else its digits, which are those of nobody who typed others. None: there is more in it than a number, or less.
    pub fn phone(typed: &str, region: Option<PhoneRegion>) -> Option<Self> {
        let e164 = match region {
            Some(region) => region.e164(typed),
            None => international_e164(typed),
        };
        let text = match e164 {
            Some(number) => Wiped::new(number),
            None => dialled(typed).filter(|digits| digits.trim_start_matches('+').len() >= DIGITS_MIN)?,
        };
        Some(Self { contact: Contact::Number, text })
    }

    /// The address that was typed into a field of this name, for whoever knows no more of the field: a mailbox is one wherever it was
    /// typed, a number where the field is called one or where it begins with a plus. None: it is neither.
    pub fn in_field(name: &str, typed: &str) -> Option<Self> {
        let dials = || {
            typed.trim_start().starts_with('+')
                || Contact::of([name].into_iter(), []) == Some(Contact::Number)
        };
        Self::email(typed).or_else(|| dials().then(|| Self::phone(typed, None)).flatten())
    }

    /// Its one spelling.
    pub fn spelled(&self) -> Wiped<String> {
        self.text.clone()
    }

    /// A mailbox, or a number.
    pub fn contact(&self) -> Contact {
        self.contact
    }

    /// True if both are one address. Compares in constant time; the length may show.
    pub fn is(&self, other: &Self) -> bool {
        // A number has no `@`, and a mailbox one.
        self.text.as_bytes().ct_eq(other.text.as_bytes()).into()
    }
}
