(sql_clause
  (string (string_content) @injection.content)
  (#set! injection.language "sql"))
