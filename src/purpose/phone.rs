//! Telephone numbers as ITU-T E.164 writes them, for programs that compare, call or suppress: beside what was typed, never in
//! its place.

use std::fmt;
use std::str::FromStr;

use phonenumber::country::Id;
use phonenumber::metadata::{DATABASE, Database, Descriptor};
use phonenumber::{Mode, PhoneNumber, parse};

use crate::secret::Wiped;

/// What is longer is no number; in bytes.
const TYPED_BYTES_MAX: usize = 120;

/// A plus, an international prefix of up to five digits and the fifteen digits of E.164.
const DIGITS_MAX: usize = 21;

/// Country code and national number together (ITU-T E.164, 6.2.1).
const E164_DIGITS_MAX: usize = 15;

/// What people, address books and messengers put between digits, the marks of direction included that come with a paste.
const BETWEEN: &str = " \t.-/()[]~\u{a0}\u{ad}\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2212}\u{202f}\u{2060}\u{3000}\u{feff}\
    \u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";

/// The zeros of the digits that people type: of each the nine others follow.
const ZEROS: [char; 7] = ['0', '٠', '۰', '०', '০', '๐', '０'];

/// Where a number without a country code is at home.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PhoneRegion(Id);

impl PhoneRegion {
    /// Reads the code of a country (ISO 3166-1, two capitals) whose numbers are known.
    pub fn parse(code: &str) -> Option<Self> {
        Id::from_str(code).ok().map(Self)
    }

    /// Reads the tables of all countries, which are read once in a process: a third of a second, before leads are waiting
    /// for it.
    pub fn read_tables() {
        once_read(&DATABASE);
    }

    /// The number as `+` and digits; none if what was typed is no number of any country, or is more than one. Whether it is
    /// in use nobody asks: the tables age, and a number that was handed out since they were made is one.
    pub fn e164(&self, typed: &str) -> Option<String> {
        let plain = dialled(typed)?;
        let number = match self.international(&plain) {
            Some(international) => of_its_country(&international)?,
            None => parse(Some(self.0), plain.as_str()).ok()?,
        };
        written(&number)
    }

    /// The number behind a plus, if it was typed so or with the prefix by which this region calls abroad.
    fn international(&self, plain: &Wiped<String>) -> Option<Wiped<String>> {
        if plain.starts_with('+') {
            return Some(plain.clone());
        }
        let prefix = DATABASE.by_id(self.0.as_ref())?.international_prefix()?.find(plain)?;
        let rest = plain.get(prefix.end()..).filter(|rest| prefix.start() == 0 && !rest.starts_with('0'))?;
        let mut international = Wiped::new(String::with_capacity(DIGITS_MAX));
        international.push('+');
        international.push_str(rest);
        Some(international)
    }
}

/// A number that was typed behind a plus, as [`PhoneRegion::e164`] has it: it is the same wherever it is typed.
pub fn international_e164(typed: &str) -> Option<String> {
    let plain = dialled(typed).filter(|plain| plain.starts_with('+'))?;
    written(&of_its_country(&plain)?)
}

fn written(number: &PhoneNumber) -> Option<String> {
    let (code, national) = (number.code().value(), Wiped::new(number.national().to_string()));
    let is_whole = |pattern: &Descriptor| {
        let found = pattern.national_number().find(&national);
        found.is_some_and(|found| found.start() == 0 && found.end() == national.len())
    };
    let mut countries = DATABASE.by_code(&code)?.into_iter();
    let is_possible = number.is_valid() || countries.any(|country| is_whole(country.descriptors().general()));
    let fits = code.to_string().len() + national.len() <= E164_DIGITS_MAX;
    (is_possible && fits).then(|| number.format().mode(Mode::E164).to_string())
}

/// The tables are there once somebody looks at them.
fn once_read(tables: &Database) {
    let _ = tables.by_code(&0);
}

/// Read by the rules of the country whose code it has: a zero that begins a number at home is part of it elsewhere (Italy).
fn of_its_country(international: &str) -> Option<PhoneNumber> {
    let number = parse(None, international).ok()?;
    let countries = DATABASE.by_code(&number.code().value())?;
    let main = countries.iter().find(|country| country.is_main_country_for_code()).or(countries.first())?;
    match Id::from_str(main.id()) {
        Ok(country) => parse(Some(country), international).ok(),
        // A code that is no country's.
        Err(_) => Some(number),
    }
}

impl fmt::Display for PhoneRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref())
    }
}
impl fmt::Debug for PhoneRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

/// What was typed as it would be dialled: digits alone, behind a plus or not; none if there is anything but what people put
/// between digits. Nothing else reaches the parser, which knows letters, extensions and URIs too and has panicked on odd ones
/// (CVE-2024-39697).
pub fn dialled(typed: &str) -> Option<Wiped<String>> {
    if typed.len() > TYPED_BYTES_MAX {
        return None;
    }
    // Of its final size: a text that grows leaves copies behind.
    let mut plain = Wiped::new(String::with_capacity(DIGITS_MAX));
    for letter in typed.chars() {
        match letter {
            '+' | '＋' if plain.is_empty() => plain.push('+'),
            between if BETWEEN.contains(between) => {}
            _ if plain.len() == DIGITS_MAX => return None,
            digit => plain.push(ascii_digit(digit)?),
        }
    }
    Some(plain)
}

fn ascii_digit(letter: char) -> Option<char> {
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(letter).checked_sub(u32::from(*zero))?;
        char::from_digit(value, 10)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn e164(region: &str, typed: &str) -> Option<String> {
        PhoneRegion::parse(region).expect("a region").e164(typed)
    }

    #[test]
    fn a_number_is_told_however_it_is_typed() {
        for (region, typed, wanted) in [
            ("FR", "06 39 98 00 00", "+33639980000"),
            ("FR", "0639980000", "+33639980000"),
            ("FR", "06.39.98.00.00", "+33639980000"),
            ("FR", "06-39/98 00-00", "+33639980000"),
            ("FR", "639980000", "+33639980000"),
            ("FR", "+33639980000", "+33639980000"),
            ("FR", "+33 (0)6 39 98 00 00", "+33639980000"),
            ("FR", "0033 6 39 98 00 00", "+33639980000"),
            ("FR", "33639980000", "+33639980000"),
            ("FR", " \u{202a}+33\u{a0}6\u{202f}39 98 00 00\u{202c} ", "+33639980000"),
            ("FR", "＋３３６３９９８００００", "+33639980000"),
            ("FR", "٠٦٣٩٩٨٠٠٠٠", "+33639980000"),
            ("FR", "+49 30 23125 000", "+493023125000"),
            ("DE", "+33 6 39 98 00 00", "+33639980000"),
            ("FR", "+39 06 6982 1234", "+390669821234"),
            ("FR", "0039 06 6982 1234", "+390669821234"),
            ("IT", "+33 (0)6 39 98 00 00", "+33639980000"),
            ("FR", "+44 (0)20 7946 0958", "+442079460958"),
            ("FR", "+1 201 555 0123", "+12015550123"),
            ("FR", "+590 690 00 12 34", "+590690001234"),
            ("FR", "+800 1234 5678", "+80012345678"),
            ("DE", "030/23125000", "+493023125000"),
            ("GB", "(020) 7946 0958", "+442079460958"),
            ("IT", "06 6982 1234", "+390669821234"),
            ("US", "(201) 555-0123", "+12015550123"),
            ("US", "011 33 6 39 98 00 00", "+33639980000"),
            ("CH", "044 668 18 00", "+41446681800"),
            ("BE", "0470 12 34 56", "+32470123456"),
        ] {
            assert_eq!(e164(region, typed).as_deref(), Some(wanted), "{region} {typed}");
        }
    }

    #[test]
    fn a_number_behind_a_plus_needs_no_region_and_any_other_does() {
        for (typed, wanted) in [
            ("+33 (0)6 39 98 00 00", Some("+33639980000")),
            ("+39 06 6982 1234", Some("+390669821234")),
            ("06 39 98 00 00", None),
            ("0033 6 39 98 00 00", None),
            ("+999 123 456 78", None),
            ("+", None),
        ] {
            assert_eq!(international_e164(typed).as_deref(), wanted, "{typed}");
        }
        assert_eq!(dialled("06 39.98-00 0").as_deref().map(String::as_str), Some("063998000"));
    }

    #[test]
    fn what_is_no_number_or_more_than_one_gives_none() {
        for typed in [
            "",
            " ",
            "+",
            "0",
            "06",
            "06 39 98 00",
            "06 39 98 00 00 00",
            "06 39 98 00 00 / 06 39 98 00 01",
            "06 39 98 00 00 ext. 12",
            "06 39 98 00 00;phone-context=+33",
            "tel:+33639980000",
            "+dwPAA;phone-context=AA",
            ".;phone-context=",
            "someletters1110@gmail.com",
            "<test lead: dummy data for phone_number>",
            "0800FLOWERS",
            "+0000000000000",
            "+999 123 456 78",
            "+49 2100 0000 000000",
            "99999999999999999999999999",
            "+33+639980000",
            "06 39 98 00 0²",
        ] {
            assert_eq!(e164("FR", typed), None, "{typed}");
        }
        assert_eq!(e164("FR", &format!("{}0639980000", " ".repeat(120))), None);
    }

    #[test]
    fn a_region_is_a_country_whose_numbers_are_known() {
        for good in ["FR", "DE", "US", "MC", "GP"] {
            assert_eq!(PhoneRegion::parse(good).map(|region| region.to_string()).as_deref(), Some(good));
        }
        let every = DATABASE.iter().filter_map(|country| Id::from_str(country.id()).ok());
        assert_eq!(every.count(), 245, "each of them has its rules");
        for bad in ["", "fr", "F", "XX", "EU", "FRA", "33", "+33", "001", "AQ"] {
            assert!(PhoneRegion::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_in_any_region_breaks_the_parser(
            region in prop::sample::select(vec!["FR", "DE", "IT", "US", "BR", "MX", "AR", "JP", "NZ", "GB", "AU", "RU", "SM", "UY"]),
            typed in "[+]?[0-9]{0,22}|\\PC{0,30}|[+0-9 ().x;*#-]{0,30}",
        ) {
            if let Some(number) = e164(region, &typed) {
                prop_assert!(number.starts_with('+') && (6..=16).contains(&number.len()), "{number}");
                prop_assert!(number[1..].bytes().all(|b| b.is_ascii_digit()), "{number}");
            }
        }
    }
}
