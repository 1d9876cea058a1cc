//! Log lines for machines: one JSON object each.
//!
//! `{"timestamp":…,"level":…,"message":…,` the event's fields `,"target":…,"span":{"name":…,` the span's fields `}}`, as
//! [`tracing_subscriber::fmt::format::Json`] writes them. That one reads a span's fields back, and writes them again, for each
//! line and for each field that is added later; here they are written once, as the text that lines hold. Names of fields,
//! spans and targets stand in the program, and are written as they are; values are escaped.

use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events as lines.
pub(super) struct Line;

/// Writes fields as members of an object, each behind a comma: `,"method":"GET","route":"/users"`.
pub(super) struct Members;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\"", metadata.level())?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        write!(writer, ",\"target\":\"{}\"", metadata.target())?;
        if let Some(span) = event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current()) {
            write!(writer, ",\"span\":{{\"name\":\"{}\"", span.name())?;
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                writer.write_str(fields)?;
            }
            writer.write_char('}')?;
        }
        writer.write_str("}\n")
    }
}

impl<'writer> FormatFields<'writer> for Members {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor { writer, written: Ok(()) };
        fields.record(&mut visitor);
        visitor.written
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    written: fmt::Result,
}

impl Visitor<'_> {
    fn literal(&mut self, field: &Field, literal: impl fmt::Display) {
        self.member(field, |writer| write!(writer, "{literal}"));
    }

    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.written.is_ok() {
            self.written = self.try_member(field, value);
        }
    }

    fn try_member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        self.writer.write_str(",\"")?;
        self.writer.write_str(field.name())?;
        self.writer.write_str("\":")?;
        value(&mut self.writer)
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.literal(field, value);
        } else {
            self.literal(field, "null");
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.literal(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.literal(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.literal(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| write_text(writer, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            write!(Escaped(writer), "{value:?}")?;
            writer.write_char('"')
        });
    }
}

fn write_text(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    Escaped(writer).write_str(text)?;
    writer.write_char('"')
}

/// Writes text as the inside of a string (RFC 8259 §7).
struct Escaped<'a, 'writer>(&'a mut Writer<'writer>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f)) {
            let (plain, from) = rest.split_at(at);
            let (special, behind) = from.split_at(1);
            self.0.write_str(plain)?;
            match special {
                "\n" => self.0.write_str("\\n")?,
                "\"" | "\\" => write!(self.0, "\\{special}")?,
                _ => special.bytes().try_for_each(|byte| write!(self.0, "\\u{byte:04x}"))?,
            }
            rest = behind;
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            io::Write::write(&mut *self.0.lock().unwrap(), bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `work` leaves, without their times.
    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let output = Output::default();
        let writer = output.clone();
        let lines = tracing_subscriber::fmt::layer().event_format(Line).fmt_fields(Members);
        let log = tracing_subscriber::registry().with(lines.with_writer(move || writer.clone()));
        tracing::subscriber::with_default(log, work);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        text.lines().map(without_time).collect()
    }

    fn without_time(line: &str) -> Value {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
        line
    }

    #[test]
    fn a_line_holds_its_event_and_the_span_around_it_with_what_was_added_to_it() {
        let lines = lines(|| {
            let span = tracing::info_span!("request", id = "r-1", method = %"GET", route = tracing::field::Empty);
            let _entered = span.enter();
            span.record("route", "/users/{id}");
            tracing::warn!(target: "tests", status = 200_u16, ratio = 0.5, is_fault = false, change = -3, "answered {}", 1);
        });
        let span = json!({ "name": "request", "id": "r-1", "method": "GET", "route": "/users/{id}" });
        let line = json!({
            "level": "WARN", "target": "tests", "message": "answered 1",
            "status": 200, "ratio": 0.5, "is_fault": false, "change": -3, "span": span,
        });
        assert_eq!(lines, [line]);
    }

    #[test]
    fn text_of_strangers_stays_inside_its_field() {
        let evil = "\"}\n{\"level\":\"ERROR\\\u{0}\u{7f}\u{2028}é😀";
        let lines = lines(|| {
            let span = tracing::info_span!("request", id = evil, debugged = ?evil, shown = %evil);
            let _entered = span.enter();
            tracing::info!(evil, debugged = ?evil, shown = %evil, error = &io::Error::other(evil) as &dyn std::error::Error);
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let debugged = format!("{evil:?}");
        assert_eq!(line["span"], json!({ "name": "request", "id": evil, "debugged": debugged, "shown": evil }));
        assert_eq!((&line["evil"], &line["debugged"], &line["shown"]), (&json!(evil), &json!(debugged), &json!(evil)));
        assert_eq!(line["error"], evil);
    }

    #[test]
    fn a_line_outside_of_spans_has_none_and_no_number_breaks_it() {
        let lines =
            lines(|| tracing::info!(target: "tests", none = f64::NAN, large = u64::MAX, larger = u128::MAX, "up"));
        let larger = u128::MAX.to_string();
        let line = json!({ "level": "INFO", "target": "tests", "message": "up", "none": null, "large": u64::MAX, "larger": larger });
        assert_eq!(lines, [line]);
    }
}
