//! Stable reasons: kebab-case codes for machines, closed enums for the compiler.
//!
//! Every code that tamis logs, answers or stores is a variant made by `codes!`, so that the list in `docs/codes.md`
//! can be held against `ALL` by a test.

/// A closed list of codes, for whoever treats all such lists alike.
pub trait Coded: Copy + 'static {
    /// Every variant, in the order of declaration.
    fn every() -> &'static [Self];

    /// The stable code.
    fn code(self) -> &'static str;

    /// Its place in [`Coded::every`].
    fn place(self) -> usize;
}

/// Declares a closed enum whose variants are stable kebab-case codes.
///
/// Generates `ALL`, `as_str`, `Display` (the code), `Serialize` (the code as a string) and [`Coded`].
#[macro_export]
macro_rules! codes {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of declaration.
            $vis const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The variant with this code.
            $vis fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == code)
            }
        }

        impl $crate::code::Coded for $name {
            fn every() -> &'static [Self] {
                Self::ALL
            }

            fn code(self) -> &'static str {
                self.as_str()
            }

            fn place(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
