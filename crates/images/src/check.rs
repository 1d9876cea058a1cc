//! Tests a store for an operator: performs each operation that the shop needs.

use super::fault::Fault;
use super::s3::{Checksum, S3Options};
use super::store::{Addresses, Place, Store, bounded};
use app::product::ImageStore;
use domain::error::causes;
use domain::product::{Image, ImageFormat, ImageKey};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A grey PNG image of one pixel.
const PIXEL: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\
    \x9bU\x00\x00\x00\x0aIDATx\x9cc\xf8\x0f\x00\x01\x01\x01\x00\xb18\xf6\x14\x00\x00\x00\x00IEND\xaeB`\
    \x82";

/// How long connecting to the address of an image may take.
const CONNECT: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Put,
    /// To put the same image again, as after a lost answer.
    PutAgain,
    /// To read it at the URL that clients get.
    Open,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Works,
    /// It cannot be tested from this machine.
    Untried(&'static str),
    Fails {
        /// The cause, without secrets.
        cause: String,
        hints: Vec<Hint>,
    },
}

/// A hint for a failed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// This change was tested and works.
    Change(Change),
    /// The region is not the bucket's.
    Region,
    /// The clocks of this machine and of the service differ.
    Clock,
    /// The access key or its secret is wrong or deleted.
    Credentials,
    Bucket,
    /// The key's policy must allow this action.
    Permission(&'static str),
    /// The service's certificate is not trusted, or has another name.
    Certificate,
    Endpoint,
    NotPublic,
    /// The public URL does not lead to the bucket.
    PublicUrl,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Region(String),
    PathStyle(bool),
    /// Of `conditional_put`.
    ConditionalPut(bool),
    /// Of `checksum`.
    Checksum(Checksum),
}

/// The tested steps in order, and what they may have left in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub steps: Vec<(Step, Outcome)>,
    /// The keys of images that could not be removed.
    pub left: Vec<String>,
}

impl Report {
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.left.is_empty() && !self.steps.iter().any(|(_, outcome)| matches!(outcome, Outcome::Fails { .. }))
    }
}

impl Store {
    /// Puts an image of one pixel, reads it as clients do, and removes it. If putting fails, it also tries other settings.
    /// Each request has the store's time limit.
    pub async fn check(&self) -> Report {
        let mut report = Report::default();
        let key = ImageKey::generate(ImageFormat::Png);
        let path = match self.path(&key) {
            Ok(path) => path,
            Err(error) => {
                report.steps.push((Step::Put, Outcome::Fails { cause: causes(&error), hints: Vec::new() }));
                return report;
            }
        };
        if let Err(fault) = self.put_pixel(&path, &mut report.left).await {
            let change = match &self.place {
                Place::Bucket(bucket) => self.find_change(bucket.options(), &fault, &mut report.left).await,
                Place::Folder(_) => None,
            };
            let hints = change.map_or_else(|| guess(&fault, "s3:PutObject"), |change| vec![Hint::Change(change)]);
            report.steps.push((Step::Put, failed(&fault, hints)));
            return report;
        }
        report.steps.push((Step::Put, Outcome::Works));
        if matches!(self.place, Place::Bucket(_)) {
            report.steps.push((Step::PutAgain, judged(self.put_again(&path).await, "s3:GetObject")));
        }
        report.steps.push((Step::Open, self.open(&key, &path).await));
        let removed = self.remove_pixel(&path).await;
        if removed.is_err() {
            report.left.push(path.to_string());
        }
        report.steps.push((Step::Remove, judged(removed, "s3:DeleteObject")));
        report
    }

    /// Puts the image; after a failure removes what may be there.
    async fn put_pixel(&self, path: &Path, left: &mut Vec<String>) -> Result<(), Fault> {
        let outcome = self.put_again(path).await;
        if let Err(fault) = &outcome
            && fault.is_unanswered
            && !fault.is_unreachable
            && self.remove_pixel(path).await.is_err()
        {
            left.push(path.to_string());
        }
        outcome
    }

    async fn put_again(&self, path: &Path) -> Result<(), Fault> {
        let image = Image { format: ImageFormat::Png, bytes: PIXEL.to_vec() };
        bounded(self.timeout, self.place.put(path, image)).await
    }

    /// Removes the image twice, because removals may be repeated, and checks that it is gone if reading is allowed.
    async fn remove_pixel(&self, path: &Path) -> Result<(), Fault> {
        for _ in 0..2 {
            bounded(self.timeout, self.place.remove(path)).await?;
        }
        match bounded(self.timeout, self.place.has(path)).await {
            Ok(true) => Err(Fault::because("it is there still, although its removal succeeded")),
            // A key without read permission cannot check it.
            Ok(false) | Err(_) => Ok(()),
        }
    }

    /// Reads an image at its public URL.
    async fn open(&self, key: &ImageKey, path: &Path) -> Outcome {
        if matches!(self.place, Place::Folder(_)) {
            return judged(bounded(self.timeout, self.place.read(path)).await.and_then(|found| compare(&found)), "");
        }
        let address = match self.address(key).await {
            Ok(address) => address.url,
            Err(error) => return Outcome::Fails { cause: causes(&error), hints: vec![Hint::Credentials] },
        };
        if !address.starts_with("http") {
            return Outcome::Untried("the addresses of images have no host");
        }
        match bounded(self.timeout, download(&address)).await {
            Ok(()) => Outcome::Works,
            Err(fault) if fault.is_untrusted => failed(&fault, vec![Hint::Certificate]),
            Err(fault) if matches!(self.addresses, Addresses::Presigned(_)) => {
                failed(&fault, guess(&fault, "s3:GetObject"))
            }
            Err(fault) => {
                // Some services answer 400 for a bucket that is not public.
                let is_refused = fault.status.is_some_and(|status| (400..500).contains(&status) && status != 404);
                failed(&fault, if is_refused { vec![Hint::NotPublic] } else { vec![Hint::PublicUrl] })
            }
        }
    }

    /// Finds the one setting that makes putting an image work.
    async fn find_change(&self, options: &S3Options, fault: &Fault, left: &mut Vec<String>) -> Option<Change> {
        if fault.is_untrusted || (fault.status.is_none() && (options.path_style || !fault.is_unreachable)) {
            return None;
        }
        let checksum = if options.checksum == Checksum::None { Checksum::Sha256 } else { Checksum::None };
        let mut changes = vec![
            Change::PathStyle(!options.path_style),
            Change::ConditionalPut(!options.conditional_put),
            Change::Checksum(checksum),
        ];
        if !fault.region.is_empty() && fault.region != options.region {
            changes.insert(0, Change::Region(fault.region.clone()));
        }
        for change in changes {
            let Ok(store) = Self::s3(change.made_to(options), Arc::clone(&self.clock)) else { continue };
            let Ok(path) = store.path(&ImageKey::generate(ImageFormat::Png)) else { continue };
            if store.put_pixel(&path, left).await.is_ok() {
                if store.remove_pixel(&path).await.is_err() {
                    left.push(path.to_string());
                }
                return Some(change);
            }
        }
        None
    }
}

impl Change {
    fn made_to(&self, options: &S3Options) -> S3Options {
        let mut options = options.clone();
        match self {
            Self::Region(region) => options.region.clone_from(region),
            Self::PathStyle(path_style) => options.path_style = *path_style,
            Self::ConditionalPut(conditional_put) => options.conditional_put = *conditional_put,
            Self::Checksum(checksum) => options.checksum = *checksum,
        }
        options
    }
}

/// Returns hints for a failed step that needs permission for this action.
fn guess(fault: &Fault, action: &'static str) -> Vec<Hint> {
    if fault.is_untrusted {
        return vec![Hint::Certificate];
    }
    match (fault.name.as_str(), fault.status) {
        ("RequestTimeTooSkewed", _) => vec![Hint::Clock],
        ("NoSuchBucket", _) => vec![Hint::Bucket],
        ("AccessDenied", _) => vec![Hint::Permission(action)],
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken", _) => {
            vec![Hint::Credentials]
        }
        ("AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) => vec![Hint::Region],
        (_, Some(300..=399)) => vec![Hint::Region],
        (_, Some(401)) => vec![Hint::Credentials],
        (_, Some(403)) => vec![Hint::Credentials, Hint::Permission(action)],
        (_, Some(404)) => vec![Hint::Bucket],
        (_, None) if fault.is_unanswered => vec![Hint::Endpoint],
        _ => Vec::new(),
    }
}

fn failed(fault: &Fault, hints: Vec<Hint>) -> Outcome {
    Outcome::Fails { cause: fault.to_string(), hints }
}

fn judged(outcome: Result<(), Fault>, action: &'static str) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Works,
        Err(fault) => failed(&fault, guess(&fault, action)),
    }
}

fn compare(found: &[u8]) -> Result<(), Fault> {
    if found == PIXEL { Ok(()) } else { Err(Fault::because("something else is there")) }
}

/// Reads an image as a browser does.
async fn download(address: &str) -> Result<(), Fault> {
    let client = reqwest::Client::builder().connect_timeout(CONNECT).build().map_err(|error| Fault::of_web(&error))?;
    let mut answer = client.get(address).send().await.map_err(|error| Fault::of_web(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(Fault::answered(answer.status().as_u16()));
    }
    let media_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_image = media_type.is_some_and(|media_type| media_type == ImageFormat::Png.media_type());
    let mut found = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| Fault::of_web(&error))? {
        found.extend_from_slice(&piece);
        if found.len() > PIXEL.len() {
            break;
        }
    }
    compare(&found)?;
    if is_image { Ok(()) } else { Err(Fault::because("it is not sent as image/png, and browsers may not show it")) }
}
