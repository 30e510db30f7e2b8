//! What a running tamis holds under longer periods than the config that is checked, or under purposes or fields that it does not
//! name.

use std::path::PathBuf;

use reqwest::Method;

use crate::api::purposes::{Purpose as Running, Purposes};
use crate::api::status::{PurposeCount, Status};
use crate::cli::check::forms::PATIENCE;
use crate::cli::check::periods;
use crate::client::{Daemon, parse};
use crate::config::{Fault, FaultCode};
use crate::purpose::{Lifespan, Policy, Purpose};
use crate::terminal::records;

/// What the daemon says.
pub(super) struct Held {
    purposes: Vec<Running>,
    counts: Vec<PurposeCount>,
}

/// Asks the daemon; none: it does not run, or does not tell.
pub(super) async fn ask(socket: PathBuf) -> Option<Held> {
    let daemon = Daemon::at(socket).ok()?;
    let asked = async {
        let purposes = daemon.fetch(daemon.call(Method::GET, "/purposes")).await.ok()?;
        let status = daemon.fetch(daemon.call(Method::GET, "/status")).await.ok()?;
        let (Purposes { purposes }, status) = (parse(&purposes).ok()?, parse::<Status>(&status).ok()?);
        Some(Held { purposes, counts: status.purposes.unwrap_or_default() })
    };
    tokio::time::timeout(PATIENCE, asked).await.ok()?
}

impl Held {
    /// What the policy that is checked would end, and what it does not name.
    pub(super) fn warnings(&self, policy: &Policy) -> Vec<Fault> {
        let shorter = self.purposes.iter().filter(|running| running.stored > 0).filter_map(|running| {
            let checked = policy.purpose(running.id.as_str())?;
            shorter(running, checked)
        });
        let fields = self.purposes.iter().filter(|running| running.stored > 0).flat_map(|running| {
            policy.purpose(running.id.as_str()).map_or_else(Vec::new, |checked| fields_gone(running, checked))
        });
        let gone = self.counts.iter().filter(|held| held.stored > 0);
        let gone = gone.filter(|held| policy.purpose(held.id.as_str()).is_none()).map(gone_from);
        shorter.chain(fields).chain(gone).collect()
    }
}

/// What is to be said where some record can end earlier by the config that is checked: the periods by which records are dated are
/// held against one another, here as there, and not the keys that they are made from.
fn shorter(running: &Running, checked: &Purpose) -> Option<Fault> {
    let (held, new) = (running.held_for()?, Lifespan::of(checked));
    if !new.can_end_before(&held) {
        return None;
    }
    let key = periods::told(checked)
        .into_iter()
        .find(|period| Lifespan::from_terms(vec![period.term]).can_end_before(&held))?
        .keys[0];
    Some(Fault::new(
        FaultCode::PeriodShorter,
        &format!("purposes.{}.{key}", running.id),
        format!(
            "the running tamis holds {} of it for {}, this config for {}: a day after it is in force they end by it, and those whose \
             time is over then go for good",
            records(running.stored),
            periods::in_words(&held.terms()),
            periods::in_words(&new.terms()),
        ),
        "If that is not meant, leave the period as it is; until that day is over it can be put back.",
    ))
}

/// The fields that the running tamis may hold, and this config does not name.
fn fields_gone(running: &Running, checked: &Purpose) -> Vec<Fault> {
    let gone = running.fields.iter().filter(|name| !checked.whitelist.allows(name));
    let fault = |name: &String| {
        Fault::new(
            FaultCode::FieldGone,
            &format!("purposes.{}.fields.{name}", running.id),
            format!(
                "the running tamis holds {} of it and may hold this field, which this config does not name: it is exported no more, \
                 and a day after this config is in force the answers to it are erased",
                records(running.stored)
            ),
            "If that is not meant, name the field again; until that day is over it can be put back.",
        )
    };
    gone.map(fault).collect()
}

fn gone_from(held: &PurposeCount) -> Fault {
    Fault::new(
        FaultCode::PurposeGone,
        &format!("purposes.{}", held.id),
        format!(
            "the running tamis holds {} of a purpose that this config does not name: nobody can export what is left of it, and \
             all of it ends by the dates that it carries",
            records(held.stored)
        ),
        "Name it again if they are needed; erase them if they are not.".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::PurposeId;
    use crate::purpose::sample::purpose;

    /// As the admin side says it of this purpose.
    fn running(purpose: &Purpose, stored: u64) -> Running {
        Running {
            id: purpose.id.clone(),
            title: Default::default(),
            basis: purpose.basis.into(),
            forms: Vec::new(),
            fields: Vec::new(),
            stored,
            lifespan: Lifespan::of(purpose).terms().into_iter().map(Into::into).collect(),
            retention_months: purpose.retention_months,
            retention_days: purpose.retention_days,
        }
    }

    fn devis(months: Option<u32>, days: Option<u32>, again: Option<u32>) -> Purpose {
        let mut devis = purpose("devis", &["email"]);
        (devis.retention_months, devis.retention_days) = (months, days);
        (devis.reconfirm_months, devis.grace_days) = (again, 30);
        devis
    }

    fn said(held: &Held, checked: Purpose) -> Vec<String> {
        let warnings = held.warnings(&Policy::new(vec![checked]));
        let said = |fault: &Fault| format!("{} {} {}", fault.key, fault.code.as_str(), fault.reason);
        warnings.iter().map(said).collect()
    }

    #[test]
    fn a_period_is_shorter_only_than_a_longer_one_that_holds_something() {
        let of =
            |purpose: Purpose, stored| Held { purposes: vec![running(&purpose, stored)], counts: Vec::new() };
        let all = |held: (Option<u32>, Option<u32>, Option<u32>),
                   stored,
                   checked: (Option<u32>, Option<u32>, Option<u32>)| {
            said(&of(devis(held.0, held.1, held.2), stored), devis(checked.0, checked.1, checked.2))
        };
        let months = |number| (Some(number), None, None);
        let days = |number| (None, Some(number), None);
        let again = |number, again| (Some(number), None, Some(again));
        let shorter = |held, checked, key: &str, words: &str| {
            let said = all(held, 3, checked);
            let start = format!(
                "purposes.devis.{key} period-shorter the running tamis holds 3 records of it for {words}: "
            );
            assert!(said.len() == 1 && said[0].starts_with(&start), "{start} {said:?}");
        };
        shorter(months(12), months(6), "retention_months", "12 months, this config for 6 months");
        shorter(days(200), months(6), "retention_months", "200 days, this config for 6 months");
        shorter(months(12), days(30), "retention_days", "12 months, this config for 30 days");
        // It is the date of asking again that cuts both.
        shorter(
            again(36, 24),
            again(36, 18),
            "reconfirm_months",
            "24 months and 30 days, this config for 18 months and 30 days",
        );
        shorter(
            again(36, 18),
            again(12, 18),
            "retention_months",
            "18 months and 30 days, this config for 12 months",
        );
        shorter(
            months(36),
            again(36, 18),
            "reconfirm_months",
            "36 months, this config for 18 months and 30 days",
        );
        for (held, checked) in [
            (months(12), months(12)),
            (months(12), months(24)),
            (days(200), months(7)),
            (again(36, 18), again(36, 18)),
            (again(36, 18), again(36, 24)),
            (again(36, 18), again(24, 18)),
            (again(36, 18), months(36)),
            (again(36, 18), again(120, 18)),
        ] {
            assert_eq!(all(held, 3, checked), [""; 0], "{held:?} {checked:?}");
        }
        assert_eq!(all(months(12), 0, months(6)), [""; 0], "nothing is held");
        let mut before = of(devis(Some(12), None, None), 3);
        before.purposes[0].lifespan.clear();
        assert_eq!(
            said(&before, devis(Some(6), None, None)),
            [""; 0],
            "of what does not say it nothing is known"
        );
    }

    #[test]
    fn a_field_that_is_not_named_any_more_is_said_where_something_is_held() {
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let held = |stored| {
            let mut running = running(&devis(Some(12), None, None), stored);
            running.fields = fields(&["email", "city", "shoe_size"]);
            Held { purposes: vec![running], counts: Vec::new() }
        };
        let now = || purpose("devis", &["city", "email", "zone"]);
        assert_eq!(said(&held(0), now()), [""; 0], "nothing is held");
        let said = said(&held(2), now());
        let start =
            "purposes.devis.fields.shoe_size field-gone the running tamis holds 2 records of it and may";
        assert!(said.len() == 1 && said[0].starts_with(start), "{said:?}");
    }

    #[test]
    fn a_purpose_that_is_not_named_and_holds_something_is() {
        let count = |id: &str, stored| PurposeCount {
            id: PurposeId::parse(id).expect("a purpose"),
            stored,
            configured: false,
        };
        let counts = vec![count("devis", 4), count("alt", 2), count("leer", 0)];
        let held = Held { purposes: Vec::new(), counts };
        let said = said(&held, devis(Some(6), None, None));
        assert!(said.len() == 1 && said[0].starts_with("purposes.alt purpose-gone "), "{said:?}");
        assert!(said[0].contains("holds 2 records of a purpose"), "{said:?}");
    }
}
