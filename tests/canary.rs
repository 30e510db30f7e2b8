//! No freed block of memory holds an answer.
//!
//! This binary owns the allocator: on each thread that asks for it, every block is searched for canaries at the moment it
//! is freed. It runs *without* the daemon's zero-on-free allocator, so that what it proves are the types of `lead/`: an
//! answer that was dropped is never copied out of its reply, one that was kept is wiped wherever it was copied to.
//! Leads vary in size and shape: with equal ones the allocator hands the same block out again and hides what was left.
#![expect(unsafe_code, reason = "a global allocator cannot be written without")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test, its helpers included")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use jiff::Timestamp;
use tamis::forget::address::{Matcher, Sought};
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::lead::{
    Leaf, RawLead, RawReply, Revised, Revision, correction, minimise, minimise_for_each, open, revise, seal,
    unseal,
};
use tamis::notification::{LeadRef, ParkCode};
use tamis::purpose::{
    Basis, BoxKey, Channel, ConsentKey, ConsentRule, FieldName, FieldRule, Keep, Matching, Purpose,
    PurposeId, RecordId, Remit, Whitelist,
};
use tamis::random::SeededRandom;
use tamis::secret::{Key, Wiped};
use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static WATCH: Watch = Watch;

/// What is searched for: parts of answers, as they stand decoded and as they stand in a reply that escapes them.
const DROPPED: [&[u8]; 2] = [b"dropped-canary", br"\u0064\u0072\u006f\u0070\u0070\u0065\u0064"];
const KEPT: [&[u8]; 2] = [b"kept-canary", br"\u006b\u0065\u0070\u0074"];
const CONTROL: [&[u8]; 1] = [b"control-canary"];

/// How often each was found in a block that was freed, on one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    dropped: usize,
    kept: usize,
    control: usize,
    blocks: usize,
}

thread_local! {
    /// `None`: this thread is not watched. Needs no allocation and no destructor, so the allocator may read it.
    static FOUND: Cell<Option<Found>> = const { Cell::new(None) };
}

/// Runs `work` with every block that it frees searched, and tells what was found.
fn watched(work: impl FnOnce()) -> Found {
    FOUND.set(Some(Found::default()));
    work();
    FOUND.take().expect("watched until now")
}

/// The system's allocator, with a look at what is freed. Growing is left to the default, which frees the old block.
struct Watch;

// SAFETY: every call is handed on to `System` unchanged, but that blocks come zeroed and are read before they are freed.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that a block never shows what an earlier owner left in it, and so that all of it may be read.
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Ok(Some(mut found)) = FOUND.try_with(Cell::get) {
            // SAFETY: the block is still ours, `layout.size()` bytes long, and was zeroed when it was handed out.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            found.dropped += usize::from(holds(bytes, &DROPPED));
            found.kept += usize::from(holds(bytes, &KEPT));
            found.control += usize::from(holds(bytes, &CONTROL));
            found.blocks += 1;
            FOUND.set(Some(found));
        }
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

fn holds(bytes: &[u8], canaries: &[&[u8]]) -> bool {
    canaries.iter().any(|canary| {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|b| b == &canary[0]) {
            rest = &rest[at..];
            if rest.starts_with(canary) {
                return true;
            }
            rest = &rest[1..];
        }
        false
    })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn purpose() -> Purpose {
    let optin = || ConsentKey::parse("call_optin");
    let field = |name: &str, consent: Option<ConsentKey>, from: &[&str]| FieldRule {
        from: from.iter().map(|key| (*key).to_owned()).collect(),
        required: name == "email",
        consent,
        ..FieldRule::named(FieldName::parse(name).expect("a name"))
    };
    let fields = vec![
        field("email", None, &[]),
        field("full_name", None, &["name_1", "name_2"]),
        field("phone_number", optin(), &[]),
    ];
    Purpose {
        id: PurposeId::parse("devis").expect("a name"),
        title: Vec::new(),
        forms: Vec::new(),
        basis: Basis::PreContract,
        retention_months: Some(12),
        retention_days: None,
        reconfirm_months: Some(6),
        copies: false,
        grace_days: 30,
        recipients: Vec::new(),
        keep: vec![Keep::CampaignId, Keep::LeadgenId],
        phone_region: None,
        welcome: false,
        whitelist: Whitelist::new(fields).expect("not empty"),
        consents: vec![ConsentRule {
            key: optin().expect("a name"),
            channel: Channel::Phone,
            required: false,
            from: vec![BoxKey::anywhere("call_optin")],
            valid_months: Some(12),
            recipient: None,
        }],
        third_parties: Vec::new(),
        require_one_of: Vec::new(),
        legitimate_interest: Vec::new(),
    }
}

fn reference(number: usize) -> LeadRef {
    LeadRef {
        leadgen: LeadgenId::parse(&(9_007_199_254_740_993 + number).to_string()).expect("digits"),
        form: FormId::parse("901").expect("digits"),
        page: PageId::parse("104").expect("digits"),
        created: None,
        received: at(1_764_000_000),
    }
}

/// A text with a canary at its beginning and its end, escaped or not, of a length that differs from lead to lead.
fn text(canary: &str, number: usize, escaped: bool) -> String {
    let word = |word: &str| match escaped {
        true => word.bytes().map(|b| format!("\\u{b:04x}")).collect(),
        false => word.to_owned(),
    };
    let canary = word(&format!("{canary}-canary"));
    format!("{canary}{}{canary}", "é".repeat(number * 37 % 3_001))
}

/// One lead as Graph writes it: kept answers among dropped ones, in all the shapes in which an answer can stand.
fn lead(number: usize) -> String {
    let dropped = text("dropped", number, number.is_multiple_of(3));
    let kept = text("kept", number % 61, number.is_multiple_of(4));
    // An address is brought into one spelling as well: here one with much that is composed, and a domain that is not ASCII.
    let part = text("kept", number % 11, number.is_multiple_of(4));
    let address = format!("{part}ﬁ{}@{part}.été.example", "e\u{301}".repeat(number % 13));
    let mut entries = vec![
        format!(r#"{{"name":"shoe_size","values":["{dropped}"]}}"#),
        format!(r#"{{"name":"email","values":["{kept}","{address}"]}}"#),
        format!(r#"{{"name":"name_2","values":["{dropped}"]}}"#),
        format!(r#"{{"name":"name_1","values":["{kept}"]}}"#),
        format!(r#"{{"values":["{dropped}"]}}"#),
        format!(r#"{{"name":"full_name_","values":{{"deep":[["{dropped}"]]}}}}"#),
        format!(r#"{{"name":"phone_number","value":"{dropped}"}}"#),
        format!(r#""{dropped}""#),
    ];
    entries.extend((0..number % 23).map(|n| format!(r#"{{"name":"q_{n}","values":["{dropped}",7]}}"#)));
    if number.is_multiple_of(2) {
        // The box is not ticked: not even an answer with a permit is touched.
        entries.push(format!(r#"{{"name":"phone_number","values":["{dropped}"]}}"#));
    }
    entries.rotate_left(number % 7);
    entries.push(format!(r#"{{"name":"email","values":["{dropped}"]}}"#));
    format!(
        r#"{{"id":"{}","form_id":"901","created_time":"2025-11-24T16:00:00+0000","campaign_id":"7","ad_name":"{dropped}",
            "custom_disclaimer_responses":[{{"checkbox_key":"call_optin","is_checked":""}}],
            "field_data":[{}]}}"#,
        reference(number).leadgen.expose(),
        entries.join(",")
    )
}

/// A reply as it comes off the network: in chunks of any size.
fn receive(body: &[u8], number: usize) -> RawReply {
    let mut reply = RawReply::with_limit(4_000_000);
    for chunk in body.chunks(1 + number * 131 % 16_384) {
        reply.push(chunk).expect("below the limit");
    }
    reply
}

/// The walk of one lead: sieved, sealed, opened for a reader, dropped.
fn walk(raw: &RawLead<'_>, number: usize, matching: &Matching<'_>) {
    let key = Key::new([7; 32]);
    let id = RecordId::parse(&format!("devis-1-{number}")).expect("an id");
    let sieved = minimise(raw, &reference(number), matching);
    let Ok(minimised) = sieved.result else { panic!("lead {number} was refused") };
    assert!(sieved.dropped.count() >= 6, "lead {number}");
    let record = seal(&minimised, &id, [0; 32], Leaf::of(&id), &key, &SeededRandom::new(number as u64))
        .expect("seals");
    let Ok(opened) = open(&record, &id, &key) else { panic!("lead {number} does not open") };
    let email =
        opened.field(matching.purpose(), "email").and_then(|answers| answers.first()).expect("an answer");
    assert!(email.expose().starts_with("kept-canary") && email.expose().ends_with("kept-canary"));
}

#[test]
fn the_watch_finds_what_is_left_and_nothing_else() {
    let left = watched(|| drop(String::from("a control-canary, freed as it is")));
    assert_eq!(left.control, 1);
    let grown = watched(|| {
        let mut text = String::from("control-canary");
        text.reserve(10_000);
        std::mem::forget(text);
    });
    assert_eq!(grown.control, 1, "the block that was outgrown");
    let wiped = watched(|| drop(Wiped::new(String::from("a control-canary, wiped"))));
    assert_eq!((wiped.control, wiped.blocks), (0, 1));
}

#[test]
fn no_answer_of_single_replies_is_left_in_a_freed_block() {
    let purpose = purpose();
    let matching = Matching::new(&purpose, None);
    let bodies: Vec<String> = (0..600).map(lead).collect();
    let found = watched(|| {
        for (number, body) in bodies.iter().enumerate() {
            let reply = receive(body.as_bytes(), number);
            let Some(raw) = reply.lead() else { panic!("lead {number}") };
            walk(&raw, number, &matching);
        }
        drop(String::from("control-canary"));
    });
    assert_eq!(Found { blocks: 0, ..found }, Found { control: 1, ..Found::default() });
    assert!(found.blocks > 600 * 10, "{} blocks", found.blocks);
}

/// One submission under three purposes: each decodes what it may hold, nobody what none may.
#[test]
fn what_no_purpose_of_a_form_permits_is_decoded_for_none() {
    let mut on_demand = purpose();
    on_demand.consents[0].required = true;
    let mut narrow = purpose();
    narrow.id = PurposeId::parse("lettre").expect("a name");
    let rules = narrow.whitelist.rules().iter().filter(|rule| rule.name.as_str() == "email").cloned();
    narrow.whitelist = Whitelist::new(rules.collect()).expect("a field");
    let purposes = [purpose(), narrow, on_demand];
    let matchings: Vec<Matching<'_>> = purposes.iter().map(|purpose| Matching::new(purpose, None)).collect();
    let bodies: Vec<String> = (0..300).map(lead).collect();
    let found = watched(|| {
        for (number, body) in bodies.iter().enumerate() {
            let reply = receive(body.as_bytes(), number);
            let Some(raw) = reply.lead() else { panic!("lead {number}") };
            let sieved = minimise_for_each(&raw, &reference(number), &matchings, &[]);
            let kept = sieved.each.iter().filter(|sieved| sieved.result.is_ok()).count();
            assert_eq!((kept, sieved.each[2].is_unasked), (2, true), "lead {number}");
            assert!(sieved.dropped.count() >= 4, "lead {number}");
        }
        drop(String::from("control-canary"));
    });
    assert_eq!(Found { blocks: 0, ..found }, Found { control: 1, ..Found::default() });
}

#[test]
fn no_answer_is_left_when_a_lead_is_refused() {
    let mut purpose = purpose();
    purpose.consents[0].required = true;
    let matching = Matching::new(&purpose, None);
    let other_form = |number: usize| lead(number).replace(r#""form_id":"901""#, r#""form_id":"902""#);
    let bodies: Vec<(String, String)> = (0..200).map(|number| (lead(number), other_form(number))).collect();
    let found = watched(|| {
        for (number, (body, other_form)) in bodies.iter().enumerate() {
            for (body, wanted) in [(body, ParkCode::ConsentMissing), (other_form, ParkCode::FormMismatch)] {
                let reply = receive(body.as_bytes(), number);
                let Some(raw) = reply.lead() else { panic!("lead {number}") };
                assert_eq!(minimise(&raw, &reference(number), &matching).result.err(), Some(wanted));
            }
            let half = receive(&body.as_bytes()[..body.len() - 1], number);
            assert!(half.lead().is_none());
            let mut small = RawReply::with_limit(body.len() / 2);
            assert!(body.as_bytes().chunks(64).any(|chunk| small.push(chunk).is_err()));
        }
        drop(String::from("control-canary"));
    });
    assert_eq!(Found { blocks: 0, ..found }, Found { control: 1, ..Found::default() });
}

/// What happens to a record while it lies in the store: it is looked through for an address, put right, trimmed.
#[test]
fn no_answer_is_left_when_a_record_is_looked_through_or_written_anew() {
    let purpose = purpose();
    let matching = Matching::new(&purpose, None);
    let (id, key) = (RecordId::parse("devis-1-1").expect("an id"), Key::new([7; 32]));
    let mut narrow = self::purpose();
    let rules = narrow.whitelist.rules().iter().filter(|rule| rule.name.as_str() == "email").cloned();
    narrow.whitelist = Whitelist::new(rules.collect()).expect("a field");
    let remit = std::sync::Arc::new(Remit::of(&narrow));
    let records: Vec<_> = (0..200)
        .map(|number| {
            let body = lead(number);
            let reply = receive(body.as_bytes(), number);
            let raw = reply.lead().unwrap_or_else(|| panic!("lead {number}"));
            let Ok(lead) = minimise(&raw, &reference(number), &matching).result else { panic!("refused") };
            seal(&lead, &id, [0; 32], Leaf::of(&id), &key, &SeededRandom::new(1)).expect("seals")
        })
        .collect();
    // The caller's own, and wiped by it.
    let values: Vec<_> = (0..200).map(|number| Wiped::new(text("kept", number, false))).collect();
    let mut counted = (0, 0);
    let found = watched(|| {
        for (number, (record, value)) in records.iter().zip(values).enumerate() {
            let sought = Sought::email("kept-canary@kept-canary.example").expect("an address");
            let matcher = Matcher::of([(0, &sought)], None);
            let unsealed = unseal(record, &id, &key).unwrap_or_else(|_| panic!("record {number}"));
            unsealed.each_answer(|_, answer| matcher.look(answer, |_| ())).expect("of our layout");
            let fields = vec![("full_name".to_owned(), vec![value])];
            let corrected = correction(&purpose, fields).unwrap_or_else(|_| panic!("a correction"));
            let trimmed = Revision::trimmed_to(std::sync::Arc::clone(&remit));
            for (revision, count) in [(corrected, &mut counted.0), (trimmed, &mut counted.1)] {
                let revised = revise(record, &id, &key, &revision, at(1_764_000_000));
                let Ok(Revised::Anew(revised)) = revised else { continue };
                let random = SeededRandom::new(number as u64);
                let anew = revised.seal(&id, Leaf::of(&id), &key, &random).expect("seals");
                assert!(open(&anew, &id, &key).is_ok());
                *count += 1;
            }
        }
        drop(String::from("control-canary"));
    });
    assert_eq!(Found { blocks: 0, ..found }, Found { control: 1, ..Found::default() });
    assert!(counted.0 > 100 && counted.1 > 150, "{counted:?}");
}

#[test]
fn no_answer_is_left_when_one_is_too_long_for_its_record() {
    let purpose = purpose();
    let matching = Matching::new(&purpose, None);
    let long = format!("kept-canary{}", "x".repeat(20_000));
    let body = format!(
        r#"{{"form_id":"901","field_data":[{{"name":"email","values":["kept-canary"]}},{{"name":"name_1","values":["{long}"]}}]}}"#
    );
    let id = RecordId::parse("devis-1-1").expect("an id");
    let key = Key::new([7; 32]);
    let found = watched(|| {
        let reply = receive(body.as_bytes(), 1);
        let Some(raw) = reply.lead() else { panic!("a lead") };
        let sieved = minimise(&raw, &reference(1), &matching);
        let Ok(lead) = sieved.result else { panic!("the address is kept") };
        assert_eq!(sieved.dropped.too_long(), 1);
        assert!(seal(&lead, &id, [0; 32], Leaf::of(&id), &key, &SeededRandom::new(1)).is_ok());
    });
    assert_eq!(Found { blocks: 0, ..found }, Found::default());
}

/// The same leads, parsed the usual way: what this file guards against is real, and the watch sees it.
#[test]
fn the_usual_way_leaves_hundreds() {
    let bodies: Vec<String> = (0..100).map(lead).collect();
    let found = watched(|| {
        for body in &bodies {
            let value: serde_json::Value = serde_json::from_str(body).expect("well-formed");
            drop(value);
        }
    });
    assert!(found.dropped > 300 && found.kept > 100, "{found:?}");
}

/// The second line of defence, for the copies that no type of ours owns (HTTP client, TLS, parsers): the daemon's
/// allocator zeroes what it frees, so that nothing reaches the allocator below it.
#[test]
fn the_daemons_allocator_hands_down_zeroes() {
    const TEXT: &[u8] = b"a control-canary, freed as it is";
    let zeroing = ZeroAlloc(Watch);
    let layout = Layout::from_size_align(TEXT.len(), 1).expect("a layout");
    let larger = Layout::from_size_align(TEXT.len() * 100, 1).expect("a layout");
    // SAFETY: the block is as long as the text; it is freed once, by the allocator and with the layout it came with.
    let (freed, grown, unzeroed) = unsafe {
        let filled = || {
            let block = zeroing.alloc(layout);
            assert!(!block.is_null());
            block.copy_from_nonoverlapping(TEXT.as_ptr(), TEXT.len());
            block
        };
        let freed = watched(|| zeroing.dealloc(filled(), layout));
        let mut moved = std::ptr::null_mut();
        let grown = watched(|| moved = zeroing.realloc(filled(), layout, larger.size()));
        assert_eq!(std::slice::from_raw_parts(moved, TEXT.len()), TEXT);
        zeroing.dealloc(moved, larger);
        let unzeroed = watched(|| Watch.dealloc(filled(), layout));
        (freed, grown, unzeroed)
    };
    assert_eq!((freed.control, freed.blocks), (0, 1));
    assert_eq!((grown.control, grown.blocks), (0, 1));
    assert_eq!((unzeroed.control, unzeroed.blocks), (1, 1));
}
