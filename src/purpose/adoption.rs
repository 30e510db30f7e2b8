//! Which forms count as another: a form that no purpose names, on a page of a purpose's forms, that asks the same under the
//! same boxes as one of them.
//!
//! Beside a policy, since it is learnt while that is in force: what is adopted is seen at once by whoever asks whose a form is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::id::{FormId, PageId};
use crate::purpose::copies::{DIFFERENCES_MAX, Difference, DifferenceCode, Differs, Reliance, nothing};
use crate::purpose::{FormDefinition, Purpose, PurposeId, TextHash};

/// So many copies are taken.
const ADOPTED_MAX: usize = 100_000;
/// Of so many forms it is known in what they are no copies; beyond, they are forms that nobody claims.
const DIFFERING_MAX: usize = 20_000;

/// What a form is to purposes that do not name it.
#[derive(Debug)]
pub enum Likeness {
    /// No purpose that takes copies has a form on its page, as far as is known.
    Foreign,
    /// It counts as this form.
    Copy(FormId),
    /// It does not.
    Differs(Differs),
}

/// Purposes that take copies, in the order of the config.
type Taking = Arc<[Arc<Purpose>]>;

/// The originals of a policy, and what counts as one of them.
#[derive(Debug, Default)]
pub struct Copies {
    /// Each form of a purpose that takes copies, with those of its purposes that do; and where each stands here.
    originals: Vec<(FormId, Taking)>,
    places: HashMap<FormId, usize>,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<FormId, Arc<Original>>,
    /// Where those stand among the originals whose page is known, in their order.
    of_page: HashMap<PageId, BTreeSet<usize>>,
    adopted: HashMap<FormId, Adopted>,
    differing: HashMap<FormId, Arc<Differs>>,
    /// Those that purposes name, and those that are adopted.
    claimed: Arc<HashSet<FormId>>,
}

impl State {
    /// An original of which something is known.
    fn candidate<'k>(&'k self, (id, taking): &'k (FormId, Taking)) -> Option<Candidate<'k>> {
        Some(Candidate { id: *id, taking, known: self.known.get(id)? })
    }
}

/// A form of the config, as it was last read.
#[derive(Debug)]
struct Original {
    page: Option<PageId>,
    definition: FormDefinition,
    revision: TextHash,
    /// One for each of its purposes that take copies.
    relied_on: Vec<Reliance>,
}

#[derive(Clone, Debug)]
struct Adopted {
    original: FormId,
    purposes: Taking,
    /// What both were when they were held against one another.
    revisions: (TextHash, TextHash),
}

impl Copies {
    /// Nothing is known yet but what purposes name and claim.
    pub(in crate::purpose) fn of(purposes: &[Arc<Purpose>], claimed: HashSet<FormId>) -> Self {
        let mut originals: Vec<(FormId, Vec<Arc<Purpose>>)> = Vec::new();
        let mut places: HashMap<FormId, usize> = HashMap::new();
        for purpose in purposes.iter().filter(|purpose| purpose.copies) {
            for form in purpose.forms.iter().filter(|form| claimed.contains(form)) {
                let at = *places.entry(*form).or_insert(originals.len());
                if at == originals.len() {
                    originals.push((*form, Vec::new()));
                }
                if let Some((_, taking)) = originals.get_mut(at) {
                    taking.push(Arc::clone(purpose));
                }
            }
        }
        let originals = originals.into_iter().map(|(form, taking)| (form, taking.into())).collect();
        let state = RwLock::new(State { claimed: Arc::new(claimed), ..State::default() });
        Self { originals, places, state }
    }

    /// True if a purpose takes copies.
    pub fn are_wanted(&self) -> bool {
        !self.originals.is_empty()
    }

    /// Those of which nothing is known yet, or not whose page they are.
    pub fn unplaced(&self) -> Vec<FormId> {
        let state = self.state.read();
        let is_placed = |form: &FormId| state.known.get(form).is_some_and(|known| known.page.is_some());
        self.originals.iter().map(|(form, _)| *form).filter(|form| !is_placed(form)).collect()
    }

    /// What is known of an original now, and which page's it is, if that is known; of any other form nothing is learnt.
    pub fn learn(&self, definition: &FormDefinition, revision: TextHash, page: Option<PageId>) {
        let Some(&at) = self.places.get(&definition.form) else { return };
        let Some((_, taking)) = self.originals.get(at) else { return };
        let known = self.state.read().known.get(&definition.form).cloned();
        let page = definition.page.or(page).or(known.as_ref().and_then(|known| known.page));
        if known.is_some_and(|known| known.revision == revision && known.page == page) {
            return;
        }
        let relied_on = taking.iter().map(|purpose| Reliance::of(purpose, &definition.form, definition));
        let original =
            Original { page, definition: definition.clone(), revision, relied_on: relied_on.collect() };
        let mut state = self.state.write();
        let before = state.known.insert(definition.form, Arc::new(original)).and_then(|before| before.page);
        if before == page {
            return;
        }
        if let Some(before) = before
            && let Some(there) = state.of_page.get_mut(&before)
        {
            there.remove(&at);
        }
        if let Some(page) = page {
            state.of_page.entry(page).or_default().insert(at);
        }
    }

    /// True if a purpose that takes copies is known to have a form on this page.
    pub fn is_of_page(&self, page: &PageId) -> bool {
        self.state.read().of_page.get(page).is_some_and(|there| !there.is_empty())
    }

    /// Holds a form of this page against the originals. Of several that it is like the one that it counted as before comes
    /// first, then one of its own page, then the order of the config; where they are not the same purposes' nobody can say
    /// which it is, unless it is one of them to the letter.
    pub fn judge(&self, form: &FormDefinition, page: &PageId, before: Option<FormId>) -> Likeness {
        let state = self.state.read();
        let Some(there) = state.of_page.get(page) else { return Likeness::Foreign };
        let here: Vec<_> = there
            .iter()
            .filter_map(|at| self.originals.get(*at))
            .filter_map(|one| state.candidate(one))
            .collect();
        if here.is_empty() {
            return Likeness::Foreign;
        }
        let elsewhere: Vec<Candidate<'_>>;
        let mut relied_on = RelianceOf::new(form);
        let mut alike: Vec<&Candidate<'_>> = here.iter().filter(|one| relied_on.is_like(one)).collect();
        if alike.is_empty() {
            // A purpose takes forms of the pages that its own forms are on.
            let of_page: HashSet<&PurposeId> =
                here.iter().flat_map(|one| one.taking.iter()).map(|purpose| &purpose.id).collect();
            let is_here = |purpose: &Arc<Purpose>| of_page.contains(&purpose.id);
            let of_others = self.originals.iter().filter(|(_, taking)| taking.iter().all(is_here));
            let of_others =
                of_others.filter_map(|one| state.candidate(one)).filter(|one| one.known.page != Some(*page));
            elsewhere = of_others.collect();
            alike = elsewhere.iter().filter(|one| relied_on.is_like(one)).collect();
        }
        let Some(first) = alike.first() else {
            return Likeness::Differs(nearest(form, &here, &mut relied_on));
        };
        if alike.iter().all(|one| one.taking == first.taking) {
            let before = before.filter(|before| alike.iter().any(|one| one.id == *before));
            return Likeness::Copy(before.unwrap_or(first.id));
        }
        let mut same = alike.iter().filter(|one| {
            one.known.definition.questions == form.questions && one.known.definition.legal == form.legal
        });
        match (same.next(), same.next()) {
            (Some(to_the_letter), None) => Likeness::Copy(to_the_letter.id),
            _ => Likeness::Differs(several(first.id, &alike)),
        }
    }

    /// From now on this form counts as that original. False: it did already, or there is no room, or no such original.
    pub fn adopt(&self, form: FormId, revision: TextHash, original: &FormId) -> bool {
        let Some(purposes) = self.taking(original) else { return false };
        let mut state = self.state.write();
        let Some(known) = state.known.get(original) else { return false };
        let revisions = (revision, known.revision);
        let adopted = Adopted { original: *original, purposes: Arc::clone(purposes), revisions };
        if state.adopted.len() >= ADOPTED_MAX && !state.adopted.contains_key(&form) {
            return false;
        }
        state.differing.remove(&form);
        let before = state.adopted.insert(form, adopted);
        if before.is_none() {
            Arc::make_mut(&mut state.claimed).insert(form);
        }
        before.is_none_or(|before| before.original != *original)
    }

    /// From now on this form is no copy. The original that it counted as until now.
    pub fn differ(&self, form: FormId, differs: Differs) -> Option<FormId> {
        let mut state = self.state.write();
        if state.differing.len() < DIFFERING_MAX || state.differing.contains_key(&form) {
            state.differing.insert(form, Arc::new(differs));
        }
        let before = state.adopted.remove(&form)?;
        Arc::make_mut(&mut state.claimed).remove(&form);
        Some(before.original)
    }

    /// True if a form of this revision need not be held against its original again: neither is another since.
    pub fn stands(&self, form: &FormId, revision: TextHash) -> bool {
        let state = self.state.read();
        let Some(adopted) = state.adopted.get(form) else { return false };
        let original = state.known.get(&adopted.original).map(|known| known.revision);
        adopted.revisions.0 == revision && original == Some(adopted.revisions.1)
    }

    /// In what a form is no copy, if it was found to be none.
    pub fn differing(&self, form: &FormId) -> Option<Arc<Differs>> {
        self.state.read().differing.get(form).cloned()
    }

    /// The forms that count as another, with that other.
    pub fn adopted(&self) -> Vec<(FormId, FormId)> {
        self.state.read().adopted.iter().map(|(form, adopted)| (*form, adopted.original)).collect()
    }

    pub(in crate::purpose) fn claimed(&self) -> Arc<HashSet<FormId>> {
        Arc::clone(&self.state.read().claimed)
    }

    /// Of an adopted form its purposes and its original.
    pub(in crate::purpose) fn of_form(&self, form: &FormId) -> Option<(Taking, FormId)> {
        if self.originals.is_empty() {
            return None;
        }
        let state = self.state.read();
        state.adopted.get(form).map(|adopted| (Arc::clone(&adopted.purposes), adopted.original))
    }

    /// The purposes for which a copy of this form counts; none: it is no original.
    pub fn taking(&self, original: &FormId) -> Option<&Taking> {
        self.originals.get(*self.places.get(original)?).map(|(_, taking)| taking)
    }
}

/// What purposes rely on of one form, each worked out once: by which original's boxes only matters where a box is named for
/// a form.
struct RelianceOf<'f> {
    form: &'f FormDefinition,
    plain: HashMap<*const Purpose, Reliance>,
}

impl<'f> RelianceOf<'f> {
    fn new(form: &'f FormDefinition) -> Self {
        Self { form, plain: HashMap::new() }
    }

    fn with<T>(&mut self, purpose: &Arc<Purpose>, original: &FormId, look: impl FnOnce(&Reliance) -> T) -> T {
        let boxes = purpose.consents.iter().flat_map(|rule| &rule.from);
        if boxes.into_iter().any(|found| found.form.is_some()) {
            return look(&Reliance::of(purpose, original, self.form));
        }
        let reliance = || Reliance::of(purpose, original, self.form);
        look(self.plain.entry(Arc::as_ptr(purpose)).or_insert_with(reliance))
    }

    /// True if none of the original's purposes that take copies can tell a difference.
    fn is_like(&mut self, original: &Candidate<'_>) -> bool {
        let mut each = original.taking.iter().zip(&original.known.relied_on);
        each.all(|(purpose, of_original)| self.with(purpose, &original.id, |own| own.is_like(of_original)))
    }
}

/// An original that a form is held against.
struct Candidate<'k> {
    id: FormId,
    taking: &'k Taking,
    known: &'k Original,
}

/// The differences to the original that it is least unlike.
fn nearest(form: &FormDefinition, originals: &[Candidate<'_>], relied_on: &mut RelianceOf<'_>) -> Differs {
    let mut nearest = Differs { original: form.form, differences: Vec::new(), total: usize::MAX };
    for Candidate { id, taking, known } in originals {
        let mut differences: Vec<Difference> = Vec::new();
        for (purpose, of_original) in taking.iter().zip(&known.relied_on) {
            differences.extend(relied_on.with(purpose, id, |own| {
                own.differences(&purpose.id, form, (of_original, &known.definition))
            }));
        }
        let total = differences.len();
        if total < nearest.total {
            differences.truncate(DIFFERENCES_MAX);
            nearest = Differs { original: *id, differences, total };
        }
    }
    nearest
}

/// It is like forms of different purposes.
fn several(original: FormId, alike: &[&Candidate<'_>]) -> Differs {
    let of = |one: &&Candidate<'_>| -> Vec<Difference> {
        let code = DifferenceCode::SeveralOriginals;
        let told =
            |purpose: &Arc<Purpose>| Difference { code, key: one.id.to_string(), ..nothing(&purpose.id) };
        one.taking.iter().map(told).collect()
    };
    let mut differences: Vec<Difference> = alike.iter().flat_map(of).collect();
    let total = differences.len();
    differences.truncate(DIFFERENCES_MAX);
    Differs { original, differences, total }
}

#[cfg(test)]
mod tests;
