//! What an export left out on its way: whoever reads its end is to know why it is shorter than thought.

use std::ops::AddAssign;

/// How many records, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// Meta's test leads, which the command leaves out.
    #[serde(default, rename = "tests_left_out")]
    pub tests: u64,
    /// Past their expiry.
    #[serde(default, rename = "expired_left_out")]
    pub expired: u64,
    /// Restricted.
    #[serde(default, rename = "restricted_left_out")]
    pub restricted: u64,
    /// Announced and not handed out: nobody agreed to hand them to the recipient.
    #[serde(default, rename = "others_left_out")]
    pub others: u64,
}

impl AddAssign for LeftOut {
    fn add_assign(&mut self, page: Self) {
        self.tests = self.tests.saturating_add(page.tests);
        self.expired = self.expired.saturating_add(page.expired);
        self.restricted = self.restricted.saturating_add(page.restricted);
        self.others = self.others.saturating_add(page.others);
    }
}
