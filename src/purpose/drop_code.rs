//! Why an answer of a lead is not kept.

crate::codes! {
    /// Why an answer was dropped. Of several purposes that dropped it for different reasons the last of these counts.
    pub enum DropCode {
        /// No whitelist names its question.
        NotWhitelisted = "not-whitelisted",
        /// Its question is on a whitelist, but it is a second answer to the field, too long, or no answer of a person's.
        NotKept = "not-kept",
        /// Its question is on a whitelist, and the person did not give the consent that the field hangs on.
        ConsentNotGiven = "consent-not-given",
    }
}
