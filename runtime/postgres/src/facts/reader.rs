//! What a session's texts are read by: the analyser, and what names mean in this session. Judges nothing.

use std::sync::Arc;

use hpol_operation::sql::{Analyser, Catalogue, NamedTexts, SqlAnalysis, SqlRefusal, SqlSession};

use super::Reading;
use super::exposed::Exposed;

/// What a session's texts are read by: the analyser, and what names mean in this session.
#[derive(Debug)]
pub(crate) struct Reader {
    analyser: Arc<Analyser>,
    session: SqlSession,
    /// The search path at login.
    login_path: Vec<String>,
    catalogue: Arc<Catalogue>,
    exposed: Arc<Exposed>,
}

impl Reader {
    pub(crate) fn new(
        analyser: Arc<Analyser>,
        search_path: Vec<String>,
        catalogue: Arc<Catalogue>,
    ) -> Reader {
        let session = SqlSession {
            search_path: search_path.clone(),
            catalogue: Some(Arc::clone(&catalogue)),
        };
        Reader {
            analyser,
            session,
            login_path: search_path,
            catalogue,
            exposed: Arc::default(),
        }
    }

    /// The search path is empty from now on.
    pub(crate) fn empty_search_path(&mut self) {
        self.session.search_path.clear();
    }

    /// The search path is that of the login again.
    pub(crate) fn reset_search_path(&mut self) {
        self.session.search_path.clone_from(&self.login_path);
    }

    pub(crate) fn has_empty_path(&self) -> bool {
        self.session.search_path.is_empty()
    }

    /// Whether this is the catalogue that texts are read by now.
    pub(crate) fn has(&self, catalogue: &Arc<Catalogue>) -> bool {
        Arc::ptr_eq(&self.catalogue, catalogue)
    }

    pub(crate) fn replace_catalogue(&mut self, catalogue: Arc<Catalogue>) {
        self.session.catalogue = Some(Arc::clone(&catalogue));
        self.catalogue = catalogue;
    }

    /// The analysis of `text`. Parsing is long work, so it does not run on a thread that serves other connections.
    pub(crate) async fn read(&self, text: &str) -> Result<Reading, SqlRefusal> {
        let analysis = match self.analyser.cached(text, &self.session) {
            Some(analysis) => analysis,
            None => {
                let (analyser, session, text) = (
                    Arc::clone(&self.analyser),
                    self.session.clone(),
                    text.to_owned(),
                );
                tokio::task::spawn_blocking(move || analyser.analyse(&text, &session))
                    .await
                    .map_err(|_| SqlRefusal::Internal)??
            }
        };
        Ok(self.reading(analysis, Arc::clone(&self.catalogue)))
    }

    /// The analysis of `text`, where the names it uses stand for `named`. Tables mean what they meant in `catalogue`, for
    /// cursors that were declared then; `None` is now.
    pub(crate) async fn read_named(
        &self,
        text: &str,
        named: NamedTexts,
        catalogue: Option<Arc<Catalogue>>,
    ) -> Result<Reading, SqlRefusal> {
        let catalogue = catalogue.unwrap_or_else(|| Arc::clone(&self.catalogue));
        let session = SqlSession {
            search_path: self.session.search_path.clone(),
            catalogue: Some(Arc::clone(&catalogue)),
        };
        let (analyser, text) = (Arc::clone(&self.analyser), text.to_owned());
        let analysis =
            tokio::task::spawn_blocking(move || analyser.analyse_named(&text, &session, named))
                .await
                .map_err(|_| SqlRefusal::Internal)??;
        Ok(self.reading(analysis, catalogue))
    }

    fn reading(&self, analysis: Arc<SqlAnalysis>, catalogue: Arc<Catalogue>) -> Reading {
        Reading {
            analysis,
            catalogue,
            stale: false,
            names: Arc::default(),
            kept: Arc::default(),
            exposed: Arc::clone(&self.exposed),
        }
    }
}
