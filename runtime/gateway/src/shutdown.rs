//! The word to stop, from the one who says it to everyone who serves.

use tokio::sync::watch;

/// Says stop. Dropping it says so too.
#[derive(Debug)]
pub(crate) struct StopSwitch(watch::Sender<bool>);

/// Hears stop. Clones hear the same.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl StopSwitch {
    pub(crate) fn new() -> (StopSwitch, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopSwitch(sender), Stop(receiver))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Resolves once stop was said. Cancel-safe.
    pub(crate) async fn wait(&mut self) {
        // An error means that the switch is gone, which says stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    pub(crate) fn receiver(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }
}
