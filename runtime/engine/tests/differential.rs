//! The engine against the reference interpreter, on random policies and facts.
//!
//! `HPOL_DIFFERENTIAL_SEED` and `HPOL_DIFFERENTIAL_CASES` choose other and more cases. A case that fails is printed in
//! its smallest form, to be pasted into `FOUND_BEFORE`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use hpol_bundle::bundle::{self, Bundle, Provenance, TrustedKeys};
use hpol_bundle::decision::{Decision, Verdict};
use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{Condition, Effect, GroupId, Policy, Rule, RuleId, Source};
use hpol_bundle::program::Program;
use hpol_bundle::program::dag::{Budget, Dag};
use hpol_bundle::program::lower::{Fault, lower};
use hpol_bundle::signature::SigningKey;
use hpol_bundle::vocabulary::{FactType, Phase, Protocol, Scalar, Vocabulary};
use hpol_engine::{
    Outcome, Residuals, Scratch, decide, decide_once, is_member, outcome, specialise, verdict,
};
use hpol_oracle::generate::{self, Case, Random};

const CASES: usize = 100_000;
/// Making diagrams takes longer than deciding.
const DIAGRAM_CASES: usize = 10_000;
const SEED: u64 = 0x6870_6f6c;
/// Facts decided by each policy.
const FACTS_A_POLICY: usize = 20;

/// Cases that failed once.
const FOUND_BEFORE: [&str; 0] = [];

#[test]
fn b_06_engine_agrees_with_the_reference_interpreter() {
    for json in FOUND_BEFORE {
        agree(&serde_json::from_str(json).unwrap());
    }
    let mut verdicts = [0_usize; 3];
    let (mut unknown, mut limited, mut observed, mut excepted) = (0, 0, 0, 0);
    for_each_case(
        number("HPOL_DIFFERENTIAL_CASES", CASES as u64) as usize,
        |case, program| {
            let decision = hpol_oracle::decide(&case.policy, &case.facts);
            verdicts[decision.verdict as usize] += 1;
            unknown += usize::from(!decision.unknown.is_empty());
            limited += usize::from(!decision.limit.is_empty());
            observed += usize::from(!decision.observed.is_empty());
            excepted += usize::from(!decision.excepted.is_empty());
            fold_alike(case, &decision);
            if difference(case, program).is_some() {
                let fails = |case: &Case| {
                    lower_any(&case.policy)
                        .is_some_and(|program| difference(case, &program).is_some())
                };
                agree(&case.clone().shrink(fails));
            }
        },
    );
    // The comparison says little where all cases are decided alike.
    let cases: usize = verdicts.iter().sum();
    assert!(
        verdicts.iter().all(|count| count * 20 > cases),
        "{verdicts:?} of {cases}"
    );
    assert!(
        unknown * 2 > cases,
        "{unknown} of {cases} with unknown facts"
    );
    assert!(
        limited * 10 > cases && observed * 10 > cases,
        "{limited} limited and {observed} observed of {cases}"
    );
    assert!(excepted * 100 > cases, "{excepted} excepted of {cases}");
}

#[test]
fn b_06_diagrams_agree_with_the_reference_interpreter() {
    let mut nodes = [0_usize; 2];
    let mut known: Option<(Policy, Diagrams)> = None;
    let cases = number("HPOL_DIFFERENTIAL_CASES", DIAGRAM_CASES as u64) as usize;
    for_each_case(cases, |case, program| {
        let made = known.take().filter(|(policy, _)| *policy == case.policy);
        let (policy, diagrams) =
            made.unwrap_or_else(|| (case.policy.clone(), Diagrams::of(program)));
        for (name, dag) in &diagrams.0 {
            if *name == "mixed" {
                nodes[0] += dag.len();
                nodes[1] += dag.residuals();
            }
        }
        if diagrams.difference(case, program).is_some() {
            let difference = |case: &Case| {
                let program = lower_any(&case.policy)?;
                Diagrams::of(&program).difference(case, &program)
            };
            let case = case.clone().shrink(|case| difference(case).is_some());
            panic!("{}\n{}", difference(&case).unwrap(), json(&case));
        }
        known = Some((policy, diagrams));
    });
    // Diagrams of one kind of node would show little.
    let [nodes, residuals] = nodes;
    assert!(
        residuals * 20 > nodes && residuals * 2 < nodes,
        "{residuals} of {nodes} nodes left to bits"
    );
}

#[test]
fn adding_a_block_rule_never_weakens_an_outcome() {
    let mut random = Random::new(seed() ^ 1);
    for_each_case(CASES / 10, |case, program| {
        let before = decide_once(program, case.kind(), &case.facts);
        let mut stricter = case.policy.clone();
        let condition = match generate::policy(&mut random).rules.pop() {
            Some(rule) => rule.condition,
            None => Condition::All(vec![]),
        };
        stricter.rules.push(block(condition));
        let Some(program) = lower_any(&stricter) else {
            return;
        };
        let after = decide_once(&program, case.kind(), &case.facts);
        assert!(
            after.verdict >= before.verdict,
            "{}",
            json(&Case {
                policy: stricter,
                facts: case.facts.clone()
            })
        );
    });
}

#[test]
fn b_05_what_becomes_unknown_never_widens_access() {
    for_each_case(CASES / 50, |case, program| {
        let before = decide_once(program, case.kind(), &case.facts);
        for (id, fact) in Vocabulary::builtin()
            .iter()
            .filter(|(_, fact)| fact.name != "connection.kind")
        {
            let mut facts = case.facts.clone();
            facts.set(id, Fact::Unknown);
            assert_stricter(case, program, &facts, &before, &fact.name);
            // A value of another type is no better than none.
            facts.set(id, Fact::Known(value_of_another_type(&fact.ty)));
            assert_stricter(case, program, &facts, &before, &fact.name);
        }
    });
}

#[test]
fn b_05_a_session_of_another_program_is_blocked() {
    let allow = |name: &str| Policy {
        rules: vec![Rule {
            name: name.into(),
            effect: Effect::ALLOW,
            ..block(Condition::All(vec![]))
        }],
        ..Policy::default()
    };
    let mut two = allow("p.a");
    two.rules.extend(allow("p.b").rules);
    let (one, two) = (lower_any(&allow("p.a")).unwrap(), lower_any(&two).unwrap());
    let session = specialise(&one, Protocol::Http, &Facts::new());
    let mut decision = Decision::with_capacity(2);
    decide(
        &one,
        &session,
        &Facts::new(),
        &mut Scratch::new(&session),
        &mut decision,
    );
    assert_eq!(decision.verdict, Verdict::Allow);
    decide(
        &two,
        &session,
        &Facts::new(),
        &mut Scratch::new(&session),
        &mut decision,
    );
    assert_eq!(
        (decision.verdict, decision.allow.len()),
        (Verdict::Block, 0)
    );
}

fn assert_stricter(case: &Case, program: &Program, facts: &Facts, before: &Decision, fact: &str) {
    let after = decide_once(program, case.kind(), facts);
    let all_in =
        |before: &[RuleId], after: &[RuleId]| before.iter().all(|rule| after.contains(rule));
    let obliged = all_in(&before.mask, &after.mask) && all_in(&before.limit, &after.limit);
    assert!(
        after.verdict >= before.verdict && obliged,
        "{fact}: {}",
        json(case)
    );
}

fn value_of_another_type(ty: &FactType) -> Value {
    match ty {
        FactType::Scalar(Scalar::Bool) => Value::Int(1),
        _ => Value::Bool(true),
    }
}

/// Calls `check` with `cases` random cases and their programs. A policy that expands too far is left out.
fn for_each_case(cases: usize, mut check: impl FnMut(&Case, &Program)) {
    let seed = seed();
    println!("HPOL_DIFFERENTIAL_SEED={seed} HPOL_DIFFERENTIAL_CASES={cases}");
    let mut random = Random::new(seed);
    let (mut done, mut left_out) = (0, 0);
    while done < cases {
        let policy = generate::policy(&mut random);
        let Some(program) = lower_any(&policy) else {
            left_out += 1;
            continue;
        };
        let program = reload(&policy, program);
        let mut case = Case {
            policy,
            facts: Facts::new(),
        };
        for _ in 0..FACTS_A_POLICY {
            case.facts = generate::facts(&mut random);
            check(&case, &program);
            done += 1;
        }
    }
    assert!(
        left_out * FACTS_A_POLICY * 10 < cases,
        "{left_out} policies left out"
    );
}

fn lower_any(policy: &Policy) -> Option<Program> {
    match lower(policy, Vocabulary::builtin()) {
        Ok(program) => Some(program),
        Err(error) => match error.fault {
            Fault::TooManyClauses { .. } | Fault::TooManyElements { .. } => None,
            _ => panic!("{error}"),
        },
    }
}

/// The program as a gateway would have it: written, signed and loaded.
fn reload(policy: &Policy, program: Program) -> Program {
    let vocabulary = Vocabulary::builtin().clone();
    let bundle = Bundle {
        policy: policy.clone(),
        program,
        vocabulary,
        provenance: Provenance::default(),
    };
    let key = SigningKey::generate().unwrap();
    let file = bundle::encode(&bundle, &key).unwrap();
    let loaded = Bundle::load(&file, &TrustedKeys::new(vec![key.public()]), None).unwrap();
    assert_eq!(loaded.policy().as_ref(), Ok(&bundle.policy));
    assert_eq!(loaded.bundle, bundle.unread());
    loaded.bundle.program
}

/// How some form of evaluation differs from the oracle.
fn difference(case: &Case, program: &Program) -> Option<String> {
    let expected = hpol_oracle::decide(&case.policy, &case.facts);
    let session = specialise(program, case.kind(), &case.facts_of(Phase::Session));
    let mut scratch = Scratch::default();
    let mut specialised = Decision::with_capacity(program.rules());
    decide(
        program,
        &session,
        &case.facts_of(Phase::Operation),
        &mut scratch,
        &mut specialised,
    );
    // What takes no bytes is packed all the same where nothing is left to ask.
    let wide = Residuals::new(1).packing_at_most(0).specialise(
        program,
        case.kind(),
        &case.facts_of(Phase::Session),
    );
    let mut unpacked = Decision::with_capacity(program.rules());
    let operation = case.facts_of(Phase::Operation);
    decide(program, &wide, &operation, &mut scratch, &mut unpacked);
    let mut again = specialised.clone();
    decide(program, &session, &case.facts, &mut scratch, &mut again);
    let once = decide_once(program, case.kind(), &case.facts);
    for (form, found) in [
        ("specialised", specialised),
        ("unpacked", unpacked),
        ("again", again),
        ("once", once),
    ] {
        if found != expected {
            return Some(format!("{form}: engine {found:?}\noracle {expected:?}"));
        }
    }
    (0..case.policy.groups.len() as u32)
        .map(GroupId)
        .find_map(|group| {
            let expected = hpol_oracle::is_member(&case.policy, group, &case.facts);
            (is_member(program, group, &case.facts) != expected)
                .then(|| format!("{group:?}: oracle {expected}"))
        })
}

/// Without exceptions by name the policy decides alike.
fn fold_alike(case: &Case, decision: &Decision) {
    if case.policy.exceptions.is_empty() {
        return;
    }
    let folded = hpol_oracle::decide(&case.policy.folding_exceptions(), &case.facts);
    let named = Decision {
        excepted: decision.excepted.clone(),
        ..folded
    };
    assert_eq!(named, *decision, "{}", json(case));
}

/// The diagrams of a program under budgets that are ample, scarce and nothing, written and read again.
struct Diagrams(Vec<(&'static str, Dag)>);

impl Diagrams {
    fn of(program: &Program) -> Diagrams {
        let of = |(name, cells)| {
            Protocol::ALL.map(|kind| {
                let dag = Dag::of(program, kind, Budget { cells }).unwrap();
                assert_eq!(dag, Dag::of(program, kind, Budget { cells }).unwrap());
                let read = Dag::load(&dag.encode().unwrap(), program).unwrap();
                assert_eq!(read, dag);
                (name, read)
            })
        };
        let budgets = [("dag", 1 << 14), ("mixed", 60), ("residual", 0)];
        Diagrams(budgets.into_iter().flat_map(of).collect())
    }

    /// How some diagram differs from the oracle.
    fn difference(&self, case: &Case, program: &Program) -> Option<String> {
        let decision = hpol_oracle::decide(&case.policy, &case.facts);
        let mut obligations = [decision.approve, decision.mask, decision.limit].concat();
        obligations.sort_unstable();
        let expected = Outcome {
            verdict: decision.verdict,
            obligations,
            observed: decision.observed,
        };
        let dags = self.0.iter().filter(|(_, dag)| dag.kind() == case.kind());
        dags.into_iter().find_map(|(name, dag)| {
            let found = outcome(program, dag, &case.facts);
            let alike = found == expected && verdict(program, dag, &case.facts) == found.verdict;
            (!alike).then(|| format!("{name}: engine {found:?}\noracle {expected:?}"))
        })
    }
}

fn agree(case: &Case) {
    let program = lower_any(&case.policy).unwrap();
    if let Some(difference) = difference(case, &program) {
        panic!("{difference}\n{}", json(case));
    }
}

fn json(case: &Case) -> String {
    format!("r#\"{}\"#", serde_json::to_string(case).unwrap())
}

fn block(condition: Condition) -> Rule {
    Rule {
        name: "p.z".into(),
        title: String::new(),
        because: String::new(),
        claims: vec![],
        condition,
        effect: Effect::Block {
            message: String::new(),
            terminates: false,
        },
        observe: false,
        source: Source::default(),
    }
}

fn seed() -> u64 {
    number("HPOL_DIFFERENTIAL_SEED", SEED)
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}
