//! Stored, stored without some fields, or not at all.

use jiff::Timestamp;

use crate::forget::suppression::Entry;
use crate::purpose::{Basis, Channel, ConsentKey, FieldName, Purpose};

/// What must be known of a submission, for one purpose. It holds no answer, and outlives the config that it was sieved under.
#[derive(Clone)]
pub struct Submission {
    basis: Basis,
    /// When it was sent in, or received if that was earlier: a wrong clock makes no yes newer than a no.
    at: Timestamp,
    /// The purpose's consents, each with its channel and whether it was given.
    consents: Vec<(ConsentKey, Channel, bool)>,
    /// The fields that hang on a consent, and on which.
    hanging: Vec<(FieldName, ConsentKey)>,
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
        /// These consents of it, if they were given, count no more: the person has said no since, or not yes again.
        unheard: Vec<ConsentKey>,
        /// Entries that end with it, by their places in the list: the person has said yes since.
        closed: Vec<usize>,
    },
}

/// Decides by the entries that concern it.
///
/// - An entry ends where the person came back on their own: the form was sent in after the entry was made *and* a box for a channel
///   of that address was ticked on it.
/// - Where one stands, records that rest on a consent or on the controller's interest are not stored. What the person asked for
///   themselves (an offer, a contract) is, without the fields that hang on a consent, save those that a new yes is for; and no
///   consent of it counts but that yes.
pub fn decide(submission: &Submission, entries: &[Entry], now: Timestamp) -> Decision {
    let given = |channel: &Channel| submission.consents.iter().any(|(_, of, given)| *given && of == channel);
    let renewed = |entry: &Entry| entry.since < submission.at && entry.contact.channels().iter().any(given);
    let held = || entries.iter().enumerate().filter(|(_, entry)| entry.holds(now));
    let closed = || held().filter(|(_, entry)| renewed(entry));
    let stands = held().count() > closed().count();
    let barred = match submission.basis {
        Basis::Consent | Basis::LegitimateInterest => stands,
        Basis::PreContract | Basis::Contract => false,
    };
    if barred {
        return Decision::Barred;
    }
    let anew: Vec<Channel> = closed().flat_map(|(_, entry)| entry.contact.channels()).copied().collect();
    let counts = |(_, channel, given): &&(ConsentKey, Channel, bool)| *given && anew.contains(channel);
    let counting: Vec<&ConsentKey> =
        submission.consents.iter().filter(counts).map(|(key, _, _)| key).collect();
    let (mut without, mut unheard) = (Vec::new(), Vec::new());
    if stands {
        // On a consent that is none of the purpose's nobody has said yes.
        let goes = submission.hanging.iter().filter(|(_, on)| !counting.contains(&on));
        without = goes.map(|(name, _)| name.clone()).collect();
        let keys = submission.consents.iter().map(|(key, _, _)| key);
        unheard = keys.filter(|key| !counting.contains(key)).cloned().collect();
    }
    Decision::Stored { without, unheard, closed: closed().map(|(place, _)| place).collect() }
}

impl Submission {
    /// One for this purpose, sent in (or received, if that was earlier) at this moment, with which these consents were given.
    pub fn of(purpose: &Purpose, at: Timestamp, given: &[ConsentKey]) -> Self {
        let consents = purpose.consents.iter();
        let consents = consents.map(|rule| (rule.key.clone(), rule.channel, given.contains(&rule.key)));
        let rules = purpose.whitelist.rules().iter();
        let hanging = rules.filter_map(|rule| Some((rule.name.clone(), rule.consent.clone()?)));
        Self { basis: purpose.basis, at, consents: consents.collect(), hanging: hanging.collect() }
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
        let submission = Submission::of(&purpose, at(sent), &given);
        match decide(&submission, entries, at("2027-01-01")) {
            Decision::Barred => "barred".to_owned(),
            Decision::Stored { without, closed, .. } => {
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
        let submission = Submission::of(&purpose, at("2026-06-01"), &given);
        let decision = decide(&submission, &[entry(Address, "2026-03-01")], at("2027-01-01"));
        let without =
            ["email", "phone", "mobile"].map(|name| FieldName::parse(name).expect("a name")).to_vec();
        let unheard = ["call", "text", "letter", "partner"].map(key).to_vec();
        assert_eq!(decision, Decision::Stored { without, unheard, closed: Vec::new() });
    }

    /// A box that was ticked before the no would let an exporter write to them all the same.
    #[test]
    fn where_an_entry_stands_no_consent_counts_but_the_one_given_anew() {
        let purpose = purpose(Basis::PreContract);
        let unheard = |sent: &str, given: &[&str], entries: &[Entry]| {
            let given: Vec<_> = given.iter().map(|name| key(name)).collect();
            match decide(&Submission::of(&purpose, at(sent), &given), entries, at("2027-01-01")) {
                Decision::Stored { unheard, .. } => {
                    unheard.iter().map(ConsentKey::as_str).collect::<Vec<_>>().join(" ")
                }
                Decision::Barred => panic!("they asked for it"),
            }
        };
        let (mail, phone) = (|| entry(Address, "2026-03-01"), || entry(Number, "2026-04-01"));
        let all = ["mail", "call", "text", "letter", "partner"];
        assert_eq!(unheard("2026-02-01", &all, &[mail()]), all.join(" "));
        assert_eq!(unheard("2026-06-01", &all, &[mail()]), "");
        assert_eq!(
            unheard("2026-06-01", &["mail", "letter"], &[mail(), phone()]),
            "call text letter partner"
        );
        assert_eq!(unheard("2026-03-15", &all, &[mail(), phone()]), "call text letter partner");
        assert_eq!(unheard("2026-06-01", &all, &[]), "");
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
            let submission = Submission::of(&purpose, day(sent), &[]);
            let decision = decide(&submission, &[entry], day(since));
            let wanted = match basis.is_prospecting() {
                true => Decision::Barred,
                false => Decision::Stored {
                    without: submission.hanging.iter().map(|(name, _)| name.clone()).collect(),
                    unheard: purpose.consents.iter().map(|rule| rule.key.clone()).collect(),
                    closed: Vec::new(),
                },
            };
            proptest::prop_assert_eq!(decision, wanted);
        }
    }
}
