//! `tamis completions SHELL`: what a shell needs to complete the command line, from the table that reads it.

use clap_complete::Shell;

use crate::terminal::{Failure, print};

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: For,
}

/// The shells that Debian has and people log in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum For {
    Bash,
    Zsh,
    Fish,
}

const EXAMPLE: &str = "\
The Debian package brings them. By hand, for one user:
  bash  tamis completions bash > ~/.local/share/bash-completion/completions/tamis
  zsh   tamis completions zsh > DIR/_tamis, DIR in $fpath
  fish  tamis completions fish > ~/.config/fish/completions/tamis.fish

Example:
  tamis completions bash";

/// Prints the completions of this command line.
pub(super) fn run(command: clap::Command, arguments: &Arguments) -> Result<(), Failure> {
    print(&completions(command, arguments.shell))
}

fn completions(mut command: clap::Command, shell: For) -> String {
    let shell = match shell {
        For::Bash => Shell::Bash,
        For::Zsh => Shell::Zsh,
        For::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "tamis", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, ValueEnum};

    use super::*;
    use crate::visible::on_screen;

    #[test]
    fn every_verb_is_completed_in_each_shell_and_printing_changes_nothing() {
        let verbs: Vec<String> =
            crate::cli::Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        assert!(verbs.len() >= 12, "{verbs:?}");
        for shell in For::value_variants() {
            let text = completions(crate::cli::Cli::command(), *shell);
            for verb in &verbs {
                let offered = match shell {
                    For::Bash => format!("tamis,{verb})"),
                    For::Zsh => format!("'{verb}:"),
                    For::Fish => format!("-a \"{verb}\""),
                };
                assert!(text.contains(&offered), "{shell:?}: {verb}");
            }
            assert_eq!(on_screen(&text), text, "{shell:?}");
        }
    }
}
