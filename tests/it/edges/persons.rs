//! Whatever is kept of a person is reached by the eraser, or has another end that is said here. What is kept is found by where it is
//! written: the trees of the store, the types that lie in them, and whatever else becomes bytes.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::visit::{self, Visit};

use super::shown::{traits, written};
use super::syntax::{Crate, is_for_tests};

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
const KEPT: [(&str, &str, End); 65] = [
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
    ("store::sled::erasure_rows", "NumberOfRow", Nobody),
    ("store::sled::erasure_rows", "UntilRow", Nobody),
    (
        "store::sled::erasure_rows",
        "TombstoneRow",
        Stays("names of purposes, under the hash of who was erased"),
    ),
    ("store::sled::vigil_rows", "OwnersRow", Nobody),
    ("store::sled::suppression_rows", "CanaryRow", Nobody),
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

/// Who makes bytes of fields, and of what: whoever else does it is seen.
const ENCODERS: [(&str, &str); 7] = [
    ("lead::schema::written", "what a record holds, sealed"),
    ("lead::sealed_event::seal_event", "an event of a consent, sealed"),
    ("lead::stub::seal", "a stub, sealed"),
    ("store::sled::layout::encode_as", "what is in a tree, and says in which"),
    ("store::sled::ledger::sealed", "a line of the ledger, sealed"),
    ("store::sled::rows::bytes", "the same, of `seen` and `parked`"),
    ("trail::line::written", "a line of the trail"),
];

/// Which files write into a tree that concerns a person.
const WRITERS: [(&str, &str); 36] = [
    ("Aside", "store::sled::aside"),
    ("Buckets", "store::sled::bucket_rows"),
    ("Buckets", "store::sled::verbs::dating"),
    ("Erasures", "store::sled::expiry_row"),
    ("Erasures", "store::sled::handed"),
    ("Erasures", "store::sled::verbs::erasing"),
    ("Erasures", "store::sled::verbs::leaving"),
    ("Erasures", "store::sled::verbs::rewriting"),
    ("Erasures", "store::sled::verbs::tellings"),
    ("Evidence", "store::sled::evidence_rows"),
    ("Feeds", "store::sled::feed_rows"),
    ("Forms", "store::sled::verbs::forms"),
    ("Handed", "store::sled::handed"),
    ("Handed", "store::sled::handed_marks"),
    ("Leaves", "store::sled::leaf_rows"),
    ("Notices", "store::sled::verbs::notices"),
    ("Outbox", "store::sled::verbs::outbox"),
    ("Parked", "store::sled::verbs::parked"),
    ("Parked", "store::sled::verbs::parking"),
    ("Parked", "store::sled::verbs::resealing"),
    ("Parked", "store::sled::verbs::taking"),
    ("Passes", "store::sled::verbs::passes"),
    ("Requests", "store::sled::verbs::requests"),
    ("Restrictions", "store::sled::verbs::restrictions"),
    ("Seen", "store::sled::verbs::parking"),
    ("Seen", "store::sled::verbs::settle"),
    ("Seen", "store::sled::verbs::taking"),
    ("Sequence", "store::sled::verbs::settle"),
    ("Stubs", "store::sled::verbs::stubs"),
    ("Suppressions", "store::sled::verbs::suppressions"),
    ("Tokens", "store::sled::verbs::tokens"),
    ("Tombstones", "store::sled::verbs::taking"),
    ("Trail", "store::sled::draft"),
    ("Vault", "store::sled::verbs::rewriting"),
    ("Vault", "store::sled::verbs::settle"),
    ("Vigils", "store::sled::verbs::vigils"),
];

/// What the eraser begins with: it takes the records away, and later, when their keys are destroyed, what was pending.
const ERASERS: [&str; 2] = ["store::sled::verbs::erasing::erase", "store::sled::verbs::erasing::finish"];

/// A function of the store.
#[derive(Default)]
struct Function {
    /// What it says, without a blank and without comments.
    text: String,
    /// The functions of this crate that it names, by their places.
    calls: BTreeSet<String>,
    /// The last names of whatever it calls.
    names: BTreeSet<String>,
}

/// What a function calls.
struct Calls<'m> {
    whole: &'m Crate,
    module: &'m [String],
    places: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.names.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let segments: Vec<String> =
            path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.names.extend(segments.last().cloned());
        let Some(mut place) = self.whole.resolved(self.module, &segments, 0) else { return };
        // A function of a type stands beside it.
        if place.last() != segments.last() {
            place.pop();
            place.extend(segments.last().cloned());
        }
        self.places.insert(written(&place));
    }
}

/// The functions of the store, by their places; those of one name in one file are one.
fn functions(whole: &Crate, below: &str) -> BTreeMap<String, Function> {
    struct Found<'m> {
        whole: &'m Crate,
        module: &'m [String],
        all: BTreeMap<String, Function>,
    }
    impl Found<'_> {
        fn add(&mut self, name: &syn::Ident, block: &syn::Block) {
            let mut calls = Calls {
                whole: self.whole,
                module: self.module,
                places: BTreeSet::new(),
                names: BTreeSet::new(),
            };
            calls.visit_block(block);
            let place = format!("{}::{name}", written(self.module));
            let known = self.all.entry(place).or_default();
            known.text.push_str(&bare(&block.to_token_stream().to_string()));
            known.calls.extend(calls.places);
            known.names.extend(calls.names);
        }
    }
    impl<'ast> Visit<'ast> for Found<'_> {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            if !is_for_tests(&item.attrs) {
                self.add(&item.sig.ident, &item.block);
            }
        }
        fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
            if !is_for_tests(&item.attrs) {
                self.add(&item.sig.ident, &item.block);
            }
        }
    }
    let mut all = BTreeMap::new();
    for (module, inside) in &whole.modules {
        if written(module).starts_with(below) {
            let mut found = Found { whole, module, all: std::mem::take(&mut all) };
            inside.items.iter().for_each(|item| found.visit_item(item));
            all = found.all;
        }
    }
    all
}

fn bare(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// What of the store is reached from these.
fn reached<'f>(functions: &'f BTreeMap<String, Function>, from: &[&str]) -> Vec<&'f Function> {
    let mut open: Vec<&str> = from.to_vec();
    let mut met: BTreeSet<&str> = BTreeSet::new();
    while let Some(place) = open.pop() {
        let Some((place, function)) = functions.get_key_value(place) else { panic!("{place} is gone") };
        if met.insert(place) {
            let further = function.calls.iter().map(String::as_str);
            open.extend(further.filter(|further| functions.contains_key(*further)));
        }
    }
    met.into_iter().map(|place| &functions[place]).collect()
}

fn holds(eraser: &[&Function], what: &str, end: &End) -> Result<(), String> {
    match end {
        Taken(part) if eraser.iter().any(|function| function.text.contains(&bare(part))) => Ok(()),
        Taken(part) => Err(format!("the eraser's part in {what} is gone: {part}")),
        Stays("") => Err(format!("why does {what} stay?")),
        Stays(_) | Nobody => Ok(()),
    }
}

/// The trees of the store.
fn trees(whole: &Crate) -> BTreeSet<String> {
    let layout: Vec<String> = ["store", "sled", "layout"].map(str::to_owned).to_vec();
    let places = whole.modules[&layout].items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == "Place" => Some(item),
        _ => None,
    });
    places.expect("an enum").variants.iter().map(|variant| variant.ident.to_string()).collect()
}

/// What becomes bytes, or is made of them: each type that can be, and whatever one that lies in a tree is made of.
fn kept(whole: &Crate) -> BTreeSet<(String, String)> {
    let parted = |place: &[String]| {
        let (name, module) = place.split_last().expect("a name");
        (written(module), name.clone())
    };
    let by_trait = traits(whole, &["Serialize", "Deserialize", "InTree"]);
    let kept = by_trait.iter().filter(|(place, names)| {
        let is_of_a_room = KEEPING.contains(&place.first().map_or("", String::as_str));
        is_of_a_room || names.contains("InTree")
    });
    kept.map(|(place, _)| parted(place)).collect()
}

/// Where bytes are made of fields: the functions that call the crate that does it.
fn encoders(whole: &Crate) -> BTreeSet<String> {
    let names = [
        "to_extend",
        "to_allocvec",
        "to_slice",
        "to_stdvec",
        "to_vec_cobs",
        "serialize_with_flavor",
        "to_io",
        "to_eio",
    ];
    let functions = functions(whole, "");
    let calls = functions.iter().filter(|(_, function)| {
        function.text.contains("postcard::") && names.iter().any(|name| function.names.contains(*name))
            || function.text.contains("bincode")
            || function.text.contains("ciborium")
    });
    calls.map(|(place, _)| place.clone()).collect()
}

/// Which files write into which trees, without [`Place::Meta`], where numbers of the store's own are.
fn writers(whole: &Crate) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (place, function) in functions(whole, "store::sled") {
        for after in function.text.split(".write(Place::").skip(1) {
            let tree: String = after.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            let module = place.rsplit_once("::").map_or("", |(module, _)| module);
            if tree != "Meta" {
                found.insert((tree, module.to_owned()));
            }
        }
    }
    found
}

fn owned(list: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    list.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}

#[test]
fn every_tree_and_every_stored_type_that_concerns_a_person_is_reached_by_the_eraser() {
    let whole = Crate::read("src");
    let listed: BTreeSet<String> = TREES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(trees(&whole), listed, "trees of the store, and those whose end is said here");
    let functions = functions(&whole, "store::sled");
    let eraser = reached(&functions, &ERASERS);
    let ends =
        TREES.iter().map(|(name, end)| (*name, end)).chain(KEPT.iter().map(|(_, name, end)| (*name, end)));
    let open: Vec<String> = ends.filter_map(|(name, end)| holds(&eraser, name, end).err()).collect();
    assert!(open.is_empty(), "{}", open.join("\n"));

    let kept = kept(&whole);
    let listed = KEPT.iter().map(|(module, name, _)| (*module, *name)).chain(OF_NOBODY);
    let listed: BTreeSet<_> = listed.map(|(module, name)| (module.to_owned(), name.to_owned())).collect();
    let new: Vec<_> = kept.difference(&listed).collect();
    assert!(new.is_empty(), "written to the disk: say here how what it says of a person ends: {new:#?}");
    let gone: Vec<_> = listed.difference(&kept).collect();
    assert!(gone.is_empty(), "listed, and not written any more: {gone:?}");
}

/// A type reaches the disk by a tree, or by a door that is named.
#[test]
fn bytes_are_made_and_trees_are_written_where_it_is_said() {
    let whole = Crate::read("src");
    let found = encoders(&whole);
    let listed: BTreeSet<String> = ENCODERS.iter().map(|(place, _)| (*place).to_owned()).collect();
    assert_eq!(found, listed, "who makes bytes of fields, and who is said to");
    assert!(ENCODERS.iter().all(|(_, of)| !of.is_empty()));
    assert_eq!(writers(&whole), owned(&WRITERS), "who writes into which tree, and who is said to");
}

#[test]
fn what_is_kept_and_not_reached_is_seen() {
    let whole = Crate::of(&[
        (
            "store::sled::layout",
            "pub enum Place { Meta, Seen, Vault(PurposeId) } pub trait InTree {} pub fn encode() { postcard::to_extend(a, b) }",
        ),
        (
            "store::sled::verbs::erasing",
            "fn erase(draft: &mut Draft) { let x = step(draft); // draft.remove(Place::Vault\n }\n\
             fn step(draft: &mut Draft) { inner::last(draft) }\n\
             fn elsewhere(draft: &mut Draft) { draft.remove(Place::Meta, key) }\n\
             fn inner() { draft . write ( Place :: Seen , key , vec![1] ) }",
        ),
        (
            "store::sled::verbs::erasing::inner",
            "pub fn last(draft: &mut Draft) { draft\n.remove(\nPlace::Seen, key) }",
        ),
        (
            "store::hidden",
            "use serde::Serialize as S; #[derive(Clone, S)] struct One; struct Two; impl S for Two {} struct Three;",
        ),
        ("people::row", "use crate::store::sled::layout::InTree; struct Far(String); impl InTree for Far {}"),
    ]);
    assert_eq!(trees(&whole), ["Meta", "Seen", "Vault"].map(str::to_owned).into());
    let functions = functions(&whole, "store::sled");
    let eraser = reached(&functions, &["store::sled::verbs::erasing::erase"]);
    let reaches = |part| holds(&eraser, "x", &Taken(part)).is_ok();
    assert!(reaches("draft.remove(Place::Seen, key)"));
    assert!(!reaches("draft.remove(Place::Meta, key)"), "nobody calls it");
    assert!(!reaches("draft.remove(Place::Vault"), "it is said in a comment");
    let names: Vec<String> = kept(&whole).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["Far", "One", "Two"]);
    assert_eq!(encoders(&whole), ["store::sled::layout::encode".to_owned()].into());
    assert_eq!(writers(&whole), owned(&[("Seen", "store::sled::verbs::erasing")]));
}
