//! An activity in the columns of the record: those of the CNIL's template (its simplified register, one sheet an activity),
//! which has all that GDPR art. 30(1) asks for; basis and source stand besides.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::desk::house::Scribe;
use crate::desk::words::Words;
use crate::notice::naming::{self, META_ADDENDUM};
use crate::purpose::law::{Basis, Category, Recipient, RecipientRole, TransferBasis, is_in_eea};
use crate::purpose::{FieldRule, Lifespan, Purpose, Term};

/// Declares the columns: variant, key in JSON, the word above it.
macro_rules! columns {
    ($($variant:ident $key:literal $word:ident;)+) => {
        /// A column of the record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::desk) enum Column {
            $($variant,)+
        }

        impl Column {
            /// All, in their order.
            pub(in crate::desk) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name in JSON.
            pub(in crate::desk) fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)+
                }
            }

            /// What stands above it.
            pub(in crate::desk) fn label(self, words: &Words) -> &'static str {
                match self {
                    $(Self::$variant => words.$word,)+
                }
            }
        }
    };
}

columns! {
    Reference "reference" c_reference;
    Name "name" c_name;
    Created "created_on" c_created;
    Updated "updated_on" c_updated;
    Controller "controller" c_controller;
    Representative "representative" c_representative;
    Officer "data_protection_officer" c_dpo;
    Joint "joint_controllers" c_joint;
    Purpose "purpose" c_purpose;
    SubPurposes "sub_purposes" c_sub;
    Basis "legal_basis" c_basis;
    Persons "categories_of_persons" c_persons;
    Data "categories_of_data" c_data;
    Sensitive "sensitive_data" c_sensitive;
    Source "source" c_source;
    Recipients "recipients" c_recipients;
    Transfers "transfers" c_transfers;
    Erasure "erasure_periods" c_erasure;
    Security "security_measures" c_security;
}

/// An activity: what stands in each column, in points.
pub(in crate::desk) struct Activity {
    cells: Vec<(Column, Vec<String>)>,
}

impl Activity {
    /// What is put in; a column that is not named is to be completed.
    pub(in crate::desk) fn of(scribe: &Scribe<'_>, mut cells: Vec<(Column, Vec<String>)>) -> Self {
        let cells = Column::ALL.iter().map(|column| {
            let found = cells.iter().position(|(known, _)| known == column).map(|at| cells.swap_remove(at).1);
            (*column, found.unwrap_or_else(|| vec![scribe.words.to_complete.to_owned()]))
        });
        Self { cells: cells.collect() }
    }

    /// All columns, in their order.
    pub(in crate::desk) fn cells(&self) -> &[(Column, Vec<String>)] {
        &self.cells
    }

    /// The points of a column.
    pub(in crate::desk) fn points(&self, column: Column) -> &[String] {
        let found = self.cells.iter().find(|(known, _)| *known == column);
        found.map_or(&[], |(_, points)| points)
    }
}

/// In the order of the columns.
impl Serialize for Activity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (column, points) in &self.cells {
            map.serialize_entry(column.key(), points)?;
        }
        map.end()
    }
}

impl Scribe<'_> {
    /// The activity that a purpose is; `today` as it stands in a column.
    pub(in crate::desk) fn activity(&self, purpose: &Purpose, today: &str) -> Activity {
        let words = self.words;
        let channels: Vec<String> = purpose.consents.iter().map(|rule| self.channel(rule)).collect();
        let mut cells = self.actors(today);
        cells.extend([
            (Column::Reference, vec![purpose.id.to_string()]),
            (Column::Name, vec![self.title(purpose)]),
            (Column::Joint, self.joint(purpose)),
            (Column::Purpose, vec![self.title(purpose)]),
            (Column::SubPurposes, or(channels, words.none)),
            (Column::Basis, self.basis(purpose)),
            (Column::Persons, self.persons(purpose)),
            (Column::Data, self.data(purpose)),
            (Column::Sensitive, self.sensitive(purpose)),
            (Column::Source, vec![words.source.to_owned()]),
            (Column::Recipients, self.recipients(purpose)),
            (Column::Transfers, self.transfers(&self.recipients_of(purpose))),
            (Column::Erasure, self.erasure(purpose)),
        ]);
        Activity::of(self, cells)
    }

    /// What every activity has alike: art. 30(1)(a) and (g). When it began tamis does not know.
    pub(in crate::desk) fn actors(&self, today: &str) -> Vec<(Column, Vec<String>)> {
        let controller = self.house.controller;
        let representative = match &controller.eu_representative {
            Some(representative) => representative.as_str(),
            None if is_in_eea(&controller.country) => self.words.representative_none,
            None => self.words.to_complete,
        };
        vec![
            (Column::Updated, vec![today.to_owned()]),
            (Column::Controller, self.controller()),
            (Column::Representative, vec![representative.to_owned()]),
            (Column::Officer, vec![self.officer()]),
            (Column::Security, self.security()),
        ]
    }

    fn joint(&self, purpose: &Purpose) -> Vec<String> {
        let meta = naming::line(self.words.joint_meta, &[("url", META_ADDENDUM)]);
        let of_purpose = self.recipients_of(purpose).into_iter();
        let joint = of_purpose.filter(|recipient| recipient.role == RecipientRole::JointController);
        std::iter::once(meta).chain(joint.map(|recipient| recipient.name.clone())).collect()
    }

    fn basis(&self, purpose: &Purpose) -> Vec<String> {
        let words = self.words;
        let basis = match purpose.basis {
            Basis::Consent => words.basis_consent,
            Basis::PreContract => words.basis_pre_contract,
            Basis::Contract => words.basis_contract,
            Basis::LegitimateInterest => words.basis_interest,
        };
        let mut said = vec![basis.to_owned()];
        let interest =
            self.language.choose(purpose.legitimate_interest.iter().map(|(tag, text)| (tag, text)));
        if let Some((_, text)) = interest.filter(|_| purpose.basis == Basis::LegitimateInterest) {
            said.push(naming::line(words.interest, &[("text", text)]));
        }
        let by_box = |rule| naming::line(words.by_box, &[("channel", &self.channel(rule))]);
        said.extend(purpose.consents.iter().map(by_box));
        said
    }

    fn persons(&self, purpose: &Purpose) -> Vec<String> {
        let forms = purpose.forms.len().to_string();
        let mut said = vec![naming::line(self.words.persons_form, &[("n", &forms)])];
        said.extend(purpose.copies.then(|| self.words.persons_copies.to_owned()));
        said
    }

    /// Categories of data: art. 30(1)(c). From the whitelist by which answers are kept or dropped.
    pub(in crate::desk) fn data(&self, purpose: &Purpose) -> Vec<String> {
        let words = self.words;
        let mut said = self.fields(purpose);
        said.push(words.beside_form.to_owned());
        if !purpose.consents.is_empty() {
            said.push(words.beside_consent.to_owned());
        }
        if !purpose.keep.is_empty() {
            let kept: Vec<String> =
                purpose.keep.iter().map(|keep| naming::kept(*keep, self.language).to_owned()).collect();
            let kept = naming::list(&kept, words.list_end);
            said.push(naming::line(words.beside_keep, &[("keep", &kept)]));
        }
        said.push(words.beside_language.to_owned());
        said
    }

    /// The fields of a purpose, each with what its answer hangs on.
    pub(in crate::desk) fn fields(&self, purpose: &Purpose) -> Vec<String> {
        let words = self.words;
        let field = |rule: &FieldRule| {
            let field = naming::field(&rule.name, self.language);
            let text = match (&rule.e164_of, &rule.consent, rule.required) {
                (Some(_), ..) => words.field_derived,
                (None, _, true) => words.field_needed,
                (None, Some(_), false) => words.field_consent,
                (None, None, false) => words.field_optional,
            };
            let channel = rule.consent.as_ref().map(|key| self.channel_of(purpose, key)).unwrap_or_default();
            naming::line(text, &[("field", &field), ("channel", &channel)])
        };
        purpose.whitelist.rules().iter().map(field).collect()
    }

    /// What the law protects most, as far as names and types of questions tell.
    pub(in crate::desk) fn sensitive(&self, purpose: &Purpose) -> Vec<String> {
        let is_sensitive = |rule: &&FieldRule| {
            let names = std::iter::once(rule.name.as_str()).chain(rule.from.iter().map(String::as_str));
            Category::of(names, rule.types.iter()).is_some()
        };
        let said = purpose.whitelist.rules().iter().filter(is_sensitive).map(|rule| {
            let field = naming::field(&rule.name, self.language);
            naming::line(self.words.sensitive_field, &[("field", &field)])
        });
        or(said.collect(), self.words.sensitive_none)
    }

    fn recipients(&self, purpose: &Purpose) -> Vec<String> {
        let words = self.words;
        let said = self.recipients_of(purpose).into_iter().map(|recipient| {
            let role = match recipient.role {
                RecipientRole::Processor => words.role_processor,
                RecipientRole::JointController => words.role_joint,
                RecipientRole::Controller => words.role_controller,
            };
            let only = purpose.third_parties.contains(&recipient.id).then_some(words.only_agreed);
            let role: Vec<&str> = std::iter::once(role).chain(only).collect();
            let country = naming::country(&recipient.country, self.language);
            format!("{} ({country}){}{}", recipient.name, words.colon, role.join(", "))
        });
        std::iter::once(words.recipients_own.to_owned()).chain(said).collect()
    }

    /// Transfers, with the country and the safeguard: art. 30(1)(e).
    pub(in crate::desk) fn transfers(&self, recipients: &[&Recipient]) -> Vec<String> {
        let words = self.words;
        let own = self.house.controller.country.as_str();
        let own = (!is_in_eea(own))
            .then(|| naming::line(words.transfers_own, &[("country", naming::country(own, self.language))]));
        let abroad = recipients.iter().filter(|recipient| !is_in_eea(&recipient.country));
        let abroad = abroad.flat_map(|recipient| {
            let safeguard = match recipient.transfer_basis {
                Some(TransferBasis::Adequacy) => words.adequacy,
                Some(TransferBasis::StandardClauses) => words.clauses,
                Some(TransferBasis::BindingRules) => words.binding,
                None => words.safeguard_missing,
            };
            let country = naming::country(&recipient.country, self.language);
            let said = format!("{} ({country}){}{safeguard}", recipient.name, words.colon);
            let document = recipient.doc_url.as_ref();
            let document = document.map(|url| naming::line(words.document, &[("url", url)]));
            std::iter::once(said).chain(document)
        });
        or(own.into_iter().chain(abroad).collect(), words.transfers_none)
    }

    /// Time limits: art. 30(1)(f). From the struct by which records are dated.
    pub(in crate::desk) fn erasure(&self, purpose: &Purpose) -> Vec<String> {
        let words = self.words;
        let held = naming::lifespan(&Lifespan::of(purpose), self.language);
        let mut said = vec![naming::line(words.erase_record, &[("term", &held)])];
        for rule in &purpose.consents {
            let Some(months) = rule.valid_months else { continue };
            let term = naming::term(Term::months(months), self.language);
            said.push(naming::line(
                words.erase_consent,
                &[("channel", &self.channel(rule)), ("term", &term)],
            ));
        }
        said.extend([words.erase_reference.to_owned(), words.erase_seen.to_owned()]);
        said.push(naming::line(words.erase_backup, &[("term", &self.backup_term())]));
        said
    }

    /// How long a backup of the keys is kept.
    pub(in crate::desk) fn backup_term(&self) -> String {
        naming::term(Term::days(self.house.keeping.backup_days), self.language)
    }

    /// A general description of the measures: art. 30(1)(g).
    fn security(&self) -> Vec<String> {
        let words = self.words;
        [
            words.safe_access,
            words.safe_trace,
            words.safe_minimise,
            words.safe_encrypt,
            words.safe_erase,
            words.safe_yours,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// These points, or this one where there are none.
pub(in crate::desk) fn or(points: Vec<String>, none: &str) -> Vec<String> {
    if points.is_empty() { vec![none.to_owned()] } else { points }
}
