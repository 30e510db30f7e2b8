//! What an exporter gets, page by page, and what stands in a record.

use tamis::lead::ConsentEvidence;

use super::*;
use crate::model::ops::QUOTE;

/// The exporter of a purpose: one who goes on from where it stopped.
#[derive(Default)]
pub(super) struct Exporter {
    pub(super) cursor: Option<Cursor>,
    /// The day on which the trail last told, since the start, that it found nothing.
    pub(super) idle: Option<Day>,
}

impl Exporter {
    /// Every page stands in the trail but for one that looked at nothing: of these the first one of a day.
    pub(super) fn is_told(&mut self, world: &World<'_>, next: &Cursor) -> bool {
        if self.cursor.as_ref() != Some(next) {
            return true;
        }
        let today = Day::of(world.believed());
        self.idle.replace(today) != Some(today)
    }
}

/// A page as the exporter got it.
pub struct ExportedPage {
    pub next: Cursor,
    pub more: bool,
    pub count: u64,
    pub records: Vec<OpenedLead>,
}

impl Model {
    /// Where the exporter of a purpose goes on.
    pub fn cursor(&self, of: usize) -> Option<Cursor> {
        self.exporters[of].cursor.clone()
    }

    /// One page was taken: it is what is stored after the cursor, in the order of arrival, and nothing else.
    pub fn exported(
        &mut self,
        world: &World<'_>,
        of: usize,
        limit: usize,
        page: &ExportedPage,
    ) -> Result<(), Broken> {
        self.pages_exported += u64::from(self.exporters[of].is_told(world, &page.next));
        let after = self.exporters[of].cursor.as_ref().map_or(0, |cursor| cursor.number);
        let today = Day::of(world.now().max(world.believed()));
        let latest = Day::of(world.true_now() + jiff::SignedDuration::from_hours(2));
        let mut expected: Vec<(u64, &Lead)> = Vec::new();
        for lead in &self.leads {
            let Some(id) = lead.record(of).filter(|id| id.number > after) else { continue };
            let expires = lead.expires[of].unwrap_or(today);
            if is_restricted(world, id) {
                continue;
            }
            if today < expires {
                expected.push((id.number, lead));
            }
            let passed_over = expires <= today && id.number <= page.next.number;
            hold!(
                !passed_over || expires <= latest || self.misled,
                "{id} is passed over for a clock that is ahead"
            );
        }
        expected.sort_by_key(|(number, _)| *number);
        let more = expected.len() > limit;
        expected.truncate(limit);
        let got: Vec<u64> = page.records.iter().map(|record| record.id().number).collect();
        let wanted: Vec<u64> = expected.iter().map(|(number, _)| *number).collect();
        hold!(
            got == wanted,
            "exported {got:?} of {}, and {wanted:?} were stored after {after}",
            PURPOSES[of]
        );
        hold!(page.count == got.len() as u64, "a page of {} says {}", got.len(), page.count);
        hold!(page.more || !more, "there is more, and the page says no");
        hold!(wanted.last().is_none_or(|last| page.next.number >= *last), "the cursor stops before the end");
        let purpose = policy_purpose(world, of);
        for (record, (_, lead)) in page.records.iter().zip(&expected) {
            check_record(record, lead, &purpose, of)?;
        }
        self.exporters[of].cursor = Some(page.next.clone());
        Ok(())
    }

    /// From here on the exporter starts anew.
    pub fn rewind(&mut self, of: usize) {
        self.exporters[of].cursor = None;
    }
}

/// What a person wrote: it occurs nowhere else.
pub(super) fn answer_of(name: &str, id: &str, kind: Kind) -> String {
    match kind {
        Kind::Test => format!("<test lead: dummy data for {name} zq{id}>"),
        _ if name == "email" => address_of(id),
        _ => format!("{name}zq{id}"),
    }
}

/// The address of whoever sent a lead in.
pub(super) fn address_of(id: &str) -> String {
    format!("emailzq{id}@example.org")
}

/// The record is the lead, as far as the purpose allows, with what became of it since, and no further.
pub(super) fn check_record(
    record: &OpenedLead,
    lead: &Lead,
    purpose: &Purpose,
    of: usize,
) -> Result<(), Broken> {
    let (id, held) = (record.id(), &lead.held[of]);
    for name in purpose.whitelist.columns() {
        let found: Option<Vec<&str>> =
            record.field(purpose, name.as_str()).map(|values| values.iter().map(|a| a.expose()).collect());
        let wanted = held.fields.get(name.as_str()).map(|text| vec![text.as_str()]);
        hold!(
            found == wanted,
            "{id}: field {name:?} is not as it was answered, or corrected",
            name = name.as_str()
        );
    }
    let given = lead.kind != Kind::Unticked;
    let mut boxes = match of {
        QUOTE => vec![("news_optin", given, held.taken_back)],
        _ => vec![("call_optin", false, None), ("email_optin", given, None)],
    };
    boxes.retain(|_| !held.unheard);
    // What was not given holds until no time.
    let until = |one: &ConsentEvidence| one.valid_until.filter(|_| one.given());
    let shown = record.consents().iter().map(|one| (one.key.as_str(), one.given(), until(one)));
    let mut shown: Vec<(&str, bool, Option<Timestamp>)> = shown.collect();
    shown.sort_unstable();
    hold!(shown == boxes, "{id}: agreed to {shown:?}, and that is {boxes:?}");
    hold!(record.field(purpose, "budget").is_none(), "{id}: a dropped field is in an export");
    hold!(record.is_test() == (lead.kind == Kind::Test), "{id}: the test flag is wrong");
    hold!(*record.form() == form(lead.form), "{id}: another form");
    hold!(record.created() == lead.created, "{id}: another time");
    let kept = record.leadgen(purpose).is_some_and(|kept| kept.expose() == lead.id);
    hold!(kept == purpose.keeps(Keep::LeadgenId), "{id}: Meta's id is kept, or lost, against the config");
    let platform = record.attribution(purpose, Keep::Platform).is_some();
    hold!(platform == purpose.keeps(Keep::Platform), "{id}: the platform");
    Ok(())
}
