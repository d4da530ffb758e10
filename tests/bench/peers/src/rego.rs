//! Rego by regorus: a partial rule for each effect, inputs made before. Twice: the interpreter with the policy prepared,
//! and the virtual machine with the policy compiled.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{CompiledPolicy, Engine, Rc, Value};
use serde_json::json;

use crate::measure::Peer;
use crate::workload::{Condition, Effect, Outcome, Request, Rule, Workload};

const ENTRY: &str = "data.gateway.result";
/// No file may have more than a mebibyte.
const RULES_PER_FILE: usize = 1_000;

pub struct Interpreter {
    policy: CompiledPolicy,
    inputs: Vec<Value>,
    result: Value,
}

pub struct Machine {
    machine: RegoVM,
    inputs: Vec<Value>,
    result: Value,
}

impl Interpreter {
    pub fn new(workload: &Workload) -> Result<Interpreter> {
        Ok(Interpreter {
            policy: compiled(workload)?,
            inputs: inputs(workload)?,
            result: Value::Undefined,
        })
    }
}

impl Peer for Interpreter {
    fn name(&self) -> String {
        "regorus 0.14.1, interpreter".to_owned()
    }

    fn decide(&mut self, index: usize) -> Result<()> {
        self.result = self.policy.eval_with_input(self.inputs[index].clone())?;
        Ok(())
    }

    fn outcome(&self) -> Result<Outcome> {
        outcome(&self.result)
    }
}

impl Machine {
    pub fn new(workload: &Workload) -> Result<Machine> {
        let policy = compiled(workload)?;
        let program = Compiler::compile_from_policy(&policy, &[ENTRY])
            .map_err(|fault| anyhow!("the Rego policy does not compile: {fault}"))?;
        let mut machine = RegoVM::new_with_policy(policy);
        machine.load_program(program);
        Ok(Machine {
            machine,
            inputs: inputs(workload)?,
            result: Value::Undefined,
        })
    }
}

impl Peer for Machine {
    fn name(&self) -> String {
        "regorus 0.14.1, virtual machine".to_owned()
    }

    fn decide(&mut self, index: usize) -> Result<()> {
        self.machine.set_input(self.inputs[index].clone());
        self.result = self.machine.execute().map_err(|fault| anyhow!("{fault}"))?;
        Ok(())
    }

    fn outcome(&self) -> Result<Outcome> {
        outcome(&self.result)
    }
}

fn compiled(workload: &Workload) -> Result<CompiledPolicy> {
    let head = "package gateway\n\nimport rego.v1\n\n";
    let mut engine = Engine::new();
    let mut sets = head.to_owned();
    sets +=
        "result := {\"block\": block, \"approve\": approve, \"mask\": mask, \"allow\": allow}\n";
    // So that a set that no rule is for is there, and empty.
    for set in ["block", "approve", "mask", "allow"] {
        sets += &format!("{set} contains \"\" if false\n");
    }
    engine.add_policy("gateway.rego".to_owned(), sets)?;
    for (number, rules) in workload.rules.chunks(RULES_PER_FILE).enumerate() {
        let rules: String = rules.iter().map(rule).collect();
        engine.add_policy(format!("rules_{number}.rego"), format!("{head}{rules}"))?;
    }
    engine.compile_with_entrypoint(&Rc::from(ENTRY))
}

fn rule(rule: &Rule) -> String {
    let set = match rule.effect {
        Effect::Allow => "allow",
        Effect::Block => "block",
        Effect::Approve => "approve",
        Effect::Mask => "mask",
    };
    let list = |values: &[String]| {
        values
            .iter()
            .map(|value| format!("{value:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut text = format!("{set} contains {:?} if {{", rule.id);
    for condition in &rule.when {
        // Writing to a string does not fail.
        let _ = match condition {
            Condition::Group { value } => write!(text, " {value:?} in input.identity.groups;"),
            Condition::ConnName { value } => write!(text, " input.connection.name == {value:?};"),
            Condition::ConnKind { value } => write!(text, " input.connection.kind == {value:?};"),
            Condition::ConnEnv { value } => write!(text, " input.connection.env == {value:?};"),
            Condition::ActionIn { values } => {
                write!(text, " input.action.kind in {{{}}};", list(values))
            }
            Condition::TablesAny { values } => {
                write!(
                    text,
                    " some table in input.tables; table in {{{}}};",
                    list(values)
                )
            }
            Condition::RowGt { value } => write!(text, " input.row_estimate > {value};"),
            Condition::PathPrefix { value } => write!(text, " startswith(input.path, {value:?});"),
            Condition::HasWhereFalse => write!(text, " not input.has_where;"),
        };
    }
    text.trim_end_matches(';').to_owned() + " }\n"
}

fn inputs(workload: &Workload) -> Result<Vec<Value>> {
    let input = |request: &Request| {
        let connection = &request.connection;
        let input = json!({
            "identity": {"sub": request.identity.sub, "groups": request.identity.groups},
            "connection": {"name": connection.name, "kind": connection.kind, "env": connection.env},
            "action": {"kind": request.action.kind}, "tables": request.tables, "has_where": request.has_where,
            "row_estimate": request.row_estimate, "path": request.path,
        });
        Value::from_json_str(&input.to_string())
    };
    workload.requests.iter().map(input).collect()
}

fn outcome(result: &Value) -> Result<Outcome> {
    let mut matching = Vec::new();
    for (set, effect) in [
        ("block", Effect::Block),
        ("approve", Effect::Approve),
        ("mask", Effect::Mask),
        ("allow", Effect::Allow),
    ] {
        let ids = result[set]
            .as_set()
            .with_context(|| format!("the result has no {set}: {result}"))?;
        for id in ids.iter() {
            matching.push((effect, id.as_string()?.to_string()));
        }
    }
    Ok(Outcome::of(matching.into_iter()))
}
