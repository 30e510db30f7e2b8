//! The mailbox that mails about a record go to. Whoever reads it is taken for the record's person: what is written about it, what is looked
//! for under an address when a link was lost, and what a link lets somebody do all go by this one answer.

use jiff::Timestamp;

use crate::forget::address::{Address, Sought};
use crate::lead::OpenedLead;
use crate::mail::mailbox::Addressee;
use crate::purpose::{Policy, Purpose};

/// The mailbox that mails about a record go to.
// It holds an answer: neither `Debug` nor `Display`.
pub struct OwnMailbox<'l> {
    /// As it stands in the record.
    pub typed: &'l str,
    /// As it is written to.
    pub to: Addressee,
    /// As it is compared.
    pub address: Address,
}

impl<'l> OwnMailbox<'l> {
    /// The first address of a record that mail reaches, that can be compared, and that may be held now. None: nobody may be written to.
    pub fn of(lead: &'l OpenedLead, purpose: &'l Purpose, now: Timestamp) -> Option<Self> {
        lead.mailboxes(purpose, now).find_map(|value| {
            let typed = value.expose();
            Some(Self { typed, to: Addressee::parse(typed)?, address: Address::email(typed)? })
        })
    }

    /// The same, to look for what else it has: as whoever types it finds it. None: handed over like this it would be another one, or none.
    pub fn sought(&self) -> Option<Sought> {
        Sought::email(self.typed).filter(|sought| sought.is(&self.address))
    }
}

/// True if mails about this record go to the mailbox that is sought. A form takes what is typed into it, also what is somebody else's: a
/// record that only names the address is not theirs.
pub fn goes_to(lead: &OpenedLead, policy: &Policy, now: Timestamp, sought: &Sought) -> bool {
    let purpose = policy.purpose(lead.id().purpose.as_str());
    let mailbox = purpose.and_then(|purpose| OwnMailbox::of(lead, purpose, now));
    mailbox.is_some_and(|mailbox| sought.is(&mailbox.address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::sample;
    use crate::purpose::sample::{consent, field, purpose};
    use crate::purpose::{Channel, ConsentKey, Whitelist};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// A record of 24 November 2025 with these answers to its question for an address.
    fn record(answers: &[&str]) -> OpenedLead {
        let (first, others) = answers.split_first().expect("one");
        let lead = sample::lead("lettre", first, false, at("2028-01-01T00:00:00Z"));
        let lead = others.iter().fold(lead, |lead, answer| sample::besides(lead, answer));
        sample::stored(&lead).read().expect("reads")
    }

    fn now() -> Timestamp {
        at("2026-11-30T12:00:00Z")
    }

    fn typed<'l>(lead: &'l OpenedLead, purpose: &'l Purpose) -> Option<&'l str> {
        OwnMailbox::of(lead, purpose, now()).map(|mailbox| mailbox.typed)
    }

    #[test]
    fn mails_go_to_the_first_address_that_mail_reaches_and_that_may_be_held() {
        let mut lettre = purpose("lettre", &["email"]);
        let lead = record(&["none", "anne@localhost", " Anne@Lumen.example", "zoe@lumen.example"]);
        assert_eq!(typed(&lead, &lettre), Some(" Anne@Lumen.example"));
        assert_eq!(typed(&record(&["none"]), &lettre), None);
        // What hangs on a consent is held for as long as that holds.
        let mut rule = field("email");
        rule.consent = ConsentKey::parse("email_optin");
        lettre.whitelist = Whitelist::new(vec![rule]).expect("a field");
        lettre.consents = vec![consent("email_optin", Channel::Email)];
        assert_eq!(typed(&lead, &lettre), Some(" Anne@Lumen.example"));
        lettre.consents[0].valid_months = Some(12);
        assert_eq!(typed(&lead, &lettre), None, "its year is over");
        assert_eq!(typed(&lead, &purpose("lettre", &["city"])), None, "no address is on the whitelist");
    }

    #[test]
    fn a_record_is_theirs_whose_mailbox_it_goes_to_and_not_theirs_whom_it_names() {
        let policy = Policy::new(vec![purpose("lettre", &["email"])]);
        let lead = record(&["anne@lumen.example", "zoe@lumen.example"]);
        let goes = |typed: &str| goes_to(&lead, &policy, now(), &Sought::email(typed).expect("an address"));
        assert!(goes("ANNE@lumen.example") && !goes("zoe@lumen.example"));
        let other = Policy::new(vec![purpose("devis", &["email"])]);
        let anne = Sought::email("anne@lumen.example").expect("an address");
        assert!(!goes_to(&lead, &other, now(), &anne), "its purpose has left the config");
    }

    #[test]
    fn what_would_be_another_one_where_it_is_handed_over_has_no_other_records() {
        let lettre = purpose("lettre", &["email"]);
        let sought = |typed: &str| {
            let lead = record(&[typed]);
            let mailbox = OwnMailbox::of(&lead, &lettre, now()).expect("mail reaches it");
            mailbox.sought().map(|sought| sought.spelled().to_string())
        };
        assert_eq!(sought("Anne@Lumen.example").as_deref(), Some("anne@lumen.example"));
        // A dot as a text processor sets it: letter for letter another mailbox than the one that it is spelled as.
        assert_eq!(sought("a\u{2024}b@lumen.example"), None);
    }
}
