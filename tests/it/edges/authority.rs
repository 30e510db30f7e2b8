//! Authority stands in each reading verb. Which verbs read is found by what they hand out: whatever is made, in the end, of more than
//! counts, days and names of the config is of somebody, until a list says of whom it is not, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{OF_NOBODY, is_of_nobody, is_plain};
use super::syntax::{Crate, Meaning, is_for_tests};

/// Whoever asks has been recognised: a line of the trail that says who it is, whoever that is made of, or what a person was given.
const AUTHORITIES: [&str; 3] = ["trail::entry::Entry", "trail::operator::Operator", "people::pass::Pass"];

/// What names or holds one submission, or a person's address.
const OF_A_PERSON: [&str; 9] = [
    "purpose::record_id::RecordId",
    "id::LeadgenId",
    "notification::reference::LeadRef",
    "forget::address::Address",
    "forget::address::sought::Sought",
    "lead::minimised::Answer",
    "store::suppressions::Suppression",
    "lead::stub::Stub",
    "store::outbox::MailId",
];

/// What a yes, a no and a count are made of: to say so of somebody who is named is no reading.
const COUNTS: [&str; 8] =
    ["Option", "Result", "Vec", "bool", "store::error::StoreError", "u32", "u64", "usize"];

/// Types whose own verbs lead to what is stored, beside the traits of the store.
const FACES: [&str; 3] =
    ["http::admin::person_acts::PersonActs", "http::admin::search::Search", "workers::searcher::Searcher"];

/// Verbs that hand something out and ask nobody who they are, and why.
const WITHOUT: [(&str, &str); 23] = [
    ("http::admin::person_acts::PersonActs::papers", "receipts of what was just erased, which name nobody"),
    ("http::admin::person_acts::PersonActs::receipts", "what receipts are made with: the house's"),
    ("http::admin::person_acts::PersonActs::title_of", "what people read a purpose under"),
    (
        "http::admin::person_mailbox::PersonActs::wish",
        "what is about to be asked for, made of what whoever asks has",
    ),
    (
        "store::leads::Leads::resume_after",
        "where an export goes on: a number, and whether there is a record under it nobody learns",
    ),
    ("store::leads::Leads::settle", "numbers of the records that were just handed in"),
    ("store::notices::Notices::notice", "a notice, as everybody reads it"),
    (
        "store::outbox::Outbox::correspondence",
        "days of mails, without an address, of records whose numbers whoever asks has looked for by name",
    ),
    ("store::outbox::Outbox::mails_due", "numbers, for the postman: each record is opened with its line"),
    (
        "store::outbox::Outbox::records_ending",
        "numbers and days, for whoever asks people again: each record is opened with its line",
    ),
    ("store::outbox::Outbox::try_mail", "a number that is drawn for a mail"),
    ("store::parked::Parked::claim_due", "references, for the fetcher: what is not read yet"),
    (
        "store::restrictions::Restrictions::restriction",
        "days and a reason, of a record whose number whoever asks has",
    ),
    (
        "store::restrictions::Restrictions::restrictions",
        "numbers and days, for tamis itself: people are shown them by `list_restrictions`",
    ),
    ("store::retention::Retention::date_anew", "numbers of the records that were dated, for the reaper"),
    (
        "store::rewrites::Rewrites::early_records",
        "numbers, for the redater: each record is rewritten with its line",
    ),
    (
        "store::rewrites::Rewrites::to_rewrite",
        "numbers, for the trimmer: each record is rewritten with its line",
    ),
    ("store::scan::Scan::scan", "the number of a record that is missing, or damaged"),
    ("store::seen::Seen::seen", "what became of an id that the fetcher has from Meta"),
    (
        "store::tellings::Tellings::tellings_over",
        "numbers, for the reaper: each erasure is carried out with its line",
    ),
    ("store::tellings::Tellings::to_tell", "numbers, for the postman: each record is opened with its line"),
    ("store::trail::Trail::lines", "the trail itself: whoever is shown it leaves a line (`trail-read`)"),
    ("store::trail::Trail::newest", "the same"),
];

/// A verb that reads.
struct Verb {
    /// `store::leads::Leads::find`.
    name: String,
    /// What it hands out that is of somebody.
    hands_out: Vec<String>,
    /// Somebody must have been recognised.
    has_authority: bool,
}

/// Where a type ends: it is said of it what it is.
fn is_end(place: &[String]) -> bool {
    let name = place.join("::");
    [&AUTHORITIES[..], &OF_A_PERSON].iter().any(|list| list.contains(&name.as_str())) || is_of_nobody(place)
}

fn is_named(leaf: &Meaning, list: &[&str]) -> bool {
    list.contains(&leaf.written().as_str())
}

/// One verb; none: it reads nothing of anybody.
fn judged(whole: &Crate, module: &[String], of: &str, sig: &syn::Signature) -> Option<Verb> {
    let leaves = |of: &syn::Type| whole.leaves(module, of, &is_end);
    let given = match &sig.output {
        syn::ReturnType::Default => BTreeSet::new(),
        syn::ReturnType::Type(_, of) => leaves(of),
    };
    let (mut is_about_somebody, mut has_authority) = (false, false);
    for input in &sig.inputs {
        let syn::FnArg::Typed(typed) = input else { continue };
        let asked = leaves(&typed.ty);
        is_about_somebody |= asked.iter().any(|leaf| is_named(leaf, &OF_A_PERSON));
        // Whoever may be left out is nobody.
        let may_lack = asked.contains(&Meaning::Foreign("Option".to_owned()));
        has_authority |= !may_lack && asked.iter().any(|leaf| is_named(leaf, &AUTHORITIES));
    }
    let said = given.iter().filter(|leaf| is_about_somebody && !is_named(leaf, &COUNTS));
    let held = given.iter().filter(|leaf| !is_plain(leaf));
    let hands_out: BTreeSet<String> = held.chain(said).map(Meaning::written).collect();
    let name = [module.join("::"), of.to_owned(), sig.ident.to_string()].join("::");
    let hands_out: Vec<String> = hands_out.into_iter().collect();
    (!hands_out.is_empty()).then_some(Verb { name, hands_out, has_authority })
}

/// The reading verbs of the store's traits, and those of the types that lead to it.
fn reading(whole: &Crate) -> Vec<Verb> {
    let mut found = Vec::new();
    for (module, inside) in &whole.modules {
        for item in &inside.items {
            match item {
                syn::Item::Trait(of) if module.first().is_some_and(|room| room == "store") => {
                    let name = of.ident.to_string();
                    let verbs = of.items.iter().filter_map(|item| match item {
                        syn::TraitItem::Fn(verb) => Some(&verb.sig),
                        _ => None,
                    });
                    found.extend(verbs.filter_map(|sig| judged(whole, module, &name, sig)));
                }
                syn::Item::Impl(of) if of.trait_.is_none() => {
                    let syn::Type::Path(path) = &*of.self_ty else { continue };
                    let Meaning::Own(place) = whole.meaning(module, &path.path) else { continue };
                    if !FACES.contains(&place.join("::").as_str()) {
                        continue;
                    }
                    let name = place.last().cloned().unwrap_or_default();
                    let verbs = of.items.iter().filter_map(|item| match item {
                        syn::ImplItem::Fn(verb) if !is_for_tests(&verb.attrs) => Some(verb),
                        _ => None,
                    });
                    // What nobody else can call is called by one of those that can.
                    let faced = verbs.filter(|verb| !matches!(verb.vis, syn::Visibility::Inherited));
                    found.extend(faced.filter_map(|verb| judged(whole, module, &name, &verb.sig)));
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn authority_stands_in_each_verb_that_hands_something_out() {
    let whole = Crate::read("src");
    for (place, why) in OF_NOBODY {
        let place: Vec<String> = place.split("::").map(str::to_owned).collect();
        assert!(whole.definition(&place).is_some() && !why.is_empty(), "{} is gone", place.join("::"));
    }
    for place in AUTHORITIES.into_iter().chain(OF_A_PERSON).chain(FACES) {
        let place: Vec<String> = place.split("::").map(str::to_owned).collect();
        assert!(whole.definition(&place).is_some(), "{} is gone", place.join("::"));
    }
    let verbs = reading(&whole);
    let without: BTreeMap<&str, &Verb> =
        verbs.iter().filter(|verb| !verb.has_authority).map(|verb| (verb.name.as_str(), verb)).collect();
    let listed: BTreeMap<&str, &str> = WITHOUT.into_iter().collect();
    let unlisted: Vec<String> = without
        .iter()
        .filter(|(name, _)| !listed.contains_key(*name))
        .map(|(name, verb)| format!("{name} → {}", verb.hands_out.join(", ")))
        .collect();
    assert!(unlisted.is_empty(), "hand something out and ask nobody who they are:\n{}", unlisted.join("\n"));
    let gone: Vec<_> = listed.keys().filter(|name| !without.contains_key(*name)).collect();
    assert!(gone.is_empty(), "listed, and ask for authority or hand nothing out: {gone:?}");
    assert!(listed.values().all(|why| !why.is_empty()));
    let with: BTreeSet<&str> = verbs
        .iter()
        .filter(|verb| verb.has_authority)
        .filter_map(|verb| verb.name.rsplit("::").next())
        .collect();
    for verb in [
        "find",
        "find_records",
        "read_one",
        "open_page",
        "open_pass",
        "each_kept",
        "stubs_of",
        "suppressions_of",
    ] {
        assert!(with.contains(verb), "{verb} is not found among those that ask: {with:?}");
    }
}

/// What the policy must see, whatever it is called.
#[test]
fn a_verb_that_hands_out_what_is_hidden_in_it_is_refused() {
    let files = [
        ("trail::entry", "pub struct Entry { actor: String }"),
        ("trail", "pub use entry::Entry;"),
        ("store::error", "pub struct StoreError(String);"),
        ("purpose::record_id", "pub struct RecordId { number: u64 }"),
        (
            "store::hidden",
            "pub struct Inside<T>(T); pub struct Text(Inside<String>); pub type Many = Box<dyn Iterator<Item = Text> + Send>;",
        ),
        (
            "store::face",
            "use crate::store::hidden::{Many as Harmless, Text}; use crate::store::error::StoreError; use crate::trail::Entry as Line; use crate::purpose::record_id::RecordId;\n\
             pub trait Face {\n\
                 fn counts(&self) -> Result<u64, StoreError>;\n\
                 fn is_there(&self, record: &RecordId) -> bool;\n\
                 fn since(&self, record: &RecordId) -> Option<Timestamp>;\n\
                 fn oldest(&self) -> Option<Timestamp>;\n\
                 fn everything(&self, entry: Other) -> Harmless;\n\
                 fn maybe(&self, entry: Option<Line>) -> Vec<Text>;\n\
                 fn raw(&self) -> [u8; 32];\n\
                 fn good(&self, by: Line) -> Harmless;\n\
             }\n\
             pub struct Other;",
        ),
    ];
    let verbs = reading(&Crate::of(&files));
    let named = |has: bool| -> Vec<&str> {
        let those = verbs.iter().filter(|verb| verb.has_authority == has);
        those.filter_map(|verb| verb.name.rsplit("::").next()).collect()
    };
    assert_eq!(named(false), ["since", "everything", "maybe", "raw"]);
    assert_eq!(named(true), ["good"]);
}

/// What stands for a call of the admin side: where it is written, and its signature.
fn calls<'w>(whole: &'w Crate, routes: &str) -> Vec<(String, Option<&'w syn::Signature>)> {
    use syn::visit::{self, Visit};
    #[derive(Default)]
    struct Handlers(Vec<syn::Path>);
    impl<'ast> Visit<'ast> for Handlers {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            if call.method == "to"
                && let [syn::Expr::Path(handler)] = &call.args.iter().collect::<Vec<_>>()[..]
            {
                self.0.push(handler.path.clone());
            }
            visit::visit_expr_method_call(self, call);
        }
    }
    let module: Vec<String> = routes.split("::").map(str::to_owned).collect();
    let mut handlers = Handlers::default();
    whole.modules[&module].items.iter().for_each(|item| handlers.visit_item(item));
    let signature = |place: &[String]| {
        let (name, module) = place.split_last()?;
        whole.modules.get(module)?.items.iter().find_map(|item| match item {
            syn::Item::Fn(item) if item.sig.ident == name => Some(&item.sig),
            _ => None,
        })
    };
    let found = handlers.0.iter().map(|path| match whole.meaning(&module, path) {
        Meaning::Own(place) => (place.join("::"), signature(&place)),
        Meaning::Foreign(name) => (name, None),
    });
    found.collect()
}

/// True if it takes a caller who was recognised, and may.
fn asks_who(whole: &Crate, place: &str, sig: &syn::Signature) -> bool {
    let module: Vec<String> = place.split("::").map(str::to_owned).collect();
    let module = &module[..module.len() - 1];
    sig.inputs.iter().any(|input| match input {
        syn::FnArg::Typed(typed) => match &*typed.ty {
            syn::Type::Path(path) => {
                whole.meaning(module, &path.path).written() == "http::admin::operator::By"
            }
            _ => false,
        },
        syn::FnArg::Receiver(_) => false,
    })
}

/// Calls that anybody may make who reaches the door, and why.
const OPEN_TO_ALL: [(&str, &str); 1] =
    [("http::admin::openapi::show", "what the calls are: it is in the package, and nobody is in it")];

#[test]
fn each_call_of_the_admin_side_asks_who_calls() {
    let whole = Crate::read("src");
    let calls = calls(&whole, "http::admin");
    assert!(calls.len() > 40, "only {} calls were found", calls.len());
    let mut open = BTreeSet::new();
    for (place, sig) in &calls {
        let sig = sig.unwrap_or_else(|| panic!("{place}: what is called there was not found"));
        if !asks_who(&whole, place, sig) {
            open.insert(place.as_str());
        }
    }
    assert_eq!(open, OPEN_TO_ALL.iter().map(|(place, _)| *place).collect());
}

#[test]
fn a_call_that_asks_nobody_is_seen() {
    let whole = Crate::of(&[
        (
            "http::admin",
            "fn routes() { scope.service(a().route(get().to(one::show)).route(get().to(one::other))) }",
        ),
        ("http::admin::operator", "pub struct By<C>(C);"),
        (
            "http::admin::one",
            "use crate::http::admin::operator::By as Who; fn show(by: Who<May>) {} fn other(by: By<May>) {} struct By<T>(T);",
        ),
    ]);
    let calls = calls(&whole, "http::admin");
    let asks: Vec<bool> =
        calls.iter().map(|(place, sig)| asks_who(&whole, place, sig.expect("a function"))).collect();
    assert_eq!(asks, [true, false]);
}
