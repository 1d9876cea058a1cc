//! Entity tags and the conditions on them, by which callers avoid overwriting each other's changes (RFC 9110 §8.8.3 and
//! §13; AIP-154 for gRPC).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::version::Version;
use sha2::{Digest, Sha256};

/// The length of the digest in a tag, in characters: 72 bits.
const MARK: usize = 12;

/// The strong entity tag of a version, with quotes: the same on both protocols. It identifies the version, not its
/// representation.
#[must_use]
pub fn etag(version: Version) -> String {
    format!("\"{}\"", version.number())
}

/// The entity tag of an answer that also has data which changes independently of the entity. As a condition for a change it
/// equals [`etag`].
#[must_use]
pub fn etag_with(version: Version, other: &str) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(other));
    format!("\"{}.{}\"", version.number(), digest.get(..MARK).unwrap_or(&digest))
}

/// Whether a quoted tag has this version, whatever digest follows.
fn names(tag: &str, version: Version) -> bool {
    opaque(tag)
        .is_some_and(|opaque| opaque.split_once('.').map_or(opaque, |(named, _)| named) == version.number().to_string())
}

/// The separators before the suffix that proxies append to the tag of a compressed answer: Apache and Caddy `-gzip`, Jetty
/// `--gzip`, others `;gzip`.
const SEPARATORS: [&str; 3] = ["--", "-", ";"];
/// The content codings in such suffixes (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
const CODINGS: [&str; 4] = ["gzip", "br", "zstd", "deflate"];

/// A caller's condition: the value of `If-Match` or `If-None-Match`, or of a field `etag`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EntityTags {
    #[default]
    None,
    /// `*`: any version.
    Any,
    /// One of these tags, each with quotes and possibly the weak prefix.
    Listed(Vec<String>),
}

impl EntityTags {
    /// Reads a list of entity tags. A malformed tag matches nothing: an invalid condition must not count as no condition.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        match raw.trim() {
            "" => Self::None,
            "*" => Self::Any,
            // The shop's own tags have no comma, so a tag that this splits is not one of them.
            list => Self::Listed(list.split(',').map(|tag| tag.trim().to_owned()).collect()),
        }
    }

    /// Whether the condition permits a change of this version (`If-Match`).
    ///
    /// A tag also matches if a compressing proxy made it weak or appended the coding. By RFC 9110 §13.1.1 a weak tag never
    /// matches, because two answers with it may differ in their bytes. The shop's tags identify a version of the entity, not
    /// the bytes of an answer, so they stay valid.
    #[must_use]
    pub fn permit(&self, version: Version) -> bool {
        match self {
            Self::None | Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| names(tag, version)),
        }
    }

    /// Whether the caller already has the answer with this entity tag (`If-None-Match`; weak comparison).
    #[must_use]
    pub fn know(&self, etag: &str) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| opaque(tag).is_some_and(|known| Some(known) == opaque(etag))),
        }
    }
}

/// Returns the text between a tag's quotes, without the weak prefix and a coding's suffix that a proxy added.
fn opaque(tag: &str) -> Option<&str> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let opaque = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'))?;
    let uncoded = CODINGS.iter().find_map(|coding| {
        let marked = opaque.strip_suffix(coding)?;
        SEPARATORS.iter().find_map(|separator| marked.strip_suffix(separator))
    });
    Some(uncoded.unwrap_or(opaque))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_change_is_permitted_without_a_condition_and_on_the_right_one() {
        let version = Version::restore(7);
        for permitted in ["", "*", "\"7\"", "\"6\", \"7\"", "\"6\",W/\"7\"", " \"7\" , \"8\"", ",\"7\""] {
            assert!(EntityTags::parse(permitted).permit(version), "{permitted}");
        }
        for refused in
            ["\"6\"", "7", "\"7", "\"", "nonsense", ",", "\"6\",\"8\"", "\"07\"", "\"7\" \"8\"", "\"\"", "W/7"]
        {
            assert!(!EntityTags::parse(refused).permit(version), "{refused}");
        }
    }

    #[test]
    fn a_tag_is_known_again_as_proxies_that_compress_leave_it() {
        let version = Version::restore(7);
        let (known, unknown) = (
            [
                "W/\"7\"",
                "\"7-gzip\"",
                "W/\"7-gzip\"",
                "\"7-br\"",
                "\"7-zstd\"",
                "\"7-deflate\"",
                "\"7;gzip\"",
                "\"7--gzip\"",
            ],
            [
                "w/\"7\"",
                "W/W/\"7\"",
                "\"7-\"",
                "\"7gzip\"",
                "\"7-gz\"",
                "\"7-gzip-gzip\"",
                "\"-gzip\"",
                "\"6-gzip\"",
                "\"17\"",
                "7-gzip",
            ],
        );
        for tag in known {
            assert!(EntityTags::parse(tag).permit(version) && EntityTags::parse(tag).know(&etag(version)), "{tag}");
        }
        for tag in unknown {
            assert!(!EntityTags::parse(tag).permit(version) && !EntityTags::parse(tag).know(&etag(version)), "{tag}");
        }
    }

    #[test]
    fn a_known_version_is_known_by_a_weak_tag_too() {
        let version = etag(Version::restore(7));
        for known in ["*", "\"7\"", "W/\"7\"", "\"1\", W/\"7\""] {
            assert!(EntityTags::parse(known).know(&version), "{known}");
        }
        for unknown in ["", "\"8\"", "7"] {
            assert!(!EntityTags::parse(unknown).know(&version), "{unknown}");
        }
    }

    #[test]
    fn what_is_shown_with_a_version_is_known_by_its_own_tag_and_does_not_stand_in_the_way_of_a_change() {
        let version = Version::restore(7);
        let (first, second) = (etag_with(version, "one address"), etag_with(version, "another"));
        assert_ne!(first, second);
        for (tag, other) in [(&first, &second), (&second, &first), (&first, &etag(version)), (&etag(version), &first)] {
            assert!(EntityTags::parse(tag).know(tag) && !EntityTags::parse(tag).know(other), "{tag} {other}");
            assert!(EntityTags::parse(tag).permit(version), "{tag}");
            assert!(!EntityTags::parse(tag).permit(version.next()), "{tag}");
        }
        for stranger in ["\"7", "\".7\"", "\"\"", "\"70.x\"", "7.x", "\""] {
            assert!(!EntityTags::parse(stranger).permit(version), "{stranger}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_condition_is_one(raw in prop_oneof![any::<String>(), "(W/)?\"?[0-9*,]{0,12}\"?( ?, ?\"7\")?"], number: i64) {
            let (tags, version) = (EntityTags::parse(&raw), Version::restore(number));
            prop_assert!(!tags.permit(version) || raw.trim().is_empty() || raw.trim() == "*" || raw.contains(&etag(version)));
            prop_assert!(!tags.know(&etag(version)) || raw.trim() == "*" || raw.contains(&etag(version)));
            prop_assert!(EntityTags::parse(&etag(version)).permit(version));
        }
    }
}
