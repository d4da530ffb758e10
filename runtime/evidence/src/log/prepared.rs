//! Records as the handles give them to the writer: in canonical form, committed, but for sequence and time, which are put
//! in when the record has its place. So the writer's one thread neither serialises nor sorts.

use std::cell::RefCell;

use crate::canonical::RECORD_BYTES;
use crate::canonical::encode::{Encoder, Member, write_decimal};
use crate::log::LogUnavailable;
use crate::record::Event;
use crate::salt::Salt;

/// Room for what the writer adds to a record: `sequence` and `time` with their names.
const STAMP_BYTES: usize = 80;
const SEQUENCE: &[u8] = b"sequence";
const TIME: &[u8] = b"time";

/// A record without sequence and time, known to fit.
#[derive(Debug)]
pub(super) struct Prepared {
    canonical: Vec<u8>,
    /// Where these two go: each after a comma, since `event` is in every record and comes before.
    sequence_at: usize,
    time_at: usize,
}

impl Prepared {
    /// Bytes that it takes of a queue or a segment, at most.
    pub(super) fn bytes(&self) -> usize {
        self.canonical.len() + STAMP_BYTES
    }

    /// Appends the record with its place and time.
    pub(super) fn write(&self, sequence: u64, time: &str, bytes: &mut Vec<u8>) {
        let part = |from: usize, to: usize| self.canonical.get(from..to).unwrap_or_default();
        bytes.extend_from_slice(part(0, self.sequence_at));
        bytes.extend_from_slice(b",\"sequence\":");
        write_decimal(sequence, bytes);
        bytes.extend_from_slice(part(self.sequence_at, self.time_at));
        bytes.extend_from_slice(b",\"time\":\"");
        bytes.extend_from_slice(time.as_bytes());
        bytes.push(b'"');
        bytes.extend_from_slice(part(self.time_at, self.canonical.len()));
    }
}

/// Whether what a record tells of waited for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Yes,
    No,
}

thread_local! {
    /// Room for a record that is being prepared, which the next one needs again.
    static ENCODER: RefCell<Encoder> = RefCell::default();
}

/// Brings `event` into canonical form, with a commitment in place of a digest.
pub(super) fn prepare(
    session: Option<&str>,
    event: &Event,
    waited: Waited,
    salt: &Salt,
) -> Result<Prepared, LogUnavailable> {
    ENCODER.with_borrow_mut(|encoder| {
        encoder.clear();
        prepare_in(encoder, session, event, waited, salt)
    })
}

fn prepare_in(
    encoder: &mut Encoder,
    session: Option<&str>,
    event: &Event,
    waited: Waited,
    salt: &Salt,
) -> Result<Prepared, LogUnavailable> {
    let mut members = encoder.members(event)?;
    if let Event::Decision(decision) = event
        && !decision.digest.is_empty()
    {
        members.retain(|member| {
            let name = encoder.bytes.get(member.name()).unwrap_or_default();
            !matches!(name, b"digest" | b"commitment")
        });
        let commitment = salt.commit(&decision.operation, &decision.digest);
        members.push(encoder.member("commitment", &commitment)?);
    }
    if let Some(session) = session {
        members.push(encoder.member("session", session)?);
    }
    if waited == Waited::No {
        members.push(encoder.member("buffered", &true)?);
    }
    let prepared = assemble(&encoder.bytes, &mut members);
    encoder.take_back(members);
    let bytes = prepared.bytes();
    if bytes <= RECORD_BYTES {
        Ok(prepared)
    } else {
        Err(LogUnavailable::TooLarge { bytes })
    }
}

/// The object of these members, in order.
fn assemble(bytes: &[u8], members: &mut [Member]) -> Prepared {
    let name = |member: &Member| bytes.get(member.name()).unwrap_or_default();
    members.sort_unstable_by(|left, right| name(left).cmp(name(right)));
    let mut canonical = Vec::with_capacity(bytes.len() + 2);
    let (mut sequence_at, mut time_at) = (0, 0);
    for member in members {
        canonical.push(if canonical.is_empty() { b'{' } else { b',' });
        canonical.extend_from_slice(bytes.get(member.place()).unwrap_or_default());
        if name(member) < SEQUENCE {
            sequence_at = canonical.len();
        }
        if name(member) < TIME {
            time_at = canonical.len();
        }
    }
    canonical.push(b'}');
    Prepared {
        canonical,
        sequence_at,
        time_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use crate::files::memory::MemoryFiles;
    use crate::record::Record;
    use crate::record::tests::events;

    #[test]
    fn what_is_written_is_the_canonical_form_of_the_record() {
        let salt = Salt::create(&MemoryFiles::default()).unwrap();
        for event in events() {
            for (session, waited) in [(None, Waited::Yes), (Some("a \"session\""), Waited::No)] {
                let prepared = prepare(session, &event, waited, &salt).unwrap();
                let mut bytes = Vec::new();
                prepared.write(1_234_567, "2026-01-01T00:00:00.000Z", &mut bytes);
                assert!(bytes.len() <= prepared.bytes());
                let record = Record {
                    sequence: 1_234_567,
                    time: "2026-01-01T00:00:00.000Z".into(),
                    session: session.map(str::to_owned),
                    buffered: waited == Waited::No,
                    event: event.clone(),
                };
                let value = canonical::parse(&bytes).unwrap();
                assert_eq!(serde_json::from_value::<Record>(value).unwrap(), record);
            }
        }
    }
}
