//! The file of orders that outlives a restart: one line of JSON for each change of an order. The line break is written before
//! each line, not after it, so that an incomplete line never merges with the next.

use super::book::Order;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// The journal, open for appending.
pub(super) struct Journal(File);

impl Journal {
    /// Opens a journal and reads its orders. The last line about each order counts. An incomplete line is skipped.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Order>)> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let (mut places, mut orders) = (HashMap::new(), Vec::new());
        for line in BufReader::new(&file).split(b'\n') {
            let Ok(order) = serde_json::from_slice::<Order>(&line?) else { continue };
            let place = *places.entry(order.order.clone()).or_insert(orders.len());
            match orders.get_mut(place) {
                Some(known) => *known = order,
                None => orders.push(order),
            }
        }
        Ok((Self(file), orders))
    }

    /// Appends the current state of an order.
    pub(super) fn write(&mut self, order: &Order) -> io::Result<()> {
        let mut line = vec![b'\n'];
        serde_json::to_writer(&mut line, order)?;
        self.0.write_all(&line)
    }
}
