//! Objects that DROP, COMMENT, GRANT and the like name without a node of their own for a relation.

use pg_query::protobuf::{GrantTargetType, ObjectType};

use super::mention::add;
use super::{Name, Node, Place, RelationMention, Role, Tree, Verb, Walk, Walked};

/// What the name of an object of some type says of relations.
enum Meaning {
    /// It is the name of a relation.
    Relation,
    /// The name of a relation, then that of a part of it.
    Part,
    /// Another object, described in this table of the server's catalogue.
    Described(&'static str),
    /// It contains, or others depend on it, so that relations it touches are not named.
    Container,
}

fn meaning(object: i64) -> Meaning {
    let kind = i32::try_from(object)
        .ok()
        .and_then(|object| ObjectType::try_from(object).ok());
    match kind {
        Some(
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectSequence
            | ObjectType::ObjectIndex,
        ) => Meaning::Relation,
        Some(
            ObjectType::ObjectColumn
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectRule
            | ObjectType::ObjectPolicy
            | ObjectType::ObjectTabconstraint,
        ) => Meaning::Part,
        Some(
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine,
        ) => Meaning::Described("pg_proc"),
        Some(ObjectType::ObjectAggregate) => Meaning::Described("pg_proc"),
        Some(
            ObjectType::ObjectType | ObjectType::ObjectDomain | ObjectType::ObjectDomconstraint,
        ) => Meaning::Described("pg_type"),
        Some(ObjectType::ObjectOperator) => Meaning::Described("pg_operator"),
        Some(ObjectType::ObjectOpclass) => Meaning::Described("pg_opclass"),
        Some(ObjectType::ObjectOpfamily) => Meaning::Described("pg_opfamily"),
        Some(ObjectType::ObjectCast) => Meaning::Described("pg_cast"),
        Some(ObjectType::ObjectCollation) => Meaning::Described("pg_collation"),
        Some(ObjectType::ObjectConversion) => Meaning::Described("pg_conversion"),
        Some(ObjectType::ObjectTsconfiguration) => Meaning::Described("pg_ts_config"),
        Some(ObjectType::ObjectTsdictionary) => Meaning::Described("pg_ts_dict"),
        Some(ObjectType::ObjectTsparser) => Meaning::Described("pg_ts_parser"),
        Some(ObjectType::ObjectTstemplate) => Meaning::Described("pg_ts_template"),
        Some(ObjectType::ObjectRole) => Meaning::Described("pg_authid"),
        Some(ObjectType::ObjectEventTrigger) => Meaning::Described("pg_event_trigger"),
        Some(ObjectType::ObjectLanguage) => Meaning::Described("pg_language"),
        Some(ObjectType::ObjectTablespace) => Meaning::Described("pg_tablespace"),
        Some(ObjectType::ObjectFdw) => Meaning::Described("pg_foreign_data_wrapper"),
        Some(ObjectType::ObjectForeignServer) => Meaning::Described("pg_foreign_server"),
        Some(ObjectType::ObjectPublication) => Meaning::Described("pg_publication"),
        Some(ObjectType::ObjectSubscription) => Meaning::Described("pg_subscription"),
        Some(ObjectType::ObjectStatisticExt) => Meaning::Described("pg_statistic_ext"),
        Some(ObjectType::ObjectTransform) => Meaning::Described("pg_transform"),
        Some(ObjectType::ObjectAccessMethod) => Meaning::Described("pg_am"),
        _ => Meaning::Container,
    }
}

impl Walk<'_> {
    /// DROP.
    pub(super) fn drop(&mut self, node: &Node) -> Walked {
        self.verb(Verb::DROP);
        for object in node.list("objects") {
            self.object(node.int("remove_type"), object);
        }
        self.cascade(node);
        Ok(())
    }

    /// CASCADE reaches relations that the statement does not name.
    pub(super) fn cascade(&mut self, node: &Node) {
        if node.int("behavior") == pg_query::protobuf::DropBehavior::DropCascade as i64 {
            self.found.writes.complete = false;
        }
    }

    /// COMMENT and SECURITY LABEL.
    pub(super) fn annotate(&mut self, node: &Node, verb: Verb) -> Walked {
        self.verb(verb);
        if let Some(object) = node.get("object") {
            self.object(node.int("objtype"), object);
        }
        Ok(())
    }

    /// GRANT and REVOKE of privileges on objects.
    pub(super) fn grant(&mut self, node: &Node) -> Walked {
        self.verb(if node.flag("is_grant") {
            Verb::GRANT
        } else {
            Verb::REVOKE
        });
        if node.int("targtype") != GrantTargetType::AclTargetObject as i64 {
            self.found.writes.complete = false;
            return Ok(());
        }
        for object in node.list("objects") {
            match object.of_kind("RangeVar") {
                Some(relation) => self.alter(Some(relation)),
                None => self.object(node.int("objtype"), object),
            }
        }
        Ok(())
    }

    /// ALTER of an object by RENAME, OWNER TO, SET SCHEMA and the like.
    pub(super) fn alter_object(&mut self, node: &Node, object_type: i64) -> Walked {
        self.verb(Verb::ALTER);
        match (node.child("relation"), node.get("object")) {
            (Some(relation), _) => self.alter(Some(relation)),
            (None, Some(object)) => self.object(object_type, object),
            (None, None) => match meaning(object_type) {
                Meaning::Described(table) => self.write_catalogue(table),
                Meaning::Relation | Meaning::Part | Meaning::Container => {
                    self.found.writes.complete = false
                }
            },
        }
        Ok(())
    }

    /// An object of a type by its name.
    fn object(&mut self, object_type: i64, object: &Tree) {
        let parts = crate::sql::tree::names(object.items());
        let parts: &[&str] = match meaning(object_type) {
            Meaning::Relation => &parts,
            Meaning::Part => parts.split_last().map_or(&[], |(_, relation)| relation),
            Meaning::Described(table) => return self.write_catalogue(table),
            Meaning::Container => &[],
        };
        match parts {
            [name] => self.write_object(self.resolve("", name)),
            [.., schema, name] => self.write_object(Name::new(schema, name)),
            [] => self.found.writes.complete = false,
        }
    }

    fn write_object(&mut self, name: Name) {
        add(&mut self.found.writes, self.session, &name, false);
        let place = Place {
            clause: "the statement",
            within: None,
            nested: None,
        };
        let alias = name.name.clone();
        self.statement.relations.push(RelationMention {
            name,
            alias,
            role: Role::Target,
            renamed: false,
            place,
        });
    }
}
