//! Fictional people: the same ones for the same seed.
//!
//! Addresses are under example.org, .com and .net (RFC 2606); telephone numbers come from the ranges kept for fiction:
//! +33 6 39 98 (Arcep) and +49 30 23125 (Bundesnetzagentur, for film and radio).

/// A source of numbers that are the same in every run (SplitMix64, by Sebastiano Vigna, public domain).
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// From this seed.
    pub fn seeded(seed: u64) -> Dice {
        Dice { state: seed }
    }

    /// A number below `bound`; 0 when there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bounded = (z ^ (z >> 31)).checked_rem(bound as u64).unwrap_or(0);
        usize::try_from(bounded).unwrap_or(0)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these; the default of an empty list.
    pub fn pick<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        choices.get(self.below(choices.len())).copied().unwrap_or_default()
    }
}

/// Whose names and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// French names, +33 numbers.
    French,
    /// German names, +49 numbers.
    German,
    /// English names, +33 numbers: they live in France.
    English,
}

/// Somebody who does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// First name, now and then with an emoji, as people write it.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// At example.org, .com or .net.
    pub email: String,
    /// As Meta gives it: `+`, country, number, no spaces (seen).
    pub phone_number: String,
    /// Of France or Germany.
    pub post_code: String,
    /// `MM/DD/YYYY`, as Meta gives a date of birth (seen).
    pub date_of_birth: String,
    /// Free text, with everything that breaks spreadsheets and parsers.
    pub words: String,
}

impl Person {
    /// The next one that the dice give.
    pub fn next(dice: &mut Dice, language: Language) -> Person {
        let (firsts, lasts, words) = match language {
            Language::French => (FRENCH_FIRST, FRENCH_LAST, FRENCH_WORDS),
            Language::German => (GERMAN_FIRST, GERMAN_LAST, GERMAN_WORDS),
            Language::English => (ENGLISH_FIRST, ENGLISH_LAST, ENGLISH_WORDS),
        };
        let (first_name, first_slug) = dice.pick(firsts);
        let (last_name, last_slug) = dice.pick(lasts);
        let domain = dice.pick(&["org", "com", "net"]);
        let email = format!("{first_slug}.{last_slug}{}@example.{domain}", dice.below(900) + 100);
        let (phone_number, post_code) = match language {
            Language::German => {
                (format!("+493023125{:03}", dice.below(1000)), format!("{:05}", 10_115 + dice.below(4000)))
            }
            Language::French | Language::English => {
                (format!("+3363998{:04}", dice.below(10_000)), dice.pick(FRENCH_POST_CODES).to_owned())
            }
        };
        let emoji = if dice.one_in(12) { " 🌻" } else { "" };
        Person {
            first_name: format!("{first_name}{emoji}"),
            last_name: last_name.to_owned(),
            email,
            phone_number,
            post_code,
            date_of_birth: format!(
                "{:02}/{:02}/{}",
                dice.below(12) + 1,
                dice.below(28) + 1,
                1945 + dice.below(60)
            ),
            words: dice.pick(words).to_owned(),
        }
    }

    /// First and last name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

const FRENCH_FIRST: &[(&str, &str)] = &[
    ("Zoé", "zoe"),
    ("Anaïs", "anais"),
    ("Chloé", "chloe"),
    ("Léa", "lea"),
    ("Maëlle", "maelle"),
    ("Jean-Baptiste", "jeanbaptiste"),
    ("Loïc", "loic"),
    ("Gaël", "gael"),
    ("François", "francois"),
    ("Noémie", "noemie"),
    ("Ömer", "omer"),
    ("Thị Hà", "thiha"),
];

const FRENCH_LAST: &[(&str, &str)] = &[
    ("Lefèvre", "lefevre"),
    ("Gautier", "gautier"),
    ("Le Goff", "legoff"),
    ("D’Aubigné", "daubigne"),
    ("Benaïssa", "benaissa"),
    ("Œuvrard", "oeuvrard"),
    ("N'Diaye", "ndiaye"),
    ("Çelik", "celik"),
    ("de La Forêt", "delaforet"),
    ("Muñoz", "munoz"),
];

const GERMAN_FIRST: &[(&str, &str)] = &[
    ("Jürgen", "juergen"),
    ("Käthe", "kaethe"),
    ("Sören", "soeren"),
    ("Anna-Lena", "annalena"),
    ("Björn", "bjoern"),
    ("Ayşe", "ayse"),
    ("Friederike", "friederike"),
    ("Łukasz", "lukasz"),
];

const GERMAN_LAST: &[(&str, &str)] = &[
    ("Groß", "gross"),
    ("Müller-Lüdenscheidt", "muellerluedenscheidt"),
    ("von der Höhe", "vonderhoehe"),
    ("Schäfer", "schaefer"),
    ("Weiß", "weiss"),
    ("Yıldız", "yildiz"),
    ("Krüger", "krueger"),
];

const ENGLISH_FIRST: &[(&str, &str)] = &[
    ("Siobhán", "siobhan"),
    ("Grace", "grace"),
    ("Oluwaseun", "oluwaseun"),
    ("Renée", "renee"),
    ("Amir", "amir"),
];

const ENGLISH_LAST: &[(&str, &str)] = &[
    ("O'Connor", "oconnor"),
    ("Smith-Jones", "smithjones"),
    ("Brontë", "bronte"),
    ("Okafor", "okafor"),
    ("Null", "null"),
];

const FRENCH_POST_CODES: &[&str] =
    &["01000", "06400", "29200", "35000", "44000", "49100", "69003", "75011", "97400"];

const FRENCH_WORDS: &[&str] = &[
    "Trois fenêtres au 2ᵉ étage, côté rue.\nMerci de rappeler après 18 h.",
    "=SOMME(A1:A9) ou environ 4 000 € ?",
    "Ma mère dit « pas avant l'été »; mon mari dit \"tout de suite\".",
    "+ une porte d'entrée\t(chêne)",
    "😀👨‍👩‍👧 maison de famille, l’isolation d’abord",
    "-10 % si on signe en novembre, c'est ça ? <b>Oui</b> & merci",
    "",
];

const GERMAN_WORDS: &[&str] = &[
    "Zwei Türen, weiß; bitte „ohne“ Schwelle.\r\nDanke!",
    "@Ihr Team: bitte nur E-Mail, keine Anrufe",
    "Größe: 1,20 × 2,10 m, Straße gesperrt bis 3/2027",
    "=HYPERLINK(\"http://example.org\";\"hier\")",
];

const ENGLISH_WORDS: &[&str] = &[
    "We moved in last spring - the \"temporary\" door is still there.",
    "=1+1\n=2+2",
    "Ring the bell twice; the dog is friendly 🐕",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_people() {
        let crowd = |seed| {
            let mut dice = Dice::seeded(seed);
            (0..50).map(|_| Person::next(&mut dice, Language::French)).collect::<Vec<_>>()
        };
        assert_eq!(crowd(1), crowd(1));
        assert_ne!(crowd(1), crowd(2));
    }

    #[test]
    fn nobody_has_a_number_or_an_address_of_somebody_real() {
        let mut dice = Dice::seeded(7);
        for language in [Language::French, Language::German, Language::English] {
            for _ in 0..500 {
                let person = Person::next(&mut dice, language);
                let (local, domain) = person.email.split_once('@').unwrap();
                assert!(local.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{local}");
                assert!(["example.org", "example.com", "example.net"].contains(&domain));
                let phone = &person.phone_number;
                let french = phone.starts_with("+3363998") && phone.len() == 12;
                assert!(french || (phone.starts_with("+493023125") && phone.len() == 13), "{phone}");
                assert_eq!(person.post_code.len(), 5);
            }
        }
    }
}
