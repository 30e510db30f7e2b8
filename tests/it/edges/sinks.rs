//! No answer reaches a log, an error or a panic: what is opened of one is said nowhere, and each argument of each line is of a kind that
//! a list names.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::visit::{self, Visit};

use super::sayable::{CODES, MOMENTS, NAMES, NUMBERS, OF_OTHERS, TELLS_NOTHING, THROUGH};
use super::shown::{is_answer, written};
use super::syntax::{BYTES, Crate, Meaning, is_for_tests};

/// Macros that write a line of the log.
const LOGS: [&str; 12] = [
    "error",
    "warn",
    "info",
    "debug",
    "trace",
    "event",
    "span",
    "error_span",
    "warn_span",
    "info_span",
    "debug_span",
    "trace_span",
];
/// Macros whose arguments end in what a panic says, and with it in the journal of the machine.
const PANICS: [&str; 13] = [
    "panic",
    "unreachable",
    "todo",
    "unimplemented",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "expect",
    "dbg",
    "matches_or_panic",
];
/// Macros that write to whoever runs the program, and the rooms that do.
const PRINTS: [&str; 4] = ["print", "println", "eprint", "eprintln"];
const PRINTING: [&str; 5] = ["cli", "play", "terminal", "main", ""];

/// One thing that is said.
struct Said {
    /// The macro.
    by: String,
    value: syn::Expr,
}

/// Reads the arguments of a macro that writes a line.
struct Line(Vec<syn::Expr>);

impl Parse for Line {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut values = Vec::new();
        while !input.is_empty() {
            if input.peek(syn::LitStr) {
                let text: syn::LitStr = input.parse()?;
                if text.value().contains('{') {
                    return Err(syn::Error::new(
                        text.span(),
                        "what is said is a name, and its fields stand beside it",
                    ));
                }
            } else {
                let ahead = input.fork();
                let mut is_key = ahead.call(syn::Ident::parse_any).is_ok();
                while is_key && ahead.peek(syn::Token![.]) {
                    is_key =
                        ahead.parse::<syn::Token![.]>().is_ok() && ahead.call(syn::Ident::parse_any).is_ok();
                }
                let is_option = is_key && ahead.peek(syn::Token![:]) && !ahead.peek(syn::Token![::]);
                let is_key = is_key && ahead.peek(syn::Token![=]) && !ahead.peek(syn::Token![==]);
                if is_key || is_option {
                    while !input.peek(syn::Token![=]) && !input.peek(syn::Token![:]) {
                        input.parse::<TokenTree>()?;
                    }
                    input.parse::<TokenTree>()?;
                }
                if input.peek(syn::Token![%]) || input.peek(syn::Token![?]) {
                    input.parse::<TokenTree>()?;
                }
                values.push(input.parse()?);
            }
            if !input.is_empty() {
                input.parse::<syn::Token![,]>()?;
            }
        }
        Ok(Self(values))
    }
}

/// Reads what a macro is given, as expressions.
struct Arguments(Vec<syn::Expr>);

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let list = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated(input)?;
        Ok(Self(list.into_iter().collect()))
    }
}

/// With what a text names in its braces.
fn with_captured(mut values: Vec<syn::Expr>) -> Vec<syn::Expr> {
    for at in 0..values.len() {
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &values[at] else { continue };
        let text = text.value();
        let names = text.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next());
        let captured: Vec<syn::Expr> = names.filter_map(|name| syn::parse_str(name).ok()).collect();
        values.extend(captured);
    }
    values
}

/// What a function says, and what each of its names came from.
#[derive(Default)]
struct Function {
    said: Vec<Said>,
    /// Names, and what they were made of.
    bound: Vec<(BTreeSet<String>, syn::Expr)>,
    faults: Vec<String>,
    prints: bool,
}

/// The names that a pattern gives.
fn names(pattern: &syn::Pat) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Names {
        // What failed has a code: that is held by its type.
        fn visit_pat_tuple_struct(&mut self, pattern: &'ast syn::PatTupleStruct) {
            if !pattern.path.is_ident("Err") {
                visit::visit_pat_tuple_struct(self, pattern);
            }
        }
        fn visit_pat_ident(&mut self, name: &'ast syn::PatIdent) {
            self.0.insert(name.ident.to_string());
            visit::visit_pat_ident(self, name);
        }
    }
    let mut found = Names(BTreeSet::new());
    found.visit_pat(pattern);
    found.0
}

impl Function {
    fn hear(&mut self, name: &str, tokens: &TokenStream) {
        let values = if LOGS.contains(&name) {
            syn::parse2::<Line>(tokens.clone()).map(|line| line.0)
        } else if PANICS.contains(&name) {
            // What is held against another is shown with it; what must be so is not.
            let unsaid = usize::from(["assert", "debug_assert"].contains(&name));
            let arguments = syn::parse2::<Arguments>(tokens.clone());
            arguments.map(|arguments| with_captured(arguments.0.into_iter().skip(unsaid).collect()))
        } else {
            self.prints |= PRINTS.contains(&name);
            return;
        };
        match values {
            Ok(values) => {
                let said = values.into_iter().map(|value| Said { by: name.to_owned(), value });
                self.said.extend(said);
            }
            Err(error) => self.faults.push(format!("{name}!({tokens}): {error}")),
        }
    }

    /// What stands in a macro of others is looked through too.
    fn look_through(&mut self, tokens: &TokenStream) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            let TokenTree::Group(group) = tree else { continue };
            let is_call = matches!(at.checked_sub(1).map(|at| &trees[at]), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
            if let Some(TokenTree::Ident(name)) = at.checked_sub(2).map(|at| &trees[at]).filter(|_| is_call) {
                self.hear(&name.to_string(), &group.stream());
            }
            self.look_through(&group.stream());
        }
    }
}

impl<'ast> Visit<'ast> for Function {
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        self.hear(&name, &call.tokens);
        self.look_through(&call.tokens);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init {
            self.bound.push((names(&local.pat), (*init.expr).clone()));
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_let(&mut self, binding: &'ast syn::ExprLet) {
        self.bound.push((names(&binding.pat), (*binding.expr).clone()));
        visit::visit_expr_let(self, binding);
    }

    fn visit_expr_for_loop(&mut self, each: &'ast syn::ExprForLoop) {
        self.bound.push((names(&each.pat), (*each.expr).clone()));
        visit::visit_expr_for_loop(self, each);
    }

    fn visit_expr_match(&mut self, choice: &'ast syn::ExprMatch) {
        for arm in &choice.arms {
            self.bound.push((names(&arm.pat), (*choice.expr).clone()));
        }
        visit::visit_expr_match(self, choice);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        for argument in &call.args {
            if let syn::Expr::Closure(closure) = argument {
                let given: BTreeSet<String> = closure.inputs.iter().flat_map(names).collect();
                self.bound.push((given, (*call.receiver).clone()));
            }
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// What opens something that holds an answer: the verbs of such types that give text or bytes.
fn openers(whole: &Crate) -> BTreeSet<String> {
    // A key is said nowhere either, but what holds one has much to say.
    let may_be_opened = |place: &[String]| {
        is_answer(place) && !["secret::Secret", "secret::Key"].contains(&written(place).as_str())
    };
    let holds = |place: &[String]| {
        let leaves = whole.leaves_of(place, &is_answer);
        leaves.iter().any(|leaf| matches!(leaf, Meaning::Own(place) if may_be_opened(place)))
    };
    let mut found = BTreeSet::new();
    for (module, inside) in &whole.modules {
        for item in &inside.items {
            let syn::Item::Impl(of) = item else { continue };
            let syn::Type::Path(path) = &*of.self_ty else { continue };
            let Meaning::Own(place) = whole.meaning(module, &path.path) else { continue };
            let opens = |sig: &syn::Signature| {
                let syn::ReturnType::Type(_, given) = &sig.output else { return false };
                let leaves = whole.leaves(module, given, &|_| true);
                leaves.iter().any(|leaf| match leaf {
                    Meaning::Foreign(name) => ["String", "str", BYTES].contains(&name.as_str()),
                    Meaning::Own(place) => may_be_opened(place),
                })
            };
            let verbs = of.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(verb) if verb.sig.receiver().is_some() => Some(&verb.sig),
                _ => None,
            });
            let names = verbs.filter(|sig| opens(sig)).map(|sig| sig.ident.to_string());
            let names: Vec<String> = names.filter(|name| !OF_OTHERS.contains(&name.as_str())).collect();
            if !names.is_empty() && holds(&place) {
                found.extend(names);
            }
        }
    }
    found
}

/// What an expression gives in the end: last names, or what nobody can tell.
fn gives(of: &syn::Expr, found: &mut BTreeSet<String>) {
    let is_through = |name: &str| THROUGH.contains(&name);
    match of {
        syn::Expr::Lit(_) => {}
        syn::Expr::Path(path) => {
            found.extend(path.path.segments.last().map(|segment| segment.ident.to_string()));
        }
        syn::Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => drop(found.insert(name.to_string())),
            syn::Member::Unnamed(_) => gives(&field.base, found),
        },
        syn::Expr::MethodCall(call) => {
            let name = call.method.to_string();
            if !is_through(&name) {
                found.insert(name);
                return;
            }
            let mut gives_another = false;
            for argument in &call.args {
                if !matches!(argument, syn::Expr::Path(path) if path.path.segments.last().is_some_and(|last| is_through(&last.ident.to_string())))
                {
                    gives(argument, found);
                }
                gives_another |= match argument {
                    syn::Expr::Closure(_) => true,
                    syn::Expr::Path(path) => {
                        !path.path.segments.last().is_some_and(|last| is_through(&last.ident.to_string()))
                    }
                    _ => false,
                };
            }
            if !gives_another {
                gives(&call.receiver, found);
            }
        }
        syn::Expr::Call(call) => {
            let mut name = BTreeSet::new();
            gives(&call.func, &mut name);
            if name.iter().all(|name| is_through(name)) {
                call.args.iter().for_each(|argument| gives(argument, found));
            } else {
                found.extend(name);
            }
        }
        syn::Expr::Closure(closure) => gives(&closure.body, found),
        syn::Expr::Reference(inner) => gives(&inner.expr, found),
        syn::Expr::Unary(inner) => gives(&inner.expr, found),
        syn::Expr::Paren(inner) => gives(&inner.expr, found),
        syn::Expr::Group(inner) => gives(&inner.expr, found),
        syn::Expr::Cast(inner) => gives(&inner.expr, found),
        syn::Expr::Try(inner) => gives(&inner.expr, found),
        syn::Expr::Await(inner) => gives(&inner.base, found),
        syn::Expr::Binary(two) => {
            gives(&two.left, found);
            gives(&two.right, found);
        }
        other => drop(found.insert(format!("`{}`", other.to_token_stream()))),
    }
}

/// True if an expression is made of something that was opened.
fn is_opened(of: &syn::Expr, openers: &BTreeSet<String>, opened: &BTreeSet<String>) -> bool {
    struct Looking<'o> {
        openers: &'o BTreeSet<String>,
        opened: &'o BTreeSet<String>,
        is_opened: bool,
    }
    impl<'ast> Visit<'ast> for Looking<'_> {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            let name = call.method.to_string();
            if TELLS_NOTHING.contains(&name.as_str()) {
                return;
            }
            self.is_opened |= self.openers.contains(&name);
            visit::visit_expr_method_call(self, call);
        }
        fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
            let name = path.path.get_ident().map(ToString::to_string);
            self.is_opened |= name.is_some_and(|name| self.opened.contains(&name));
        }
    }
    let mut looking = Looking { openers, opened, is_opened: false };
    looking.visit_expr(of);
    looking.is_opened
}

/// What is wrong with what a crate says: where, and what.
fn faults(whole: &Crate, sayable: &BTreeSet<&str>) -> (Vec<String>, usize) {
    struct Functions(Vec<(String, Function)>);
    impl Functions {
        fn add(&mut self, name: &syn::Ident, block: &syn::Block) {
            let mut function = Function::default();
            function.visit_block(block);
            self.0.push((name.to_string(), function));
        }
    }
    impl<'ast> Visit<'ast> for Functions {
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
        fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
            if let Some(block) = &item.default {
                self.add(&item.sig.ident, block);
            }
        }
    }
    let openers = openers(whole);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (module, inside) in &whole.modules {
        let mut functions = Functions(Vec::new());
        inside.items.iter().for_each(|item| functions.visit_item(item));
        for (name, function) in functions.0 {
            let at = format!("{}::{name}", written(module));
            wrong.extend(function.faults.iter().map(|fault| format!("{at}: {fault}")));
            let room = module.first().map_or("", String::as_str);
            if function.prints && !PRINTING.contains(&room) {
                wrong.push(format!("{at}: only the command line prints"));
            }
            let mut opened = BTreeSet::new();
            loop {
                let before = opened.len();
                for (names, of) in &function.bound {
                    if is_opened(of, &openers, &opened) {
                        opened.extend(names.iter().cloned());
                    }
                }
                if opened.len() == before {
                    break;
                }
            }
            for Said { by, value } in &function.said {
                count += 1;
                let text = value.to_token_stream().to_string();
                if is_opened(value, &openers, &opened) {
                    wrong.push(format!("{at}: {by}! says what was opened: {text}"));
                }
                if PANICS.contains(&by.as_str()) {
                    continue;
                }
                let mut given = BTreeSet::new();
                gives(value, &mut given);
                let is_constant = |name: &str| name.starts_with(char::is_uppercase);
                let may_be_said = |name: &&String| sayable.contains(name.as_str()) || is_constant(name);
                let unknown: Vec<_> = given.iter().filter(|name| !may_be_said(name)).collect();
                if !unknown.is_empty() {
                    wrong.push(format!("{at}: {by}! says {unknown:?}: {text}"));
                }
            }
        }
    }
    (wrong, count)
}

#[test]
fn every_argument_of_every_line_is_of_a_kind_that_may_be_said() {
    let kinds: [&[&str]; 5] = [&CODES, &NUMBERS, &MOMENTS, &NAMES, &TELLS_NOTHING];
    let sayable: BTreeSet<&str> = kinds.into_iter().flatten().copied().collect();
    let (wrong, count) = faults(&Crate::read("src"), &sayable);
    assert!(count > 400, "only {count} things are said");
    assert!(wrong.is_empty(), "say what no list names:\n{}", wrong.join("\n"));
}

#[test]
fn a_line_that_says_what_was_opened_is_refused_however_it_got_there() {
    let whole = Crate::of(&[
        ("secret::wiped", "pub struct Wiped<T>(T);"),
        (
            "lead::minimised",
            "use crate::secret::wiped::Wiped; pub struct Answer(Wiped<String>);\n\
             impl Answer { pub fn expose(&self) -> &str { \"\" } pub fn len(&self) -> usize { 0 } }",
        ),
        (
            "workers",
            "fn a(x: &Answer) { tracing::warn!(code = %x.expose(), \"a.b\"); }\n\
             fn b(x: &Answer) { let code = x.expose().to_owned(); let other = &code[1..]; tracing::info!(%other, \"a.b\"); }\n\
             fn c(x: &[Answer]) { for code in x.iter().map(|x| x.expose()) { log::error!(code, \"a.b\"); } }\n\
             fn d(x: &Answer) { if let Some(code) = Some(x.expose()) { panic!(\"{code}\") } }\n\
             fn e() { tracing::warn!(\"a {secret} b\"); }\n\
             fn f(x: &Error) { tracing::warn!(code = ?x.text, \"a.b\"); }\n\
             fn g() { tokio::select! { _ = x => { tracing::info!(code = %y.expose(), \"a.b\") } } }\n\
             fn h(x: &Answer) { println!(\"{}\", 1); }\n\
             fn i(x: &Answer) { tracing::info!(code = x.expose().len(), error.code = %error.code, \"a.b\"); }",
        ),
    ]);
    let (wrong, _) = faults(&whole, &["code", "other", "len"].into());
    let functions: Vec<&str> =
        wrong.iter().filter_map(|fault| fault.strip_prefix("workers::")?.split(':').next()).collect();
    let functions: BTreeSet<&str> = functions.into_iter().collect();
    assert_eq!(functions, ["a", "b", "c", "d", "e", "f", "g", "h"].into(), "{wrong:#?}");
}
