//! `[coordinator.nats]`: the queue that agents' answers are taken from, beside the webhook.

use url::Url;

use crate::config::problem::Problem;
use crate::config::raw;
use crate::config::settings::{Nats, NatsLogin, ServiceAccount};
use crate::config::validate::Check;
use crate::config::web;

const URL: &str = "coordinator.nats.url";
const ACCOUNT: &str = "coordinator.nats.account";

impl Check<'_> {
    pub(super) fn nats(&self, raw: &raw::Nats, accounts: &[ServiceAccount]) -> Result<Nats, Problem> {
        let url = self.nats_url(raw.url.as_deref())?;
        let login = self.nats_login(raw)?;
        if login.is_some() && url.scheme() == "nats" && !is_here(&url) && raw.allow_plaintext != Some(true) {
            return Err(self.wrong(
                URL,
                format!("{url} is plaintext to another machine: the credentials would travel in clear."),
                "Use `tls://`, or set coordinator.nats.allow_plaintext where the network itself is private.",
            ));
        }
        let account = self.required(ACCOUNT, raw.account.as_deref())?;
        if !accounts.iter().any(|known| known.name == account) {
            let why = format!("There is no service account `{account}`.");
            return Err(self.wrong(
                ACCOUNT,
                why,
                "Name one of coordinator.service_accounts: its roles and tenants hold.",
            ));
        }
        let name = |key: &str, written: Option<&String>, default: &str| {
            let name = written.map_or(default, String::as_str);
            let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            let wrong = || self.wrong(key, format!("`{name}` is no name of one."), "Use letters, digits, `-` and `_`.");
            fits.then(|| name.to_owned()).ok_or_else(wrong)
        };
        let subject = |key: &str, name: &str| {
            let fits = name.split('.').all(|part| !part.is_empty() && !part.contains(|c: char| c.is_whitespace()));
            let wrong = || self.wrong(key, format!("`{name}` is no subject."), "Write it like `agents.answers`.");
            fits.then(|| name.to_owned()).ok_or_else(wrong)
        };
        let taken = subject("coordinator.nats.subject", raw.subject.as_deref().unwrap_or("agents.answers"))?;
        let refused = raw.refused_subject.as_deref();
        let refused = refused.map(|name| subject("coordinator.nats.refused_subject", name)).transpose()?;
        if let Some(refused) = refused.as_deref().filter(|refused| takes(&taken, refused)) {
            return Err(self.wrong(
                "coordinator.nats.refused_subject",
                format!("`{refused}` is taken in again by `{taken}`: what is refused would come back for ever."),
                "Name a subject without wildcards outside coordinator.nats.subject.",
            ));
        }
        Ok(Nats {
            login,
            account,
            stream: name("coordinator.nats.stream", raw.stream.as_ref(), "AGENT_ANSWERS")?,
            consumer: name("coordinator.nats.consumer", raw.consumer.as_ref(), "gatewatch")?,
            subject: taken,
            refused_subject: refused,
            url,
        })
    }

    fn nats_url(&self, written: Option<&str>) -> Result<Url, Problem> {
        let written = self.required(URL, written)?;
        let url = Url::parse(&written).ok().filter(|url| url.has_host() && matches!(url.scheme(), "nats" | "tls"));
        let why = || format!("`{}` is no address of NATS.", web::shown(&written));
        let url = url.ok_or_else(|| self.wrong(URL, why(), "Write it like `nats://127.0.0.1:4222`."))?;
        if !url.username().is_empty() || url.password().is_some() {
            let fix = "Give user and password_file, or token_file.";
            return Err(self.wrong(URL, "Credentials do not belong into the address.", fix));
        }
        Ok(url)
    }

    fn nats_login(&self, raw: &raw::Nats) -> Result<Option<NatsLogin>, Problem> {
        match (&raw.token_file, &raw.user, &raw.password_file) {
            (None, None, None) => Ok(None),
            (Some(file), None, None) => {
                let token = self.secret("coordinator.nats.token_file", file)?;
                Ok(Some(NatsLogin::Token(token)))
            }
            (None, Some(user), Some(file)) => {
                let password = self.secret("coordinator.nats.password_file", file)?;
                Ok(Some(NatsLogin::Password { user: user.clone(), password }))
            }
            _ => Err(self.wrong(
                "coordinator.nats.user",
                "These are no whole credentials.",
                "Give token_file alone, or user and password_file.",
            )),
        }
    }
}

/// `url` reads numbers as names where it does not know the scheme.
fn is_here(url: &Url) -> bool {
    let web = url.host_str().and_then(|host| Url::parse(&format!("http://{host}")).ok());
    web.is_some_and(|web| web::is_loopback(&web))
}

/// Whether NATS gives what is sent to `other` to whoever listens to `subject`. One with wildcards can be sent to nobody.
fn takes(subject: &str, other: &str) -> bool {
    let (mut wanted, mut words) = (subject.split('.'), other.split('.'));
    if other.split('.').any(|word| matches!(word, "*" | ">")) {
        return true;
    }
    loop {
        match (wanted.next(), words.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            (Some(_) | None, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn what_is_refused_must_not_come_back() {
        for (subject, other) in
            [("agents.>", "agents.refused"), ("agents.*", "agents.refused"), ("a.b", "a.b"), ("a", "b.>")]
        {
            assert!(takes(subject, other), "{subject} {other}");
        }
        for (subject, other) in
            [("agents.answers", "agents.refused"), ("agents.*", "agents.a.b"), ("agents.>", "agents")]
        {
            assert!(!takes(subject, other), "{subject} {other}");
        }
    }
}
