//! Framings with one reading, and those with more.

use super::*;

fn run(bytes: &[u8], cut: usize) -> (Expect, Vec<u8>) {
    let mut guard = Strict::new((), 1024).guard;
    let mut checked = Vec::new();
    for part in bytes.chunks(cut) {
        guard.push(part, &mut checked);
    }
    (guard.expect, checked)
}

#[track_caller]
fn passes(bytes: &str, expect: Expect) {
    for cut in [1, 3, 1000] {
        assert_eq!(
            run(bytes.as_bytes(), cut),
            (expect, bytes.as_bytes().to_vec()),
            "{bytes:?}"
        );
    }
}

#[track_caller]
fn refused(bytes: &str) {
    for cut in [1, 3, 1000] {
        let (expect, checked) = run(bytes.as_bytes(), cut);
        assert_eq!(expect, Expect::Nothing, "{bytes:?}");
        assert!(checked.ends_with(POISON), "{bytes:?}");
    }
}

#[test]
fn requests_with_one_reading_pass() {
    passes("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Expect::Head);
    passes("GET / HTTP/1.0\r\n\r\n", Expect::Head);
    passes(
        "POST /é HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
            .replace('é', "e")
            .as_str(),
        Expect::Head,
    );
    passes(
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
        Expect::Body(2),
    );
    passes(
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        Expect::Head,
    );
    passes(
        "POST / HTTP/1.1\r\nX: ä\t b\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nabc",
        Expect::Chunk(7),
    );
}

#[test]
fn h_01_framing_with_more_than_one_reading_is_refused() {
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: 0x3",
        "Content-Length: -1",
        "Content-Length: 3 3",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Content-Length : 3",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: a\r\n b",
        " X: a",
        "X: a\nContent-Length: 3",
        "X: a\rContent-Length: 3",
        "X: a\0",
        "no colon",
        ": empty",
    ] {
        refused(&format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n"));
    }
    for line in [
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /a b HTTP/1.1",
        "GET /",
        "GET / HTTP/2.0",
        "GET\t/ HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "",
    ] {
        refused(&format!("{line}\r\n\r\n"));
    }
    refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

#[test]
fn h_09_chunks_with_more_than_one_reading_are_refused() {
    for body in [
        "3;a=b\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n",
        "0x3\r\nabc\r\n",
        "+3\r\nabc\r\n",
        "\r\nabc\r\n",
        "3\nabc\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "000000000000003\r\nabc",
        "0\r\nX: trailer\r\n\r\n",
    ] {
        refused(&format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ));
    }
}

#[test]
fn h_08_a_head_without_end_is_left_to_hyper() {
    let (expect, checked) = run("GET / HTTP/1.1\r\nX: ".repeat(200).as_bytes(), 7);
    assert_eq!(expect, Expect::Nothing);
    assert!(checked.len() <= 1025);
}
