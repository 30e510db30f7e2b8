//! The notice as a page: one document without script, font or picture from elsewhere, its style inline and named by its
//! hash in the policy that goes with it.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::language::Language;
use crate::notice::book::Shelf;
use crate::notice::document::{Block, Inline, Notice, SectionKey};
use crate::notice::saying::line;
use crate::notice::words::{Words, words};

const STYLE: &str = include_str!("notice.css");

/// Earlier revisions that a page links to; the others have their links from page to page.
const EARLIER_SHOWN_MAX: usize = 12;

/// Where a page stands among the revisions.
pub enum Frame<'s> {
    /// Made by hand: nobody was shown it yet.
    Draft,
    /// On this purpose's shelf, at this place.
    Shelved {
        /// The purpose's name, as it stands in links.
        purpose: &'s str,
        /// All its revisions.
        shelf: &'s Shelf,
        /// Which one it is.
        at: usize,
        /// What it says otherwise than the one before.
        changed: &'s [SectionKey],
        /// It is asked for by its revision (`/notice/{purpose}/{revision}`) and not as what is in force: links are relative, so
        /// that they hold below any path under which a proxy puts tamis.
        by_revision: bool,
    },
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Page<'p> {
    style: &'static str,
    words: &'static Words,
    notice: &'p Notice,
    description: String,
    languages: Vec<Choice>,
    banner: Option<Banner>,
    about: About,
}

/// A language to choose.
struct Choice {
    language: Language,
    href: String,
    is_current: bool,
}

/// What stands above a page that is not the one in force.
struct Banner {
    said: String,
    link: Option<Inline>,
}

/// Revision, date, changes.
#[derive(Default)]
struct About {
    since: Option<String>,
    reference: Option<String>,
    /// Said above `changes`, or alone.
    changed: Option<String>,
    changes: Vec<(SectionKey, &'static str)>,
    earlier: Vec<Inline>,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {
    style: &'static str,
    language: Language,
    texts: Vec<(Language, &'static Words)>,
}

/// The page of a notice.
pub fn page(notice: &Notice, frame: &Frame<'_>) -> String {
    let words = words(notice.language);
    let page = Page {
        style: STYLE,
        words,
        notice,
        description: notice.controller.clone(),
        languages: languages(notice.language, frame),
        banner: banner(frame, notice.language, words),
        about: about(frame, notice.language, words),
    };
    rendered(&page)
}

/// What stands where there is no notice, in all languages, this one first.
pub fn missing(language: Language) -> String {
    let others = Language::ALL.into_iter().filter(|other| *other != language);
    let texts = std::iter::once(language).chain(others).map(|language| (language, words(language))).collect();
    rendered(&Missing { style: STYLE, language, texts })
}

/// Writing texts into a text cannot fail.
fn rendered(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}

/// The header `Content-Security-Policy` of every page: nothing is loaded, run, framed or sent (CSP level 3).
pub fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Links to the same page in each language.
fn languages(current: Language, frame: &Frame<'_>) -> Vec<Choice> {
    if matches!(frame, Frame::Draft) {
        return Vec::new();
    }
    let choice = |language: Language| Choice {
        language,
        href: format!("?lang={}", language.tag()),
        is_current: language == current,
    };
    Language::ALL.into_iter().map(choice).collect()
}

fn banner(frame: &Frame<'_>, language: Language, words: &Words) -> Option<Banner> {
    let Frame::Shelved { purpose, shelf, at, .. } = frame else {
        return Some(Banner { said: words.draft.to_owned(), link: None });
    };
    let current = || Inline::link(words.to_current, format!("../{purpose}?lang={}", language.tag()));
    match (shelf.volumes.get(*at), shelf.until(*at)) {
        (Some(volume), Some(until)) => {
            let given = [("since", language.day(volume.since)), ("until", language.day(until))];
            let given = given.each_ref().map(|(name, value)| (*name, value.as_str()));
            Some(Banner { said: line(words.old, &given), link: Some(current()) })
        }
        _ if shelf.is_ended => Some(Banner { said: words.ended.to_owned(), link: None }),
        _ => None,
    }
}

fn about(frame: &Frame<'_>, language: Language, words: &Words) -> About {
    let Frame::Shelved { purpose, shelf, at, changed, by_revision } = frame else {
        return About::default();
    };
    let Some(volume) = shelf.volumes.get(*at) else { return About::default() };
    let on = |moment: Timestamp, text: &str| line(text, &[("date", &language.day(moment))]);
    let changes: Vec<_> = changed.iter().map(|key| (*key, key.heading(language))).collect();
    let changed = match (*at, changes.is_empty()) {
        (0, _) => Some(words.first.to_owned()),
        (_, true) => None,
        (_, false) => Some(on(volume.since, words.changed)),
    };
    let earlier = shelf.volumes.iter().enumerate().take(*at).rev().take(EARLIER_SHOWN_MAX);
    let earlier = earlier.map(|(_, earlier)| {
        let folder = if *by_revision { String::new() } else { format!("{purpose}/") };
        let href = format!("{folder}{}?lang={}", earlier.short(), language.tag());
        Inline::link(language.day(earlier.since), href)
    });
    About {
        since: Some(on(volume.since, words.since)),
        reference: Some(line(words.reference, &[("revision", &volume.short())])),
        changed,
        changes,
        earlier: earlier.collect(),
    }
}
