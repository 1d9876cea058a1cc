// A buyer and a seller of the shop over gRPC, in TypeScript with generated stubs: docs/grpc.md shows pieces of this program.

import assert from 'node:assert/strict';
import * as grpc from '@grpc/grpc-js';
import {
  type PaymentChange,
  PaymentCommandServiceClient,
  PaymentQueryServiceClient,
  type PaymentResponse,
} from './gen/gocommerce/payment.js';
import {
  CreateProductRequest,
  EmptyRequest,
  ProductCommandServiceClient,
  ProductQueryServiceClient,
  type ProductResponse,
} from './gen/gocommerce/product.js';
import { UserCommandServiceClient, type UserLoginResponse } from './gen/gocommerce/user.js';
import { BadRequest, ErrorInfo, RetryInfo } from './gen/google/rpc/error_details.js';
import { Status } from './gen/google/rpc/status.js';
import { type HealthCheckResponse, HealthCheckResponse_ServingStatus, HealthClient } from './gen/grpc/health/v1/health.js';

// What may be sent again when the server could not be reached: queries, and orders that have an idempotency key.
const retries = {
  methodConfig: [
    {
      name: [
        { service: 'user.UserQueryService' },
        { service: 'product.ProductQueryService' },
        { service: 'payment.PaymentQueryService' },
        { service: 'payment.PaymentCommandService', method: 'CreatePayment' },
      ],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.5s',
        maxBackoff: '5s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
};

type Constructor<T> = new (address: string, credentials: grpc.ChannelCredentials, options?: grpc.ClientOptions) => T;

function connect<T>(Client: Constructor<T>, address: string): T {
  // In production: grpc.credentials.createSsl(). Clients of one address share a connection.
  return new Client(address, grpc.credentials.createInsecure(), { 'grpc.service_config': JSON.stringify(retries) });
}

function within(milliseconds: number): grpc.CallOptions {
  return { deadline: Date.now() + milliseconds };
}

function signed(token: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** The answer that a call gives to its callback. */
function answer<T>(call: (answered: (error: grpc.ServiceError | null, answer: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => call((error, answer) => (error ? reject(error) : resolve(answer))));
}

async function logIn(address: string, email: string, password: string): Promise<string> {
  const users = connect(UserCommandServiceClient, address);
  const login = { email, password };
  const { token } = await answer<UserLoginResponse>((answered) => users.loginUser(login, new grpc.Metadata(), within(10_000), answered));
  return token;
}

function order(address: string, token: string, key: string, productId: string): Promise<PaymentResponse> {
  const payments = connect(PaymentCommandServiceClient, address);
  const metadata = signed(token);
  metadata.set('idempotency-key', key);
  return answer((answered) => payments.createPayment({ productId, quantity: 1 }, metadata, within(20_000), answered));
}

interface Explained {
  reason: string;
  fields: Record<string, string>;
  pause: number;
}

function explain(error: grpc.ServiceError): Explained {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const explained: Explained = { reason: '', fields: {}, pause: 0 };
  for (const { typeUrl, value } of bytes ? Status.decode(bytes as Buffer).details : []) {
    if (typeUrl.endsWith('/google.rpc.ErrorInfo')) {
      explained.reason = ErrorInfo.decode(value).reason;
    } else if (typeUrl.endsWith('/google.rpc.BadRequest')) {
      for (const { field, reason } of BadRequest.decode(value).fieldViolations) explained.fields[field] = reason;
    } else if (typeUrl.endsWith('/google.rpc.RetryInfo')) {
      const { seconds = 0, nanos = 0 } = RetryInfo.decode(value).retryDelay ?? {};
      explained.pause = seconds * 1000 + nanos / 1e6;
    }
  }
  return explained;
}

type Changes = grpc.ClientReadableStream<PaymentChange>;

function watch(address: string, token: string, id: string, after: number, timeout: number): Changes {
  const payments = connect(PaymentQueryServiceClient, address);
  // Where the loop over it ends, the server has ended the stream. Open it anew with the last number.
  return payments.watchPayment({ id, after }, signed(token), within(timeout));
}

async function isServing(address: string): Promise<boolean> {
  const health = connect(HealthClient, address);
  const { status } = await answer<HealthCheckResponse>((answered) =>
    health.check({ service: '' }, new grpc.Metadata(), within(2000), answered),
  );
  return status === HealthCheckResponse_ServingStatus.SERVING;
}

const password = 'correct horse';
const address = process.argv[2]!;

function register(role: string, email: string) {
  const account = { name: 'TypeScript', email, role, password, confirmPassword: password };
  const users = connect(UserCommandServiceClient, address);
  return answer((answered) => users.registerUser(account, new grpc.Metadata(), within(10_000), answered));
}

async function failure(work: Promise<unknown>): Promise<grpc.ServiceError> {
  return work.then(
    () => assert.fail('no error'),
    (error: grpc.ServiceError) => error,
  );
}

// The first connection is lost: that this succeeds is the retry's doing.
const catalogue = connect(ProductQueryServiceClient, address);
const query = EmptyRequest.fromPartial({ pageSize: 1 });
await answer((answered) => catalogue.getAllProducts(query, new grpc.Metadata(), within(20_000), answered));
assert(await isServing(address));

const refused = await failure(register('buyer', 'nonsense'));
assert.equal(refused.code, grpc.status.INVALID_ARGUMENT);
assert.deepEqual(explain(refused), { reason: 'invalid_request', fields: { email: 'invalid_email' }, pause: 0 });

const tokens = new Map<string, string>();
for (const role of ['seller', 'buyer']) {
  const email = `${role}.typescript@example.com`;
  await register(role, email);
  tokens.set(role, await logIn(address, email, password));
}
const [selling, buying] = [tokens.get('seller')!, tokens.get('buyer')!];

const goods = connect(ProductCommandServiceClient, address);
const pot = CreateProductRequest.fromPartial({ name: 'Tea', description: 'Green', price: '10000', stock: 5 });
const tea = await answer<ProductResponse>((answered) =>
  goods.createProduct(pot, signed(selling), within(10_000), answered),
);
const bought = await order(address, buying, 'typescript-1', tea.id);
assert.equal((await order(address, buying, 'typescript-1', tea.id)).id, bought.id);

let last: PaymentChange | undefined;
for await (const change of watch(address, buying, bought.id, 0, 30_000) as AsyncIterable<PaymentChange>) {
  // The button of the simulator's page.
  if (!last) assert((await fetch(`${bought.paymentUrl}/pay`, { method: 'POST' })).ok);
  last = change;
  if (change.status === 'success') break;
}
assert.equal(last?.status, 'success');

const late = await failure(watch(address, buying, bought.id, last.number, 500).toArray());
assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED);
process.exit();
