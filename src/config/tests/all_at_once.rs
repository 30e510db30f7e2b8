//! All faults together, and never a value.

use super::*;

#[test]
fn ten_faults_are_ten_faults() {
    let text = EXAMPLE
        .replace("country = \"FR\"\nemail", "email")
        .replace("https://graph.facebook.com", "http://graph.facebook.com")
        .replace("\"v27.0\"", "\"26\"")
        .replace("calls_in_flight = 16", "calls_in_flight = \"many\"")
        .replace("drain_seconds = 20", "drain_seconds = 20\ndrain_minutes = 1")
        .replace("\"/var/lib/tamis-keys/keyring\"", "\"/var/lib/tamis/store/keyring\"")
        .replace(", why = { fr = \"vous envoyer le poseur le plus proche\", en = \"to send the nearest fitter\", de = \"um Ihnen den nächsten Monteur zu schicken\" }", "")
        .replace(
            "phone_number = { consent = \"call_optin\" }",
            "phone_number = {}\nreligion = { why = \"x\" }",
        )
        .replace("retention_months = 36", "");
    let faults = found(&text).faults;
    let mut found: Vec<(&str, &str)> = pairs(&faults);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("controller.country", "config-missing"),
            ("keys.keyring", "path-overlap"),
            ("meta.calls_in_flight", "config-wrong-type"),
            ("meta.graph_url", "insecure-url"),
            ("meta.graph_version", "config-malformed"),
            ("public.drain_minutes", "config-unknown-key"),
            ("purposes.devis.fields.postcode", "why-missing"),
            ("purposes.lettre.fields.phone_number", "phone-without-consent"),
            ("purposes.lettre.fields.religion", "special-category"),
            ("purposes.lettre.retention_months", "config-missing"),
        ]
    );
}

/// Puts a canary into every leaf, one kind after the other, and into each leaf alone.
#[test]
fn no_fault_echoes_a_value() {
    let Ok(example) = EXAMPLE.parse::<toml::Table>() else { panic!("TOML") };
    let canaries = [
        toml::Value::String("CANARY-8271".into()),
        toml::Value::Integer(8_271_827_182_718_271),
        toml::Value::Float(8271.8271),
        toml::Value::Array(vec![toml::Value::String("CANARY-8271".into())]),
        toml::Value::Table(
            [("x".to_owned(), toml::Value::String("CANARY-8271".into()))].into_iter().collect(),
        ),
    ];
    let mut refused = 0;
    for canary in &canaries {
        let mut leaves = Vec::new();
        collect(&toml::Value::Table(example.clone()), &mut Vec::new(), &mut leaves);
        assert!(leaves.len() > 60, "{}", leaves.len());
        let mut all = toml::Value::Table(example.clone());
        for leaf in &leaves {
            let mut one = toml::Value::Table(example.clone());
            put(&mut one, leaf, canary);
            put(&mut all, leaf, canary);
            refused += check(&one);
        }
        assert_eq!(check(&all), 1, "{canary:?}");
    }
    assert!(refused > 200, "most of them are refused: {refused}");
}

fn check(tree: &toml::Value) -> usize {
    let found = found(&written(tree));
    for fault in found.faults.iter().chain(&found.warnings) {
        let text = format!("{fault} {fault:?}");
        assert!(!text.contains("8271"), "{text}");
        // Whoever reads it sits at a server, which has no sources.
        assert!(!text.contains("config/") && !text.contains("docs/") && !text.contains(".md"), "{text}");
    }
    usize::from(!found.faults.is_empty())
}

fn collect(tree: &toml::Value, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &toml::Value)> = match tree {
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        toml::Value::Array(list) => {
            list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => {
            leaves.push(path.clone());
            return;
        }
    };
    for (name, child) in children {
        path.push(name);
        collect(child, path, leaves);
        path.pop();
    }
}

fn put(tree: &mut toml::Value, path: &[String], canary: &toml::Value) {
    let Some((first, rest)) = path.split_first() else {
        *tree = canary.clone();
        return;
    };
    let child = match tree {
        toml::Value::Table(table) => table.get_mut(first),
        toml::Value::Array(list) => first.parse::<usize>().ok().and_then(|at| list.get_mut(at)),
        _ => None,
    };
    if let Some(child) = child {
        put(child, rest, canary);
    }
}

/// TOML with everything inline below the top level.
pub(super) fn written(tree: &toml::Value) -> String {
    let toml::Value::Table(table) = tree else { panic!("a table") };
    table.iter().map(|(key, value)| format!("{key} = {}\n", inline(value))).collect()
}

fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => format!("{text:?}"),
        toml::Value::Table(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        toml::Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
    }
}
