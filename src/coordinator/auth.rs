//! Who asks: bearer token → SHA-256 → person → permission. The coordinator never holds a token, only digests.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use crate::config::settings::{Permission, Person};
use crate::contracts::hex;
use crate::contracts::ids::WorkflowId;
use crate::contracts::roster::HeldBack;
use crate::coordinator::error::ApiError;
use crate::coordinator::state::AppState;

/// The people a coordinator knows, with their digests decoded once.
#[derive(Clone, Debug)]
pub struct People(Vec<([u8; 32], Person)>);

impl People {
    /// A person whose digest is not 64 hex digits can never be recognised: says who.
    pub fn new(people: Vec<Person>) -> Result<Self, String> {
        let decode = |person: Person| match decode_digest(&person.token_sha256) {
            Some(digest) => Ok((digest, person)),
            None => Err(format!("the token_sha256 of `{}` is not a SHA-256 in hex (64 digits)", person.name)),
        };
        people.into_iter().map(decode).collect::<Result<_, _>>().map(Self)
    }

    /// Looks at every person, whoever matches, and at every byte: the time taken tells nothing.
    fn find(&self, token: &[u8]) -> Option<&Person> {
        let digest = digest(token);
        let mut found = None;
        for (expected, person) in &self.0 {
            if same(expected, &digest) {
                found = Some(person);
            }
        }
        found
    }
}

pub(super) fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Takes the same time whatever differs.
pub(super) fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |difference, (a, b)| std::hint::black_box(difference | (a ^ b))) == 0
}

pub(super) fn decode_digest(digest: &str) -> Option<[u8; 32]> {
    hex::decode(digest)?.try_into().ok()
}

/// Somebody the coordinator knows. A handler that takes this is closed to everybody else.
#[derive(Clone, Debug)]
pub struct Caller(Person);

impl Caller {
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub fn must(&self, permission: Permission) -> Result<(), ApiError> {
        if self.0.may.contains(&permission) {
            return Ok(());
        }
        let what = match permission {
            Permission::Decide => "decide gates",
            Permission::Rollback => "roll back",
            Permission::Operate => "operate goals",
        };
        Err(ApiError::denied(format!("{} may not {what}.", self.0.name)))
    }

    /// Whether this workflow is theirs to see.
    pub fn sees(&self, workflow: &WorkflowId) -> bool {
        self.tenants().is_empty() || self.tenants().iter().any(|tenant| workflow.is_of(tenant))
    }

    /// Tenants whose workflows they may see and touch; none means all.
    pub fn tenants(&self) -> &[String] {
        &self.0.tenants
    }

    /// What they may be told of a limit: of one that all share, no more than that it is reached.
    pub fn told_of(&self, held: HeldBack) -> Option<HeldBack> {
        match &held.tenant {
            _ if self.tenants().is_empty() => Some(held),
            None => Some(HeldBack { calls: held.most, called_back: 0, steps: 0, ..held }),
            Some(tenant) => self.tenants().contains(tenant).then_some(held),
        }
    }

    /// Refused by its id alone, before anybody is asked: whether it exists shows in nothing.
    pub fn must_see(&self, workflow: &WorkflowId) -> Result<(), ApiError> {
        if self.sees(workflow) {
            return Ok(());
        }
        let tenants = self.tenants().join(", ");
        Err(ApiError::denied(format!("{} may only see and touch workflows of {tenants}.", self.0.name)))
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let person = state.people().find(bearer_token(&parts.headers)?);
        person.cloned().map(Self).ok_or_else(|| ApiError::unauthenticated("Nobody has this token."))
    }
}

/// The one bearer token of a request.
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&[u8], ApiError> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = headers.next() else {
        return Err(ApiError::unauthenticated("The request carries no bearer token."));
    };
    if headers.next().is_some() {
        return Err(ApiError::unauthenticated("The request carries more than one `Authorization` header."));
    }
    bearer(header.as_bytes())
        .ok_or_else(|| ApiError::unauthenticated("The `Authorization` header is not `Bearer TOKEN`."))
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::{Caller, Person};
    use crate::contracts::roster::HeldBack;

    #[test]
    fn who_is_bound_to_a_tenant_is_told_nothing_of_others() {
        let caller = |tenants: &[&str]| {
            let tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
            Caller(Person { name: "tara".to_owned(), token_sha256: String::new(), may: Vec::new(), tenants })
        };
        let held = |tenant: Option<&str>, calls, called_back, steps| HeldBack {
            tenant: tenant.map(str::to_owned),
            calls,
            called_back,
            most: 4,
            steps,
        };
        let (shared, own, others) = (held(None, 5, 2, 3), held(Some("acme"), 4, 1, 2), held(Some("umbrella"), 4, 1, 2));
        for (tenants, given, told) in [
            (&[][..], &others, Some(others.clone())),
            (&["acme"], &own, Some(own.clone())),
            (&["acme"], &others, None),
            (&["acme"], &shared, Some(held(None, 4, 0, 0))),
            (&[], &shared, Some(shared.clone())),
        ] {
            assert_eq!(caller(tenants).told_of(given.clone()), told, "{tenants:?} {given:?}");
        }
    }
}
