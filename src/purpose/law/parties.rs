//! Who answers for the data, and who may receive it.

use crate::purpose::law::ForbiddenTrade;

/// Who answers for the data (GDPR arts. 4(7), 13(1)(a)).
#[derive(Clone, Debug)]
pub struct Controller {
    /// Its name, as people know it.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Where people write about their data.
    pub email: String,
    /// The data protection officer.
    pub dpo: Dpo,
    /// What it sells, in its own words: for some trades nobody may be called.
    pub trade: Option<String>,
    /// The authority that people may complain to (GDPR art. 13(2)(d)); none: that of its country.
    pub authority: Option<Authority>,
    /// Who stands for it in the Union, with address (GDPR arts. 13(1)(a), 27); for a controller outside of the EEA.
    pub eu_representative: Option<String>,
}

/// An authority that watches over data protection (GDPR arts. 13(2)(d), 77).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its name.
    pub name: String,
    /// Where it takes complaints, on the web.
    pub url: String,
    /// Where it takes letters.
    pub address: Option<String>,
}

impl Controller {
    /// The trade for which French law forbids it to call people, whatever they agreed to.
    pub fn forbidden_trade(&self) -> Option<ForbiddenTrade> {
        let trade = self.trade.as_deref().filter(|_| self.country == "FR")?;
        ForbiddenTrade::named(trade)
    }
}

/// The data protection officer (GDPR arts. 13(1)(b), 37).
#[derive(Clone, Debug)]
pub enum Dpo {
    /// How to reach one.
    Contact(String),
    /// Why there is none.
    NoneReason(String),
}

/// Who may receive data (GDPR art. 13(1)(e)).
#[derive(Clone, Debug)]
pub struct Recipient {
    /// What purposes and tokens name it by.
    pub id: String,
    /// Its name, as people know it.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// What it is in law.
    pub role: RecipientRole,
    /// What allows data to leave the EEA for it (GDPR arts. 13(1)(f), 44).
    pub transfer_basis: Option<TransferBasis>,
    /// Where people may read what protects their data there.
    pub doc_url: Option<String>,
}

crate::codes! {
    /// What allows data to leave the EEA (GDPR chapter V).
    pub enum TransferBasis {
        /// The Commission has decided that the country, or the recipient's certification, protects enough (art. 45).
        Adequacy = "adequacy",
        /// The Commission's standard contractual clauses (art. 46(2)(c)).
        StandardClauses = "standard_clauses",
        /// Binding corporate rules (art. 47).
        BindingRules = "binding_rules",
    }
}

crate::codes! {
    /// What a recipient is in law.
    pub enum RecipientRole {
        /// Acts on the controller's behalf (GDPR art. 28).
        Processor = "processor",
        /// Decides with the controller (GDPR art. 26).
        JointController = "joint_controller",
        /// Decides by itself.
        Controller = "controller",
    }
}

impl Recipient {
    /// True for `[a-z][a-z0-9_-]{0,62}`.
    pub fn is_id(text: &str) -> bool {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        text.len() <= 63
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(good)
    }
}

/// ISO 3166-1 alpha-2, the officially assigned codes.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG \
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX \
    MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG \
    VI VN VU WF WS YE YT ZA ZM ZW";

/// The European Economic Area: the Union, Iceland, Liechtenstein, Norway (EEA Joint Committee decision 154/2018 took the GDPR in).
const EEA: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK";

/// Parts of France and Finland that have codes of their own, and in which the GDPR holds (TFEU art. 355(1), (4)).
const EEA_PARTS: &str = "AX GF GP MF MQ RE YT";

/// True where the GDPR is law, so that data which go there are no transfer (GDPR art. 44).
pub fn is_in_eea(country: &str) -> bool {
    EEA.split_whitespace().chain(EEA_PARTS.split_whitespace()).any(|code| code == country)
}

/// True for a country's code: ISO 3166-1 alpha-2, officially assigned.
pub fn is_country(text: &str) -> bool {
    COUNTRIES.split_whitespace().any(|code| code == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_on_calls_is_that_of_the_controllers_country() {
        let mut controller = Controller {
            name: "Atelier Lumen".to_owned(),
            address: "12 rue des Lices".to_owned(),
            country: "FR".to_owned(),
            email: "vie-privee@lumen.example".to_owned(),
            dpo: Dpo::NoneReason("small".to_owned()),
            trade: Some("panneaux solaires".to_owned()),
            authority: None,
            eu_representative: None,
        };
        assert_eq!(controller.forbidden_trade(), Some(ForbiddenTrade::RenewableEnergy));
        controller.country = "BE".to_owned();
        assert_eq!(controller.forbidden_trade(), None);
        (controller.country, controller.trade) = ("FR".to_owned(), Some("stores et rideaux".to_owned()));
        assert_eq!(controller.forbidden_trade(), None);
        controller.trade = None;
        assert_eq!(controller.forbidden_trade(), None);
    }

    #[test]
    fn a_recipients_name_may_have_a_hyphen_and_is_else_like_every_name() {
        let longest = format!("a{}", "z".repeat(62));
        for good in ["crm", "a", "crm-2", "a_b", "a-", &longest] {
            assert!(Recipient::is_id(good), "{good}");
        }
        let too_long = format!("{longest}z");
        for bad in ["", "-a", "_a", "2crm", "Crm", "cRm", "a b", "é", "aé", "a.b", &too_long] {
            assert!(!Recipient::is_id(bad), "{bad}");
        }
    }

    #[test]
    fn the_eea_is_thirty_states_and_every_one_a_country() {
        assert_eq!(EEA.split_whitespace().count(), 30);
        assert!(EEA.split_whitespace().chain(EEA_PARTS.split_whitespace()).all(is_country));
        assert!(is_in_eea("FR") && is_in_eea("NO") && is_in_eea("RE"));
        assert!(["US", "GB", "CH", "NC", "", "EU"].iter().all(|country| !is_in_eea(country)));
    }

    #[test]
    fn a_country_is_an_assigned_code_of_two_capitals() {
        for good in ["FR", "DE", "AD", "ZW", "US"] {
            assert!(is_country(good), "{good}");
        }
        for bad in ["", "F", "fr", "EU", "UK", "XX", "FRA", "FR DE", " FR"] {
            assert!(!is_country(bad), "{bad}");
        }
    }
}
