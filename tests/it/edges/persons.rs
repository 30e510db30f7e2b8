//! Three policies over the sources, where a person is concerned: whatever is kept is reached by the eraser or has another end;
//! no answer reaches a log; whoever reads or erases has been recognised, and the trail is told.

use std::collections::BTreeSet;

use super::sources::{Source, read};

/// How what is kept of a person ends.
enum End {
    /// It holds nothing of a person who submits.
    Nobody,
    /// The eraser takes it away, where its source says this.
    Taken(&'static str),
    /// It stays when a person is erased, and why.
    Stays(&'static str),
}
use End::{Nobody, Stays, Taken};

/// Every tree of the store. A new one fails the test until it stands here.
const TREES: [(&str, End); 24] = [
    ("Meta", Nobody),
    ("Seen", Taken("draft.remove(Place::Seen, key)")),
    ("Parked", Taken("parking::unpark(draft, &before)")),
    ("Sequence", Nobody),
    ("Trail", Stays("numbers of records and what was done to them: art. 5(2) GDPR")),
    ("Tokens", Nobody),
    ("Forms", Nobody),
    ("Notices", Nobody),
    ("Aside", Taken("aside::forget(draft, &Place::Seen, key)")),
    ("Buckets", Taken("bucket_rows::put(draft, &key, row.without())")),
    (
        "Erasures",
        Stays("numbers of leaves while they are pending; then counts, and a hash whose key nobody keeps"),
    ),
    ("Tombstones", Stays("a hash under the month's key, which is destroyed 120 to 150 days later")),
    ("Restrictions", Taken("restrictions::forget(draft, &id)")),
    ("Evidence", Taken("evidence_rows::forget(draft, &id)")),
    (
        "Stubs",
        Stays(
            "what shows that a person had agreed, under a key of its month: art. 17(3)(e) GDPR, where it is kept; it ends by its time",
        ),
    ),
    ("Handed", Taken("handed::note_erasure(draft, id, &taken.records)")),
    ("Outbox", Taken("outbox::forget(draft, &id)")),
    (
        "Feeds",
        Stays(
            "numbers of records that are gone, until whoever was handed them has followed: art. 19 GDPR; two years at most",
        ),
    ),
    (
        "Suppressions",
        Stays("keyed hashes of who objected, who stays barred by them: art. 21 GDPR; they end by their time"),
    ),
    (
        "Requests",
        Stays("what was asked for and by when, no address and no name: art. 5(2) GDPR; it ends by its time"),
    ),
    (
        "Vigils",
        Stays("a keyed hash of who was erased, until what was unread then is read: 91 days at the most"),
    ),
    ("Passes", Taken("passes::forget(draft, &id)")),
    ("Leaves", Taken("leaf_rows::forget(draft, leaf, &id)")),
    ("Vault", Taken("draft.remove(place, &key)")),
];

/// Every type that is written to the disk as bytes of its fields: file, type, and how what it says of a person ends.
const KEPT: [(&str, &str, End); 60] = [
    ("lead::schema", "Common", Taken("taken.leaves.push(")),
    ("lead::schema", "Rest", Taken("taken.leaves.push(")),
    ("lead::schema", "Layout1", Taken("taken.leaves.push(")),
    ("lead::schema", "Layout2", Taken("taken.leaves.push(")),
    ("lead::schema", "Consent2", Taken("taken.leaves.push(")),
    ("lead::schema", "Layout3", Taken("taken.leaves.push(")),
    ("lead::schema", "Consent3", Taken("taken.leaves.push(")),
    ("lead::sealed_event", "EventRow", Taken("evidence_rows::forget(draft, &id)")),
    ("lead::stub", "StubRow", Stays("boxes that were ticked and what became of them, no answer, no address")),
    ("lead::stub", "BoxRow", Stays("the same")),
    ("lead::minimised", "Tick", Taken("taken.leaves.push(")),
    ("store::sled::rows", "SeenRow", Taken("draft.remove(Place::Seen, key)")),
    ("store::sled::rows", "FateRow", Taken("row.fates.retain(")),
    ("store::sled::rows", "PurposeFate", Taken("row.fates.retain(")),
    ("store::sled::rows", "EndRow", Taken("draft.remove(Place::Seen, key)")),
    ("store::sled::rows", "ParkedRow", Taken("parking::unpark(draft, &before)")),
    ("store::sled::rows", "OpenRow", Taken("open.retain(")),
    ("store::sled::rows::first", "SeenRow", Taken("draft.remove(Place::Seen, key)")),
    ("store::sled::rows::first", "SeenFate", Taken("draft.remove(Place::Seen, key)")),
    ("store::sled::rows::first", "ParkedRow", Taken("parking::unpark(draft, &before)")),
    ("store::sled::rows::second", "ParkedRow", Taken("parking::unpark(draft, &before)")),
    ("store::sled::rows::why", "WhyRow", Taken("parking::unpark(draft, &before)")),
    ("store::sled::buckets", "BucketRow", Taken("row.without()")),
    ("store::sled::erasure_rows", "ErasureRow", Stays("counts, a reason, a line of the trail")),
    ("store::sled::erasure_rows", "EndedRow", Nobody),
    ("store::sled::erasure_rows", "PendingRow", Taken("draft.remove(Place::Erasures, &pending)")),
    ("store::sled::erasure_rows", "RepeatRow", Stays("hashes that need the caller's own key")),
    (
        "store::sled::erasure_rows",
        "PapersRow",
        Stays("what the config said then, and who asked: person or authority"),
    ),
    ("store::sled::erasure_rows", "TracesRow", Stays("days")),
    ("store::sled::expiry_row", "Row", Stays("numbers of leaves, until their keys are destroyed")),
    ("store::sled::expiry_row", "CutRow", Stays("the same")),
    ("store::sled::verbs::requests", "RequestRow", Stays("days, two codes, the number of an erasure")),
    (
        "store::sled::ledger",
        "Line",
        Stays("numbers of records that are gone, and keyed hashes, for whoever restores a backup"),
    ),
    ("store::sled::ledger", "Said", Stays("the same")),
    ("store::sled::ledger", "Forgotten", Stays("the same")),
    (
        "store::sled::ledger::taken_back",
        "TakenBack",
        Stays("the number of a record, names of the config, moments: for whoever restores a backup"),
    ),
    ("store::sled::restriction_rows", "RestrictionRow", Taken("restrictions::forget(draft, &id)")),
    ("store::sled::restriction_rows", "ToEraseRow", Taken("restrictions::forget(draft, &id)")),
    ("store::sled::telling_rows", "TellingRow", Taken("leaving::leave(draft, &id)")),
    ("store::sled::pass_rows", "PassRow", Taken("passes::forget(draft, &id)")),
    ("store::sled::pass_rows", "PassInside", Taken("passes::forget(draft, &id)")),
    ("store::sled::outbox_rows", "OutboxRow", Taken("outbox::forget(draft, &id)")),
    ("store::sled::outbox_rows", "WaitingRow", Taken("outbox::forget(draft, &id)")),
    ("store::sled::outbox_rows", "FirstRow", Taken("outbox::forget(draft, &id)")),
    ("store::sled::outbox_rows", "FirstWaiting", Taken("outbox::forget(draft, &id)")),
    (
        "store::feeds::block",
        "Block",
        Stays("numbers of records and what became of them, until their recipient has followed"),
    ),
    ("store::feeds::feed", "Feed", Stays("counts and moments of a recipient")),
    ("store::feeds::feed", "Follow", Stays("when a recipient followed an erasure")),
    ("store::handed", "Ranges", Taken("handed::note_erasure(draft, id, &taken.records)")),
    ("store::handed", "Range", Taken("handed::note_erasure(draft, id, &taken.records)")),
    ("store::sled::handed", "HandedOfRow", Stays("recipients and days, for the receipt")),
    (
        "store::sled::suppression_rows",
        "HashRow",
        Stays("dates and a reason, beside the keyed hash: art. 21 GDPR"),
    ),
    ("store::sled::suppression_rows", "NumberRow", Stays("the keyed hash, by its number")),
    (
        "store::sled::vigil_rows",
        "VigilRow",
        Stays("keyed hashes of who was erased, until what was unread then is read"),
    ),
    ("store::sled::verbs::forms", "FormRow", Nobody),
    ("store::sled::verbs::forms", "FormRow1", Nobody),
    ("store::sled::verbs::forms", "SnapshotRow", Nobody),
    ("store::sled::verbs::forms", "AdoptionRow", Nobody),
    ("trail::line", "Wire", Stays("numbers of records: art. 5(2) GDPR")),
    ("keyring::format", "Layout1", Taken("taken.leaves.push(")),
];
/// The same, of those who operate tamis, and of what nobody is in.
const OF_NOBODY: [(&str, &str); 9] = [
    ("notification::signed_request", "Payload"),
    ("store::sled::verbs::notices", "RevisionRow"),
    ("store::sled::verbs::dating", "LifespanRow"),
    ("store::sled::verbs::remits", "RemitRow"),
    ("store::sled::verbs::form_looks", "FindingRow"),
    ("store::sled::verbs::form_looks", "LookRow"),
    ("store::sled::verbs::tokens", "TokenRow"),
    ("store::sled::verbs::pauses", "PauseRow"),
    ("store::sled::verbs::outbox", "MailedRow"),
];
/// Rooms whose types are written to the disk.
const KEEPING: [&str; 6] = ["store", "lead", "inbox", "keyring", "notification", "trail"];

fn of<'s>(sources: &'s [Source], module: &str) -> &'s Source {
    sources.iter().find(|source| source.module.join("::") == module).unwrap_or_else(|| panic!("no {module}"))
}

/// A type's name and the attributes before it.
fn types(source: &Source) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut attributes, mut open) = (String::new(), 0);
    for line in source.text.lines().map(str::trim) {
        if open > 0 || line.starts_with("#[") {
            attributes.push_str(line);
            open += line.matches('[').count() as i32 - line.matches(']').count() as i32;
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let at = words.iter().position(|word| ["struct", "enum"].contains(word));
        match at {
            Some(at) if at <= 2 => {
                let name =
                    words.get(at + 1).unwrap_or(&"").split(['<', '(', ';', '{']).next().unwrap_or_default();
                found.push((name.to_owned(), std::mem::take(&mut attributes)));
            }
            _ => attributes.clear(),
        }
    }
    found
}

fn holds(eraser: &str, what: &str, end: &End) {
    match end {
        Taken(part) => assert!(eraser.contains(part), "the eraser's part in {what} is gone: {part}"),
        Stays(why) => assert!(!why.is_empty()),
        Nobody => {}
    }
}

#[test]
fn every_tree_and_every_stored_type_that_concerns_a_person_is_reached_by_the_eraser() {
    let sources = read("src");
    let layout = &of(&sources, "store::sled::layout").text;
    let variants =
        layout.split("enum Place {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("an enum");
    let named = |line: &str| line.trim().split(['(', ',']).next().unwrap_or_default().to_owned();
    let found: BTreeSet<String> = variants.lines().map(named).filter(|name| !name.is_empty()).collect();
    let listed: BTreeSet<String> = TREES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, listed, "trees of the store, and those whose end is said here");
    let eraser: String = sources
        .iter()
        .filter(|source| {
            let parts = ["store::sled::verbs::eras", "store::sled::verbs::taking"];
            parts.iter().any(|part| source.module.join("::").starts_with(part))
        })
        .map(|source| source.text.as_str())
        .collect();
    TREES.iter().for_each(|(name, end)| holds(&eraser, name, end));
    KEPT.iter().for_each(|(_, name, end)| holds(&eraser, name, end));

    let mut kept = BTreeSet::new();
    for source in sources.iter().filter(|source| KEEPING.contains(&source.room())) {
        for (name, attributes) in types(source) {
            if attributes.contains("Serialize") || attributes.contains("Deserialize") {
                kept.insert((source.module.join("::"), name));
            }
        }
    }
    let listed = KEPT.iter().map(|(module, name, _)| (*module, *name)).chain(OF_NOBODY);
    let listed: BTreeSet<_> = listed.map(|(module, name)| (module.to_owned(), name.to_owned())).collect();
    let new: Vec<_> = kept.difference(&listed).collect();
    assert!(new.is_empty(), "written to the disk: say here how what it says of a person ends: {new:?}");
    let gone: Vec<_> = listed.difference(&kept).collect();
    assert!(gone.is_empty(), "listed, and not written any more: {gone:?}");
}

/// What holds answers, ids of submissions, or keys.
const SECRET: [&str; 29] = [
    "Pass",
    "GivenPass",
    "RawReply",
    "RawLead",
    "Answer",
    "Content",
    "MinimisedLead",
    "OpenedLead",
    "UnsealedLead",
    "SealedRecord",
    "LeadgenId",
    "LeadRef",
    "Secret",
    "Key",
    "SubKey",
    "Frontier",
    "Settlement",
    "Verdict",
    "Wanted",
    "RepeatKey",
    "ErasureRequest",
    "Revision",
    "RevisedLead",
    "RewriteRequest",
    "Addressee",
    "Message",
    "RawMail",
    "Link",
    "Login",
];
/// Who sees answers and has something to say in the log all the same, and what that is.
const SAY_SOMETHING: [(&str, &str); 5] = [
    ("graph::call", "codes of failures"),
    ("graph::client", "codes of failures"),
    ("http::admin::stream", "that an export was cut short"),
    ("workers::searcher", "how many records were looked at"),
    ("workers::fetcher", "names of leads, which are keyed hashes, and codes"),
];

/// The arguments of every call that says something.
fn said(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        for call in text.split(&format!("tracing::{level}!(")).skip(1) {
            let mut depth = 1;
            let end = call.find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            found.push(&call[..end.unwrap_or(call.len())]);
        }
    }
    found
}

#[test]
fn no_answer_reaches_a_log() {
    let sources = read("src");
    let mut seen = 0;
    for source in &sources {
        let module = source.module.join("::");
        for (name, attributes) in types(source).iter().filter(|(name, _)| SECRET.contains(&name.as_str())) {
            // Of the wire, and of the graph's errors: other types of the same name.
            if !["lead", "store", "secret", "id", "notification", "keyring", "mail", "people"]
                .contains(&source.room())
            {
                continue;
            }
            seen += 1;
            assert!(!attributes.contains("Debug"), "{module}::{name} can be shown");
            for shown in ["Debug", "Display"] {
                let way = format!("{shown} for {name}");
                let by_hand = sources.iter().find(|source| {
                    source.text.match_indices(&way).any(|(at, _)| {
                        !source.text[at + way.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                    })
                });
                assert!(
                    by_hand.is_none(),
                    "{name} can be shown, by {:?}",
                    by_hand.map(|source| &source.module)
                );
            }
        }
        for call in said(&source.text) {
            for word in ["expose", ".field(", ".plain"] {
                assert!(!call.contains(word), "{module} says what it exposes: {call}");
            }
        }
    }
    assert!(seen >= SECRET.len(), "{seen} of {} types were found", SECRET.len());
    let names = ["OpenedLead", "UnsealedLead", "MinimisedLead", "RawLead", "RawReply"];
    let see = |source: &&Source| names.iter().any(|name| source.text.contains(name));
    let saying = sources.iter().filter(see).filter(|source| !said(&source.text).is_empty());
    let saying: BTreeSet<String> = saying.map(|source| source.module.join("::")).collect();
    let listed: BTreeSet<String> = SAY_SOMETHING.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(saying, listed, "who sees answers and writes lines of the log");
}

/// Calls that need nobody to be recognised.
const OPEN_TO_ALL: [&str; 0] = [];

/// Each function of a source: what stands between its name and its body.
fn signatures(text: &str) -> Vec<(String, String)> {
    let heads = text.split("fn ").skip(1).filter_map(|rest| {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let head = rest.split(['{', ';']).next().unwrap_or_default();
        (!name.is_empty()).then(|| (name, head.to_owned()))
    });
    heads.collect()
}

#[test]
fn authority_stands_in_each_verb_that_reads_or_erases() {
    let sources = read("src");
    let (mut verbs, mut calls) = (BTreeSet::new(), 0);
    for source in sources.iter().filter(|source| source.room() == "store" && source.module.len() == 2) {
        let faces = source.text.split("pub trait ").skip(1).filter_map(|rest| rest.split("\n}").next());
        for (name, head) in faces.flat_map(signatures) {
            if !["PageRequest", "Wanted", "ErasureRequest", "RewriteRequest"]
                .iter()
                .any(|what| head.contains(what))
            {
                continue;
            }
            assert!(
                head.contains("Entry"),
                "{name} hands out or takes away without a line in the trail: {head}"
            );
            verbs.insert(name);
        }
    }
    assert!(
        ["open_page", "find", "erase", "extent", "rewrite"].iter().all(|verb| verbs.contains(*verb)),
        "{verbs:?}"
    );
    for source in sources.iter().filter(|source| source.module.join("::").starts_with("http::admin::")) {
        for (name, head) in signatures(&source.text) {
            if head.contains("Data<AdminState>") && head.contains("HttpResponse") {
                let is_recognised = head.contains("By<") || OPEN_TO_ALL.contains(&name.as_str());
                assert!(is_recognised, "{:?}: {name} asks nobody who calls: {head}", source.module);
                calls += 1;
            }
        }
    }
    assert!(calls > 12, "only {calls} calls were found");
}

#[test]
fn what_is_derived_and_what_is_said_is_read_out_of_a_source() {
    let text = "#[derive(\n    Debug,\n)]\npub(super) struct Answer(String);\n#[derive(Clone)]\nenum Other { A }\n\
                fn f() { tracing::warn!(code = %x.code(), \"a.b\"); g(y.expose()); }";
    let source = Source { module: vec![], path: "x".into(), text: text.to_owned(), named: BTreeSet::new() };
    let found = types(&source);
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Answer", "Other"]);
    assert!(found[1].1.contains("Clone") && !found[1].1.contains("Debug"));
    assert_eq!(said(text), ["code = %x.code(), \"a.b\""]);
    assert_eq!(signatures(text)[0], ("f".to_owned(), "f() ".to_owned()));
}
