//! `tamis status`: is it well? One screen, and an exit code for scripts.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use crate::api::Moment;
use crate::api::Word;
use crate::api::status::{
    ClockState, ClockTrust, DiskRoom, EndingToken, OldestReference, PageState, Status, UnfedField,
    WaitingCount,
};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::id::FormId;
use crate::purpose::form_check::Severity;
use crate::secret::location::Environment;
use crate::terminal::{Failure, Sheet, Tone, print_json, thousands};

const EXAMPLE: &str = "\
Exit codes: 0 all is well, 1 something needs you or notifications are refused, 69 tamis does not run.

Example:
  tamis status";

/// More pages are listed only where no lead of them is read.
const PAGES_LISTED_MAX: usize = 12;
/// The config speaks of MB as disks do.
const BYTES_PER_MB: u64 = 1_000_000;
const MB_PER_GB: u64 = 1_000;

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Asks once, shows what was answered, and fails if all is not well.
pub(super) async fn run(
    arguments: &Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let body = daemon.fetch(daemon.call(Method::GET, "/status")).await?;
    let status: Status = parse(&body)?;
    if arguments.json {
        print_json(&format!("{}\n", String::from_utf8_lossy(&body)))?;
    } else {
        let mut sheet = Sheet::for_stdout(environment.get("NO_COLOR"), environment.get("TERM"));
        show(&status, &mut sheet);
        sheet.print()?;
    }
    match (status.ready, status.attention.len()) {
        (true, 0) => Ok(()),
        (true, 1) => Err(Failure::failed("something needs you: `tamis explain CODE` says what to do")),
        (true, many) => {
            Err(Failure::failed(format!("{many} things need you: `tamis explain CODE` says what to do")))
        }
        (false, _) => {
            Err(Failure::failed("tamis takes no notifications now; Meta repeats a call for 36 hours"))
        }
    }
}

fn show(status: &Status, sheet: &mut Sheet) {
    let now = status.clock.now.0;
    let ago = |moment: Moment| age(now.duration_since(moment.0));
    sheet.row(
        "tamis",
        &[
            plain(&status.version),
            plain(format!("running since {} ({})", status.started_at, ago(status.started_at))),
        ],
    );
    let mut state = vec![match status.ready {
        true => (Tone::Good, "ready".to_owned()),
        false => (Tone::Bad, "not ready".to_owned()),
    }];
    state.extend(status.refusals.iter().map(|code| (Tone::Bad, code.clone())));
    if status.is_well() {
        state.push(plain("nothing needs you"));
    }
    sheet.row("state", &state);
    for (place, concern) in status.attention.iter().enumerate() {
        let since = (Tone::Faint, format!("for {}", ago(concern.since)));
        sheet.row(label("attention", place), &[(Tone::Bad, concern.code.to_string()), since]);
    }
    let last = |moment: Option<Moment>| match moment {
        Some(moment) => plain(format!("{moment}, {} ago", ago(moment))),
        None => (Tone::Faint, "none since the start".to_owned()),
    };
    sheet.row("last call", &[last(status.last_call)]);
    sheet.row("last lead", &[last(status.last_stored)]);
    show_inbox(status, now, sheet);
    match &status.purposes {
        None => sheet.row("records", &[(Tone::Warn, "the store does not tell now".to_owned())]),
        Some(purposes) => {
            let parts: Vec<_> = purposes
                .iter()
                .map(|held| match held.configured {
                    true => plain(format!("{} {}", held.id, thousands(held.stored))),
                    false => {
                        (Tone::Warn, format!("{} {} (not in the config)", held.id, thousands(held.stored)))
                    }
                })
                .collect();
            sheet.row("records", &parts);
        }
    }
    if status.erasures_to_tell > 0 {
        let count = format!("{} to be told of first", thousands(status.erasures_to_tell));
        sheet.row("erasures", &[plain(count), (Tone::Faint, "each within three days".to_owned())]);
    }
    show_pages(&status.pages, sheet);
    for (place, unfed) in status.unfed.iter().enumerate() {
        sheet.row(label("unfed", place), &unfed_parts(unfed));
    }
    show_forms(status, now, sheet);
    sheet.row("disk", &[disk(&status.disk)]);
    let copied = |moment: Option<Moment>| match moment {
        Some(moment) => plain(format!("{moment}, {} ago", ago(moment))),
        None => (Tone::Faint, "none yet".to_owned()),
    };
    sheet.row("backup", &[copied(status.last_backup)]);
    let mut vacuum = vec![copied(status.last_vacuum)];
    if let Some(aside) = status.copies_aside.filter(|aside| *aside > 0) {
        vacuum.push((Tone::Warn, format!("{} set aside", thousands(aside))));
    }
    sheet.row("vacuum", &vacuum);
    if status.last_restore.is_some() {
        sheet.row(
            "restored",
            &[copied(status.last_restore), plain("all before counts as handed out".to_owned())],
        );
    }
    sheet.row("clock", &clock(&status.clock));
    let lost = status.log.iter().filter(|place| place.lost > 0);
    let mut lost: Vec<_> = lost
        .map(|place| (Tone::Warn, format!("{} lost {} lines", place.place, thousands(place.lost))))
        .collect();
    if lost.is_empty() {
        lost.push(plain("no line lost"));
    }
    sheet.row("log", &lost);
    for (place, token) in status.tokens.iter().flatten().enumerate() {
        sheet.row(label("tokens", place), &ending(token, now));
    }
}

fn show_inbox(status: &Status, now: Timestamp, sheet: &mut Sheet) {
    let inbox = &status.inbox;
    let waits = |count: &Option<WaitingCount>| count.as_ref().map(|waiting| waiting.count);
    let counts = [
        ("queued", Some(inbox.queued.count)),
        ("waiting", waits(&inbox.waiting)),
        ("held", waits(&inbox.held)),
        ("in flight", inbox.in_flight),
        ("refused", inbox.refused),
        ("buried", inbox.buried),
    ];
    let counts = counts
        .map(|(name, count)| plain(format!("{} {name}", count.map_or_else(|| "?".to_owned(), thousands))));
    sheet.row("inbox", &counts);
    let oldest = |count: Option<&WaitingCount>| {
        count.and_then(|waiting| waiting.oldest.as_ref().map(|oldest| parts(oldest, now)))
    };
    for (name, parts) in [
        ("  queued", oldest(Some(&inbox.queued))),
        ("  waiting", oldest(inbox.waiting.as_ref())),
        ("  held", oldest(inbox.held.as_ref())),
    ] {
        parts.into_iter().for_each(|parts| sheet.row(name, &parts));
    }
}

/// The oldest of a kind: for how long, why, whose.
fn parts(oldest: &OldestReference, now: Timestamp) -> Vec<(Tone, String)> {
    let mut parts = vec![plain(format!("for {}", age(now.duration_since(oldest.since.0))))];
    parts.extend(oldest.code.as_ref().map(|code| (Tone::Warn, code.to_string())));
    parts.extend(oldest.form_id.map(|form| plain(format!("form {form}"))));
    parts.extend(oldest.page_id.map(|page| plain(format!("page {page}"))));
    parts
}

fn show_pages(pages: &[PageState], sheet: &mut Sheet) {
    let is_listed = |page: &&PageState| pages.len() <= PAGES_LISTED_MAX || page.paused.is_some();
    let listed: Vec<&PageState> = pages.iter().filter(is_listed).collect();
    for (place, page) in listed.iter().enumerate() {
        let mut parts = vec![plain(page.page_id.to_string()), plain(&page.name)];
        match &page.paused {
            None => parts.push((Tone::Good, "read".to_owned())),
            Some(pause) => parts.push((Tone::Bad, format!("{} until {}", pause.code, pause.until))),
        }
        sheet.row(label("pages", place), &parts);
    }
    let others = pages.len() - listed.len();
    if others > 0 {
        sheet.row(
            label("pages", listed.len()),
            &[plain(format!("{} more are read", thousands(others as u64)))],
        );
    }
}

fn unfed_parts(unfed: &UnfedField) -> Vec<(Tone, String)> {
    let tone = if unfed.required { Tone::Bad } else { Tone::Warn };
    let forms = forms(unfed.form_id, unfed.forms);
    let mut parts = vec![plain(format!("{}.{}", unfed.purpose, unfed.field)), (tone, unfed.code.to_string())];
    if unfed.required {
        parts.push((Tone::Bad, "required".to_owned()));
    }
    parts.push(plain(forms));
    parts
}

/// What the form check found; where there is nothing, that it looked.
fn show_forms(status: &Status, now: Timestamp, sheet: &mut Sheet) {
    let looked = status
        .forms_looked_at
        .map(|at| (Tone::Faint, format!("all looked at within {}", age(now.duration_since(at.0)))));
    if let (Some(looked), []) = (&looked, status.findings.as_slice()) {
        sheet.row("forms", &[(Tone::Good, "as they should be".to_owned()), looked.clone()]);
    }
    for (place, found) in status.findings.iter().enumerate() {
        let tone = match found.severity {
            Word::Known(Severity::Serious) => Tone::Bad,
            Word::Known(Severity::Warning) => Tone::Warn,
            Word::Known(Severity::Note) | Word::Later(_) => Tone::Plain,
        };
        let mut parts = vec![(tone, found.code.to_string()), plain(forms(found.form_id, found.forms))];
        parts.extend(looked.clone().filter(|_| place == 0));
        sheet.row(label("forms", place), &parts);
    }
}

/// `form 901…`, and how many more.
fn forms(first: FormId, count: u64) -> String {
    match count {
        0 | 1 => format!("form {first}"),
        many => format!("form {first} and {} more", thousands(many - 1)),
    }
}

/// Near the floor it is to be looked at, below it nothing is taken.
fn disk(room: &DiskRoom) -> (Tone, String) {
    let tone = match room.free_bytes {
        free if free < room.floor_bytes => Tone::Bad,
        free if free < room.floor_bytes.saturating_mul(2) => Tone::Warn,
        _ => Tone::Plain,
    };
    (tone, format!("{} free, floor {}", megabytes(room.free_bytes), megabytes(room.floor_bytes)))
}

fn megabytes(bytes: u64) -> String {
    match bytes / BYTES_PER_MB {
        mb if mb < 10 * MB_PER_GB => format!("{} MB", thousands(mb)),
        mb => format!("{} GB", thousands(mb / MB_PER_GB)),
    }
}

fn clock(clock: &ClockState) -> Vec<(Tone, String)> {
    let trust = match clock.trust {
        Word::Known(ClockTrust::ByGraph) => plain("confirmed by Graph"),
        Word::Known(ClockTrust::ByPerson) => plain("confirmed by a person"),
        Word::Known(ClockTrust::Unconfirmed) => (Tone::Warn, "confirmed by nobody yet".to_owned()),
        Word::Known(ClockTrust::Ahead) => (Tone::Bad, "ahead, not believed".to_owned()),
        Word::Later(_) => plain(clock.trust.to_string()),
    };
    let mut parts = vec![plain(clock.now.to_string()), trust];
    if clock.mark != clock.now {
        parts.push((Tone::Warn, format!("time goes by {}", clock.mark)));
    }
    parts
}

fn ending(token: &EndingToken, now: Timestamp) -> Vec<(Tone, String)> {
    let left = token.expires_at.0.duration_since(now);
    let ends = match left.is_positive() {
        true => (Tone::Warn, format!("ends in {}", age(left))),
        false => (Tone::Bad, format!("ended {} ago", age(left))),
    };
    vec![plain(&token.name), plain(token.role.to_string()), ends, (Tone::Faint, token.id.clone())]
}

/// Only the first of several rows says what they are.
fn label(label: &'static str, place: usize) -> &'static str {
    if place == 0 { label } else { "" }
}

fn plain(text: impl Into<String>) -> (Tone, String) {
    (Tone::Plain, text.into())
}

/// A length of time, in the largest unit of which there are two.
fn age(length: SignedDuration) -> String {
    let seconds = length.as_secs().unsigned_abs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", thousands(seconds / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(body: &str) -> String {
        let status: Status = parse(body.as_bytes()).expect("an answer");
        let mut sheet = Sheet::of_width(80);
        show(&status, &mut sheet);
        sheet.into_text()
    }

    const WELL: &str = r#"{"ready":true,"refusals":[],"attention":[],"version":"0.1.0",
        "started_at":"2026-11-25T08:00:00Z","last_call":null,"last_stored":"2026-11-25T08:47:30Z",
        "inbox":{"queued":{"count":0,"oldest":null},"waiting":{"count":0,"oldest":null},"held":{"count":0,"oldest":null},
            "in_flight":0,"refused":0,"buried":0},
        "purposes":[{"id":"devis","stored":1203,"configured":true},{"id":"lettre","stored":41,"configured":true}],
        "pages":[{"page_id":"104000000000001","name":"Atelier Lumen","paused":null}],
        "unfed":[],"log":[{"place":"stderr","lost":0},{"place":"file","lost":0}],
        "disk":{"free_bytes":41000000000,"floor_bytes":256000000},
        "clock":{"now":"2026-11-25T08:47:38Z","mark":"2026-11-25T08:47:38Z","trust":"confirmed-by-graph"},"tokens":[]}"#;

    #[test]
    fn all_is_well_in_a_dozen_lines() {
        let expected = "\
tamis      0.1.0  running since 2026-11-25T08:00:00Z (47 min)
state      ready  nothing needs you
last call  none since the start
last lead  2026-11-25T08:47:30Z, 8 s ago
inbox      0 queued  0 waiting  0 held  0 in flight  0 refused  0 buried
records    devis 1,203  lettre 41
pages      104000000000001  Atelier Lumen  read
disk       41 GB free, floor 256 MB
backup     none yet
vacuum     none yet
clock      2026-11-25T08:47:38Z  confirmed by Graph
log        no line lost
";
        assert_eq!(screen(WELL), expected);
    }

    #[test]
    fn what_needs_somebody_is_named_within_eighty_columns() {
        let changed = [
            (r#""ready":true,"refusals":[]"#, r#""ready":false,"refusals":["inbox-disk-full","disk-full"]"#),
            (
                r#""attention":[]"#,
                r#""attention":[{"code":"token-ends","since":"2026-11-22T08:47:38Z"},
                    {"code":"of-a-later-version","since":"2026-11-25T08:47:00Z"}]"#,
            ),
            (r#""last_call":null"#, r#""last_call":"2026-11-25T07:00:00Z""#),
            (
                r#""waiting":{"count":0,"oldest":null}"#,
                r#""waiting":{"count":7,"oldest":{"since":"2026-11-23T08:00:00Z","form_id":"901000000000001",
                    "page_id":"104000000000001","code":"permission-missing"}}"#,
            ),
            (
                r#""held":{"count":0,"oldest":null}"#,
                r#""held":{"count":2,"oldest":{"since":"2026-11-25T08:00:00Z","form_id":null,"page_id":null,"code":null}}"#,
            ),
            (r#""in_flight":0"#, r#""in_flight":null"#),
            (r#""paused":null"#, r#""paused":{"code":"permission-missing","until":"2026-11-25T09:00:00Z"}"#),
            (
                r#""unfed":[]"#,
                r#""unfed":[{"purpose":"devis","field":"email","required":true,"code":"field-unfed","forms":249,
                    "form_id":"901000000000007"}]"#,
            ),
            (
                r#""unfed":["#,
                r#""findings":[{"severity":"serious","code":"link-missing","forms":1,"form_id":"901000000000007"},
                    {"severity":"warning","code":"question-unneeded","forms":12,"form_id":"901000000000001"}],
                "forms_looked_at":"2026-11-24T20:47:38Z","unfed":["#,
            ),
            (
                r#""unfed":["#,
                r#""erasures_to_tell":1200,"last_backup":"2026-11-24T02:00:00Z","last_vacuum":"2026-11-05T02:00:00Z","last_restore":"2026-11-20T02:00:00Z","copies_aside":2,"unfed":["#,
            ),
            (r#""stderr","lost":0"#, r#""stderr","lost":1200"#),
            (r#""free_bytes":41000000000"#, r#""free_bytes":255000000"#),
            (
                r#""mark":"2026-11-25T08:47:38Z","trust":"confirmed-by-graph""#,
                r#""mark":"2026-11-24T08:47:38Z","trust":"ahead""#,
            ),
            (
                r#""tokens":[]"#,
                r#""tokens":[{"id":"0123456789abcdef","name":"crm","role":"exporter","expires_at":"2026-11-20T08:47:38Z"},
                    {"id":"0123456789abcde0","name":"prometheus","role":"viewer","expires_at":"2026-12-10T08:47:38Z"}]"#,
            ),
        ];
        let body = changed.iter().fold(WELL.to_owned(), |body, (from, to)| {
            assert!(body.contains(from), "{from}");
            body.replace(from, to)
        });
        let expected = "\
tamis      0.1.0  running since 2026-11-25T08:00:00Z (47 min)
state      not ready  inbox-disk-full  disk-full
attention  token-ends  for 3 d
           of-a-later-version  for 38 s
last call  2026-11-25T07:00:00Z, 107 min ago
last lead  2026-11-25T08:47:30Z, 8 s ago
inbox      0 queued  7 waiting  2 held  ? in flight  0 refused  0 buried
  waiting  for 2 d  permission-missing  form 901000000000001
           page 104000000000001
  held     for 47 min
records    devis 1,203  lettre 41
erasures   1,200 to be told of first  each within three days
pages      104000000000001  Atelier Lumen
           permission-missing until 2026-11-25T09:00:00Z
unfed      devis.email  field-unfed  required  form 901000000000007 and 248 more
forms      link-missing  form 901000000000007  all looked at within 12 h
           question-unneeded  form 901000000000001 and 11 more
disk       255 MB free, floor 256 MB
backup     2026-11-24T02:00:00Z, 30 h ago
vacuum     2026-11-05T02:00:00Z, 20 d ago  2 set aside
restored   2026-11-20T02:00:00Z, 5 d ago  all before counts as handed out
clock      2026-11-25T08:47:38Z  ahead, not believed
           time goes by 2026-11-24T08:47:38Z
log        stderr lost 1,200 lines
tokens     crm  exporter  ended 5 d ago  0123456789abcdef
           prometheus  viewer  ends in 15 d  0123456789abcde0
";
        let screen = screen(&body);
        assert_eq!(screen, expected);
        assert!(screen.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn forms_with_which_nothing_is_the_matter_say_when_they_were_looked_at() {
        let screen =
            screen(&WELL.replace(r#""unfed":[]"#, r#""unfed":[],"forms_looked_at":"2026-11-25T06:47:38Z""#));
        assert!(screen.contains("\nforms      as they should be  all looked at within 2 h\n"), "{screen}");
    }

    #[test]
    fn of_many_pages_those_are_listed_of_which_no_lead_is_read() {
        let page = |number: usize| {
            let paused = match number {
                7 => r#"{"code":"token-dead","until":"2026-11-25T09:00:00Z"}"#,
                _ => "null",
            };
            format!(r#"{{"page_id":"{number}","name":"Page {number}","paused":{paused}}}"#)
        };
        let pages = (1..=240).map(page).collect::<Vec<_>>().join(",");
        let one = r#"{"page_id":"104000000000001","name":"Atelier Lumen","paused":null}"#;
        let screen = screen(&WELL.replace(one, &pages));
        let expected = "\
pages      7  Page 7  token-dead until 2026-11-25T09:00:00Z
           239 more are read
";
        assert!(screen.contains(expected), "{screen}");
    }
}
