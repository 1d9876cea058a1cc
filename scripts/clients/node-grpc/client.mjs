// A buyer and a seller of the shop over gRPC, in JavaScript that reads the services from what `go-commerce proto` writes:
// docs/grpc.md shows pieces of this program.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const definitions = protoLoader.loadFileDescriptorSetFromBuffer(readFileSync('gocommerce.binpb'), {
  defaults: true,
  enums: String,
  longs: Number,
});
const { user, product, payment, grpc: standard } = grpc.loadPackageDefinition(definitions);

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

function connect(Client, address) {
  // In production: grpc.credentials.createSsl(). Clients of one address share a connection.
  return new Client(address, grpc.credentials.createInsecure(), { 'grpc.service_config': JSON.stringify(retries) });
}

/** Makes a call of one message and one answer, within so many milliseconds. */
function call(client, method, message, { metadata = {}, timeout = 10_000 } = {}) {
  const options = { deadline: Date.now() + timeout };
  return new Promise((resolve, reject) => {
    const answered = (error, answer) => (error ? reject(error) : resolve(answer));
    client[method](message, grpc.Metadata.fromHttp2Headers(metadata), options, answered);
  });
}

async function logIn(address, email, password) {
  const users = connect(user.UserCommandService, address);
  const { token } = await call(users, 'LoginUser', { email, password });
  return token;
}

function order(address, token, key, product_id) {
  const payments = connect(payment.PaymentCommandService, address);
  const metadata = { authorization: `Bearer ${token}`, 'idempotency-key': key };
  return call(payments, 'CreatePayment', { product_id, quantity: 1 }, { metadata, timeout: 20_000 });
}

function explain(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const explained = { reason: '', fields: {}, pause: 0 };
  for (const { type_url: type, value } of bytes ? definitions['google.rpc.Status'].deserialize(bytes).details : []) {
    const detail = definitions[type.split('/').at(-1)].deserialize(value);
    if (type.endsWith('/google.rpc.ErrorInfo')) {
      explained.reason = detail.reason;
    } else if (type.endsWith('/google.rpc.BadRequest')) {
      for (const { field, reason } of detail.field_violations) explained.fields[field] = reason;
    } else if (type.endsWith('/google.rpc.RetryInfo')) {
      explained.pause = detail.retry_delay.seconds * 1000 + detail.retry_delay.nanos / 1e6;
    }
  }
  return explained;
}

function watch(address, token, id, after, timeout) {
  const metadata = grpc.Metadata.fromHttp2Headers({ authorization: `Bearer ${token}` });
  const payments = connect(payment.PaymentQueryService, address);
  // Where the loop over it ends, the server has ended the stream. Open it anew with the last number.
  return payments.WatchPayment({ id, after }, metadata, { deadline: Date.now() + timeout });
}

async function isServing(address) {
  const { status } = await call(connect(standard.health.v1.Health, address), 'Check', {}, { timeout: 2000 });
  return status === 'SERVING';
}

const password = 'correct horse';
const address = process.argv[2];

function register(role, email) {
  const users = connect(user.UserCommandService, address);
  return call(users, 'RegisterUser', { name: 'Node', email, role, password, confirm_password: password });
}

// The first connection is lost: that this succeeds is the retry's doing.
await call(connect(product.ProductQueryService, address), 'GetAllProducts', { page_size: 1 }, { timeout: 20_000 });
assert(await isServing(address));

const refused = await register('buyer', 'nonsense').then(assert.fail, (error) => error);
assert.equal(refused.code, grpc.status.INVALID_ARGUMENT);
assert.deepEqual(explain(refused), { reason: 'invalid_request', fields: { email: 'invalid_email' }, pause: 0 });

const tokens = {};
for (const role of ['seller', 'buyer']) {
  const email = `${role}.node@example.com`;
  await register(role, email);
  tokens[role] = await logIn(address, email, password);
}

const tea = await call(
  connect(product.ProductCommandService, address),
  'CreateProduct',
  { name: 'Tea', description: 'Green', price: '10000', stock: 5 },
  { metadata: { authorization: `Bearer ${tokens.seller}` } },
);
const bought = await order(address, tokens.buyer, 'node-1', tea.id);
assert.equal((await order(address, tokens.buyer, 'node-1', tea.id)).id, bought.id);

let last;
for await (const change of watch(address, tokens.buyer, bought.id, 0, 30_000)) {
  // The button of the simulator's page.
  if (!last) assert((await fetch(`${bought.payment_url}/pay`, { method: 'POST' })).ok);
  last = change;
  if (change.status === 'success') break;
}
assert.equal(last?.status, 'success');

const late = await watch(address, tokens.buyer, bought.id, last.number, 500).toArray().then(assert.fail, (error) => error);
assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED);
process.exit();
