//! Names and numbers that identify things. One type each, so that a gate can never be passed for a workflow.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! string_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(String);

        impl $name {
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }
    )+};
}

string_id! {
    /// A Temporal workflow id: what people name, stable over continue-as-new.
    WorkflowId,
    /// One run of a workflow.
    RunId,
    /// A Temporal workflow type, such as `ProductionDeploymentWorkflow`.
    WorkflowType,
    /// A gate of a workflow, such as `production-approval`.
    GateId,
    /// One decision of one person. It is the update id, so a repeated decision has one effect.
    DecisionId,
    /// One deployment of one version. A deployment asked for twice under one id happens once.
    DeploymentId,
    /// One request to roll back. Any number of requests lead to one rollback.
    RequestId,
    /// A git commit, in full.
    CommitSha,
    /// What a service calls its release, such as `v42`.
    Version,
    /// A deployable service, such as `checkout`: the key of its settings.
    ServiceName,
    /// SHA-256, in hex, of the evidence a person saw.
    EvidenceDigest,
    /// An end-to-end job of the engine, stable over everything that is done for it.
    GoalId,
    /// One requested piece of work of a goal, such as `implementation-1`.
    StepId,
    /// One attempt of a step: `runId` on the wire, as the seeds have it.
    AttemptId,
    /// What a step asks for, such as `IMPLEMENTATION`. Rules match on it, never on a step id.
    WorkKind,
    /// The name of an engine spec, such as `codegen`.
    SpecName,
    /// SHA-256, in hex, of a spec document: what a running goal is pinned to.
    SpecHash,
    /// Where a release runs, such as `production`.
    Environment,
}

/// What ends the name of a tenant at the beginning of its workflows' ids.
const OF_TENANT: char = ':';

impl WorkflowId {
    /// Whose it is: what its id begins with, as in `acme:checkout-42`.
    pub fn tenant(&self) -> Option<&str> {
        self.0.split_once(OF_TENANT).map(|(tenant, _)| tenant).filter(|tenant| !tenant.is_empty())
    }

    /// Whether it is this tenant's.
    pub fn is_of(&self, tenant: &str) -> bool {
        self.0.strip_prefix(tenant).is_some_and(|rest| rest.starts_with(OF_TENANT))
    }

    /// The same as this tenant's own; as it is where it begins with the tenant's name already.
    #[must_use]
    pub fn for_tenant(self, tenant: &str) -> Self {
        if self.is_of(tenant) { self } else { Self(format!("{tenant}{OF_TENANT}{}", self.0)) }
    }

    /// Whether this can be the name of a tenant. It stands in ids, in queries and in files.
    pub fn is_tenant(name: &str) -> bool {
        !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    }
}

impl StepId {
    /// `<kind in kebab case>-<number>`: what a step is called when nobody has named it.
    pub fn numbered(kind: &WorkKind, number: u64) -> Self {
        Self(format!("{}-{number}", kind.as_str().to_lowercase().replace('_', "-")))
    }
}

impl Environment {
    pub const PRODUCTION: &'static str = "production";

    pub fn production() -> Self {
        Self::new(Self::PRODUCTION)
    }

    pub fn is_production(&self) -> bool {
        self.0 == Self::PRODUCTION
    }
}

impl CommitSha {
    /// The seven characters people read.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl EvidenceDigest {
    /// `5d2c…91`: enough to compare by eye, never used to compare by machine.
    pub fn short(&self) -> String {
        match (self.0.get(..4), self.0.get(self.0.len().saturating_sub(2)..)) {
            (Some(head), Some(tail)) if self.0.len() > 8 => format!("{head}…{tail}"),
            _ => self.0.clone(),
        }
    }
}
