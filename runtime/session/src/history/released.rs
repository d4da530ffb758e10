//! What an operation has released: the facts of its result, as history reads them.
//!
//! Which data classes left in clear follows from what the operation asks for and what was hidden: a class counts whose
//! columns or paths it could bring back and that no mask of the decision hides. Whether free text holds a class that only a
//! detector would find is not known where nothing searched it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use hpol_bundle::facts::{Fact, Facts, Value};
use hpol_bundle::policy::{DataClass, Policy};
use hpol_bundle::program::Program;
use hpol_bundle::vocabulary::{FactId, Phase, Vocabulary};
use hpol_evidence::record::OperationResult;
use hpol_operation::Class;

use crate::masking::{BuildPlan, MaskingPlan};
use crate::policy::InForce;
use crate::session::{Carrier, Returns};

/// The facts of results in the vocabulary.
#[derive(Debug, Clone, Copy)]
struct Ids {
    rows: Option<FactId>,
    bytes: Option<FactId>,
    classes: Option<FactId>,
    masked: Option<FactId>,
}

impl Ids {
    fn get() -> Ids {
        let id = |name| Vocabulary::builtin().lookup(name).map(|(id, _)| id);
        Ids {
            rows: id("result.rows"),
            bytes: id("result.bytes"),
            classes: id("result.classes"),
            masked: id("result.masked"),
        }
    }

    fn all(self) -> [Option<FactId>; 4] {
        [self.rows, self.bytes, self.classes, self.masked]
    }
}

/// `facts` with those of the result unknown.
pub(crate) fn not_known_yet(mut facts: Facts) -> Facts {
    for id in Ids::get().all().into_iter().flatten() {
        facts.set(id, Fact::Unknown);
    }
    facts
}

/// Makes unknown what `facts` tell of data classes: nobody looked for those of this policy.
pub(crate) fn classes_not_known(facts: &mut Facts) {
    let Ids {
        classes, masked, ..
    } = Ids::get();
    for id in [classes, masked].into_iter().flatten() {
        facts.set(id, Fact::Unknown);
    }
}

/// The data classes that some measurement reads, for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) classes: Arc<[Watched]>,
}

/// One data class.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) class: String,
    /// Where it is stored, as if it were to be hidden there; nothing if nowhere on this connection.
    pub(crate) places: MaskingPlan,
    /// Whether free text can hold it.
    pub(crate) detected: bool,
}

/// The classes to be watched on each connection that the policy names, and under the empty name on any other; `None` if
/// `remembered` facts are about no classes.
pub(crate) fn watches<C>(
    policy: &Policy<C>,
    remembered: &[FactId],
) -> Result<Option<HashMap<String, Watch>>, BuildPlan> {
    let classes = Ids::get().classes;
    if !classes.is_some_and(|id| remembered.contains(&id)) {
        return Ok(None);
    }
    let columns = policy.classes.iter().flat_map(|class| &class.columns);
    let paths = policy.classes.iter().flat_map(|class| &class.json);
    let targets: BTreeSet<&str> = (columns.map(|column| column.target.as_str()))
        .chain(paths.map(|path| path.target.as_str()))
        .chain([""])
        .collect();
    let watched = |target: &str, class: &DataClass| {
        Ok(Watched {
            class: class.name.clone(),
            places: MaskingPlan::places(target, class)?,
            detected: !class.detectors.is_empty(),
        })
    };
    let mut watches = HashMap::new();
    for target in targets {
        let classes = policy.classes.iter().map(|class| watched(target, class));
        let classes: Vec<Watched> = classes.collect::<Result<_, BuildPlan>>()?;
        let watch = Watch {
            classes: classes.into(),
        };
        watches.insert(target.to_owned(), watch);
    }
    Ok(Some(watches))
}

/// The facts of operations and results that the measurements of `program` read, ascending.
pub(crate) fn remembered(program: &Program) -> Vec<FactId> {
    let fields = program.filters().tables().iter();
    let fields = fields.filter_map(|table| program.fields().get(table.field()));
    let filtered = fields
        .filter(|field| field.phase != Phase::Session)
        .map(|field| field.fact);
    let measured = program.histories().iter();
    let measured = measured.filter_map(|history| history.measure.fact());
    let facts: BTreeSet<FactId> = filtered.chain(measured).collect();
    facts.into_iter().collect()
}

/// Classes that the result of an operation can hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Released {
    /// Whether anybody looked.
    watched: bool,
    /// Those that it brings back in clear, if anything.
    in_clear: Vec<Box<str>>,
    /// Whether messages about it can show values of others.
    in_messages: bool,
    /// Whether others may be in free text.
    perhaps: bool,
}

impl Released {
    /// Of an operation that `carrier` knows and whose result is hidden by `plan`.
    pub(crate) fn expected(
        watch: Option<&Watch>,
        plan: &MaskingPlan,
        carrier: &dyn Carrier,
    ) -> Released {
        let Some(watch) = watch else {
            return Released::default();
        };
        let shown = watch.classes.iter();
        let shown = shown.filter(|watched| plan.rule_of_class(&watched.class).is_none());
        let mut released = Released {
            watched: true,
            ..Released::default()
        };
        for watched in shown {
            let returns = match watched.places.is_empty() {
                true => Returns::Nowhere,
                false => carrier.returns(&watched.places),
            };
            match returns {
                Returns::InResult => released.in_clear.push(watched.class.as_str().into()),
                Returns::InMessages | Returns::Nowhere => {
                    released.in_messages |= returns == Returns::InMessages;
                    released.perhaps |= watched.detected;
                }
            }
        }
        released
    }

    /// As a policy sees it that came into force later: where its data classes are others, nobody looked for those.
    pub(crate) fn under(self, before: &InForce, now: &InForce) -> Released {
        match before.bundle().policy.classes == now.bundle().policy.classes {
            true => self,
            false => Released::default(),
        }
    }

    fn fact(&self, anything: bool, told: Told) -> Fact {
        let may_be = match told {
            Told::Nothing => false,
            Told::Text => self.perhaps,
            Told::Values => {
                self.perhaps || self.in_messages || (!anything && !self.in_clear.is_empty())
            }
            Told::Anything => true,
        };
        if may_be {
            return Fact::Unknown;
        }
        match (self.watched, anything) {
            (false, _) => Fact::Unknown,
            (true, false) => Fact::Known(Value::Set(Vec::new())),
            (true, true) if self.perhaps => Fact::Unknown,
            (true, true) => Fact::Known(Value::Set(self.in_clear.clone())),
        }
    }
}

/// What may have shown values beside the bytes of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// Texts that hold none of what is asked for, as headers.
    Text,
    /// Messages about what is asked for, as errors and notices.
    Values,
    /// Whatever others send, as notifications.
    Anything,
}

/// How an operation ended, as far as history is concerned.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) result: OperationResult,
    pub(crate) class: Class,
    pub(crate) rows: u64,
    /// Rows that its statements returned or changed, if anybody knows.
    pub(crate) counted: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) told: Told,
    /// Classes of which a value was hidden.
    pub(crate) masked: Vec<Box<str>>,
}

/// The facts of a result; `None` for one that was never run.
pub(crate) fn facts_of(end: Option<End>, released: &Released) -> Option<Facts> {
    let mut facts = not_known_yet(Facts::new());
    let Some(end) = end else {
        return Some(facts);
    };
    let known = match (end.result, end.class) {
        (OperationResult::NotRun, _) => return None,
        (OperationResult::Completed | OperationResult::Failed, _)
        | (OperationResult::Interrupted, Class::Read) => true,
        // How far the upstream got nobody has said.
        (OperationResult::Interrupted, Class::Write) => false,
    };
    let number = |count: u64| Fact::Known(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
    let ids = Ids::get();
    let mut set = |id: Option<FactId>, fact| {
        if let Some(id) = id {
            facts.set(id, fact);
        }
    };
    if let (true, Some(counted)) = (known, end.counted) {
        set(ids.rows, number(counted));
    }
    set(ids.bytes, number(end.bytes));
    let anything = end.rows > 0 || end.bytes > 0;
    set(ids.classes, released.fact(anything, end.told));
    set(ids.masked, Fact::Known(Value::Set(end.masked)));
    Some(facts)
}
