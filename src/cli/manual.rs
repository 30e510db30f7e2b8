//! `tamis manual [PAGE]`: the man pages, from the table that reads the command line, so that they say what it takes.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::terminal::{Exit, Failure, print};

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// Which: `tamis` for the whole, `export` or `tamis-export` for a verb
    #[arg(default_value = "tamis", conflicts_with = "names")]
    page: String,
    /// List the pages' names
    #[arg(long)]
    names: bool,
}

const EXAMPLE: &str = "\
Prints a page's source, for man(1). The Debian package brings all of them.

Example:
  tamis manual export | man -l -";

/// What the page of the whole says beyond its verbs.
const WHOLE: &str = "\
.SH EXIT STATUS
.TP
0
Done.
.TP
1
It did not work; stderr says why.
.TP
2
The command line is wrong.
.TP
69
The daemon is down.
.TP
75
Another process holds the store.
.TP
78
The config is refused.
.SH ENVIRONMENT
.TP
TAMIS_CONFIG
The config file, where \\-\\-config does not name it.
.TP
TAMIS__SECTION__KEY
Goes over a key of the config file: TAMIS__STORE__CACHE_MB=64. It cannot set lists or secrets.
.SH FILES
.TP
/etc/tamis/tamis.toml
The config. `tamis check' says what is missing in it.
.TP
/etc/tamis/credentials, /etc/tamis/secrets
What systemd hands to the service; page tokens.
.TP
/var/lib/tamis, /var/lib/tamis\\-keys
The store; the keyring, without which the store cannot be read. Never in one backup.
.TP
/run/tamis/admin.sock
Where the other verbs speak to the daemon.
.TP
/usr/share/doc/tamis
From a bare server to a registered webhook: docs/operator.md. Every code: docs/codes.md.
";

/// Prints a page, or the names of all.
pub(super) fn run(command: clap::Command, arguments: &Arguments) -> Result<(), Failure> {
    let pages = pages(command);
    if arguments.names {
        return print(&pages.iter().map(|page| format!("{}\n", name(page))).collect::<String>());
    }
    let wanted = arguments.page.replace(' ', "-");
    let found = pages.iter().find(|page| {
        let name = name(page);
        name == wanted || name.strip_prefix("tamis-") == Some(&wanted)
    });
    // The word that was given is not repeated: it may be anything.
    let no_such = || Failure::new(Exit::Usage, "there is no such page. `tamis manual --names` lists them");
    let page = found.ok_or_else(no_such)?;
    let text = text(page).map_err(|error| Failure::failed(format!("no page: {}", error.kind())))?;
    print(&text)
}

/// The whole, then its verbs with theirs.
fn pages(command: clap::Command) -> Vec<clap::Command> {
    fn gather(command: &clap::Command, into: &mut Vec<clap::Command>) {
        into.push(command.clone());
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            gather(verb, into);
        }
    }
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    gather(&command, &mut pages);
    pages
}

/// `tamis-token-create`.
fn name(page: &clap::Command) -> &str {
    page.get_display_name().unwrap_or_else(|| page.get_name())
}

fn text(page: &clap::Command) -> io::Result<String> {
    let is_whole = name(page) == "tamis";
    // Whose lines are kept, which the generator would set as one paragraph.
    let (before, example) = after_help(page);
    let man = Man::new(page.clone().after_help(""))
        .source(concat!("tamis ", env!("CARGO_PKG_VERSION")))
        .manual("tamis");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if page.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut out)?;
    }
    if page.get_subcommands().any(|verb| !verb.is_hide_set()) {
        man.render_subcommands_section(&mut out)?;
    }
    for (heading, lines) in [("NOTES", before), ("EXAMPLES", example)] {
        if !lines.trim().is_empty() {
            as_it_stands(heading, lines.trim_matches('\n')).to_writer(&mut out)?;
        }
    }
    if is_whole {
        out.extend_from_slice(WHOLE.as_bytes());
        man.render_version_section(&mut out)?;
    } else {
        Roff::new().control("SH", ["SEE ALSO"]).text([roman("tamis(1)")]).to_writer(&mut out)?;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// What a verb's help ends with: before its example, and the example.
fn after_help(page: &clap::Command) -> (String, String) {
    let text = page.get_after_help().map(ToString::to_string).unwrap_or_default();
    match text.rsplit_once("Example:\n") {
        Some((before, example)) => (before.to_owned(), example.to_owned()),
        None => (text, String::new()),
    }
}

/// A section whose lines stay lines.
fn as_it_stands(heading: &str, text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [heading]).control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::visible::on_screen;

    #[test]
    fn every_page_has_its_name_its_options_and_its_example_as_it_is_typed() {
        let pages = pages(crate::cli::Cli::command());
        assert!(pages.len() >= 12, "{}", pages.len());
        for page in &pages {
            let (name, text) = (name(page), text(page).expect("a page"));
            assert!(text.contains(&format!(".TH {name} 1")), "{text}");
            for argument in page.get_arguments().filter_map(|argument| argument.get_long()) {
                assert!(
                    text.contains(&format!("\\-\\-{}", argument.replace('-', "\\-"))),
                    "{name}: {argument}\n{text}"
                );
            }
            let verbs = page.get_subcommands().count();
            let example = name.replace('-', " ");
            let typed = text.replace("\\-", "-").replace('-', " ");
            assert!(verbs > 0 || typed.contains(&format!("\n.nf\n  {example}")), "{name}\n{text}");
            assert_eq!(on_screen(&text), text, "{name}: printing changes nothing");
        }
    }

    #[test]
    fn the_whole_names_each_verb_and_every_exit_code() {
        let pages = pages(crate::cli::Cli::command());
        let whole = text(&pages[0]).expect("a page");
        for page in pages.iter().filter(|page| name(page).matches('-').count() == 1) {
            assert!(whole.contains(&name(page).replace('-', "\\-")), "{}", name(page));
        }
        for exit in
            [Exit::Done, Exit::Failed, Exit::Usage, Exit::DaemonDown, Exit::StoreLocked, Exit::ConfigRefused]
        {
            assert!(whole.contains(&format!("\n.TP\n{}\n", exit as u8)), "{exit:?}");
        }
    }
}
