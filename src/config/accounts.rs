//! `[[coordinator.people]]` and `[[coordinator.service_accounts]]`: who may decide, and who may answer for agents.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::config::problem::Problem;
use crate::config::raw;
use crate::config::settings::{Permission, Person, ServiceAccount};
use crate::config::validate::Check;
use crate::contracts::ids::WorkflowId;

impl Check<'_> {
    pub(super) fn service_accounts(&self, raw: &[raw::ServiceAccount]) -> Result<Vec<ServiceAccount>, Problem> {
        let accounts = raw.iter().enumerate().map(|(at, raw)| self.service_account(at, raw));
        let accounts: Vec<_> = accounts.collect::<Result<_, _>>()?;
        let names = accounts.iter().map(|account| account.name.as_str());
        self.named_once("coordinator.service_accounts", "service accounts", names)?;
        Ok(accounts)
    }

    pub(super) fn people(&self, raw: &[raw::Person]) -> Result<Vec<Person>, Problem> {
        let people = raw.iter().enumerate().map(|(at, raw)| self.person(at, raw));
        let people: Vec<_> = people.collect::<Result<_, _>>()?;
        self.named_once("coordinator.people", "people", people.iter().map(|person| person.name.as_str()))?;
        Ok(people)
    }

    /// Who did what is told by name, so no name stands for two.
    pub(super) fn named_once<'a>(
        &self,
        key: &str,
        what: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<(), Problem> {
        let mut known = BTreeMap::new();
        for (at, name) in names.enumerate() {
            if let Some(first) = known.insert(name, at) {
                let why = format!("There are two {what} called `{name}`: {key}[{first}] and {key}[{at}].");
                return Err(self.wrong(&format!("{key}[{at}].name"), why, "Give each a name of its own."));
            }
        }
        Ok(())
    }

    fn person(&self, at: usize, raw: &raw::Person) -> Result<Person, Problem> {
        let key = |name: &str| format!("coordinator.people[{at}].{name}");
        let token_sha256 = self.required(&key("token_sha256"), raw.token_sha256.as_deref())?;
        let token_sha256 = self.digest(&key("token_sha256"), &token_sha256)?;
        let may = raw.may.iter().map(|word| match word.as_str() {
            "decide" => Ok(Permission::Decide),
            "rollback" => Ok(Permission::Rollback),
            "operate" => Ok(Permission::Operate),
            _ => Err(self.wrong(
                &key("may"),
                format!("There is no permission `{word}`."),
                "The permissions are `decide`, `rollback` and `operate`.",
            )),
        });
        Ok(Person {
            name: self.required(&key("name"), raw.name.as_deref())?,
            token_sha256,
            may: may.collect::<Result<_, _>>()?,
            tenants: self.tenants(&key("tenants"), &raw.tenants)?,
        })
    }

    fn service_account(&self, at: usize, raw: &raw::ServiceAccount) -> Result<ServiceAccount, Problem> {
        let key = |name: &str| format!("coordinator.service_accounts[{at}].{name}");
        let name = self.required(&key("name"), raw.name.as_deref())?;
        let token_sha256 = raw.token_sha256.as_deref();
        let token_sha256 = token_sha256.map(|digest| self.digest(&key("token_sha256"), digest)).transpose()?;
        let secrets = raw.webhook_secrets_file.as_deref();
        let webhook_secrets = match secrets {
            None => Vec::new(),
            Some(file) => self.webhook_secrets(&key("webhook_secrets_file"), file)?,
        };
        if token_sha256.is_none() && webhook_secrets.is_empty() {
            return Err(self.wrong(
                &key("token_sha256"),
                format!("The service account `{name}` has neither a token nor a webhook secret."),
                "Give token_sha256, webhook_secrets_file or both.",
            ));
        }
        let tenants = self.tenants(&key("tenants"), &raw.tenants)?;
        Ok(ServiceAccount { name, token_sha256, webhook_secrets, roles: raw.roles.clone(), tenants })
    }

    /// Names of tenants, as workflow ids begin with them.
    pub(super) fn tenants(&self, key: &str, written: &[String]) -> Result<Vec<String>, Problem> {
        if let Some(wrong) = written.iter().find(|name| !WorkflowId::is_tenant(name)) {
            let fix = "Use up to 60 letters, digits, `-`, `_` and `.`; the colon that follows in ids is left out.";
            return Err(self.wrong(key, format!("`{wrong}` is no name of a tenant."), fix));
        }
        Ok(written.to_vec())
    }

    /// One secret a line: while secrets are rotated there are two.
    fn webhook_secrets(&self, key: &str, file: &str) -> Result<Vec<SecretString>, Problem> {
        let text = self.read(key, file)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let secrets: Vec<SecretString> = lines.map(SecretString::from).collect();
        if secrets.is_empty() {
            return Err(self.wrong(key, "The file holds no secret.", "Write one `whsec_...` a line into it."));
        }
        Ok(secrets)
    }
}
