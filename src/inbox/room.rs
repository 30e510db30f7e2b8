//! The room of what would only be held: references of forms that no purpose claims, and of pages that nobody may read.
//!
//! Whoever has the app secret can invent them, of as many forms and pages as they like. They have a bound a form and one
//! for all together, half of what the inbox takes, so that they never take the room of what will be fetched (docs/decisions,
//! 131).

use std::collections::HashMap;

use super::queue::Queue;
use super::{InboxError, Known, Settings};
use crate::id::FormId;
use crate::notification::{Claims, LeadRef};

/// What is held already, as a call looked it up.
pub struct HeldRoom {
    claims: Claims,
    /// In the store, all together.
    total: u64,
    /// In the store, of each form of which the call has something that would be held.
    of_forms: HashMap<FormId, u64>,
}

impl HeldRoom {
    /// Looks up what is held, if any of these references would be: none, if not. Never under the inbox's lock.
    ///
    /// # Errors
    /// The store cannot say.
    pub async fn look(known: &dyn Known, fresh: &[LeadRef]) -> Result<Option<Self>, InboxError> {
        let Some(claims) = known.claims() else { return Ok(None) };
        let unclaimed = fresh.iter().filter(|fresh| !claims.cover(&fresh.lane()));
        let mut forms: Vec<FormId> = unclaimed.map(|fresh| fresh.form).collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return Ok(None);
        }
        let held = known.held(&forms).await.map_err(InboxError::of)?;
        let of_forms = forms.into_iter().zip(held.of_forms).collect();
        Ok(Some(Self { claims, total: held.total, of_forms }))
    }

    /// What was claimed at that moment.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Takes away what there is no room for, the last first, and says how much that was. What is queued counts as well: it
    /// is held in a moment. Under the inbox's lock: no more work than the call has references.
    pub fn keep(&mut self, new: &mut Vec<LeadRef>, queue: &Queue, settings: &Settings) -> usize {
        self.total += queue.held();
        for (form, count) in &mut self.of_forms {
            *count += queue.held_of(form);
        }
        let (before, most) = (new.len(), settings.max_references.div_ceil(2));
        new.retain(|reference| {
            if self.claims.cover(&reference.lane()) {
                return true;
            }
            let of_form = self.of_forms.entry(reference.form).or_default();
            let fits = *of_form < settings.max_held_by_form && self.total < most;
            if fits {
                *of_form += 1;
                self.total += 1;
            }
            fits
        });
        before - new.len()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use jiff::Timestamp;

    use super::*;
    use crate::notification::sample;

    const CLAIMED: u64 = 1;
    const OWN_PAGE: u64 = 5;

    fn reference(leadgen: u64, page: u64, form: u64) -> LeadRef {
        sample::reference((leadgen, page, form), Timestamp::UNIX_EPOCH)
    }

    fn room(total: u64, of_forms: &[(u64, u64)]) -> HeldRoom {
        let forms = std::sync::Arc::new([sample::form(CLAIMED)].into_iter().collect());
        let pages = std::sync::Arc::new([sample::page(OWN_PAGE)].into_iter().collect());
        let of_forms = of_forms.iter().map(|(form, count)| (sample::form(*form), *count)).collect();
        HeldRoom { claims: Claims { forms, pages }, total, of_forms }
    }

    fn settings(max_references: u64, max_held_by_form: u64) -> Settings {
        let (path, witness) = (PathBuf::new(), PathBuf::new());
        let (free_disk_min_bytes, body_max_bytes) = (1, 1_000);
        Settings { path, witness, max_references, max_held_by_form, free_disk_min_bytes, body_max_bytes }
    }

    /// What is left of a call of these pages and forms, by place.
    fn kept(mut room: HeldRoom, queued: &[(u64, u64)], call: &[(u64, u64)], settings: &Settings) -> Vec<u64> {
        let mut queue = Queue::default();
        for (at, (page, form)) in (1_000..).zip(queued) {
            queue.insert(&reference(at, *page, *form), Some(room.claims()));
        }
        let mut new: Vec<LeadRef> =
            (0..).zip(call).map(|(at, (page, form))| reference(at, *page, *form)).collect();
        let over = room.keep(&mut new, &queue, settings);
        assert_eq!(over, call.len() - new.len());
        new.iter().filter_map(|left| left.leadgen.expose().parse().ok()).collect()
    }

    #[test]
    fn a_form_has_its_bound_and_what_will_be_fetched_has_none_here() {
        let call = [(OWN_PAGE, 7), (OWN_PAGE, CLAIMED), (OWN_PAGE, 7), (OWN_PAGE, 8), (9, CLAIMED)];
        let held = || room(2, &[(7, 2)]);
        assert_eq!(kept(held(), &[], &call, &settings(100, 3)), [0, 1, 3, 4]);
        assert_eq!(kept(held(), &[(OWN_PAGE, 7)], &call, &settings(100, 3)), [1, 3, 4], "queued ones count");
        let full = room(2, &[(7, 3), (8, 3), (CLAIMED, 3)]);
        assert_eq!(kept(full, &[], &call, &settings(100, 3)), [1], "of a claimed form what another page has");
    }

    #[test]
    fn all_together_they_take_half_at_the_most_of_however_many_forms_and_pages() {
        let call: Vec<(u64, u64)> = (10..20).map(|form| (form, form)).collect();
        assert_eq!(kept(room(0, &[]), &[], &call, &settings(10, 100)), [0, 1, 2, 3, 4]);
        assert_eq!(kept(room(3, &[]), &[(1, 99)], &call, &settings(10, 100)), [0]);
        let claimed = [(OWN_PAGE, CLAIMED), (OWN_PAGE, CLAIMED), (8, CLAIMED)];
        assert_eq!(kept(room(3, &[]), &claimed, &call, &settings(10, 100)), [0], "of the queued one counts");
        assert_eq!(kept(room(0, &[]), &[], &call, &settings(1, 100)), [0], "of one the half is one");
    }
}
