/**
 * The grammar of hpol for editors: lang-spec/grammar/hpol.pest once more, rule by rule, under the same names and in the
 * same order. The compiler is built from that file; the tests beside this one hold the two equal.
 *
 * What is different, and why:
 * - That file is used for one item at a time, this one for a whole file. Where an item begins is found by
 *   src/scanner.c: at an item keyword in column 0. So each of these keywords is a token of the scanner.
 * - It has rules that accept a common mistake to answer it well (`slip_...`). Here a mistake is an error.
 * - What stands only once in a rule, how deep brackets go and how large numbers are is not the matter of a grammar.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

/** Words that cannot be a name in a condition, since they mean something there: the grammar's `reserved`. */
const RESERVED = [
  'satisfies', 'because', 'none', 'who', 'on', 'when', 'allow', 'block', 'require', 'mask', 'everyone',
  'except', 'and', 'or', 'not', 'in', 'starts', 'under', 'during', 'has', 'within', 'as', 'expect',
  'unless', 'earlier', 'never', 'count', 'sum', 'distinct', 'limit', 'observe', 'owner', 'until', 'for',
  'true', 'false',
];

/** More of them, which are used by no rule below. */
const RESERVED_UNUSED = ['permit', 'deny', 'notify', 'record', 'like', 'matches', 'contains', 'ends'];

/** @param {RuleOrLiteral} rule One or more, with commas between. */
const list = rule => seq(rule, repeat(seq(',', rule)));

/** @param {RuleOrLiteral} rule None or more, with commas between; a comma may stand behind the last. */
const loose = rule => optional(seq(list(rule), optional(',')));

/** @param {number} depth A part of a JSON path. Brackets are closed in it, as everywhere; so deep at most. */
const piece = depth => {
  const plain = choice(/"(\\[^\n]|[^"\\\n])*"/, /[^ \t\r\n"()\[\]{}]/);
  const inside = depth > 0 ? repeat(piece(depth - 1)) : blank();
  return depth > 0 ? choice(plain, seq('[', inside, ']'), seq('(', inside, ')'), seq('{', inside, '}')) : plain;
};

module.exports = grammar({
  name: 'hpol',

  word: $ => $._word,

  // `\r` means something only before `\n`.
  extras: $ => [/[ \t\n]|\r\n/, $.comment, $.doc_comment],

  externals: $ => [
    $.comment,
    $.doc_comment,
    $.string_content,
    $._claim_because,
    $._package, $._use, $._connection, $._group, $._schedule, $._predicate, $._data, $._rule, $._responsibility,
    $._exception, $._test,
  ],

  reserved: {
    nothing: _ => [],
    operand: $ => [...RESERVED, ...RESERVED_UNUSED.map(word => $[`reserved_${word}`])],
  },

  supertypes: $ => [$.item, $.condition, $.literal],

  conflicts: $ => [
    // `(a or b)`: two conditions, or a fact and what to read where it is missing? What follows tells.
    [$._primary, $.defaulted],
  ],

  rules: {
    source_file: $ => repeat($.item),

    // ---- items ----

    item: $ => choice(
      $.package_item, $.use_item, $.connection_item, $.group_item, $.schedule_item, $.predicate_item, $.data_item,
      $.rule_item, $.responsibility_item, $.exception_item, $.test_item,
    ),

    package_item: $ => seq(alias($._package, 'package'), field('name', $.path)),
    use_item: $ => seq(
      alias($._use, 'use'), field('name', $.path), optional(seq('baseline', field('baseline', $.word))),
    ),
    connection_item: $ => seq(
      alias($._connection, 'connection'), field('name', $.word), '=', field('protocol', $.word),
      field('target', $.string), optional($.labels), optional('observe'),
    ),
    labels: $ => seq('labels', '{', loose($.label), '}'),
    label: $ => seq(field('name', $.word), '=', field('value', $.string)),
    group_item: $ => seq(alias($._group, 'group'), field('name', $.word), '=', field('condition', $.condition)),
    schedule_item: $ => seq(
      alias($._schedule, 'schedule'), field('name', $.word), '=', list($.times), 'in', field('zone', $.string),
    ),
    times: $ => seq($.days, $.clock_range, repeat(seq('and', $.clock_range))),
    days: $ => choice('daily', 'weekdays', 'weekends', list($.day_span)),
    day_span: $ => seq($.day, optional(seq('-', $.day))),
    clock_range: $ => seq($.clock, '-', $.clock, optional(seq('next', 'day'))),
    predicate_item: $ => seq(
      alias($._predicate, 'predicate'), field('name', $.word), optional($.parameters), '=',
      field('condition', $.condition),
    ),
    parameters: $ => seq('(', list($.word), optional(','), ')'),
    data_item: $ => seq(alias($._data, 'data'), field('name', $.path), '{', repeat($._data_clause), '}'),
    rule_item: $ => seq(
      alias($._rule, 'rule'), field('name', $.word), optional(field('title', $.string)),
      '{', repeat($._rule_clause), '}',
    ),
    responsibility_item: $ => seq(
      alias($._responsibility, 'responsibility'), list($.control), field('owner', $.string),
      'because', field('reason', $.string),
    ),
    exception_item: $ => seq(
      alias($._exception, 'exception'), field('name', $.word), 'to', field('rule', $.path),
      '{', repeat($._exception_clause), '}',
    ),
    test_item: $ => seq(alias($._test, 'test'), field('name', $.string), '{', repeat($._test_clause), '}'),

    // ---- clauses ----

    _data_clause: $ => choice($.column_clause, $.json_clause, $.detector_clause),
    column_clause: $ => seq('column', $.name, 'on', field('connection', $.path)),
    json_clause: $ => seq('json', $.json_path, 'on', field('connection', $.path)),
    json_path: _ => token(seq('$', repeat(piece(2)))),
    detector_clause: $ => seq('detector', $.word),

    _rule_clause: $ => choice(
      $.satisfies_clause, $.because_clause, $.who_clause, $.on_clause, $.when_clause, $.unless_clause,
      $._effect, $.observed_effect,
    ),
    satisfies_clause: $ => seq('satisfies', choice($.nothing, $.claims)),
    nothing: $ => seq('none', 'because', field('reason', $.string)),
    // A `because` on the line on which the list of controls ends belongs to the claims.
    claims: $ => seq(list($.control), optional($.claim_reason)),
    claim_reason: $ => seq(alias($._claim_because, 'because'), field('reason', $.string)),
    because_clause: $ => seq('because', field('reason', $.string)),
    who_clause: $ => seq('who', choice($.everyone_but, $.everyone, $.condition)),
    everyone_but: $ => seq('everyone', 'except', $.condition),
    everyone: _ => 'everyone',
    on_clause: $ => seq('on', choice($.any_connection, $.labelled, list($.path))),
    labelled: $ => seq('connections', 'where', $._selection),
    _selection: $ => choice($.selection, $._selected_all),
    selection: $ => seq($._selected_all, repeat1(seq('or', $._selected_all))),
    _selected_all: $ => choice($.selected_all, $._selected),
    selected_all: $ => seq($._selected, repeat1(seq('and', $._selected))),
    _selected: $ => choice($.selected, $.label_test, seq('(', $._selection, ')')),
    selected: $ => seq('not', $._selected),
    label_test: $ => choice(
      seq('has', field('label', $.word)),
      seq(field('label', alias($._unreserved_word, $.word)), choice(seq(choice('==', '!='), $.string), seq('in', $.texts))),
    ),
    any_connection: _ => 'any',
    when_clause: $ => seq('when', $.condition),
    unless_clause: $ => seq('unless', $.condition),

    _exception_clause: $ => choice(
      $.because_clause, $.who_clause, $.on_clause, $.when_clause, $.unless_clause, $.owner_clause, $.until_clause,
    ),
    owner_clause: $ => seq('owner', $.string),
    until_clause: $ => seq('until', $.date),

    _effect: $ => choice(
      $.allow_effect, $.block_effect, $.approval_effect, $.justification_effect, $.mask_effect, $.limit_effect,
    ),
    observed_effect: $ => seq('observe', $._effect),
    // A limit behind `allow` is that of the `allow`.
    allow_effect: $ => prec.right(seq('allow', optional($.limit))),
    block_effect: $ => seq('block', optional($.string), optional(seq('terminate', 'session'))),
    approval_effect: $ => seq(
      'require', 'approval', 'by', field('quorum', $.int), 'of', field('group', $.path),
      'within', field('within', $.duration),
      optional(seq('for', choice(seq('this', 'operation'), field('stands', $.duration)))),
    ),
    justification_effect: $ => seq('require', 'justification', 'reviewed', 'by', field('group', $.path)),
    mask_effect: $ => seq('mask', field('class', $.path), optional($.masker)),
    masker: $ => choice('redact', 'null', 'hash', seq('keep', choice('last', 'first'), $.int)),
    limit_effect: $ => $.limit,
    limit: $ => seq('limit', 'rows', $.int),

    _test_clause: $ => choice(
      $.as_clause, $.on_clause, $.at_clause, $.sql_clause, $.http_clause, $.earlier_clause, $.expect_clause,
    ),
    as_clause: $ => seq(
      'as', 'subject', field('id', $.string),
      repeat(choice($.as_groups, $.as_issuer, $.as_from, $.as_claims, $.as_justification)),
    ),
    as_groups: $ => seq('groups', $._texts),
    as_issuer: $ => seq('issuer', $.string),
    as_from: $ => seq('from', $.string),
    as_justification: $ => seq('justification', $.string),
    as_claims: $ => seq('claims', '{', loose($.claim_value), '}'),
    claim_value: $ => seq(choice($.string, $.word), '=', choice($.string, $.int, $.boolean, $.word, $.texts)),
    texts: $ => $._texts,
    _texts: $ => seq('[', loose($.string), ']'),
    at_clause: $ => seq('at', $.string),
    sql_clause: $ => seq('sql', $.string),
    http_clause: $ => seq('http', field('method', $.word), field('target', $.string), repeat(choice($.http_type, $.http_body))),
    http_type: $ => seq('content_type', $.string),
    http_body: $ => seq('body', $.string),
    earlier_clause: $ => seq(
      'earlier', choice(seq('in', 'flight'), seq($.duration, 'ago')), optional(seq($.int, 'times')),
      '(', repeat($._earlier_part), ')',
    ),
    _earlier_part: $ => choice(
      $.sql_clause, $.http_clause, $.earlier_on, $.earlier_rows, $.earlier_bytes, $.earlier_releasing, $.expect_masking,
      $.in_session,
    ),
    earlier_on: $ => seq('on', $.path),
    earlier_rows: $ => seq('rows', $.int),
    earlier_bytes: $ => seq('bytes', $.int),
    earlier_releasing: $ => seq('releasing', list($.path)),
    expect_clause: $ => seq(
      'expect', field('verdict', choice('allow', 'block', $.require_approval)), optional($.expect_by),
      optional($.expect_citing), optional($.expect_masking), optional($.expect_limit), optional($.expect_observing),
      optional($.expect_excepting),
    ),
    require_approval: _ => seq('require', 'approval'),
    expect_by: $ => seq('by', list($.path)),
    expect_citing: $ => seq('citing', list($.control)),
    expect_masking: $ => seq('masking', list($.path)),
    expect_limit: $ => $.limit,
    expect_observing: $ => seq('observing', list($.path)),
    expect_excepting: $ => seq('excepting', list($.path)),

    // ---- conditions: `not` binds tightest, then `and`, then `or` ----

    condition: $ => choice($.disjunction, $._conjunction),
    disjunction: $ => seq($._conjunction, repeat1(seq('or', $._conjunction))),
    _conjunction: $ => choice($.conjunction, $._negation),
    conjunction: $ => seq($._negation, repeat1(seq('and', $._negation))),
    _negation: $ => choice($.negation, $._primary),
    negation: $ => seq('not', $._negation),
    _primary: $ => choice(
      $.happened, $.measured, $.during, $.comparison, $.present, $.parenthesized, $.defaulted, $.call, $._operand,
    ),
    parenthesized: $ => prec.dynamic(1, seq('(', $.condition, ')')),
    _operand: $ => choice($.claim, alias($._unreserved, $.path)),
    call: $ => seq(field('name', alias($._unreserved, $.path)), '(', loose($.literal), ')'),
    during: $ => seq('during', $.path),
    present: $ => seq('has', choice($.claim, $.path)),
    comparison: $ => seq(field('fact', choice($.defaulted, $._operand)), $._test_of_fact),
    defaulted: $ => seq('(', field('fact', $._operand), 'or', field('default', $.literal), ')'),
    _test_of_fact: $ => choice(
      $.in_test, $.starts_test, $.under_test, $.any_test, $.all_test, $.has_test, $.within_test, $.order_test,
    ),
    in_test: $ => seq('in', $.list),
    starts_test: $ => seq('starts', 'with', $.literal),
    under_test: $ => seq('under', choice($.list, $.literal)),
    any_test: $ => seq('has', 'any', $.list),
    all_test: $ => seq('has', 'all', $.list),
    has_test: $ => seq('has', $.literal),
    within_test: $ => seq('within', $.list),
    order_test: $ => seq(field('operator', choice('==', '!=', '<=', '>=', '<', '>')), $.literal),

    // Conditions on what happened before.
    happened: $ => seq(choice('earlier', 'never'), $.window, '(', $.condition, ')'),
    measured: $ => seq(
      choice(
        seq('count', '(', $.condition),
        seq(choice('sum', 'distinct'), '(', field('fact', $.path), optional($.filtered)),
      ),
      ')', $.window, $.order_test,
    ),
    filtered: $ => seq('where', $.condition),
    window: $ => seq('within', $.duration, optional($.in_session)),
    in_session: _ => seq('in', 'this', 'session'),

    list: $ => seq('[', loose($.literal), ']'),

    // ---- words and literals ----

    claim: $ => seq('subject.claims[', alias($._glued_string, $.string), token.immediate(']')),

    literal: $ => choice($.network, $.size, $.duration, $.int, $.boolean, $.name),
    boolean: _ => choice('true', 'false'),
    name: $ => seq($._name_part, repeat(seq(token.immediate('.'), $._glued_part))),
    _name_part: $ => choice($._word, $._dotted, $.string),
    _glued_part: $ => choice(token.immediate(/[A-Za-z_][A-Za-z0-9_]*/), alias($._glued_string, $.string)),
    path: $ => choice($._word, $._dotted),
    _unreserved: $ => choice(reserved('operand', $._word), $._dotted),
    word: $ => $._word,
    _unreserved_word: $ => reserved('operand', $._word),
    _word: _ => /[A-Za-z_][A-Za-z0-9_]*/,
    _dotted: _ => /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+/,
    // What stands between the quotes comes from the scanner, so that `//` in it is no comment.
    string: $ => seq('"', $._rest_of_string),
    _glued_string: $ => seq(token.immediate('"'), $._rest_of_string),
    _rest_of_string: $ => seq(repeat(choice($.string_content, $.escape_sequence)), token.immediate('"')),
    escape_sequence: _ => token.immediate(/\\[nt"\\]/),
    int: _ => /-?[0-9][0-9_]*/,
    date: _ => /[0-9]{4}-[0-9]{2}-[0-9]{2}/,
    size: _ => /[0-9][0-9_]*([kKMG]i?)?B/,
    network: _ => /([0-9A-Fa-f]*:[0-9A-Fa-f:.]*|[0-9]+(\.[0-9]+)+)(\/[0-9]+)?/,
    day: _ => choice('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'),
    clock: _ => /[0-9]{2}:[0-9]{2}/,
    duration: _ => /[0-9][0-9_]*[smhd]/,
    control: _ => /[A-Z0-9.-]+(\([0-9]+\))?/,

    ...Object.fromEntries(RESERVED_UNUSED.map(word => [`reserved_${word}`, _ => word])),
  },
});
