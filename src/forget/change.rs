//! What a recipient must follow of a record that it was handed (GDPR art. 19).

crate::codes! {
    /// What became of a record that a recipient was handed.
    pub enum ChangeKind {
        /// What it holds is another, or less: read it anew.
        Corrected = "corrected",
        /// It is restricted: nobody may use it for now.
        Restricted = "restricted",
        /// It is restricted no more.
        Released = "released",
        /// It was restricted when a page passed it by, and is no more: read it, as a new one.
        Stored = "stored",
        /// It was erased: erase it too.
        Erased = "erased",
        /// Its time is over: delete it.
        Expired = "expired",
        /// The person took a consent back: act on it no more, and read the record anew.
        Withdrawn = "withdrawn",
        /// A consent had its time, and what hung on it is gone: read the record anew.
        Ended = "ended",
        /// The person agreed anew: the record goes on.
        Confirmed = "confirmed",
    }
}
