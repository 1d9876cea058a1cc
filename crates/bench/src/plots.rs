//! The results as plots.

use crate::load::Cost;
use crate::results::{Line, Results};
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

/// The height of a plot, its minimum width, and the minimum width of a group, in pixels.
const HEIGHT: u32 = 640;
const WIDTH: u32 = 1280;
const GROUP_WIDTH: u32 = 160;
/// The height of a line of a group's name, and the maximum number of lines.
const NAME_LINE: i32 = 18;
const NAME_LINES: i32 = 3;
/// The share of a group's width that its bars take.
const GROUP: f64 = 0.8;
/// The colours of the bars (Okabe and Ito's, which colour-blind people can distinguish).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
];

type Figure = fn(&Cost) -> u64;

type Outcome = Result<(), Box<dyn Error>>;

struct BarChart {
    title: String,
    unit: &'static str,
    is_logarithmic: bool,
    /// The names of the bars of a group.
    series: Vec<String>,
    /// The names of the groups and the lengths of their bars.
    groups: Vec<(String, Vec<Option<f64>>)>,
}

fn place(line: &Line) -> String {
    format!("{} {}", line.place.database, line.place.protocol()).trim().to_owned()
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}

impl BarChart {
    /// The CPU time per answer.
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
        let groups = u32::try_from(self.groups.len())?;
        let root = SVGBackend::new(path, (WIDTH.max(groups * GROUP_WIDTH), HEIGHT)).into_drawing_area();
        root.fill(&WHITE)?;
        let longest = self.lengths().fold(1.0, f64::max);
        let across = 0.0..self.groups.len() as f64;
        let mut chart = ChartBuilder::on(&root);
        chart.caption(&self.title, ("sans-serif", 22)).margin(12).y_label_area_size(80);
        chart.x_label_area_size(NAME_LINE * (NAME_LINES + 1));
        // The space above the longest bar is for the legend.
        if self.is_logarithmic {
            let floor = self.lengths().fold(longest, f64::min).max(1.0) / 2.0;
            let chart = chart.build_cartesian_2d(across, (floor..longest * 6.0).log_scale())?;
            self.fill(&root, chart, floor)?;
        } else {
            let chart = chart.build_cartesian_2d(across, 0.0..longest * 1.25)?;
            self.fill(&root, chart, 0.0)?;
        }
        root.present()?;
        Ok(())
    }

    fn fill<'a, Y>(
        &self,
        root: &DrawingArea<SVGBackend<'a>, Shift>,
        mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, Y>>,
        floor: f64,
    ) -> Outcome
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let whole = |value: &f64| format!("{value:.0}");
        let mut mesh = chart.configure_mesh();
        mesh.disable_mesh().disable_x_axis().y_desc(self.unit).y_labels(8).y_label_formatter(&whole).draw()?;
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
        for (group, (name, _)) in self.groups.iter().enumerate() {
            let (x, y) = chart.plotting_area().map_coordinate(&(group as f64 + 0.1, floor));
            for (line, text) in (0..).zip(name.split([':', ','])) {
                let place = (x, y + NAME_LINE / 2 + NAME_LINE * line);
                root.draw(&Text::new(text.trim().to_owned(), place, ("sans-serif", 14)))?;
            }
        }
        Ok(())
    }
}

/// Draws two plots of each part: CPU time and latency.
pub fn draw(folder: &Path, results: &Results) -> Outcome {
    for part in distinct(results.lines.iter().map(|line| line.part.to_owned())) {
        let lines: Vec<_> = results.lines.iter().filter(|line| line.part == part).collect();
        BarChart::of_cpu(&part, &lines).draw(&folder.join(format!("{part}-cpu.svg")))?;
        BarChart::of_latency(&part, &lines).draw(&folder.join(format!("{part}-latency.svg")))?;
    }
    Ok(())
}
