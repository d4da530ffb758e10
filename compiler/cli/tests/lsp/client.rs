//! A small client of the language server: starts the program as an editor does and speaks to it over its standard input
//! and output.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Longest wait for an answer; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// An editor with one folder.
pub(crate) struct Editor {
    folder: PathBuf,
    _kept: tempfile::TempDir,
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What was pushed and not yet looked at, by method.
    pub(crate) pushed: Vec<Value>,
    requests: u64,
    texts: BTreeMap<String, String>,
    versions: i64,
}

impl Editor {
    /// Starts the server on a folder with these files.
    pub(crate) fn start(files: &[(&str, &str)], capabilities: &Value) -> Editor {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().canonicalize().unwrap();
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut server = Command::new(env!("CARGO_BIN_EXE_hpol"))
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (server.stdin.take(), server.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut editor = Editor {
            folder,
            _kept: kept,
            server,
            input,
            messages,
            pushed: Vec::new(),
            requests: 0,
            texts: BTreeMap::new(),
            versions: 0,
        };
        let folder = editor.uri("");
        let started = editor.ask(
            "initialize",
            json!({
                "processId": null,
                "rootUri": folder,
                "workspaceFolders": [{ "uri": folder, "name": "policy" }],
                "capabilities": capabilities,
                "initializationOptions": { "explain": true },
            }),
        );
        assert!(started["capabilities"].is_object(), "{started}");
        editor.notify("initialized", json!({}));
        editor
    }

    /// The URI of a file of the folder.
    pub(crate) fn uri(&self, name: &str) -> String {
        let uri = format!("file://{}/{name}", self.folder.display());
        uri.trim_end_matches('/').to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        &self.texts[name]
    }

    /// Opens a file; a `|` in the text is where the cursor stands, and no part of it.
    pub(crate) fn open(&mut self, name: &str, text: &str) -> Value {
        let (text, cursor) = cursor(text);
        let uri = self.uri(name);
        self.texts.insert(name.to_owned(), text.clone());
        let document = json!({ "uri": uri, "languageId": "hpol", "version": 0, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        self.at(name, cursor)
    }

    /// Replaces the first `from` of a file, as typing does.
    pub(crate) fn edit(&mut self, name: &str, from: &str, to: &str) {
        let text = self.texts[name].clone();
        let start = text
            .find(from)
            .unwrap_or_else(|| panic!("no `{from}` in {name}"));
        let range =
            json!({ "start": position(&text, start), "end": position(&text, start + from.len()) });
        self.texts
            .insert(name.to_owned(), text.replacen(from, to, 1));
        self.versions += 1;
        let document = json!({ "uri": self.uri(name), "version": self.versions });
        let change = json!({ "range": range, "text": to });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
    }

    /// Replaces some characters of a file.
    pub(crate) fn replace(&mut self, name: &str, characters: std::ops::Range<usize>, to: &str) {
        let text = self.texts[name].clone();
        let byte = |character: usize| {
            text.chars()
                .take(character)
                .map(char::len_utf8)
                .sum::<usize>()
        };
        let (start, end) = (byte(characters.start), byte(characters.end));
        let range = json!({ "start": position(&text, start), "end": position(&text, end) });
        let mut edited = text.clone();
        edited.replace_range(start..end, to);
        self.texts.insert(name.to_owned(), edited);
        self.versions += 1;
        let document = json!({ "uri": self.uri(name), "version": self.versions });
        let change = json!({ "range": range, "text": to });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
    }

    /// Parameters about the place behind `needle` in an open file.
    pub(crate) fn behind(&self, name: &str, needle: &str) -> Value {
        let text = &self.texts[name];
        let place = text
            .find(needle)
            .unwrap_or_else(|| panic!("no `{needle}` in {name}"));
        self.at(name, place + needle.len())
    }

    /// Parameters about a byte of an open file.
    pub(crate) fn at(&self, name: &str, offset: usize) -> Value {
        json!({ "textDocument": { "uri": self.uri(name) }, "position": position(&self.texts[name], offset) })
    }

    /// The result of a request; panics on an error.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The whole answer to a request.
    pub(crate) fn answer(&mut self, method: &str, params: Value) -> Value {
        let id = self.send_request(method, params);
        self.wait(|message| message["id"] == json!(id) && message.get("method").is_none())
    }

    pub(crate) fn send_request(&mut self, method: &str, params: Value) -> u64 {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_bytes(message.to_string().as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, body: &[u8]) {
        let input = self.input.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        input.write_all(body).unwrap();
        input.flush().unwrap();
    }

    /// The next diagnostics that are pushed for a file.
    pub(crate) fn published(&mut self, name: &str) -> Value {
        let uri = self.uri(name);
        let message = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == json!(uri)
        });
        message["params"]["diagnostics"].clone()
    }

    /// The first message that fits; others that are no answers are kept.
    pub(crate) fn wait(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.pushed.iter().position(&fits) {
            return self.pushed.remove(index);
        }
        loop {
            let message = self
                .messages
                .recv_timeout(PATIENCE)
                .expect("the server answers");
            if fits(&message) {
                return message;
            }
            self.pushed.push(message);
        }
    }

    /// Leaves as an editor does; gives the exit code.
    pub(crate) fn leave(mut self) -> Option<i32> {
        self.ask("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.end()
    }

    /// Closes the server's input.
    pub(crate) fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        self.server.wait().unwrap().code()
    }

    /// A value with the folder's path taken out.
    pub(crate) fn shown(&self, value: &Value) -> String {
        let text = serde_json::to_string_pretty(value).unwrap();
        text.replace(&self.folder.display().to_string(), "/policy")
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The text without its `|`, and where that stood.
pub(crate) fn cursor(text: &str) -> (String, usize) {
    let place = text.find('|').unwrap_or(text.len());
    (text.replacen('|', "", 1), place)
}

/// A place as the protocol counts it.
pub(crate) fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
    json!({ "line": line, "character": column })
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => {
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.parse().ok()?;
                }
            }
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
