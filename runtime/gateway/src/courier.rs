//! Brings what the audit log answers to the clients of one thread. The log answers many at a time, from its own thread: the
//! thread of the clients is woken once for all of them, and hands the answers out itself.

use std::cell::OnceCell;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hpol_evidence::log::{Appended, LogUnavailable};
use tokio::sync::{Notify, oneshot};

thread_local! {
    static HERE: OnceCell<Arc<Courier>> = const { OnceCell::new() };
}

/// What became of an append.
pub(crate) type Answer = Result<Appended, LogUnavailable>;

/// Answers on their way to the clients of one thread.
#[derive(Debug, Default)]
pub(crate) struct Courier {
    answers: Mutex<Vec<(oneshot::Sender<Answer>, Answer)>>,
    arrived: Notify,
}

impl Courier {
    /// The courier of this thread. Answers to what is asked on it from now on come while [`Courier::deliver`] runs.
    pub(crate) fn here() -> Arc<Courier> {
        HERE.with(|here| Arc::clone(here.get_or_init(Arc::default)))
    }

    /// Hands out what arrives; never ends.
    pub(crate) async fn deliver(&self) {
        let mut arrived = Vec::new();
        loop {
            self.arrived.notified().await;
            mem::swap(&mut arrived, &mut *self.lock());
            for (client, answer) in arrived.drain(..) {
                // One that is gone does not want to know.
                drop(client.send(answer));
            }
        }
    }

    fn take(&self, client: oneshot::Sender<Answer>, answer: Answer) {
        let mut answers = self.lock();
        let first = answers.is_empty();
        answers.push((client, answer));
        drop(answers);
        if first {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(oneshot::Sender<Answer>, Answer)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is to be told once, on whatever thread, and where it is heard on this one.
pub(crate) fn ask() -> (
    impl FnOnce(Answer) + Send + 'static,
    oneshot::Receiver<Answer>,
) {
    let (client, answered) = oneshot::channel();
    let courier = HERE.with(|here| here.get().cloned());
    let tell = move |answer| match courier {
        Some(courier) => courier.take(client, answer),
        None => drop(client.send(answer)),
    };
    (tell, answered)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn answers_of_another_thread_arrive_and_those_that_nobody_awaits_hold_nothing_up() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let courier = Courier::here();
        let (tells, mut answers): (Vec<_>, Vec<_>) = (0..32).map(|_| ask()).unzip();
        drop(answers.pop());
        let begun = Arc::new(Barrier::new(2));
        let told = Arc::clone(&begun);
        let log = thread::spawn(move || {
            told.wait();
            for (sequence, tell) in (0..).zip(tells) {
                tell(Ok(Appended { sequence }));
            }
        });
        runtime.block_on(async move {
            let deliver = async move { courier.deliver().await };
            let hear = async move {
                begun.wait();
                for (sequence, answer) in (0..).zip(answers) {
                    assert_eq!(answer.await.unwrap().unwrap().sequence, sequence);
                }
            };
            tokio::select! {
                () = deliver => {}
                () = hear => {}
            }
        });
        log.join().unwrap();
    }

    #[test]
    fn a_thread_without_clients_is_answered_at_once() {
        let (tell, mut answered) = ask();
        tell(Err(LogUnavailable::Busy));
        assert!(matches!(answered.try_recv(), Ok(Err(LogUnavailable::Busy))));
    }
}
