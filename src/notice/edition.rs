//! A revision of a notice: its words in all languages, and the hash by which evidence and links name them.

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::notice::Facts;
use crate::notice::document::{Notice, SectionKey};
use crate::notice::parts::notice;
use crate::purpose::TextHash;

/// The shape of what is kept.
const VERSION: u32 = 1;

/// A notice in all languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    notices: Vec<Notice>,
    content: Vec<u8>,
    revision: TextHash,
}

/// What is kept of it.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    notices: Vec<Notice>,
}

impl Edition {
    /// The notice that these facts make.
    pub fn of(facts: Facts<'_>) -> Self {
        let notices = Language::ALL.map(|language| notice(facts, language)).to_vec();
        let kept = Kept { v: VERSION, notices };
        // Texts and lists alone: there is nothing that JSON could not say.
        let content = serde_json::to_vec(&kept).unwrap_or_default();
        Self { revision: TextHash::of(&content), notices: kept.notices, content }
    }

    /// One that was kept; none: it is not whole, or of a version that is to come.
    pub fn read(content: Vec<u8>) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(&content).ok()?;
        let is_whole =
            Language::ALL.iter().all(|language| kept.notices.iter().any(|one| one.language == *language));
        let known = kept.v == VERSION && is_whole;
        known.then(|| Self { revision: TextHash::of(&content), notices: kept.notices, content })
    }

    /// The bytes that are kept.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// SHA-256 of what is kept.
    pub fn revision(&self) -> TextHash {
        self.revision
    }

    /// The notice in this language.
    pub fn in_language(&self, language: Language) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.language == language)
    }

    /// The sections that say something else than in this earlier one, or are not in both, in their order.
    pub fn changed_since(&self, earlier: &Self) -> Vec<SectionKey> {
        let differs = |key: &&SectionKey| {
            Language::ALL.into_iter().any(|language| {
                let section = |edition: &Self| {
                    let sections = &edition.in_language(language)?.sections;
                    sections.iter().find(|section| section.key == key.as_str()).cloned()
                };
                section(self) != section(earlier)
            })
        };
        SectionKey::ALL.iter().filter(differs).copied().collect()
    }
}
