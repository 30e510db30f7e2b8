//! The grammar of `fields=`, and what it keeps of a node.
//!
//! `a,b{c,d},e.limit(5){f}`: names, each with optional modifiers and an optional selection below (*Graph API
//! overview*, "Fields" and "Nested requests").

use serde_json::{Map, Value};

/// One wanted field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    /// What is wanted below it; empty: all.
    pub below: Vec<Field>,
}

/// Where a `fields=` stopped making sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FieldsSyntax {
    pub at: usize,
}

/// Parses the value of `fields=`, decoded.
pub(crate) fn parse(text: &str) -> Result<Vec<Field>, FieldsSyntax> {
    let mut reader = Reader { text, at: 0 };
    let fields = reader.list(0)?;
    if reader.at < text.len() { Err(reader.fault()) } else { Ok(fields) }
}

/// Keeps of an object's fields those that are wanted, and `id`, which Graph always sends along (seen).
pub(crate) fn keep(node: &Value, wanted: &[Field]) -> Value {
    match node {
        _ if wanted.is_empty() => node.clone(),
        Value::Array(items) => Value::Array(items.iter().map(|item| keep(item, wanted)).collect()),
        Value::Object(map) if map.get("data").is_some_and(Value::is_array) => {
            let wrapped = map.iter().map(|(key, value)| (key.clone(), keep(value, wanted)));
            Value::Object(wrapped.collect())
        }
        Value::Object(map) => {
            let mut kept = Map::new();
            for field in wanted {
                if let Some(value) = map.get(&field.name) {
                    kept.insert(field.name.clone(), keep(value, &field.below));
                }
            }
            if let Some(id) = map.get("id") {
                kept.insert("id".to_owned(), id.clone());
            }
            Value::Object(kept)
        }
        plain => plain.clone(),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn list(&mut self, depth: usize) -> Result<Vec<Field>, FieldsSyntax> {
        if depth > DEPTH_MAX {
            return Err(self.fault());
        }
        let mut fields = Vec::new();
        loop {
            let name = self.name();
            if name.is_empty() {
                return Err(self.fault());
            }
            while self.take(b'.') {
                self.modifier()?;
            }
            let mut below = Vec::new();
            if self.take(b'{') {
                below = self.list(depth + 1)?;
                if !self.take(b'}') {
                    return Err(self.fault());
                }
            }
            fields.push(Field { name, below });
            if !self.take(b',') {
                return Ok(fields);
            }
        }
    }

    fn name(&mut self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn modifier(&mut self) -> Result<(), FieldsSyntax> {
        let named = !self.name().is_empty() && self.take(b'(');
        let rest = &self.text[self.at..];
        match rest.find(')') {
            Some(end) if named => {
                self.at += end + 1;
                Ok(())
            }
            _ => Err(self.fault()),
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.text.as_bytes().get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn fault(&self) -> FieldsSyntax {
        FieldsSyntax { at: self.at }
    }
}

const DEPTH_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_selections_are_read() {
        let fields = parse("id,questions.limit(5){key,options{value}},locale").unwrap();
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["id", "questions", "locale"]);
        assert_eq!(fields[1].below[1].below[0].name, "value");
    }

    #[test]
    fn faults_are_found_where_they_stand() {
        for (text, at) in [("", 0), ("a,", 2), ("a{b", 3), ("a}", 1), ("a,,b", 2), ("é", 0), ("a.limit(", 8)]
        {
            assert_eq!(parse(text), Err(FieldsSyntax { at }), "{text}");
        }
    }

    #[test]
    fn only_wanted_fields_and_the_id_are_kept() {
        let node = json!({"id": "1", "a": 1, "q": [{"id": "2", "k": "x", "t": "y"}], "w": {"data": [{"k": 1, "t": 2}]}});
        let kept = keep(&node, &parse("q{k},w{t},nothing").unwrap());
        assert_eq!(kept, json!({"id": "1", "q": [{"id": "2", "k": "x"}], "w": {"data": [{"t": 2}]}}));
    }
}
