//! The specs that goals can be started with by name. The folder is read at every request: a changed file serves the next
//! goal with no restart, and one that is wrong keeps its last good text, said with file, line and field.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;

use crate::contracts::failure::{Failure, FailureKind};
use crate::contracts::text;
use crate::coordinator::error::ApiError;
use crate::spec::library::{Library, Spec};

/// Shared by all requests.
#[derive(Clone, Debug)]
pub struct Specs(Arc<Mutex<Library>>);

impl Specs {
    pub fn open(folder: &Path) -> Self {
        Self(Arc::new(Mutex::new(Library::open(folder))))
    }

    /// All of them as they are now.
    pub async fn now(&self) -> Result<Library, ApiError> {
        let shared = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || {
            let mut library = shared.lock().unwrap_or_else(PoisonError::into_inner);
            library.refresh();
            library.clone()
        });
        read.await.map_err(|error| {
            let failure = Failure::new(FailureKind::Internal, format!("The specs cannot be read: {error}."), "");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, failure)
        })
    }

    /// The spec of this name as it is now.
    pub async fn named(&self, name: &str) -> Result<Spec, ApiError> {
        let library = self.now().await?;
        if let Some(spec) = library.find(name) {
            if let Some(problem) = library.trouble_of(name) {
                tracing::warn!(%problem, "a spec is served in its last good text");
            }
            return Ok(spec.clone());
        }
        let failure = library.trouble_of(name).cloned().map_or_else(|| unknown(&library, name), Failure::from);
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, failure))
    }
}

fn unknown(library: &Library, name: &str) -> Failure {
    let known: Vec<&str> = library.specs().map(|spec| spec.pin.name.as_str()).collect();
    let message = format!("There is no spec `{}`.", text::line(name));
    Failure::new(FailureKind::Invalid, message, format!("There are {}.", text::line(&known.join(", "))))
}
