//! What a library calls an error and is only what somebody outside did.
//!
//! An error in the log is for operators to look at, and alarms count them. Whoever reaches the
//! port can send bytes that are no request, as scanners do all day: they get a 400, or are cut
//! off, and nothing is wrong here. The library logs each as an error, and no target tells these
//! lines from those about ourselves, such as that no more connections can be accepted; only
//! their words do. They are left out like all else that it says below a warning.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Where the lines come from, how they begin, and what is further on in them (actix-http 3,
/// actix-server 2).
const LINES: [(&str, &str, &str); 5] = [
    // A request that cannot be read, and a connection that ends within one.
    ("actix_http::h1::dispatcher", "stream error: ", ""),
    // A WebSocket that is over: how the library is told to hang up.
    ("actix_http::h1::dispatcher", "Response payload stream error: ", "SaidGoodbye"),
    // A head without an end.
    ("actix_http::h1::decoder", "MAX_BUFFER_SIZE unprocessed data reached", ""),
    // A WebSocket that goes on with what it never began.
    ("actix_http::ws::codec", "Unfinished fragment", ""),
    // A connection that comes while the server stops. A thread that dies otherwise is told of in
    // a line of its own.
    ("actix_server::accept", "No workers", ""),
];

/// Writes every line but these. A filter of the layer could leave them out as well; but one that
/// looks into events takes the next line along (tracing-subscriber 0.3).
pub(super) struct NotOfOthers<F>(pub(super) F);

impl<F, S, N> FormatEvent<S, N> for NotOfOthers<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if is_of_others(event) {
            return Ok(());
        }
        self.0.format_event(context, writer, event)
    }
}

fn is_of_others(event: &Event<'_>) -> bool {
    let target = event.metadata().target();
    LINES.iter().filter(|(from, ..)| *from == target).any(|(_, begins, has)| {
        let mut line = Line { begins, has, does: false };
        event.record(&mut line);
        line.does
    })
}

/// Whether an event's message begins so, and has that in it.
struct Line<'a> {
    begins: &'a str,
    has: &'a str,
    does: bool,
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let message = format!("{value:?}");
            self.does =
                message.strip_prefix(self.begins).is_some_and(|rest| rest.contains(self.has));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What is logged, line by line.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_what_others_did_is_left_out() {
        let lines = Lines::default();
        let sink = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .without_time()
            .with_ansi(false)
            .with_writer(move || sink.clone())
            .map_event_format(NotOfOthers);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: {}", "Header");
            tracing::error!(target: "actix_http::h1::dispatcher", "Upgrade handler error: {}", 1);
            for cause in ["SaidGoodbye", "Error { cause: Some(SaidGoodbye) }", "Broken"] {
                tracing::error!(
                    target: "actix_http::h1::dispatcher",
                    "Response payload stream error: {cause}"
                );
            }
            tracing::error!(target: "actix_http::ws::codec", "Unfinished fragment {:?}", 3);
            tracing::error!(target: "actix_server::accept", "No workers");
            tracing::error!(target: "actix_server::accept", "Error accepting connection: {}", 24);
            tracing::error!(target: "slipwayd", "No workers");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let expected = "\
            ERROR actix_http::h1::dispatcher: Upgrade handler error: 1\n\
            ERROR actix_http::h1::dispatcher: Response payload stream error: Broken\n\
            ERROR actix_server::accept: Error accepting connection: 24\n\
            ERROR slipwayd: No workers\n";
        assert_eq!(text, expected);
    }
}
