//! The measured results.

use crate::clients::Protocol;
use crate::load::Cost;
use crate::machine::Machine;
use serde::Serialize;
use testkit::database::DatabaseKind;

/// The spread of a value over several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// The spread of at least one value.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let (half, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        let median =
            if sorted.len().is_multiple_of(2) { f64::midpoint(at(half.saturating_sub(1)), at(half)) } else { at(half) };
        Self { median, min: at(0), max: at(last) }
    }
}

/// Database and protocol of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub database: DatabaseKind,
    /// `None` if the measurement is about no protocol.
    pub protocol: Option<Protocol>,
}

impl Place {
    #[must_use]
    pub const fn over(database: DatabaseKind, protocol: Protocol) -> Self {
        Self { database, protocol: Some(protocol) }
    }

    /// Over no protocol.
    #[must_use]
    pub const fn at(database: DatabaseKind) -> Self {
        Self { database, protocol: None }
    }

    /// The protocol's name; empty for none.
    #[must_use]
    pub fn protocol(&self) -> String {
        self.protocol.map_or_else(String::new, |protocol| protocol.to_string())
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.database.to_string(), self.protocol()).serialize(serializer)
    }
}

/// The costs of one kind of request.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub part: &'static str,
    pub place: Place,
    pub subject: String,
    pub rounds: Vec<Cost>,
}

impl Line {
    pub fn each(&self, figure: impl Fn(&Cost) -> f64) -> Vec<f64> {
        self.rounds.iter().map(figure).collect()
    }

    pub fn spread(&self, figure: impl Fn(&Cost) -> f64) -> Spread {
        Spread::of(&self.each(figure))
    }

    /// The ratio of a figure to another line's, round by round, because a disturbance affects both.
    pub fn over(&self, other: &Self, figure: impl Fn(&Cost) -> f64 + Copy) -> Vec<f64> {
        self.each(figure).into_iter().zip(other.each(figure)).map(|(one, two)| one / two).collect()
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Quantity {
    pub part: &'static str,
    pub place: Place,
    pub what: String,
    pub unit: &'static str,
    /// One value per measurement.
    pub values: Vec<f64>,
}

/// The target of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Debug, Serialize)]
pub struct Aim {
    pub figure: String,
    pub place: Place,
    pub bound: Bound,
    pub measured: Spread,
    /// Whether the median is within the bound.
    pub is_met: bool,
}

#[derive(Debug, Serialize)]
pub struct Results {
    pub machine: Machine,
    pub method: String,
    pub lines: Vec<Line>,
    pub quantities: Vec<Quantity>,
    /// The figures with targets.
    pub aims: Vec<Aim>,
}

impl Results {
    pub fn note(&mut self, part: &'static str, place: Place, what: &str, unit: &'static str, values: Vec<f64>) {
        let spread = Spread::of(&values);
        eprintln!("{} {} {what}: {:.2} {unit}", place.database, place.protocol(), spread.median);
        self.quantities.push(Quantity { part, place, what: what.to_owned(), unit, values });
    }

    /// Compares a figure with its target and adds it.
    pub fn aim(&mut self, figure: &str, place: Place, bound: Bound, values: &[f64]) {
        let measured = Spread::of(values);
        let is_met = match bound {
            Bound::AtMost(most) => measured.median <= most,
            Bound::AtLeast(least) => measured.median >= least,
        };
        self.aims.push(Aim { figure: figure.to_owned(), place, bound, measured, is_met });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_of_rounds_lies_between_two() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
    }
}
