//! The notice as Markdown (CommonMark), to be pasted into a site of one's own.

use crate::notice::document::{Block, Inline, Notice, Row, plain};
use crate::notice::words::words;

/// The whole notice.
pub fn markdown(notice: &Notice) -> String {
    let words = words(notice.language);
    let mut text =
        format!("# {}\n\n{} · {}\n\n", line(&notice.title), escaped(&notice.controller), words.kind);
    text.push_str(&format!("## {}\n\n", words.summary_heading));
    rows(&mut text, &notice.summary);
    text.push_str(&format!("{}\n\n", line(&notice.action)));
    for section in &notice.sections {
        text.push_str(&format!("## {}\n\n", escaped(&section.heading)));
        for block in &section.blocks {
            match block {
                Block::Text(pieces) => text.push_str(&format!("{}\n\n", lines(pieces))),
                Block::List(points) => {
                    for point in points {
                        text.push_str(&format!("- {}\n", lines(point)));
                    }
                    text.push('\n');
                }
                Block::Facts(facts) => rows(&mut text, facts),
            }
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn rows(text: &mut String, rows: &[Row]) {
    for row in rows {
        let said: Vec<String> = row.said.iter().map(|pieces| lines(pieces)).collect();
        text.push_str(&format!("- **{}**: {}\n", escaped(&plain(&row.name)), said.join(" ")));
    }
    text.push('\n');
}

fn lines(pieces: &[Inline]) -> String {
    pieces.iter().map(line).collect()
}

fn line(piece: &Inline) -> String {
    match &piece.link {
        Some(link) => format!("[{}](<{link}>)", escaped(&piece.text)),
        None => escaped(&piece.text),
    }
}

/// Nothing of the operator's words is taken for a mark.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::notice::Edition;
    use crate::notice::facts::sample::House;

    #[test]
    fn it_says_what_the_page_says_and_takes_no_word_for_a_mark() {
        let mut house = House::new();
        house.controller.name = "A*B [x](y) <b> & C_D".to_owned();
        let edition = Edition::of(house.facts());
        let notice = edition.in_language(Language::En).expect("English");
        let text = markdown(notice);
        assert!(text.starts_with("# Send you our letter\n\n"), "{text}");
        assert!(text.contains("A\\*B \\[x\\](y) \\<b\\> \\& C\\_D"), "{text}");
        assert!(text.contains("[vie-privee@lumen.example](<mailto:vie-privee@lumen.example>)"), "{text}");
        for section in &notice.sections {
            assert!(text.contains(&format!("\n## {}\n", section.heading)), "{}", section.heading);
        }
        assert!(!text.contains("\n\n\n") && text.ends_with(".\n"), "{text}");
    }
}
