//! What can happen to a daemon, as values: generated from a seed, printed as Rust when a run fails, run again in part.
//!
//! Every operation makes sense after any other, so that any part of a list is a list: picks of leads wrap around.

use std::fmt;

use crate::dice::Dice;

/// How many forms there are ([`super::world`] says whose they are).
pub const FORMS: usize = 4;
/// The purpose that people ask for, with a box beside it; and the one that rests on a box.
pub const QUOTE: usize = 0;
pub const LETTER: usize = 1;
/// How many policies a restart can choose from.
pub const POLICIES: usize = 4;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Meta sends one signed call.
    Deliver(Vec<Pick>),
    /// Meta sends several at the same time.
    DeliverAtOnce(Vec<Vec<Pick>>),
    /// Somebody else sends one, or it is changed on its way.
    Tamper(Pick, Tampering),
    /// Time passes, in milliseconds.
    Advance(i64),
    /// A fetcher takes one step.
    Fetch(usize),
    /// Both take one at the same time.
    FetchBoth,
    /// Another config is put in force while running.
    Reload(usize),
    /// … while a fetcher is taking a step.
    FetchReload(usize, usize),
    /// The daemon's clock is set: so many milliseconds off Meta's, which is right.
    ClockOff(i64),
    /// A person says that the clock is right.
    ConfirmClock,
    /// The watch of the clock takes one step.
    Watch,
    /// The reaper takes one step.
    Reap,
    /// Meta misbehaves from now on.
    Script(Script),
    /// Meta behaves again.
    Behave,
    /// Meta deletes a lead.
    Vanish(usize),
    /// A page's token is refused from now on.
    TokenDies(usize),
    /// … and accepted again.
    TokenRevives(usize),
    /// Meta gives out another token and the operator puts it into its file.
    TokenReplaced(usize),
    /// A clean end and a new start under a policy.
    Restart(usize),
    /// `kill -9`, and a new start.
    Crash,
    /// `kill -9` after so many calls for time, randomness or keys within an operation, and a new start.
    CrashWithin(u32, Box<Op>),
    /// The exporter of a purpose takes one page from where it stopped.
    Export(usize, usize),
    /// An operator brings references back.
    Requeue(Which),
    /// An operator erases people, in one request: for all of their purposes, or for one.
    Erase(Vec<usize>, Option<usize>),
    /// An officer corrects a field of what is held of a person for a purpose.
    Correct(usize, usize, &'static str),
    /// … restricts it, for so many days beyond this one, or renews that.
    Restrict(usize, usize, u32),
    /// … and lifts that.
    LiftRestriction(usize, usize),
    /// Somebody objects, for a purpose or for all: their address may not be stored any more. Behind the last is who submits next.
    Suppress(usize, Option<usize>),
    /// A person takes back what they agreed to for a purpose. Where it rests on that, what is held for it goes.
    Withdraw(usize, usize),
    /// A recipient that may not have everything takes one page of a purpose from where it stopped.
    Hand(usize, usize),
    /// It reads what became of what it had, and has applied so many changes of that.
    Follow(usize),
}

/// A lead in a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pick {
    /// A person just submitted one: form, what is in it, how many days ago.
    New(usize, Kind, i64),
    /// One that was sent before.
    Again(usize),
}

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything.
    Good,
    /// Meta's own test.
    Test,
    /// Everything but the address, which is required.
    NoEmail,
    /// Everything, and no box was ticked.
    Unticked,
    /// Only what nobody asked for.
    Blank,
}

/// How a call is not Meta's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tampering {
    /// One byte of the body is another.
    Body,
    /// One digit of the signature is another.
    Signature,
    /// It is signed with another secret.
    Secret,
    /// It is not signed.
    Unsigned,
}

/// Which calls to Graph a script meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calls {
    Any,
    Single,
    Form,
}

/// How Meta misbehaves: so many times.
#[derive(Clone, Debug, PartialEq)]
pub enum Script {
    /// An error of this code and subcode (0: none).
    Code(Calls, i64, i64, u32),
    /// An error that quotes token and answers.
    Quoting(Calls, i64, u32),
    /// The connection closes without a reply.
    LoseReply(Calls, u32),
    /// … after half of it.
    HalfReply(Calls, u32),
    /// Neither JSON nor UTF-8.
    Garbage(Calls, u32),
    /// A page of HTML.
    Html(Calls, u32),
    /// This text, with status 200.
    Text(Calls, &'static str, u32),
    /// Leads name another form.
    WrongForm(u32),
    /// The page is used up, for so many minutes.
    UsedUp(usize, u32),
}

/// What an operator brings back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Which {
    RequiredFieldMissing,
    ConsentMissing,
    AttemptsSpent,
    FormMismatch,
    OfForm(usize),
}

/// The operations of a run.
pub fn generate(seed: u64, dice: &mut Dice) -> Vec<Op> {
    let count = 20 + (seed % 21) as usize;
    (0..count).map(|_| op(dice)).collect()
}

fn op(dice: &mut Dice) -> Op {
    match dice.below(124) {
        0..20 => Op::Deliver(call(dice)),
        20..23 => Op::DeliverAtOnce((0..2 + dice.below(3)).map(|_| call(dice)).collect()),
        23..25 => Op::Tamper(
            pick(dice),
            dice.of(&[Tampering::Body, Tampering::Signature, Tampering::Secret, Tampering::Unsigned]),
        ),
        25..36 => Op::Advance(advance(dice)),
        36..58 => Op::Fetch(dice.below(2)),
        58..61 => Op::FetchBoth,
        61..63 | 120..124 => Op::Reap,
        63..65 => match dice.below(8) {
            0 => Op::ConfirmClock,
            1..3 => Op::ClockOff(off(dice)),
            _ => Op::Watch,
        },
        65..72 => Op::Script(script(dice)),
        72..75 => Op::Behave,
        75 => Op::Vanish(dice.below(64)),
        76 => Op::TokenDies(dice.below(2)),
        77..79 => Op::TokenRevives(dice.below(2)),
        79 => Op::TokenReplaced(dice.below(2)),
        80 => Op::Restart(dice.below(POLICIES)),
        81 => Op::Reload(dice.below(POLICIES)),
        82 => Op::FetchReload(dice.below(2), dice.below(POLICIES)),
        83..86 => Op::Crash,
        86..90 => {
            let within = match dice.below(22) {
                0..4 => Op::Deliver(call(dice)),
                4..8 => Op::Fetch(dice.below(2)),
                8 => Op::Reap,
                9 => Op::Export(dice.below(2), 1 + dice.below(4)),
                10 => Op::Requeue(which(dice)),
                11..13 => erase(dice),
                13..19 => officer(dice),
                19..21 => recipient(dice),
                _ => Op::Restart(dice.below(POLICIES)),
            };
            Op::CrashWithin(dice.below(16) as u32, Box::new(within))
        }
        90..95 => Op::Export(dice.below(2), 1 + dice.below(5)),
        95..97 => Op::Requeue(which(dice)),
        97..100 => erase(dice),
        100..113 => officer(dice),
        _ => recipient(dice),
    }
}

fn call(dice: &mut Dice) -> Vec<Pick> {
    (0..1 + dice.below(4)).map(|_| pick(dice)).collect()
}

fn pick(dice: &mut Dice) -> Pick {
    if dice.below(4) == 0 {
        return Pick::Again(dice.below(64));
    }
    let kind = dice.of(&[
        Kind::Good,
        Kind::Good,
        Kind::Good,
        Kind::Test,
        Kind::NoEmail,
        Kind::Unticked,
        Kind::Blank,
    ]);
    // The period of a quote is 75 days.
    let days = dice.of(&[0, 0, 0, 1, 20, 60, 73, 88, 89]);
    Pick::New(dice.below(FORMS), kind, days)
}

fn erase(dice: &mut Dice) -> Op {
    let people = (0..dice.of(&[1, 1, 1, 3])).map(|_| dice.below(64)).collect();
    Op::Erase(people, dice.of(&[None, None, None, Some(0), Some(1)]))
}

fn officer(dice: &mut Dice) -> Op {
    let (who, of) = (dice.below(64), dice.below(2));
    match dice.below(12) {
        0..3 => Op::Correct(who, of, dice.of(&["full_name", "full_name", "postcode"])),
        3..6 => Op::Restrict(who, of, dice.of(&[0, 1, 5, 30, 200, 400])),
        6..8 => Op::LiftRestriction(who, of),
        8..10 => Op::Suppress(who, dice.of(&[None, None, Some(QUOTE), Some(LETTER)])),
        _ => Op::Withdraw(who, of),
    }
}

fn recipient(dice: &mut Dice) -> Op {
    match dice.below(3) {
        0 => Op::Follow(dice.below(4)),
        _ => Op::Hand(dice.below(2), 1 + dice.below(6)),
    }
}

fn advance(dice: &mut Dice) -> i64 {
    let unit =
        dice.of(&[1, 1_000, 30_000, 300_000, 3_600_000, 3_600_000, 86_400_000, 86_400_000, 4 * 86_400_000]);
    unit * (1 + dice.below(6) as i64)
}

fn off(dice: &mut Dice) -> i64 {
    let hour = 3_600_000;
    dice.of(&[
        0,
        0,
        0,
        2 * hour,
        72 * hour,
        960 * hour,
        4_800 * hour,
        9_600 * hour,
        -2 * hour,
        -72 * hour,
        -960 * hour,
    ])
}

fn script(dice: &mut Dice) -> Script {
    let calls = dice.of(&[Calls::Any, Calls::Single, Calls::Single, Calls::Form]);
    let times = dice.of(&[1, 1, 2, 3, 100]);
    let page = dice.below(2);
    match dice.below(16) {
        0..5 => {
            let (code, subcode) = dice.of(&[
                (1, 0),
                (2, 0),
                (4, 0),
                (10, 0),
                (12, 0),
                (17, 0),
                (32, 0),
                (100, 33),
                (100, 0),
                (102, 0),
                (190, 460),
                (200, 0),
                (341, 0),
                (368, 0),
                (613, 0),
                (803, 0),
                (2635, 0),
                (80_005, 0),
            ]);
            Script::Code(calls, code, subcode, times)
        }
        5 => Script::Quoting(calls, dice.of(&[1, 100, 190]), times),
        6..8 => Script::LoseReply(calls, times),
        8 => Script::HalfReply(calls, times),
        9 => Script::Garbage(calls, times),
        10 => Script::Html(calls, times),
        11 => {
            let text =
                dice.of(&["{}", "[]", "false", "null", "{\"error\":null}", "{\"error\":{}}", "", "[1]"]);
            Script::Text(calls, text, times)
        }
        12..14 => Script::Code(Calls::Single, dice.of(&[3, 12, 2500, 4_711]), 0, times),
        14 => Script::WrongForm(times),
        _ => Script::UsedUp(page, dice.of(&[0, 3, 50])),
    }
}

fn which(dice: &mut Dice) -> Which {
    match dice.below(5) {
        0 => Which::RequiredFieldMissing,
        1 => Which::ConsentMissing,
        2 => Which::AttemptsSpent,
        3 => Which::FormMismatch,
        _ => Which::OfForm(dice.below(FORMS)),
    }
}

/// A list of operations as Rust, to be pasted into `found.rs`.
pub struct AsRust<'o>(pub &'o [Op]);

impl fmt::Display for AsRust<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "&[")?;
        for op in self.0 {
            let text = format!("{op:?}").replace('[', "vec![");
            let text = match text.strip_prefix("CrashWithin(") {
                Some(rest) => {
                    let (ticks, rest) = rest.split_once(", ").unwrap_or((rest, ""));
                    format!("CrashWithin({ticks}, Box::new(Op::{rest})")
                }
                None => text,
            };
            writeln!(f, "    Op::{text},")?;
        }
        write!(f, "]")
    }
}
