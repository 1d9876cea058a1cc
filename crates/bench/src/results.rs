//! What was measured, as it is kept.

use crate::clients::Protocol;
use crate::load::Cost;
use crate::machine::Machine;
use serde::Serialize;
use testkit::database::DatabaseKind;

/// A value of several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of values, of which there is one at least.
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

/// Where something was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The database.
    pub database: DatabaseKind,
    /// The protocol; none where it is about none.
    pub protocol: Option<Protocol>,
}

impl Place {
    /// Over a protocol.
    #[must_use]
    pub const fn over(database: DatabaseKind, protocol: Protocol) -> Self {
        Self { database, protocol: Some(protocol) }
    }

    /// Over no protocol.
    #[must_use]
    pub const fn at(database: DatabaseKind) -> Self {
        Self { database, protocol: None }
    }

    /// The protocol, for people.
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

/// What one kind of question cost.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The part of the measurement.
    pub part: &'static str,
    /// Database and protocol.
    pub place: Place,
    /// Who was asked, and what.
    pub subject: String,
    /// The rounds.
    pub rounds: Vec<Cost>,
}

impl Line {
    /// A figure of each round.
    pub fn each(&self, figure: impl Fn(&Cost) -> f64) -> Vec<f64> {
        self.rounds.iter().map(figure).collect()
    }

    /// A figure's spread.
    pub fn spread(&self, figure: impl Fn(&Cost) -> f64) -> Spread {
        Spread::of(&self.each(figure))
    }

    /// How a figure compares to another line's, round by round: what disturbs one of them disturbs the other.
    pub fn over(&self, other: &Self, figure: impl Fn(&Cost) -> f64 + Copy) -> Vec<f64> {
        self.each(figure).into_iter().zip(other.each(figure)).map(|(one, two)| one / two).collect()
    }
}

/// Something that is counted or timed by itself.
#[derive(Clone, Debug, Serialize)]
pub struct Quantity {
    /// The part of the measurement.
    pub part: &'static str,
    /// Database and protocol.
    pub place: Place,
    /// What it is.
    pub what: String,
    /// In what it is told.
    pub unit: &'static str,
    /// Once for each time that it was measured.
    pub values: Vec<f64>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Bound {
    /// No more.
    AtMost(f64),
    /// No less.
    AtLeast(f64),
}

/// A figure that should be within a bound.
#[derive(Clone, Debug, Serialize)]
pub struct Aim {
    /// Which figure.
    pub figure: String,
    /// Database and protocol.
    pub place: Place,
    /// The bound.
    pub bound: Bound,
    /// What was measured.
    pub measured: Spread,
    /// Whether the middle one is within the bound.
    pub is_met: bool,
}

/// Everything.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The machine.
    pub machine: Machine,
    /// How it was measured.
    pub method: String,
    /// What questions cost.
    pub lines: Vec<Line>,
    /// What else was measured.
    pub quantities: Vec<Quantity>,
    /// What should be.
    pub aims: Vec<Aim>,
}

impl Results {
    /// Keeps a quantity.
    pub fn note(&mut self, part: &'static str, place: Place, what: &str, unit: &'static str, values: Vec<f64>) {
        let spread = Spread::of(&values);
        eprintln!("{} {} {what}: {:.2} {unit}", place.database, place.protocol(), spread.median);
        self.quantities.push(Quantity { part, place, what: what.to_owned(), unit, values });
    }

    /// Compares a figure with what it should be.
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
