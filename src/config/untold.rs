//! What the notice of a purpose lacks, in words.

use std::collections::BTreeSet;

use crate::config::fault::FaultCode;
use crate::config::findings::Findings;
use crate::purpose::law::{Controller, Recipient, Untold};
use crate::purpose::{Purpose, PurposeId};

/// The purposes whose notice lacks something that the law asks for: a start goes on without their forms, so that an older
/// config loses nothing; `tamis check` and a reload refuse it.
pub(super) fn untold(
    purposes: &[Purpose],
    controller: &Controller,
    recipients: &[Recipient],
    findings: &Findings,
) -> BTreeSet<PurposeId> {
    let mut held = BTreeSet::new();
    for purpose in purposes {
        for untold in Untold::of(purpose, controller, recipients) {
            let (key, reason, mend) = match untold {
                Untold::Representative => (
                    "controller.eu_representative".to_owned(),
                    "the controller is outside of the EEA, and people must be told who stands for it there (GDPR arts. 13(1)(a), 27)",
                    "Add `eu_representative = \"name, address\"`.",
                ),
                Untold::Interest => (
                    format!("purposes.{}.legitimate_interest", purpose.id),
                    "people must be told which interest is pursued (GDPR art. 13(1)(d))",
                    "Add `legitimate_interest = { fr = \"…\", en = \"…\", de = \"…\" }`.",
                ),
                Untold::TransferBasis(id) => {
                    let at = recipients.iter().position(|recipient| recipient.id == id).unwrap_or_default();
                    (
                        format!("recipients[{at}].transfer_basis"),
                        "data leave the EEA for this recipient, and people must be told what allows it (GDPR arts. 13(1)(f), 44)",
                        "Add `transfer_basis = \"adequacy\"`, \"standard_clauses\" or \"binding_rules\".",
                    )
                }
                Untold::Authority => (
                    "controller.authority".to_owned(),
                    "people must be told to whom they may complain, and no authority of the controller's country is known to tamis (GDPR art. 13(2)(d))",
                    "Add `authority = { name = \"…\", url = \"https://…\" }`.",
                ),
            };
            held.insert(purpose.id.clone());
            findings.warn_once(FaultCode::NoticeIncomplete, &key, reason, mend);
        }
    }
    held
}
