//! How long the law, and those who watch over it, let data lie. Bounds are what a config may say at all.

use std::ops::RangeInclusive;

/// Of a record, in calendar months. There is no "never". Ten years is the longest that commercial papers must be kept
/// (France, Code de commerce art. L123-22); no lead has a reason to live longer.
pub const RETENTION_MONTHS: RangeInclusive<u64> = 1..=120;

/// The same in days: ten years of 365 days.
pub const RETENTION_DAYS: RangeInclusive<u64> = 1..=3_650;

/// The CNIL's reference on commercial management (2022): three years from the prospect's last contact.
pub const PROSPECT_MONTHS_RECOMMENDED: u32 = 36;

/// Until the person is asked again, in calendar months. Consent wears off (EDPB 05/2020, 110: refresh it at suitable
/// intervals).
pub const RECONFIRM_MONTHS: RangeInclusive<u64> = 6..=24;

/// How long people have to answer, in days.
pub const GRACE_DAYS: RangeInclusive<u64> = 14..=60;

/// The same, where nothing else is said.
pub const GRACE_DAYS_DEFAULT: u32 = 30;

/// Of the trail, in calendar months. CNIL's recommendation on logging (2021): six months to a year; longer, up to three
/// years, only with a reason.
pub const TRAIL_MONTHS: RangeInclusive<u64> = 6..=36;

/// What the CNIL recommends at most.
pub const TRAIL_MONTHS_RECOMMENDED: u32 = 12;

/// Of what the register of requests says once somebody is answered, in calendar months. A complaint comes within years, and
/// nothing of it names a person: no less than a year, no more than the five years of a civil claim (France, Code civil art. 2224).
pub const REQUEST_MONTHS: RangeInclusive<u64> = 12..=60;

/// How long what shows of a consent may outlive its record, in years; 0: not at all. Who must show that a person had agreed (GDPR art. 7(1))
/// may have to after their erasure (art. 17(3)(e)): three years in France (prospecting by e-mail), five in Germany (calls, § 7a UWG), no
/// longer than the ten of the longest claims.
pub const EVIDENCE_YEARS: RangeInclusive<u64> = 0..=10;

/// Until somebody looks why a recipient has not followed, in days. Recipients are told of an erasure (GDPR art. 19) within the month in
/// which the person is answered (art. 12(3)).
pub const CHANGES_DAYS: RangeInclusive<u64> = 1..=30;

/// How long a consent holds, in calendar months: no longer than any record.
pub const CONSENT_MONTHS: RangeInclusive<u64> = RETENTION_MONTHS;

/// How long a consent to marketing calls holds in France, in calendar months from when it was given, without tacit renewal
/// (decree 2026-662 of 23 July 2026, in force since 11 August 2026: Code de la consommation art. R. 223-1). The decree was
/// read through one publisher alone: a lawyer should read it, so more is warned about and not refused.
pub const CALL_CONSENT_MONTHS_FR: u32 = 12;

/// The purposes of one form. Each needs a tick-box of its own on it, save one; Meta's forms have few.
pub const PURPOSES_OF_A_FORM_MAX: usize = 8;
