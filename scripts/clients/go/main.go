// A buyer and a seller of the shop over gRPC: docs/grpc.md shows pieces of this program.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"gocommerce.internal/proto/paymentpb"
	"gocommerce.internal/proto/productpb"
	"gocommerce.internal/proto/userpb"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// What may be sent again when the server could not be reached: queries, and orders that have an idempotency key.
const retries = `{"methodConfig": [{
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
}]}`

func connect(address string) (*grpc.ClientConn, error) {
	// In production: credentials.NewTLS(nil).
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(retries))
}

func logIn(conn *grpc.ClientConn, email, password string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := userpb.NewUserCommandServiceClient(conn).LoginUser(ctx, &userpb.UserLoginRequest{Email: email, Password: password})
	return answer.GetToken(), err
}

func order(conn *grpc.ClientConn, token, key, product string) (*paymentpb.PaymentResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token, "idempotency-key", key)
	request := &paymentpb.CreatePaymentRequest{ProductId: product, Quantity: 1}
	return paymentpb.NewPaymentCommandServiceClient(conn).CreatePayment(ctx, request)
}

func explain(err error) (reason string, fields map[string]string, pause time.Duration) {
	fields = map[string]string{}
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fields[violation.GetField()] = violation.GetReason()
			}
		case *errdetails.RetryInfo:
			pause = detail.GetRetryDelay().AsDuration()
		}
	}
	return reason, fields, pause
}

func watch(conn *grpc.ClientConn, token, payment string, after uint32, limit time.Duration, changed func(*paymentpb.PaymentChange) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	request := &paymentpb.WatchPaymentRequest{Id: payment, After: after}
	changes, err := paymentpb.NewPaymentQueryServiceClient(conn).WatchPayment(ctx, request)
	if err != nil {
		return err
	}
	for {
		// io.EOF: the server has ended the stream. Open it anew with the last number.
		change, err := changes.Recv()
		if err != nil {
			return err
		}
		if !changed(change) {
			return nil
		}
	}
}

func isServing(conn *grpc.ClientConn) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return answer.GetStatus() == healthpb.HealthCheckResponse_SERVING, err
}

const password = "correct horse"

func main() {
	conn, err := connect(os.Args[1])
	must(err)
	defer conn.Close()

	// The first connection is lost: that this succeeds is the retry's doing.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = productpb.NewProductQueryServiceClient(conn).GetAllProducts(ctx, &productpb.EmptyRequest{PageSize: 1})
	must(err)

	serving, err := isServing(conn)
	must(err)
	expect(serving, "serving", serving)

	users := userpb.NewUserCommandServiceClient(conn)
	_, err = users.RegisterUser(ctx, &userpb.UserRegisterRequest{Name: "Go", Email: "nonsense", Role: "buyer", Password: password, ConfirmPassword: password})
	reason, fields, _ := explain(err)
	expect(status.Code(err) == codes.InvalidArgument && reason == "invalid_request", "a refusal", err)
	expect(fields["email"] == "invalid_email", "the field that is wrong", fields)

	tokens := map[string]string{}
	for _, role := range []string{"seller", "buyer"} {
		email := role + ".go@example.com"
		_, err = users.RegisterUser(ctx, &userpb.UserRegisterRequest{Name: "Go", Email: email, Role: role, Password: password, ConfirmPassword: password})
		must(err)
		tokens[role], err = logIn(conn, email, password)
		must(err)
	}

	selling := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tokens["seller"])
	tea, err := productpb.NewProductCommandServiceClient(conn).CreateProduct(selling, &productpb.CreateProductRequest{Name: "Tea", Description: "Green", Price: "10000", Stock: 5})
	must(err)

	payment, err := order(conn, tokens["buyer"], "go-1", tea.GetId())
	must(err)
	again, err := order(conn, tokens["buyer"], "go-1", tea.GetId())
	must(err)
	expect(again.GetId() == payment.GetId(), "one payment", again)

	var last *paymentpb.PaymentChange
	must(watch(conn, tokens["buyer"], payment.GetId(), 0, 30*time.Second, func(change *paymentpb.PaymentChange) bool {
		if last == nil {
			pay(payment.GetPaymentUrl())
		}
		last = change
		return change.GetStatus() != "success"
	}))
	expect(last.GetStatus() == "success", "paid", last)

	err = watch(conn, tokens["buyer"], payment.GetId(), last.GetNumber(), time.Second/2, func(*paymentpb.PaymentChange) bool { return true })
	expect(status.Code(err) == codes.DeadlineExceeded, "the deadline", err)
}

// pay presses the button of the simulator's page.
func pay(page string) {
	answer, err := http.Post(page+"/pay", "", nil)
	must(err)
	must(answer.Body.Close())
	expect(answer.StatusCode < 400, "a payment", answer.Status)
}

func must(err error) {
	if err != nil {
		log.Fatalf("%v: %v", err, status.Convert(err).Details())
	}
}

func expect(holds bool, what string, seen any) {
	if !holds {
		log.Fatal(fmt.Sprintf("expected %s, got %v", what, seen))
	}
}
