//! `[[coordinator.service_accounts]]`: who may answer for agents.

use std::collections::BTreeSet;

use secrecy::SecretString;

use crate::config::problem::Problem;
use crate::config::raw;
use crate::config::settings::ServiceAccount;
use crate::config::validate::Check;
use crate::contracts::ids::WorkflowId;

impl Check<'_> {
    pub(super) fn service_accounts(&self, raw: &[raw::ServiceAccount]) -> Result<Vec<ServiceAccount>, Problem> {
        let mut names = BTreeSet::new();
        let mut accounts = Vec::with_capacity(raw.len());
        for (at, raw) in raw.iter().enumerate() {
            let account = self.service_account(at, raw)?;
            if !names.insert(account.name.clone()) {
                let why = format!("There are two service accounts `{}`.", account.name);
                return Err(self.wrong(
                    &format!("coordinator.service_accounts[{at}].name"),
                    why,
                    "Rename one of them.",
                ));
            }
            accounts.push(account);
        }
        Ok(accounts)
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
