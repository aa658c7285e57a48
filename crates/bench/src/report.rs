//! What a run found, as a page of Markdown with charts.

use std::fmt::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::plot::{Bars, svg};
use crate::scenes::Effort;

/// A part of the page.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// What was done, a sentence or two.
    pub(crate) text: String,
    pub(crate) heading: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) charts: Vec<Bars>,
    pub(crate) goals: Vec<Goal>,
}

/// A figure that was aimed at.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    /// Its number in the list of aims.
    pub(crate) line: u8,
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) found: String,
    pub(crate) held: bool,
}

impl Goal {
    /// At most so much.
    pub(crate) fn at_most(line: u8, what: impl Into<String>, most: f64, found: f64) -> Self {
        Self {
            line,
            what: what.into(),
            wanted: format!("at most {}", number(most)),
            found: number(found),
            held: found <= most,
        }
    }

    /// At least so much.
    pub(crate) fn at_least(line: u8, what: impl Into<String>, least: f64, found: f64) -> Self {
        Self {
            line,
            what: what.into(),
            wanted: format!("at least {}", number(least)),
            found: number(found),
            held: found >= least,
        }
    }
}

/// A number as people read it: three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) && digit != '-' {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

impl Section {
    /// A table for the terminal and the page.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        if self.rows.is_empty() {
            return text;
        }
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells: Vec<_> = cells.collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(&mut self.heading.iter().copied());
        line(&mut self.heading.iter().map(|_| "---"));
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str));
        }
        text
    }
}

/// Shows a section on the terminal.
pub(crate) fn show(section: &Section) {
    println!(
        "\n{}\n{}\n\n{}",
        section.title,
        section.text,
        section.table()
    );
    for goal in &section.goals {
        println!("{}", goal_line(goal));
    }
}

fn goal_line(goal: &Goal) -> String {
    let held = if goal.held { "held" } else { "NOT held" };
    let Goal {
        line,
        what,
        wanted,
        found,
        ..
    } = goal;
    format!("{line}. {what}: {found} ({wanted}): {held}")
}

/// On what, of what and how a run was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) machine: Machine,
    /// Of the servers that were measured.
    pub(crate) versions: String,
    pub(crate) effort: Effort,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            machine,
            versions,
            effort,
        } = self;
        writeln!(
            f,
            "{machine}\n{versions}; `cargo xtask bench --seconds {} --rounds {}`.",
            effort.time.as_secs(),
            effort.rounds
        )
    }
}

/// Writes the page and its charts below `docs`.
pub(crate) fn write(docs: &Path, made: &Made, sections: &[Section]) -> Result<()> {
    let folder = docs.join("performance");
    std::fs::create_dir_all(&folder)?;
    let mut page = String::from(include_str!("report/head.md"));
    let _ = write!(page, "\n## The machine\n\n{made}\n## The aims\n\n");
    page.push_str("| | aim | wanted | found | |\n|---|---|---|---|---|\n");
    let mut goals: Vec<_> = sections.iter().flat_map(|section| &section.goals).collect();
    goals.sort_by_key(|goal| goal.line);
    for goal in goals {
        let held = if goal.held { "held" } else { "**not held**" };
        let Goal {
            line,
            what,
            wanted,
            found,
            ..
        } = goal;
        let _ = writeln!(page, "| {line} | {what} | {wanted} | {found} | {held} |");
    }
    for section in sections {
        let _ = write!(page, "\n## {}\n\n{}\n", section.title, section.text);
        for chart in &section.charts {
            let file = folder.join(chart.file).with_extension("svg");
            std::fs::write(&file, svg(chart))
                .with_context(|| format!("cannot write {}", file.display()))?;
            let (title, name) = (&chart.title, chart.file);
            let _ = write!(page, "\n![{title}](performance/{name}.svg)\n");
        }
        if !section.rows.is_empty() {
            let _ = write!(page, "\n{}", section.table());
        }
    }
    // What people found out, kept by hand.
    let notes = folder.join("notes.md");
    if let Ok(notes) = std::fs::read_to_string(&notes) {
        let _ = write!(page, "\n{notes}");
    }
    let file = docs.join("performance.md");
    std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    println!("\nwritten: {}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let shown = [0.923, 5.0, 12.34, 123.4, 1234.5, 1_018_000.0].map(number);
        assert_eq!(shown, ["0.92", "5.00", "12.3", "123", "1,234", "1,018,000"]);
    }

    #[test]
    fn an_aim_is_held_at_its_very_edge() {
        assert!(Goal::at_most(1, "cost", 1.3, 1.3).held);
        assert!(!Goal::at_most(1, "cost", 1.3, 1.31).held);
        assert!(Goal::at_least(2, "rate", 4.0, 4.0).held);
        assert!(!Goal::at_least(2, "rate", 4.0, 3.99).held);
    }
}
