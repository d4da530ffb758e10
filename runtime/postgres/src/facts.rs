//! From a statement and its parameters to an operation the door can judge, and the answer to its question whether masks
//! can be carried out. What SQL means is `hpol_operation`'s.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use hpol_operation::sql::{
    Analyser, Catalogue, ClassifiedColumn, Exposure, Extent, Format, NamedTexts, Parameter,
    SessionEffect, SqlAnalysis, SqlRefusal, SqlSession, Verb,
};
use hpol_operation::{Class, Operation};
use hpol_session::Vocabulary;
use hpol_session::masking::{MaskingPlan, Slot};
use hpol_session::refusal::NotAccepted;
use hpol_session::session::{CannotLimit, CannotMask, Carrier};

use crate::codec::frontend::Bind;
use crate::states::naming::Kept;
use crate::states::prepared::{PortalId, Statement};

/// What a session's texts are read by: the analyser, and what names mean in this session.
#[derive(Debug)]
pub(crate) struct Reader {
    analyser: Arc<Analyser>,
    session: SqlSession,
    /// The search path at login.
    login_path: Vec<String>,
    catalogue: Arc<Catalogue>,
}

impl Reader {
    pub(crate) fn new(
        analyser: Arc<Analyser>,
        search_path: Vec<String>,
        catalogue: Arc<Catalogue>,
    ) -> Reader {
        let session = SqlSession {
            search_path: search_path.clone(),
            catalogue: Some(Arc::clone(&catalogue)),
        };
        Reader {
            analyser,
            session,
            login_path: search_path,
            catalogue,
        }
    }

    /// The search path is empty from now on.
    pub(crate) fn empty_search_path(&mut self) {
        self.session.search_path.clear();
    }

    /// The search path is that of the login again.
    pub(crate) fn reset_search_path(&mut self) {
        self.session.search_path.clone_from(&self.login_path);
    }

    pub(crate) fn has_empty_path(&self) -> bool {
        self.session.search_path.is_empty()
    }

    /// Whether this is the catalogue that texts are read by now.
    pub(crate) fn has(&self, catalogue: &Arc<Catalogue>) -> bool {
        Arc::ptr_eq(&self.catalogue, catalogue)
    }

    pub(crate) fn replace_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.session.catalogue = Some(Arc::clone(&catalogue));
        self.catalogue = catalogue;
    }

    /// The analysis of `text`. Parsing is long work, so it does not run on a thread that serves other connections.
    pub(crate) async fn read(&self, text: &str) -> Result<Reading, SqlRefusal> {
        let analysis = match self.analyser.cached(text, &self.session) {
            Some(analysis) => analysis,
            None => {
                let (analyser, session, text) = (
                    Arc::clone(&self.analyser),
                    self.session.clone(),
                    text.to_owned(),
                );
                tokio::task::spawn_blocking(move || analyser.analyse(&text, &session))
                    .await
                    .map_err(|_| SqlRefusal::Internal)??
            }
        };
        Ok(Reading::new(analysis, Arc::clone(&self.catalogue)))
    }

    /// The analysis of `text`, where the names it uses stand for `named`. Tables mean what they meant in `catalogue`, for
    /// cursors that were declared then; `None` is now.
    pub(crate) async fn read_named(
        &self,
        text: &str,
        named: NamedTexts,
        catalogue: Option<Arc<Catalogue>>,
    ) -> Result<Reading, SqlRefusal> {
        let catalogue = catalogue.unwrap_or_else(|| Arc::clone(&self.catalogue));
        let session = SqlSession {
            search_path: self.session.search_path.clone(),
            catalogue: Some(Arc::clone(&catalogue)),
        };
        let (analyser, text) = (Arc::clone(&self.analyser), text.to_owned());
        let analysis =
            tokio::task::spawn_blocking(move || analyser.analyse_named(&text, &session, named))
                .await
                .map_err(|_| SqlRefusal::Internal)??;
        Ok(Reading::new(analysis, catalogue))
    }
}

/// What a record shows of a text that was refused after it was parsed; `None` where its words cannot be told from its
/// literals.
pub(crate) async fn shown(text: &str, refusal: &SqlRefusal) -> Option<String> {
    let parsed = matches!(
        refusal,
        SqlRefusal::Unsupported { .. }
            | SqlRefusal::ServerCopy { .. }
            | SqlRefusal::NamedCommand { .. }
    );
    let text = parsed.then(|| text.to_owned())?;
    let masked = tokio::task::spawn_blocking(move || hpol_operation::sql::masked(&text));
    masked.await.ok().flatten()
}

/// The extent of what a text that touches no relation reads and writes.
const NOTHING: Extent<String> = Extent {
    known: BTreeSet::new(),
    complete: true,
};

/// A text that was understood, and the catalogue it was understood by.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) analysis: Arc<SqlAnalysis>,
    pub(crate) catalogue: Arc<Catalogue>,
    /// The catalogue has changed since it was read, and could not be read again yet.
    pub(crate) stale: bool,
    /// What the names of statements and cursors that it uses stand for.
    pub(crate) names: Arc<[NameUse]>,
    /// What it makes that is judged again later, in order.
    pub(crate) kept: Arc<[Kept]>,
}

/// What a name stood for when a text that uses it was read.
#[derive(Debug, Clone)]
pub(crate) enum NameUse {
    Statement(String, Arc<Statement>),
    Portal(String, PortalId),
}

impl Reading {
    fn new(analysis: Arc<SqlAnalysis>, catalogue: Arc<Catalogue>) -> Reading {
        Reading {
            analysis,
            catalogue,
            stale: false,
            names: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// Whether it gives every setting the value of the session's start, so that what the gateway has set has to be set
    /// again.
    pub(crate) fn resets_all(&self) -> bool {
        self.analysis
            .effects()
            .iter()
            .any(SessionEffect::resets_all)
    }

    /// Whether it may undo what was set before it in the transaction.
    pub(crate) fn may_roll_back(&self) -> bool {
        let mut effects = self.analysis.effects().iter();
        effects.any(|effect| {
            matches!(
                effect,
                SessionEffect::Commit | SessionEffect::Rollback | SessionEffect::Savepoint
            )
        })
    }

    /// Whether it ends a transaction, which materialises its cursors that outlive it and checks what was put off.
    pub(crate) fn commits(&self) -> bool {
        let mut effects = self.analysis.effects().iter();
        effects.any(|effect| matches!(effect, SessionEffect::Commit))
    }

    /// The cursor that it fetches from, if it uses one.
    pub(crate) fn cursor(&self) -> Option<PortalId> {
        self.names.iter().find_map(|name| match name {
            NameUse::Portal(_, id) => Some(*id),
            NameUse::Statement(..) => None,
        })
    }

    /// Whether it makes, uses or drops names of statements or cursors, or listens.
    pub(crate) fn concerns_names(&self) -> bool {
        let effects = self.analysis.effects();
        effects.iter().any(SessionEffect::concerns_names)
            || !self.analysis.uses().is_empty()
            || self.listens()
    }

    /// Whether it runs a prepared statement by its name.
    pub(crate) fn executes(&self) -> bool {
        let mut names = self.names.iter();
        names.any(|name| matches!(name, NameUse::Statement(..)))
    }

    pub(crate) fn listens(&self) -> bool {
        let mut effects = self.analysis.effects().iter();
        effects.any(|effect| matches!(effect, SessionEffect::Listen { .. }))
    }

    /// Whether it is one command that begins or ends a transaction, or nothing at all.
    pub(crate) fn is_transaction_control(&self) -> bool {
        let verbs = &self.analysis.verbs();
        self.analysis.statements() <= 1
            && verbs.complete
            && verbs.known.iter().all(|verb| *verb == Verb::TRANSACTION)
    }

    /// The operation of a simple query, or of a statement that is only prepared.
    pub(crate) fn operation(&self) -> Operation {
        self.analysis.operation(&[], Vocabulary::builtin())
    }

    /// The operation of running the statement with the parameters of `bind`, which a cursor keeps.
    pub(crate) fn bind(&mut self, bind: &Bind<'_>, parameter_types: &[u32]) -> Operation {
        if !self.kept.is_empty() {
            let kept = self.kept.iter().map(|kept| Kept {
                operation: kept.reading.bound(bind, parameter_types),
                reading: kept.reading.clone(),
            });
            self.kept = kept.collect();
        }
        self.bound(bind, parameter_types)
    }

    fn bound(&self, bind: &Bind<'_>, parameter_types: &[u32]) -> Operation {
        let values = bind.parameters.iter().enumerate();
        let parameters: Vec<Parameter<'_>> = values
            .map(|(index, value)| Parameter {
                type_oid: parameter_types.get(index).copied().unwrap_or(0),
                format: if bind.is_binary(index) {
                    Format::Binary
                } else {
                    Format::Text
                },
                value: *value,
            })
            .collect();
        self.analysis.operation(&parameters, Vocabulary::builtin())
    }

    /// Whether it names relations that the catalogue does not know, as when another session has created them meanwhile.
    pub(crate) fn names_unknown(&self) -> bool {
        let (reads, writes) = (self.analysis.reads(), self.analysis.writes());
        // What a statement creates is not known before it.
        let writes = (!self.changes_catalogue()).then_some(writes);
        !reads.complete
            || writes.is_some_and(|writes| !writes.complete)
            || reads
                .known
                .iter()
                .chain(writes.into_iter().flat_map(|writes| &writes.known))
                .any(|name| !self.knows(name))
    }

    /// A schema's or relation's own name may hold dots, so every split is tried.
    fn knows(&self, qualified: &str) -> bool {
        qualified.match_indices('.').any(|(dot, _)| {
            let (schema, name) = (qualified.get(..dot), qualified.get(dot + 1..));
            matches!((schema, name), (Some(schema), Some(name)) if self.catalogue.relation(schema, name).is_some())
        })
    }

    /// Whether it can change what the catalogue says.
    pub(crate) fn changes_catalogue(&self) -> bool {
        const CHANGING: [Verb; 6] = [
            Verb::CREATE,
            Verb::ALTER,
            Verb::DROP,
            Verb::DO,
            Verb::CALL,
            Verb::OTHER,
        ];
        let verbs = self.analysis.verbs();
        !verbs.complete || CHANGING.iter().any(|verb| verbs.known.contains(verb))
    }

    /// Whether it is one SELECT that changes nothing.
    pub(crate) fn only_selects(&self) -> bool {
        let verbs = self.analysis.verbs();
        let selects = verbs.complete && verbs.known.iter().all(|verb| *verb == Verb::SELECT);
        selects && self.analysis.statements() == 1 && self.analysis.class() == Class::Read
    }

    pub(crate) fn is_copy(&self) -> bool {
        self.analysis.verbs().known.contains(&Verb::COPY)
    }

    /// How the text exposes the classified columns of `plan`.
    pub(crate) fn exposure(&self, plan: &MaskingPlan) -> Exposure {
        let classified: Vec<ClassifiedColumn> = plan
            .columns()
            .map(|(_, column)| classified(column))
            .collect();
        self.analysis.exposure(&self.catalogue, &classified)
    }

    /// Why the catalogue does not tell what the names mean when the text runs.
    fn is_outrun(&self) -> Option<&'static str> {
        let touches_nothing =
            self.analysis.reads() == &NOTHING && self.analysis.writes() == &NOTHING;
        if self.stale && !touches_nothing {
            return Some(
                "tables may have changed since the last Sync, or in the transaction that failed",
            );
        }
        if self.changes_catalogue() && self.analysis.statements() > 1 {
            return Some("a statement that changes tables has to be sent alone");
        }
        None
    }

    /// What this version does not carry, whatever a policy says.
    pub(crate) fn not_carried(&self) -> Option<NotAccepted> {
        self.analysis
            .effects()
            .iter()
            .find_map(not_carried)
            .map(|what| NotAccepted::Unsupported { what })
    }

    /// What is refused of a text that undoes a search path and goes on.
    pub(crate) fn goes_on_undone() -> NotAccepted {
        NotAccepted::Unsupported {
            what: "what ends a transaction that has changed search_path, or concerns its savepoints, has to be sent alone"
                .to_owned(),
        }
    }

    /// Why the text may not both reset settings and make it possible to undo what is set behind that.
    pub(crate) fn undoes_settings(&self) -> Option<NotAccepted> {
        (self.resets_all() && self.may_roll_back()).then(|| NotAccepted::Unsupported {
            what: "RESET ALL and DISCARD ALL have to be sent apart from what ends a transaction or concerns savepoints"
                .to_owned(),
        })
    }
}

fn classified(column: &hpol_session::masking::Column) -> ClassifiedColumn {
    ClassifiedColumn {
        schema: column.schema.clone(),
        table: column.table.clone(),
        column: column.column.clone(),
    }
}

impl Carrier for Reading {
    fn can_limit(&self, _: u64) -> Result<(), CannotLimit> {
        match self.analysis.cannot_limit() {
            Some(why) => Err(CannotLimit {
                why: why.to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn returns(&self, plan: &MaskingPlan) -> bool {
        self.is_outrun().is_some()
            || self.listens()
            || !matches!(self.exposure(plan), Exposure::None)
    }

    fn can_mask(&self, plan: &MaskingPlan) -> Result<(), CannotMask> {
        let first = || {
            plan.columns()
                .next()
                .map(|(slot, _)| plan.class(slot).to_owned())
        };
        if let (Some(class), Some(why)) = (first(), self.is_outrun()) {
            return Err(CannotMask {
                class,
                why: why.to_owned(),
            });
        }
        if let (Some(class), Some(why)) = (
            first(),
            self.analysis.cannot_mask_notified(plan.has_detectors()),
        ) {
            return Err(CannotMask {
                class,
                why: why.to_owned(),
            });
        }
        match self.exposure(plan) {
            exposure @ (Exposure::None | Exposure::Plain) => {
                let exposed = exposure == Exposure::Plain;
                let why =
                    self.analysis
                        .cannot_mask_copy(&self.catalogue, exposed, plan.has_detectors());
                why.map_or(Ok(()), |why| {
                    Err(CannotMask {
                        class: plan.class(Slot(0)).to_owned(),
                        why: why.to_owned(),
                    })
                })
            }
            Exposure::Refused { column, why, place } => {
                let alone = |column: &hpol_session::masking::Column| {
                    matches!(
                        self.analysis
                            .exposure(&self.catalogue, &[classified(column)]),
                        Exposure::Refused { .. }
                    )
                };
                let culprit = plan
                    .columns()
                    .find(|(_, column)| alone(column))
                    .or_else(|| plan.columns().next());
                Err(CannotMask {
                    class: culprit
                        .map(|(slot, _)| plan.class(slot).to_owned())
                        .unwrap_or_default(),
                    why: format!("`{column}` {why} in {place}"),
                })
            }
        }
    }
}

/// Whether a change of session state is not carried, whatever a policy says.
pub(crate) fn is_forbidden(effect: &SessionEffect) -> bool {
    not_carried(effect).is_some()
}

/// Changes of session state that would make later statements mean something else than what is judged, by name.
fn not_carried(effect: &SessionEffect) -> Option<String> {
    match effect {
        SessionEffect::Begin
        | SessionEffect::Commit
        | SessionEffect::Rollback
        | SessionEffect::Savepoint
        | SessionEffect::Set { .. }
        | SessionEffect::Reset { .. }
        | SessionEffect::Discard { .. }
        | SessionEffect::Deallocate { .. }
        | SessionEffect::PrepareSql { .. }
        | SessionEffect::ExecuteSql { .. }
        | SessionEffect::DeclareCursor { .. }
        | SessionEffect::FetchCursor { .. }
        | SessionEffect::CloseCursor { .. }
        | SessionEffect::Listen { .. }
        | SessionEffect::Unlisten { .. } => None,
        SessionEffect::TwoPhase => Some("two-phase commit is not supported by this version".to_owned()),
        SessionEffect::ChangesIdentity => {
            Some("changing the role of the session is not supported: it belongs to the gateway".to_owned())
        }
        SessionEffect::ChangesNameResolution => {
            Some("changing search_path is not supported: write names with their schema".to_owned())
        }
        SessionEffect::ChangesEncoding => {
            Some("changing how text is read is not supported: the session is in UTF-8 with standard strings".to_owned())
        }
        SessionEffect::ChangesProtection { name } => {
            Some(format!("changing `{name}` is not supported: it weakens the protection of the server"))
        }
    }
}

/// Why a text was not analysed, in the door's classes.
pub(crate) fn not_accepted(refusal: &SqlRefusal) -> NotAccepted {
    match refusal {
        SqlRefusal::Unsupported { .. }
        | SqlRefusal::ServerCopy { .. }
        | SqlRefusal::NamedCommand { .. } => NotAccepted::Unsupported {
            what: refusal.to_string(),
        },
        SqlRefusal::Syntax { .. }
        | SqlRefusal::TooLong { .. }
        | SqlRefusal::TooDeep
        | SqlRefusal::TooCostly
        | SqlRefusal::TooSlow
        | SqlRefusal::Busy
        | SqlRefusal::Internal
        | SqlRefusal::Nul => NotAccepted::NotUnderstood {
            why: refusal.to_string(),
        },
    }
}

/// SHA-256 of something that could not be analysed, for its record.
pub(crate) fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // SHA-256 is 32 bytes long, so both are of one length.
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}
