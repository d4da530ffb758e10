//! Every construct of the grammar that people write is known to the walk.

mod reading;

use hpol_operation::sql::{Analyser, Limits};
use reading::session;

#[test]
fn constructs_are_known() {
    let analyser = Analyser::new(Limits::default());
    let session = session(&["public"]);
    for sql in include_str!("data/constructs.sql")
        .split(";\n")
        .filter(|sql| !sql.trim().is_empty())
    {
        let outcome = analyser.analyse(sql, &session);
        assert!(outcome.is_ok(), "{sql}: {outcome:?}");
    }
}
