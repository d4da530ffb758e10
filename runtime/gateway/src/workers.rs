//! The threads that serve clients. Each has a runtime of its own: the task of a client stays on one thread, which reads, judges,
//! forwards and answers without waking another. Knows nothing of what is served.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::courier::Courier;

/// The threads, until dropped; then what still runs on them is cut off.
#[derive(Debug)]
pub(crate) struct Workers {
    workers: Vec<Worker>,
}

impl Workers {
    /// One thread for each processor that this process may use.
    ///
    /// # Errors
    /// When the system gives no thread, or none a means to wait.
    pub(crate) fn start() -> io::Result<Workers> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let workers = (0..count).map(Worker::start).collect::<io::Result<_>>()?;
        Ok(Workers { workers })
    }

    /// Serves `client` on the thread that has the fewest clients.
    ///
    /// # Errors
    /// When the socket cannot be handed over.
    pub(crate) fn serve<F>(
        &self,
        client: TcpStream,
        clients: &mut JoinSet<()>,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        // Dropped with the task, also where that ends by a fault or is never run.
        let place = Arc::clone(&worker.clients);
        let client = client.into_std()?;
        let task = async move {
            // Whoever waits for its events is the thread that serves it.
            match TcpStream::from_std(client) {
                Ok(client) => serve(client).await,
                Err(error) => tracing::warn!(%error, "a client could not be handed over"),
            }
            drop(place);
        };
        clients.spawn_on(task, &worker.runtime);
        Ok(())
    }
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// Held once by each client.
    clients: Arc<()>,
    /// Dropped to end the thread; before the thread, which is waited for.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(index: usize) -> io::Result<Worker> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name(format!("hpol-clients-{index}"))
            .spawn(move || {
                let courier = Courier::here();
                runtime.block_on(async {
                    tokio::select! {
                        () = courier.deliver() => {}
                        // An error says that the sender is gone, which is the sign.
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Worker {
            runtime: handle,
            clients: Arc::default(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    fn load(&self) -> usize {
        Arc::strong_count(&self.clients).saturating_sub(1)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of a task stays in the task.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn clients_are_spread_over_the_threads_and_stay_there() {
        let workers = Workers::start().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (told, mut tells) = mpsc::unbounded_channel();
        let (leave, left) = tokio::sync::watch::channel(());
        let mut clients = JoinSet::new();
        let mut connected = Vec::new();
        for _ in 0..workers.workers.len() {
            connected.push(
                TcpStream::connect(socket.local_addr().unwrap())
                    .await
                    .unwrap(),
            );
            let (client, _) = socket.accept().await.unwrap();
            let (told, mut left) = (told.clone(), left.clone());
            let serve = move |client: TcpStream| async move {
                told.send(thread::current().id()).unwrap();
                let _ = left.changed().await;
                drop(client);
            };
            workers.serve(client, &mut clients, serve).unwrap();
        }
        let mut threads = HashSet::new();
        for _ in 0..workers.workers.len() {
            threads.insert(tells.recv().await.unwrap());
        }
        assert_eq!(threads.len(), workers.workers.len());
        assert!(!threads.contains(&thread::current().id()));
        drop(leave);
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
        assert!(workers.workers.iter().all(|worker| worker.load() == 0));
    }

    #[tokio::test]
    async fn a_fault_of_one_client_ends_neither_the_thread_nor_the_count() {
        let workers = Workers::start().unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut clients = JoinSet::new();
        for fails in [true, false] {
            let _connected = TcpStream::connect(socket.local_addr().unwrap())
                .await
                .unwrap();
            let (client, _) = socket.accept().await.unwrap();
            workers
                .serve(
                    client,
                    &mut clients,
                    move |_| async move { assert!(!fails) },
                )
                .unwrap();
            let ended = clients.join_next().await.unwrap();
            assert_eq!(ended.is_err_and(|error| error.is_panic()), fails);
        }
        assert!(workers.workers.iter().all(|worker| worker.load() == 0));
    }
}
