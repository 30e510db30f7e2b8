//! Who they are: each name, address and number occurs nowhere else.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

use tamis::clock::Clock;

use crate::retention::Shifted;
use crate::support::{DEVIS_FORM, LETTRE_FORM, World, canary, lead};

/// Says yes, and takes it back a year and a half later.
pub const ANNE: &str = "anne";
/// Says no, from the mail that asks.
pub const BOB: &str = "bob";
/// Never answers.
pub const CARL: &str = "carl";
/// No mail reaches them.
pub const DORA: &str = "dora";
/// Objects by a mail program's button.
pub const EVE: &str = "eve";
/// Has a name put right, and never answers.
pub const FAY: &str = "fay";
/// Wants to see everything, and then have it erased.
pub const GUS: &str = "gus";

/// As they submit: so their records are numbered.
const ORDER: [&str; 7] = [ANNE, BOB, CARL, DORA, EVE, FAY, GUS];

/// One of them.
pub struct Person {
    pub name: String,
    pub email: String,
    pub phone: Option<&'static str>,
    /// Meta's number.
    pub lead: String,
    /// Ours.
    pub record: String,
}

/// All of them.
pub struct People {
    all: BTreeMap<&'static str, Person>,
    /// What Fay's name is put right to.
    pub corrected: String,
}

impl Index<&str> for People {
    type Output = Person;

    fn index(&self, who: &str) -> &Person {
        &self.all[who]
    }
}

impl People {
    /// They fill the form for the letter in, one after the other; Anne asks for a quote too.
    pub async fn submit(world: &World) -> Self {
        let mut all = BTreeMap::new();
        for (at, who) in ORDER.into_iter().enumerate() {
            let (name, email) = (canary(who), format!("{}@{who}.example", canary("mail").to_lowercase()));
            let phone = [ANNE, CARL].contains(&who).then_some(["+33639982741", "+33639985263"][at % 2]);
            let mut letter = lead(LETTRE_FORM).answer("first_name", &[&name]).answer("email", &[&email]);
            if let Some(phone) = phone {
                letter = letter.answer("phone_number", &[phone]);
            }
            let letter = letter.checkbox("email_optin", true).checkbox("consent_call", phone.is_some());
            let id = world.submit(letter, &[]);
            world.deliver(&[&id]).await;
            world.stored("lettre", at + 1).await;
            let record = format!("lettre-1-{}", at + 1);
            all.insert(who, Person { name, email, phone, lead: id, record });
        }
        let people = Self { all, corrected: canary("corrected") };
        people.quote_by(world, ANNE).await;
        world.stored("devis", 1).await;
        people
    }

    /// Somebody asks for a quote: Meta's number of it.
    pub async fn quote_by(&self, world: &World, who: &str) -> String {
        let Person { name, email, .. } = &self[who];
        let quote = lead(DEVIS_FORM).answer("full_name", &[name]).answer("email", &[email]);
        let id = world.submit(quote, &[]);
        world.deliver(&[&id]).await;
        world.settled().await;
        id
    }

    /// Somebody else, long after: the record that lives at the end.
    pub async fn last(&self, world: &World, clock: &Arc<Shifted>) -> String {
        let email = format!("{}@zed.example", canary("mail").to_lowercase());
        let mut letter = lead(LETTRE_FORM).answer("first_name", &["Zed"]).answer("email", &[&email]);
        letter.created_time = u64::try_from(clock.now().as_second()).expect("after 1970") - 60;
        let id = world.submit(letter.checkbox("email_optin", true), &[&email]);
        world.deliver(&[&id]).await;
        world.stored("lettre", 1).await;
        world.records("lettre").await[0]["id"].as_str().expect("an id").to_owned()
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        ORDER.into_iter()
    }

    /// Everything that one of them wrote.
    pub fn answers(&self, who: &str) -> impl Iterator<Item = String> {
        let Person { name, email, phone, .. } = &self[who];
        let phone = phone.iter().map(|phone| (*phone).to_owned());
        [name.clone(), email.clone()].into_iter().chain(phone)
    }

    /// Everything that any of them wrote, and by what Meta knows it.
    pub fn marks(&self) -> Vec<String> {
        let leads = self.all.values().map(|person| person.lead.clone());
        let answers = ORDER.iter().flat_map(|who| self.answers(who));
        answers.chain(leads).chain([self.corrected.clone()]).collect()
    }
}
