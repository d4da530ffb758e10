//! The composition root: makes every part, connects them, serves until told to stop, and takes it all down in order.
//! Decides nothing itself.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_evidence::key::{AuditKey, ReadKey};
use hpol_evidence::log::{LogHandle, LogOptions, OpenLog, Reads};
use hpol_evidence::record::Event;
use hpol_postgres::{Analyser, AnalyserLimits, CancelKeys};
use hpol_session::door::Door;
use hpol_session::ports::{Authenticate, EvidenceUnavailable};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::approvals::memory::MemoryApprovals;
use crate::clock::SystemClock;
use crate::config::secret::{ReadSecret, read_private};
use crate::config::{self, Config, Dev, Mode, Problems};
use crate::evidence::AuditLog;
use crate::identity::Identities;
use crate::identity::dev_issuer::{DevIssuer, StartIssuer};
use crate::listeners::Listener;
use crate::mask_key::{ConfiguredKey, ReadMaskKey};
use crate::metrics::{self, InstallMetrics};
use crate::policy::{self, Keys, LoadPolicy, LoadedPolicy};
use crate::ready::Addresses;
use crate::serving::{BuildServing, Serving, Shared};
use crate::shutdown::StopSwitch;
use crate::signals::{Signals, Told};
use crate::state::{StateDir, UseState};
use crate::tls::{self, LoadTls};
use crate::web;
use crate::workers::Workers;

/// Why the gateway did not start, or ended otherwise than by a signal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunGateway {
    #[error(transparent)]
    Configuration(#[from] Problems),
    #[error("{what} cannot listen on {address}: {why}")]
    Bind {
        what: String,
        address: SocketAddr,
        why: io::Error,
    },
    #[error(transparent)]
    State(#[from] UseState),
    #[error("key of the audit log: {0}; make one with `hpol-gateway keygen --audit FILE`")]
    ReadAuditKey(#[from] ReadSecret),
    #[error("key of the audit log in `{path}`: {why}")]
    AuditKey { path: PathBuf, why: ReadKey },
    #[error("audit log in `{path}` cannot be opened: {why}")]
    OpenLog { path: PathBuf, why: OpenLog },
    #[error(transparent)]
    Unrecorded(#[from] EvidenceUnavailable),
    #[error(transparent)]
    Tls(#[from] LoadTls),
    #[error(transparent)]
    Issuer(#[from] StartIssuer),
    #[error(transparent)]
    MaskKey(#[from] ReadMaskKey),
    #[error(transparent)]
    Serving(#[from] BuildServing),
    #[error(transparent)]
    Metrics(#[from] InstallMetrics),
    #[error("the threads that serve clients cannot be started: {0}")]
    Workers(io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    #[error("the ready file cannot be written: {0}")]
    ReadyFile(io::Error),
}

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) config: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) ready_file: Option<PathBuf>,
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) options: Options,
    pub(crate) config: Config,
    pub(crate) state: StateDir,
    pub(crate) log: Arc<AuditLog>,
    pub(crate) door: Arc<Door>,
    pub(crate) mask_keys: Keys,
    pub(crate) identities: Arc<Identities>,
    pub(crate) dev_identity: Option<config::Identity>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    /// Parser of SQL: one pool of threads and one cache for all connections.
    analyser: Arc<Analyser>,
    /// By which clients cancel; sessions keep theirs through a reload.
    cancels: Arc<CancelKeys>,
    workers: Arc<Workers>,
    /// Listeners that a reload removed, until their clients are gone.
    pub(crate) draining: Vec<JoinHandle<()>>,
    log_handle: LogHandle,
    pages: Vec<(StopSwitch, JoinHandle<()>)>,
    addresses: Addresses,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the gateway cannot start.
pub(crate) async fn run(options: Options, config: Config) -> Result<(), RunGateway> {
    let mut signals = Signals::new().map_err(RunGateway::Signals)?;
    let mut gateway = Gateway::start(options, config).await?;
    gateway.addresses.print();
    let reason = loop {
        match signals.next().await {
            Told::Reload => gateway.reload().await,
            Told::Stop(reason) => break reason,
        }
    };
    tracing::info!(
        reason,
        "stopping: no new clients, operations under way are finished"
    );
    tokio::select! {
        () = gateway.stop_serving() => {}
        () = signals.stop_again() => tracing::warn!("told twice to stop; clients are cut off"),
    }
    gateway.close_log(reason).await;
    tracing::info!("stopped");
    Ok(())
}

impl Gateway {
    async fn start(options: Options, config: Config) -> Result<Gateway, RunGateway> {
        let prometheus = metrics::install()?;
        let mask_keys = Keys::of(ConfiguredKey::read(config.mask_key.as_deref())?);
        let state = StateDir::open(&config.state_dir)?;
        // The log comes late: what cannot start must not leave a record of a start.
        let admin = bind("the admin API", config.admin).await?;
        let issuer = match &config.dev {
            Some(dev) => Some(bind_issuer(dev).await?),
            None => None,
        };
        let mut sockets = BTreeMap::new();
        for (name, connection) in &config.connections {
            sockets.insert(
                name.clone(),
                bind(&format!("connection `{name}`"), connection.listen).await?,
            );
        }
        let clock = Arc::new(SystemClock);
        let dev_identity = issuer.as_ref().map(|(_, issuer)| issuer.identity());
        let identities =
            Identities::start(&trusted(&config, dev_identity.as_ref()), clock.clone())?;
        let workers = Workers::start().map_err(RunGateway::Workers)?;
        let log_handle = open_log(&config.audit).await?;
        let log = Arc::new(AuditLog::new(log_handle.clone(), config.audit.reads));
        log.record(Event::GatewayStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: config.digest.clone(),
        })
        .await?;
        let approvals = Arc::new(MemoryApprovals::new(config.limits.pending_approvals));
        let door = Door::new(clock, log.clone(), approvals.clone());
        let addresses = Addresses {
            admin: admin.local_addr().unwrap_or(config.admin),
            issuer: issuer
                .as_ref()
                .map(|(_, issuer)| issuer.issuer().to_owned()),
            connections: BTreeMap::new(),
        };
        let mut gateway = Gateway {
            options,
            config,
            state,
            log,
            door,
            mask_keys,
            identities: Arc::new(identities),
            dev_identity,
            listeners: BTreeMap::new(),
            analyser: Arc::new(Analyser::new(AnalyserLimits::default())),
            cancels: Arc::default(),
            workers: Arc::new(workers),
            draining: Vec::new(),
            log_handle,
            pages: Vec::new(),
            addresses,
        };
        if let Err(error) = gateway
            .serve(admin, issuer, sockets, prometheus, approvals)
            .await
        {
            gateway.stop_serving().await;
            gateway.close_log(&error.to_string()).await;
            return Err(error);
        }
        Ok(gateway)
    }

    async fn serve(
        &mut self,
        admin: TcpListener,
        issuer: Option<(TcpListener, DevIssuer)>,
        sockets: BTreeMap<String, TcpListener>,
        prometheus: metrics_exporter_prometheus::PrometheusHandle,
        approvals: Arc<MemoryApprovals>,
    ) -> Result<(), RunGateway> {
        let mut servings = self.servings(&self.config)?;
        if let Some((socket, issuer)) = issuer {
            tracing::warn!(
                issuer = issuer.issuer(),
                "DEVELOPMENT MODE: whoever reaches this machine's loopback gets a token for any name; never use it for real data"
            );
            self.page(socket, None, Arc::new(issuer));
        }
        tokio::spawn(metrics::gather(prometheus.clone()));
        let admin_tls = match (self.config.admin.ip().is_loopback(), self.tls()?) {
            (false, Some(tls)) => Some(tls::server_config(&tls, b"http/1.1")?),
            _ => None,
        };
        let answer = Admin {
            door: Arc::clone(&self.door),
            identities: Arc::clone(&self.identities) as Arc<dyn Authenticate>,
            log: Arc::clone(&self.log),
            log_folder: self.config.audit.dir.clone(),
            approvals,
            metrics: prometheus,
        };
        self.page(admin, admin_tls, Arc::new(answer));
        // Without a bundle the gateway serves and denies everything; `readyz` and the log say why.
        let _ = self.bring_into_force().await;
        for (name, socket) in sockets {
            let Some(serving) = servings.remove(&name) else {
                continue;
            };
            self.listen(name, socket, serving)?;
        }
        self.announce()
    }

    /// Puts the configured bundle in force, with the configured key.
    pub(crate) async fn bring_into_force(&mut self) -> Result<LoadedPolicy, LoadPolicy> {
        let (bundle, keys) = (&self.config.bundle, &mut self.mask_keys);
        let log = (self.config.audit.dir.as_path(), &*self.log);
        policy::bring_into_force(bundle, keys, &self.state, log, &self.door).await
    }

    fn page<A: web::Answer>(
        &mut self,
        socket: TcpListener,
        tls: Option<Arc<rustls::ServerConfig>>,
        answer: Arc<A>,
    ) {
        let (switch, stop) = StopSwitch::new();
        self.pages
            .push((switch, tokio::spawn(web::serve(socket, tls, answer, stop))));
    }

    /// Serves clients of the connection `name`.
    pub(crate) fn listen(
        &mut self,
        name: String,
        socket: TcpListener,
        serving: Serving,
    ) -> Result<(), RunGateway> {
        let configured = socket.local_addr().unwrap_or(self.config.admin);
        let listener = Listener::start(
            name.clone(),
            socket,
            serving,
            &self.config.limits,
            Arc::clone(&self.log),
            Arc::clone(&self.workers),
        )
        .map_err(|why| RunGateway::Bind {
            what: format!("connection `{name}`"),
            address: configured,
            why,
        })?;
        self.addresses
            .connections
            .insert(name.clone(), listener.address());
        tracing::info!(connection = name, address = %listener.address(), "accepting clients");
        self.listeners.insert(name, listener);
        Ok(())
    }

    /// The certificate shown to clients: the configured one, or with `--dev` a self-signed one.
    pub(crate) fn tls(&self) -> Result<Option<config::Tls>, LoadTls> {
        client_facing_tls(&self.config, self.options.mode)
    }

    /// What serves each of the connections in `config`.
    pub(crate) fn servings(
        &self,
        config: &Config,
    ) -> Result<BTreeMap<String, Serving>, RunGateway> {
        let shared = Shared {
            door: Arc::clone(&self.door),
            identities: Arc::clone(&self.identities) as Arc<dyn Authenticate>,
            analyser: Arc::clone(&self.analyser),
            cancels: Arc::clone(&self.cancels),
            tls: client_facing_tls(config, self.options.mode)?,
        };
        let built = config.connections.iter().map(|(name, connection)| {
            let serving = Serving::build(name, connection, &shared)?;
            Ok((name.clone(), serving))
        });
        built.collect()
    }

    /// Tells whoever waits for it where the gateway can be reached now.
    pub(crate) fn announce(&self) -> Result<(), RunGateway> {
        let Some(path) = &self.options.ready_file else {
            return Ok(());
        };
        self.addresses.write(path).map_err(RunGateway::ReadyFile)
    }

    /// Clients of the connection finish; new ones are not accepted.
    pub(crate) fn stop_listening(&mut self, name: &str) {
        self.addresses.connections.remove(name);
        if let Some(listener) = self.listeners.remove(name) {
            tracing::info!(connection = name, address = %listener.address(), "no longer accepting clients");
            self.draining.push(tokio::spawn(listener.drained()));
        }
    }

    /// Stops to accept, waits for clients, then takes down the gateway's own pages.
    async fn stop_serving(&mut self) {
        for name in self.listeners.keys().cloned().collect::<Vec<_>>() {
            self.stop_listening(&name);
        }
        for drained in &mut self.draining {
            // A fault there was logged by the listener.
            let _ = drained.await;
        }
        for (switch, page) in &mut self.pages {
            switch.stop();
            let _ = page.await;
        }
    }

    /// The last record and the last checkpoint.
    async fn close_log(&self, reason: &str) {
        self.log.record_counted_refusals();
        if let Err(unavailable) = self
            .log
            .record(Event::GatewayStopped {
                reason: reason.to_owned(),
            })
            .await
        {
            tracing::error!(%unavailable, "the stop could not be recorded");
        }
        let log = self.log_handle.clone();
        match tokio::task::spawn_blocking(move || log.close()).await {
            Ok(Ok(checkpoint)) => tracing::info!(
                records = checkpoint.size,
                "audit log closed with a checkpoint"
            ),
            Ok(Err(error)) => tracing::error!(%error, "the audit log could not be closed"),
            Err(error) => tracing::error!(%error, "the audit log could not be closed"),
        }
    }
}

/// The configured issuers and the embedded one.
pub(crate) fn trusted(config: &Config, dev: Option<&config::Identity>) -> Vec<config::Identity> {
    config.identity.iter().chain(dev).cloned().collect()
}

fn client_facing_tls(config: &Config, mode: Mode) -> Result<Option<config::Tls>, LoadTls> {
    match (&config.tls, mode) {
        (Some(tls), _) => Ok(Some(tls.clone())),
        (None, Mode::Development) => tls::development_certificate(&config.state_dir).map(Some),
        (None, Mode::Production) => Ok(None),
    }
}

pub(crate) async fn bind(what: &str, address: SocketAddr) -> Result<TcpListener, RunGateway> {
    TcpListener::bind(address)
        .await
        .map_err(|why| RunGateway::Bind {
            what: what.to_owned(),
            address,
            why,
        })
}

async fn bind_issuer(dev: &Dev) -> Result<(TcpListener, DevIssuer), RunGateway> {
    let socket = bind("the embedded issuer", dev.listen).await?;
    let address = socket.local_addr().unwrap_or(dev.listen);
    let issuer = DevIssuer::new(address, &dev.audience, dev.token_lifetime)?;
    Ok((socket, issuer))
}

/// Reads the key of the audit log.
///
/// # Errors
/// When the file is exposed, or holds no such key.
pub(crate) fn audit_key(path: &Path) -> Result<AuditKey, RunGateway> {
    let pem = read_private(path)?;
    let pem = std::str::from_utf8(&pem).unwrap_or_default();
    AuditKey::load(pem).map_err(|why| RunGateway::AuditKey {
        path: path.to_owned(),
        why,
    })
}

async fn open_log(audit: &config::Audit) -> Result<LogHandle, RunGateway> {
    let mut options = LogOptions::new(audit.origin.clone(), audit_key(&audit.signing_key)?);
    options.former_key = match &audit.former_signing_key {
        Some(path) => Some(audit_key(path)?),
        None => None,
    };
    options.reads = match audit.reads {
        config::ReadDurability::Durable => Reads::Durable,
        config::ReadDurability::Buffered => Reads::Buffered,
    };
    let path = audit.dir.clone();
    let opened =
        tokio::task::spawn_blocking(move || LogHandle::open_directory(&path, options)).await;
    let opened = opened.unwrap_or_else(|error| {
        Err(OpenLog::Io {
            file: "log directory".to_owned(),
            error: io::Error::other(error),
        })
    });
    let (log, recovery) = opened.map_err(|why| RunGateway::OpenLog {
        path: audit.dir.clone(),
        why,
    })?;
    tracing::info!(?recovery, "audit log open");
    Ok(log)
}
