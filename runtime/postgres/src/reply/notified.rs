//! NotificationResponse: what reaches a client of the channels that it listens to.
//!
//! It is what anyone wrote, at any time after the LISTEN was allowed. So it is judged by the policy of now, and searched
//! for what must be hidden; it has no columns to tell by.

use bytes::{BufMut, BytesMut};
use hpol_session::masking::{Masked, MaskingPlan};

use super::broken;
use crate::codec::{Frame, backend, encode};
use crate::ended::Ended;
use crate::relay::Relay;

impl Relay<'_> {
    pub(crate) async fn notified(&mut self, frame: &Frame) -> Result<(), Ended> {
        let (process, channel, payload) = backend::notification(frame.body()).map_err(broken)?;
        let Some(listened) = self.prepared.channels.get(channel) else {
            return Ok(());
        };
        let judged = self
            .session
            .preview(&listened.operation, &listened.reading)
            .await;
        match judged {
            Ok(plan) => {
                let mut hidden = Vec::new();
                match mask(&plan, payload, &mut hidden) {
                    Masked::Unchanged => self.client.out.extend_from_slice(frame.raw()),
                    Masked::Changed => {
                        write(&mut self.client.out, process, channel, &hidden);
                    }
                    Masked::Null => {}
                }
            }
            // The refusal is recorded, once.
            Err(_) => {
                self.prepared.channels.remove(channel);
            }
        }
        Ok(())
    }
}

fn mask(plan: &MaskingPlan, payload: &str, hidden: &mut Vec<u8>) -> Masked {
    plan.run().text(payload.as_bytes(), hidden)
}

/// A payload holds no NUL: it was a text of the server's, and what replaces parts of it has none.
fn write(out: &mut BytesMut, process: u32, channel: &str, payload: &[u8]) {
    encode::message(out, backend::NOTIFICATION, |out| {
        out.put_u32(process);
        encode::text(out, channel);
        out.extend_from_slice(payload);
        out.put_u8(0);
    });
}
