//! Relations and columns that are named: into the facts and into the lineage.

use super::{
    ColumnMention, Extent, Name, Node, RelationMention, Role, SessionEffect, SqlSession, Walk,
    names, session,
};

impl Walk<'_> {
    pub(super) fn column(&mut self, node: &Node, output: Option<&str>) {
        let fields = node.list("fields");
        let star = fields
            .last()
            .is_some_and(|field| field.of_kind("AStar").is_some());
        let parts = node.names("fields");
        let (name, before) = match parts.split_last() {
            Some((name, before)) if !star => (Some(*name), before),
            _ => (None, parts.as_slice()),
        };
        if let (Some(name), false) = (name, before.is_empty()) {
            self.disguised_call(name);
        }
        self.mention(before.last().copied(), name, output);
    }

    /// What a server may take for a call of `name`: `row.name` where the row has no such column, or a construct that came
    /// with a later version. Rows of subselects and functions have columns that are not known here, so a function of that
    /// name counts as called in any case.
    pub(super) fn disguised_call(&mut self, name: &str) {
        if self.is_disguised(name) {
            self.opaque(format!("function {}", names::dotted(&[name])));
            self.found.functions.complete = false;
        }
    }

    pub(super) fn mention(
        &mut self,
        qualifier: Option<&str>,
        name: Option<&str>,
        output: Option<&str>,
    ) {
        self.statement.columns.push(ColumnMention {
            qualifier: qualifier.map(str::to_owned),
            name: name.map(str::to_owned),
            output: output.map(str::to_owned),
            place: self.place,
        });
    }

    /// A relation whose rows are read, unless it is a WITH query in scope.
    pub(super) fn read(&mut self, node: &Node, role: Role) {
        let (schema, name) = (node.text("schemaname"), node.text("relname"));
        if schema.is_empty() && self.scopes.iter().any(|scope| scope.contains(name)) {
            return;
        }
        let name = self.resolve(schema, name);
        self.read_name(&name);
        self.relation(node, name, role);
    }

    /// What a name of a relation means here.
    pub(super) fn resolve(&self, schema: &str, name: &str) -> Name {
        if schema.is_empty() && self.unsettled() {
            return Name {
                schema: None,
                name: name.to_owned(),
            };
        }
        names::relation(self.session, schema, name)
    }

    /// Whether an earlier statement of the text changed what names mean. The names of a statement are looked up before
    /// anything of it runs.
    pub(super) fn unsettled(&self) -> bool {
        let earlier = self.found.effect_ends.last().copied().unwrap_or_default();
        self.changed_before(earlier)
    }

    /// Whether anything so far did, for names that are looked up while the statement runs.
    pub(super) fn unsettled_while_running(&self) -> bool {
        self.changed_before(self.found.effects.len())
    }

    fn changed_before(&self, end: usize) -> bool {
        let effects = self.found.effects.get(self.settled.get()..end);
        let effects = effects.unwrap_or_default();
        let changes = |effect: &SessionEffect| {
            *effect == SessionEffect::ChangesNameResolution || effect.resets_all()
        };
        let settled = effects.iter().take_while(|effect| !changes(effect)).count();
        self.settled.set(self.settled.get() + settled);
        settled < effects.len()
    }

    pub(super) fn read_name(&mut self, name: &Name) {
        add(&mut self.found.reads, self.session, name, true);
        if name.schema.is_none() {
            self.opaque_reads(format!("{}, whose schema is not known,", name.shown()));
        }
    }

    /// A relation whose rows are changed.
    pub(super) fn change(&mut self, node: &Node) -> Name {
        let name = self.resolve(node.text("schemaname"), node.text("relname"));
        add(&mut self.found.writes, self.session, &name, true);
        if self.is_settings(&name) {
            self.found.effects.extend(session::any_setting());
        }
        self.relation(node, name.clone(), Role::Target);
        name
    }

    /// Whether a change of this relation can be one of the settings: it is the view of them, or a view over that.
    fn is_settings(&self, name: &Name) -> bool {
        let below = name.schema.as_deref().and_then(|schema| {
            let catalogue = self.session.catalogue.as_deref()?;
            let oid = catalogue.relation(schema, &name.name)?.oid;
            let below = catalogue.read_closure(oid).into_iter();
            let mut below = below.filter_map(|oid| catalogue.by_oid(oid));
            Some(below.any(|below| below.schema == "pg_catalog" && below.name == "pg_settings"))
        });
        *name == Name::new("pg_catalog", "pg_settings") || below.unwrap_or(false)
    }

    /// A relation that is altered, dropped or handled as a whole.
    pub(super) fn alter(&mut self, node: Option<&Node>) {
        if let Some(node) = node {
            let name = self.resolve(node.text("schemaname"), node.text("relname"));
            add(&mut self.found.writes, self.session, &name, false);
            self.relation(node, name, Role::Target);
        }
    }

    /// A relation that is made.
    pub(super) fn create(&mut self, node: Option<&Node>) {
        if let Some(node) = node {
            let schema = if node.text("relpersistence") == "t" {
                "pg_temp"
            } else {
                node.text("schemaname")
            };
            let mut name = names::creation(self.session, schema, node.text("relname"));
            if self.unsettled() && schema.is_empty() {
                name.schema = None;
            }
            add(&mut self.found.writes, self.session, &name, false);
            self.relation(node, name, Role::Target);
        }
    }

    /// A table of the server's catalogue that the making of an object writes.
    pub(super) fn write_catalogue(&mut self, table: &str) {
        add(
            &mut self.found.writes,
            self.session,
            &Name::new("pg_catalog", table),
            false,
        );
    }

    pub(super) fn relation(&mut self, node: &Node, name: Name, role: Role) {
        let alias = node.child("alias");
        self.statement.relations.push(RelationMention {
            alias: alias
                .map_or(node.text("relname"), |alias| alias.text("aliasname"))
                .to_owned(),
            renamed: alias.is_some_and(|alias| !alias.list("colnames").is_empty()),
            name,
            role,
            place: self.place,
        });
    }
}

/// Adds `name` and, with a catalogue and where `rows` are touched, what its rows come from.
pub(super) fn add(extent: &mut Extent<String>, session: &SqlSession, name: &Name, rows: bool) {
    match name.fact() {
        Some(fact) => extent.known.insert(fact),
        None => {
            extent.complete = false;
            return;
        }
    };
    if let (true, Some(catalogue), Some(relation)) =
        (rows, &session.catalogue, name.relation(session))
    {
        let below = catalogue
            .read_closure(relation.oid)
            .into_iter()
            .filter_map(|oid| catalogue.by_oid(oid));
        extent
            .known
            .extend(below.map(|relation| names::dotted(&[&relation.schema, &relation.name])));
    }
}
