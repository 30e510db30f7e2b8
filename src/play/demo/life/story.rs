//! The story, step by step: what happens, by whose act, what an operator would type for it, and that it came to that.

use reqwest::Method;
use serde_json::{Value, json};

use crate::play::demo::life::people::{
    self, ALL, ANAIS, BASILE, CAMILLE, CORRECTED, DELPHINE, ETIENNE, FLORENCE, GABRIEL,
};
use crate::play::demo::life::reader::Links;
use crate::play::demo::life::remains;
use crate::play::demo::life::scene::{PATIENCE, Scene, holds};
use crate::play::house::{all_read, list, number, read};
use crate::terminal::{Failure, Tone};

/// Tells it.
pub(super) async fn tell(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let mut sheet = scene.sheet();
    sheet.put(Tone::Heading, "tamis demo --life: seven people, from a form to the last trace").end();
    sheet.line("all persons are invented; the demo sets its own clock ahead");
    sheet.print()?;
    submitted(scene).await?;
    answered_the_first_mail(scene).await?;
    asked(scene).await?;
    reminded(scene).await?;
    lapsed(scene).await?;
    remains::now(scene).await?;
    asked_anew(scene).await?;
    over(scene).await
}

async fn submitted(scene: &mut Scene<'_>) -> Result<(), Failure> {
    for person in ALL {
        people::submit(scene.stage, scene.clock, person).await?;
        all_read(&scene.daemon, PATIENCE, |_| ()).await?;
    }
    holds(scene.held().await? == ALL.len(), "seven records")?;
    scene.mailed(&ALL).await?;
    for person in [&ANAIS, &ETIENNE] {
        let Links { page, stop } = scene.links_of(person)?.clone();
        for path in [&page, &page, &stop, &stop] {
            holds(scene.reader.open(path).await?.0 == 200, "a page behind a link")?;
        }
    }
    let requests = read(&scene.daemon, "/requests").await?;
    holds(scene.held().await? == ALL.len() && list(&requests["requests"]).is_empty(), "nothing changed")?;
    scene.told(
        "seven people ask for the monthly letter",
        &[
            ("7 signed calls, 7 records, sealed", "tamis status"),
            ("7 first mails: what is held, until when, a link", "[mail], welcome = true"),
            ("a mail scanner opens every link, twice: nothing", ""),
        ],
    )
}

async fn answered_the_first_mail(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let filled = format!("f.first_name={CORRECTED}");
    scene.acts(&FLORENCE, "correct", &filled, "Your data are corrected.").await?;

    let stop = scene.links_of(&ETIENNE)?.stop.clone();
    let pressed = scene.reader.send(&stop, "List-Unsubscribe=One-Click".to_owned()).await?;
    holds(pressed == (200, String::new()), "one click is answered 200")?;
    let objected = scene.receipt(&ETIENNE, "objection").await?;

    let address = json!({ "email": GABRIEL.email });
    let request = scene.ask(Method::POST, "/requests", Some(json!({ "kind": "access" }))).await?;
    let copy = scene.ask(Method::POST, "/access", Some(address.clone())).await?;
    holds(copy["records"].to_string().contains(GABRIEL.name), "the copy has what he wrote")?;
    scene.answered(&request, json!({})).await?;
    let request = scene.ask(Method::POST, "/requests", Some(json!({ "kind": "erasure" }))).await?;
    let erased = scene.ask(Method::POST, "/erasures", Some(json!({ "by": address }))).await?;
    scene.answered(&request, json!({ "erasure": erased["erasure"] })).await?;
    let erased = scene.receipt(&GABRIEL, "person-request").await?;

    let bounced = scene.ask(Method::POST, "/bounces", Some(json!({ "email": DELPHINE.email }))).await?;
    holds(bounced["records"] == 1, "one record of her address")?;

    // Meta calls once more for who is gone.
    for person in [&ETIENNE, &GABRIEL] {
        people::call(scene.stage, person).await?;
        all_read(&scene.daemon, PATIENCE, |_| ()).await?;
        holds(scene.state(person).await? == "erased", "who was erased stays so")?;
    }
    holds(scene.held().await? == 5, "five records")?;
    scene.told(
        "some answer at once",
        &[
            ("Florence puts her name right, on her page", "tamis correct"),
            ("Étienne presses his mail program's unsubscribe", "tamis person object"),
            (
                &format!(
                    "  gone, on the list until {}, receipt {}",
                    day(&objected, "suppression_until"),
                    num(&objected)
                ),
                "tamis suppress list",
            ),
            ("Gabriel has all of it handed out", "tamis person access"),
            (&format!("  and then erased, receipt {}", num(&erased)), "tamis person erase"),
            ("Delphine's mail comes back", "tamis person bounce"),
            ("Meta calls again for both who are gone: nothing", "tombstones"),
        ],
    )
}

async fn asked(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.pass_days(550).await?;
    scene.mailed(&[&ANAIS, &BASILE, &CAMILLE, &FLORENCE]).await?;
    scene.until("four asked, one out of reach", async || Ok(scene.standing().await? == [0, 0, 4, 1])).await?;
    scene.acts(&BASILE, "erase", "reach=all", "Your data are erased").await?;
    let erased = scene.receipt(&BASILE, "person-request").await?;
    scene.told(
        "eighteen months later",
        &[
            ("4 mails: do you still agree? none to Delphine", "tamis reconfirm preview"),
            (&format!("Basile says no, from the mail: receipt {}", num(&erased)), "tamis person erase"),
        ],
    )
}

async fn reminded(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.pass_days(14).await?;
    scene.mailed(&[&ANAIS, &CAMILLE, &FLORENCE]).await?;
    scene.until("nobody is left to remind", async || Ok(scene.standing().await? == [0, 0, 3, 1])).await?;
    let before = scene.found(&ANAIS).await?;
    scene.acts(&ANAIS, "confirm", "c.email_optin=yes", "class=\"banner\"").await?;
    let after = scene.found(&ANAIS).await?;
    holds(before["expires_at"] != after["expires_at"], "her time begins anew")?;
    holds(after["fields"]["phone_number"].is_null(), "a yes to mail is none to calls")?;
    let until = after["expires_at"].as_str().and_then(|at| at.get(..10)).unwrap_or_default();
    scene.told(
        "two weeks later",
        &[
            ("3 reminders, the only ones", "tamis reconfirm preview"),
            ("Anaïs says yes to the letter, and to nothing else", "tamis confirm"),
            (&format!("  her record ends on {until}; her number is gone"), "tamis find"),
        ],
    )
}

async fn lapsed(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.pass_days(20).await?;
    scene.until("one record is left", async || Ok(scene.held().await? == 1)).await?;
    let (lapsed, expired) = (scene.lines("records-lapsed").await?, scene.lines("records-expired").await?);
    let count = |lines: &[Value]| lines.iter().map(|line| number(&line["count"])).sum::<usize>();
    holds((count(&lapsed), count(&expired)) == (2, 1), "two who stayed silent, one out of reach")?;
    holds(scene.mailboxes.collect().is_empty(), "one mail, one reminder, no more")?;
    scene.told(
        "thirty days after they were due",
        &[
            ("Camille and Florence stayed silent: erased", "records-lapsed"),
            ("Delphine could not be asked: erased the same day", "records-expired"),
        ],
    )
}

async fn asked_anew(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.pass_days(550).await?;
    scene.mailed(&[&ANAIS]).await?;
    scene.until("her mail is noted", async || Ok(scene.standing().await? == [0, 0, 1, 0])).await?;
    scene.acts(&ANAIS, "withdraw", "c.email_optin=yes", "Your receipt").await?;
    let withdrawn = scene.receipt(&ANAIS, "withdrawal").await?;
    holds(scene.held().await? == 0, "no record is left")?;
    scene.told(
        "eighteen months after her yes",
        &[
            ("Anaïs is asked again, and takes it back", "tamis person withdraw"),
            (&format!("  nothing else held it: erased, receipt {}", num(&withdrawn)), "tamis erasure"),
        ],
    )
}

/// What was left had a day too.
async fn over(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.pass_days(37 * 31).await?;
    // What the vacuum put off is looked at within the hour.
    scene.pass(3_661).await?;
    scene.until("nothing of it is left", async || remains::are_over(scene).await).await?;
    scene.told(
        "three years later",
        &[
            ("the list is empty, the register is, no tombstone", "tamis suppress list"),
            ("the trail tells of none of them any more", "tamis trail"),
            ("every file searched once more: 0 found", ""),
        ],
    )
}

/// A receipt's number.
fn num(receipt: &Value) -> &str {
    receipt["number"].as_str().unwrap_or_default()
}

/// A day that a receipt names.
fn day<'r>(receipt: &'r Value, name: &str) -> &'r str {
    receipt["remains"][name].as_str().unwrap_or_default()
}
