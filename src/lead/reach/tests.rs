use super::*;
use crate::id::FormId;
use crate::purpose::{PhoneRegion, Question, sample};
use crate::secret::Key;

const EPOCH: (Timestamp, Timestamp) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);

fn answers(values: &[&str]) -> Vec<Answer> {
    values.iter().map(|value| Answer::from_sealed((*value).to_owned())).collect()
}

/// What a purpose of France reaches by these answers to a question with this key, of this type where the form is known.
fn reached(field: &str, key: &str, kind: Option<&str>, typed: &[&str]) -> Vec<Address> {
    looked_at(field, key, kind, typed).addresses
}

fn looked_at(field: &str, key: &str, kind: Option<&str>, typed: &[&str]) -> Reach {
    let region = PhoneRegion::parse("FR");
    let purpose = Purpose { phone_region: region, ..sample::purpose("devis", &[field]) };
    let form = kind.map(|kind| {
        let form = FormId::parse("901000000000001").expect("digits");
        FormDefinition::asking(form, vec![Question::new(key, kind)])
    });
    let rule = sample::field(field);
    let mut reach = Reach::of(&purpose, &[], EPOCH);
    reach.look(&purpose, (&rule, key), form.as_ref(), &answers(typed));
    reach
}

fn is(found: &[Address], wanted: &[Address]) -> bool {
    found.len() == wanted.len() && found.iter().zip(wanted).all(|(one, other)| one.is(other))
}

fn mail(typed: &str) -> Address {
    Address::email(typed).expect("an address")
}

fn number(typed: &str) -> Address {
    Address::phone(typed, None).expect("a number")
}

#[test]
fn a_mailbox_is_one_wherever_it_was_typed() {
    for field in ["email", "contact", "phone_number"] {
        let found = reached(field, field, None, &["Zoe@Lumen.Example", "zoe＠lumen.example", "none"]);
        assert!(is(&found, &[mail("zoe@lumen.example")]), "{field}");
    }
    assert!(reached("email", "email", None, &["none", ""]).is_empty());
}

#[test]
fn a_number_is_one_where_it_was_asked_for_or_begins_with_a_plus() {
    let typed = "06 39 98 00 00";
    let wanted = [number("+33639980000")];
    assert!(is(&reached("phone_number", "phone_number", None, &[typed]), &wanted), "by the field's name");
    assert!(is(&reached("contact", "téléphone", None, &[typed]), &wanted), "by the question's key");
    assert!(is(&reached("contact", "q7", Some("PHONE"), &[typed]), &wanted), "by the question's type");
    assert!(reached("budget", "budget", Some("CUSTOM"), &["0639980000"]).is_empty(), "a sum");
    assert!(is(&reached("remark", "remark", None, &[" +33 6 39 98 00 00"]), &wanted));
}

#[test]
fn no_more_than_a_hundred_addresses_are_compared_each_once() {
    let many: Vec<String> = (0..150).map(|number| format!("a{}@lumen.example", number / 2)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let few = looked_at("email", "email", None, &many);
    assert_eq!((few.addresses.len(), few.is_crowded()), (75, false));
    let many: Vec<String> = (0..150).map(|number| format!("a{number}@lumen.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let crowd = looked_at("email", "email", None, &many);
    assert_eq!((crowd.addresses.len(), crowd.is_crowded()), (ADDRESSES_MAX, true));
}

#[test]
fn an_address_is_looked_up_for_all_purposes_and_for_its_own() {
    let key = SuppressionKey::new(Key::new([7; 32]));
    let purpose = sample::purpose("devis", &["email"]);
    let mut reach = Reach::of(&purpose, &[], EPOCH);
    reach.look(&purpose, (&sample::field("email"), "email"), None, &answers(&["zoe@lumen.example"]));
    let looked = reach.looked(&key);
    let address = mail("zoe@lumen.example");
    let wanted = [Scope::All, Scope::Purpose(&purpose.id)].map(|scope| key.fingerprint(&address, scope));
    assert!(looked.len() == 1 && looked[0].contact == Contact::Address);
    assert!(looked[0].fingerprints.iter().zip(&wanted).all(|(one, other)| one.is(other)));
}
