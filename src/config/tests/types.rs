//! What stands between quotes is a text, and a number with a point is no whole number: every key, held against another type.

use toml::{Table, Value};

use super::all_at_once::written;
use super::*;

/// The paths and values of a table that are not lists.
fn leaves(table: &Table, path: &[String], all: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in table {
        let path: Vec<String> = path.iter().chain([key]).cloned().collect();
        match value {
            Value::Table(below) => leaves(below, &path, all),
            Value::Array(_) => {}
            leaf => all.push((path, leaf.clone())),
        }
    }
}

fn table(text: &str) -> Table {
    text.parse().expect("TOML")
}

/// The example with another value there.
fn with(path: &[String], value: Value) -> String {
    let mut text = table(EXAMPLE);
    let (last, tables) = path.split_last().expect("a key");
    let within = tables.iter().fold(&mut text, |table, key| {
        let below = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
        below.as_table_mut().expect("a table")
    });
    within.insert(last.clone(), value);
    written(&Value::Table(text))
}

fn of_default_and_example() -> Vec<(Vec<String>, Value)> {
    let mut all = Vec::new();
    leaves(&table(DEFAULTS), &[], &mut all);
    leaves(&table(EXAMPLE), &[], &mut all);
    all
}

#[test]
fn a_number_or_a_flag_between_quotes_is_refused_with_its_key_wherever_it_stands() {
    let mut looked_at = 0;
    for (path, value) in of_default_and_example() {
        let (others, wanted) = match &value {
            Value::Integer(number) => {
                let float = Value::Float(f64::from(u32::try_from(*number).expect("a small number")) + 0.5);
                (vec![Value::String(number.to_string()), float], "Write digits alone, without quotes.")
            }
            Value::Boolean(flag) => {
                let others = vec![Value::String(flag.to_string()), Value::Integer(1)];
                (others, "Write true or false, without quotes.")
            }
            _ => continue,
        };
        looked_at += 1;
        let key = path.join(".");
        for other in others {
            let faults = found(&with(&path, other.clone())).faults;
            assert_eq!(pairs(&faults), [(key.as_str(), "config-wrong-type")], "{key} {other:?}: {faults:#?}");
            assert_eq!(faults[0].mend, wanted, "{key}");
        }
        let Value::Integer(number) = value else { continue };
        assert!(!faults_of(&with(&path, Value::Integer(number))).contains(&key), "{key}");
    }
    assert!(looked_at > 20, "{looked_at}");
}

fn faults_of(text: &str) -> Vec<String> {
    found(text).faults.into_iter().map(|fault| fault.key).collect()
}

#[test]
fn a_number_or_a_flag_where_a_text_belongs_is_refused_with_its_key() {
    let mut looked_at = 0;
    for (path, value) in of_default_and_example() {
        // An id may stand without quotes: nothing else could be meant.
        if !value.is_str() || path.last().is_some_and(|key| key == "app_id") {
            continue;
        }
        looked_at += 1;
        let key = path.join(".");
        for other in [Value::Integer(12), Value::Float(1.5), Value::Boolean(true)] {
            let faults = faults_of(&with(&path, other.clone()));
            assert!(
                faults.iter().any(|fault| key.starts_with(fault.as_str())),
                "{key} {other:?}: {faults:?}"
            );
        }
    }
    assert!(looked_at > 20, "{looked_at}");
}

/// The environment has texts alone, also where the file has a text that is none of its business.
#[test]
fn the_environment_sets_every_number_and_every_flag_by_a_text() {
    for (path, value) in of_default_and_example() {
        let value = match value {
            Value::Integer(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            _ => continue,
        };
        let variable = format!("TAMIS__{}", path.join("__").to_uppercase());
        let set = environment(&[(variable.as_str(), value.as_str())]);
        for text in [EXAMPLE.to_owned(), with(&path, Value::String("CANARY".into()))] {
            if let Err(faults) = parse(&text, &set) {
                panic!("{variable}: {faults}");
            }
        }
    }
}
