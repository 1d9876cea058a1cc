// A buyer's and a seller's day, by a client that is made from the document:
//
//     node client.js http://127.0.0.1:8081

import { strict as assert } from "node:assert";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Change = components["schemas"]["PaymentChange"];
type Role = components["schemas"]["Role"];

const origin = process.argv[2] ?? "http://127.0.0.1:8081";
const password = "correct horse";
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC",
  "base64",
);

// Registers and logs in; every call of the client that comes back shows the token.
async function enter(role: Role) {
  const client = createClient<paths>({ baseUrl: origin });
  const email = `${role}.${Date.now()}@example.com`;
  const registered = await client.POST("/users/register", {
    body: { name: "Ada Lovelace", email, role, password, confirm_password: password },
  });
  assert.equal(registered.response.status, 201);
  const { data } = await client.POST("/users/login", { body: { email, password } });
  assert(data);
  client.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${data.results.token}`);
      return request;
    },
  });
  return client;
}

// A file goes in a form, which `fetch` gives its Content-Type.
function form(fields: Record<string, unknown> = {}): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) form.append(name, value, name);
    else if (value !== undefined && value !== null) form.append(name, String(value));
  }
  return form;
}

// The data of server-sent events, as they come (WHATWG HTML §9.2). `EventSource` cannot send a token; `fetch` can.
async function* events(stream: ReadableStream<Uint8Array>): AsyncGenerator<Change> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice("data: ".length)) as Change;
    }
  }
}

const seller = await enter("seller");
const buyer = await enter("buyer");
const name = `Oak desk ${Date.now()}`;

// Without an image, as JSON; a price is a string or a number.
const plain = await seller.POST("/products", { body: { name, description: "Solid oak.", price: 1250000, stock: 12 } });
assert.equal(plain.data?.results.price, "1250000");

// With an image, as a form. The document says of the file that it is a string of bytes; a browser sends a Blob.
const pictured = await seller.POST("/products", {
  body: { name, description: "Solid oak.", price: "1250000.50", stock: 3, image_url: new Blob([png], { type: "image/png" }) as unknown as string },
  bodySerializer: form,
});
assert(pictured.data, JSON.stringify(pictured.error));
const product = pictured.data.results;
const key = new URL(product.image_url).pathname.replace("/media/", "");
const image = await seller.GET("/media/{key}", { params: { path: { key } }, parseAs: "blob" });
assert.equal((image.data as unknown as Blob).type, "image/png");

// One field, and only if nobody has changed the product meanwhile; once as JSON, once as a form.
const etag = pictured.response.headers.get("ETag") ?? "";
const params = { path: { id: product.id }, header: { "If-Match": etag } };
const changed = await seller.PUT("/products/{id}", { params, body: { price: "1300000" } });
assert.deepEqual([changed.data?.results.price, changed.data?.results.name], ["1300000", name]);
const restocked = await seller.PUT("/products/{id}", {
  params: { path: { id: product.id } },
  body: { stock: 5 },
  bodySerializer: form,
});
assert.deepEqual([restocked.data?.results.stock, restocked.data?.results.image_url], [5, product.image_url]);

// An error is an envelope, whatever its status.
const late = await seller.PUT("/products/{id}", { params, body: { price: "1" } });
assert(late.error);
assert.equal(late.response.status, 412);
assert.equal(late.error.meta.code, "product_changed");
assert.match(late.error.meta.message, /has changed meanwhile/);
const wrong = await seller.POST("/products", { body: { name, description: "Oak.", price: "1.2.3", stock: 1 } });
assert.equal(wrong.error?.errors?.[0]?.field, "price");

// Pages, by the cursor that the header `Link` has.
const found: string[] = [];
for (let cursor = ""; ; ) {
  const page = await buyer.GET("/products", { params: { query: { q: name, sort: "oldest", limit: 1, cursor } } });
  assert(page.data, JSON.stringify(page.error));
  found.push(...page.data.results.map(({ id }) => id));
  const next = /<\?([^>]*)>; rel="next"/.exec(page.response.headers.get("Link") ?? "")?.[1];
  assert.equal(page.data.meta.has_next_page, next !== undefined);
  if (next === undefined) break;
  cursor = new URLSearchParams(next).get("cursor") ?? "";
}
assert.deepEqual(found, [plain.data?.results.id, product.id]);

// An order, which is made once however often it is sent.
const order = {
  params: { header: { "Idempotency-Key": `order-${Date.now()}` } },
  body: { product_id: product.id, quantity: 2 },
};
const ordered = await buyer.POST("/payments", order);
assert(ordered.data, JSON.stringify(ordered.error));
const payment = ordered.data.results;
const again = await buyer.POST("/payments", order);
assert.equal(again.data?.results.id, payment.id);

// Its events: how it stands, and what becomes of it once the simulator's page is told to pay.
const stop = new AbortController();
const watched = await buyer.GET("/payments/{id}/events", {
  params: { path: { id: payment.id } },
  parseAs: "stream",
  signal: AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]),
});
assert(watched.data, JSON.stringify(watched.error));
const seen: string[] = [];
for await (const change of events(watched.data as unknown as ReadableStream<Uint8Array>)) {
  assert.equal(change.id, payment.id);
  seen.push(change.status);
  if (change.status === "success") break;
  const paid = await fetch(`${payment.payment_url}/pay`, { method: "POST", redirect: "manual" });
  assert(paid.status < 400, `${paid.status}`);
}
stop.abort();
assert.deepEqual(seen, ["pending", "success"]);
console.log(`TypeScript: ${found.length} products, payment ${payment.payment_code} ${seen.join(", then ")}`);
