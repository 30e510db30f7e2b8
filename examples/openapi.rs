//! Prints the OpenAPI document: `cargo run --example openapi > docs/openapi.json`.
#![expect(clippy::print_stdout, reason = "its whole purpose")]

fn main() {
    print!("{}", tamis::api::document::text());
}
