// A program that links the shop's accounts and another service's, whose file is a user.proto too: it starts.
package main

import (
	"fmt"

	"example.com/client/directorypb"

	"gocommerce.internal/proto/paymentpb"
	"gocommerce.internal/proto/userpb"
)

func main() {
	fmt.Println(
		directorypb.File_user_proto.Path(),
		userpb.File_gocommerce_user_proto.Path(),
		paymentpb.File_gocommerce_payment_proto.Path(),
	)
}
