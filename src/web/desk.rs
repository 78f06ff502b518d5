//! Reads the database for the page: one read-only connection with a thread of its own, one question at a time.

use std::path::Path;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use crate::store::queries::Reader;

/// Questions that wait.
const WAITING_MAX: usize = 16;

type Question = Box<dyn FnOnce(&mut Reader) -> Result<(), sqlx::Error> + Send>;

/// Takes questions to the database.
pub(super) struct Desk(Sender<Question>);

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DeskError {
    /// Too many questions wait.
    Busy,
    /// The database cannot be read now; the log says why.
    Unreadable,
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let text = match self {
            DeskError::Busy => "the database has too many questions to answer at once\n",
            DeskError::Unreadable => "the database cannot be read now\n",
        };
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

impl Desk {
    /// Starts the thread; none when the system has no more of them.
    pub(super) fn open(path: &Path) -> Option<Desk> {
        let (ask, questions) = bounded(WAITING_MAX);
        let path = path.to_owned();
        let thread = std::thread::Builder::new().name("page-reader".into()).spawn(move || answer(&path, &questions));
        match thread {
            Ok(_) => Some(Desk(ask)),
            Err(error) => {
                tracing::warn!("the page will not show what is recorded: no thread to read it: {error}");
                None
            }
        }
    }

    /// The answer to one question.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Reader) -> Result<T, sqlx::Error> + Send + 'static,
    ) -> Result<T, DeskError> {
        let (tell, told) = oneshot::channel();
        let question: Question = Box::new(move |reader| {
            let answer = question(reader)?;
            // Nobody waits for it any more: the page was closed.
            drop(tell.send(answer));
            Ok(())
        });
        self.0.try_send(question).map_err(|_| DeskError::Busy)?;
        told.await.map_err(|_| DeskError::Unreadable)
    }
}

fn answer(path: &Path, questions: &Receiver<Question>) {
    let mut open: Option<Reader> = None;
    for question in questions {
        let mut reader = match open.take().map_or_else(|| Reader::open(path), Ok) {
            Ok(reader) => reader,
            Err(error) => {
                tracing::warn!("the page cannot read what is recorded: {error}");
                continue;
            }
        };
        match question(&mut reader) {
            Ok(()) => open = Some(reader),
            // The next question opens the file anew.
            Err(error) => tracing::warn!("{}: the page's question failed: {error}", path.display()),
        }
    }
}
