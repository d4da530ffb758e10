//! Pages of HTML that stand alone: no scripts, nothing from elsewhere, and colours for light and for dark.

/// The style of every page.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2328;--ground:#fff;--dim:#57606a;--line:#d0d7de;--good:#1a7f37;--bad:#cf222e;--soft:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--ground:#0d1117;--dim:#9198a1;--line:#3d444d;--good:#3fb950;--bad:#f85149;--soft:#151b23}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:70rem;margin:2rem auto;padding:0 1rem}
a{color:inherit}table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:600}code,pre{font:14px/1.5 ui-monospace,monospace;background:var(--soft);padding:.1rem .3rem;border-radius:4px}pre{padding:.6rem;overflow-x:auto}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.picture{overflow-x:auto}nav a{margin-right:1rem}";

/// `text` where HTML has text or the value of an attribute. What hides or reorders text is spelled out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in crate::visible::block(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A page; `title` is text and `body` is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )
}

/// A table; headings are text and cells are HTML.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings = headings
        .iter()
        .map(|heading| format!("<th scope=\"col\">{}</th>", escape(heading)));
    let mut table = format!(
        "<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n",
        headings.collect::<String>()
    );
    for row in rows {
        let cells = row.iter().map(|cell| format!("<td>{cell}</td>"));
        table.push_str(&format!("<tr>{}</tr>\n", cells.collect::<String>()));
    }
    table + "</tbody>\n</table>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(
            escape("<b a='x' c=\"y\">&\u{202e}"),
            "&lt;b a=&#39;x&#39; c=&quot;y&quot;&gt;&amp;\\u{202e}"
        );
        assert!(page("<x>", "").contains("<title>&lt;x&gt;</title>"));
    }
}
