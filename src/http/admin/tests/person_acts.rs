//! What a person has done where everything cannot be looked through now: the record goes, the rest stays to be done, and is seen.

use super::addresses::keep;
use super::*;
use crate::http::admin::person_acts::{Extent, Look, PersonActs, objecting, withdrawing};
use crate::language::Language;
use crate::purpose::ConsentKey;
use crate::purpose::law::RequestKind;
use crate::store::contract::support::by_officer;
use crate::store::{PersonRequest, StoreCode, StoreError};
use crate::trail::Operator;

/// Everybody looks for addresses at once.
fn with_searches_full(bench: &Bench) -> PersonActs {
    let full = |_, _, _| -> super::super::search::Looked {
        Box::pin(async { Err(StoreError::of(StoreCode::SearchesFull)) })
    };
    PersonActs {
        state: bench.state(),
        queue: super::super::find::Queue::new(|_| false, || 0),
        search: Arc::new(super::super::search::Search::new(full)),
        receipts: erasing::receipts(),
    }
}

async fn requests(bench: &Bench) -> Vec<PersonRequest> {
    bench.store.requests(None, 10).await.expect("listed")
}

#[tokio::test]
async fn where_nothing_can_be_looked_through_the_record_goes_and_the_officer_sees_the_rest() {
    let bench = Bench::new();
    bench.store.settle(vec![keep(1, "devis", "anne@lumen.example")]).await.expect("settled");
    let (acts, person) = (with_searches_full(&bench), Operator::recognised_by_pass());
    let request = test::TestRequest::post().to_http_request();
    let id = RecordId::parse("devis-1-1").expect("an id");
    let own = acts.look(&person, (&id, Look::ToSee), Language::En).await.expect("looked up").expect("there");
    let came = acts.erase(&request, &person, &own, Extent::Whole).await.expect("done");
    assert_eq!((came.erasures.len(), came.is_left), (1, true));
    assert_eq!(acts.papers(&came, Language::Fr).await.map(|papers| papers.len()), Ok(1));
    assert!(
        acts.look(&person, (&id, Look::ToSee), Language::En).await.expect("looked up").is_none(),
        "it is gone"
    );
    let open = requests(&bench).await;
    assert!(open.len() == 1 && open[0].kind == RequestKind::Erasure && open[0].answered.is_none());
    assert_eq!(came.due, Some(open[0].due()));
}

/// The same of a withdrawal: this record's consents end, and the officer sees that others may be left.
#[tokio::test]
async fn where_nothing_can_be_looked_through_a_withdrawal_is_this_record_s_and_stays_open() {
    let bench = Bench::new();
    let keep = |number| keep(number, "lettre", "anne@lumen.example");
    bench.store.settle(vec![keep(1), keep(2)]).await.expect("settled");
    let person = Operator::recognised_by_pass();
    let request = test::TestRequest::post().to_http_request();
    let id = |number| RecordId::parse(&format!("lettre-1-{number}")).expect("an id");
    let acts = with_searches_full(&bench);
    let own =
        acts.look(&person, (&id(1), Look::ToSee), Language::En).await.expect("looked up").expect("there");
    let boxes = [ConsentKey::parse("email_optin").expect("a name")];
    let said = || own.said("", Language::Fr);
    assert_eq!((said().notice_revision, said().language.as_deref()), (None, Some("fr")), "none was kept");
    let came = acts.withdraw(&request, &withdrawing(person.clone()), &own, (&boxes, said())).await;
    let came = came.expect("done");
    assert!(came.is_left && came.due.is_some());
    let open = requests(&bench).await;
    assert!(open.len() == 1 && open[0].kind == RequestKind::Withdrawal && open[0].answered.is_none());
    assert!(acts.look(&person, (&id(2), Look::ToSee), Language::En).await.expect("looked up").is_some());
}

/// What they asked for themselves is not ended by an objection, whatever else cannot be done; and they are barred all the same.
#[tokio::test]
async fn an_objection_that_cannot_be_followed_through_bars_and_ends_nothing_that_stays() {
    let bench = Bench::new();
    bench.store.settle(vec![keep(1, "devis", "anne@lumen.example")]).await.expect("settled");
    let (acts, person) = (with_searches_full(&bench), Operator::recognised_by_pass());
    let request = test::TestRequest::post().to_http_request();
    let id = RecordId::parse("devis-1-1").expect("an id");
    let own = acts.look(&person, (&id, Look::ToSee), Language::En).await.expect("looked up").expect("there");
    let came =
        acts.object(&request, &objecting(person.clone()), &own, Extent::OfPurpose).await.expect("done");
    assert!(came.erasures.is_empty() && came.is_left);
    assert!(
        acts.look(&person, (&id, Look::ToSee), Language::En).await.expect("looked up").is_some(),
        "it stays"
    );
    let listed = bench.store.suppressions(None, 10, by_officer(Action::SuppressionsListed)).await;
    let listed = listed.expect("listed");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].purpose.as_ref(), listed[0].reason), (Some(&id.purpose), Some(Reason::Objection)));
    let open = requests(&bench).await;
    assert!(open.len() == 1 && open[0].kind == RequestKind::Objection && open[0].answered.is_none());
    let by: Vec<String> = bench.entries().await.iter().map(|entry| entry.actor().to_string()).collect();
    assert!(by.iter().filter(|actor| *actor == "person").count() >= 5, "{by:?}");
}

/// RFC 8058: a POST, no cookie, no redirect, 200; and nothing else that comes to that address does anything.
#[tokio::test]
async fn a_mail_program_says_no_for_somebody_and_is_answered_alike_however_often_it_asks() {
    use crate::http::public::person_routes;
    use crate::http::{Persons, Proxies};
    use crate::people::PassKind;
    use crate::store::{GivenPass, ToPass};

    let bench = Bench::new();
    bench.store.settle(vec![keep(1, "devis", "anne@lumen.example")]).await.expect("settled");
    let record = RecordId::parse("devis-1-1").expect("an id");
    let wanted = ToPass { record: record.clone(), kind: PassKind::Stop, last_day: None };
    let given = bench.store.give_pass(wanted, by_officer(Action::PassGiven)).await.expect("answered");
    let GivenPass::Given(pass) = given else { panic!("given") };
    let path = pass.path(PassKind::Stop).to_string();
    let acts = PersonActs {
        state: bench.state(),
        queue: super::super::find::Queue::new(|_| false, || 0),
        search: addresses::search(&bench.store, MATCHES_MAX).into_inner(),
        receipts: erasing::receipts(),
    };
    let persons = actix_web::web::Data::new(Persons::new(acts, Proxies::default()));
    let listed = async || {
        let listed = bench.store.suppressions(None, 10, by_officer(Action::SuppressionsListed)).await;
        listed.expect("listed").len()
    };
    let calls = async {
        let app = test::init_service(App::new().app_data(persons).configure(person_routes)).await;
        let call = async |request: test::TestRequest| {
            let answer = test::call_service(&app, request.to_request()).await;
            assert!(
                answer.headers().get("set-cookie").is_none() && answer.headers().get("location").is_none()
            );
            (answer.status().as_u16(), text_of(answer).await)
        };
        let post = |path: &str, body: &'static str| test::TestRequest::post().uri(path).set_payload(body);
        for quiet in [post(&path, ""), post(&path, "List-Unsubscribe=no")] {
            assert_eq!(call(quiet).await.0, 400);
        }
        for (lang, said) in [("fr", "Oui, arrêtez"), ("en", "Yes, stop"), ("de", "Ja, beenden")] {
            let uri = format!("{path}?lang={lang}");
            let (status, page) = call(test::TestRequest::get().uri(&uri)).await;
            assert!(status == 200 && page.contains(&format!("{said}</button>")), "{page}");
            let field = "<input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">";
            assert!(
                page.contains(&format!("<form method=\"post\" action=\"?lang={lang}\">\n{field}")),
                "{page}"
            );
            for personal in ["Titre", "Title", "anne", "lumen.example", "devis-1-1"] {
                assert!(!page.contains(&format!(">{personal}")), "nothing of the record: {page}");
            }
        }
        let other = path.replace("/u/", "/p/");
        assert_eq!(call(test::TestRequest::get().uri(&other)).await.0, 404, "it opens no page");
        assert_eq!((listed().await, requests(&bench).await.len()), (0, 0), "nothing was done");
        for _ in 0..3 {
            assert_eq!(call(post(&path, "List-Unsubscribe=One-Click")).await, (200, String::new()));
        }
        let by_button = call(post(&format!("{path}?lang=en"), "List-Unsubscribe=One-Click")).await;
        assert!(by_button.0 == 200 && by_button.1.contains("We have stopped"), "{}", by_button.1);
        let never = format!("/u/{}", "A".repeat(43));
        assert_eq!(call(post(&never, "List-Unsubscribe=One-Click")).await, (200, String::new()));
    };
    tokio::task::LocalSet::new().run_until(calls).await;
    assert_eq!(listed().await, 1, "the address is barred for this purpose");
    let done = requests(&bench).await;
    assert!(done.len() == 1 && done[0].answered.is_some(), "once, however often it asks");
    let last = bench.last_entry().await;
    assert_eq!(last.actor().to_string(), "local:1000", "the list was read last");
    let by: Vec<_> = bench.entries().await.into_iter().filter(|entry| entry.role() == Role::Person).collect();
    assert!(
        by.iter()
            .any(|entry| entry.action() == Action::Suppressed && entry.reason() == Some(Reason::Objection))
    );
}

/// What opens nothing takes from its caller's own bound, and leaves the common one to those for whom there is something to do.
#[tokio::test(start_paused = true)]
async fn calls_that_open_nothing_keep_nobody_else_s_from_being_heard() {
    use crate::http::public::person_routes;
    use crate::http::{Persons, Proxies};
    use crate::people::PassKind;
    use crate::store::{GivenPass, ToPass};

    let bench = Bench::new();
    bench.store.settle(vec![keep(1, "devis", "anne@lumen.example")]).await.expect("settled");
    let record = RecordId::parse("devis-1-1").expect("an id");
    let wanted = ToPass { record, kind: PassKind::Stop, last_day: None };
    let given = bench.store.give_pass(wanted, by_officer(Action::PassGiven)).await.expect("answered");
    let GivenPass::Given(pass) = given else { panic!("given") };
    let path = pass.path(PassKind::Stop).to_string();
    let acts = PersonActs {
        state: bench.state(),
        queue: super::super::find::Queue::new(|_| false, || 0),
        search: addresses::search(&bench.store, MATCHES_MAX).into_inner(),
        receipts: erasing::receipts(),
    };
    let persons = actix_web::web::Data::new(Persons::new(acts, Proxies::default()));
    let calls = async {
        let app = test::init_service(App::new().app_data(persons).configure(person_routes)).await;
        let call = async |path: &str, from: &str| {
            let request = test::TestRequest::post().uri(path).set_payload("List-Unsubscribe=One-Click");
            let request = request.peer_addr(format!("{from}:4000").parse().expect("an address"));
            test::call_service(&app, request.to_request()).await.status().as_u16()
        };
        let never = format!("/u/{}", "A".repeat(43));
        let mut heard = 0;
        for _ in 0..1_000 {
            heard += u32::from(call(&never, "203.0.113.9").await == 200);
        }
        assert_eq!(heard, 20, "its own burst");
        assert_eq!(call(&path, "203.0.113.9").await, 200, "what opens is heard, also from there");
        assert_eq!(requests(&bench).await.len(), 1);
        assert_eq!(call(&path, "203.0.113.9").await, 429, "and has nothing to do any more");
        assert_eq!(call(&path, "203.0.113.10").await, 200);
        assert_eq!(requests(&bench).await.len(), 1);
    };
    tokio::task::LocalSet::new().run_until(calls).await;
}
