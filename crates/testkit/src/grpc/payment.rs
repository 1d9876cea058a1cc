//! Payments over gRPC.

use super::product::{snapshot, text};
use super::{GrpcClient, call_error, read};
use crate::client::{
    Outcome, Payment, PaymentClient, PaymentQuery, Payments, ShopClient, StatusChange, StatusChanges, TimelineEntry,
};
use async_trait::async_trait;
use grpc::proto::payment::payment_command_service_client::PaymentCommandServiceClient;
use grpc::proto::payment::payment_query_service_client::PaymentQueryServiceClient;
use grpc::proto::payment::{
    CreatePaymentRequest, GetAllPaymentsRequest, GetPaymentByIdRequest, GetPaymentTimelineRequest, PaymentChange,
    PaymentResponse, WatchPaymentRequest,
};
use tonic::Streaming;
use tonic::transport::Channel;

fn checked(response: PaymentResponse) -> Payment {
    Payment {
        id: response.id,
        product_id: response.product_id,
        user_id: response.user_id,
        payment_code: response.payment_code,
        quantity: response.quantity,
        total_amount: response.total_amount,
        status: response.status,
        payment_url: response.payment_url,
        token: response.token,
        created_at: text(response.created_at),
        updated_at: text(response.updated_at),
        product: snapshot(response.product.unwrap()),
        needs_attention: response.needs_attention,
    }
}

struct ChangeStream(Streaming<PaymentChange>);

#[async_trait]
impl StatusChanges for ChangeStream {
    async fn next(&mut self) -> Option<StatusChange> {
        let change = self.0.message().await.ok().flatten()?;
        assert!(change.at.is_some());
        Some(StatusChange { number: change.number, status: change.status, needs_attention: change.needs_attention })
    }
}

impl GrpcClient {
    fn payment_queries(&self) -> PaymentQueryServiceClient<Channel> {
        PaymentQueryServiceClient::new(self.channel())
    }
}

#[async_trait]
impl PaymentClient for GrpcClient {
    fn with_idempotency_key(&self, key: &str) -> Box<dyn ShopClient> {
        Box::new(Self { key: Some(key.to_owned()), ..self.clone() })
    }

    async fn order(&self, product: &str, quantity: i32) -> Outcome<Payment> {
        let mut request = self.request(CreatePaymentRequest { product_id: product.to_owned(), quantity });
        if let Some(key) = &self.key {
            request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
        }
        let mut commands = PaymentCommandServiceClient::new(self.channel());
        read(commands.create_payment(request).await).map(checked)
    }

    async fn payment(&self, id: &str) -> Outcome<Payment> {
        let request = self.request(GetPaymentByIdRequest { id: id.to_owned() });
        read(self.payment_queries().get_payment_by_id(request).await).map(checked)
    }

    async fn payments(&self, query: &PaymentQuery) -> Outcome<Payments> {
        let PaymentQuery { status, limit, cursor } = query.clone();
        let message = GetAllPaymentsRequest { page_size: limit.unwrap_or_default(), page_token: cursor, status };
        let list = read(self.payment_queries().get_all_payments(self.request(message)).await)?;
        let next = Some(list.next_page_token).filter(|token| !token.is_empty());
        Ok(Payments { items: list.payments.into_iter().map(checked).collect(), total: None, next })
    }

    async fn timeline(&self, id: &str) -> Outcome<Vec<TimelineEntry>> {
        let request = self.request(GetPaymentTimelineRequest { id: id.to_owned() });
        let timeline = read(self.payment_queries().get_payment_timeline(request).await)?;
        Ok(timeline.lines.into_iter().map(|entry| TimelineEntry { kind: entry.kind, text: entry.text }).collect())
    }

    async fn watch(&self, id: &str, after: u32) -> Outcome<Box<dyn StatusChanges>> {
        let request = self.request(WatchPaymentRequest { id: id.to_owned(), after });
        let stream = self.payment_queries().watch_payment(request).await.map_err(|status| call_error(&status))?;
        Ok(Box::new(ChangeStream(stream.into_inner())))
    }
}
