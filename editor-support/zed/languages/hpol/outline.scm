(connection_item "connection" @context name: (word) @name) @item
(group_item "group" @context name: (word) @name) @item
(schedule_item "schedule" @context name: (word) @name) @item
(predicate_item "predicate" @context name: (word) @name) @item
(data_item "data" @context name: (path) @name) @item
(rule_item "rule" @context name: (word) @name) @item
(exception_item "exception" @context name: (word) @name) @item
(test_item "test" @context name: (string) @name) @item

(doc_comment) @annotation
