//! The names of what is served, for logs and metrics.

use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::HashSet;
use std::sync::Arc;

/// What stands for every method that is not served: what a stranger asks for must not become a metric's label.
const UNMATCHED: &str = "unmatched";

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
    /// That one of them is no such set.
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

    /// The name of the method that a request's path asks for.
    pub(crate) fn name(&self, path: &str) -> Arc<str> {
        let name = path.strip_prefix('/').and_then(|name| self.names.get(name));
        Arc::clone(name.unwrap_or(&self.unmatched))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_served_has_a_name() {
        let rpcs = Rpcs::read(&[crate::DESCRIPTOR_SET]).unwrap();
        assert_eq!(&*rpcs.name("/user.UserQueryService/GetUserByID"), "user.UserQueryService/GetUserByID");
        for path in
            ["/", "", "/user.UserQueryService", "/user.UserQueryService/Guess", "user.UserQueryService/GetUserByID"]
        {
            assert_eq!(&*rpcs.name(path), UNMATCHED, "{path:?}");
        }
    }
}
