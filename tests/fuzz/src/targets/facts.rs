//! Extractors: texts that clients wrote to facts.

use std::sync::LazyLock;

use hpol_bundle::vocabulary::Vocabulary;
use hpol_operation::http::{HttpRequest, analyse};
use hpol_operation::sql::{Analyser, Limits, SqlRefusal, SqlSession};

use crate::Target;

/// SQL texts.
pub(crate) const SQL: Target = Target {
    name: "sql",
    run: sql,
    seeds: sql_seeds,
    short: 5_000,
};

/// Targets and headers of HTTP requests: three lines with authority, target and content type.
pub(crate) const HTTP: Target = Target {
    name: "http_request",
    run: http,
    seeds: http_seeds,
    short: 20_000,
};

/// The analysis ends in time, and by no panic of a parser thread.
fn sql(bytes: &[u8]) {
    static ANALYSER: LazyLock<Analyser> = LazyLock::new(|| {
        Analyser::new(Limits {
            cache_entries: 0,
            ..Limits::default()
        })
    });
    let session = SqlSession {
        search_path: vec!["public".to_owned()],
        catalogue: None,
    };
    let text = String::from_utf8_lossy(bytes);
    if let Err(why @ (SqlRefusal::Internal | SqlRefusal::TooSlow | SqlRefusal::Busy)) =
        ANALYSER.analyse(&text, &session)
    {
        panic!("{why}: {text:?}")
    }
}

/// What is forwarded has one reading: judged again it is the same.
fn http(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let (authority, target) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let request = HttpRequest {
        method: "POST",
        scheme: "https",
        authority,
        target,
        content_type: lines.next(),
        body_digest: [0; 32],
        body_preview: b"",
        body_bytes: 0,
    };
    let Ok(first) = analyse(&request, Vocabulary::builtin()) else {
        return;
    };
    let again = HttpRequest {
        target: &first.target,
        ..request
    };
    let second = analyse(&again, Vocabulary::builtin()).unwrap();
    assert_eq!(first.target, second.target, "two readings");
    assert_eq!(
        first.operation.facts, second.operation.facts,
        "two meanings"
    );
}

fn sql_seeds() -> Vec<Vec<u8>> {
    [
        "SELECT a.id, (SELECT max(x) FROM b WHERE b.id = a.id) FROM s.a AS a JOIN c USING (id) LIMIT 5",
        "WITH d AS (DELETE FROM a WHERE id = $1 RETURNING *) INSERT INTO b SELECT * FROM d ON CONFLICT DO NOTHING",
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = 1 WHEN NOT MATCHED THEN DO NOTHING",
        "EXPLAIN (ANALYZE, FORMAT json) UPDATE a SET x = y.z FROM y WHERE a.id = y.id",
        "COPY (TABLE a) TO STDOUT WITH (FORMAT csv, HEADER)",
        "DO $body$ BEGIN PERFORM 1; END $body$; /* a /* nested */ comment */ SELECT U&'d\\0061t\\+000061'",
        "PREPARE p (int) AS SELECT $1; EXECUTE p(1); DEALLOCATE p",
        "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1; FETCH ALL FROM c; CLOSE c",
        "CREATE VIEW v AS SELECT row_to_json(a) FROM a; SET LOCAL search_path TO x, public; BEGIN; COMMIT",
        "SELECT E'\\'', $$x$$, \"quoted\".\"Name\", 1e10::numeric, ARRAY[1,2], '{\"a\":1}'::jsonb -> 'a'",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn http_seeds() -> Vec<Vec<u8>> {
    [
        "crm.example.com\n/v1/customers/7?expand=orders&x=%2F\napplication/json; charset=utf-8",
        "crm.example.com:8443\n/a/./b/../c//d;v=1/%7Euser\ntext/plain",
        "[::1]:80\n/%E2%82%AC\n",
        "EXAMPLE.com.\n*\nmultipart/form-data; boundary=\"x\"",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
