//! The code generated from `proto/gocommerce/*.proto`: messages, and a trait and a client for each service.

/// The descriptors of all services here, as an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("descriptor");

/// Payments: `proto/gocommerce/payment.proto`.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_lazy_continuation,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod payment {
    tonic::include_proto!("payment");
}

/// Products: `proto/gocommerce/product.proto`.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod product {
    tonic::include_proto!("product");
}

/// Accounts: `proto/gocommerce/user.proto`.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub mod user {
    tonic::include_proto!("user");
}
