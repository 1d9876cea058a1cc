//! The descriptors that a client needs to call the services and to read their errors.

use crate::proto::DESCRIPTOR_SET;
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::HashSet;

/// The name of a file in the crate that embeds it, and its canonical name. A client may have the same messages from
/// elsewhere, and takes them for the same ones only under the same name.
const CANONICAL_NAMES: [(&str, &str); 3] = [
    ("error_details.proto", "google/rpc/error_details.proto"),
    ("status.proto", "google/rpc/status.proto"),
    ("health.proto", "grpc/health/v1/health.proto"),
];

/// The descriptors of all that a client needs, as a file for its tools: an encoded `google.protobuf.FileDescriptorSet`.
///
/// # Errors
/// That the embedded descriptors cannot be decoded.
pub fn descriptor_file() -> Result<Vec<u8>, prost::DecodeError> {
    descriptor_set().map(|set| set.encode_to_vec())
}

/// The descriptors of the shop's services, of health and of the details of errors, with all that they import before them.
pub(crate) fn descriptor_set() -> Result<FileDescriptorSet, prost::DecodeError> {
    let mut all = FileDescriptorSet::default();
    let mut names = HashSet::new();
    let sets = [DESCRIPTOR_SET, tonic_types::pb::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    for set in sets {
        for mut file in FileDescriptorSet::decode(set)?.file {
            file.name.iter_mut().chain(&mut file.dependency).for_each(canonicalize);
            if names.insert(file.name().to_owned()) {
                all.file.push(file);
            }
        }
    }
    Ok(all)
}

fn canonicalize(name: &mut String) {
    if let Some((_, canonical)) = CANONICAL_NAMES.iter().find(|(known, _)| known == name) {
        (*canonical).clone_into(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_there_once_under_its_own_name_after_what_it_imports() {
        let set = descriptor_set().unwrap();
        let names: Vec<_> = set.file.iter().map(|file| file.name()).collect();
        for (index, file) in set.file.iter().enumerate() {
            assert!(!names[..index].contains(&file.name()), "{} is there twice", file.name());
            for import in &file.dependency {
                assert!(names[..index].contains(&&**import), "{import} does not come before {}", file.name());
            }
            let folder = file.name().rsplit_once('/').map(|(folder, _)| folder.replace('/', "."));
            let expected = if file.name().starts_with("gocommerce/") { "gocommerce" } else { file.package() };
            assert_eq!(folder.as_deref(), Some(expected), "{}", file.name());
        }
    }
}
