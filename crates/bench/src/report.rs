//! The results as Markdown.

use crate::results::{Aim, Bound, Line, Quantity, Results, Spread};
use std::fmt::Write;

/// A number with a sensible number of digits.
fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "–".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The median, and minimum and maximum if they differ.
fn spread(Spread { median, min, max }: Spread) -> String {
    let (least, middle, greatest) = (number(min), number(median), number(max));
    if least == greatest { middle } else { format!("{middle} ({least}–{greatest})") }
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::AtMost(most) => format!("≤ {}", number(most)),
        Bound::AtLeast(least) => format!("≥ {}", number(least)),
    }
}

fn row(text: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn head(text: &mut String, title: &str, columns: &[&str]) {
    let _ = writeln!(text, "\n## {title}\n");
    row(text, &columns.iter().map(ToString::to_string).collect::<Vec<_>>());
    row(text, &columns.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
}

fn aims(text: &mut String, aims: &[Aim]) {
    head(text, "Aims", &["figure", "database", "protocol", "aim", "measured", "met"]);
    for Aim { figure, place, bound: aim, measured, is_met } in aims {
        let met = if *is_met { "yes" } else { "**no**" }.to_owned();
        let cells = [figure.clone(), place.database.to_string(), place.protocol(), bound(*aim), spread(*measured), met];
        row(text, &cells);
    }
}

fn lines(text: &mut String, lines: &[Line]) {
    let columns = [
        "part",
        "database",
        "protocol",
        "who, what",
        "answers/s",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "server CPU µs",
        "database CPU µs",
        "refused",
    ];
    head(text, "Load", &columns);
    for line in lines {
        let cpu = |spread_of: Spread| if spread_of.max > 0.0 { spread(spread_of) } else { "–".to_owned() };
        let refused: u64 = line.rounds.iter().map(|cost| cost.refused).sum();
        let cells = [
            line.part.to_owned(),
            line.place.database.to_string(),
            line.place.protocol(),
            line.subject.clone(),
            spread(line.spread(|cost| cost.rate)),
            spread(line.spread(|cost| cost.p50 as f64)),
            spread(line.spread(|cost| cost.p99 as f64)),
            spread(line.spread(|cost| cost.p999 as f64)),
            cpu(line.spread(|cost| cost.server_cpu)),
            cpu(line.spread(|cost| cost.database_cpu)),
            refused.to_string(),
        ];
        row(text, &cells);
    }
}

fn quantities(text: &mut String, quantities: &[Quantity]) {
    head(text, "Else", &["part", "database", "protocol", "what", "measured", "unit"]);
    for Quantity { part, place, what, unit, values } in quantities {
        let measured = spread(Spread::of(values));
        let (database, protocol) = (place.database.to_string(), place.protocol());
        row(text, &[(*part).to_owned(), database, protocol, what.clone(), measured, (*unit).to_owned()]);
    }
}

#[must_use]
pub fn markdown(results: &Results) -> String {
    let mut text = format!("# Measurement\n\n{}\n\n{}\n", results.machine, results.method);
    aims(&mut text, &results.aims);
    lines(&mut text, &results.lines);
    quantities(&mut text, &results.quantities);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_value_has_no_spread() {
        assert_eq!(spread(Spread { median: 2.0, min: 2.0, max: 2.0 }), "2.00");
        assert_eq!(spread(Spread { median: 120.4, min: 99.96, max: 180.0 }), "120 (100.0–180)");
        assert_eq!(number(f64::NAN), "–");
    }
}
