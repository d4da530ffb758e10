//! The commands that need no code of their own: what each does, by the name of its node.

use super::Verb;

/// Commands that make or change an object which is not a relation, with the table of the catalogue it is described in.
pub(super) const OBJECTS: &[(&str, Verb, &str)] = &[
    ("CreateTableSpaceStmt", Verb::CREATE, "pg_tablespace"),
    ("CreateFdwStmt", Verb::CREATE, "pg_foreign_data_wrapper"),
    ("CreateForeignServerStmt", Verb::CREATE, "pg_foreign_server"),
    ("CreateUserMappingStmt", Verb::CREATE, "pg_user_mapping"),
    ("CreateAmStmt", Verb::CREATE, "pg_am"),
    ("CreateEventTrigStmt", Verb::CREATE, "pg_event_trigger"),
    ("CreatePLangStmt", Verb::CREATE, "pg_language"),
    ("CreateRoleStmt", Verb::CREATE, "pg_authid"),
    ("CreateDomainStmt", Verb::CREATE, "pg_type"),
    ("CompositeTypeStmt", Verb::CREATE, "pg_type"),
    ("CreateEnumStmt", Verb::CREATE, "pg_type"),
    ("CreateRangeStmt", Verb::CREATE, "pg_type"),
    ("CreateOpClassStmt", Verb::CREATE, "pg_opclass"),
    ("CreateOpFamilyStmt", Verb::CREATE, "pg_opfamily"),
    ("CreatedbStmt", Verb::CREATE, "pg_database"),
    ("CreateConversionStmt", Verb::CREATE, "pg_conversion"),
    ("CreateCastStmt", Verb::CREATE, "pg_cast"),
    ("CreateTransformStmt", Verb::CREATE, "pg_transform"),
    ("CreateSubscriptionStmt", Verb::CREATE, "pg_subscription"),
    ("AlterTableSpaceOptionsStmt", Verb::ALTER, "pg_tablespace"),
    ("AlterFdwStmt", Verb::ALTER, "pg_foreign_data_wrapper"),
    ("AlterForeignServerStmt", Verb::ALTER, "pg_foreign_server"),
    ("AlterUserMappingStmt", Verb::ALTER, "pg_user_mapping"),
    ("AlterEventTrigStmt", Verb::ALTER, "pg_event_trigger"),
    ("AlterRoleStmt", Verb::ALTER, "pg_authid"),
    ("AlterRoleSetStmt", Verb::ALTER, "pg_db_role_setting"),
    ("AlterDatabaseSetStmt", Verb::ALTER, "pg_db_role_setting"),
    ("AlterDatabaseStmt", Verb::ALTER, "pg_database"),
    ("AlterDatabaseRefreshCollStmt", Verb::ALTER, "pg_database"),
    ("AlterDefaultPrivilegesStmt", Verb::ALTER, "pg_default_acl"),
    ("AlterFunctionStmt", Verb::ALTER, "pg_proc"),
    ("AlterOperatorStmt", Verb::ALTER, "pg_operator"),
    ("AlterOpFamilyStmt", Verb::ALTER, "pg_opfamily"),
    ("AlterTypeStmt", Verb::ALTER, "pg_type"),
    ("AlterEnumStmt", Verb::ALTER, "pg_enum"),
    ("AlterCollationStmt", Verb::ALTER, "pg_collation"),
    ("AlterStatsStmt", Verb::ALTER, "pg_statistic_ext"),
    ("AlterTsDictionaryStmt", Verb::ALTER, "pg_ts_dict"),
    ("AlterTsConfigurationStmt", Verb::ALTER, "pg_ts_config"),
    ("DropTableSpaceStmt", Verb::DROP, "pg_tablespace"),
    ("DropUserMappingStmt", Verb::DROP, "pg_user_mapping"),
    ("DropRoleStmt", Verb::DROP, "pg_authid"),
    ("DropSubscriptionStmt", Verb::DROP, "pg_subscription"),
];

/// Commands that can touch relations they do not name.
pub(super) const CONTAINERS: &[(&str, Verb)] = &[
    ("ImportForeignSchemaStmt", Verb::CREATE),
    ("CreateFunctionStmt", Verb::CREATE),
    ("DefineStmt", Verb::CREATE),
    ("AlterExtensionContentsStmt", Verb::ALTER),
    ("AlterTableMoveAllStmt", Verb::ALTER),
    ("AlterSubscriptionStmt", Verb::ALTER),
    ("AlterDomainStmt", Verb::ALTER),
    ("AlterSystemStmt", Verb::ALTER),
    ("DropOwnedStmt", Verb::DROP),
    ("DropdbStmt", Verb::DROP),
    ("ReassignOwnedStmt", Verb::ALTER),
];

/// Commands that run code: that of an extension's scripts, of a library or of their own text.
pub(super) const CODE: &[(&str, Verb)] = &[
    ("CreateExtensionStmt", Verb::CREATE),
    ("AlterExtensionStmt", Verb::ALTER),
    ("DoStmt", Verb::DO),
    ("LoadStmt", Verb::LOAD),
];

/// Commands on one relation, with the field it stands in.
pub(super) const ON_RELATION: &[(&str, Verb, &str)] = &[
    ("AlterTableStmt", Verb::ALTER, "relation"),
    ("CreateTrigStmt", Verb::CREATE, "relation"),
    ("CreatePolicyStmt", Verb::CREATE, "table"),
    ("AlterPolicyStmt", Verb::ALTER, "table"),
    ("AlterSeqStmt", Verb::ALTER, "sequence"),
    ("IndexStmt", Verb::CREATE, "relation"),
];
