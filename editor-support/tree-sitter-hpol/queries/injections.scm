; Where text of another language stands: the statements of tests.

(sql_clause
  (string (string_content) @injection.content)
  (#set! injection.language "sql"))
