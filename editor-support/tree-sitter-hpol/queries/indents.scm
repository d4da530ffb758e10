; How lines are indented: as `hpol fmt` does it, one level in braces, brackets and parentheses.

[
  (data_item)
  (rule_item)
  (exception_item)
  (test_item)
  (labels)
  (as_claims)
  (as_groups)
  (list)
  (texts)
  (parenthesized)
  (happened)
  (measured)
  (earlier_clause)
] @indent.begin

["}" "]" ")"] @indent.branch @indent.end
