//! What reading a config finds: faults, warnings, and where secrets lie.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;

use crate::config::fault::{Code, Fault, FaultCode, Faults};
use crate::config::secrets::SecretPlace;

/// What was found while reading.
pub(super) struct Findings {
    variables: BTreeMap<String, String>,
    found: RefCell<Faults>,
    places: RefCell<Vec<SecretPlace>>,
}

impl Findings {
    /// Starts with the keys that the environment set.
    pub(super) fn new(variables: BTreeMap<String, String>) -> Self {
        Self { variables, found: RefCell::default(), places: RefCell::default() }
    }

    /// Notes what refuses the config.
    pub(super) fn fault(
        &self,
        code: impl Into<Code>,
        key: &str,
        reason: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.found.borrow_mut().faults.push(self.finding(code, key, reason, mend));
    }

    /// Notes what a person should look at.
    pub(super) fn warn(
        &self,
        code: impl Into<Code>,
        key: &str,
        reason: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.found.borrow_mut().warnings.push(self.finding(code, key, reason, mend));
    }

    /// The same, of what several may run into: said once a key.
    pub(super) fn warn_once(&self, code: FaultCode, key: &str, reason: &str, mend: &str) {
        let is_said = |warning: &Fault| warning.key == key && warning.code == code.into();
        let said = self.found.borrow().warnings.iter().any(is_said);
        if !said {
            self.warn(code, key, reason, mend);
        }
    }

    /// Takes over what was found elsewhere.
    pub(super) fn extend(&self, faults: Vec<Fault>) {
        self.found.borrow_mut().faults.extend(faults);
    }

    /// Notes where a secret lies, so that it can be looked for even if something else is wrong.
    pub(super) fn note_place(&self, place: SecretPlace) {
        self.places.borrow_mut().push(place);
    }

    /// Where secrets lie.
    pub(super) fn places(&self) -> Ref<'_, Vec<SecretPlace>> {
        self.places.borrow()
    }

    /// Everything that was found, and where secrets lie.
    pub(super) fn into_parts(self) -> (Faults, Vec<SecretPlace>) {
        (self.found.into_inner(), self.places.into_inner())
    }

    fn finding(
        &self,
        code: impl Into<Code>,
        key: &str,
        reason: impl Into<String>,
        mend: impl Into<String>,
    ) -> Fault {
        Fault { variable: self.variables.get(key).cloned(), ..Fault::new(code, key, reason, mend) }
    }

    /// True if the environment set this key.
    pub(super) fn is_set_by_a_variable(&self, key: &str) -> bool {
        self.variables.contains_key(key)
    }

    /// The first variable that sets this key or something below it.
    pub(super) fn variable_within(&self, key: &str) -> Option<&str> {
        let within =
            |set: &str| set.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.variables.iter().find(|(set, _)| within(set)).map(|(_, variable)| variable.as_str())
    }
}
