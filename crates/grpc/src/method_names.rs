//! The names of rpcs in logs and metrics.

use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::HashSet;
use std::sync::Arc;

/// The name of every unknown rpc: a client's text must not become a metric's label.
const UNMATCHED: &str = "unmatched";

/// The number of characters of an unknown name that the answer repeats.
const MOST_ECHOED: usize = 200;

/// The full names of the methods that are served, such as `user.UserQueryService/GetUserByID`.
#[derive(Debug)]
pub(crate) struct Rpcs {
    names: HashSet<Arc<str>>,
    unmatched: Arc<str>,
}

impl Rpcs {
    /// The methods in these encoded `google.protobuf.FileDescriptorSet`s.
    ///
    /// # Errors
    /// That a set cannot be decoded.
    pub(crate) fn read(descriptor_sets: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut names = HashSet::new();
        for descriptor_set in descriptor_sets {
            for file in FileDescriptorSet::decode(*descriptor_set)?.file {
                for service in &file.service {
                    names.extend(
                        service.method.iter().map(|method| {
                            Arc::from(format!("{}.{}/{}", file.package(), service.name(), method.name()))
                        }),
                    );
                }
            }
        }
        Ok(Self { names, unmatched: UNMATCHED.into() })
    }

    pub(crate) fn find(&self, path: &str) -> RpcMatch {
        let asked = path.strip_prefix('/').unwrap_or(path);
        if let Some(name) = path.strip_prefix('/').and_then(|name| self.names.get(name)) {
            return RpcMatch { name: Arc::clone(name), unknown: None };
        }
        RpcMatch { name: Arc::clone(&self.unmatched), unknown: Some(self.explain(asked)) }
    }

    /// The message for an unknown name, as Go's servers write it.
    fn explain(&self, asked: &str) -> String {
        let (service, method) = asked.rsplit_once('/').unwrap_or((asked, ""));
        let is_served = |name: &Arc<str>| name.rsplit_once('/').is_some_and(|(known, _)| known == service);
        if self.names.iter().any(is_served) {
            format!("unknown method {} for service {service}", shortened(method))
        } else {
            format!("unknown service {}", shortened(service))
        }
    }
}

/// The rpc that a request's path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcMatch {
    /// The method's name for logs and metrics.
    pub(crate) name: Arc<str>,
    /// The message for the caller, where the rpc is unknown.
    pub(crate) unknown: Option<String>,
}

/// Shortens a client's text for the answer's metadata, where each byte may become three.
fn shortened(text: &str) -> String {
    text.chars().take(MOST_ECHOED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_served_has_a_name() {
        let rpcs = Rpcs::read(&[crate::DESCRIPTOR_SET]).unwrap();
        let known = rpcs.find("/user.UserQueryService/GetUserByID");
        assert_eq!((&*known.name, known.unknown), ("user.UserQueryService/GetUserByID", None));
        for path in
            ["/", "", "/user.UserQueryService", "/user.UserQueryService/Guess", "user.UserQueryService/GetUserByID"]
        {
            let asked = rpcs.find(path);
            assert_eq!(&*asked.name, UNMATCHED, "{path:?}");
            assert!(asked.unknown.is_some(), "{path:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_told_in_bounds() {
        let rpcs = Rpcs::read(&[crate::DESCRIPTOR_SET]).unwrap();
        let told = |path: &str| rpcs.find(path).unknown.unwrap();
        assert_eq!(told("/user.UserQueryService/Guess"), "unknown method Guess for service user.UserQueryService");
        assert_eq!(told("/user.UserQueryService/"), "unknown method  for service user.UserQueryService");
        assert_eq!(told("/user.Guess/GetUserByID"), "unknown service user.Guess");
        assert_eq!(told("/"), "unknown service ");
        assert_eq!(told(&format!("/{}/x", "ö".repeat(5000))), format!("unknown service {}", "ö".repeat(MOST_ECHOED)));
    }
}
