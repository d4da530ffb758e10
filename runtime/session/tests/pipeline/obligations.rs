//! Limits, rules in observe and hash masks: what the adapter is told, what is refused, and what the records say.

use hpol_bundle::policy::{ClassId, Condition, Effect, Mask, Policy, Predicate, Rule};
use hpol_evidence::canonical;
use hpol_evidence::record::ObservedRecord;
use hpol_ports::policy::{member, rule, test};
use hpol_session::masking::{MaskKey, MaskingPlan};
use hpol_session::session::{CannotLimit, CannotMask, Carrier};

use super::world::policy;
use super::*;

/// An adapter that masks and cuts whatever it is told to.
struct Cuts;

impl Carrier for Cuts {
    fn can_mask(&self, _: &MaskingPlan) -> Result<(), CannotMask> {
        Ok(())
    }

    fn can_limit(&self, _: u64) -> Result<(), CannotLimit> {
        Ok(())
    }
}

fn select() -> Condition {
    test("sql.verbs", Predicate::HasAny(vec!["select".into()]))
}

/// The policy of the world, and `more` rules.
fn with(more: Vec<Rule>) -> World {
    let mut policy = policy();
    policy.rules.extend(more);
    World::with_policy(policy)
}

#[tokio::test]
async fn the_smallest_limit_holds_and_a_cut_is_recorded_with_its_controls() {
    let limit = |name: &str, rows| rule(name, select(), Effect::Limit { rows });
    let world = with(vec![
        limit("few", 10),
        limit("many", 1_000),
        rule(
            "also",
            Condition::All(vec![member("agents"), select()]),
            Effect::Allow { rows: Some(50) },
        ),
    ]);
    let session = world.session("agent-7", &["agents"]).await;
    let permit = permit(session.request(sql("select"), (), &Cuts).await);
    assert_eq!(permit.row_limit(), Some(10));
    let record = world.decision();
    assert_eq!(record.limit, Some(10));
    assert_eq!(record.obligations, ["shop.few", "shop.hide_ssn"]);
    let ((), mut receipt) = permit.forward();
    assert_eq!(receipt.row_limit(), Some(10));
    receipt.rows_were_cut();
    let done = settlement(OperationResult::Completed);
    receipt.settle(done).await.unwrap();
    let record = world.outcome();
    assert!(record.cut);
    let rules: Vec<&str> = record
        .controls
        .iter()
        .map(|claim| claim.rule.as_str())
        .collect();
    assert_eq!(rules, ["shop.few"]);
}

/// A smaller limit, claimed for by a rule whose allow counts for nothing: another one requires approval.
#[tokio::test]
async fn a_rule_that_grants_nothing_earns_by_its_limit_only() {
    let granting = |name: &str| {
        let when = Condition::All(vec![member("agents"), select()]);
        let mut rule = rule(name, when, Effect::Allow { rows: Some(5) });
        let mut of_limit = rule.claims.first().unwrap().clone();
        of_limit.control = "ac-23".to_owned();
        of_limit.mechanism = "M23".to_owned();
        rule.claims.push(of_limit);
        rule
    };
    let quorum = 1;
    let approval = Effect::RequireApproval {
        quorum,
        group: hpol_bundle::policy::GroupId(0),
        within_seconds: 900,
        stands_seconds: None,
    };
    for (more, expected) in [
        (vec![granting("few")], vec!["ac-23", "ac-3"]),
        (
            vec![granting("few"), rule("ask", select(), approval)],
            vec!["ac-23"],
        ),
    ] {
        let is_asked = more.len() > 1;
        let world = with(more);
        let session = world.session("agent-7", &["agents"]).await;
        let permit = match session.request(sql("select"), (), &Cuts).await {
            Outcome::Permit(permit) => permit,
            Outcome::Hold(hold) => {
                assert!(is_asked);
                let vote = principal("dana", &["dba"]);
                let vote = world.door.vote(&vote, hold.id(), Vote::Approve, "");
                vote.await.unwrap();
                permit(hold.wait(&Cuts).await)
            }
            Outcome::Refuse(refusal) => panic!("{refusal:?}"),
        };
        let ((), mut receipt) = permit.forward();
        receipt.rows_were_cut();
        let done = settlement(OperationResult::Completed);
        receipt.settle(done).await.unwrap();
        let record = world.outcome();
        let ids: Vec<&str> = record
            .controls
            .iter()
            .map(|claim| claim.id.as_str())
            .collect();
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn a_limit_that_cuts_nothing_earns_nothing() {
    let world = with(vec![rule("few", select(), Effect::Limit { rows: 10 })]);
    let session = world.session("agent-7", &["agents"]).await;
    let ((), receipt) = permit(session.request(sql("select"), (), &Cuts).await).forward();
    let done = settlement(OperationResult::Completed);
    receipt.settle(done).await.unwrap();
    let record = world.outcome();
    assert!(!record.cut && record.controls.is_empty());
}

#[tokio::test]
async fn a_limit_that_cannot_be_carried_out_blocks_by_the_limiting_rule() {
    let world = with(vec![rule("few", select(), Effect::Limit { rows: 10 })]);
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("select"), (), &Masks(true)).await);
    assert_eq!(refusal.kind, RefusalKind::CannotLimit);
    assert_eq!(refusal.rules, ["shop.few"]);
    assert_eq!(
        refusal.message(),
        "blocked by shop.few: the result cannot be cut to 10 rows: this protocol has no rows to count"
    );
    let record = world.decision();
    assert_eq!((record.limit, record.obligations.len()), (None, 0));
}

#[tokio::test]
async fn a_rule_in_observe_changes_nothing_and_is_recorded() {
    let observed = |name: &str, effect| Rule {
        observe: true,
        ..rule(name, select(), effect)
    };
    let message = "not at all".to_owned();
    let world = with(vec![
        observed(
            "would_block",
            Effect::Block {
                message,
                terminates: false,
            },
        ),
        observed("would_limit", Effect::Limit { rows: 1 }),
        observed("would_allow", Effect::Allow { rows: Some(2) }),
    ]);
    let session = world.session("agent-7", &["agents"]).await;
    let permit = permit(session.request(sql("select"), (), &Masks(true)).await);
    assert_eq!(permit.row_limit(), None);
    let record = world.decision();
    assert_eq!(record.rules, ["shop.read"]);
    let words: Vec<String> = record
        .observed
        .iter()
        .map(|ObservedRecord { rule, would }| format!("{rule} would {would}"))
        .collect();
    assert_eq!(
        words,
        [
            "shop.would_block would block",
            "shop.would_allow would allow",
            "shop.would_limit would limit",
            "shop.would_allow would limit",
        ]
    );
    let claimed = record
        .controls
        .iter()
        .any(|claim| claim.rule.contains("would"));
    assert!(!claimed, "what does nothing earns nothing");
}

#[tokio::test]
async fn what_would_be_hashed_is_blocked_until_there_is_a_key() {
    let mut policy: Policy = policy();
    let mask = Mask::Hash;
    let class = ClassId(0);
    policy
        .rules
        .push(rule("hash_ssn", select(), Effect::Mask { class, mask }));
    let world = World::with_policy(policy.clone());
    let session = world.session("agent-7", &["agents"]).await;
    let refusal = refusal(session.request(sql("select"), (), &Cuts).await);
    assert_eq!(refusal.kind, RefusalKind::CannotMask);
    assert_eq!(refusal.rules, ["shop.hash_ssn"]);

    let in_force = std::sync::Arc::into_inner(hpol_ports::policy::in_force(policy, 2)).unwrap();
    let names: Vec<&str> = in_force.without_mask_key().collect();
    assert_eq!(names, ["shop.hash_ssn"]);
    let in_force = in_force.with_mask_key(MaskKey::new(&[9; 32]).unwrap());
    assert_eq!(in_force.without_mask_key().count(), 0);
    world.door.install(std::sync::Arc::new(in_force));
    let (_, receipt) = permit(session.request(sql("select"), (), &Cuts).await).forward();
    let hashed = |value: &str| {
        let mut out = Vec::new();
        receipt.masker().text(value.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    let first = hashed("ssn 987-65-4320");
    assert_eq!(first, hashed("ssn 987-65-4320"));
    assert!(
        first.starts_with("ssn #") && first.len() == 4 + MaskKey::TOKEN_LENGTH,
        "{first}"
    );
    assert_ne!(first, hashed("ssn 987-65-4329"));
}

/// 400 rules with long names and two controls each match at once, and every operation has its record.
#[tokio::test]
async fn an_operation_that_very_many_rules_match_is_recorded_all_the_same() {
    let many = |effect: &Effect, observe| {
        let rules = (0..400).map(move |index| {
            let name = format!("{index:03}_{observe}_{}", "x".repeat(60));
            let mut claimed = rule(&name, select(), effect.clone());
            let mut further = claimed.claims.clone();
            further
                .iter_mut()
                .for_each(|claim| claim.control = "ac-6".to_owned());
            claimed.claims.extend(further);
            Rule { observe, ..claimed }
        });
        rules.collect::<Vec<Rule>>()
    };
    let message = "no".to_owned();
    for effect in [
        Effect::ALLOW,
        Effect::Limit { rows: 5 },
        Effect::Block {
            message,
            terminates: false,
        },
    ] {
        let world = with([many(&effect, false), many(&effect, true)].concat());
        let session = world.session("agent-7", &["agents"]).await;
        let mut longest = sql("select");
        longest.masked = "\u{1}".repeat(1 << 20);
        match session.request(longest, (), &Cuts).await {
            Outcome::Permit(permit) => {
                let ((), mut receipt) = permit.forward();
                receipt.rows_were_cut();
                let done = settlement(OperationResult::Completed);
                receipt.settle(done).await.unwrap();
            }
            Outcome::Refuse(refusal) => assert_eq!(refusal.kind, RefusalKind::Policy),
            Outcome::Hold(_) => panic!("held"),
        }
        for event in world.log.events().iter() {
            let bytes = canonical::canonical(&serde_json::to_value(event).unwrap()).unwrap();
            assert!(bytes.len() < canonical::RECORD_BYTES, "{}", bytes.len());
        }
        let record = world.decision();
        assert_eq!(record.observed.len() as u64 + record.left_out.observed, 400);
        assert!(record.left_out.observed > 300, "{:?}", record.left_out);
        let ids: std::collections::BTreeSet<&str> = record
            .controls
            .iter()
            .map(|claim| claim.id.as_str())
            .collect();
        assert!(ids.contains("ac-3"), "{ids:?}");
        if effect != (Effect::Limit { rows: 5 }) {
            assert!(record.left_out.rules > 300 && record.left_out.controls > 300);
            assert!(ids.contains("ac-6") && ids.contains("au-12"), "{ids:?}");
        }
    }
}
