//! Boxes on the page: said yes to once more, taken back.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_yes_once_more_and_takes_it_back_box_by_box() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("nina").to_lowercase());
    furnished(&world, &email).await;
    let links = links(&world, &email).await;
    let (quote, letter) = (&links[0].1, &links[1].1);
    let client = reader();
    let own = seen(client.get(world.public(&format!("{quote}?lang=en")))).await;
    assert!(!own.text.contains("do=withdraw"), "no box was on that form");
    let unticked = post(&world, &client, letter, "confirm", "").await;
    assert!(
        unticked.status >= 400 && unticked.text.contains("<form"),
        "nothing is ticked for them: {}",
        unticked.text
    );
    let yes = post(&world, &client, letter, "confirm", "c.email_optin=yes").await;
    assert!(yes.status == 200 && yes.text.contains("class=\"banner\""), "{}", yes.text);
    let stays = post(&world, &client, quote, "stop", "reach=this").await;
    assert!(
        stays.status == 200 && stays.text.contains("What you asked us for yourself stays"),
        "{}",
        stays.text
    );
    assert_eq!(seen(client.get(world.public(quote))).await.status, 200, "what they asked for is there");
    let taken = post(&world, &client, letter, "withdraw", "c.email_optin=yes").await;
    assert!(
        taken.status == 200 && taken.text.contains("Your receipt"),
        "it rested on that alone: {}",
        taken.text
    );
    assert_eq!(seen(client.get(world.public(letter))).await.status, 404);
    let lines = by_persons(&world).await;
    for wanted in
        [("confirmed", "person-request"), ("erasure-asked", "withdrawal"), ("suppressed", "objection")]
    {
        assert!(
            lines.iter().any(|(action, why)| (action.as_str(), why.as_str()) == wanted),
            "{wanted:?}: {lines:?}"
        );
    }
    world.end().await;
}

/// What rests on no consent is asked again where the config says so: the mail's yes is a button, and each yes counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_yes_needs_no_box_where_nothing_rests_on_one() {
    let world = World::planned(Plan::with(
        "retention_months = 12\nrecipients",
        "retention_months = 12\nreconfirm_months = 6\nrecipients",
    ))
    .await;
    let email = format!("{}@example.org", canary("noa").to_lowercase());
    furnished(&world, &email).await;
    let quote = &links(&world, &email).await[0].1;
    let client = reader();
    let own = seen(client.get(world.public(&format!("{quote}?lang=en")))).await;
    assert!(own.text.contains("do=confirm") && !own.text.contains("do=withdraw"), "{}", own.text);
    let yes = post(&world, &client, quote, "confirm", "").await;
    assert!(
        yes.status == 200 && yes.text.contains("The time for which we keep your data begins anew today."),
        "{}",
        yes.text
    );
    let again = post(&world, &client, quote, "confirm", "").await;
    assert!(again.status == 200 && again.text.contains("You said so today already."), "{}", again.text);
    let lines = by_persons(&world).await;
    assert!(lines.iter().any(|(action, _)| action == "confirmed"), "{lines:?}");
    world.end().await;
}

/// What was taken back is no agreement any more, also on the page of whose record stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_is_shown_as_no() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("mila").to_lowercase());
    let letter = lead(LETTRE_FORM).answer("first_name", &["Mila"]).answer("email", &[&email]);
    let letter = letter.answer("phone_number", &["+33639980077"]);
    let letter = letter.checkbox("email_optin", true).checkbox("consent_call", true);
    world.deliver(&[&world.submit(letter, &[])]).await;
    world.settled().await;
    world.stored("lettre", 1).await;
    let path = links(&world, &email).await.remove(0).1;
    let client = reader();
    let yes_and_no = async || {
        let page = seen(client.get(world.public(&format!("{path}?lang=en")))).await;
        assert_eq!(page.status, 200, "{}", page.text);
        (page.text.matches("<p>Yes, on ").count(), page.text.matches("<p>No</p>").count())
    };
    assert_eq!(yes_and_no().await, (2, 0));
    let taken = post(&world, &client, &path, "withdraw", "c.call_optin=yes").await;
    assert!(taken.status == 200 && taken.text.contains("You have taken it back"), "{}", taken.text);
    assert_eq!(yes_and_no().await, (1, 1));
    world.end().await;
}
