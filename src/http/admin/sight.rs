//! What of the whole an operator sees: an exporter what concerns its purposes, everybody else all of it.

use std::collections::HashSet;

use crate::http::admin::AdminState;
use crate::id::{FormId, PageId};
use crate::purpose::PurposeId;
use crate::telemetry::Named;
use crate::trail::{Actor, Operator, Role};

/// How far somebody sees.
pub(super) enum Sight {
    /// Everything.
    All,
    /// What concerns these.
    Only(Own),
}

/// What is an exporter's.
pub(super) struct Own {
    purposes: Vec<PurposeId>,
    /// Those that the purposes claim.
    forms: HashSet<FormId>,
    /// Those that the forms belong to, as far as Graph says.
    pages: HashSet<PageId>,
    /// Its token.
    token: Option<String>,
}

impl Sight {
    /// As far as this operator sees. Where the store does not tell now which pages are an exporter's, none is.
    pub(super) async fn of(operator: &Operator, state: &AdminState) -> Self {
        if operator.role() != Role::Exporter {
            return Self::All;
        }
        let purposes = operator.purposes().to_vec();
        let policy = state.policy.pin();
        let is_own =
            |form: &FormId| policy.of_form(form).iter().any(|purpose| purposes.contains(&purpose.id));
        let forms: HashSet<FormId> = policy.claimed_forms().iter().copied().filter(is_own).collect();
        let known = state.store.forms().await.unwrap_or_default();
        let own = known.into_iter().filter(|known| forms.contains(&known.form));
        let pages = own.filter_map(|known| known.definition?.page).collect();
        let token = match operator.actor() {
            Actor::Token(id) => Some(id.clone()),
            _ => None,
        };
        Self::Only(Own { purposes, forms, pages, token })
    }

    /// True if it sees what is said of this form.
    pub(super) fn form(&self, form: &FormId) -> bool {
        match self {
            Self::All => true,
            Self::Only(own) => own.forms.contains(form),
        }
    }

    /// True if it sees what is said of a submission for this purpose: its form may stand under another's too. None: of the
    /// submission as a whole.
    pub(super) fn purpose(&self, purpose: Option<&PurposeId>) -> bool {
        match self {
            Self::All => true,
            Self::Only(own) => purpose.is_none_or(|purpose| own.purposes.contains(purpose)),
        }
    }

    /// True if it sees what is said of this page.
    pub(super) fn page(&self, page: &PageId) -> bool {
        match self {
            Self::All => true,
            Self::Only(own) => own.pages.contains(page),
        }
    }
}

impl Own {
    /// Of one form of one purpose.
    #[cfg(test)]
    pub(super) fn of_form(purpose: PurposeId, form: FormId) -> Self {
        Self { purposes: vec![purpose], forms: [form].into(), pages: HashSet::new(), token: None }
    }

    /// True if a metric that names this is its own.
    pub(super) fn has(&self, named: &Named<'_>) -> bool {
        match named {
            Named::Purpose(name) => self.purposes.iter().any(|purpose| purpose.as_str() == *name),
            Named::Page(name) => self.pages.iter().any(|page| page.as_str() == *name),
            Named::Token(id) => self.token.as_deref() == Some(*id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_form_that_two_purposes_claim_an_exporter_sees_what_is_said_for_its_own() {
        let purpose = |name: &str| PurposeId::parse(name).expect("a name");
        let form = FormId::parse("901000000000001").expect("digits");
        let own = Own {
            purposes: vec![purpose("devis")],
            forms: [form].into(),
            pages: HashSet::new(),
            token: None,
        };
        let sight = Sight::Only(own);
        assert!(sight.form(&form) && sight.purpose(Some(&purpose("devis"))) && sight.purpose(None));
        assert!(!sight.purpose(Some(&purpose("lettre"))) && Sight::All.purpose(Some(&purpose("lettre"))));
    }
}
