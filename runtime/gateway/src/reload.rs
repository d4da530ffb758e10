//! SIGHUP: the configuration and the bundle are read again. All of a configuration is applied or none of it; a part that
//! needs a restart is named. Open sessions go on, and their next operation is judged by the bundle then in force.

use hpol_evidence::record::Event;

use crate::config::{Config, Limits};
use crate::mask_key::ConfiguredKey;
use crate::policy::LoadedPolicy;
use crate::run::{Gateway, RunGateway, bind, trusted};

impl Gateway {
    /// Applies what changed. Whatever is wrong with it leaves the old in force.
    pub(crate) async fn reload(&mut self) {
        if let Err(refused) = self.reconfigure().await {
            tracing::error!(%refused, "configuration refused; the one in force stays");
            let event = Event::ConfigurationRefused {
                reason: refused.to_string(),
            };
            if let Err(unavailable) = self.log.record(event).await {
                tracing::error!(%unavailable, "the refused configuration could not be recorded");
            }
        }
        if let Err(error) = self.announce() {
            tracing::error!(%error, "where the gateway listens now is not told");
        }
        if let Ok(LoadedPolicy::Unchanged) = self.bring_into_force().await {
            tracing::info!("the bundle did not change");
        }
    }

    async fn reconfigure(&mut self) -> Result<(), RunGateway> {
        let offered = Config::load(&self.options.config, self.options.mode)?;
        // Everything that can fail comes before the first change.
        let mut servings = self.servings(&offered)?;
        let mask_key = ConfiguredKey::read(offered.mask_key.as_deref())?;
        let mut fresh = Vec::new();
        for (name, connection) in &offered.connections {
            let current = self.config.connections.get(name);
            if current.is_none_or(|current| current.listen != connection.listen) {
                fresh.push((
                    name.clone(),
                    bind(&format!("connection `{name}`"), connection.listen).await?,
                ));
            }
        }
        let identities = self
            .identities
            .prepare(&trusted(&offered, self.dev_identity.as_ref()))?;
        if offered.digest != self.config.digest {
            let event = Event::ConfigurationLoaded {
                config: offered.digest.clone(),
            };
            self.log.record(event).await?;
        }
        self.identities.adopt(identities);
        self.mask_keys.configured = mask_key;
        self.draining.retain(|listener| !listener.is_finished());
        let moved = |name: &String| fresh.iter().any(|(other, _)| other == name);
        let gone: Vec<String> = self
            .listeners
            .keys()
            .filter(|name| !offered.connections.contains_key(*name) || moved(name))
            .cloned()
            .collect();
        for name in gone {
            self.stop_listening(&name);
        }
        for (name, socket) in fresh {
            if let Some(serving) = servings.remove(&name) {
                self.listen(name, socket, serving)?;
            }
        }
        for (name, serving) in servings {
            if let Some(listener) = self.listeners.get(&name) {
                listener.replace(serving);
            }
        }
        self.adopt(offered);
        Ok(())
    }

    /// Takes over what was applied and names what was not.
    fn adopt(&mut self, offered: Config) {
        let fixed = [
            ("[audit]", offered.audit != self.config.audit),
            ("[state]", offered.state_dir != self.config.state_dir),
            ("[admin]", offered.admin != self.config.admin),
            ("[dev]", offered.dev != self.config.dev),
            (
                "[limits] pending_approvals",
                offered.limits.pending_approvals != self.config.limits.pending_approvals,
            ),
            ("[log]", offered.log != self.config.log),
        ];
        for (section, _) in fixed.iter().filter(|(_, changed)| *changed) {
            tracing::warn!(
                section,
                "changed, and needs a restart; the old values stay in force until then"
            );
        }
        self.config = Config {
            audit: self.config.audit.clone(),
            state_dir: self.config.state_dir.clone(),
            admin: self.config.admin,
            dev: self.config.dev.clone(),
            limits: Limits {
                pending_approvals: self.config.limits.pending_approvals,
                ..offered.limits
            },
            log: self.config.log.clone(),
            ..offered
        };
        for listener in self.listeners.values() {
            listener.limit(&self.config.limits);
        }
        tracing::info!(config = self.config.digest, "configuration applied");
    }
}
