//! Stored, stored without some fields, or not at all.

use jiff::Timestamp;

use crate::forget::suppression::Entry;
use crate::purpose::{Basis, Channel, ConsentKey, FieldName, Purpose};

/// What must be known of a submission, for one purpose.
pub struct Submission<'s> {
    /// The purpose that it is for.
    pub purpose: &'s Purpose,
    /// When it was sent in, or received if that was earlier: a wrong clock makes no yes newer than a no.
    pub at: Timestamp,
    /// The consents that were given with it and hold.
    pub given: &'s [ConsentKey],
}

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing of it is stored for this purpose.
    Barred,
    /// It is stored.
    Stored {
        /// Without these fields.
        without: Vec<FieldName>,
        /// Entries that end with it, by their places in the list: the person has said yes since.
        closed: Vec<usize>,
    },
}

/// Decides by the entries that concern it.
///
/// - An entry ends where the person came back on their own: the form was sent in after the entry was made *and* a box for a channel
///   of that address was ticked on it.
/// - Where one stands, records that rest on a consent or on the controller's interest are not stored. What the person asked for
///   themselves (an offer, a contract) is, without the fields that hang on a consent, save those that a new yes is for.
pub fn decide(submission: &Submission<'_>, entries: &[Entry], now: Timestamp) -> Decision {
    let channels = submission.channels();
    let renewed = |entry: &Entry| {
        entry.since < submission.at
            && entry.contact.channels().iter().any(|channel| channels.contains(channel))
    };
    let held = || entries.iter().enumerate().filter(|(_, entry)| entry.holds(now));
    let closed = || held().filter(|(_, entry)| renewed(entry));
    let stands = held().count() > closed().count();
    let barred = match submission.purpose.basis {
        Basis::Consent | Basis::LegitimateInterest => stands,
        Basis::PreContract | Basis::Contract => false,
    };
    if barred {
        return Decision::Barred;
    }
    let anew: Vec<Channel> = closed().flat_map(|(_, entry)| entry.contact.channels()).copied().collect();
    let without = match stands {
        true => {
            submission.hanging(|key, channel| !(anew.contains(&channel) && submission.given.contains(key)))
        }
        false => Vec::new(),
    };
    Decision::Stored { without, closed: closed().map(|(place, _)| place).collect() }
}

impl Submission<'_> {
    /// Those for which a box was ticked.
    fn channels(&self) -> Vec<Channel> {
        let given = self.purpose.consents.iter().filter(|rule| self.given.contains(&rule.key));
        given.map(|rule| rule.channel).collect()
    }

    /// The fields that hang on such a consent.
    fn hanging(&self, such: impl Fn(&ConsentKey, Channel) -> bool) -> Vec<FieldName> {
        let hangs = |key: &ConsentKey| {
            // On a consent that is none of the purpose's nobody has said yes.
            let rule = self.purpose.consents.iter().find(|rule| rule.key == *key);
            rule.is_none_or(|rule| such(key, rule.channel))
        };
        let rules = self.purpose.whitelist.rules().iter();
        rules.filter(|rule| rule.consent.as_ref().is_some_and(hangs)).map(|rule| rule.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::Contact::{self, Address, Number};
    use crate::purpose::sample;
    use crate::purpose::{FieldRule, Whitelist};

    fn at(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().expect("a day")
    }

    fn key(name: &str) -> ConsentKey {
        ConsentKey::parse(name).expect("a name")
    }

    /// `name`, `email` under `mail`, `phone` under `call`, `mobile` under `text`.
    fn purpose(basis: Basis) -> Purpose {
        let under =
            |name: &str, consent: &str| FieldRule { consent: Some(key(consent)), ..sample::field(name) };
        let fields = vec![
            sample::field("name"),
            under("email", "mail"),
            under("phone", "call"),
            under("mobile", "text"),
        ];
        Purpose {
            basis,
            whitelist: Whitelist::new(fields).expect("fields"),
            consents: vec![
                sample::consent("mail", Channel::Email),
                sample::consent("call", Channel::Phone),
                sample::consent("text", Channel::Sms),
                sample::consent("letter", Channel::Post),
                sample::consent("partner", Channel::ThirdParty),
            ],
            ..sample::purpose("devis", &["name"])
        }
    }

    fn entry(contact: Contact, since: &str) -> Entry {
        Entry::made(contact, at(since))
    }

    fn decided(basis: Basis, sent: &str, given: &[&str], entries: &[Entry]) -> String {
        let (purpose, given) = (purpose(basis), given.iter().map(|name| key(name)).collect::<Vec<_>>());
        let submission = Submission { purpose: &purpose, at: at(sent), given: &given };
        match decide(&submission, entries, at("2027-01-01")) {
            Decision::Barred => "barred".to_owned(),
            Decision::Stored { without, closed } => {
                let without: Vec<_> = without.iter().map(FieldName::as_str).collect();
                format!("without [{}], closes {closed:?}", without.join(" "))
            }
        }
    }

    const BASES: [Basis; 4] =
        [Basis::Consent, Basis::LegitimateInterest, Basis::PreContract, Basis::Contract];
    const WHOLE: &str = "without [], closes []";

    #[test]
    fn whom_nothing_concerns_is_stored_whole() {
        for basis in BASES {
            assert_eq!(decided(basis, "2026-06-01", &[], &[]), WHOLE, "{basis}");
            assert_eq!(decided(basis, "2026-06-01", &["mail"], &[]), WHOLE, "{basis}");
            let over = entry(Address, "2023-12-31");
            assert_eq!(decided(basis, "2026-06-01", &[], &[over]), WHOLE, "{basis}: three years are over");
        }
    }

    /// Basis of prospecting: barred or not. Basis of a request: what goes. Both close the same.
    #[test]
    fn a_no_stands_until_a_later_yes_on_a_channel_of_the_same_address() {
        let mail = || entry(Address, "2026-03-01");
        let phone = || entry(Number, "2026-04-01");
        let all = "without [email phone mobile], closes []";
        for (sent, given, entries, prospect, request) in [
            // Nothing ticked; ticked before; ticked at the very moment.
            ("2026-06-01", &[][..], vec![mail()], "barred", all),
            ("2026-02-01", &["mail"][..], vec![mail()], "barred", all),
            ("2026-03-01", &["mail"], vec![mail()], "barred", all),
            // Ticked, for something else.
            ("2026-06-01", &["call"], vec![mail()], "barred", all),
            ("2026-06-01", &["letter", "partner"], vec![mail()], "barred", all),
            ("2026-06-01", &["mail"], vec![phone()], "barred", all),
            // A yes since.
            ("2026-06-01", &["mail"], vec![mail()], "without [], closes [0]", "without [], closes [0]"),
            ("2026-06-01", &["call"], vec![phone()], "without [], closes [0]", "without [], closes [0]"),
            ("2026-06-01", &["text"], vec![phone()], "without [], closes [0]", "without [], closes [0]"),
            // Two entries of one address: for all, and for this purpose.
            (
                "2026-06-01",
                &["mail"],
                vec![mail(), mail()],
                "without [], closes [0, 1]",
                "without [], closes [0, 1]",
            ),
            ("2026-03-15", &["call"], vec![phone(), phone()], "barred", all),
            // Of two addresses one is let in again.
            ("2026-06-01", &["mail"], vec![mail(), phone()], "barred", "without [phone mobile], closes [0]"),
            ("2026-06-01", &["call"], vec![mail(), phone()], "barred", "without [email mobile], closes [1]"),
            (
                "2026-03-15",
                &["mail", "call"],
                vec![phone(), mail()],
                "barred",
                "without [phone mobile], closes [1]",
            ),
            (
                "2026-06-01",
                &["mail", "text"],
                vec![phone(), mail()],
                "without [], closes [0, 1]",
                "without [], closes [0, 1]",
            ),
            // One that is over beside one that stands.
            ("2026-06-01", &[], vec![entry(Address, "2023-12-31"), phone()], "barred", all),
            (
                "2026-06-01",
                &["mail"],
                vec![entry(Address, "2023-12-31"), mail()],
                "without [], closes [1]",
                "without [], closes [1]",
            ),
        ] {
            for basis in BASES {
                let wanted = if basis.is_prospecting() { prospect } else { request };
                assert_eq!(decided(basis, sent, given, &entries), wanted, "{basis}, {sent}, {given:?}");
            }
        }
    }

    #[test]
    fn a_consent_that_is_none_of_the_purposes_is_no_yes() {
        let mut purpose = purpose(Basis::PreContract);
        purpose.consents.retain(|rule| rule.key != key("mail"));
        let given = [key("mail")];
        let submission = Submission { purpose: &purpose, at: at("2026-06-01"), given: &given };
        let decision = decide(&submission, &[entry(Address, "2026-03-01")], at("2027-01-01"));
        let without =
            ["email", "phone", "mobile"].map(|name| FieldName::parse(name).expect("a name")).to_vec();
        assert_eq!(decision, Decision::Stored { without, closed: Vec::new() });
    }

    proptest::proptest! {
        /// Whoever said no and has ticked nothing since: nothing under a consent, nothing for prospecting, no entry closed.
        #[test]
        fn without_a_yes_no_entry_is_closed(
            basis in proptest::sample::select(BASES.to_vec()), numbers: bool, sent in 0_i64..4_000, since in 0_i64..4_000,
        ) {
            let day = |day: i64| Timestamp::from_second(1_700_000_000 + day * 86_400).expect("in range");
            let contact = if numbers { Number } else { Address };
            let entry = Entry::made(contact, day(since));
            let purpose = purpose(basis);
            let submission = Submission { purpose: &purpose, at: day(sent), given: &[] };
            let decision = decide(&submission, &[entry], day(since));
            let wanted = match basis.is_prospecting() {
                true => Decision::Barred,
                false => Decision::Stored {
                    without: submission.hanging(|_, _| true),
                    closed: Vec::new(),
                },
            };
            proptest::prop_assert_eq!(decision, wanted);
        }
    }
}
