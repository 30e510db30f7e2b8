//! A database's own program at a prompt: it is told one thing at a time and says when it has done it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const DONE: &str = "bench-done";

pub(crate) struct Prompt {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// How it is told to print [`DONE`].
    print: &'static str,
}

impl Prompt {
    /// Starts it; none: there is no such program.
    pub(crate) fn start(command: &mut Command, print: &'static str) -> Option<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Self { child, input, output, print })
    }

    /// Tells it this and waits until it is done; what it printed.
    pub(crate) fn tell(&mut self, text: &str) -> String {
        writeln!(self.input, "{text}\n{} {DONE}", self.print).expect("it listens");
        self.input.flush().expect("it listens");
        let mut said = String::new();
        loop {
            let before = said.len();
            let read = self.output.read_line(&mut said).expect("text");
            assert!(read > 0, "it ended: {said}");
            if said[before..].trim_end() == DONE {
                said.truncate(before);
                return said;
            }
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
