//! The files of deploy/ agree with each other, with the config's defaults and with the example.

use std::collections::BTreeSet;

const UNIT: &str = include_str!("../../deploy/tamis.service");
const TEMPLATE: &str = include_str!("../../deploy/tamis@.service");
const NGINX: &str = include_str!("../../deploy/nginx.conf");
const CADDY: &str = include_str!("../../deploy/Caddyfile");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const EXAMPLE: &str = include_str!("../../config/tamis.example.toml");
const DEFAULTS: &str = include_str!("../../config/default.toml");
const INIT: &str = include_str!("../../config/init.toml");
const PACKAGED: &str = include_str!("../../deploy/debian/tamis.toml");
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// What an instance has of its own; all else is the unit's.
const OWN: [(&str, &str); 10] = [
    ("Description=tamis:", "Description=tamis for %i:"),
    ("/etc/tamis/", "/etc/tamis@%i/"),
    ("User=tamis\n", "User=tamis-%i\n"),
    ("Group=tamis\n", "Group=tamis-%i\n"),
    (
        "StateDirectory=tamis tamis-keys tamis-backup\n",
        "StateDirectory=tamis@%i tamis-keys@%i tamis-backup@%i\n",
    ),
    ("RuntimeDirectory=tamis\n", "RuntimeDirectory=tamis@%i\n"),
    ("LogsDirectory=tamis\n", "LogsDirectory=tamis@%i\n"),
    ("ConfigurationDirectory=tamis\n", "ConfigurationDirectory=tamis@%i\n"),
    ("root and tamis.", "root and the client's user."),
    ("reset-failed tamis`", "reset-failed tamis@CLIENT`"),
];

/// The values of a directive, in order.
fn values<'t>(unit: &'t str, directive: &str) -> Vec<&'t str> {
    let prefix = format!("{directive}=");
    unit.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
}

/// A number that stands after a key, underscores left out.
fn number_after(text: &str, key: &str) -> u64 {
    let rest = text.split(key).nth(1).unwrap_or_else(|| panic!("no {key}")).trim_start_matches([' ', '=']);
    let digits: String =
        rest.chars().take_while(|c| c.is_ascii_digit() || *c == '_').filter(|c| *c != '_').collect();
    digits.parse().unwrap_or_else(|_| panic!("no number after {key}"))
}

#[test]
fn the_template_is_the_unit_but_for_what_an_instance_has_of_its_own() {
    let body = |text: &'static str| text.split_once("\n[Unit]\n").expect("a unit").1.to_owned();
    let mut expected = body(UNIT);
    for (unit, template) in OWN {
        assert!(expected.contains(unit), "the unit has no {unit}");
        expected = expected.replace(unit, template);
    }
    assert_eq!(body(TEMPLATE), expected);
}

#[test]
fn the_unit_gives_the_example_the_credentials_and_directories_that_it_names() {
    let given: BTreeSet<&str> =
        values(UNIT, "LoadCredential").iter().filter_map(|value| value.split(':').next()).collect();
    let asked: BTreeSet<&str> =
        EXAMPLE.split("credential = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(given, asked);
    let secrets: BTreeSet<&str> =
        (COMPOSE.lines()).filter_map(|line| line.trim().strip_prefix("file: ./secrets/")).collect();
    assert_eq!(secrets, asked, "compose.yaml");
    // No key names it: it is there for `tamis backup`.
    let state = values(UNIT, "StateDirectory");
    let named = state.iter().flat_map(|value| value.split(' ')).filter(|name| *name != "tamis-backup");
    for directory in named {
        assert!(EXAMPLE.contains(&format!("\"/var/lib/{directory}/")), "{directory}");
    }
    for directory in values(UNIT, "LogsDirectory") {
        assert!(EXAMPLE.contains(&format!("\"/var/log/{directory}/")), "{directory}");
    }
    for directory in values(UNIT, "RuntimeDirectory") {
        assert!(EXAMPLE.contains(&format!("\"/run/{directory}/admin.sock\"")), "{directory}");
    }
    assert!(EXAMPLE.contains("{ file = \"/etc/tamis/secrets/"), "page tokens are files, to be read again");
}

#[test]
fn a_stop_is_given_more_time_than_the_drain() {
    for text in [DEFAULTS, EXAMPLE] {
        let drain = number_after(text, "drain_seconds");
        assert!(number_after(UNIT, "TimeoutStopSec") >= drain + 15, "the last sync takes its time");
        assert!(number_after(COMPOSE, "stop_grace_period: ") >= drain + 15);
    }
}

#[test]
fn the_proxies_take_bodies_as_long_as_tamis_does() {
    for text in [DEFAULTS, EXAMPLE] {
        let limit = number_after(text, "body_max_bytes");
        assert_eq!(number_after(NGINX, "client_max_body_size "), limit);
        assert_eq!(number_after(NGINX, "client_body_buffer_size "), limit, "never in a file");
        assert_eq!(number_after(CADDY, "max_size "), limit);
        assert_eq!(number_after(CADDY, "not header Content-Length "), limit);
    }
}

/// Where the unit has what `tamis init` puts below one directory.
const PLACES: [(&str, &str); 11] = [
    ("`tamis check --config {dir}/tamis.toml` names each of them", "`tamis check` names each of them"),
    ("{dir}/run/", "/run/tamis/"),
    ("{ file = \"{dir}/secrets/app-secret\" }", "{ credential = \"meta-app-secret\" }"),
    ("{ file = \"{dir}/secrets/verify-token\" }", "{ credential = \"meta-verify-token\" }"),
    ("{ file = \"{dir}/secrets/root-key\" }", "{ credential = \"tamis-root-key\" }"),
    ("made for you", "you make it"),
    ("{dir}/secrets/page-token", "/etc/tamis/secrets/page-token"),
    ("{dir}/secrets/mail-password", "/etc/tamis/secrets/mail-password"),
    ("{dir}/store", "/var/lib/tamis/store"),
    ("{dir}/keys/", "/var/lib/tamis-keys/"),
    ("{dir}/log/", "/var/log/tamis/"),
];

#[test]
fn the_package_s_config_is_that_of_init_but_for_the_unit_s_places() {
    // Comments are set in columns, and wrapped where a line is too long.
    let words = |text: &str| {
        let text: Vec<&str> = text.split_whitespace().filter(|word| *word != "#").collect();
        text.join(" ")
    };
    let mut expected = words(INIT);
    for (init, unit) in PLACES {
        assert!(expected.contains(init), "init's config has no {init}");
        expected = expected.replace(init, unit);
    }
    assert_eq!(words(PACKAGED), expected);
    for credential in values(UNIT, "LoadCredential").iter().filter_map(|value| value.split(':').next()) {
        assert!(PACKAGED.contains(&format!("credential = \"{credential}\"")), "{credential}");
    }
}

#[test]
fn the_package_has_the_binary_where_the_unit_starts_it_and_each_file_that_it_names() {
    assert!(values(UNIT, "ExecStart")[0].starts_with("/usr/bin/tamis serve --config /etc/tamis/tamis.toml"));
    let assets: Vec<Vec<&str>> = (MANIFEST.lines())
        .filter_map(|line| line.strip_prefix("  [\""))
        .map(|line| line.split('"').step_by(2).collect())
        .collect();
    assert!(assets.iter().any(|asset| asset[..2] == ["target/release/tamis", "usr/bin/"]), "{assets:?}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for source in assets.iter().map(|asset| asset[0]).filter(|source| !source.starts_with("target/")) {
        let there = match source.split_once('*') {
            Some((folder, _)) => root.join(folder).is_dir(),
            None => root.join(source).is_file(),
        };
        assert!(there, "{source}");
    }
    for line in values(UNIT, "Documentation") {
        assert_eq!(line, "man:tamis(1) file:///usr/share/doc/tamis/docs/deploy.md");
    }
    assert!(
        assets.iter().any(|asset| asset[..2] == ["docs/*.md", "usr/share/doc/tamis/docs/"]),
        "{assets:?}"
    );
}

#[test]
fn debian_s_changelog_begins_with_this_version() {
    let changelog = include_str!("../../deploy/debian/changelog");
    let version = concat!("tamis (", env!("CARGO_PKG_VERSION"), "-1) ");
    assert!(changelog.starts_with(version), "{version}");
}
