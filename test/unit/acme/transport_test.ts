import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type AnswerNote, type Outgoing, type Send, transport } from "../../../src/acme/transport.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { BASE, lost, type Reply, reply, type RoutedCa, routes, silence } from "../../support/acme_routes.ts";
import { fakeClock } from "../../support/fake_clock.ts";

const call = { signal: new AbortController().signal };
const GET: Outgoing = { method: "GET", url: new URL(`${BASE}/x`), doing: "read the order" };

interface Bench {
  readonly ca: RoutedCa;
  readonly send: Send;
  readonly notes: AnswerNote[];
  /** Lets the time of the last request run out. */
  late(): void;
}

function bench(answer: Reply): Bench {
  const ca = routes({ "GET /x": answer, "POST /x": answer });
  const notes: AnswerNote[] = [];
  let deadline = new AbortController();
  const send = transport({
    fetch: ca.fetch,
    userAgent: "kontena-certificates/0.1",
    clock: fakeClock(),
    onAnswer: (note) => void notes.push(note),
    deadline: (ms) => {
      assertEquals(ms, 30_000);
      return (deadline = new AbortController()).signal;
    },
  });
  return { ca, send, notes, late: () => deadline.abort() };
}

/** A body that comes in pieces, and says how many were taken and whether it was cancelled. */
function stream(pieces: number, size: number): { reply: Reply; state: { taken: number; cancelled: boolean } } {
  const state = { taken: 0, cancelled: false };
  const body = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new ReadableStream({
      pull(controller): void {
        if (state.taken++ < pieces) controller.enqueue(new Uint8Array(size).fill(0x20));
        else controller.close();
      },
      cancel(): void {
        state.cancelled = true;
      },
    });
  return { state, reply: () => new Response(body(), { headers: { "content-type": "application/json" } }) };
}

Deno.test("send() names the product, the language and what it sends, and follows no redirect", async () => {
  const { ca, send, notes } = bench(reply(200, "x"));
  await send({ ...GET, method: "POST", body: "{}", accept: "application/pem-certificate-chain" }, call);
  await send(GET, call);
  const [post, get] = ca.seen;
  assertEquals(post?.headers.get("user-agent"), "kontena-certificates/0.1");
  assertEquals(post?.headers.get("accept-language"), "en");
  assertEquals(post?.headers.get("content-type"), "application/jose+json");
  assertEquals(post?.headers.get("accept"), "application/pem-certificate-chain");
  assertEquals(post?.redirect, "manual");
  assertEquals([get?.headers.has("content-type"), get?.headers.has("accept")], [false, false]);
  assertEquals(notes.map((it) => `${it.method} ${it.url.pathname} ${it.status}`), ["POST /x 200", "GET /x 200"]);
});

Deno.test("send() takes 64 KB, and no byte more", async () => {
  assertEquals((await bench(stream(64, 1024).reply).send(GET, call)).text.length, 65_536);
  const { reply } = stream(1, 65_537);
  const error = await assertRejects(() => bench(reply).send(GET, call), SidecarError, "longer than 64 KB");
  assertEquals(error.code, "CA_ANSWER");
});

Deno.test("send() takes as much as it is told to", async () => {
  const answer = await bench(stream(1024, 1024).reply).send({ ...GET, maxBytes: 1_048_576 }, call);
  assertEquals(answer.text.length, 1_048_576);
});

Deno.test("send() cuts a body of 5 GB off at the cap", async () => {
  const { reply, state } = stream(5 * 1024 * 1024, 1024);
  await assertRejects(() => bench(reply).send(GET, call), SidecarError, "longer than 64 KB");
  assert(state.cancelled && state.taken < 80, `${state.taken} KB taken`);
});

Deno.test("send() refuses headers of more than 16 KB", async () => {
  const long = reply(200, "x", { "x-long": "x".repeat(17_000) });
  const error = await assertRejects(() => bench(long).send(GET, call), SidecarError, "longer than 16 KB");
  assertEquals(error.code, "CA_ANSWER");
});

Deno.test("send() does not read the page that comes with an error", async () => {
  const state = { cancelled: false };
  const body = new ReadableStream({ cancel: () => void (state.cancelled = true) });
  const { send } = bench(() => new Response(body, { status: 502, headers: { "content-type": "text/html" } }));
  assertEquals((await send(GET, call)).text, "");
  assert(state.cancelled);
});

Deno.test("send() gives up when the answer takes longer than 30 s", async () => {
  const { send, late } = bench(silence);
  const sent = assertRejects(() => send(GET, call), SidecarError, "ca.example did not answer within 30 s");
  late();
  assertEquals((await sent).code, "CA_TRANSPORT");
});

Deno.test("send() gives up when the body takes longer than 30 s", async () => {
  let cancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: () => void (cancelled = true),
  });
  const { send, late } = bench(() => new Response(body, { headers: { "content-type": "application/json" } }));
  const sent = assertRejects(() => send(GET, call), SidecarError, "did not answer within 30 s");
  await new Promise((resolve) => setTimeout(resolve));
  late();
  await sent;
  assert(cancelled);
});

for (
  const [why, answer] of [["the answer", silence], ["the body", () => new Response(new ReadableStream())]] as const
) {
  Deno.test(`send() ends at once with the caller's reason while it waits for ${why}`, async () => {
    const controller = new AbortController();
    const sent = assertRejects(() => bench(answer).send(GET, { signal: controller.signal }), RangeError, "enough");
    await new Promise((resolve) => setTimeout(resolve));
    controller.abort(new RangeError("enough"));
    await sent;
  });
}

Deno.test("send() sends nothing for a caller who has left", async () => {
  const { send, ca } = bench(reply(200, "x"));
  const gone = { signal: AbortSignal.abort(new RangeError("enough")) };
  await assertRejects(() => send(GET, gone), RangeError, "enough");
  assertEquals(ca.seen, []);
});

Deno.test("send() says why the connection failed", async () => {
  const error = await assertRejects(() => bench(lost).send(GET, call), SidecarError);
  assertEquals(error.message, "Cannot read the order: no whole answer from ca.example: connection reset by peer");
  assertEquals(error.code, "CA_TRANSPORT");
});

Deno.test("send() says what to do where the CA's HTTPS is not trusted", async () => {
  const cause = new Error("invalid peer certificate: UnknownIssuer");
  const { send } = bench(() => Promise.reject(new TypeError("fetch failed", { cause })));
  const error = await assertRejects(() => send(GET, call), SidecarError, "UnknownIssuer");
  assertStringIncludes(error.todo ?? "", "ACME_CA_FILE");
});

Deno.test("send() takes a body that breaks off for an answer that did not arrive", async () => {
  const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError("connection reset")) });
  const { send } = bench(() => new Response(body, { headers: { "replay-nonce": "n" } }));
  const heard: (string | null)[] = [];
  const sent = send(GET, call, (headers) => void heard.push(headers.get("replay-nonce")));
  assertEquals((await assertRejects(() => sent, SidecarError, "connection reset")).code, "CA_TRANSPORT");
  assertEquals(heard, ["n"]);
});
