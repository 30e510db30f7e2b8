//! The files of deploy/ agree with each other, with the config's defaults and with the example.

use std::collections::BTreeSet;

const UNIT: &str = include_str!("../../deploy/tamis.service");
const TEMPLATE: &str = include_str!("../../deploy/tamis@.service");
const NGINX: &str = include_str!("../../deploy/nginx.conf");
const CADDY: &str = include_str!("../../deploy/Caddyfile");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const EXAMPLE: &str = include_str!("../../config/tamis.example.toml");
const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What an instance has of its own; all else is the unit's.
const OWN: [(&str, &str); 10] = [
    ("Description=tamis:", "Description=tamis for %i:"),
    ("/etc/tamis/", "/etc/tamis@%i/"),
    ("User=tamis\n", "User=tamis-%i\n"),
    ("Group=tamis\n", "Group=tamis-%i\n"),
    ("StateDirectory=tamis tamis-keys\n", "StateDirectory=tamis@%i tamis-keys@%i\n"),
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
    for directory in values(UNIT, "StateDirectory").iter().flat_map(|value| value.split(' ')) {
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
