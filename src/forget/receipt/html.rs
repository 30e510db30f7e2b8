//! A receipt as a page: to read on a screen, and to print in black and white. It needs nothing from outside and runs nothing.

use std::fmt::Write as _;

use crate::forget::receipt::page::{Page, Part};

/// Nothing is loaded, nothing runs, nothing is sent.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

const STYLE: &str = "
:root { color-scheme: light; }
body { background: #fff; color: #000; font: 1rem/1.5 \"Liberation Sans\", Arial, Helvetica, sans-serif; margin: 0; }
main { margin: 0 auto; max-width: 44rem; padding: 2rem 1.25rem 3rem; }
h1 { border-bottom: 2px solid #000; font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem; padding-bottom: .5rem; }
h2 { break-after: avoid; font-size: 1.15rem; line-height: 1.3; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; }
p, li, td { overflow-wrap: anywhere; }
ul { margin: .5rem 0; padding-left: 1.25rem; }
table { border-collapse: collapse; margin: .75rem 0; width: 100%; }
th, td { border: 1px solid #767676; padding: .4rem .6rem; text-align: left; vertical-align: top; }
thead th { background: #eee; }
th { font-weight: 600; }
tr { break-inside: avoid; }
.facts th { width: 13rem; }
.facts th, .facts td { border-width: 0 0 1px; padding-left: 0; }
.dated th:last-child, .dated td:last-child { width: 11rem; }
pre, code { font: .75rem/1.4 \"Liberation Mono\", \"DejaVu Sans Mono\", monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
code { font-size: .9rem; }
pre { border: 1px solid #767676; padding: .75rem; }
@media (max-width: 30rem) { .facts th { width: 8rem; } .dated th:last-child, .dated td:last-child { width: 6.5rem; } }
@page { margin: 18mm; size: A4; }
@media print { body { font-size: 10pt; } main { max-width: none; padding: 0; } thead th { background: none; } h2 { margin-top: 1.25rem; } }
";

/// Writes the page.
pub(super) fn of(page: &Page<'_>) -> String {
    let (language, title) = (page.language, escaped(page.title));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        escaped(POLICY)
    );
    for part in &page.parts {
        write_part(part, &mut html);
    }
    html + "</main>\n</body>\n</html>\n"
}

fn write_part(part: &Part<'_>, html: &mut String) {
    let _ = match part {
        Part::Heading(heading) => writeln!(html, "<h2>{}</h2>", escaped(heading)),
        Part::Text(sentence) => writeln!(html, "<p>{}</p>", escaped(sentence)),
        Part::List(entries) => {
            let entries: String =
                entries.iter().map(|entry| format!("<li>{}</li>\n", escaped(entry))).collect();
            writeln!(html, "<ul>\n{entries}</ul>")
        }
        Part::Facts(facts) => {
            let row = |(what, fact): &(&str, String)| {
                format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(what), escaped(fact))
            };
            let rows: String = facts.iter().map(row).collect();
            writeln!(html, "<table class=\"facts\">\n<tbody>\n{rows}</tbody>\n</table>")
        }
        Part::Table(heads, rows) => {
            let heads: String =
                heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
            let row = |row: &[String; 2]| {
                format!("<tr><td>{}</td><td>{}</td></tr>\n", escaped(&row[0]), escaped(&row[1]))
            };
            let rows: String = rows.iter().map(row).collect();
            writeln!(
                html,
                "<table class=\"dated\">\n<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>"
            )
        }
        Part::Command(command) => writeln!(html, "<p><code>{}</code></p>", escaped(command)),
        // English as it is, whatever the page speaks. A line's end right after the tag would be swallowed.
        Part::Note(heading, note) => {
            writeln!(html, "<h2>{}</h2>\n<pre lang=\"en\">{}</pre>", escaped(heading), escaped(note))
        }
    };
}

/// Text that is text wherever it stands, within an element or an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
