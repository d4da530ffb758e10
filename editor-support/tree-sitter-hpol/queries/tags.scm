; What an outline lists.

(connection_item name: (word) @name) @definition.constant
(group_item name: (word) @name) @definition.type
(schedule_item name: (word) @name) @definition.constant
(predicate_item name: (word) @name) @definition.function
(data_item name: (path) @name) @definition.class
(rule_item name: (word) @name) @definition.function
(exception_item name: (word) @name) @definition.function
(test_item name: (string) @name) @definition.method
(call name: (path) @name) @reference.call
