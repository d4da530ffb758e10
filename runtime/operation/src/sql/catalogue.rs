//! A snapshot of the upstream's relations: what names resolve to and how relations depend on each other.
//!
//! Pure: an adapter runs [`catalogue_queries`] and feeds the rows to a [`CatalogueBuilder`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// The relations of one database at one moment.
#[derive(Debug, Clone)]
pub struct Catalogue {
    version: u64,
    by_oid: BTreeMap<u32, Relation>,
    by_name: HashMap<(String, String), u32>,
    disguised_functions: HashSet<String>,
    base_types: HashMap<u32, u32>,
}

/// One relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its oid in pg_class.
    pub oid: u32,
    /// The schema it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Its columns that are not dropped, by attribute number.
    pub columns: Vec<Column>,
    /// The tables it inherits from or is a partition of.
    pub parents: Vec<u32>,
    /// The tables that inherit from it or are its partitions.
    pub children: Vec<u32>,
    /// The relations that the rule of a view, or any other rule of the relation, reads.
    pub view_reads: Vec<u32>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Attribute number, from 1.
    pub attnum: i16,
    /// Its name.
    pub name: String,
    /// Oid of its type, for a domain that of its base type; 0 where it is not known.
    pub type_oid: u32,
    /// It is generated from other columns, or by an expression of its own.
    pub generated: bool,
    /// The attribute numbers of the columns it is generated from; none for a column that is not generated.
    pub generated_from: Vec<i16>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// An ordinary table.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
    /// A sequence.
    Sequence,
    /// Anything else: index, composite type, TOAST table.
    Other,
}

impl RelationKind {
    /// The kind by its letter in `pg_class.relkind`.
    #[must_use]
    pub fn from_relkind(relkind: char) -> RelationKind {
        match relkind {
            'r' => RelationKind::Table,
            'p' => RelationKind::Partitioned,
            'v' => RelationKind::View,
            'm' => RelationKind::MaterializedView,
            'f' => RelationKind::Foreign,
            'S' => RelationKind::Sequence,
            _ => RelationKind::Other,
        }
    }
}

/// One query that fills a catalogue, and the [`CatalogueBuilder`] method each of its rows goes to. All columns are
/// delivered in text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueQuery {
    /// Rows `(oid, schema, name, relkind)` for [`CatalogueBuilder::relation`].
    Relations(&'static str),
    /// Rows `(relation oid, attnum, name, type oid, whether it is generated)` for [`CatalogueBuilder::column`] and
    /// [`CatalogueBuilder::column_type`].
    Columns(&'static str),
    /// Rows `(relation oid, attnum, attnum it is generated from)` for [`CatalogueBuilder::generated`].
    Generated(&'static str),
    /// Rows `(child oid, parent oid)` for [`CatalogueBuilder::inherits`].
    Inheritance(&'static str),
    /// Rows `(relation oid, read oid)` for [`CatalogueBuilder::view_reads`].
    ViewReads(&'static str),
    /// Rows `(name)` for [`CatalogueBuilder::disguised_function`].
    DisguisedFunctions(&'static str),
    /// Rows `(oid, oid of what it is made of)` for [`CatalogueBuilder::base_type`].
    BaseTypes(&'static str),
}

impl CatalogueQuery {
    /// The text of the query.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            CatalogueQuery::Relations(sql)
            | CatalogueQuery::Columns(sql)
            | CatalogueQuery::Generated(sql)
            | CatalogueQuery::Inheritance(sql)
            | CatalogueQuery::ViewReads(sql)
            | CatalogueQuery::DisguisedFunctions(sql)
            | CatalogueQuery::BaseTypes(sql) => sql,
        }
    }
}

/// The queries that fill a catalogue, in the order they have to be fed to the builder. They read system catalogues only,
/// which every role may, and should run in one REPEATABLE READ transaction.
#[must_use]
pub fn catalogue_queries() -> [CatalogueQuery; 7] {
    [
        CatalogueQuery::Relations(
            "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','f','S')",
        ),
        CatalogueQuery::Columns(
            "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.attgenerated <> '' FROM pg_catalog.pg_attribute a \
             JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r','p','v','m','f')",
        ),
        // Up to version 14 the column itself depends on its sources, later its expression does.
        CatalogueQuery::Generated(
            "SELECT a.attrelid, a.attnum, d.refobjsubid FROM pg_catalog.pg_attribute a \
             JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND d.objid = a.attrelid AND d.objsubid = a.attnum \
             WHERE a.attgenerated <> '' AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND d.refobjid = a.attrelid AND d.refobjsubid > 0 \
             UNION ALL \
             SELECT e.adrelid, e.adnum, d.refobjsubid FROM pg_catalog.pg_attrdef e \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum \
             JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid \
             WHERE a.attgenerated <> '' AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND d.refobjid = e.adrelid AND d.refobjsubid > 0 AND d.refobjsubid <> e.adnum",
        ),
        CatalogueQuery::Inheritance("SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits i"),
        CatalogueQuery::ViewReads(
            "SELECT DISTINCT r.ev_class, d.refobjid FROM pg_catalog.pg_depend d \
             JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid \
             WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class",
        ),
        CatalogueQuery::DisguisedFunctions(
            "SELECT DISTINCT p.proname FROM pg_catalog.pg_proc p \
             LEFT JOIN pg_catalog.pg_type t ON t.oid = p.proargtypes[0] \
             WHERE p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace AND \
             (t.typtype IN ('c','d','p') AND p.pronargs - p.pronargdefaults <= 1 OR \
             p.proname IN ('json','json_array','json_arrayagg','json_exists','json_object','json_objectagg','json_query',\
             'json_scalar','json_serialize','json_value','merge_action') OR \
             EXISTS (SELECT FROM pg_catalog.pg_proc b WHERE b.pronamespace = 'pg_catalog'::pg_catalog.regnamespace \
             AND b.proname = p.proname) AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d \
             WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'))",
        ),
        CatalogueQuery::BaseTypes(
            "WITH RECURSIVE made (oid, base) AS (SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t \
             WHERE t.typtype = 'd' UNION ALL SELECT m.oid, t.typbasetype FROM made m \
             JOIN pg_catalog.pg_type t ON t.oid = m.base WHERE t.typtype = 'd'), \
             domains (oid, base, elements, based) AS (SELECT m.oid, m.base, d.typarray, t.typarray FROM made m \
             JOIN pg_catalog.pg_type t ON t.oid = m.base AND t.typtype <> 'd' \
             JOIN pg_catalog.pg_type d ON d.oid = m.oid) \
             SELECT oid, base FROM domains UNION ALL \
             SELECT elements, based FROM domains WHERE elements <> 0 AND based <> 0",
        ),
    ]
}

/// Collects the rows of [`catalogue_queries`].
#[derive(Debug, Default)]
pub struct CatalogueBuilder {
    by_oid: BTreeMap<u32, Relation>,
    disguised_functions: HashSet<String>,
    base_types: HashMap<u32, u32>,
}

impl CatalogueBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> CatalogueBuilder {
        CatalogueBuilder::default()
    }

    /// Adds a relation.
    pub fn relation(
        &mut self,
        oid: u32,
        schema: &str,
        name: &str,
        kind: RelationKind,
    ) -> &mut Self {
        self.by_oid.insert(
            oid,
            Relation {
                oid,
                schema: schema.to_owned(),
                name: name.to_owned(),
                kind,
                columns: Vec::new(),
                parents: Vec::new(),
                children: Vec::new(),
                view_reads: Vec::new(),
            },
        );
        self
    }

    /// Adds a column; ignored where the relation is not known.
    pub fn column(&mut self, relation: u32, attnum: i16, name: &str) -> &mut Self {
        if let Some(relation) = self.by_oid.get_mut(&relation) {
            relation.columns.push(Column {
                attnum,
                name: name.to_owned(),
                type_oid: 0,
                generated: false,
                generated_from: Vec::new(),
            });
        }
        self
    }

    /// Adds the type of a column, and whether it is generated; ignored where the column is not known.
    pub fn column_type(
        &mut self,
        relation: u32,
        attnum: i16,
        type_oid: u32,
        generated: bool,
    ) -> &mut Self {
        let columns = self
            .by_oid
            .get_mut(&relation)
            .map(|relation| &mut relation.columns);
        let mut columns = columns.into_iter().flatten().rev();
        if let Some(column) = columns.find(|column| column.attnum == attnum) {
            column.type_oid = type_oid;
            column.generated = generated;
        }
        self
    }

    /// Adds that the values of a type are those of `base`: of a domain its base type, of an array of domains the array of
    /// that.
    pub fn base_type(&mut self, type_oid: u32, base: u32) -> &mut Self {
        self.base_types.insert(type_oid, base);
        self
    }

    /// Adds that the column `attnum` is generated from the column `source`; ignored where the column is not known.
    pub fn generated(&mut self, relation: u32, attnum: i16, source: i16) -> &mut Self {
        let columns = self
            .by_oid
            .get_mut(&relation)
            .map(|relation| &mut relation.columns);
        let column = columns
            .into_iter()
            .flatten()
            .find(|column| column.attnum == attnum);
        if let Some(column) = column {
            column.generated_from.push(source);
        }
        self
    }

    /// Adds that `child` inherits from `parent` or is a partition of it.
    pub fn inherits(&mut self, child: u32, parent: u32) -> &mut Self {
        if let Some(relation) = self.by_oid.get_mut(&child) {
            relation.parents.push(parent);
        }
        if let Some(relation) = self.by_oid.get_mut(&parent) {
            relation.children.push(child);
        }
        self
    }

    /// Adds that the view or rule of `relation` reads `read`.
    pub fn view_reads(&mut self, relation: u32, read: u32) -> &mut Self {
        if let Some(relation) = self.by_oid.get_mut(&relation) {
            relation.view_reads.push(read);
        }
        self
    }

    /// Adds a function that is not PostgreSQL's own and whose call may not look like one: with a row as its only argument
    /// it is called as a column of the row, servers before version 17 take some of SQL/JSON for calls, and one with the
    /// name of PostgreSQL's own is called where its arguments fit better.
    pub fn disguised_function(&mut self, name: &str) -> &mut Self {
        self.disguised_functions.insert(name.to_owned());
        self
    }

    /// The snapshot. Each has a version of its own, by which analyses are cached.
    #[must_use]
    pub fn build(mut self) -> Catalogue {
        static VERSIONS: AtomicU64 = AtomicU64::new(1);
        let mut by_name = HashMap::with_capacity(self.by_oid.len());
        for relation in self.by_oid.values_mut() {
            relation.columns.sort_by_key(|column| column.attnum);
            for column in &mut relation.columns {
                let base = self.base_types.get(&column.type_oid);
                column.type_oid = base.copied().unwrap_or(column.type_oid);
            }
            by_name.insert(
                (relation.schema.clone(), relation.name.clone()),
                relation.oid,
            );
        }
        Catalogue {
            version: VERSIONS.fetch_add(1, Ordering::Relaxed),
            by_oid: self.by_oid,
            by_name,
            disguised_functions: self.disguised_functions,
            base_types: self.base_types,
        }
    }
}

impl Catalogue {
    /// A number that no other snapshot of this process has.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The relation called `name` in `schema`.
    #[must_use]
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.by_oid(*self.by_name.get(&(schema.to_owned(), name.to_owned()))?)
    }

    /// What the values of a type are made of: of a domain its base type, of an array of domains the array of that, of any
    /// other itself.
    #[must_use]
    pub fn base_type(&self, type_oid: u32) -> u32 {
        self.base_types.get(&type_oid).copied().unwrap_or(type_oid)
    }

    /// The relation with `oid`.
    #[must_use]
    pub fn by_oid(&self, oid: u32) -> Option<&Relation> {
        self.by_oid.get(&oid)
    }

    /// Whether `name` can be called by what does not look like a call of it.
    pub(super) fn has_disguised_function(&self, name: &str) -> bool {
        self.disguised_functions.contains(name)
    }

    /// Where values of a column can come from in a RowDescription: `(table oid, attribute number)` of the columns of that
    /// name, and of those generated from them, in the table and in every table it shares rows with: those it inherits
    /// from or is a partition of, and all that inherit from these or are their partitions. Empty where the snapshot does
    /// not know the column.
    #[must_use]
    pub fn column_origins(&self, schema: &str, table: &str, column: &str) -> Vec<(u32, i16)> {
        let Some(relation) = self.relation(schema, table) else {
            return Vec::new();
        };
        if !relation.columns.iter().any(|known| known.name == column) {
            return Vec::new();
        }
        let tables = self.relatives(relation.oid);
        let names = self.names_of_values(&tables, column);
        let relations = tables.iter().filter_map(|oid| self.by_oid(*oid));
        relations
            .flat_map(|relation| {
                let columns = relation.columns.iter();
                let holding = columns.filter(|column| names.contains(column.name.as_str()));
                holding.map(|column| (relation.oid, column.attnum))
            })
            .collect()
    }

    /// What the columns are called that hold values of `column` in `tables`, which share rows: its own name and those of
    /// the columns generated from it.
    pub(super) fn names_of_values<'a>(
        &'a self,
        tables: &BTreeSet<u32>,
        column: &'a str,
    ) -> BTreeSet<&'a str> {
        let mut names = BTreeSet::from([column]);
        for relation in tables.iter().filter_map(|oid| self.by_oid(*oid)) {
            let source = relation.columns.iter().find(|known| known.name == column);
            let generated = relation.columns.iter().filter(|known| {
                source.is_some_and(|source| known.generated_from.contains(&source.attnum))
            });
            names.extend(generated.map(|known| known.name.as_str()));
        }
        names
    }

    /// The tables that share rows with the table `oid`, which is one of them: those above it and all below these.
    pub(super) fn relatives(&self, oid: u32) -> BTreeSet<u32> {
        self.ancestors(oid)
            .into_iter()
            .flat_map(|above| self.descendants(above))
            .collect()
    }

    /// `oid` and everything that inherits from it, at any distance.
    fn descendants(&self, oid: u32) -> BTreeSet<u32> {
        self.closure(oid, |relation| relation.children.iter())
    }

    /// `oid` and everything it inherits from, at any distance.
    fn ancestors(&self, oid: u32) -> BTreeSet<u32> {
        self.closure(oid, |relation| relation.parents.iter())
    }

    /// `oid` and everything that reading it reads: what views read, and children of tables.
    pub(super) fn read_closure(&self, oid: u32) -> BTreeSet<u32> {
        self.closure(oid, |relation| {
            relation.view_reads.iter().chain(&relation.children)
        })
    }

    fn closure<'a, I>(&'a self, oid: u32, next: impl Fn(&'a Relation) -> I) -> BTreeSet<u32>
    where
        I: Iterator<Item = &'a u32>,
    {
        let mut seen = BTreeSet::from([oid]);
        let mut waiting = vec![oid];
        while let Some(oid) = waiting.pop() {
            if let Some(relation) = self.by_oid.get(&oid) {
                waiting.extend(next(relation).filter(|oid| seen.insert(**oid)));
            }
        }
        seen
    }
}
