package client;

import com.google.gson.Gson;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import gocommerce.payment.CreatePaymentRequest;
import gocommerce.payment.PaymentChange;
import gocommerce.payment.PaymentCommandServiceGrpc;
import gocommerce.payment.PaymentQueryServiceGrpc;
import gocommerce.payment.PaymentResponse;
import gocommerce.payment.WatchPaymentRequest;
import gocommerce.product.CreateProductRequest;
import gocommerce.product.EmptyRequest;
import gocommerce.product.ProductCommandServiceGrpc;
import gocommerce.product.ProductQueryServiceGrpc;
import gocommerce.user.UserCommandServiceGrpc;
import gocommerce.user.UserLoginRequest;
import gocommerce.user.UserRegisterRequest;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A buyer and a seller of the shop over gRPC: docs/grpc.md shows pieces of this program. */
public final class Client {
    // What may be sent again when the server could not be reached: queries, and orders that have an idempotency key.
    private static final String RETRIES = """
        {"methodConfig": [{
          "name": [
            {"service": "user.UserQueryService"},
            {"service": "product.ProductQueryService"},
            {"service": "payment.PaymentQueryService"},
            {"service": "payment.PaymentCommandService", "method": "CreatePayment"}
          ],
          "retryPolicy": {
            "maxAttempts": 5, "initialBackoff": "0.5s", "maxBackoff": "5s", "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"]
          }
        }]}""";

    static ManagedChannel connect(String address) {
        // In production: TlsChannelCredentials.create().
        return Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
            .defaultServiceConfig(new Gson().<Map<String, ?>>fromJson(RETRIES, Map.class))
            .enableRetry()
            .build();
    }

    static String logIn(ManagedChannel channel, String email, String password) {
        UserLoginRequest request = UserLoginRequest.newBuilder().setEmail(email).setPassword(password).build();
        return UserCommandServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .loginUser(request)
            .getToken();
    }

    private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> IDEMPOTENCY_KEY = Metadata.Key.of("idempotency-key", Metadata.ASCII_STRING_MARSHALLER);

    static Metadata signed(String token) {
        Metadata metadata = new Metadata();
        metadata.put(AUTHORIZATION, "Bearer " + token);
        return metadata;
    }

    static PaymentResponse order(ManagedChannel channel, String token, String key, String product) {
        Metadata metadata = signed(token);
        metadata.put(IDEMPOTENCY_KEY, key);
        return PaymentCommandServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(20, TimeUnit.SECONDS)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata))
            .createPayment(CreatePaymentRequest.newBuilder().setProductId(product).setQuantity(1).build());
    }

    record Explained(String reason, Map<String, String> fields, Duration pause) {}

    static Explained explain(StatusRuntimeException error) throws com.google.protobuf.InvalidProtocolBufferException {
        String reason = "";
        Map<String, String> fields = new HashMap<>();
        Duration pause = Duration.ZERO;
        for (var detail : StatusProto.fromThrowable(error).getDetailsList()) {
            if (detail.is(ErrorInfo.class)) {
                reason = detail.unpack(ErrorInfo.class).getReason();
            } else if (detail.is(BadRequest.class)) {
                detail.unpack(BadRequest.class)
                    .getFieldViolationsList()
                    .forEach(violation -> fields.put(violation.getField(), violation.getReason()));
            } else if (detail.is(RetryInfo.class)) {
                var delay = detail.unpack(RetryInfo.class).getRetryDelay();
                pause = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
            }
        }
        return new Explained(reason, fields, pause);
    }

    static Iterator<PaymentChange> watch(ManagedChannel channel, String token, String payment, int after, Duration limit) {
        // Where the iterator ends, the server has ended the stream. Open it anew with the last number.
        return PaymentQueryServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(limit.toMillis(), TimeUnit.MILLISECONDS)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(signed(token)))
            .watchPayment(WatchPaymentRequest.newBuilder().setId(payment).setAfter(after).build());
    }

    static boolean isServing(ManagedChannel channel) {
        return HealthGrpc.newBlockingStub(channel)
            .withDeadlineAfter(2, TimeUnit.SECONDS)
            .check(HealthCheckRequest.getDefaultInstance())
            .getStatus() == ServingStatus.SERVING;
    }

    private static final String PASSWORD = "correct horse";

    public static void main(String[] arguments) throws Exception {
        ManagedChannel channel = connect(arguments[0]);

        // The first connection is lost: that this succeeds is the retry's doing.
        ProductQueryServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(20, TimeUnit.SECONDS)
            .getAllProducts(EmptyRequest.newBuilder().setPageSize(1).build());
        expect(isServing(channel), "serving", channel);

        StatusRuntimeException refused = failure(() -> register(channel, "buyer", "nonsense"));
        Explained explained = explain(refused);
        expect(refused.getStatus().getCode() == Status.Code.INVALID_ARGUMENT, "a refusal", refused);
        expect(explained.reason().equals("invalid_request"), "its reason", explained);
        expect(explained.fields().equals(Map.of("email", "invalid_email")), "the field that is wrong", explained);

        Map<String, String> tokens = new HashMap<>();
        for (String role : new String[] {"seller", "buyer"}) {
            String email = role + ".java@example.com";
            register(channel, role, email);
            tokens.put(role, logIn(channel, email, PASSWORD));
        }

        var tea = ProductCommandServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(signed(tokens.get("seller"))))
            .createProduct(CreateProductRequest.newBuilder().setName("Tea").setDescription("Green").setPrice("10000").setStock(5).build());
        PaymentResponse payment = order(channel, tokens.get("buyer"), "java-1", tea.getId());
        PaymentResponse again = order(channel, tokens.get("buyer"), "java-1", tea.getId());
        expect(again.getId().equals(payment.getId()), "one payment", again);

        PaymentChange last = null;
        var changes = watch(channel, tokens.get("buyer"), payment.getId(), 0, Duration.ofSeconds(30));
        while ((last == null || !last.getStatus().equals("success")) && changes.hasNext()) {
            PaymentChange change = changes.next();
            if (last == null) {
                pay(payment.getPaymentUrl());
            }
            last = change;
        }
        expect(last != null && last.getStatus().equals("success"), "paid", last);

        int number = last.getNumber();
        StatusRuntimeException late = failure(() ->
            watch(channel, tokens.get("buyer"), payment.getId(), number, Duration.ofMillis(500)).forEachRemaining(change -> {}));
        expect(late.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED, "the deadline", late);
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }

    private static void register(ManagedChannel channel, String role, String email) {
        UserCommandServiceGrpc.newBlockingStub(channel)
            .withDeadlineAfter(10, TimeUnit.SECONDS)
            .registerUser(UserRegisterRequest.newBuilder()
                .setName("Java").setEmail(email).setRole(role).setPassword(PASSWORD).setConfirmPassword(PASSWORD).build());
    }

    /** Presses the button of the simulator's page. */
    private static void pay(String page) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(page + "/pay")).POST(HttpRequest.BodyPublishers.noBody()).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
        expect(answer.statusCode() < 400, "a payment", answer);
    }

    private static StatusRuntimeException failure(Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException error) {
            return error;
        }
        throw new IllegalStateException("no error");
    }

    private static void expect(boolean holds, String what, Object seen) {
        if (!holds) {
            throw new IllegalStateException("expected " + what + ", got " + seen);
        }
    }

    private Client() {}
}
