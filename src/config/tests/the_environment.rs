//! The layer above the file.

use super::*;

fn faults(pairs: &[(&str, &str)]) -> Vec<Fault> {
    match parse(EXAMPLE, &environment(pairs)) {
        Ok(_) => Vec::new(),
        Err(found) => found.faults,
    }
}

#[test]
fn it_goes_over_the_file_and_its_texts_stay_texts() {
    let set = [
        ("TAMIS__STORE__CACHE_MB", "64"),
        ("TAMIS__CONTROLLER__NAME", "00123"),
        ("TAMIS__CONTROLLER__ADDRESS", "12345678901234567890123456789012"),
        ("TAMIS__META__RETRY__ATTEMPTS", "5"),
        ("TAMIS__PURPOSES__DEVIS__RETENTION_MONTHS", "6"),
        ("TAMIS__PURPOSES__DEVIS__FIELDS__EMAIL__REQUIRED", "false"),
    ];
    let config = parse(EXAMPLE, &environment(&set)).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.store.cache_mb, 64);
    assert_eq!(config.controller.name, "00123");
    assert_eq!(config.controller.address, "12345678901234567890123456789012");
    assert_eq!((config.meta.retry.attempts, config.meta.retry.first_ms), (5, 2_000));
    let policy = config.policy();
    let Some(devis) = policy.purpose("devis") else { panic!("devis") };
    assert_eq!(devis.retention_months, Some(6));
    assert!(devis.whitelist.rule("email").is_some_and(|rule| !rule.required));
}

#[test]
fn it_cannot_set_a_list() {
    for (variable, key) in [
        ("TAMIS__META__PAGES", "meta.pages"),
        ("TAMIS__META__PAGES__0__ID", "meta.pages"),
        ("TAMIS__META__APP_SECRETS", "meta.app_secrets"),
        ("TAMIS__PUBLIC__TRUSTED_PROXIES", "public.trusted_proxies"),
        ("TAMIS__PURPOSES__DEVIS__FORMS", "purposes.devis.forms"),
    ] {
        let faults = faults(&[(variable, "CANARY")]);
        assert_eq!(pairs(&faults), [(key, "environment-list")], "{faults:#?}");
        assert!(faults[0].to_string().contains(variable));
    }
}

#[test]
fn a_fault_that_it_made_names_the_variable() {
    let text = faults(&[("TAMIS__STORE__CACHE_MB", "CANARY")])[0].to_string();
    assert!(text.contains("(set by TAMIS__STORE__CACHE_MB)") && !text.contains("CANARY"), "{text}");
    let unknown = faults(&[("TAMIS__STORE__CACH_MB", "1")]);
    assert_eq!(pairs(&unknown), [("store.cach_mb", "config-unknown-key")]);
    assert_eq!(unknown[0].variable.as_deref(), Some("TAMIS__STORE__CACH_MB"));
    assert_eq!(pairs(&faults(&[("TAMIS__a", "1")])), [("TAMIS__a", "environment-name")]);
}

#[test]
fn it_cannot_carry_a_secret() {
    let faults = faults(&[("TAMIS__META__VERIFY_TOKEN", "CANARY"), ("TAMIS__KEYS__ROOT", "CANARY")]);
    assert_eq!(
        pairs(&faults),
        [("meta.verify_token", "secret-in-config"), ("keys.root", "secret-in-config")]
    );
    assert!(faults.iter().all(|fault| !fault.to_string().contains("CANARY")));
}
