//! What must not compile: forwarding without leave, twice, or with leave that somebody made up.

#[test]
fn a_permit_cannot_be_forged_copied_or_used_twice() {
    trybuild::TestCases::new().compile_fail("tests/compile-fail/*.rs");
}
