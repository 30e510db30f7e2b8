//! The letter to its person that may go before an erasure: how far it is, and why none went.

crate::codes! {
    /// How far a letter about an erasure is.
    pub enum TellingState {
        /// Its records wait for it, and nobody uses them.
        Waiting = "waiting",
        /// A mail server took it before they were erased.
        Told = "told",
        /// None did: they were erased without.
        NotTold = "not-told",
    }
}

crate::codes! {
    /// Why the person of a record was not told of its erasure before.
    pub enum Untold {
        /// The record holds no address that mail may go to.
        NoAddress = "no-address",
        /// No mail reaches its address.
        Unreachable = "unreachable",
        /// No mail server took the letter within three days.
        NotInTime = "not-in-time",
        /// The letter could not be written.
        NotWritten = "not-written",
        /// It went meanwhile, by another erasure or by what its person did.
        ByAnother = "erased-meanwhile",
    }
}
