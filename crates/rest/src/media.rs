//! Images of products, where they are kept in a folder of this machine.

use crate::error::{ApiError, HttpError};
use crate::middleware::Shared;
use crate::openapi::error_responses::{Responses, http_errors};
use crate::server::resource;
use actix_files::NamedFile;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentDisposition, DispositionParam, DispositionType, HeaderName,
    HeaderValue,
};
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, mime};
use domain::product::{ImageFormat, ImageKey};
use std::fs;
use std::path::Path as FilePath;
use utoipa::{IntoResponses, ToSchema};

/// An image never changes: a new image gets a new key.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A browser that mistakes the image for a document runs nothing in it.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");

/// Pages of other origins show the images too.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/media/{key:.*}", "GET, HEAD").get(view).route(web::head().to(view)));
}

/// An image, byte by byte.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it is only described: the file is sent as it is")]
pub(crate) struct Image(Vec<u8>);

/// Why no image was given.
struct ViewRefusals;

impl IntoResponses for ViewRefusals {
    fn responses() -> Responses {
        http_errors(&[HttpError::NotFound, HttpError::UriTooLong])
    }
}

/// Gives the image of a product.
///
/// The address of an image is in its product's `image_url`. Where images are kept elsewhere, such as in S3, there are none
/// here.
#[utoipa::path(
    get,
    path = "/media/{key}",
    operation_id = "view_image",
    summary = "Show an image",
    tag = "products",
    params((
        "key" = String, Path,
        description = "The image's place, `products/` and a file name, with its slash as `/` or as `%2F`",
        pattern = "^products/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.(jpg|png)$",
        example = "products/0198c5f0-7a3f-7d00-a100-4c3b2b6a5d1e.jpg",
    )),
    responses(
        (status = 200, description = "The image", content((Image = "image/jpeg"), (Image = "image/png"))),
        (
            status = 206,
            description = "The part of the image that `Range` asked for",
            content((Image = "image/jpeg"), (Image = "image/png")),
        ),
        (status = 304, description = "The image is still the one that `If-None-Match` or `If-Modified-Since` tells of"),
        (status = 416, description = "The image has no such part"),
        ViewRefusals,
    )
)]
pub(crate) async fn view(
    request: HttpRequest,
    shared: Data<Shared>,
    key: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let folder = shared.options.media.as_deref().ok_or(HttpError::NotFound)?;
    // Only a key that this server could have generated becomes a path.
    let key = ImageKey::parse(&key).ok_or(HttpError::NotFound)?;
    let path = folder.join(key.as_str());
    let file = open(&path).ok_or(HttpError::NotFound)?;
    let mut response = file
        .set_content_type(media_type(key.format()))
        .set_content_disposition(ContentDisposition {
            disposition: DispositionType::Inline,
            parameters: vec![DispositionParam::Filename(format!("product.{}", key.format().extension()))],
        })
        .into_response(&request);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, FOR_EVER);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    Ok(response.map_into_boxed_body())
}

/// Opens a regular file. A symbolic link is not followed: its target is not an image of the shop.
fn open(path: &FilePath) -> Option<NamedFile> {
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    NamedFile::open(path).ok()
}

fn media_type(format: ImageFormat) -> mime::Mime {
    match format {
        ImageFormat::Jpeg => mime::IMAGE_JPEG,
        ImageFormat::Png => mime::IMAGE_PNG,
    }
}
