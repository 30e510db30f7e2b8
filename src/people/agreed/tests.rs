use super::*;
use crate::purpose::Channel;
use crate::purpose::sample::consent;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn key(name: &str) -> ConsentKey {
    ConsentKey::parse(name).expect("a name")
}

fn agreed(name: &str, valid_until: Option<&str>) -> Agreed {
    Agreed { consent: key(name), valid_until: valid_until.map(at) }
}

#[test]
fn a_yes_is_for_the_boxes_that_it_names_and_calls_end_by_their_own_time() {
    let calls = ConsentRule { valid_months: Some(12), ..consent("call_optin", Channel::Phone) };
    let rules = [consent("email_optin", Channel::Email), calls];
    let held = [agreed("email_optin", None), agreed("call_optin", Some("2027-01-15T12:00:00Z"))];
    let names =
        |now: &str| -> Vec<String> { named(&held, at(now)).iter().map(|key| key.to_string()).collect() };
    assert_eq!(names("2027-01-14T23:59:59Z"), ["email_optin", "call_optin"]);
    assert_eq!(
        names("2027-01-15T00:00:00Z"),
        ["email_optin"],
        "calls are over, and are not asked for by the way"
    );

    let yes = at("2027-01-10T08:00:00Z");
    let confirm = |boxes: &[&str]| {
        let boxes: Vec<ConsentKey> = boxes.iter().map(|name| key(name)).collect();
        confirmed(&rules, &held, &boxes, yes)
    };
    let both = confirm(&["email_optin", "call_optin"]).expect("a yes");
    assert_eq!(both, [agreed("email_optin", None), agreed("call_optin", Some("2028-01-10T08:00:00Z"))]);
    assert_eq!(confirm(&["email_optin"]).expect("a yes"), held, "calls end when they would have");
    for nothing in [&[][..], &["sms_optin"]] {
        assert_eq!(confirm(nothing), None, "{nothing:?}: a yes to nothing that they had agreed to");
    }
    assert_eq!(confirmed(&[], &held, &[key("email_optin")], yes), None, "asked for no more");
}
