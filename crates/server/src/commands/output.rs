//! The output of commands.

use super::failed;
use crate::exit::Exit;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// The output of a command. After a failure it writes nothing more, and [`Output::end`] reports the failure.
pub(crate) struct Output<W> {
    out: W,
    failure: Option<io::Error>,
}

pub(crate) fn stdout() -> Output<io::Stdout> {
    Output { out: io::stdout(), failure: None }
}

/// The standard output, after a first write with this outcome.
pub(crate) fn written(outcome: io::Result<()>) -> Output<io::Stdout> {
    Output { out: io::stdout(), failure: outcome.err() }
}

pub(crate) trait Print: Send {
    /// Prints a text and ends its line.
    fn print(&mut self, text: impl Display);
}

impl<W: Write + Send> Print for Output<W> {
    fn print(&mut self, text: impl Display) {
        if self.failure.is_none() {
            self.failure = writeln!(self.out, "{}", text.to_string().trim_end()).err();
        }
    }
}

impl<W: Write> Output<W> {
    /// Flushes, and returns the exit code: a failure if anything could not be written. A reader that closes the pipe early, such as
    /// `head`, is no failure.
    pub(crate) fn end(mut self, exit: Exit) -> Exit {
        let failure = self.failure.take().or_else(|| self.out.flush().err());
        match failure.filter(|error| error.kind() != ErrorKind::BrokenPipe) {
            None => exit,
            Some(error) => {
                let told = failed(Exit::Failed, format_args!("the output could not be written: {error}"));
                if exit == Exit::Done { told } else { exit }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts so many bytes, then fails for this reason.
    struct Full(usize, ErrorKind);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(self.1.into());
            }
            let written = bytes.len().min(self.0);
            self.0 -= written;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ended(room: usize, reason: ErrorKind, exit: Exit) -> Exit {
        let mut output = Output { out: Full(room, reason), failure: None };
        output.print("12345");
        output.print("6789");
        output.end(exit)
    }

    #[test]
    fn what_cannot_be_written_is_a_failure() {
        assert_eq!(ended(11, ErrorKind::StorageFull, Exit::Done), Exit::Done);
        for room in [0, 3, 6, 10] {
            assert_eq!(ended(room, ErrorKind::StorageFull, Exit::Done), Exit::Failed, "{room}");
            assert_eq!(ended(room, ErrorKind::StorageFull, Exit::CutShort), Exit::CutShort, "{room}");
            assert_eq!(ended(room, ErrorKind::BrokenPipe, Exit::Done), Exit::Done, "{room}");
        }
    }
}
