//! A person's page: what is held of one record, masked, and what they can have done.

use jiff::Timestamp;

use crate::language::Language;
use crate::notice::naming::line;
use crate::people::page::{Block, Form, House, Input, Part, Sheet, Way};
use crate::people::words::words;

/// What is shown of a record. Its answers are masked before they come here.
pub struct Shown {
    /// What people read the purpose under.
    pub purpose: String,
    /// Where its notice stands, seen from the page.
    pub notice: String,
    /// Which revision of the notice that shows now, as hex; nothing: there is none.
    pub notice_revision: String,
    /// When the person sent the form.
    pub sent: Timestamp,
    /// The day on which it goes at the latest.
    pub until: Timestamp,
    /// Until which day nobody may use it; none: everybody may who may.
    pub restricted: Option<Timestamp>,
    /// The number of the erasure that it waits for, by the end of that day at the latest; none: for none.
    pub erasure: Option<String>,
    /// What people call each field, and its answers.
    pub answers: Vec<(String, Vec<String>)>,
    /// What was asked by each box; since when it is agreed to, none: it is not.
    pub agreed: Vec<(String, Option<Timestamp>)>,
    /// Boxes that are agreed to and hold: their names in the config, and what each stands for.
    pub boxes: Vec<(String, String)>,
    /// Its person is asked from time to time whether it still holds, and it rests on no consent: a yes needs no box.
    pub is_asked_again: bool,
    /// Who had it; none: files of the controller's own.
    pub handed: Vec<Option<String>>,
    /// The mailbox to which a copy of everything can be sent, masked; none: none can.
    pub copy_to: Option<String>,
    /// Which fields the person may correct here: name, title, what is held now.
    pub correctable: Vec<(String, String, Option<String>)>,
}

impl Shown {
    /// The day on which it goes at the latest: that of the erasure that it waits for, if there is one.
    fn ends(&self) -> Timestamp {
        let erased = self.restricted.filter(|_| self.erasure.is_some());
        erased.map_or(self.until, |erased| erased.min(self.until))
    }
}

/// What a person can have done. Its code stands in forms and queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// What was agreed to is said once more.
    Confirm,
    /// What was agreed to is taken back.
    Withdraw,
    /// Nothing is used any more.
    Stop,
    /// Something is put right.
    Correct,
    /// Everything goes.
    Erase,
    /// A copy of everything is sent to their mailbox.
    Copy,
}

impl Act {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Confirm, Self::Withdraw, Self::Stop, Self::Correct, Self::Erase, Self::Copy];

    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Withdraw => "withdraw",
            Self::Stop => "stop",
            Self::Correct => "correct",
            Self::Erase => "erase",
            Self::Copy => "copy",
        }
    }

    /// The query of the page on which it is asked for, up to the language.
    const fn query(self) -> &'static str {
        match self {
            Self::Confirm => "do=confirm&",
            Self::Withdraw => "do=withdraw&",
            Self::Stop => "do=stop&",
            Self::Correct => "do=correct&",
            Self::Erase => "do=erase&",
            Self::Copy => "do=copy&",
        }
    }

    /// True of what takes something away, or says no to its use.
    pub const fn ends_something(self) -> bool {
        matches!(self, Self::Withdraw | Self::Stop | Self::Erase)
    }

    /// The act with this code.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.code() == code)
    }
}

/// How far an act goes. Its code stands in forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The purpose of the record.
    This,
    /// All purposes.
    All,
}

impl Reach {
    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::This => "this",
            Self::All => "all",
        }
    }

    /// The one with this code.
    pub fn of(code: &str) -> Option<Self> {
        [Self::This, Self::All].into_iter().find(|reach| reach.code() == code)
    }
}

/// The page itself; above it what was just done.
pub fn own(shown: &Shown, house: &House<'_>, language: Language, banner: Option<&'static str>) -> Sheet {
    let words = words(language);
    let day = |moment: Timestamp| language.day(moment);
    let mut rows = vec![
        (words.sent.to_owned(), vec![day(shown.sent)]),
        (words.until.to_owned(), vec![day(shown.ends())]),
    ];
    rows.extend(shown.answers.iter().cloned());
    for (what, since) in &shown.agreed {
        let said = match since {
            Some(since) => line(words.agreed_yes, &[("date", &day(*since))]),
            None => words.agreed_no.to_owned(),
        };
        rows.push((line(words.agreed, &[("what", what)]), vec![said]));
    }
    let holder = |to: &Option<String>| match to {
        Some(name) => name.clone(),
        None => line(words.handed_local, &[("controller", house.name)]),
    };
    let mut handed: Vec<String> = shown.handed.iter().map(holder).collect();
    if handed.is_empty() {
        handed.push(words.handed_nobody.to_owned());
    }
    rows.push((words.handed.to_owned(), handed));
    let mut blocks = vec![Block::Facts(rows), Block::Text(words.masked.to_owned())];
    if shown.answers.is_empty() {
        blocks.insert(1, Block::Text(words.no_answers.to_owned()));
    }
    if let Some(until) = shown.restricted {
        let date = day(until);
        let said = match &shown.erasure {
            Some(number) => {
                let given = [("date", date.as_str()), ("number", number), ("email", house.email)];
                line(words.to_be_erased, &given)
            }
            None => line(words.restricted, &[("date", &date)]),
        };
        blocks.insert(0, Block::Text(said));
    }
    blocks.push(Block::Links(vec![Way {
        text: words.notice.to_owned(),
        href: shown.notice.clone(),
        said: String::new(),
    }]));
    let mut ways = Vec::new();
    let mut way = |act: Act, text: &str, said: &str| {
        let href = format!("?{}lang={}", act.query(), language.tag());
        ways.push(Way { text: text.to_owned(), href, said: said.to_owned() });
    };
    // No yes is taken of what is about to be erased: nothing takes that back.
    let takes_yes = shown.erasure.is_none();
    if takes_yes && shown.is_asked_again {
        way(Act::Confirm, words.way_confirm, words.way_confirm_own_said);
    } else if takes_yes && !shown.boxes.is_empty() {
        way(Act::Confirm, words.way_confirm, words.way_confirm_said);
    }
    if !shown.boxes.is_empty() {
        way(Act::Withdraw, words.way_withdraw, words.way_withdraw_said);
    }
    way(Act::Stop, words.way_stop, words.way_stop_said);
    if !shown.correctable.is_empty() {
        way(Act::Correct, words.way_correct, words.way_correct_said);
    }
    way(Act::Erase, words.way_erase, words.way_erase_said);
    if let Some(mailbox) = &shown.copy_to {
        way(Act::Copy, words.way_copy, &line(words.way_copy_said, &[("mailbox", mailbox)]));
    }
    let rest = if shown.copy_to.is_some() { words.way_write_rest } else { words.way_write };
    ways.push(house.mail(rest, line(words.way_write_said, &[("email", house.email)])));
    let held = Part { is_summary: true, ..Part::new(words.held_heading, blocks) };
    let can = vec![Block::Links(ways), Block::Text(words.complain.to_owned())];
    Sheet {
        language,
        house: house.name.to_owned(),
        title: words.page_title,
        query: Some(""),
        kind: Some(words.page_title),
        heading: shown.purpose.clone(),
        banner: banner.map(str::to_owned),
        parts: vec![held, Part::new(words.can_heading, can)],
    }
}

/// The page of a record that cannot be looked at now, under a purpose with this title: it can be said no to, and erased.
pub fn unseen(purpose: &str, house: &House<'_>, language: Language) -> Sheet {
    let words = words(language);
    let way = |act: Act, text: &str, said: &str| Way {
        text: text.to_owned(),
        href: format!("?{}lang={}", act.query(), language.tag()),
        said: said.to_owned(),
    };
    let ways = vec![
        way(Act::Stop, words.way_stop, words.way_stop_said),
        way(Act::Erase, words.way_erase, words.way_erase_said),
        house.mail(words.way_write, line(words.way_write_said, &[("email", house.email)])),
    ];
    Sheet {
        language,
        house: house.name.to_owned(),
        title: words.page_title,
        query: Some(""),
        kind: Some(words.page_title),
        heading: purpose.to_owned(),
        banner: None,
        parts: vec![
            Part::new("", vec![Block::Text(words.unseen.to_owned())]),
            Part::new(words.can_heading, vec![Block::Links(ways), Block::Text(words.complain.to_owned())]),
        ],
    }
}

/// What is said where an act is asked for of such a record.
pub fn asking_unseen(act: Act, token: String, purpose: &str, house: &House<'_>, language: Language) -> Sheet {
    let shown = Shown {
        purpose: purpose.to_owned(),
        notice: String::new(),
        notice_revision: String::new(),
        sent: Timestamp::UNIX_EPOCH,
        until: Timestamp::UNIX_EPOCH,
        restricted: None,
        erasure: None,
        answers: Vec::new(),
        agreed: Vec::new(),
        boxes: Vec::new(),
        is_asked_again: false,
        handed: Vec::new(),
        copy_to: None,
        correctable: Vec::new(),
    };
    asking(act, token, &shown, house, language, None)
}

/// What is said where an act is asked for: before it is done, and above what was not taken.
pub fn asking(
    act: Act,
    token: String,
    shown: &Shown,
    house: &House<'_>,
    language: Language,
    refused: Option<String>,
) -> Sheet {
    let words = words(language);
    let text = |text: &str| Block::Text(text.to_owned());
    let reaches = |legend, this: &str, all: &str| Input::Choice {
        legend,
        name: "reach",
        options: vec![
            (Reach::This.code(), line(this, &[("purpose", &shown.purpose)])),
            (Reach::All.code(), all.to_owned()),
        ],
    };
    let boxes = |legend| Input::Boxes { legend, name: "c", options: shown.boxes.clone() };
    let (heading, mut blocks, inputs, button) = match act {
        Act::Confirm if shown.is_asked_again => {
            let asked =
                (!shown.boxes.is_empty()).then(|| (text(words.confirm_text), boxes(words.confirm_legend)));
            let (said, boxes) = asked.unzip();
            (
                words.confirm_heading,
                [text(words.confirm_own_text)].into_iter().chain(said).collect(),
                boxes.into_iter().collect(),
                words.confirm_own_button,
            )
        }
        Act::Confirm => (
            words.confirm_heading,
            vec![text(words.confirm_text)],
            vec![boxes(words.confirm_legend)],
            words.confirm_button,
        ),
        Act::Withdraw => (
            words.withdraw_heading,
            vec![
                text(words.withdraw_text),
                Block::Points([words.withdraw_hangs, words.withdraw_rests].map(str::to_owned).to_vec()),
            ],
            vec![boxes(words.withdraw_legend)],
            words.withdraw_button,
        ),
        Act::Stop => (
            words.stop_heading,
            vec![
                text(words.stop_text),
                Block::Points(
                    [words.stop_erased, words.stop_own, words.stop_mark].map(str::to_owned).to_vec(),
                ),
            ],
            vec![reaches(words.stop_legend, words.stop_this, words.stop_all)],
            words.stop_button,
        ),
        Act::Erase => (
            words.erase_heading,
            vec![
                text(words.erase_text),
                Block::Points([words.erase_receipt, words.erase_copies].map(str::to_owned).to_vec()),
            ],
            vec![reaches(words.erase_legend, words.erase_this, words.erase_all)],
            words.erase_button,
        ),
        Act::Copy => (
            words.copy_heading,
            vec![
                match &shown.copy_to {
                    Some(mailbox) => Block::Text(line(words.copy_text, &[("mailbox", mailbox)])),
                    None => text(words.copy_not),
                },
                match &shown.copy_to {
                    Some(_) => Block::Points(
                        [words.copy_files, words.copy_others, words.copy_day].map(str::to_owned).to_vec(),
                    ),
                    None => Block::Links(vec![Way {
                        text: words.back.to_owned(),
                        href: format!("?lang={}", language.tag()),
                        said: String::new(),
                    }]),
                },
            ],
            Vec::new(),
            words.copy_button,
        ),
        Act::Correct => {
            let field = |(name, label, now): &(String, String, Option<String>)| Input::Text {
                name: name.clone(),
                label: label.clone(),
                now: match now {
                    Some(value) => line(words.correct_now, &[("value", value)]),
                    None => words.correct_none.to_owned(),
                },
            };
            (
                words.correct_heading,
                vec![
                    text(words.correct_text),
                    Block::Text(line(words.correct_addresses, &[("email", house.email)])),
                ],
                shown.correctable.iter().map(field).collect(),
                words.correct_button,
            )
        }
    };
    if act != Act::Copy || shown.copy_to.is_some() {
        blocks.push(Block::Form(Form {
            act: act.code(),
            token,
            notice: shown.notice_revision.clone(),
            inputs,
            button,
            back: Some(words.back),
        }));
    }
    Sheet {
        language,
        house: house.name.to_owned(),
        title: words.page_title,
        query: Some(act.query()),
        kind: Some(words.page_title),
        heading: heading.to_owned(),
        banner: refused,
        parts: vec![Part::new("", blocks)],
    }
}
