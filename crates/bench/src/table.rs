//! The result as a Markdown table.

use crate::load::Cost;
use crate::reads::Line;
use std::fmt::Write;

/// A table with a group of columns per number of products, and the ratio of the last to the first.
#[must_use]
pub fn markdown(products: &[u64], lines: &[Line]) -> String {
    let mut text = "| database | protocol | read |".to_owned();
    for size in products {
        let _ = write!(text, " {size}: CPU µs | p50 µs | p99 µs | answers/s |");
    }
    text.push_str(" CPU ratio |\n");
    text.push_str(&"| --- ".repeat(4 + products.len() * 4));
    text.push_str("|\n");
    for line in lines {
        let _ = write!(text, "| {} | {} | {} |", line.database, line.protocol, line.read);
        for cost in &line.costs {
            let _ = write!(text, " {} | {} | {} | {:.0} |", cpu(cost), cost.p50, cost.p99, cost.rate);
        }
        let ratio = line.costs.first().zip(line.costs.last()).map_or(f64::NAN, |(first, last)| all(last) / all(first));
        let _ = writeln!(text, " {ratio:.2} |");
    }
    text
}

fn all(cost: &Cost) -> f64 {
    cost.server_cpu + cost.database_cpu
}

/// The CPU time of the server, and of the database's processes if it has any.
fn cpu(cost: &Cost) -> String {
    if cost.database_cpu > 0.0 {
        format!("{:.0} + {:.0}", cost.server_cpu, cost.database_cpu)
    } else {
        format!("{:.0}", cost.server_cpu)
    }
}
