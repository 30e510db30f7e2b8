//! Aligned tables: words to the left, numbers to the right, two spaces between.

use std::fmt;

use crate::terminal::printable;

/// What a cell says of something that there may not be.
pub fn or_dash(value: &Option<impl fmt::Display>) -> String {
    value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

const GAP: &str = "  ";

/// Rows under a head, each column as wide as its widest cell.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|cell| (*cell).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells of others' words are made safe for a terminal here.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// True if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn width(&self, column: usize) -> usize {
        let all = std::iter::once(&self.head).chain(&self.rows);
        all.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    /// Ids are digits too, but all as long as one another or nearly: to the right does them no harm.
    fn is_numeric(&self, column: usize) -> bool {
        let number = |cell: &String| !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || c == ',');
        !self.rows.is_empty() && self.rows.iter().filter_map(|row| row.get(column)).all(number)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<(usize, bool)> =
            (0..self.head.len()).map(|column| (self.width(column), self.is_numeric(column))).collect();
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let mut line = String::new();
            for (cell, (width, numeric)) in row.iter().zip(&columns) {
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                line.push_str(GAP);
                line.push_str(&if *numeric { padding + cell } else { cell.clone() + &padding });
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        let mut table = Table::new(&["form", "count", "since"]);
        table.row(["9".to_owned(), "1,203".to_owned(), "été".to_owned()]);
        table.row(["901000000000001".to_owned(), "7".to_owned(), "2026-11-25".to_owned()]);
        let expected = concat!(
            "             form  count  since\n",
            "                9  1,203  été\n",
            "  901000000000001      7  2026-11-25\n",
        );
        assert_eq!(table.to_string(), expected);
    }
}
