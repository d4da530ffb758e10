; What is folded.

[
  (data_item)
  (rule_item)
  (exception_item)
  (test_item)
  (labels)
  (list)
  (earlier_clause)
] @fold
