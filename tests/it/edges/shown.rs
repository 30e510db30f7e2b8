//! What holds an answer cannot be shown, and what can be shown is made, in the end, of nothing that could be one. The compiler holds the
//! first of what an answer lies in (`secret::never_shown!`); here it is held of whatever is made of that.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::visit::Visit;

use super::kinds::{is_anything, is_of_nobody};
use super::syntax::{Crate, Definition, Meaning, Module, Place, is_for_tests};

/// Rooms in which answers, addresses and ids of submissions are.
const ROOMS: [&str; 12] = [
    "api",
    "desk",
    "forget",
    "graph",
    "http",
    "id",
    "lead",
    "mail",
    "notification",
    "people",
    "store",
    "workers",
];

/// What holds an answer, an address or an id of Meta's by itself; whatever is made of one holds it too.
const ANSWERS: [&str; 8] = [
    "secret::Secret",
    "secret::Key",
    "secret::wiped::Wiped",
    "secret::wiped::WipedText",
    "id::LeadgenId",
    "lead::minimised::Answer",
    "forget::address::Address",
    "lead::raw::RawReply",
];

/// Types that hold text and can be shown all the same, and what stands in it.
const SHOWN: [(&str, &str); 19] = [
    ("api::word::Word", "a word of a closed list, or one of a later version's"),
    ("desk::house::Warned", "a key of the config, and a code"),
    ("desk::tally::Deed", "who operates, codes, names of the config"),
    ("forget::receipt::content::ErasedRecords", "a purpose's name and its titles"),
    ("forget::receipt::content::Issuer", "who runs tamis"),
    ("forget::receipt::content::Recipient", "who had records: a company"),
    ("forget::receipt::making::OfPurpose", "what the config said of a purpose"),
    ("forget::receipt::making::Safeguard", "what the config said of a recipient"),
    ("forget::receipt::note::VerifierKey", "a public key and its name"),
    ("graph::PageStanding", "what the operator calls a page"),
    ("http::admin::leads::Wanted", "a query of ours, written anew from what was read"),
    ("http::admin::trail::Wanted", "who operates"),
    ("http::admin::tokens::Rights", "the name of an account"),
    (
        "http::problem::Problem",
        "the name of a parameter, which is none unless it looks like one; an erasure's number",
    ),
    ("http::problem::RequestId", "drawn"),
    ("notification::challenge::Challenge", "what Meta draws for a handshake"),
    ("store::feeds::Change", "the config's name of a consent"),
    ("store::sled::Settings", "where the store lies"),
    ("store::sled::restoring::Since", "where a ledger lies"),
];

/// A trait by which something becomes text.
const SHOWING: [&str; 3] = ["Debug", "Display", "Error"];
/// And those by which it becomes bytes for somebody.
const WRITING: [&str; 1] = ["Serialize"];

/// Which of these traits each type has, derived or written by hand.
pub fn traits(whole: &Crate, wanted: &[&str]) -> BTreeMap<Place, BTreeSet<String>> {
    let mut found: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for (place, definition) in whole.types() {
        let derived = derived(&whole.modules[&place[..place.len() - 1]], definition)
            .into_iter()
            .filter(|name| wanted.contains(&name.as_str()));
        let derived: Vec<String> = derived.collect();
        if !derived.is_empty() {
            found.entry(place).or_default().extend(derived);
        }
    }
    for (module, inside) in &whole.modules {
        for item in &inside.items {
            let syn::Item::Impl(of) = item else { continue };
            let Some((name, _)) = &of.trait_ else { continue };
            let name = inside.own_name(name);
            if !wanted.contains(&name.as_str()) || is_for_tests(&of.attrs) {
                continue;
            }
            let mut of = &*of.self_ty;
            while let syn::Type::Reference(inner) = of {
                of = &inner.elem;
            }
            if let syn::Type::Path(path) = of
                && let Meaning::Own(place) = whole.meaning(module, &path.path)
            {
                found.entry(place).or_default().insert(name);
            }
        }
    }
    found
}

/// What a type derives, by the last name of each.
fn derived(inside: &Module, definition: &Definition) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in &definition.attributes {
        if attribute.path().is_ident("derive") {
            let paths = attribute
                .parse_args_with(syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
            let paths = paths.expect("a list of traits");
            found.extend(paths.iter().map(|path| inside.own_name(path)));
        } else if attribute.path().is_ident("cfg_attr") {
            // Under whatever condition: it may be so.
            let text = attribute.meta.to_token_stream().to_string();
            let all = SHOWING.into_iter().chain(WRITING).chain(["Deserialize"]);
            found.extend(all.filter(|name| text.contains(name)).map(str::to_owned));
        }
    }
    found
}

pub fn written(place: &[String]) -> String {
    place.join("::")
}

pub fn is_answer(place: &[String]) -> bool {
    ANSWERS.contains(&written(place).as_str())
}

/// The types that hold an answer, and can be shown or written down by themselves.
fn shown_answers(whole: &Crate) -> Vec<String> {
    let all: Vec<&str> = SHOWING.into_iter().chain(WRITING).collect();
    let found = traits(whole, &all).into_iter().filter_map(|(place, names)| {
        let leaves = whole.leaves_of(&place, &is_answer);
        let holds = leaves.iter().any(|leaf| matches!(leaf, Meaning::Own(place) if is_answer(place)));
        let names: Vec<String> = names.into_iter().collect();
        holds.then(|| format!("{}: {}", written(&place), names.join(", ")))
    });
    found.collect()
}

/// The types of these rooms that can be shown and are made of something that could be anything, and of what.
fn shown_text(whole: &Crate, rooms: &[&str], listed: &BTreeSet<&str>) -> BTreeMap<String, Vec<String>> {
    let is_listed = |place: &[String]| listed.contains(written(place).as_str()) || is_of_nobody(place);
    let can_be_shown = traits(whole, &SHOWING).into_keys();
    let of_rooms =
        can_be_shown.filter(|place| place.first().is_some_and(|room| rooms.contains(&room.as_str())));
    let found = of_rooms.filter(|place| !is_of_nobody(place)).filter_map(|place| {
        // Itself listed, or made of what is.
        let of = whole.definition(&place)?;
        let module = &place[..place.len() - 1];
        let leaves = of.parts.iter().flat_map(|part| whole.leaves(module, part, &is_listed));
        let open: BTreeSet<String> = leaves.filter(is_anything).map(|leaf| leaf.written()).collect();
        (!open.is_empty()).then(|| (written(&place), open.into_iter().collect()))
    });
    found.collect()
}

#[test]
fn what_holds_an_answer_cannot_be_shown_and_what_can_be_shown_holds_none() {
    let whole = Crate::read("src");
    for place in ANSWERS.into_iter().chain(SHOWN.map(|(place, _)| place)) {
        let place: Vec<String> = place.split("::").map(str::to_owned).collect();
        assert!(whole.definition(&place).is_some(), "{} is gone", written(&place));
    }
    let answers = shown_answers(&whole);
    assert!(answers.is_empty(), "hold an answer and can be shown:\n{}", answers.join("\n"));
    let listed: BTreeSet<&str> = SHOWN.iter().map(|(place, _)| *place).collect();
    let found = shown_text(&whole, &ROOMS, &listed);
    let open: Vec<String> = found
        .iter()
        .filter(|(place, _)| !listed.contains(place.as_str()))
        .map(|(place, of)| format!("{place} ({})", of.join(", ")))
        .collect();
    assert!(open.is_empty(), "can be shown, and hold what could be an answer:\n{}", open.join("\n"));
    let unused: Vec<_> = listed.iter().filter(|place| !found.contains_key(**place)).collect();
    assert!(unused.is_empty(), "listed, and hold no text or cannot be shown: {unused:?}");
    assert!(SHOWN.iter().all(|(_, why)| !why.is_empty()));
}

/// What the compiler holds: it refuses to build a tamis in which one of these can be shown.
fn held_by_the_compiler(whole: &Crate) -> BTreeSet<Place> {
    let mut found = BTreeSet::new();
    for (module, inside) in &whole.modules {
        for item in &inside.items {
            let syn::Item::Macro(item) = item else { continue };
            if item.mac.path.segments.last().is_none_or(|name| name.ident != "never_shown") {
                continue;
            }
            let types = syn::punctuated::Punctuated::<syn::Type, syn::Token![,]>::parse_terminated;
            for of in item.mac.parse_body_with(types).expect("types") {
                let leaves = whole.leaves(module, &of, &|_| true);
                found.extend(leaves.into_iter().filter_map(|leaf| match leaf {
                    Meaning::Own(place) => Some(place),
                    Meaning::Foreign(_) => None,
                }));
            }
        }
    }
    found
}

#[test]
fn that_an_answer_cannot_be_shown_is_held_by_the_compiler() {
    let held: BTreeSet<String> =
        held_by_the_compiler(&Crate::read("src")).iter().map(|place| written(place)).collect();
    let open: Vec<_> = ANSWERS.iter().filter(|place| !held.contains(**place)).collect();
    assert!(open.is_empty(), "stand in no `never_shown!`: {open:?}");
}

#[test]
fn an_answer_that_can_be_shown_is_seen_however_it_is_hidden() {
    let whole = Crate::of(&[
        ("secret::wiped", "pub struct Wiped<T>(T);"),
        (
            "lead",
            "use crate::secret::wiped::Wiped as Quiet; pub struct Inside { text: Option<Quiet<String>> } pub type All = Vec<Inside>;",
        ),
        (
            "mail::one",
            "use std::fmt::{self, Debug as Shown}; use crate::lead::All; #[derive(Clone, std::fmt::Debug)] struct Derived(All);",
        ),
        (
            "mail::two",
            "use crate::lead::All; struct ByHand(All); impl std::fmt::Display for ByHand {} struct OfReference(All); impl<'a> serde::Serialize for &'a OfReference {}",
        ),
        (
            "mail::three",
            "use crate::lead::All; #[cfg_attr(feature = \"x\", derive(Debug))] struct Maybe(All); struct Quiet(All);",
        ),
        (
            "mail::four",
            "#[derive(Debug)] struct Text { at: u64, inside: Vec<(u32, String)> } #[derive(Debug)] struct Bytes([u8; 32]); #[derive(Debug)] struct Plain(Option<u64>);",
        ),
    ]);
    assert_eq!(
        shown_answers(&whole),
        [
            "mail::one::Derived: Debug",
            "mail::three::Maybe: Debug",
            "mail::two::ByHand: Display",
            "mail::two::OfReference: Serialize"
        ]
    );
    let open = shown_text(&whole, &["mail"], &BTreeSet::new());
    let of_four: Vec<&String> = open.keys().filter(|place| place.starts_with("mail::four")).collect();
    assert_eq!(of_four, ["mail::four::Bytes", "mail::four::Text"]);
}

/// Where bytes that are wiped may still be those of the crate that wipes: keys lie in them, and each is inside a type that is not shown.
const WIPED_BY_THE_CRATE: [&str; 7] =
    ["secret", "keyring", "config", "inbox", "play", "cli::keys", "cli::init"];

/// The modules of other rooms that name it.
fn wiped_by_the_crate(whole: &Crate) -> Vec<String> {
    struct Naming(bool);
    impl<'ast> Visit<'ast> for Naming {
        fn visit_ident(&mut self, name: &'ast syn::Ident) {
            self.0 |= name == "Zeroizing";
        }
    }
    let found = whole.modules.iter().filter(|(module, inside)| {
        let mut naming = Naming(inside.imports_of("zeroize").contains("Zeroizing"));
        inside.items.iter().for_each(|item| naming.visit_item(item));
        let module = written(module);
        let is_below = |place: &str| {
            module.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        naming.0 && !WIPED_BY_THE_CRATE.iter().any(|place| is_below(place))
    });
    found.map(|(module, _)| written(module)).collect()
}

#[test]
fn what_answers_lie_in_is_of_a_type_that_cannot_be_shown() {
    let found = wiped_by_the_crate(&Crate::read("src"));
    assert!(found.is_empty(), "`Zeroizing` can be shown: take `secret::Wiped` in {found:?}");
    let planted = Crate::of(&[
        ("lead::a", "use zeroize::Zeroizing as Quiet; struct A(Quiet<String>);"),
        ("lead::b", "struct B(zeroize::Zeroizing<String>);"),
        ("lead::c", "use zeroize::Zeroize; struct C(u8);"),
        ("keyring", "use zeroize::Zeroizing; struct D(Zeroizing<Vec<u8>>);"),
    ]);
    assert_eq!(wiped_by_the_crate(&planted), ["lead::a", "lead::b"]);
}
