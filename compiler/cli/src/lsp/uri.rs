//! Names of files: the workspace calls a file by its absolute path, and what is not on disk by its URI (RFC 3986, 8089).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_types::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const FILE: &str = "file://";

/// What a path of a URI cannot hold as it is.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The workspace's name for what `uri` names.
pub(crate) fn name(uri: &Uri) -> String {
    match path(uri) {
        Some(path) => path.to_string_lossy().into_owned(),
        None => uri.as_str().to_owned(),
    }
}

/// The path of a file's URI.
pub(crate) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix(FILE)?;
    let path = rest.find('/').and_then(|slash| rest.get(slash..))?;
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    Some(plain(Path::new(decoded.as_ref())))
}

/// The URI of a name of the workspace.
pub(crate) fn uri(name: &str) -> Option<Uri> {
    if name.starts_with('/') {
        return Uri::from_str(&format!("{FILE}{}", utf8_percent_encode(name, ESCAPED))).ok();
    }
    Uri::from_str(name).ok()
}

/// `path` without `.` and `..`, so that one file has one name.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        for text in [
            "file:///a%20b/%C3%BC.hpol",
            "file://localhost/a%20b/c/../%C3%BC.hpol",
        ] {
            let name = name(&Uri::from_str(text).unwrap());
            assert_eq!(name, "/a b/ü.hpol");
            assert_eq!(uri(&name).unwrap().as_str(), "file:///a%20b/%C3%BC.hpol");
        }
        let untitled = Uri::from_str("untitled:Untitled-1").unwrap();
        assert_eq!(uri(&name(&untitled)).unwrap(), untitled);
    }
}
