//! Messages of the PostgreSQL protocol in both directions, and the packets before login.

use hpol_postgres::fuzzing;

use crate::Target;

/// What a client sends after login.
pub(crate) const FRONTEND: Target = Target {
    name: "postgres_frontend",
    run: |bytes| chunks_do_not_matter(bytes, fuzzing::frontend),
    seeds: frontend_seeds,
    short: 20_000,
};

/// What an upstream sends.
pub(crate) const BACKEND: Target = Target {
    name: "postgres_backend",
    run: |bytes| chunks_do_not_matter(bytes, fuzzing::backend),
    seeds: backend_seeds,
    short: 20_000,
};

/// What a client sends before login.
pub(crate) const STARTUP: Target = Target {
    name: "postgres_startup",
    run: fuzzing::startup,
    seeds: startup_seeds,
    short: 20_000,
};

/// The messages are the bytes: none added, none lost, wherever the network cut them.
fn chunks_do_not_matter(bytes: &[u8], read: fn(&[&[u8]]) -> Vec<u8>) {
    let (first, rest) = bytes.split_at(bytes.len() / 3);
    let whole = read(&[bytes]);
    assert!(bytes.starts_with(&whole), "messages are not the bytes");
    assert_eq!(whole, read(&[first, rest]), "chunks matter");
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn packet(code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

fn frontend_seeds() -> Vec<Vec<u8>> {
    let parse = message(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17");
    let bind = message(
        b'B',
        b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\x01",
    );
    let execute = message(b'E', b"p\0\0\0\0\x05");
    let sync = message(b'S', b"");
    vec![
        message(b'Q', b"SELECT 1; SELECT 2\0"),
        [parse, bind, message(b'D', b"Pp\0"), execute, sync].concat(),
        [
            message(b'C', b"Ss\0"),
            message(b'H', b""),
            message(b'S', b""),
        ]
        .concat(),
        [
            message(b'd', b"1\ta\n"),
            message(b'c', b""),
            message(b'f', b"no\0"),
        ]
        .concat(),
        message(b'F', b"\0\0\0\x2a\0\0\0\0\0\0"),
        message(b'X', b""),
    ]
}

fn backend_seeds() -> Vec<Vec<u8>> {
    let column = b"id\0\0\0\x40\x01\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
    let description = message(b'T', &[b"\0\x01".as_slice(), column].concat());
    let row = message(b'D', b"\0\x02\0\0\0\x011\xff\xff\xff\xff");
    vec![
        [
            description,
            row,
            message(b'C', b"SELECT 1\0"),
            message(b'Z', b"I"),
        ]
        .concat(),
        message(b'E', b"SERROR\0VERROR\0C42601\0Msyntax error\0P1\0\0"),
        message(b'N', b"SNOTICE\0C00000\0Mhello\0\0"),
        [
            message(b'G', b"\0\0\x01\0\0"),
            message(b'H', b"\x01\0\x02\0\x01\0\x01"),
        ]
        .concat(),
        message(b'A', b"\0\0\0\x01channel\0payload\0"),
        [
            message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            message(b'R', b"\0\0\0\0"),
        ]
        .concat(),
        [
            message(b'S', b"client_encoding\0UTF8\0"),
            message(b'K', b"\0\0\0\x01\0\0\0\x02"),
        ]
        .concat(),
        [
            message(b't', b"\0\x01\0\0\0\x17"),
            message(b'n', b""),
            message(b's', b""),
        ]
        .concat(),
    ]
}

fn startup_seeds() -> Vec<Vec<u8>> {
    let parameters = b"user\0agent\0database\0orders\0options\0-c statement_timeout=5s\0\0";
    vec![
        packet(80_877_103, b""),
        packet(80_877_104, b""),
        packet(80_877_102, &[0; 8]),
        packet(80_877_102, &[7; 36]),
        packet(196_608, parameters),
        packet(196_610, b"user\0agent\0_pq_.feature\0on\0\0"),
    ]
}
