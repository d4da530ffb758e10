//! Threads that answer questions on snapshots, so that an edit never waits for an answer to finish.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Something to be done, once.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// As many answers are worked on at a time. People ask one thing at a time; the other thread checks.
const THREADS: usize = 2;

/// The threads. They end when this is dropped and what was begun is done.
#[derive(Debug)]
pub(crate) struct Workers {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn start() -> Workers {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..THREADS).map(|_| {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || work(&queue))
        });
        Workers {
            jobs: Some(jobs),
            threads: threads.collect(),
        }
    }

    pub(crate) fn submit(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // Without threads nobody asks any more.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job answers for its own panics; this one only keeps the thread.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}
