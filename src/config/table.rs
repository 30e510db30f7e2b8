//! The table of keys: one line a key. From it come the reading, with all faults; what `tamis check` shows; and whether a
//! reload takes the key over.
//!
//! A line is `field: Type = need`. The need says whether the key must be there and what reads it (`must`, `may`, `or`,
//! `within`: what a section can be asked for); the type says how it is shown ([`Value`]). `@live` before a line: a running
//! daemon takes the key over, with all that is below it; any other key waits for a restart, so that a new one is never
//! taken for one that was taken over. `("type")` after the field: the key, where it is called otherwise.
//! `, if |table| …` at the end: when it is shown. The lines are read in their order, and each sees those above it as
//! options (none: faulty). A key with a default has it in `config/default.toml`, where the tests look for it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::shown::{At, ShownValue};
use crate::id::{AppId, FormId, PageId};
use crate::purpose::law::{Basis, Channel, RecipientRole, TransferBasis};
use crate::purpose::{ConsentKey, FieldName, Keep, Need, PhoneRegion, QuestionTypes};
use crate::secret::location::Location;

/// One key of a table.
pub(super) struct Key {
    /// Its name within its table.
    pub(super) name: &'static str,
    /// A running daemon takes it over, with all that is below it.
    pub(super) is_live: bool,
    /// The keys below it, where it holds tables.
    pub(super) below: &'static [Key],
}

/// What a key may hold.
pub(super) trait Value {
    /// The keys below, where this is a table or holds some.
    const KEYS: &'static [Key] = &[];

    /// How it is shown; none: not at all.
    fn show(&self, at: &At<'_>) -> Option<ShownValue>;

    /// What the operator called it, where its key is a name of the operator's own.
    fn name(&self) -> Option<String> {
        None
    }

    /// How several of them are shown: tables and what has a name by their names or numbers, anything else as a list.
    fn show_all<'s>(all: impl Iterator<Item = &'s Self>, at: &At<'_>) -> ShownValue
    where
        Self: Sized + 's,
    {
        let (mut named, mut list) = (Vec::new(), Vec::new());
        for (index, one) in all.enumerate() {
            let own = one.name();
            let name = own.clone().unwrap_or_else(|| format!("[{index}]"));
            match one.show(&at.below(&name)) {
                Some(shown) if own.is_some() || matches!(shown, ShownValue::Table(_)) => {
                    named.push((name, shown))
                }
                shown => list.extend(shown),
            }
        }
        match named.first() {
            Some((_, ShownValue::Table(_))) => ShownValue::Table(named),
            None if Self::KEYS.is_empty() => ShownValue::List(list),
            _ => ShownValue::Inline(named),
        }
    }
}

/// Declares the keys of a table: `struct` for a type of the config's own, which is made here, fields and all; `impl` for
/// one that another room declares. `with` gives those of its fields that are no keys; `by` names the one that the
/// operator called the table. `unkept` keys are read first and held nowhere. `check` comes last, after the unknown keys.
macro_rules! table {
    (
        $(#[$meta:meta])*
        pub struct $type:ident as $shape:ident($section:ident $(, $given:ident: $given_type:ty)*) {
            $(
                $(#[$doc:meta])*
                $(@$reload:ident)? $vis:vis $field:ident $(($key:literal))?: $value:ty
                    = $need:ident($($part:expr),+) $(, if $shown:expr)?;
            )+
        }
        $(check $check:block)?
        $(with { $($(#[$other_doc:meta])* pub $other:ident: $other_type:ty = $other_value:expr),+ })?
    ) => {
        $(#[$meta])*
        pub struct $type {
            $($(#[$doc])* $vis $field: $value,)+
            $($($(#[$other_doc])* pub $other: $other_type,)+)?
        }

        table! {
            impl $type as $shape($section $(, $given: $given_type)*) {
                $($(@$reload)? $field $(($key))?: $value = $need($($part),+) $(, if $shown)?;)+
            }
            $(check $check)?
            $(with { $($other: $other_value),+ })?
        }
    };
    (
        impl $type:ident $(by $name:ident)? as $shape:ident($section:ident $(, $given:ident: $given_type:ty)*) {
            $(
                $(@$reload:ident)? $field:ident $(($key:literal))?: $value:ty
                    = $need:ident($($part:expr),+) $(, if $shown:expr)?;
            )+
        }
        $(unkept { $($unkept:ident = $unkept_need:ident($($unkept_part:expr),+);)+ })?
        $(check $check:block)?
        $(with { $($other:ident: $other_value:expr),+ })?
    ) => {
        impl $type {
            /// Reads the table, with all its faults.
            pub(in crate::config) fn read(
                mut $section: $crate::config::section::Section<'_>
                $(, $given: $given_type)*
            ) -> Option<Self> {
                $($(let $unkept = $section.$unkept_need(stringify!($unkept), $($unkept_part),+);)+)?
                $(let $field: Option<$value> = $section.$need(table!(@key $field $($key)?), $($part),+);)+
                $section.finish();
                $($check)?
                Some(Self { $($($other: $other_value,)+)? $($field: $field?,)+ })
            }
        }

        impl $crate::config::table::Value for $type {
            const KEYS: &'static [$crate::config::table::Key] = &[
                $($crate::config::table::Key {
                    name: table!(@key $field $($key)?),
                    is_live: table!(@is_live $($reload)?),
                    below: <$value as $crate::config::table::Value>::KEYS,
                },)+
                $($($crate::config::table::Key {
                    name: stringify!($unkept),
                    is_live: false,
                    below: &[],
                },)+)?
            ];

            fn show(&self, at: &$crate::config::shown::At<'_>) -> Option<$crate::config::shown::ShownValue> {
                let mut rows = Vec::new();
                $(
                    let is_shown = true $(&& $crate::config::table::holds(self, $shown))?;
                    let key = table!(@key $field $($key)?);
                    let shown = $crate::config::table::Value::show(&self.$field, &at.below(key));
                    rows.extend(shown.filter(|_| is_shown).map(|shown| (key.to_owned(), shown)));
                )+
                Some($crate::config::shown::ShownValue::$shape(rows))
            }

            $(fn name(&self) -> Option<String> {
                Some(self.$name.to_string())
            })?
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@is_live) => { false };
    (@is_live live) => { true };
}
pub(super) use table;

/// A condition on a table.
pub(super) fn holds<T>(table: &T, condition: impl FnOnce(&T) -> bool) -> bool {
    condition(table)
}

impl<T: Value> Value for Option<T> {
    const KEYS: &'static [Key] = T::KEYS;

    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        self.as_ref()?.show(at)
    }
}

impl<T: Value> Value for Vec<T> {
    const KEYS: &'static [Key] = T::KEYS;

    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        Some(T::show_all(self.iter(), at))
    }
}

impl<T: Value> Value for Arc<T> {
    const KEYS: &'static [Key] = T::KEYS;

    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        T::show(self, at)
    }
}

impl Value for Location {
    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        Some(at.secret(self))
    }
}

/// As it is written.
impl Value for Need {
    fn show(&self, at: &At<'_>) -> Option<ShownValue> {
        Some(match self {
            Self::Plain(text) => ShownValue::text(text),
            Self::Told(texts) => <(String, String)>::show_all(texts.iter(), at),
        })
    }
}

/// One as it may be written: without brackets.
impl Value for QuestionTypes {
    fn show(&self, _: &At<'_>) -> Option<ShownValue> {
        let mut types = self.iter().map(ShownValue::text);
        let first = types.next()?;
        let others: Vec<ShownValue> = types.collect();
        if others.is_empty() {
            return Some(first);
        }
        Some(ShownValue::List([first].into_iter().chain(others).collect()))
    }
}

/// How values without keys are shown.
macro_rules! plain {
    ($($($plain:ty),+ => $shown:expr;)+) => {
        $($(impl $crate::config::table::Value for $plain {
            fn show(&self, _: &$crate::config::shown::At<'_>) -> Option<$crate::config::shown::ShownValue> {
                Some($shown(self))
            }
        })+)+
    };
}
plain! {
    bool => |flag: &bool| ShownValue::Flag(*flag);
    u32 => |number: &u32| ShownValue::Number(u64::from(*number));
    u64 => |number: &u64| ShownValue::Number(*number);
    usize => |number: &usize| ShownValue::Number(*number as u64);
    PathBuf => |path: &PathBuf| ShownValue::text(path.display());
    String, SocketAddr, IpAddr, AppId, PageId, FormId => ShownValue::text;
    RecipientRole, TransferBasis, Basis, Channel, ConsentKey, FieldName, Keep, PhoneRegion => ShownValue::text;
}

pub(super) use plain;
