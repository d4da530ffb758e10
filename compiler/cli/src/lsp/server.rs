//! The server's state and its one loop: messages of the client change the state or become questions, answers of the
//! workers go out. Everything that is written to the client is written here.

mod asking;
mod documents;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use hpol_bundle::vocabulary::Vocabulary;
use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};

use super::capabilities::{self, Client};
use super::diagnostics::{self, ByFile};
use super::messages::{self, Incoming};
use super::projects::Projects;
use super::refusal::Refusal;
use super::uri;
use super::view::{OpenUris, View};
use super::workers::Workers;
use documents::Document;

/// What the loop waits for.
enum Event {
    Incoming(Incoming),
    /// The client is gone; with the fault that ended the reading, if any.
    Ended(Option<io::Error>),
    Answered {
        id: Value,
        result: Result<Value, Refusal>,
        message: Option<(bool, String)>,
    },
    /// What is wrong with the policy in a folder, in the state of this generation.
    Found {
        root: PathBuf,
        generation: u64,
        found: ByFile,
    },
}

/// Serves one client until it leaves.
pub(crate) fn serve(vocabulary: Vocabulary) -> Result<Outcome, Failure> {
    let (events, queue) = channel();
    let reader = events.clone();
    // Ends with the input; nothing can wake it before.
    std::thread::spawn(move || read(&reader));
    Server::new(vocabulary, events).run(&queue)
}

fn read(events: &Sender<Event>) {
    let mut input = BufReader::new(io::stdin().lock());
    loop {
        let event = match messages::read(&mut input) {
            Ok(Some(message)) => Event::Incoming(message),
            Ok(None) => Event::Ended(None),
            Err(fault) => Event::Ended(Some(fault)),
        };
        let last = matches!(event, Event::Ended(_));
        if events.send(event).is_err() || last {
            return;
        }
    }
}

/// How far the client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Running,
    ShutDown,
    Gone,
}

struct Server {
    stage: Stage,
    client: Client,
    projects: Projects,
    /// What the editor has open, by the workspace's names.
    open: BTreeMap<String, Document>,
    open_uris: OpenUris,
    /// The questions that are not answered, and whether they were taken back.
    pending: HashMap<String, Arc<AtomicBool>>,
    requests: u64,
    workers: Workers,
    events: Sender<Event>,
}

impl Server {
    fn new(vocabulary: Vocabulary, events: Sender<Event>) -> Server {
        Server {
            stage: Stage::New,
            client: Client::default(),
            projects: Projects::new(vocabulary),
            open: BTreeMap::new(),
            open_uris: OpenUris::default(),
            pending: HashMap::new(),
            requests: 0,
            workers: Workers::start(),
            events,
        }
    }

    fn run(mut self, queue: &Receiver<Event>) -> Result<Outcome, Failure> {
        let told_to = |server: &Server| match server.stage {
            Stage::ShutDown => Outcome::Clean,
            _ => Outcome::Findings,
        };
        while let Ok(event) = queue.recv() {
            // All that came meanwhile, so that what is checked is the latest.
            for event in std::iter::once(event).chain(queue.try_iter()) {
                let before = told_to(&self);
                match event {
                    Event::Ended(None) => return Ok(before),
                    Event::Ended(Some(fault)) => {
                        return Err(Failure::read(Path::new("standard input"))(fault));
                    }
                    event => self.handle(event)?,
                }
                if self.stage == Stage::Gone {
                    return Ok(before);
                }
            }
            self.check();
        }
        Ok(Outcome::Findings)
    }

    fn handle(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Incoming(Incoming::Request { id, method, params }) => {
                self.request(&id, &method, params)
            }
            Event::Incoming(Incoming::Notification { method, params }) => {
                self.notified(&method, params)
            }
            Event::Incoming(Incoming::Malformed(refusal)) => {
                self.send(&messages::answer(&Value::Null, Err(refusal)))
            }
            Event::Incoming(Incoming::Answer) | Event::Ended(_) => Ok(()),
            Event::Answered {
                id,
                result,
                message,
            } => {
                self.pending.remove(&id.to_string());
                if let Some((good, text)) = message {
                    let kind = if good { 3 } else { 2 };
                    self.notify(
                        "window/showMessage",
                        json!({ "type": kind, "message": text }),
                    )?;
                }
                self.send(&messages::answer(&id, result))
            }
            Event::Found {
                root,
                generation,
                found,
            } => self.publish(&root, generation, found),
        }
    }

    fn request(&mut self, id: &Value, method: &str, params: Value) -> Result<(), Failure> {
        let now = match (self.stage, method) {
            (Stage::New, "initialize") => Ok(self.initialize(&params)?),
            (Stage::New, _) => Err(Refusal::NotInitialized),
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                Ok(Value::Null)
            }
            (Stage::Running, _) => match self.ask(id, method, params) {
                Ok(()) => return Ok(()),
                Err(refusal) => Err(refusal),
            },
            (Stage::ShutDown | Stage::Gone, _) => Err(Refusal::ShutDown),
        };
        self.send(&messages::answer(id, now))
    }

    fn initialize(&mut self, params: &Value) -> Result<Value, Failure> {
        self.stage = Stage::Running;
        self.client = Client::of(params);
        let mut folders = documents::folders(params.get("workspaceFolders"));
        if folders.is_empty() {
            folders.extend(params.get("rootUri").and_then(documents::path_of));
        }
        for folder in folders {
            let complaints = self.projects.add_folder(&folder, &BTreeMap::new());
            self.complain(complaints)?;
        }
        let info = json!({ "name": "hpol", "version": env!("CARGO_PKG_VERSION") });
        Ok(json!({ "capabilities": capabilities::server(), "serverInfo": info }))
    }

    fn notified(&mut self, method: &str, params: Value) -> Result<(), Failure> {
        if method == "exit" {
            self.stage = Stage::Gone;
            return Ok(());
        }
        if self.stage != Stage::Running {
            return Ok(());
        }
        match method {
            "initialized" if self.client.watches => {
                self.call("client/registerCapability", capabilities::watching())
            }
            "$/cancelRequest" => {
                let id = params.get("id").map(Value::to_string).unwrap_or_default();
                if let Some(taken_back) = self.pending.get(&id) {
                    taken_back.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            _ => self.document(method, params),
        }
    }

    /// Has what changed checked.
    fn check(&mut self) {
        if self.client.pulls {
            return;
        }
        for (root, project) in self.projects.dirty() {
            project.dirty = false;
            let view = View {
                workspace: project.workspace.clone(),
                file: String::new(),
                open: Arc::clone(&self.open_uris),
                snippets: self.client.snippets,
                explains: self.client.explains,
            };
            let (root, generation, events) =
                (root.clone(), project.generation, self.events.clone());
            self.workers.submit(Box::new(move || {
                // An edit in between starts a check of its own.
                if let Ok(found) = hpol_hir::attempt(|| diagnostics::by_file(&view, None)) {
                    drop(view);
                    let _ = events.send(Event::Found {
                        root,
                        generation,
                        found,
                    });
                }
            }));
        }
    }

    /// Tells the client what is different from what it was told last.
    fn publish(&mut self, root: &Path, generation: u64, found: ByFile) -> Result<(), Failure> {
        let Some(project) = self
            .projects
            .at(root)
            .filter(|project| project.generation == generation)
        else {
            return Ok(());
        };
        let before = std::mem::replace(&mut project.published, found.clone());
        let gone = before.keys().filter(|file| !found.contains_key(*file));
        let nothing = Vec::new();
        let changed = found
            .iter()
            .filter(|(file, items)| before.get(*file) != Some(items));
        let all: Vec<(&String, &Vec<lsp_types::Diagnostic>)> =
            changed.chain(gone.map(|file| (file, &nothing))).collect();
        for (file, items) in all {
            self.tell(file, items)?;
        }
        Ok(())
    }

    fn tell(&mut self, file: &str, items: &[lsp_types::Diagnostic]) -> Result<(), Failure> {
        let open = self.open.get(file);
        let Some(uri) = open
            .map(|document| document.uri.clone())
            .or_else(|| uri::uri(file))
        else {
            return Ok(());
        };
        let version = open.map(|document| document.version);
        let mut params = json!({ "uri": uri, "diagnostics": items });
        if let (Some(version), Value::Object(params)) = (version, &mut params) {
            params.insert("version".to_owned(), json!(version));
        }
        self.notify("textDocument/publishDiagnostics", params)
    }

    /// Tells what could not be read.
    fn complain(&mut self, complaints: Vec<String>) -> Result<(), Failure> {
        for complaint in complaints {
            self.notify(
                "window/logMessage",
                json!({ "type": 2, "message": complaint }),
            )?;
        }
        Ok(())
    }

    fn notify(&mut self, method: &str, params: Value) -> Result<(), Failure> {
        self.send(&messages::notification(method, params))
    }

    fn call(&mut self, method: &str, params: Value) -> Result<(), Failure> {
        self.requests += 1;
        self.send(&messages::request(self.requests, method, params))
    }

    fn send(&mut self, message: &Value) -> Result<(), Failure> {
        messages::write(&mut io::stdout().lock(), message)
            .map_err(Failure::write(Path::new("standard output")))
    }
}
