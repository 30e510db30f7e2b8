//! What a form says beside its questions: the disclaimer, its tick-boxes, the link to the privacy policy. No word of it is
//! a person's; it is what a person saw, and so what a consent rests on.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// SHA-256 of a text, or of a form's content at one time (its revision). Written as hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextHash([u8; 32]);

impl TextHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// One that was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For keeping.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
impl fmt::Debug for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl Serialize for TextHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for TextHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no hash"))
    }
}

/// A text of a form, and the hash of all of it: a text without end is cut, and still told from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// The text, or its beginning.
    pub text: String,
    /// Of the whole text.
    pub hash: TextHash,
}

impl Wording {
    /// A text, of which at most so many bytes are kept.
    pub fn of(text: &str, bytes_max: usize) -> Self {
        let mut end = text.len().min(bytes_max);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self { text: text[..end].to_owned(), hash: TextHash::of(text.as_bytes()) }
    }
}

/// One tick-box of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkbox {
    /// Meta's `checkbox_key`, under which a lead's tick comes. It means something on this form alone.
    pub key: String,
    /// What stands beside the box.
    pub text: Wording,
    /// The form cannot be sent without it; none: Graph does not say.
    pub is_required: Option<bool>,
    /// It is ticked when the form opens; none: Graph does not say.
    pub is_ticked_by_default: Option<bool>,
}

/// The legal side of a form, as Graph gives it (`legal_content`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalContent {
    /// Above the disclaimer; none: there is no disclaimer.
    pub title: Option<Wording>,
    /// The disclaimer.
    pub body: Option<Wording>,
    /// In the form's order.
    pub boxes: Vec<Checkbox>,
    /// Where the privacy policy stands.
    pub policy_url: Option<String>,
}

/// What is known of a form's legal side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Legal {
    /// Graph gave it.
    Read(LegalContent),
    /// Graph refuses it for this form.
    Withheld,
    /// Nobody asked: an earlier version read the form.
    #[default]
    NotAsked,
}

/// Whether a box was ticked when the form opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BoxDefault {
    /// Nobody knows: the form's boxes cannot be read, or this one is not among them, or Graph does not say.
    Unknown,
    /// It was not: a tick is the person's act.
    Clear,
    /// It was: a tick is no consent (GDPR art. 4(11); CJEU C-673/17, Planet49).
    Ticked,
}

impl Legal {
    /// The form's boxes; none: nobody knows them.
    pub fn boxes(&self) -> Option<&[Checkbox]> {
        match self {
            Self::Read(content) => Some(&content.boxes),
            Self::Withheld | Self::NotAsked => None,
        }
    }

    /// Where its privacy policy stands, if that is known.
    pub fn policy_url(&self) -> Option<&str> {
        match self {
            Self::Read(content) => content.policy_url.as_deref(),
            Self::Withheld | Self::NotAsked => None,
        }
    }

    /// The text beside the box with exactly this key, if it is known.
    pub fn text_of(&self, key: &str) -> Option<&Wording> {
        self.boxes()?.iter().find(|found| found.key == key).map(|found| &found.text)
    }

    /// How the box with exactly this key stood when the form opened. Of a key twice the worse counts.
    pub fn default_of(&self, key: &str) -> BoxDefault {
        let boxes = self.boxes().unwrap_or_default();
        let mut said = boxes.iter().filter(|found| found.key == key).map(|found| found.is_ticked_by_default);
        let Some(first) = said.next() else { return BoxDefault::Unknown };
        let rank = |ticked| match ticked {
            Some(true) => BoxDefault::Ticked,
            Some(false) => BoxDefault::Clear,
            None => BoxDefault::Unknown,
        };
        said.map(rank).fold(rank(first), |worst, next| match (worst, next) {
            (BoxDefault::Ticked, _) | (_, BoxDefault::Ticked) => BoxDefault::Ticked,
            (BoxDefault::Unknown, _) | (_, BoxDefault::Unknown) => BoxDefault::Unknown,
            (BoxDefault::Clear, BoxDefault::Clear) => BoxDefault::Clear,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(key: &str, ticked: Option<bool>) -> Checkbox {
        let text = Wording::of("J'accepte", 100);
        Checkbox { key: key.to_owned(), text, is_required: None, is_ticked_by_default: ticked }
    }

    fn legal(boxes: Vec<Checkbox>) -> Legal {
        Legal::Read(LegalContent { title: None, body: None, boxes, policy_url: None })
    }

    #[test]
    fn a_hash_is_written_as_hex_and_read_from_nothing_else() {
        let hash = TextHash::of(b"abc");
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((format!("{hash}"), format!("{hash:?}")), (hex.to_owned(), hex.to_owned()));
        assert_eq!((TextHash::parse(hex), TextHash::from_bytes(*hash.bytes())), (Some(hash), hash));
        assert_eq!(serde_json::to_string(&hash).expect("text"), format!("\"{hex}\""));
        for bad in ["", "ba", &hex[1..], &format!("{hex}00"), &hex.replace('b', "g")] {
            assert!(TextHash::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_text_that_is_cut_is_still_told_from_another() {
        let long = format!("x{}", "é".repeat(100));
        let (one, other) = (Wording::of(&long, 20), Wording::of(&format!("{long}!"), 20));
        assert_eq!(one.text, other.text);
        assert_eq!(one.text.len(), 19, "between two characters");
        assert_ne!(one.hash, other.hash);
        assert_eq!(Wording::of(&long, 1_000).text, long);
    }

    #[test]
    fn a_box_is_known_by_its_exact_key_and_of_two_the_worse_counts() {
        use BoxDefault::{Clear, Ticked, Unknown};
        for (said, wanted) in [
            (&[Some(false)][..], Clear),
            (&[Some(true)], Ticked),
            (&[None], Unknown),
            (&[Some(false), Some(true)], Ticked),
            (&[Some(true), None], Ticked),
            (&[Some(false), None], Unknown),
            (&[Some(false), Some(false)], Clear),
            (&[], Unknown),
        ] {
            let boxes = said.iter().map(|ticked| with("optional_1", *ticked));
            let legal = legal(boxes.chain([with("other", Some(true))]).collect());
            assert_eq!(legal.default_of("optional_1"), wanted, "{said:?}");
            assert_eq!(legal.default_of("Optional_1"), Unknown);
        }
        for unread in [Legal::Withheld, Legal::NotAsked] {
            assert_eq!((unread.default_of("optional_1"), unread.text_of("optional_1")), (Unknown, None));
        }
        let known = legal(vec![with("a", None)]);
        assert_eq!(known.text_of("a").map(|found| found.text.as_str()), Some("J'accepte"));
    }
}
