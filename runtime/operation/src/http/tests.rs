//! Requests and what becomes of them.

use super::*;
use proptest::prelude::*;

fn request<'a>(method: &'a str, authority: &'a str, target: &'a str) -> HttpRequest<'a> {
    HttpRequest {
        method,
        scheme: "https",
        authority,
        target,
        content_type: None,
        body_digest: [0; 32],
        body_preview: b"",
        body_bytes: 0,
    }
}

fn analysed(request: &HttpRequest<'_>) -> Result<HttpAnalysis, HttpRefusal> {
    analyse(request, Vocabulary::builtin())
}

fn fact(analysis: &HttpAnalysis, name: &str) -> Fact {
    let (id, _) = Vocabulary::builtin().lookup(name).unwrap();
    analysis.operation.facts.fact(id).clone()
}

fn text(value: &str) -> Fact {
    Fact::Known(Value::Text(value.into()))
}

#[test]
fn methods_are_those_of_the_vocabulary() {
    assert_eq!(Vocabulary::builtin().words("http_method").unwrap(), METHODS);
}

#[test]
fn a_request_has_its_facts() {
    let mut request = request(
        "POST",
        "CRM.Example.com:8443",
        "/api/%63ustomers/a%20b%2B?id=7&token=s3cret&x",
    );
    request.content_type = Some("Application/JSON; charset=utf-8");
    request.body_preview = b"{\"a\":1}";
    request.body_bytes = 9;
    let analysis = analysed(&request).unwrap();
    assert_eq!(fact(&analysis, "http.method"), text("POST"));
    assert_eq!(fact(&analysis, "http.host"), text("crm.example.com"));
    assert_eq!(fact(&analysis, "http.path"), text("/api/customers/a b+"));
    assert_eq!(
        fact(&analysis, "http.content_type"),
        text("application/json")
    );
    assert_eq!(
        analysis.target,
        "/api/customers/a%20b%2B?id=7&token=s3cret&x"
    );
    assert_eq!(analysis.operation.class, Class::Write);
    insta::assert_snapshot!(analysis.operation.masked, @"POST https://crm.example.com:8443/api/customers/a%20b%2B?id=?&token=?&?");
    insta::assert_snapshot!(analysis.operation.exact, @r#"
    POST https://crm.example.com:8443/api/customers/a%20b%2B?id=7&token=s3cret&x
    content-type: application/json

    {"a":1}
    ... and 2 more bytes
    "#);
}

#[test]
fn a_request_without_a_body_has_no_content_type() {
    let analysis = analysed(&request("GET", "h", "/")).unwrap();
    assert_eq!(fact(&analysis, "http.content_type"), Fact::Missing);
    assert_eq!(analysis.operation.class, Class::Read);
}

#[test]
fn methods_without_a_word_are_refused() {
    for method in ["TRACE", "CONNECT", "get", "GETX", "", "PROPFIND"] {
        assert!(
            matches!(
                analysed(&request(method, "h", "/")),
                Err(HttpRefusal::Method { .. })
            ),
            "{method}"
        );
    }
}

#[test]
fn h_05_ambiguous_paths_are_refused() {
    let paths = [
        "/a/%2e%2e/b",
        "/a/%2e/b",
        "/a/../b",
        "/a/./b",
        "/..",
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "//a",
        "/a//b",
        "/a;x=1",
        "/a%3bx",
        "/a%00",
        "/a%0a",
        "/a%7f",
        "/%c0%ae%c0%ae/",
        "/%ff",
        "/a%252e",
        "/a%2525",
        "/a%zz",
        "/a%2",
        "/a%",
        "/a b",
        "/a\u{e9}",
        "/a%3fb",
        "/a%23b",
        "*",
        "",
        "http://h/a",
        "/a#b",
        "/a\"b",
        "/a<b",
        "/%u002e",
    ];
    for path in paths {
        assert!(
            matches!(
                analysed(&request("GET", "h", path)),
                Err(HttpRefusal::Path { .. })
            ),
            "{path}"
        );
    }
    for path in [
        "/", "/a", "/a/", "/a.b/..c", "/a%20b", "/%C3%A9", "/a:b@c", "/100%25", "/~a",
    ] {
        assert!(analysed(&request("GET", "h", path)).is_ok(), "{path}");
    }
}

#[test]
fn h_06_odd_hosts_are_refused() {
    let hosts = [
        "",
        "h.",
        "h..x",
        ".h",
        "h:",
        "h:x",
        "h:99999",
        "u@h",
        "h/x",
        "h x",
        "h%2e",
        "h\u{e9}",
        "[::1",
        "[::g]",
        "[::1]x",
        "127.1",
        "0x7f000001",
        "2130706433",
        "1.2.3.256",
        "h:80:80",
        "a,b",
    ];
    for host in hosts {
        assert!(
            matches!(
                analysed(&request("GET", host, "/")),
                Err(HttpRefusal::Host { .. })
            ),
            "{host}"
        );
    }
    for (host, canonical) in [
        ("H", "h"),
        ("a_b.c-d:1", "a_b.c-d"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[0:0::1]:8", "[::1]"),
    ] {
        assert_eq!(
            analysed(&request("GET", host, "/")).unwrap().host,
            canonical
        );
    }
}

#[test]
fn content_types_are_media_types() {
    for odd in ["", "json", "a/", "/b", "a/b, c/d", "a b/c", "a/b\0"] {
        let mut request = request("POST", "h", "/");
        request.content_type = Some(odd);
        assert!(
            matches!(analysed(&request), Err(HttpRefusal::ContentType { .. })),
            "{odd:?}"
        );
    }
}

#[test]
fn digests_tell_requests_apart() {
    let base = request("POST", "h", "/a?b");
    let digest = |request: &HttpRequest<'_>| analysed(request).unwrap().operation.digest;
    let others = [
        HttpRequest {
            method: "PUT",
            ..base
        },
        HttpRequest {
            scheme: "http",
            ..base
        },
        HttpRequest {
            authority: "h:1",
            ..base
        },
        HttpRequest {
            target: "/a?c",
            ..base
        },
        HttpRequest {
            content_type: Some("a/b"),
            ..base
        },
        HttpRequest {
            body_digest: [1; 32],
            ..base
        },
    ];
    for other in &others {
        assert_ne!(digest(&base), digest(other), "{other:?}");
    }
    assert_eq!(
        digest(&base),
        digest(&HttpRequest {
            target: "/%61?b",
            ..base
        })
    );
}

proptest! {
    #[test]
    fn h_05_what_is_forwarded_reads_as_what_was_judged(path in "/[a-z%0-9A-F./;\\\\+é ]{0,24}") {
        if let Ok(analysis) = analysed(&request("GET", "h", &path)) {
            let again = analysed(&request("GET", "h", &analysis.target)).unwrap();
            prop_assert_eq!(&again.target, &analysis.target);
            prop_assert_eq!(fact(&again, "http.path"), fact(&analysis, "http.path"));
        }
    }

    #[test]
    fn any_text_is_analysed_or_refused(method in ".{0,8}", host in ".{0,16}", target in ".{0,32}", kind in ".{0,16}") {
        let mut request = request(&method, &host, &target);
        request.content_type = Some(&kind);
        let _ = analysed(&request);
        request.method = "GET";
        let _ = analysed(&request);
    }
}
