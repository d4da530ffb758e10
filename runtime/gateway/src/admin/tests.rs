//! The status of every refusal. The API itself is tried over real sockets in `tests/`.

use super::approvals::refusal;
use hpol_session::approvals::VoteRefused;

#[test]
fn every_refusal_of_a_vote_has_its_status() {
    let text = || "x".to_owned();
    for (refused, status) in [
        (VoteRefused::NotFound { id: text() }, 404),
        (VoteRefused::OwnRequest, 403),
        (VoteRefused::NotEligible { approvers: text() }, 403),
        (VoteRefused::AlreadyDecided { state: text() }, 409),
        (VoteRefused::AlreadyVoted, 409),
        (VoteRefused::PolicyChanged, 409),
        (VoteRefused::Unavailable { why: text() }, 503),
    ] {
        let reply = refusal(&refused);
        assert_eq!(reply.status(), status, "{refused}");
        assert_eq!(reply.headers()["content-type"], "application/problem+json");
    }
}
