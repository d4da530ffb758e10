; How words are coloured. The names are those that Neovim, Helix and Zed share.

(comment) @comment
(doc_comment) @comment.documentation

; ---- names and values: what is more exact stands further down and wins ----

(path) @variable
(word) @variable
(name) @string.special

(string) @string
(escape_sequence) @string.escape
(json_path) @string.special
[
  (int)
  (size)
  (duration)
  (network)
  (date)
  (clock)
] @number
(boolean) @boolean
(control) @constant

(comparison fact: (path) @property)
(comparison fact: (claim) @property)
(comparison fact: (defaulted fact: (path) @property))
(present (path) @property)
(measured fact: (path) @property)
(claim) @property
(call name: (path) @function)

; ---- declarations ----

(package_item name: (path) @namespace)
(use_item name: (path) @namespace)
(connection_item name: (word) @type)
(connection_item protocol: (word) @type.builtin)
(group_item name: (word) @type)
(schedule_item name: (word) @type)
(predicate_item name: (word) @function)
(parameters (word) @variable.parameter)
(data_item name: (path) @type)
(rule_item name: (word) @function)
(rule_item title: (string) @string.special)
(exception_item name: (word) @function)
(exception_item rule: (path) @function)
(label name: (word) @property)
(label_test label: (word) @property)
(claim_value (word) @property . "=")
(detector_clause (word) @type.builtin)
(http_clause method: (word) @constant)
(days) @constant.builtin
(day) @constant.builtin
(clock) @number

; ---- words of the language ----

[
  "package"
  "use"
  "connection"
  "group"
  "schedule"
  "predicate"
  "data"
  "rule"
  "responsibility"
  "exception"
  "test"
] @keyword

[
  "baseline"
  "labels"
  "satisfies"
  "none"
  "because"
  "who"
  "on"
  "connections"
  "where"
  "when"
  "unless"
  "owner"
  "until"
  "to"
  "everyone"
  "except"
  "column"
  "json"
  "detector"
  "observe"
  "as"
  "subject"
  "groups"
  "issuer"
  "from"
  "claims"
  "at"
  "sql"
  "http"
  "content_type"
  "body"
  "earlier"
  "ago"
  "flight"
  "times"
  "rows"
  "bytes"
  "releasing"
  "expect"
  "by"
  "citing"
  "masking"
  "observing"
  "excepting"
  "of"
  "for"
  "this"
  "reviewed"
  "session"
  "operation"
] @keyword

[
  "allow"
  "block"
  "require"
  "approval"
  "justification"
  "terminate"
  "mask"
  "redact"
  "null"
  "hash"
  "keep"
  "last"
  "first"
  "limit"
] @keyword

(everyone) @keyword
(any_connection) @keyword

[
  "and"
  "or"
  "not"
  "in"
  "within"
  "has"
  "any"
  "all"
  "starts"
  "with"
  "under"
  "during"
  "never"
  "count"
  "sum"
  "distinct"
  "next"
  "day"
] @keyword.operator

[
  "="
  "=="
  "!="
  "<="
  ">="
  "<"
  ">"
  "-"
] @operator

["{" "}" "[" "]" "(" ")" "subject.claims["] @punctuation.bracket
"," @punctuation.delimiter
