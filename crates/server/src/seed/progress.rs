//! The progress of seeding: a bar on a terminal, or lines in a log.

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Progress {
    bar: ProgressBar,
    total: u64,
    is_terminal: bool,
    last_line: Instant,
}

impl Progress {
    pub(crate) fn new(total: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} products, {eta} left");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self { bar, total, is_terminal, last_line: Instant::now() }
    }

    pub(crate) fn tell(&mut self, done: u64) {
        self.bar.set_position(done);
        if !self.is_terminal && done < self.total && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            // Seeding goes on if nobody reads the output.
            let _ = writeln!(std::io::stderr(), "{} of {} products", HumanCount(done), HumanCount(self.total));
        }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
