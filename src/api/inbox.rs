//! `GET /inbox` and `POST /inbox/requeue`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::forms::Differs;
use crate::api::{IdText, Moment, Word};
use crate::id::{FormId, PageId};
use crate::notification::ParkCode;
use crate::purpose::{DropCode, PurposeId};

/// What is on its way, what waits, and what needs a human. To an exporter the lists show what concerns the forms of its
/// purposes, and the pages that these are known to belong to.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Inbox {
    /// References that are to be read now.
    pub queued: u64,
    /// References that are read again later.
    pub waiting: u64,
    /// References that were held and are being read now, after a reload: they stand in no list until they are settled.
    #[serde(default)]
    #[schema(required = true)]
    pub in_flight: u64,
    /// How long the lists are: of a long one only the beginning is here.
    #[serde(default)]
    #[schema(required = true)]
    pub totals: Totals,
    /// References without a purpose or a page in the config.
    pub held: Vec<Held>,
    /// Leads that the purpose's rules refused.
    pub refused: Vec<Refused>,
    /// References whose last attempt failed, each by itself.
    pub buried: Vec<Buried>,
    /// Pages of which no lead is read for now.
    pub paused: Vec<Paused>,
    /// Questions whose answers were dropped, of leads that were looked at: each lead counts once, however often it is read.
    pub dropped: Vec<Dropped>,
}

/// How many entries each list has.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Of `held`, of which 1,000 are shown at the most.
    pub held: u64,
    /// Of `refused`, of which 1,000 are shown at the most.
    pub refused: u64,
    /// Of `buried`, of which 1,000 are shown at the most.
    pub buried: u64,
    /// Of `dropped`, of which 10,000 are shown at the most.
    pub dropped: u64,
}

/// What is held of one form.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// The form.
    pub form_id: FormId,
    /// Its page.
    pub page_id: PageId,
    /// What it lacks: its page a token, or else the form a purpose; null: nothing any more, it is about to be read.
    #[serde(default)]
    #[schema(required = true, value_type = Option<ParkCode>)]
    pub code: Option<Word<ParkCode>>,
    /// What the form is called, where that was asked for and Graph says it: its author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// In what the form differs from the one that it might be a copy of, not for viewers; left out where that was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub differs: Option<Differs>,
    /// How many.
    pub count: u64,
    /// Since when.
    pub oldest: Moment,
}

/// What one purpose refused of one form for one reason.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// The form.
    pub form_id: FormId,
    /// The purpose; absent: an earlier version refused it, and did not say for which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub purpose: Option<PurposeId>,
    /// Why.
    #[schema(value_type = ParkCode)]
    pub code: Word<ParkCode>,
    /// How many.
    pub count: u64,
    /// Since when.
    pub oldest: Moment,
}

/// One buried reference.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Buried {
    /// Its number, by which it is requeued. A string, like every id that leaves tamis.
    #[serde(rename = "ref")]
    #[schema(pattern = "^[0-9]+$")]
    pub reference: String,
    /// The form that it names; null: it cannot be read.
    #[schema(required = true)]
    pub form_id: Option<FormId>,
    /// The purpose for which it is buried; absent: its form was not matched yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub purpose: Option<PurposeId>,
    /// Why.
    #[schema(value_type = ParkCode)]
    pub code: Word<ParkCode>,
    /// Attempts spent.
    pub attempts: u32,
    /// Since when.
    pub since: Moment,
}

/// One page that is paused.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// The page.
    pub page_id: PageId,
    /// Why.
    #[schema(value_type = ParkCode)]
    pub code: Word<ParkCode>,
    /// Until when; if that has passed, the next lead is the probe.
    pub until: Moment,
}

/// One question whose answers are not kept.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Dropped {
    /// The form.
    pub form_id: FormId,
    /// The question's key: the form author's words, shown here and nowhere else.
    pub name: String,
    /// Why: on no whitelist, or on one and not kept.
    #[serde(default = "on_no_whitelist")]
    #[schema(required = true, value_type = DropCode)]
    pub code: Word<DropCode>,
    /// How many answers were dropped.
    pub count: u64,
}

/// What a daemon meant that said no reason.
fn on_no_whitelist() -> Word<DropCode> {
    DropCode::NotWhitelisted.into()
}

/// Which references to bring back: exactly one of the three.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requeue {
    /// One, by its number in the inbox.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<IdText>,
    /// All that wait, or were refused or buried, with this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// All that wait, or were refused or buried, of this form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_id: Option<IdText>,
}

/// What became of a requeue.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Requeued {
    /// How many came back.
    pub requeued: u64,
}

/// Which page is tried at once.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPage {
    /// A page of the config.
    pub page_id: IdText,
}

/// What became of it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PageRetried {
    /// How many that waited for a later moment are due now.
    pub requeued: u64,
    /// True if Graph was not to be called: one lead of the page goes ahead, to see.
    pub paused: bool,
}

/// Of which form the held references are let go.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropHeld {
    /// A form that no purpose claims.
    pub form_id: IdText,
}

/// What became of a drop.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldDropped {
    /// How many were let go.
    pub dropped: u64,
}
