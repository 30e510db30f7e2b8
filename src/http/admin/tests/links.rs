//! Whoever lost the link to their page: one answer to everybody, and no more of them than can be looked for. And a copy by mail.

use parking_lot::Mutex;

use super::addresses::{self, keep};
use super::*;
use crate::forget::address::Sought;
use crate::http::admin::person_acts::{Look, PersonActs};
use crate::http::public::person_routes;
use crate::http::{Persons, Proxies};
use crate::language::Language;
use crate::store::{AskedFor, MailEnd, MailId, MailKind};
use crate::trail::Operator;

fn acts(bench: &Bench) -> PersonActs {
    PersonActs {
        state: bench.state(),
        queue: super::super::find::Queue::new(|_| false, || 0),
        search: addresses::search(&bench.store, MATCHES_MAX).into_inner(),
        receipts: erasing::receipts(),
    }
}

/// What is answered to each of these: by whom it is asked, and what is typed.
async fn answers(persons: Persons, asked: &[(&str, &str)]) -> Vec<(u16, String)> {
    let persons = actix_web::web::Data::new(persons);
    let calls = async {
        let app = test::init_service(App::new().app_data(persons).configure(person_routes)).await;
        let mut answers = Vec::new();
        for (from, typed) in asked {
            let request = test::TestRequest::post()
                .uri("/p/lost?lang=en")
                .set_payload(format!("do=link&email={typed}"));
            let request = request.peer_addr(format!("{from}:4000").parse().expect("an address"));
            let answer = test::call_service(&app, request.to_request()).await;
            assert!(answer.headers().get("set-cookie").is_none());
            answers.push((answer.status().as_u16(), text_of(answer).await));
        }
        answers
    };
    tokio::task::LocalSet::new().run_until(calls).await
}

#[tokio::test]
async fn everybody_who_asks_for_links_is_answered_alike_and_the_store_is_not_asked() {
    let bench = Bench::new();
    bench.store.settle(vec![keep(1, "devis", "anne@lumen.example")]).await.expect("settled");
    let before = bench.entries().await.len();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&taken);
    let persons = Persons::new(acts(&bench), Proxies::default());
    let persons = persons.mailing(move |sought: Sought| {
        noted.lock().push(sought.spelled().to_string());
        true
    });
    let asked = ["anne@lumen.example", "Anne%20%3Canne@lumen.example%3E", "nobody@lumen.example", "anne", ""];
    let answers = answers(persons, &asked.map(|typed| ("203.0.113.9", typed))).await;
    assert_eq!(answers[0].0, 200);
    assert!(answers[0].1.contains("If we hold anything under that address"), "{}", answers[0].1);
    assert!(!answers[0].1.contains("lumen.example\""), "nothing that was typed: {}", answers[0].1);
    assert!(answers[1] == answers[0] && answers[2] == answers[0], "one answer");
    for (status, page) in &answers[3..] {
        assert!(
            *status == 422 && page.contains("That is no e-mail address") && page.contains("<form"),
            "{page}"
        );
    }
    let anne = "anne@lumen.example";
    assert_eq!(*taken.lock(), [anne, anne, "nobody@lumen.example"]);
    assert_eq!(bench.entries().await.len(), before, "nothing is read for it");
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_without_end_and_where_no_mail_is_sent_nobody_asks() {
    let bench = Bench::new();
    let persons = Persons::new(acts(&bench), Proxies::default()).mailing(|_| true);
    let many: Vec<(&str, &str)> = (0..20).map(|_| ("203.0.113.9", "a@lumen.example")).collect();
    // Whoever has had enough holds up nobody else.
    let others = [many.clone(), vec![("203.0.113.10", "a@lumen.example")]].concat();
    let without = || Persons::new(acts(&bench), Proxies::default());
    for (persons, heard) in [(persons, 200), (without(), 404)] {
        let answers = answers(persons, &others).await;
        let (first, rest) = answers.split_at(5);
        assert!(first.iter().all(|(status, _)| *status == heard), "its own burst");
        let (other, rest) = rest.split_last().expect("answers");
        assert!(rest.iter().all(|(status, _)| *status == 429), "{heard}");
        assert!(
            rest.iter().all(|(_, page)| page.contains("Please wait a minute and try again.")),
            "{}",
            rest[0].1
        );
        assert_eq!(other.0, heard, "another's");
    }
    let none = &answers(without(), &many[..1]).await[0].1;
    assert!(none.contains("This link opens nothing") && !none.contains("../p/lost"), "{none}");
    let full = Persons::new(acts(&bench), Proxies::default()).mailing(|_| false);
    let (status, page) = answers(full, &many[..1]).await.remove(0);
    assert!(status == 503 && page.contains("Please ask once more") && page.contains("<form"), "{page}");
    assert!(!page.contains("a@lumen.example"), "what was typed is not shown: {page}");
}

/// From however many places they come: no more ask than are looked for meanwhile.
#[tokio::test(start_paused = true)]
async fn all_together_ask_for_no_more_links_than_are_looked_for() {
    let bench = Bench::new();
    let asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&asked);
    let persons = Persons::new(acts(&bench), Proxies::default());
    let persons = persons.mailing(move |_| {
        *counted.lock() += 1;
        true
    });
    let places: Vec<String> = (0..20).map(|number| format!("203.0.113.{number}")).collect();
    let many = places.iter().flat_map(|place| [(place.as_str(), "a@lumen.example"); 5]);
    let answers = answers(persons, &many.collect::<Vec<_>>()).await;
    let with = |wanted: u16| answers.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((with(200), with(429), *asked.lock()), (60, 40, 60));
}

#[tokio::test]
async fn a_copy_stands_in_the_register_goes_once_a_day_and_is_read_by_its_person() {
    let bench = Bench::new();
    bench.store.settle(vec![keep(1, "devis", "anne@lumen.example")]).await.expect("settled");
    let (acts, person) = (acts(&bench), Operator::recognised_by_pass());
    let id = RecordId::parse("devis-1-1").expect("an id");
    let own = acts.look(&person, (&id, Look::ToSee), Language::En).await.expect("looked up").expect("there");
    for came in [AskedFor::Queued, AskedFor::Already] {
        assert_eq!(acts.send_copy(&person, &own).await, Ok(came));
    }
    let open = bench.store.requests(None, 10).await.expect("listed");
    assert!(open.len() == 1 && open[0].answered.is_none(), "one request, open until it is sent");
    let mail = MailId { record: id.clone(), kind: MailKind::Copy };
    let attempt = bench.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
    assert_eq!(attempt.request, Some(open[0].id));
    bench.store.end_mail(mail, MailEnd::Sent, None).await.expect("ended");
    assert_eq!(acts.send_copy(&person, &own).await, Ok(AskedFor::Already), "it went today");
    bench.store.settle(vec![keep(2, "devis", "anne@lumen.example")]).await.expect("settled");
    let second = RecordId::parse("devis-1-2").expect("an id");
    let large =
        acts.look(&person, (&second, Look::ToSee), Language::En).await.expect("looked up").expect("there");
    assert_eq!(acts.send_copy(&person, &large).await, Ok(AskedFor::Queued));
    let mail = MailId { record: second, kind: MailKind::Copy };
    bench.store.end_mail(mail, MailEnd::Dropped, None).await.expect("ended");
    assert_eq!(acts.send_copy(&person, &large).await, Ok(AskedFor::Already), "it was too large today");
    assert_eq!(bench.store.requests(None, 10).await.expect("listed").len(), 2, "and its request is open");

    let by = Entry::by_person(Action::Accessed, Reason::PersonRequest);
    let copy = acts.copy(vec![id], "anne@lumen.example", Language::En, (Some(9), 2), by).await;
    let Ok((json, html)) = copy else { panic!("it is made") };
    let held: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(held["records"][0]["id"], "devis-1-1");
    assert_eq!((held["total"].as_u64(), held["unreadable"].as_u64()), (Some(9), Some(2)), "what it may lack");
    assert!(json.contains("anne@lumen.example") && html.contains("anne@lumen.example"), "whole");
    assert!(html.starts_with("<!DOCTYPE html>"), "{}", html.as_str());
    let last = bench.last_entry().await;
    assert_eq!(
        (last.action(), last.role(), last.reason()),
        (Action::Accessed, Role::Person, Some(Reason::PersonRequest))
    );
}
