//! What goes first when the processor is short: a webhook's answer, before what can wait.

/// Added to the nice value of a thread whose work can wait.
const YIELDING_NICE: i32 = 10;

/// Has this thread, and those it starts, leave the processor to the listeners' threads while both want it. Storing
/// goes on later then; an answer that comes too late is asked for again by Meta (nice(2): on Linux the value is a
/// thread's own).
pub fn yield_to_listeners() {
    // Where the system does not let a thread be nice, all are equal, as they were.
    let _ = rustix::process::nice(YIELDING_NICE);
}
