//! The results as pictures.

use crate::load::Cost;
use crate::results::{Line, Results};
use plotters::prelude::*;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

/// The size of a picture, in pixels.
const SIZE: (u32, u32) = (1280, 640);
/// How much of a group's width its bars take together.
const GROUP: f64 = 0.8;
/// The colours of the bars (Okabe and Ito's, which colour-blind people can tell apart).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
];

/// One figure of a cost.
type Figure = fn(&Cost) -> u64;

type Outcome = Result<(), Box<dyn Error>>;

/// A picture of bars in groups.
struct Bars {
    title: String,
    unit: &'static str,
    /// Whether each step up is ten times as much.
    is_logarithmic: bool,
    /// What each bar of a group is.
    series: Vec<String>,
    /// The names of the groups and their bars' lengths.
    groups: Vec<(String, Vec<Option<f64>>)>,
}

fn place(line: &Line) -> String {
    format!("{} {}", line.place.database, line.place.protocol()).trim().to_owned()
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}

impl Bars {
    /// The CPU time of each answer, by who gave it.
    fn of_cpu(part: &str, lines: &[&Line]) -> Self {
        let series = distinct(lines.iter().map(|line| line.subject.clone()));
        let cpu = |line: &Line| line.spread(|cost| cost.server_cpu).median;
        let groups = distinct(lines.iter().map(|line| place(line))).into_iter().map(|group| {
            let bar = |subject: &String| lines.iter().find(|line| place(line) == group && line.subject == *subject);
            let bars = series.iter().map(|subject| bar(subject).map(|line| cpu(line)).filter(|cpu| *cpu > 0.0));
            (group.clone(), bars.collect())
        });
        let groups = groups.collect();
        let title = format!("{part}: the server's CPU time for each answer");
        Self { title, unit: "µs", is_logarithmic: false, series, groups }
    }

    /// How long answers took.
    fn of_latency(part: &str, lines: &[&Line]) -> Self {
        let figures: [(&str, Figure); 3] =
            [("p50", |cost| cost.p50), ("p99", |cost| cost.p99), ("p99.9", |cost| cost.p999)];
        let groups = lines.iter().map(|line| {
            let bars = figures.iter().map(|(_, figure)| Some(line.spread(|cost| figure(cost) as f64).median));
            (format!("{}: {}", place(line), line.subject), bars.collect())
        });
        let series = figures.iter().map(|(name, _)| (*name).to_owned()).collect();
        let title = format!("{part}: how long answers take");
        Self { title, unit: "µs", is_logarithmic: true, series, groups: groups.collect() }
    }

    fn lengths(&self) -> impl Iterator<Item = f64> {
        self.groups.iter().flat_map(|(_, bars)| bars.iter().copied().flatten())
    }

    fn draw(&self, path: &Path) -> Outcome {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let longest = self.lengths().fold(1.0, f64::max);
        let across = 0.0..self.groups.len() as f64;
        let mut chart = ChartBuilder::on(&area);
        chart.caption(&self.title, ("sans-serif", 22)).margin(12).x_label_area_size(60).y_label_area_size(80);
        if self.is_logarithmic {
            let floor = self.lengths().fold(longest, f64::min).max(1.0) / 2.0;
            self.fill(chart.build_cartesian_2d(across, (floor..longest * 6.0).log_scale())?, floor)?;
        } else {
            self.fill(chart.build_cartesian_2d(across, 0.0..longest * 1.25)?, 0.0)?;
        }
        area.present()?;
        Ok(())
    }

    fn fill<'a, Y>(
        &self,
        mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<plotters::coord::types::RangedCoordf64, Y>>,
        floor: f64,
    ) -> Outcome
    where
        Y: plotters::coord::ranged1d::Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    {
        let size = if self.groups.len() > 8 { 10 } else { 13 };
        chart.configure_mesh().disable_mesh().disable_x_axis().y_desc(self.unit).y_labels(8).draw()?;
        let width = GROUP / self.series.len().max(1) as f64;
        for (number, name) in self.series.iter().enumerate() {
            let colour = COLOURS.iter().cycle().nth(number).copied().unwrap_or(BLACK);
            let bars = self.groups.iter().enumerate().filter_map(|(group, (_, bars))| {
                let length = bars.get(number).copied().flatten()?;
                let left = group as f64 + (1.0 - GROUP) / 2.0 + number as f64 * width;
                Some(Rectangle::new([(left, floor), (left + width * 0.95, length)], colour.filled()))
            });
            let legend = move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled());
            chart.draw_series(bars)?.label(name).legend(legend);
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperRight).background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
        let area = chart.plotting_area();
        let names = self.groups.iter().enumerate().map(|(group, (name, _))| {
            let style = TextStyle::from(("sans-serif", size).into_font());
            let below = area.map_coordinate(&(group as f64 + 0.05, floor));
            // Every other one lower, so that long names do not lie on each other.
            let lower = if group % 2 == 0 { 8 } else { 28 };
            (name.clone(), style, (below.0, below.1 + lower))
        });
        let names: Vec<_> = names.collect();
        let root = area.strip_coord_spec();
        let corner = root.get_pixel_range();
        for (name, style, (x, y)) in names {
            root.draw(&Text::new(name, (x - corner.0.start, y - corner.1.start), style))?;
        }
        Ok(())
    }
}

/// Draws two pictures of each part: what answers cost, and how long they take.
///
/// # Errors
/// That a file cannot be written.
pub fn draw(folder: &Path, results: &Results) -> Outcome {
    for part in distinct(results.lines.iter().map(|line| line.part.to_owned())) {
        let lines: Vec<_> = results.lines.iter().filter(|line| line.part == part).collect();
        Bars::of_cpu(&part, &lines).draw(&folder.join(format!("{part}-cpu.svg")))?;
        Bars::of_latency(&part, &lines).draw(&folder.join(format!("{part}-latency.svg")))?;
    }
    Ok(())
}
