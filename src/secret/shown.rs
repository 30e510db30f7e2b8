//! Refuses to compile where something that must never be shown could be.

/// Refuses to compile if one of these types has `Debug`, `Display` or `Serialize`. What is made of one of them cannot derive these
/// either; who writes one by hand is seen by `tests/it/edges/shown.rs`.
macro_rules! never_shown {
    ($($of:ty),+ $(,)?) => { $(
        const _: fn() = || {
            // A second way to the same name, which exists only for a type that can be shown: then nobody knows which is meant.
            trait Quiet<Way> {
                fn is_quiet() {}
            }
            struct ByDebug;
            struct ByDisplay;
            struct BySerialize;
            impl<T: ?Sized> Quiet<()> for T {}
            impl<T: ?Sized + std::fmt::Debug> Quiet<ByDebug> for T {}
            impl<T: ?Sized + std::fmt::Display> Quiet<ByDisplay> for T {}
            impl<T: ?Sized + serde::Serialize> Quiet<BySerialize> for T {}
            <$of as Quiet<_>>::is_quiet();
        };
    )+ };
}

pub(crate) use never_shown;
