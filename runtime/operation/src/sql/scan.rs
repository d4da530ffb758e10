//! Looks at a text before it is parsed: bounds what scanning and nesting can cost, and leaves literals out for the log.

use pg_query::protobuf::{ScanToken, Token};

use super::SqlRefusal;

/// Character steps that PostgreSQL's scanner may take over runs of operator characters, in which comments begin. It
/// reads a run again from every comment or operator in it, so the steps grow with the square of its length.
const MAX_OPERATOR_STEPS: usize = 50_000_000;

/// Tokens that can nest within each other. Each can add two messages to the depth of the parser's tree, and every stage
/// recurses over that: this much fits into [`super::analyser::STACK_BYTES`] several times over, also unoptimised.
const MAX_DEPTH: usize = 8_000;

/// The tokens of `sql`, which is then safe to parse on a thread with the analyser's stack.
///
/// # Errors
/// What would cost too much, and what the scanner refuses.
pub(super) fn tokens(sql: &str) -> Result<Vec<ScanToken>, SqlRefusal> {
    if operator_steps(sql) > MAX_OPERATOR_STEPS {
        return Err(SqlRefusal::TooCostly);
    }
    // The scanner's binding makes a slice of a null pointer where there are no tokens at all.
    if sql.bytes().all(|byte| b" \t\n\r\x0b\x0c".contains(&byte)) {
        return Ok(Vec::new());
    }
    let tokens = pg_query::scan_tokens(sql).map_err(refusal)?;
    if depth(&tokens) > MAX_DEPTH {
        return Err(SqlRefusal::TooDeep);
    }
    Ok(tokens)
}

/// How the parser says that a text nests deeper than it can follow; its own stack is a part of the thread's.
const TOO_DEEP: &[&str] = &[
    "stack depth limit exceeded",
    "memory exhausted",
    "parse tree is nested too deeply to serialize",
];

/// What an error of the parser means to the one who sent the text.
pub(super) fn refusal(error: pg_query::Error) -> SqlRefusal {
    match error {
        pg_query::Error::Conversion(_) => SqlRefusal::Nul,
        pg_query::Error::Parse(message)
            if TOO_DEEP.iter().any(|deep| message.starts_with(deep)) =>
        {
            SqlRefusal::TooDeep
        }
        pg_query::Error::Parse(message)
        | pg_query::Error::Scan(message)
        | pg_query::Error::Split(message) => SqlRefusal::Syntax { message },
        pg_query::Error::Decode(_)
        | pg_query::Error::InvalidJson(_)
        | pg_query::Error::InvalidPointer
        | pg_query::Error::IsUtility(_) => SqlRefusal::Internal,
    }
}

/// The text with every literal replaced by `?`, comments left out and space made single.
pub(super) fn masked(sql: &str, tokens: &[ScanToken]) -> String {
    let mut masked = String::with_capacity(sql.len());
    let mut end = 0;
    for token in tokens {
        let kind = kind(token);
        if matches!(kind, Some(Token::SqlComment | Token::CComment)) {
            continue;
        }
        let (start, stop) = (offset(token.start), offset(token.end));
        if start > end && !masked.is_empty() {
            masked.push(' ');
        }
        end = stop;
        masked.push_str(if is_literal(kind) {
            "?"
        } else {
            sql.get(start..stop).unwrap_or("?")
        });
    }
    masked
}

fn is_literal(kind: Option<Token>) -> bool {
    matches!(
        kind,
        Some(
            Token::Sconst
                | Token::Usconst
                | Token::Bconst
                | Token::Xconst
                | Token::Fconst
                | Token::Iconst
        )
    )
}

fn operator_steps(sql: &str) -> usize {
    let runs = sql
        .as_bytes()
        .split(|byte| !b"~!@#^&|`?+-*/%<>=".contains(byte));
    runs.fold(0_usize, |steps, run| {
        steps.saturating_add(run.len().saturating_mul(run.len()))
    })
}

/// A level of brackets.
#[derive(Default)]
struct Level {
    /// Tokens since the last comma, which separates what lies side by side.
    tokens: usize,
    /// UNION and the like, which nest to the left over commas.
    set_operations: usize,
    /// The deepest bracket since the last comma.
    inner: usize,
    /// The deepest of what came before the last comma.
    before: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.set_operations + self.before.max(self.tokens + self.inner)
    }

    fn comma(&mut self) {
        self.before = self.before.max(self.tokens + self.inner);
        (self.tokens, self.inner) = (0, 0);
    }
}

/// At least the depth of the tree that the parser makes of `tokens`, in steps of nesting: what nests needs a token of
/// its own for each step, be it a bracket, an operator or a keyword. Names and literals are leaves.
fn depth(tokens: &[ScanToken]) -> usize {
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    let mut deepest = 0;
    for token in tokens {
        match kind(token) {
            Some(Token::Ascii40 | Token::Ascii91) => outer.push(std::mem::take(&mut level)),
            Some(Token::Ascii41 | Token::Ascii93) => {
                let inner = level.depth() + 1;
                level = outer.pop().unwrap_or_default();
                level.inner = level.inner.max(inner);
            }
            Some(Token::Ascii44) => level.comma(),
            Some(Token::Ascii59) => {
                deepest = deepest.max(level.depth());
                level = Level::default();
            }
            Some(Token::Union | Token::Intersect | Token::Except) => level.set_operations += 1,
            Some(
                Token::Ident
                | Token::Uident
                | Token::Fconst
                | Token::Sconst
                | Token::Usconst
                | Token::Bconst
                | Token::Xconst
                | Token::Iconst
                | Token::Param
                | Token::SqlComment
                | Token::CComment,
            ) => {}
            _ => level.tokens += 1,
        }
    }
    // Brackets left open are a syntax error, but count until it is found.
    while let Some(mut parent) = outer.pop() {
        parent.inner = parent.inner.max(level.depth() + 1);
        level = parent;
    }
    deepest.max(level.depth())
}

fn kind(token: &ScanToken) -> Option<Token> {
    Token::try_from(token.token).ok()
}

fn offset(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth_of(sql: &str) -> usize {
        depth(&pg_query::scan_tokens(sql).unwrap())
    }

    #[test]
    fn depth_grows_with_what_nests_only() {
        assert!(depth_of(&format!("SELECT 1 {}", "+ 1".repeat(100))) >= 100);
        assert!(depth_of(&format!("SELECT {}1{}", "(".repeat(100), ")".repeat(100))) >= 100);
        assert!(depth_of(&format!("SELECT 1, 2 {}", "UNION SELECT 1, 2 ".repeat(100))) >= 100);
        assert!(
            depth_of(&format!(
                "SELECT * FROM a {}",
                "JOIN a USING (x, y) ".repeat(100)
            )) >= 100
        );
        assert!(depth_of(&format!("SELECT x IN (1{})", ", (2)".repeat(1000))) < 10);
        assert!(
            depth_of(&format!(
                "INSERT INTO t VALUES (1, 'a'){}",
                ", (1, -2)".repeat(1000)
            )) < 10
        );
        assert!(depth_of(&"SELECT 1 + 1; ".repeat(100)) < 10);
    }

    #[test]
    fn masked_leaves_out_every_kind_of_literal_and_comments() {
        let sql = "ALTER  ROLE app PASSWORD 'hunter2' -- hunter2\n; SELECT U&'h', E'h\\'', $$h$$, $x$h$x$, B'1', X'F', 4, -5.5e1, $1 /* h */ AS \"q\"";
        let masked = masked(sql, &pg_query::scan_tokens(sql).unwrap());
        assert_eq!(
            masked,
            "ALTER ROLE app PASSWORD ? ; SELECT ?, ?, ?, ?, ?, ?, ?, -?, $1 AS \"q\""
        );
    }

    #[test]
    fn pg_46_runs_of_operators_are_refused_by_their_cost() {
        assert_eq!(
            tokens(&format!("SELECT 1 {}", "/*".repeat(20_000))),
            Err(SqlRefusal::TooCostly)
        );
        assert_eq!(tokens(&"+".repeat(500_000)), Err(SqlRefusal::TooCostly));
        assert!(tokens(&format!("SELECT 1 {}", "/* a */ ".repeat(20_000))).is_ok());
        assert!(tokens(&format!("/{}/ SELECT 1", "*".repeat(500))).is_ok());
    }
}
