//! Everything but purposes.

use super::*;

#[test]
fn the_controller_is_named_whole() {
    for (line, key) in [
        ("name = \"Atelier Lumen SARL\"\n", "controller.name"),
        ("address = \"12 rue des Lices, 49100 Angers\"\n", "controller.address"),
        ("country = \"FR\"\nemail", "controller.country"),
        ("email = \"vie-privee@lumen.example\"\n", "controller.email"),
    ] {
        refused(line, if line.ends_with("email") { "email" } else { "" }, key, FaultCode::Missing);
    }
    refused("country = \"FR\"\nemail", "country = \"UK\"\nemail", "controller.country", FaultCode::Malformed);
    refused("vie-privee@lumen.example", "vie-privee", "controller.email", FaultCode::Malformed);
    refused(
        "dpo = { none_reason = \"below the threshold of art. 37\" }",
        "dpo = {}",
        "controller.dpo",
        FaultCode::Missing,
    );
    refused(
        "dpo = { none_reason",
        "dpo = { contact = \"a\", none_reason",
        "controller.dpo",
        FaultCode::Duplicate,
    );
    let absent = changed("[controller]", "[recipients_of_old]");
    let absent = found(&absent);
    let keys = pairs(&absent.faults);
    assert!(
        keys.contains(&("controller.dpo", "config-missing"))
            && keys.contains(&("controller.name", "config-missing"))
    );
}

#[test]
fn recipients_have_ids_of_their_own() {
    refused("id = \"crm\"", "id = \"CRM\"", "recipients[0].id", FaultCode::Malformed);
    refused("role = \"processor\"", "role = \"partner\"", "recipients[0].role", FaultCode::NotOnList);
    let twice = "[[recipients]]\nid = \"crm\"\nname = \"a\"\ncountry = \"DE\"\nrole = \"processor\"\n\n[[recipients]]";
    refused("[[recipients]]", twice, "recipients[1]", FaultCode::Duplicate);
}

#[test]
fn graph_is_called_with_tls_or_on_loopback() {
    let old = "https://graph.facebook.com";
    for bad in ["http://graph.facebook.com", "http://10.0.0.1:8080", "http://localhost.example"] {
        refused(old, bad, "meta.graph_url", FaultCode::InsecureUrl);
    }
    refused(old, "https://u:p@graph.example", "meta.graph_url", FaultCode::Malformed);
    for good in ["http://127.0.0.1:9999", "http://[::1]:9999", "http://localhost:1/"] {
        assert!(!accepted(old, good).meta.graph_url.ends_with('/'));
    }
    refused(
        "https://leads.lumen.example",
        "http://leads.lumen.example",
        "public.url",
        FaultCode::InsecureUrl,
    );
}

#[test]
fn what_concerns_meta_is_shaped_as_meta_shapes_it() {
    for bad in ["26.0", "v26", "v26.", "vx.0", "v27.0/../x"] {
        refused("\"v27.0\"", &format!("\"{bad}\""), "meta.graph_version", FaultCode::Malformed);
    }
    refused("\"123456789012345\"", "\"12a\"", "meta.app_id", FaultCode::Malformed);
    refused("\"104000000000001\"", "\"\"", "meta.pages[0].id", FaultCode::Empty);
    let second = "[[meta.pages]]\nid = \"104000000000001\"\nname = \"b\"\ntoken = { env = \"B\" }\n\n[store]";
    refused("[store]", second, "meta.pages[1].id", FaultCode::Duplicate);
    let one = "[{ credential = \"meta-app-secret\" }]";
    refused(one, "[]", "meta.app_secrets", FaultCode::OutOfRange);
    refused(
        one,
        "[{ env = \"A\" }, { env = \"B\" }, { env = \"C\" }]",
        "meta.app_secrets",
        FaultCode::OutOfRange,
    );
    refused(one, "[{ env = \"A\" }, { env = \"A\" }]", "meta.app_secrets", FaultCode::Duplicate);
    assert_eq!(accepted(one, "[{ env = \"A\" }, { env = \"B\" }]").meta.app_secrets.len(), 2);
}

#[test]
fn numbers_have_bounds() {
    for (old, new, key) in [
        ("calls_in_flight = 16", "calls_in_flight = 0", "meta.calls_in_flight"),
        ("calls_in_flight = 16", "calls_in_flight = 65", "meta.calls_in_flight"),
        ("connect_timeout_ms = 5_000", "connect_timeout_ms = 0", "meta.connect_timeout_ms"),
        ("read_timeout_ms = 20_000", "read_timeout_ms = 999_999", "meta.read_timeout_ms"),
        ("reply_max_bytes = 1_000_000", "reply_max_bytes = 1", "meta.reply_max_bytes"),
        ("body_max_bytes = 1_000_000", "body_max_bytes = 999", "public.body_max_bytes"),
        ("body_max_bytes = 1_000_000", "body_max_bytes = 3_145_729", "public.body_max_bytes"),
        ("drain_seconds = 20", "drain_seconds = 0", "public.drain_seconds"),
        ("cache_mb = 32", "cache_mb = 0", "store.cache_mb"),
        ("free_disk_min_mb = 256", "free_disk_min_mb = -1", "store.free_disk_min_mb"),
        ("inbox_max_references = 500_000", "inbox_max_references = 10_000_001", "store.inbox_max_references"),
        ("inbox_max_held_by_form = 10_000", "inbox_max_held_by_form = 0", "store.inbox_max_held_by_form"),
        ("[trail]\nretention_months = 12", "[trail]\nretention_months = 5", "trail.retention_months"),
        (
            "[requests]\nretention_months = 36",
            "[requests]\nretention_months = 11",
            "requests.retention_months",
        ),
        ("[evidence]\nyears = 0", "[evidence]\nyears = 11", "evidence.years"),
        ("vacuum_days = 30", "vacuum_days = 0", "store.vacuum_days"),
        ("vacuum_days = 30", "vacuum_days = 366", "store.vacuum_days"),
        ("attention_days = 7", "attention_days = 31", "changes.attention_days"),
        ("horizon_days = 7", "horizon_days = 0", "backup.horizon_days"),
        ("horizon_days = 7", "horizon_days = 31", "backup.horizon_days"),
        ("# file_retention_days = 180", "file_retention_days = 366", "log.file_retention_days"),
        ("factor = 2,", "factor = 0,", "meta.retry.factor"),
        ("attempts = 750", "attempts = 0", "meta.retry.attempts"),
        ("first_ms = 2_000,", "first_ms = 4_000_000,", "meta.retry.max_ms"),
    ] {
        refused(old, new, key, FaultCode::OutOfRange);
    }
    refused("drain_seconds = 20", "drain_seconds = 2.5", "public.drain_seconds", FaultCode::WrongType);
    refused("attempts = 750", "attempts = 2_200", "meta.retry", FaultCode::RetryTooLong);
    let large = "reply_max_bytes = 16_000_000";
    warned("reply_max_bytes = 1_000_000", large, "meta.reply_max_bytes", FaultCode::MemoryLarge);
    warned(
        "[trail]\nretention_months = 12",
        "[trail]\nretention_months = 24",
        "trail.retention_months",
        FaultCode::RetentionLong,
    );
    refused("calls_in_flight = 16", "calls_in_flight = \"16\"", "meta.calls_in_flight", FaultCode::WrongType);
}

#[test]
fn the_address_of_the_webhook_is_not_that_of_its_host() {
    let (old, key) = ("https://leads.lumen.example", "public.url");
    for doubled in ["https://leads.lumen.example/webhook", "https://l.example/a/Webhook/"] {
        warned(old, doubled, key, FaultCode::UrlWebhook);
    }
    for good in ["https://webhook.lumen.example", "https://l.example/webhooks"] {
        assert_eq!(accepted(old, good).warnings, []);
    }
}

#[test]
fn listeners_do_not_meet_and_exposure_is_said() {
    refused("\"127.0.0.1:8080\"", "\"8080\"", "public.listen", FaultCode::Malformed);
    refused("[\"127.0.0.1\"]", "[\"proxy\"]", "public.trusted_proxies[0]", FaultCode::Malformed);
    refused("\"127.0.0.1:8081\"", "\"127.0.0.1:8080\"", "admin.listen", FaultCode::AddressTaken);
    refused("\"127.0.0.1:8081\"", "\"0.0.0.0:8080\"", "admin.listen", FaultCode::AddressTaken);
    warned("\"127.0.0.1:8081\"", "\"10.0.0.1:8081\"", "admin.listen", FaultCode::Exposed);
    refused("\"/run/tamis/admin.sock\"", "\"admin.sock\"", "admin.socket", FaultCode::Malformed);
    let long = format!("\"/{}/a\"", "x".repeat(106));
    refused("\"/run/tamis/admin.sock\"", &long, "admin.socket", FaultCode::OutOfRange);
    accepted("\"127.0.0.1:8081\"", "\"127.0.0.1:0\"");
}

#[test]
fn keys_lie_apart_from_what_they_open() {
    let old = "\"/var/lib/tamis-keys/keyring\"";
    for bad in ["\"/var/lib/tamis/store/keyring\"", "\"/var/lib/tamis/store\"", "\"/var/lib/tamis\""] {
        refused(old, bad, "keys.keyring", FaultCode::PathOverlap);
    }
    refused(old, "\"/var/lib/tamis/store/../k\"", "keys.keyring", FaultCode::Malformed);
    warned(old, "\"/var/lib/tamis/keyring\"", "keys.keyring", FaultCode::PathOverlap);
    let root = "{ credential = \"tamis-root-key\" }";
    refused(root, "{ file = \"/var/lib/tamis/store/root\" }", "keys.root", FaultCode::PathOverlap);
    warned(root, "{ file = \"/var/lib/tamis-keys/root\" }", "keys.root", FaultCode::PathOverlap);
    accepted(old, "\"/var/lib/tamis/store-keys/keyring\"");
}

#[test]
fn a_secret_lies_in_exactly_one_place_and_never_in_the_config() {
    let old = "{ credential = \"meta-verify-token\" }";
    let key = "meta.verify_token";
    refused(old, "{}", key, FaultCode::LocationAmbiguous);
    refused(old, "{ env = \"A\", file = \"/a\" }", key, FaultCode::LocationAmbiguous);
    refused(old, "\"CANARY\"", key, FaultCode::SecretInConfig);
    refused(
        old,
        "{ env = \"0123456789abcdef0123456789abcdef\" }",
        "meta.verify_token.env",
        FaultCode::SecretInConfig,
    );
    refused(
        old,
        "{ credential = \"0123456789abcdef0123456789abcdef\" }",
        "meta.verify_token.credential",
        FaultCode::SecretInConfig,
    );
    refused(old, "{ file = \"secrets/a\" }", "meta.verify_token.file", FaultCode::Malformed);
    refused(old, "{ env = \"a\" }", "meta.verify_token.env", FaultCode::Malformed);
    refused(old, "{ credential = \"../x\" }", "meta.verify_token.credential", FaultCode::Malformed);
    refused(old, "{ env = \"A\", fil = \"/a\" }", "meta.verify_token.fil", FaultCode::UnknownKey);
}

#[test]
fn the_log_is_one_of_two_kinds() {
    refused("format = \"pretty\"", "format = \"text\"", "log.format", FaultCode::NotOnList);
    refused("level = \"info\"", "level = \"information\"", "log.level", FaultCode::NotOnList);
    refused("# file = \"/var/log", "file = \"var/log", "log.file", FaultCode::Malformed);
    assert!(accepted("# file = \"/var/log", "file = \"/var/log").log.file.is_some());
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let fault =
        refused("drain_seconds = 20", "drain_second = 20", "public.drain_second", FaultCode::UnknownKey);
    assert_eq!(fault.mend, "Did you mean `drain_seconds`?");
    refused("[log]", "[logs]\n[log]", "logs", FaultCode::UnknownKey);
    refused(
        "name = \"Atelier Lumen\"\n",
        "name = \"a\"\nnmae = \"b\"\n",
        "meta.pages[0].nmae",
        FaultCode::UnknownKey,
    );
    refused(
        "phone_number = {}\n",
        "phone_number = { requird = true }\n",
        "purposes.devis.fields.phone_number.requird",
        FaultCode::UnknownKey,
    );
    refused("factor = 2,", "factor = 2, fctor = 2,", "meta.retry.fctor", FaultCode::UnknownKey);
}

#[test]
fn another_shape_than_expected_is_one_fault_and_hides_nothing() {
    refused("[public]", "[[public]]", "public", FaultCode::WrongType);
    refused(
        "retry = { first_ms = 2_000, factor = 2, max_ms = 3_600_000, attempts = 750 }",
        "retry = 5",
        "meta.retry",
        FaultCode::WrongType,
    );
    refused(
        "forms = [\"901000000000001\"]",
        "forms = \"901000000000001\"",
        "purposes.devis.forms",
        FaultCode::WrongType,
    );
    let text = format!("purposes = 1\n{}", &EXAMPLE[..EXAMPLE.find("[purposes.devis]").unwrap_or_default()]);
    assert_eq!(pairs(&found(&text).faults), [("purposes", "config-wrong-type")]);
}

#[test]
fn the_log_s_file_lies_apart_from_store_and_keyring() {
    for path in
        ["/var/lib/tamis/store/tamis.log", "/var/lib/tamis-keys/keyring", "/var/lib/tamis-keys/tamis.log"]
    {
        let line = format!("level = \"info\"\nfile = \"{path}\"");
        refused("level = \"info\"", &line, "log.file", FaultCode::PathOverlap);
    }
    let line = "level = \"info\"\nfile = \"/var/log/tamis/tamis.log\"";
    assert!(accepted("level = \"info\"", line).log.file.is_some());
}

const MAIL: &str = "[mail]\nserver = \"SMTP.lumen.example\"\nuser = \"tamis\"\npassword = { env = \"MAIL\" }\n\
                    from = \"Atelier Lumen <contact@lumen.example>\"\n\n[[recipients]]";

#[test]
fn the_mail_server_is_named_whole_and_reached_under_tls_or_on_loopback() {
    assert!(accepted("", "").mail.is_none());
    let with = |old: &str, new: &str| {
        assert!(MAIL.contains(old), "{old}");
        MAIL.replacen(old, new, 1)
    };
    let mail =
        |old: &str, new: &str| accepted("[[recipients]]", &with(old, new)).mail.expect("a mail server");
    let whole = mail("", "");
    assert_eq!(
        (whole.server.as_str(), whole.port, whole.tls),
        ("smtp.lumen.example", 587, Encryption::Starttls)
    );
    assert_eq!(whole.from.to_string(), "Atelier Lumen <contact@lumen.example>");
    assert_eq!(mail("user", "tls = \"implicit\"\nuser").port, 465);
    assert_eq!(mail("user", "port = 2_525\nuser").port, 2_525);
    for host in ["localhost", "127.0.0.1", "::1"] {
        let here = format!("{host}\"\ntls = \"none\"\nuser");
        assert_eq!(mail("SMTP.lumen.example\"\nuser", &here).port, 25);
    }
    let password = "password = { env = \"MAIL\" }";
    for (old, new, key, code) in [
        ("server = \"SMTP.lumen.example\"\n", "", "mail.server", FaultCode::Missing),
        ("SMTP.lumen.example", "smtp.lumen.example:587", "mail.server", FaultCode::Malformed),
        ("SMTP.lumen.example", "https://smtp.lumen.example", "mail.server", FaultCode::Malformed),
        ("from = \"Atelier Lumen <contact@lumen.example>\"\n", "", "mail.from", FaultCode::Missing),
        ("<contact@lumen.example>", "", "mail.from", FaultCode::Malformed),
        ("user = \"tamis\"\n", "", "mail.user", FaultCode::Missing),
        (password, "", "mail.password", FaultCode::Missing),
        (password, "password = \"hunter2\"", "mail.password", FaultCode::SecretInConfig),
        ("user", "tls = \"none\"\nuser", "mail.tls", FaultCode::MailInClear),
        ("user", "tls = \"ssl\"\nuser", "mail.tls", FaultCode::NotOnList),
        ("user", "port = 0\nuser", "mail.port", FaultCode::OutOfRange),
        ("user", "reply_to = \"nobody\"\nuser", "mail.reply_to", FaultCode::Malformed),
        ("user", "cc = 1\nuser", "mail.cc", FaultCode::UnknownKey),
    ] {
        refused("[[recipients]]", &with(old, new), key, code);
    }
}
