/*
 * The part of the scanner that is written by hand: comments, the inside of strings, and the two places where the
 * beginning of a line has a meaning. All else is generated from grammar.js.
 */
#include "tree_sitter/parser.h"

#include <string.h>

/* In the order of `externals` in grammar.js. */
enum Token {
  COMMENT,
  DOC_COMMENT,
  STRING_CONTENT,
  CLAIM_BECAUSE,
  PACKAGE,
};

/* The words that begin an item; the first has the token PACKAGE. */
static const char *const ITEMS[] = {
  "package", "use", "connection", "group", "schedule", "predicate", "data", "rule", "responsibility", "exception",
  "test",
};
enum { ITEM_COUNT = sizeof(ITEMS) / sizeof(ITEMS[0]), LONGEST = 16 };

static bool is_word(int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Characters that cannot be seen, which no policy may hold: HP0014. */
static bool is_unseen(int32_t c) {
  static const int32_t RANGES[][2] = {
    {0x00, 0x08}, {0x0b, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160},
    {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800},
    {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
  };
  for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
    if (c >= RANGES[i][0] && c <= RANGES[i][1]) {
      return true;
    }
  }
  return false;
}

/* Reads a word; in `word` stands what fits. */
static void read_word(TSLexer *lexer, char word[LONGEST]) {
  size_t length = 0;
  while (is_word(lexer->lookahead)) {
    if (length + 1 < LONGEST) {
      word[length] = (char)lexer->lookahead;
    }
    length++;
    lexer->advance(lexer, false);
  }
  word[length < LONGEST ? length : 0] = '\0';
}

static bool scan_string_content(TSLexer *lexer) {
  bool some = false;
  while (lexer->lookahead != '"' && lexer->lookahead != '\\' && lexer->lookahead != '\n' && !lexer->eof(lexer)
         && !is_unseen(lexer->lookahead)) {
    lexer->advance(lexer, false);
    some = true;
  }
  lexer->result_symbol = STRING_CONTENT;
  return some;
}

static bool scan_comment(TSLexer *lexer) {
  lexer->advance(lexer, false);
  if (lexer->lookahead != '/') {
    return false;
  }
  lexer->advance(lexer, false);
  lexer->result_symbol = lexer->lookahead == '/' ? DOC_COMMENT : COMMENT;
  while (lexer->lookahead != '\n' && lexer->lookahead != '\r' && !lexer->eof(lexer)) {
    if (is_unseen(lexer->lookahead)) {
      return false;
    }
    lexer->advance(lexer, false);
  }
  return true;
}

static bool scan_claim_because(TSLexer *lexer) {
  char word[LONGEST];
  read_word(lexer, word);
  lexer->result_symbol = CLAIM_BECAUSE;
  return strcmp(word, "because") == 0;
}

/* An item keyword in column 0 begins an item also where none is expected: what stands before it is broken, not it. */
static bool scan_item(TSLexer *lexer) {
  char word[LONGEST];
  read_word(lexer, word);
  for (int i = 0; i < ITEM_COUNT; i++) {
    if (strcmp(word, ITEMS[i]) == 0) {
      lexer->result_symbol = (TSSymbol)(PACKAGE + i);
      return true;
    }
  }
  return false;
}

bool tree_sitter_hpol_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid_symbols) {
  (void)payload;
  /* While the parser looks for a way out of an error, everything is valid, and only what cannot mislead is read. */
  bool recovering = valid_symbols[PACKAGE] && valid_symbols[STRING_CONTENT];
  if (valid_symbols[STRING_CONTENT] && !recovering) {
    return scan_string_content(lexer);
  }
  bool same_line = true;
  while (lexer->lookahead == ' ' || lexer->lookahead == '\t' || lexer->lookahead == '\r' || lexer->lookahead == '\n') {
    bool carriage_return = lexer->lookahead == '\r';
    same_line = same_line && lexer->lookahead != '\n';
    lexer->advance(lexer, true);
    if (carriage_return && lexer->lookahead != '\n') {
      return false;
    }
  }
  if (lexer->lookahead == '/') {
    return scan_comment(lexer);
  }
  if (valid_symbols[CLAIM_BECAUSE] && !recovering && same_line) {
    return lexer->lookahead == 'b' && scan_claim_because(lexer);
  }
  return is_word(lexer->lookahead) && lexer->get_column(lexer) == 0 && scan_item(lexer);
}

void *tree_sitter_hpol_external_scanner_create(void) { return NULL; }

void tree_sitter_hpol_external_scanner_destroy(void *payload) { (void)payload; }

unsigned tree_sitter_hpol_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}

void tree_sitter_hpol_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}
