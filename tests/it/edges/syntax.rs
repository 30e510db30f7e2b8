//! The sources as trees: what is defined where, what a name means in a file, and of what a type is made in the end.
//!
//! Nothing is looked for as text: a type that is imported under another name, hidden behind an alias, or written across lines is what
//! it is. What only tests build is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

/// Where something is defined: the modules, then its name.
pub type Place = Vec<String>;

/// A type as it is defined.
pub struct Definition {
    /// What stands before it.
    pub attributes: Vec<syn::Attribute>,
    /// What it is made of: the types of its fields, of all variants; of an alias the one that it stands for.
    pub parts: Vec<syn::Type>,
    /// Parameters, which mean nothing by themselves.
    parameters: BTreeSet<String>,
}

/// One file, or one module written out in it.
#[derive(Default)]
pub struct Module {
    /// What it defines.
    pub types: BTreeMap<String, Definition>,
    /// What is in it, without what only tests build and without the modules written out.
    pub items: Vec<syn::Item>,
    /// What a name that was imported stands for, as it was written.
    imports: BTreeMap<String, Vec<String>>,
    /// Where all names were imported from.
    globs: Vec<Vec<String>>,
}

/// All of a crate.
#[derive(Default)]
pub struct Crate {
    /// By their places.
    pub modules: BTreeMap<Place, Module>,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// A type of this crate.
    Own(Place),
    /// Another's, by its last name.
    Foreign(String),
}

impl Meaning {
    /// As it is written in a list: the whole place, or the name alone.
    pub fn written(&self) -> String {
        match self {
            Self::Own(place) => place.join("::"),
            Self::Foreign(name) => name.clone(),
        }
    }
}

/// True of what only tests build.
pub fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The attributes of an item.
fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Crate {
    /// What the compiler reads below a folder, file after file as each is declared: no name keeps a file from being looked at.
    pub fn read(folder: &str) -> Self {
        let (mut whole, root) = (Self::default(), Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
        for file in ["lib.rs", "main.rs"].map(|name| root.join(name)) {
            whole.follow(&[], &file, &root);
        }
        whole
    }

    /// A file, and what it declares.
    fn follow(&mut self, place: &[String], file: &Path, below: &Path) {
        let text = fs::read_to_string(file).expect("a source");
        for name in self.add(place.to_vec(), &text) {
            let (single, folder) = (below.join(format!("{name}.rs")), below.join(&name));
            let file = if single.is_file() { single } else { folder.join("mod.rs") };
            self.follow(&[place, &[name]].concat(), &file, &folder);
        }
    }

    /// Of files that are written out: what a policy must refuse.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut whole = Self::default();
        whole.modules.insert(Vec::new(), Module::default());
        for (module, text) in files {
            let place: Place = module.split("::").map(str::to_owned).collect();
            (1..place.len()).for_each(|length| {
                whole.modules.entry(place[..length].to_vec()).or_default();
            });
            whole.add(place, text);
        }
        whole
    }

    /// Gives what it declares, and does not hold.
    fn add(&mut self, module: Place, text: &str) -> Vec<String> {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", module.join("::")));
        self.add_items(module, file.items)
    }

    fn add_items(&mut self, place: Place, items: Vec<syn::Item>) -> Vec<String> {
        let (mut found, mut declared) = (Module::default(), Vec::new());
        for item in items {
            if is_for_tests(attributes(&item)) {
                continue;
            }
            match item {
                syn::Item::Mod(inner) => {
                    let is_elsewhere = inner.attrs.iter().any(|attribute| attribute.path().is_ident("path"));
                    assert!(
                        !is_elsewhere,
                        "{}: a file under another name is not looked at",
                        place.join("::")
                    );
                    let name = inner.ident.to_string();
                    match inner.content {
                        Some((_, items)) => {
                            let further = self.add_items([place.clone(), vec![name]].concat(), items);
                            assert!(further.is_empty(), "{}: a file in a module of a file", place.join("::"));
                        }
                        None => declared.push(name),
                    }
                    continue;
                }
                syn::Item::Use(import) => {
                    found.import(&import.tree, &mut Vec::new());
                    continue;
                }
                _ => found.define(&item),
            }
            found.items.push(item);
        }
        // `lib.rs` and `main.rs` are one place.
        match self.modules.get_mut(&place) {
            None => drop(self.modules.insert(place, found)),
            Some(known) => {
                known.types.extend(found.types);
                known.items.extend(found.items);
                known.imports.extend(found.imports);
                known.globs.extend(found.globs);
            }
        }
        declared
    }

    /// What a path means in a module.
    pub fn meaning(&self, module: &[String], path: &syn::Path) -> Meaning {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.resolved(module, &names, 0)
            .map_or_else(|| Meaning::Foreign(names.last().cloned().unwrap_or_default()), Meaning::Own)
    }

    /// The place of what a path names, if it is this crate's.
    pub fn resolved(&self, module: &[String], names: &[String], depth: usize) -> Option<Place> {
        let (first, rest) = names.split_first()?;
        // A circle of imports.
        if depth > 24 {
            return None;
        }
        match first.as_str() {
            "crate" => return self.below(&[], rest, depth),
            "self" => return self.below(module, rest, depth),
            "super" => return self.below(module.split_last()?.1, rest, depth),
            _ => {}
        }
        self.below(module, names, depth)
    }

    /// The place of what these names mean, looked for in a module.
    fn below(&self, module: &[String], names: &[String], depth: usize) -> Option<Place> {
        let (first, rest) = names.split_first()?;
        if first == "super" || first == "self" {
            return self.resolved(module, names, depth + 1);
        }
        let inner = [module, std::slice::from_ref(first)].concat();
        let found = self.modules.get(module)?;
        // A variant of a type is its type.
        if found.types.contains_key(first) || (rest.is_empty() && found.is_function(first)) {
            return Some(inner);
        }
        if !rest.is_empty()
            && self.modules.contains_key(&inner)
            && let Some(place) = self.below(&inner, rest, depth + 1)
        {
            return Some(place);
        }
        if let Some(stands_for) = found.imports.get(first) {
            let whole = [stands_for.as_slice(), rest].concat();
            // Its own name, of another crate.
            if whole != names {
                return self.resolved(module, &whole, depth + 1);
            }
        }
        found.globs.iter().find_map(|from| {
            let whole = [from.as_slice(), names].concat();
            self.resolved(module, &whole, depth + 1)
        })
    }

    /// A type of this crate.
    pub fn definition(&self, place: &[String]) -> Option<&Definition> {
        let (name, module) = place.split_last()?;
        self.modules.get(module)?.types.get(name)
    }

    /// All types, each with its place.
    pub fn types(&self) -> impl Iterator<Item = (Place, &Definition)> {
        self.modules.iter().flat_map(|(module, found)| {
            let types = found.types.iter();
            types.map(|(name, of)| ([module.as_slice(), std::slice::from_ref(name)].concat(), of))
        })
    }

    /// Of what a type is made in the end: every type of others in it, and every one of this crate's that `is_end` names; bytes that lie
    /// together are [`BYTES`].
    pub fn leaves(
        &self,
        module: &[String],
        of: &syn::Type,
        is_end: &dyn Fn(&[String]) -> bool,
    ) -> BTreeSet<Meaning> {
        let mut looking = Looking { module: module.to_vec(), ..Looking::new(self, is_end) };
        looking.visit_type(of);
        looking.leaves
    }

    /// The same of what is defined at a place.
    pub fn leaves_of(&self, place: &[String], is_end: &dyn Fn(&[String]) -> bool) -> BTreeSet<Meaning> {
        let mut looking = Looking::new(self, is_end);
        looking.enter(place);
        looking.leaves
    }
}

/// What bytes that lie together are called among leaves: an answer may lie in them.
pub const BYTES: &str = "[u8]";

impl Module {
    /// The last name of what a path means, under whatever name that was imported.
    pub fn own_name(&self, path: &syn::Path) -> String {
        let imported = path.get_ident().and_then(|name| self.imports.get(&name.to_string()));
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        imported.and_then(|whole| whole.last().cloned()).or(last).unwrap_or_default()
    }

    /// What is imported from a crate, by the names that it has there.
    pub fn imports_of(&self, from: &str) -> BTreeSet<&str> {
        let those = self.imports.values().filter(|whole| whole.first().is_some_and(|first| first == from));
        those.filter_map(|whole| whole.last()).map(String::as_str).collect()
    }

    fn is_function(&self, name: &str) -> bool {
        self.items.iter().any(|item| matches!(item, syn::Item::Fn(item) if item.sig.ident == name))
    }

    fn import(&mut self, tree: &syn::UseTree, before: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before);
                before.pop();
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                if let Some(last) = before.last() {
                    self.imports.insert(last.clone(), before.clone());
                }
            }
            syn::UseTree::Name(name) => {
                let name = name.ident.to_string();
                let whole = [before.as_slice(), std::slice::from_ref(&name)].concat();
                self.imports.insert(name, whole);
            }
            syn::UseTree::Rename(rename) => {
                let mut whole = before.clone();
                if rename.ident != "self" {
                    whole.push(rename.ident.to_string());
                }
                self.imports.insert(rename.rename.to_string(), whole);
            }
            syn::UseTree::Glob(_) => self.globs.push(before.clone()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
        }
    }

    fn define(&mut self, item: &syn::Item) {
        match item {
            syn::Item::Struct(item) => {
                let parts = item.fields.iter().map(|field| field.ty.clone()).collect();
                self.insert(&item.ident, &item.attrs, parts, &item.generics);
            }
            syn::Item::Enum(item) => self.define_enum(item),
            syn::Item::Union(item) => {
                let parts = item.fields.named.iter().map(|field| field.ty.clone()).collect();
                self.insert(&item.ident, &item.attrs, parts, &item.generics);
            }
            syn::Item::Type(item) => {
                let parts = vec![(*item.ty).clone()];
                self.insert(&item.ident, &item.attrs, parts, &item.generics);
            }
            syn::Item::Macro(item) => {
                // Lists of codes are enums.
                if let Ok(inner) = item.mac.parse_body::<syn::ItemEnum>() {
                    self.define_enum(&inner);
                }
            }
            _ => {}
        }
    }

    fn define_enum(&mut self, item: &syn::ItemEnum) {
        let fields = item.variants.iter().flat_map(|variant| variant.fields.iter());
        let parts = fields.map(|field| field.ty.clone()).collect();
        self.insert(&item.ident, &item.attrs, parts, &item.generics);
    }

    fn insert(
        &mut self,
        name: &syn::Ident,
        attributes: &[syn::Attribute],
        parts: Vec<syn::Type>,
        generics: &syn::Generics,
    ) {
        let parameters = generics.type_params().map(|parameter| parameter.ident.to_string()).collect();
        let attributes = attributes.to_vec();
        self.types.insert(name.to_string(), Definition { attributes, parts, parameters });
    }
}

/// Goes down to the leaves.
struct Looking<'c> {
    whole: &'c Crate,
    module: Place,
    parameters: BTreeSet<String>,
    is_end: &'c dyn Fn(&[String]) -> bool,
    entered: BTreeSet<Place>,
    leaves: BTreeSet<Meaning>,
}

impl<'c> Looking<'c> {
    fn new(whole: &'c Crate, is_end: &'c dyn Fn(&[String]) -> bool) -> Self {
        let (module, parameters, entered, leaves) = Default::default();
        Self { whole, module, parameters, is_end, entered, leaves }
    }

    fn enter(&mut self, place: &[String]) {
        if (self.is_end)(place) {
            self.leaves.insert(Meaning::Own(place.to_vec()));
            return;
        }
        let Some(definition) = self.whole.definition(place) else {
            // A trait of ours, or a function: what lies behind it nobody sees.
            self.leaves.insert(Meaning::Own(place.to_vec()));
            return;
        };
        if !self.entered.insert(place.to_vec()) {
            return;
        }
        let module = std::mem::replace(&mut self.module, place[..place.len() - 1].to_vec());
        let parameters = std::mem::replace(&mut self.parameters, definition.parameters.clone());
        definition.parts.iter().for_each(|part| self.visit_type(part));
        (self.module, self.parameters) = (module, parameters);
    }
}

fn is_constant_text(to: &syn::TypeReference) -> bool {
    let is_text = matches!(&*to.elem, syn::Type::Path(path) if path.path.is_ident("str"));
    is_text && to.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

fn is_byte(of: &syn::Type) -> bool {
    matches!(of, syn::Type::Path(path) if path.path.is_ident("u8"))
}

impl<'ast> Visit<'ast> for Looking<'_> {
    fn visit_type(&mut self, of: &'ast syn::Type) {
        match of {
            syn::Type::Array(array) if is_byte(&array.elem) => {
                self.leaves.insert(Meaning::Foreign(BYTES.to_owned()));
            }
            // What the program itself says.
            syn::Type::Reference(to) if is_constant_text(to) => {}
            syn::Type::Slice(slice) if is_byte(&slice.elem) => {
                self.leaves.insert(Meaning::Foreign(BYTES.to_owned()));
            }
            _ => visit::visit_type(self, of),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let is_parameter = path.get_ident().is_some_and(|name| self.parameters.contains(&name.to_string()));
        if is_parameter || path.is_ident("Self") {
            return;
        }
        // What it holds, and what it is given: bytes in a vector lie together.
        for segment in &path.segments {
            if let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments {
                for argument in &arguments.args {
                    match argument {
                        syn::GenericArgument::Type(of) if is_byte(of) => {
                            self.leaves.insert(Meaning::Foreign(BYTES.to_owned()));
                        }
                        other => self.visit_generic_argument(other),
                    }
                }
            } else {
                self.visit_path_arguments(&segment.arguments);
            }
        }
        match self.whole.meaning(&self.module, path) {
            Meaning::Own(place) => self.enter(&place),
            foreign => drop(self.leaves.insert(foreign)),
        }
    }

    // The length of an array is no part of it.
    fn visit_expr(&mut self, _: &'ast syn::Expr) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        text.split("::").map(str::to_owned).collect()
    }

    fn leaves(whole: &Crate, of: &str) -> Vec<String> {
        whole.leaves_of(&place(of), &|_| false).iter().map(Meaning::written).collect()
    }

    #[test]
    fn a_type_is_what_it_is_made_of_under_whatever_name_it_comes() {
        let whole = Crate::of(&[
            ("a", "pub use inner::Hidden as Shown; pub mod inner { pub struct Hidden(Vec<(u32, String)>); }"),
            (
                "b",
                "use crate::a::{self, Shown as Other}; pub struct One { at: Other } pub enum Two<T> { A(T), B { x: a::Shown } }",
            ),
            (
                "b::c",
                "use super::*; type All = Box<dyn Iterator<Item = Result<Two<u8>, One>> + Send>; struct Four([u8; 32], Round); struct Round(Option<Box<Round>>);",
            ),
        ]);
        assert_eq!(leaves(&whole, "b::One"), ["String", "Vec", "u32"]);
        assert_eq!(leaves(&whole, "b::Two"), ["String", "Vec", "u32"]);
        assert_eq!(
            leaves(&whole, "b::c::All"),
            ["Box", "Iterator", "Result", "Send", "String", "Vec", "[u8]", "u32"]
        );
        assert_eq!(leaves(&whole, "b::c::Four"), ["Box", "Option", "[u8]"]);
    }

    #[test]
    fn what_only_tests_build_is_left_out_and_what_stands_behind_it_is_not() {
        let whole = Crate::of(&[(
            "a",
            "#[cfg(test)] mod tests { struct Gone; } struct There; #[cfg(test)] struct Other; #[cfg(feature = \"demo\")] struct Too;",
        )]);
        let found: Vec<String> = whole.types().map(|(place, _)| place.join("::")).collect();
        assert_eq!(found, ["a::There", "a::Too"]);
    }
}
