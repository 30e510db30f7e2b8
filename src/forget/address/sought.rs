//! An address that is looked for in what is stored: as it was typed, since one number is another by the rules of another purpose.

use crate::forget::address::{Address, email};
use crate::purpose::law::Contact;
use crate::purpose::{PhoneRegion, dialled};
use crate::secret::Wiped;

/// So many last digits stand at the end of a number however it is written: what has others is not looked at closely, which takes
/// some microseconds.
const TAIL_DIGITS: usize = 4;

/// What somebody looks for. Shown nowhere, wiped when dropped.
#[derive(Clone)]
pub struct Sought {
    contact: Contact,
    typed: Wiped<String>,
}

impl Sought {
    /// The e-mail address that was handed over ([`Address::email_given`]); none: it is none.
    pub fn email(typed: &str) -> Option<Self> {
        Address::email_given(typed).map(|address| Self { contact: Contact::Address, typed: address.text })
    }

    /// The telephone number that was typed; none: there is more in it than a number, or less.
    pub fn phone(typed: &str) -> Option<Self> {
        Address::phone(typed, None).map(|_| Self::of(Contact::Number, typed))
    }

    fn of(contact: Contact, typed: &str) -> Self {
        Self { contact, typed: Wiped::new(typed.to_owned()) }
    }

    /// True if it is this address, whatever the purpose.
    pub fn is(&self, address: &Address) -> bool {
        let own = match self.contact {
            Contact::Address => Address::email(&self.typed),
            Contact::Number => Address::phone(&self.typed, None),
        };
        own.is_some_and(|own| own.is(address))
    }

    /// A mailbox, or a number.
    pub fn contact(&self) -> Contact {
        self.contact
    }

    /// Every address that it may be: one whatever the purpose, a number as it is without a region; and those of each of these
    /// purposes whose numbers are at home somewhere.
    pub fn addresses<P>(
        &self,
        regions: impl IntoIterator<Item = (P, Option<PhoneRegion>)>,
    ) -> Vec<(Option<P>, Address)> {
        let of = |region| match self.contact {
            Contact::Address => Address::email(&self.typed),
            Contact::Number => Address::phone(&self.typed, region),
        };
        let mut all: Vec<(Option<P>, Address)> =
            of(None).map(|address| (None, address)).into_iter().collect();
        if self.contact == Contact::Number {
            let at_home = regions.into_iter().filter(|(_, region)| region.is_some());
            all.extend(at_home.filter_map(|(purpose, region)| Some((Some(purpose), of(region)?))));
        }
        all
    }

    /// In its one spelling, a number without any region: what two requests for one address have in common.
    pub fn spelled(&self) -> Wiped<String> {
        let address = match self.contact {
            Contact::Address => Address::email(&self.typed),
            Contact::Number => Address::phone(&self.typed, None),
        };
        address.map_or_else(Wiped::default, |address| address.text)
    }
}

/// Tells which of several addresses an answer is, by the rules of one purpose. The answer's field does not count: a record says
/// under which names it has its answers, not what they are.
pub struct Matcher {
    region: Option<PhoneRegion>,
    mailboxes: Vec<(usize, Address)>,
    numbers: Vec<(usize, Address)>,
}

impl Matcher {
    /// Of these addresses, each with a number of the caller's; of a purpose whose numbers are at home there.
    pub fn of<'s>(
        sought: impl IntoIterator<Item = (usize, &'s Sought)>,
        region: Option<PhoneRegion>,
    ) -> Self {
        let (mut mailboxes, mut numbers) = (Vec::new(), Vec::new());
        for (which, sought) in sought {
            match sought.contact {
                Contact::Address => mailboxes.extend(Address::email(&sought.typed).map(|one| (which, one))),
                Contact::Number => {
                    numbers.extend(Address::phone(&sought.typed, region).map(|one| (which, one)));
                }
            }
        }
        Self { region, mailboxes, numbers }
    }

    /// True if it finds nothing whatever it is shown.
    pub fn is_idle(&self) -> bool {
        self.mailboxes.is_empty() && self.numbers.is_empty()
    }

    /// Says of which addresses this answer is a spelling. Nothing of it is kept.
    pub fn look(&self, answer: &str, mut found: impl FnMut(usize)) {
        if !self.mailboxes.is_empty()
            && email::may_be_one(answer)
            && let Some(address) = Address::email(answer)
        {
            self.mailboxes.iter().filter(|(_, one)| one.is(&address)).for_each(|(which, _)| found(*which));
        }
        if !self.numbers.is_empty()
            && let Some(digits) = dialled(answer)
            && self.numbers.iter().any(|(_, one)| tail(&one.text) == tail(&digits))
            && let Some(address) = Address::phone(answer, self.region)
        {
            self.numbers.iter().filter(|(_, one)| one.is(&address)).for_each(|(which, _)| found(*which));
        }
    }
}

/// The last digits of a number that is written as digits, behind a plus or not.
fn tail(digits: &str) -> &[u8] {
    let digits = digits.as_bytes();
    digits.get(digits.len().saturating_sub(TAIL_DIGITS)..).unwrap_or(digits)
}
