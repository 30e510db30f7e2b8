//! Pages on which nothing of anybody stands: a link that opens nothing, where one asks for another, a failure, the status of Meta's data
//! deletion callback.

use jiff::Timestamp;

use crate::language::Language;
use crate::notice::naming::line;
use crate::people::page::{Block, Form, House, Input, Part, Sheet, Way};
use crate::people::words::words;

/// Where people ask for a new link, seen from any page that a link leads to.
const ASK: &str = "../p/lost";

/// The page of a link that opens nothing, whatever the cause. `sends`: a new one can be had by mail.
pub fn lost(house: &House<'_>, language: Language, sends: bool) -> Sheet {
    let words = words(language);
    let given = [("controller", house.name), ("email", house.email)];
    let mut blocks = vec![Block::Text(words.lost_text.to_owned())];
    if sends {
        blocks.push(Block::Links(vec![Way {
            text: words.link_ask.to_owned(),
            href: format!("{ASK}?lang={}", language.tag()),
            said: words.link_ask_said.to_owned(),
        }]));
    }
    blocks.push(Block::Text(line(words.lost_write, &given)));
    plain(house, language, Some(""), words.page_title, words.lost_heading, blocks)
}

/// The page on which whoever lost the link to theirs asks for it; above it what was not taken.
pub fn asking_for_links(house: &House<'_>, language: Language, refused: Option<&str>) -> Sheet {
    let words = words(language);
    let form = Form {
        act: "link",
        token: String::new(),
        notice: String::new(),
        inputs: vec![Input::Mail { label: words.link_label }],
        button: words.link_button,
        back: None,
    };
    let blocks = vec![
        Block::Text(words.link_text.to_owned()),
        Block::Points([words.link_told, words.link_once].map(str::to_owned).to_vec()),
        Block::Form(form),
    ];
    let sheet = plain(house, language, Some(""), words.page_title, words.link_heading, blocks);
    Sheet { banner: refused.map(str::to_owned), ..sheet }
}

/// What is said there of what is no address.
pub fn link_bad(language: Language) -> &'static str {
    words(language).link_bad
}

/// What is said there where no search can be begun: the same, whatever was typed.
pub fn link_full(language: Language) -> &'static str {
    words(language).link_full
}

/// The page after that, whether or not anything is held.
pub fn asked_for_links(house: &House<'_>, language: Language) -> Sheet {
    let words = words(language);
    let none = line(words.link_asked_none, &[("email", house.email)]);
    let blocks = vec![Block::Text(words.link_asked.to_owned()), Block::Text(none)];
    plain(house, language, None, words.page_title, words.link_asked_heading, blocks)
}

/// The page of whoever opens what stands in a mail's headers for programs: what it would do, and the button. Nothing of the record.
pub fn one_click(house: &House<'_>, language: Language) -> Sheet {
    let words = words(language);
    let points = [words.stop_erased, words.stop_own, words.stop_mark].map(str::to_owned);
    let blocks = vec![
        Block::Text(words.stop_text.to_owned()),
        Block::Points(points.to_vec()),
        Block::OneClick(words.stop_button),
    ];
    plain(house, language, Some(""), words.page_title, words.stop_heading, blocks)
}

/// The page after that button.
pub fn stopped(house: &House<'_>, language: Language) -> Sheet {
    let words = words(language);
    let points = [words.stop_erased, words.stop_own].map(str::to_owned);
    plain(
        house,
        language,
        None,
        words.page_title,
        words.stopped_heading,
        vec![Block::Points(points.to_vec())],
    )
}

/// The page of what failed, and of too many calls.
pub fn failed(house: &House<'_>, language: Language, is_busy: bool) -> Sheet {
    let words = words(language);
    let (heading, said) = match is_busy {
        true => (words.busy_heading, words.busy_text.to_owned()),
        false => (words.failed_heading, line(words.failed_text, &[("email", house.email)])),
    };
    plain(house, language, None, words.page_title, heading, vec![Block::Text(said)])
}

/// The status of a request that came by Meta's callback; none: no such code was given. With the notices of all purposes: titles, and
/// where each stands.
pub fn callback(
    received: Option<Timestamp>,
    notices: Vec<(String, String)>,
    house: &House<'_>,
    language: Language,
) -> Sheet {
    let words = words(language);
    let (heading, told) = match received {
        Some(at) => (
            words.meta_heading,
            vec![
                Block::Text(line(words.meta_received, &[("date", &language.day(at))])),
                Block::Text(words.meta_number.to_owned()),
                Block::Text(words.meta_nothing.to_owned()),
            ],
        ),
        None => (words.meta_unknown_heading, vec![Block::Text(words.meta_unknown.to_owned())]),
    };
    let given = [("controller", house.name), ("address", house.address), ("email", house.email)];
    let mut ways = vec![Block::Text(line(words.meta_ways, &given))];
    if !notices.is_empty() {
        let way = |(text, href): (String, String)| Way { text, href, said: String::new() };
        ways.push(Block::Text(words.meta_notices.to_owned()));
        ways.push(Block::Links(notices.into_iter().map(way).collect()));
    }
    let mut sheet = plain(house, language, Some(""), words.meta_title, heading, told);
    sheet.kind = Some(words.meta_kind);
    sheet.parts.push(Part::new(words.meta_ways_heading, ways));
    sheet
}

fn plain(
    house: &House<'_>,
    language: Language,
    query: Option<&'static str>,
    title: &'static str,
    heading: &str,
    blocks: Vec<Block>,
) -> Sheet {
    Sheet {
        language,
        house: house.name.to_owned(),
        title,
        query,
        kind: None,
        heading: heading.to_owned(),
        banner: None,
        parts: vec![Part::new("", blocks)],
    }
}
