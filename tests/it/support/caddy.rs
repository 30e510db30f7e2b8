//! Caddy with deploy/Caddyfile: its paths and ports changed, and a certificate given that it would fetch by itself.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::front::HOST;

const CONFIG: &str = include_str!("../../../deploy/Caddyfile");

/// The file for a front in this directory; whether clients are asked for a certificate is said where its own stands.
pub fn site(directory: &Path, upstream: &str, tls: SocketAddr, plain: SocketAddr, clients: bool) -> String {
    let shown = directory.display();
    // No door for changes of its config while it runs, and no other ports.
    let first = format!("{{\n\tadmin off\n\thttp_port {}\n\thttps_port {}\n", plain.port(), tls.port());
    let certificate = format!("tls {shown}/cert.pem {shown}/key.pem");
    let own = if clients { String::new() } else { format!("\t{certificate}\n") };
    let own = format!("{HOST} {{\n\tbind 127.0.0.1\n{own}");
    let mut text = CONFIG.to_owned();
    for (from, to) in [
        ("\n{\n", format!("\n{first}")),
        ("\nleads.lumen.example {\n", format!("\n{own}")),
        ("#mtls# tls {\n", format!("#mtls# {certificate} {{\n")),
        ("/etc/tamis/meta-outbound-api-ca-2025-12.pem", format!("{shown}/meta.pem")),
        ("/var/log/caddy/", format!("{shown}/")),
        ("127.0.0.1:8080", upstream.to_owned()),
    ] {
        assert!(text.contains(from), "deploy/Caddyfile has no {from}");
        text = text.replace(from, &to);
    }
    text
}

/// What runs it, with nothing kept outside of the directory; what it says is in `start.log`.
pub fn command(directory: &Path) -> Command {
    let said = File::create(directory.join("start.log")).expect("a file");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(directory.join("tamis.conf"));
    command.env_clear();
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, directory);
    }
    command.stdout(said.try_clone().expect("a file")).stderr(said);
    command
}
