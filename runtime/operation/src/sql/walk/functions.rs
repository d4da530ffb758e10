//! Calls of functions: what the called function can do.

use super::mention::add;
use super::{FunctionKind, Name, Node, Tree, Walk, Walked, builtin, names, session};

impl Walk<'_> {
    pub(super) fn function_call(&mut self, node: &Node) -> Walked {
        let (name, kind) = self.function(&node.names("funcname"));
        match name.fact() {
            Some(fact) => {
                self.found.functions.known.insert(fact);
            }
            None => self.found.functions.complete = false,
        }
        match kind {
            FunctionKind::Harmless => {}
            FunctionKind::Effect => {
                self.found.effectful = true;
                if name.name == "set_config" {
                    let setting = node.list("args").first().and_then(literal);
                    self.found.effects.extend(session::set_config(setting));
                }
            }
            FunctionKind::Sequence => self.sequence(node, &name.name),
            FunctionKind::Hidden => self.unnamed(format!("function {}", name.shown())),
            FunctionKind::Opaque => self.opaque(format!("function {}", name.shown())),
        }
        self.within("a function call", |walk| walk.rest(node, &["funcname"]))
    }

    fn function(&self, parts: &[&str]) -> (Name, FunctionKind) {
        let opaque = FunctionKind::Opaque;
        match parts {
            [name] if self.unsettled() => (
                Name {
                    schema: None,
                    name: (*name).to_owned(),
                },
                opaque,
            ),
            [name] => match builtin::function(name) {
                Some(kind) if names::catalog_first(self.session) && !self.is_disguised(name) => {
                    (Name::new("pg_catalog", name), kind)
                }
                Some(_) => (
                    Name {
                        schema: None,
                        name: (*name).to_owned(),
                    },
                    opaque,
                ),
                None => {
                    let schema = match self.session.search_path.as_slice() {
                        [schema] => Some(schema.clone()),
                        _ => None,
                    };
                    (
                        Name {
                            schema,
                            name: (*name).to_owned(),
                        },
                        opaque,
                    )
                }
            },
            [.., "pg_catalog", name] => (
                Name::new("pg_catalog", name),
                builtin::function(name).unwrap_or(opaque),
            ),
            [.., schema, name] => (Name::new(schema, name), opaque),
            [] => (
                Name {
                    schema: None,
                    name: String::new(),
                },
                opaque,
            ),
        }
    }

    /// Whether the database has a function of this name that is not PostgreSQL's own and may be what is called.
    pub(super) fn is_disguised(&self, name: &str) -> bool {
        let catalogue = self.session.catalogue.as_ref();
        catalogue.is_some_and(|catalogue| catalogue.has_disguised_function(name))
    }

    fn sequence(&mut self, node: &Node, function: &str) {
        let parts = node
            .list("args")
            .first()
            .and_then(literal)
            .and_then(names::parse_literal);
        let name = match parts.as_deref() {
            // A text is looked up each time it is evaluated.
            Some([_]) if self.unsettled_while_running() => {
                return self.unnamed(format!("the sequence that {function} is given"));
            }
            Some([name]) => self.resolve("", name),
            Some([schema, name]) => Name::new(schema, name),
            _ => return self.unnamed(format!("the sequence that {function} is given")),
        };
        self.read_name(&name);
        if matches!(function, "nextval" | "setval") {
            add(&mut self.found.writes, self.session, &name, false);
        }
    }
}

/// The text of a string literal, also of one with a cast.
fn literal(tree: &Tree) -> Option<&str> {
    match tree.of_kind("TypeCast") {
        Some(cast) => literal(cast.get("arg")?),
        None => Some(
            tree.of_kind("AConst")?
                .child("val")
                .filter(|value| value.kind == "String")?
                .text("sval"),
        ),
    }
}
