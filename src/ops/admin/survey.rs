//! The workers are asked for their connections.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::ops::board::Board;
use crate::reactor::{Answer, Ask, WorkerMsg};

/// How long a worker may take to answer. It is at most as long as its longest turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the workers tell.
pub(super) struct Survey {
    /// Each answer, with the number of its worker.
    pub(super) answers: Vec<(usize, Answer)>,
    /// Workers that did not answer in time.
    pub(super) silent: usize,
}

impl Survey {
    /// Asks all of them, each for so many live connections at most.
    pub(super) async fn of(board: &Board, most: usize) -> Survey {
        let until = Instant::now() + PATIENCE;
        let workers = board.crew().map_or(&[][..], |crew| &crew.workers);
        let asked: Vec<_> = workers
            .iter()
            .map(|worker| {
                let (sender, receiver) = oneshot::channel();
                // Nobody waits for it any more if it is late.
                let reply = Box::new(|answer| drop(sender.send(answer)));
                worker.post(WorkerMsg::Report(Ask { most, reply }));
                receiver
            })
            .collect();
        let mut survey = Survey {
            answers: Vec::new(),
            silent: 0,
        };
        for (number, receiver) in asked.into_iter().enumerate() {
            match timeout_at(until, receiver).await {
                Ok(Ok(answer)) => survey.answers.push((number, answer)),
                Ok(Err(_)) | Err(_) => survey.silent += 1,
            }
        }
        survey
    }
}
