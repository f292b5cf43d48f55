//! Evaluating gates: evidence is looked at now, in the commit and in the live system, and judged.

use std::time::{Duration, Instant};

use crate::activities::body;
use crate::activities::checks::catalogue::{CATALOGUE, Evidence, Gate};
use crate::activities::checks::rehearsal;
use crate::activities::checks::reports::{self, Sla, Verdict};
use crate::activities::git::repository::{Commit, Repository};
use crate::activities::monitor::{probe, setup};
use crate::activities::services::Services;
use crate::config::settings::Service;
use crate::contracts::evidence::{Check, CheckStatus};
use crate::contracts::temporal::activities::Subject;

/// How many requests the latency is measured with.
const REQUESTS: usize = 20;

/// The commit that is looked at, and the service as it runs now.
pub struct Examined<'a> {
    services: &'a Services,
    service: &'a Service,
    repository: Repository<'a>,
    commit: Commit,
}

impl<'a> Examined<'a> {
    pub async fn of(services: &'a Services, subject: &Subject) -> anyhow::Result<Self> {
        let service = services.of(subject)?;
        let repository = Repository::at(&service.repository);
        let commit = repository.commit(&subject.commit).await?;
        Ok(Self { services, service, repository, commit })
    }

    /// Every gate of the catalogue.
    pub async fn all(&self) -> anyhow::Result<Vec<Check>> {
        let mut checks = Vec::with_capacity(CATALOGUE.len());
        for gate in &CATALOGUE {
            checks.push(self.gate(gate).await?);
        }
        Ok(checks)
    }

    /// The gate of that id.
    pub async fn one(&self, id: &str) -> anyhow::Result<Check> {
        let gate = CATALOGUE.iter().find(|gate| gate.id == id);
        self.gate(gate.ok_or_else(|| anyhow::anyhow!("the catalogue has no gate `{id}`"))?).await
    }

    async fn gate(&self, gate: &Gate) -> anyhow::Result<Check> {
        let waived = self.service.not_applicable.iter().any(|id| id == gate.id);
        let verdict = if waived {
            Verdict::NotApplicable(format!("the settings of `{}` say so", self.service.name))
        } else {
            self.evidence(gate.evidence).await?
        };
        let (status, detail) = match verdict {
            Verdict::Passed(detail) => (CheckStatus::Passed, detail),
            Verdict::Failed(detail) => (CheckStatus::Failed, detail),
            Verdict::NotApplicable(detail) => (CheckStatus::NotApplicable, detail),
        };
        Ok(Check {
            id: gate.id.to_owned(),
            title: gate.title.to_owned(),
            status,
            critical: gate.critical,
            weight: gate.weight,
            detail,
            source: gate.evidence.source().to_owned(),
        })
    }

    async fn evidence(&self, evidence: Evidence) -> anyhow::Result<Verdict> {
        match evidence {
            Evidence::Report { path, judge } => {
                Ok(self.report(path).await?.map_or_else(|missing| missing, |report| judge(&report)))
            }
            Evidence::Latency { path } => match self.report(path).await? {
                Ok(report) => Ok(self.latency(&report).await),
                Err(missing) => Ok(missing),
            },
            Evidence::Rehearsal => rehearsal::run(self.service, &self.commit.sha).await,
            Evidence::Changelog { path } => self.changelog(path).await,
            Evidence::Scrape => Ok(self.scrape().await),
        }
    }

    async fn report(&self, path: &str) -> anyhow::Result<Result<Vec<u8>, Verdict>> {
        let report = self.repository.file(&self.commit, path).await?;
        Ok(report.ok_or_else(|| Verdict::Failed(format!("commit {} has no {path}", self.commit.sha.short()))))
    }

    async fn latency(&self, report: &[u8]) -> Verdict {
        let sla: Sla = match reports::read(report) {
            Ok(sla) => sla,
            Err(unreadable) => return unreadable,
        };
        let mut took = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            let asked = Instant::now();
            if let Err(error) = self.visit().await {
                return Verdict::Failed(format!("the live service cannot be measured: {error:#}"));
            }
            took.push(asked.elapsed());
        }
        took.sort();
        let p95 = took.get(REQUESTS * 95 / 100 - 1).map_or(0.0, Duration::as_secs_f64) * 1000.0;
        let detail = format!("p95 {p95:.1} ms of {REQUESTS} requests, limit {} ms", sla.p95_ms);
        if p95 <= sla.p95_ms { Verdict::Passed(detail) } else { Verdict::Failed(detail) }
    }

    async fn visit(&self) -> anyhow::Result<()> {
        let answer = self.services.http().get(self.service.public_url.clone()).send().await?;
        body::read(answer.error_for_status()?).await.map(drop)
    }

    async fn changelog(&self, path: &str) -> anyhow::Result<Verdict> {
        let Some(version) = self.repository.line(&self.commit, "VERSION").await? else {
            return Ok(Verdict::Failed("the commit has no file VERSION that names its release".to_owned()));
        };
        let text = match self.report(path).await? {
            Ok(text) => text,
            Err(missing) => return Ok(missing),
        };
        let text = String::from_utf8_lossy(&text);
        Ok(match text.lines().find(|line| mentions(line, &version)) {
            Some(line) => Verdict::Passed(format!("it says: {}", line.trim())),
            None => Verdict::Failed(format!("it does not mention {version}")),
        })
    }

    async fn scrape(&self) -> Verdict {
        let look = probe::look(self.services, self.service, Services::HTTP_DEADLINE).await;
        if !look.healthy {
            let found =
                look.http_status.map_or_else(|| "no answer".to_owned(), |status| format!("it answers {status}"));
            return Verdict::Failed(format!("the health endpoint does not do: {found}"));
        }
        match probe::metrics(self.services, self.service, Services::HTTP_DEADLINE).await {
            Ok(metrics) if metrics.has_requests && metrics.has_durations => {
                Verdict::Passed("health, requests and response times can be read".to_owned())
            }
            Ok(metrics) => Verdict::Failed(setup::missing(&metrics)),
            Err(error) => Verdict::Failed(format!("the metrics cannot be read: {error:#}")),
        }
    }
}

/// Whether a line names the version as a word, with its `v` or without.
fn mentions(line: &str, version: &str) -> bool {
    let bare = version.strip_prefix('v').filter(|bare| bare.starts_with(|c: char| c.is_ascii_digit()));
    let part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    line.split(|c: char| !part(c)).map(|word| word.trim_matches('.')).any(|word| word == version || Some(word) == bare)
}
