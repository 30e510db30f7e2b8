//! What a running tamis holds under longer periods than the config that is checked, or under purposes that it does not name.

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Method;

use crate::api::purposes::{Purpose as Running, Purposes};
use crate::api::status::{PurposeCount, Status};
use crate::cli::check::forms::PATIENCE;
use crate::client::{Daemon, parse};
use crate::config::{Fault, FaultCode};
use crate::purpose::{Lifespan, Policy, Term};
use crate::terminal::thousands;

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
        let shorter = self.purposes.iter().filter_map(|running| {
            let checked = policy.purpose(running.id.as_str()).filter(|_| running.stored > 0)?;
            is_shorter(&Lifespan::of(checked), running).then(|| shorter(running))
        });
        let gone = self.counts.iter().filter(|held| held.stored > 0);
        let gone = gone.filter(|held| policy.purpose(held.id.as_str()).is_none()).map(gone_from);
        shorter.chain(gone).collect()
    }
}

/// Whether a record would end earlier by it. Whether people are asked again, the daemon does not say.
fn is_shorter(checked: &Lifespan, running: &Running) -> bool {
    let terms = [running.retention_months.map(Term::months), running.retention_days.map(Term::days)];
    let held = Lifespan::from_terms(terms.into_iter().flatten().collect());
    !held.all().is_empty() && checked.end(Timestamp::UNIX_EPOCH) < held.end(Timestamp::UNIX_EPOCH)
}

fn shorter(running: &Running) -> Fault {
    let unit = if running.retention_days.is_some() { "days" } else { "months" };
    Fault::new(
        FaultCode::PeriodShorter,
        &format!("purposes.{}.retention_{unit}", running.id),
        format!(
            "the running tamis holds {} records of it under a longer period: a day after this one is in force they end by it, \
             and those whose time is over then go for good",
            thousands(running.stored)
        ),
        "If that is not meant, leave the period as it is; until that day is over it can be put back."
            .to_owned(),
    )
}

fn gone_from(held: &PurposeCount) -> Fault {
    Fault::new(
        FaultCode::PurposeGone,
        &format!("purposes.{}", held.id),
        format!(
            "the running tamis holds {} records of a purpose that this config does not name: nobody can export them, and each \
             ends by the date that it carries",
            thousands(held.stored)
        ),
        "Name it again if they are needed; erase them if they are not.".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::PurposeId;
    use crate::purpose::sample::purpose;

    fn running(id: &str, stored: u64, months: Option<u32>, days: Option<u32>) -> Running {
        Running {
            id: PurposeId::parse(id).expect("a purpose"),
            title: Default::default(),
            basis: crate::purpose::Basis::Consent.into(),
            forms: Vec::new(),
            fields: Vec::new(),
            stored,
            retention_months: months,
            retention_days: days,
        }
    }

    fn codes(held: &Held, months: u32) -> Vec<String> {
        let mut devis = purpose("devis", &["email"]);
        (devis.retention_months, devis.retention_days) = (Some(months), None);
        let warnings = held.warnings(&Policy::new(vec![devis]));
        warnings.iter().map(|warning| format!("{} {}", warning.key, warning.code.as_str())).collect()
    }

    #[test]
    fn a_period_is_shorter_only_than_a_longer_one_that_holds_something() {
        let of = |purposes: Vec<Running>| Held { purposes, counts: Vec::new() };
        let twelve = || of(vec![running("devis", 3, Some(12), None)]);
        assert_eq!(codes(&twelve(), 6), ["purposes.devis.retention_months period-shorter"]);
        assert_eq!([codes(&twelve(), 12), codes(&twelve(), 24)].concat(), [""; 0]);
        assert_eq!(codes(&of(vec![running("devis", 0, Some(12), None)]), 6), [""; 0]);
        let days = of(vec![running("devis", 3, None, Some(200))]);
        assert_eq!(codes(&days, 6), ["purposes.devis.retention_days period-shorter"]);
        assert_eq!(codes(&days, 7), [""; 0]);
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
        assert_eq!(codes(&held, 6), ["purposes.alt purpose-gone"]);
    }
}
