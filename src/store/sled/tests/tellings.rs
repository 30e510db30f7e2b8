//! Single look-ups, the trail, tokens, forms, and what must not be found on disk.

use super::support::*;
use crate::lead::sample;
use crate::notification::ParkCode;
use crate::purpose::{FormDefinition, Question, RecordId};
use crate::store::sled::SledStore;
use crate::store::{
    Forms, Found, KnownForm, Leads, Life, Seen, SeenState, StoreCode, Token, Tokens, Trail, Wanted,
};
use crate::trail::{Action, Outcome, Reason, Role};

async fn find(store: &SledStore, wanted: Wanted) -> Vec<Found> {
    store.find(wanted, by_officer(Action::Found)).await.expect("looked up")
}

#[tokio::test]
async fn a_record_is_found_by_either_id_and_the_look_up_stands_in_the_trail() {
    let world = World::new();
    let store = world.open();
    store.settle(vec![stored(1), stored(2), parked(3, 1, REFUSED)]).await.expect("settled");
    let id = RecordId::parse("devis-1-2").expect("an id");
    let found = find(&store, Wanted::Leadgen(leadgen(2))).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].state, SeenState::Stored(id.clone()));
    assert_eq!(found[0].lead.as_ref().map(sample::email), Some(email_of(2)));
    let found = find(&store, Wanted::Record(id.clone())).await;
    assert_eq!(found[0].lead.as_ref().map(sample::email), Some(email_of(2)));
    let found = find(&store, Wanted::Leadgen(leadgen(3))).await;
    assert!(found[0].lead.is_none());
    assert_eq!(found[0].state, SeenState::Parked(REFUSED));
    assert!(find(&store, Wanted::Leadgen(leadgen(4))).await.is_empty());
    for absent in ["devis-1-3", "devis-2-2", "inconnu-1-1"] {
        assert!(find(&store, Wanted::Record(RecordId::parse(absent).expect("an id"))).await.is_empty());
    }
    let lines = store.lines(1, 100).await.expect("a trail");
    assert_eq!(lines.len(), 7);
    assert_eq!((&lines[0].entry.from, lines[0].entry.count), (&Some(id), 1));
    assert_eq!((lines[2].entry.result, &lines[2].entry.from), (Outcome::Done, &None));
    assert_eq!((lines[3].entry.result, lines[3].entry.count), (Outcome::Nothing, 0));
    // Past its expiry it is known, and not shown.
    world.clock.advance_ms(5 * DAY_MS);
    find(&store, Wanted::Leadgen(leadgen(2))).await;
    world.clock.advance_ms(5 * DAY_MS);
    let found = find(&store, Wanted::Leadgen(leadgen(2))).await;
    assert!(found[0].lead.is_none() && matches!(found[0].state, SeenState::Stored(_)));
}

#[tokio::test]
async fn the_trail_is_read_in_pieces_and_goes_on_after_a_restart() {
    let world = World::new();
    let store = world.open();
    for number in 0..20 {
        store.settle(vec![stored(number)]).await.expect("settled");
    }
    store.close().await.expect("closed");
    let store = world.open();
    store.settle(vec![stored(20)]).await.expect("settled");
    let mut after = 0;
    let mut sequence = Vec::new();
    loop {
        let lines = store.lines(after, 8).await.expect("a trail");
        let Some(last) = lines.last() else { break };
        after = last.seq;
        sequence.extend(lines.iter().map(|line| line.seq));
    }
    assert_eq!(sequence, (1..=21).collect::<Vec<_>>());
    assert_eq!(store.lines(21, 8).await, Ok(Vec::new()));
    assert_eq!(store.lines(u64::MAX, 8).await, Ok(Vec::new()));
    assert_eq!(store.lines(0, 0).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_line_changed_removed_cut_off_or_put_elsewhere_is_told() {
    let changes: [fn(&::sled::Tree); 5] = [
        |trail| {
            let mut line = trail.get(3_u64.to_be_bytes()).expect("read").expect("there").to_vec();
            line[2] ^= 1;
            trail.insert(3_u64.to_be_bytes(), line).expect("written");
        },
        |trail| {
            trail.remove(3_u64.to_be_bytes()).expect("removed");
        },
        |trail| {
            trail.remove(5_u64.to_be_bytes()).expect("removed");
        },
        |trail| {
            trail.remove(1_u64.to_be_bytes()).expect("removed");
        },
        |trail| {
            let line = trail.get(2_u64.to_be_bytes()).expect("read").expect("there");
            trail.insert(4_u64.to_be_bytes(), line).expect("written");
        },
    ];
    for change in changes {
        let world = World::new();
        let store = world.open();
        for number in 0..5 {
            store.settle(vec![stored(number)]).await.expect("settled");
        }
        store.close().await.expect("closed");
        tamper(&world, |db| change(&db.open_tree("trail").expect("a tree")));
        let store = world.open();
        let read = store.lines(0, 100).await;
        assert_eq!(read.err().map(|error| error.code), Some(StoreCode::TrailBroken));
        assert_eq!(store.halted(), None, "the store itself goes on");
    }
}

fn token(number: u64) -> Token {
    Token {
        id: format!("{number:016x}"),
        hash: [number as u8; 32],
        name: "crm de Lyon".to_owned(),
        role: Role::Exporter,
        purposes: vec![purpose("devis"), purpose("lettre")],
        recipient: Some("crm".to_owned()),
        reason: Some(Reason::CrmSync),
        created_at: start(),
        expires_at: jiff::Timestamp::from_second(START_S + 86_400).expect("in range"),
    }
}

#[tokio::test]
async fn tokens_are_made_found_listed_and_revoked_each_with_its_line() {
    let world = World::new();
    let store = world.open();
    store.create_token(token(1), by_officer(Action::TokenCreated)).await.expect("made");
    store.create_token(token(2), by_officer(Action::TokenCreated)).await.expect("made");
    store.close().await.expect("closed");
    let store = world.open();
    assert_eq!(store.token(&token(2).id).await, Ok(Some(token(2))));
    assert_eq!(store.tokens().await, Ok(vec![token(1), token(2)]));
    assert_eq!(store.revoke_token(&token(1).id, by_officer(Action::TokenRevoked)).await, Ok(true));
    assert_eq!(store.revoke_token(&token(1).id, by_officer(Action::TokenRevoked)).await, Ok(false));
    assert_eq!(store.token(&token(1).id).await, Ok(None));
    let lines = store.lines(0, 10).await.expect("a trail");
    let told: Vec<_> = lines.iter().map(|line| (line.entry.action(), line.entry.result)).collect();
    assert_eq!(
        told,
        [
            (Action::TokenCreated, Outcome::Done),
            (Action::TokenCreated, Outcome::Done),
            (Action::TokenRevoked, Outcome::Done),
            (Action::TokenRevoked, Outcome::Nothing),
        ]
    );
}

#[tokio::test]
async fn no_more_than_a_thousand_tokens_are_kept() {
    let world = World::new();
    let store = world.open();
    for hundred in 0..10 {
        let made =
            (0..100).map(|n| store.create_token(token(hundred * 100 + n), by_officer(Action::TokenCreated)));
        for made in futures_util::future::join_all(made).await {
            made.expect("made");
        }
    }
    let refused = store.create_token(token(5_000), by_officer(Action::TokenCreated)).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::TooManyTokens));
    assert_eq!(store.lines(1_000, 10).await.map(|lines| lines.len()), Ok(0), "a refusal leaves no line");
    assert_eq!(store.revoke_token(&token(7).id, by_officer(Action::TokenRevoked)).await, Ok(true));
    store.create_token(token(5_000), by_officer(Action::TokenCreated)).await.expect("there is room again");
}

#[tokio::test]
async fn forms_are_kept_as_read_and_one_too_large_is_refused() {
    let world = World::new();
    let store = world.open();
    let known = |number: u64, questions: usize| {
        let question = |n: usize| Question {
            key: format!("vollständiger_name_{n}"),
            question_type: "FULL_NAME".to_owned(),
        };
        let questions = (0..questions).map(question).collect();
        let definition = Some(FormDefinition { form: form_id(number), questions });
        KnownForm { form: form_id(number), definition, read_at: start() }
    };
    let refused_for_good = KnownForm { definition: None, ..known(2, 0) };
    store.put_form(known(1, 3)).await.expect("kept");
    store.put_form(refused_for_good.clone()).await.expect("kept");
    let mut counted = stored(1);
    counted.dropped.note("loisirs");
    store.settle(vec![counted]).await.expect("settled");
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(known(1, 3))));
    assert_eq!(store.form(&form_id(3)).await, Ok(None));
    assert_eq!(store.forms().await, Ok(vec![known(1, 3), refused_for_good]));
    store.put_form(known(1, 4)).await.expect("kept");
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(known(1, 4))));
    let refused = store.put_form(known(4, 2_000)).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::ValueTooLarge));
    let large = Token { name: "n".repeat(30_000), ..token(1) };
    let refused = store.create_token(large, by_officer(Action::TokenCreated)).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::ValueTooLarge));
    let many = Token { purposes: vec![purpose("devis"); 300], ..token(1) };
    let refused = store.create_token(many, by_officer(Action::TokenCreated)).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::ValueTooLarge));
    let long_key = |draft: &mut crate::store::sled::draft::Draft<'_>| {
        draft.write(crate::store::sled::layout::Place::Forms, &[b'n'; 300], vec![1])
    };
    let refused = store.writer.write(1, long_key).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::ValueTooLarge));
    assert_eq!(store.lines(1, 10).await, Ok(Vec::new()), "a refusal leaves no line");
    assert_eq!(store.halted(), None);
}

#[tokio::test]
async fn no_leadgen_and_no_answer_lies_in_clear_on_disk() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 100).await;
    let whys = [HELD, REFUSED, BURIED, waiting(60, 1)];
    let batch = (101..301).map(|n| parked(n, n % 7, whys[n as usize % 4])).collect();
    store.settle(batch).await.expect("settled");
    export(&store, 30).await.expect("exported");
    find(&store, Wanted::Leadgen(leadgen(7))).await;
    // A control that must be found: a question's name is kept in clear.
    let mut counted = stored(500);
    counted.dropped.note("planted_control_question");
    store.settle(vec![counted]).await.expect("settled");
    store.close().await.expect("closed");
    world.open().close().await.expect("closed");
    assert!(matches!(store.seen(&leadgen(1)).await, Err(error) if error.code == StoreCode::Closed));

    let holds = |needle: &[u8]| {
        files(world.dir.path()).iter().any(|path| {
            let bytes = std::fs::read(path).expect("readable");
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    assert!(holds(b"planted_control_question"), "the search finds nothing at all");
    assert!(holds(ParkCode::AttemptsSpent.as_str().as_bytes()));
    for number in [1, 50, 100, 101, 150, 300] {
        assert!(!holds(leadgen(number).expose().as_bytes()), "leadgen {number}");
        assert!(!holds(email_of(number).as_bytes()), "answer {number}");
    }
    assert!(!holds(b"canary.example"));
    assert!(!holds(page_id().as_str().as_bytes()), "ids of pages are sealed with their references");
}

#[tokio::test]
async fn refusals_are_written_down_once_a_second_for_each_actor() {
    let world = World::new();
    let store = world.open();
    let refused = |actor: &str| {
        let mut entry = by_token(actor, Action::Requeued);
        entry.result = Outcome::Refused;
        entry
    };
    for _ in 0..50 {
        for actor in ["a", "b"] {
            store.note(refused(actor)).await.expect("noted or passed over");
        }
    }
    assert_eq!(store.lines(0, 100).await.map(|lines| lines.len()), Ok(2));
    world.clock.advance_ms(1_000);
    store.note(refused("a")).await.expect("noted");
    let lines = store.lines(0, 100).await.expect("a trail");
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.entry.result == Outcome::Refused));
}
