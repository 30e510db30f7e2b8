//! What people must be told and nobody can know but the operator.

use crate::purpose::Purpose;
use crate::purpose::law::{Basis, Controller, Recipient, authority_of, is_in_eea};

/// An element of the notice that the law asks for and the config does not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untold {
    /// Who stands for a controller outside of the EEA (GDPR arts. 13(1)(a), 27).
    Representative,
    /// Which interest is pursued (GDPR art. 13(1)(d)).
    Interest,
    /// What allows data to leave the EEA for this recipient (GDPR art. 13(1)(f)).
    TransferBasis(String),
    /// Where people may complain (GDPR art. 13(2)(d)).
    Authority,
}

impl Untold {
    /// What of a purpose's notice is missing. Everything else that arts. 13 and 14 ask for, the config demands anyway or
    /// tamis knows by itself.
    pub fn of(purpose: &Purpose, controller: &Controller, recipients: &[Recipient]) -> Vec<Self> {
        let mut untold = Vec::new();
        if !is_in_eea(&controller.country) && controller.eu_representative.is_none() {
            untold.push(Self::Representative);
        }
        if purpose.basis == Basis::LegitimateInterest && purpose.legitimate_interest.is_empty() {
            untold.push(Self::Interest);
        }
        let listed = recipients.iter().filter(|recipient| purpose.recipients.contains(&recipient.id));
        let abroad =
            listed.filter(|recipient| !is_in_eea(&recipient.country) && recipient.transfer_basis.is_none());
        untold.extend(abroad.map(|recipient| Self::TransferBasis(recipient.id.clone())));
        if controller.authority.is_none() && authority_of(&controller.country).is_none() {
            untold.push(Self::Authority);
        }
        untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::{Dpo, RecipientRole, TransferBasis};
    use crate::purpose::sample;

    #[test]
    fn what_only_the_operator_knows_is_missed_by_its_article() {
        let mut purpose = sample::purpose("devis", &["email"]);
        let mut controller = sample::controller();
        assert_eq!(Untold::of(&purpose, &controller, &[]), []);
        purpose.basis = Basis::LegitimateInterest;
        purpose.recipients = vec!["crm".to_owned()];
        controller.country = "US".to_owned();
        controller.dpo = Dpo::Contact("dpo@lumen.example".to_owned());
        let mut crm = Recipient {
            id: "crm".to_owned(),
            name: "CRM Inc.".to_owned(),
            country: "US".to_owned(),
            role: RecipientRole::Processor,
            transfer_basis: None,
            doc_url: None,
        };
        let other = Recipient { id: "other".to_owned(), ..crm.clone() };
        let missing = Untold::of(&purpose, &controller, &[crm.clone(), other]);
        let transfer = Untold::TransferBasis("crm".to_owned());
        assert_eq!(missing, [Untold::Representative, Untold::Interest, transfer, Untold::Authority]);
        purpose.legitimate_interest = vec![("en".to_owned(), "sell".to_owned())];
        crm.transfer_basis = Some(TransferBasis::Adequacy);
        controller.country = "NO".to_owned();
        assert_eq!(Untold::of(&purpose, &controller, &[crm]), [], "what goes to others is not this notice's");
    }
}
