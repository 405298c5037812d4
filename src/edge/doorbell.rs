//! Who wakes the loop? tokio-cron-scheduler, once a second.
//!
//! It carries no state and decides nothing: what is due stands in the log. Its known faults (an hour
//! off after the clocks change, a job that fires twice, a job that stops for good) can only delay a
//! look, and the loop looks by itself now and then.

use std::sync::Arc;
use std::thread;
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Every second: the loop itself knows when a run begins; whoever acted beside it is noticed then.
const EVERY_SECOND: &str = "* * * * * *";

/// A ringing doorbell; silent when dropped.
pub struct Doorbell {
    silence: Arc<Notify>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Doorbell {
    /// Rings `bell` every second, in a thread of its own.
    ///
    /// # Errors
    ///
    /// The thread or its runtime could not be started.
    pub fn ring(bell: impl Fn() + Send + Sync + 'static) -> Result<Doorbell, std::io::Error> {
        let silence = Arc::new(Notify::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let silenced = Arc::clone(&silence);
        let thread = thread::Builder::new().name("doorbell".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(ring_until(silenced, Arc::new(bell))) {
                tracing::warn!("the doorbell is out of order: {error}; the loop looks by itself");
            }
        })?;
        Ok(Doorbell { silence, thread: Some(thread) })
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        self.silence.notify_one();
        if let Some(thread) = self.thread.take() {
            // A doorbell that panicked has rung for the last time: there is nothing to undo.
            let _ = thread.join();
        }
    }
}

async fn ring_until(
    silence: Arc<Notify>,
    bell: Arc<dyn Fn() + Send + Sync>,
) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let job = Job::new_async(EVERY_SECOND, move |_, _| {
        let bell = Arc::clone(&bell);
        Box::pin(async move { bell() })
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    silence.notified().await;
    scheduler.shutdown().await
}
