//! What the load programs share. Each of them measures in rounds, in turn, within one run, and prints ratios.
#![expect(dead_code, reason = "every program uses a part")]

pub mod home;
pub mod leads;
pub mod load;
pub mod machine;
pub mod rooms;
pub mod sealing;
pub mod spread;

/// The value of `--name` on the command line, or the default.
pub fn option<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut arguments = std::env::args();
    let flag = format!("--{name}");
    while let Some(argument) = arguments.next() {
        if argument == flag {
            let value = arguments.next().unwrap_or_default();
            return value.parse().unwrap_or_else(|_| panic!("--{name} {value} is not understood"));
        }
    }
    default
}

/// True if `--name` is on the command line.
pub fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == format!("--{name}"))
}
