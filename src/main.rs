//! Arguments in, exit code out.

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Every freed block is zeroed: hyper, rustls and serde_json keep copies of answers that no type of ours owns.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here, once, and handed in")]
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    tamis::cli::run(std::env::args_os(), &tamis::secret::location::Environment::new(variables)).into()
}
