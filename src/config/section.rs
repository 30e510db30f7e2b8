//! Reading the merged tree one key at a time, with every fault noted and none fatal.
//!
//! A key exists because something reads it: what a section was never asked for is unknown. So there is one place a key
//! (its line in a `table!`), and a fault in one never hides a fault in another, whatever the shape of what stands there.

use std::ops::RangeInclusive;

use ::config::{Map, Value, ValueKind};

use crate::config::fault::{Fault, FaultCode};
use crate::config::findings::Findings;
use crate::config::secrets::SecretPlace;
use crate::config::suggest;
use crate::secret::location::Location;
use crate::visible;

/// What a key is called, where it is not the operator who names it.
type Name = &'static str;

/// A table of the config.
pub(super) struct Section<'v> {
    key: String,
    /// None: absent, or no table (then a fault is noted already, and its keys are not missed).
    values: Option<&'v Map<String, Value>>,
    is_broken: bool,
    asked: Vec<&'static str>,
    findings: &'v Findings,
}

impl<'v> Section<'v> {
    /// The file as a whole.
    pub(super) fn root(values: &'v Map<String, Value>, findings: &'v Findings) -> Self {
        Self { key: String::new(), values: Some(values), is_broken: false, asked: Vec::new(), findings }
    }

    /// The dotted path of this table.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The dotted path of a key of this table.
    pub(super) fn path(&self, key: &str) -> String {
        match self.key.as_str() {
            "" => key.escape_debug().to_string(),
            own => format!("{own}.{}", key.escape_debug()),
        }
    }

    /// True if something other than a table stands here; that fault is noted already.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Where faults are noted.
    pub(super) fn findings(&self) -> &'v Findings {
        self.findings
    }

    /// What stands at a key that may be absent.
    pub(super) fn item(&mut self, key: Name) -> Option<ConfigItem<'v>> {
        self.asked.push(key);
        let value = self.values?.get(key)?;
        Some(ConfigItem { key: self.path(key), value, findings: self.findings })
    }

    /// A key that must be there; `sample` is a value that mends its absence.
    pub(super) fn must<T>(
        &mut self,
        key: Name,
        sample: &str,
        read: impl FnOnce(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<T> {
        self.demand(key, format!("Add `{key} = {sample}`."), read)
    }

    /// The same, where a law wants the key.
    pub(super) fn must_by_law<T>(
        &mut self,
        key: Name,
        sample: &str,
        law: &str,
        read: impl FnOnce(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<T> {
        self.demand(key, format!("Add `{key} = {sample}` ({law})."), read)
    }

    /// A list of tables that must be there; `keys` are those of each.
    pub(super) fn must_list<T>(
        &mut self,
        key: Name,
        keys: &str,
        read: impl FnOnce(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<T> {
        let path = self.path(key);
        self.demand(key, format!("Add `[[{path}]]` with {keys}."), read)
    }

    fn demand<T>(
        &mut self,
        key: Name,
        mend: String,
        read: impl FnOnce(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<T> {
        let item = self.item(key);
        if item.is_none() && !self.is_broken {
            self.findings.fault(FaultCode::Missing, &self.path(key), "this key is missing", mend);
        }
        item.and_then(|item| read(&item))
    }

    /// A key that may be absent: then there is nothing.
    pub(super) fn may<T>(
        &mut self,
        key: Name,
        read: impl FnOnce(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.or(key, None, |item| read(item).map(Some))
    }

    /// A key that may be absent: then it is this.
    pub(super) fn or<T>(
        &mut self,
        key: Name,
        absent: T,
        read: impl FnOnce(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<T> {
        self.item(key).map_or(Some(absent), |item| read(&item))
    }

    /// A table whose own keys may be missed.
    pub(super) fn within<T>(&mut self, key: Name, read: impl FnOnce(Section<'v>) -> Option<T>) -> Option<T> {
        read(self.section(key))
    }

    /// True if something stands at this key, good or not.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.values.is_some_and(|values| values.contains_key(key))
    }

    /// A table below this one; an absent one has no keys.
    pub(super) fn section(&mut self, key: Name) -> Section<'v> {
        let path = self.path(key);
        match self.item(key) {
            Some(item) => item.section(),
            None => Section {
                key: path,
                values: None,
                is_broken: self.is_broken,
                asked: Vec::new(),
                findings: self.findings,
            },
        }
    }

    /// Everything in a table whose keys are the operator's own names.
    pub(super) fn into_entries(self) -> Vec<(&'v str, ConfigItem<'v>)> {
        let entry = |(name, value): (&'v String, &'v Value)| {
            (name.as_str(), ConfigItem { key: self.path(name), value, findings: self.findings })
        };
        self.values.into_iter().flatten().map(entry).collect()
    }

    /// Ends the reading: what was not asked for is unknown.
    pub(super) fn finish(&self) {
        for (name, _) in self.values.into_iter().flatten() {
            if !self.asked.contains(&name.as_str()) {
                let mend = match suggest::nearest(name, self.asked.iter().copied()) {
                    Some(known) => format!("Did you mean `{known}`?"),
                    None => "Remove it.".into(),
                };
                let path = self.path(name);
                self.findings.fault(FaultCode::UnknownKey, &path, "tamis knows no such key", mend);
            }
        }
    }
}

/// What stands at one key.
pub(super) struct ConfigItem<'v> {
    key: String,
    value: &'v Value,
    findings: &'v Findings,
}

impl<'v> ConfigItem<'v> {
    /// The dotted path.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Notes a fault of this key.
    pub(super) fn fault(&self, code: FaultCode, reason: impl Into<String>, mend: impl Into<String>) {
        self.findings.fault(code, &self.key, reason, mend);
    }

    /// Notes a warning about this key.
    pub(super) fn warn(&self, code: FaultCode, reason: impl Into<String>, mend: impl Into<String>) {
        self.findings.warn(code, &self.key, reason, mend);
    }

    /// A text with something in it.
    pub(super) fn text(&self) -> Option<&'v str> {
        self.text_or("Fill it in.")
    }

    /// The same; `mend` says what belongs here.
    fn text_or(&self, mend: &str) -> Option<&'v str> {
        match &self.value.kind {
            ValueKind::String(text) if text.trim().is_empty() => {
                self.fault(FaultCode::Empty, "this is empty", mend);
                None
            }
            ValueKind::String(text) => Some(text),
            _ => {
                self.wrong_type("a text", "Put it in quotes.");
                None
            }
        }
    }

    /// A text of at most `max` characters, all of which show themselves, as people will read it.
    pub(super) fn prose(&self, max: usize) -> Option<String> {
        let text = self.text()?.trim();
        if text.chars().count() > max || !text.chars().all(visible::is_printable) {
            let reason = format!("not a line of at most {max} visible characters");
            self.fault(
                FaultCode::Malformed,
                reason,
                "Shorten it to one line, without control or invisible characters.",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(&self, parse: impl Fn(&str) -> Option<T>, what: &str, mend: &str) -> Option<T> {
        let parsed = parse(self.text_or(mend)?);
        if parsed.is_none() {
            self.fault(FaultCode::Malformed, format!("this is not {what}"), mend);
        }
        parsed
    }

    /// One of Meta's ids, quoted or not.
    pub(super) fn id<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let parsed = match &self.value.kind {
            ValueKind::I64(number) => parse(&number.to_string()),
            _ => parse(self.text()?),
        };
        if parsed.is_none() {
            self.fault(
                FaultCode::Malformed,
                "this is not one to twenty digits",
                "Copy the id from Meta, in quotes.",
            );
        }
        parsed
    }

    /// One of a closed list.
    pub(super) fn one_of<T: Copy>(&self, all: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
        let text = self.text()?;
        let chosen = all.iter().copied().find(|one| name(*one) == text);
        if chosen.is_none() {
            let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
            let listed = || format!("Choose one of: {}.", names.join(", "));
            let mend = suggest::mend(text, names.iter().copied(), listed);
            self.fault(FaultCode::NotOnList, "this is not on the list", mend);
        }
        chosen
    }

    /// A whole number within bounds. The environment has texts alone, which are read as numbers here and only here; in the file
    /// a number between quotes is a slip, as any text is.
    pub(super) fn number<T: TryFrom<u64>>(&self, bounds: RangeInclusive<u64>) -> Option<T> {
        let number = match &self.value.kind {
            ValueKind::I64(number) => Some(i128::from(*number)),
            ValueKind::String(text) if self.is_from_environment() => {
                text.trim().replace('_', "").parse().ok()
            }
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_type("a whole number", "Write digits alone, without quotes.");
            return None;
        };
        let within = u64::try_from(number).ok().filter(|number| bounds.contains(number));
        if within.is_none() {
            let reason = format!("this must lie between {} and {}", bounds.start(), bounds.end());
            self.fault(FaultCode::OutOfRange, reason, "Choose a value within these bounds.");
        }
        within.and_then(|number| T::try_from(number).ok())
    }

    /// Yes or no; as a text from the environment alone.
    pub(super) fn flag(&self) -> Option<bool> {
        match &self.value.kind {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) if self.is_from_environment() && text == "true" => Some(true),
            ValueKind::String(text) if self.is_from_environment() && text == "false" => Some(false),
            _ => {
                self.wrong_type("true or false", "Write true or false, without quotes.");
                None
            }
        }
    }

    /// The elements of a list.
    pub(super) fn list(&self) -> Option<Vec<ConfigItem<'v>>> {
        if let Some(variable) = self.findings.variable_within(&self.key) {
            let reason = format!("the environment cannot set a list, and {variable} tries to");
            let mend = format!("Unset {variable} and write the list in the file.");
            self.findings.extend(vec![Fault::new(FaultCode::EnvironmentList, &self.key, reason, mend)]);
            return None;
        }
        let ValueKind::Array(values) = &self.value.kind else {
            self.wrong_type("a list", "Put it in square brackets.");
            return None;
        };
        let element = |(index, value): (usize, &'v Value)| ConfigItem {
            key: format!("{}[{index}]", self.key),
            value,
            findings: self.findings,
        };
        Some(values.iter().enumerate().map(element).collect())
    }

    /// What `read` makes of each element of a list; none where one is faulty.
    pub(super) fn each<T>(&self, read: impl FnMut(&ConfigItem<'_>) -> Option<T>) -> Option<Vec<T>> {
        each(&self.list()?, read)
    }

    /// What `read` makes of each element of a list in which nothing may stand twice. What cannot be read is left out.
    pub(super) fn distinct<T: PartialEq>(
        &self,
        twice: &str,
        mut read: impl FnMut(&ConfigItem<'v>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut all: Vec<T> = Vec::new();
        for element in self.list()? {
            let Some(one) = read(&element) else { continue };
            if all.contains(&one) {
                element.fault(FaultCode::Duplicate, twice, "Remove one.");
            }
            all.push(one);
        }
        Some(all)
    }

    /// The operator's own name for what stands here; none: it is not `what`. `also` ends the mend.
    pub(super) fn named<T>(&self, name: Option<T>, what: &str, also: &str) -> Option<T> {
        if name.is_none() {
            let mend = "Write lower-case letters, digits and _, a letter first, at most 63";
            self.fault(FaultCode::Malformed, format!("this is not {what}"), format!("{mend}{also}."));
        }
        name
    }

    /// A table.
    pub(super) fn section(&self) -> Section<'v> {
        let values = match &self.value.kind {
            ValueKind::Table(values) => Some(values),
            _ => {
                self.wrong_type("a table", "Write `[name]` above its keys, or `{ key = … }`.");
                None
            }
        };
        Section {
            key: self.key.clone(),
            values,
            is_broken: values.is_none(),
            asked: Vec::new(),
            findings: self.findings,
        }
    }

    /// Notes that a secret lies here.
    pub(super) fn note_place(&self, location: &Location) {
        self.findings.note_place(SecretPlace { key: self.key.clone(), location: location.clone() });
    }

    /// True if this is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.value.kind, ValueKind::Array(_))
    }

    /// True if this is a bare text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.value.kind, ValueKind::String(_))
    }

    /// True if a variable set it, whatever the file says.
    fn is_from_environment(&self) -> bool {
        self.findings.is_set_by_a_variable(&self.key)
    }

    fn wrong_type(&self, wanted: &str, mend: &str) {
        let given = match &self.value.kind {
            ValueKind::Nil => "nothing",
            ValueKind::Boolean(_) => "true or false",
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
                "a whole number"
            }
            ValueKind::Float(_) => "a number with a point",
            ValueKind::String(_) => "a text",
            ValueKind::Table(_) => "a table",
            ValueKind::Array(_) => "a list",
        };
        self.fault(FaultCode::WrongType, format!("{wanted} belongs here, and {given} was given"), mend);
    }
}

/// What `read` makes of each, with the faults of all; none where one is faulty.
pub(super) fn each<T>(
    items: &[ConfigItem<'_>],
    read: impl FnMut(&ConfigItem<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let read: Vec<Option<T>> = items.iter().map(read).collect();
    read.into_iter().collect()
}
