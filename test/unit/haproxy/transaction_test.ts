import { assertEquals, assertRejects } from "@std/assert";
import { SidecarError } from "../../../src/model/errors.ts";
import type { Event } from "../../../src/ports.ts";
import { defaultCertificate } from "../../../plugin/certs/default_certificate.ts";
import { clearTransaction, setCertificate } from "../../../plugin/haproxy/transaction.ts";
import type { Tools } from "../../../plugin/haproxy/tools.ts";
import { parseHaproxy } from "../../../plugin/haproxy/url.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";

const OURS = "/certs/ours.pem";
const THEIRS = "/certs/theirs.pem";
const mine = (file: string): boolean => file === "ours.pem";
const NONE = "# filename\n/certs/ours.pem\n\n";
const open = (file: string): string => `# transaction\n*${file}\n${NONE}`;
const aborted = (file: string): string => `Transaction aborted for certificate '${file}'!\n\n`;
const created = (file: string): string => `Transaction created for certificate ${file}!\n\n`;
const VERSION = { major: 2, minor: 6, text: "2.6.12" };
const LOCKED = "Can't update the certificate!\nOperations on certificates are currently locked!\n\n";

interface Scripted {
  readonly tools: Tools;
  readonly sent: readonly string[];
  readonly events: readonly Event[];
  readonly clock: ReturnType<typeof fakeClock>;
}

/** A runtime that gives these replies in turn; the last one for ever. */
function scripted(...replies: readonly string[]): Scripted {
  const sent: string[] = [];
  const events: Event[] = [];
  const clock = fakeClock();
  const ask = (message: string): Promise<string> => {
    sent.push(message.split(" <<", 1)[0] ?? "");
    return Promise.resolve(replies[Math.min(sent.length, replies.length) - 1] ?? "");
  };
  const config = parseHaproxy("lb", "haproxy+unix:///s?certs=/certs&probe=lb:443");
  const runtime = { key: "unix:/s", ask, info: () => Promise.reject(new Error("not asked")) };
  const told = { emit: (it: Event): void => void events.push(it) };
  const defaults = defaultCertificate(config, { clock, events: told });
  return { tools: { config, runtime, clock, events: told, defaults }, sent, events, clock };
}

Deno.test("clearTransaction() only looks where none is open", async () => {
  const { tools, sent, events } = scripted(NONE);
  await clearTransaction(tools, mine, CALL);
  assertEquals([sent, events], [["show ssl cert"], []]);
});

Deno.test("clearTransaction() aborts one of ours at once", async () => {
  const { tools, sent, events } = scripted(open(OURS), aborted(OURS));
  await clearTransaction(tools, mine, CALL);
  assertEquals(sent, ["show ssl cert", `abort ssl cert ${OURS}`]);
  assertEquals(events.map((it) => [it.level, it.name]), [["info", "balancer.transaction_aborted"]]);
});

Deno.test("clearTransaction() waits for another client's until it is gone", async () => {
  const { tools, sent, events, clock } = scripted(open(THEIRS), open(THEIRS), NONE);
  await clock.run(clearTransaction(tools, mine, CALL));
  assertEquals([sent.length, events], [3, []]);
  assertEquals(clock.now().getTime() - fakeClock().now().getTime(), 2_000);
});

Deno.test("clearTransaction() aborts another client's after 30 s, and says so", async () => {
  const { tools, sent, events, clock } = scripted(...Array(31).fill(open(THEIRS)), aborted(THEIRS));
  await clock.run(clearTransaction(tools, mine, CALL));
  assertEquals(sent.at(-1), `abort ssl cert ${THEIRS}`);
  assertEquals(clock.now().getTime() - fakeClock().now().getTime(), 30_000);
  assertEquals(events.map((it) => [it.level, it.fields?.["foreign"]]), [["warn", true]]);
});

Deno.test("clearTransaction() stops waiting when the signal aborts", async () => {
  const { tools } = scripted(open(THEIRS));
  const control = new AbortController();
  const waiting = clearTransaction(tools, mine, control);
  control.abort(new SyntaxError("stop"));
  await assertRejects(() => waiting, SyntaxError, "stop");
});

Deno.test("setCertificate() is content with a reply that names the file", async () => {
  const { tools, sent } = scripted(created(OURS));
  await setCertificate(tools, { file: OURS, pem: "PEM\n", version: VERSION }, mine, CALL);
  assertEquals(sent, [`set ssl cert ${OURS}`]);
});

Deno.test("setCertificate() aborts the transaction that it got into, and begins again", async () => {
  const { tools, sent } = scripted(created(THEIRS), aborted(THEIRS), NONE, created(OURS));
  await setCertificate(tools, { file: OURS, pem: "PEM\n", version: VERSION }, mine, CALL);
  assertEquals(sent, [`set ssl cert ${OURS}`, `abort ssl cert ${THEIRS}`, "show ssl cert", `set ssl cert ${OURS}`]);
});

Deno.test("setCertificate() waits where HAProxy refuses because of another client's", async () => {
  const foreign = `The ongoing transaction is about '${THEIRS}' but you are trying to set '${OURS}'\n\n`;
  const { tools, sent, clock } = scripted(foreign, open(THEIRS), NONE, created(OURS));
  await clock.run(setCertificate(tools, { file: OURS, pem: "PEM\n", version: VERSION }, mine, CALL));
  assertEquals(sent, [`set ssl cert ${OURS}`, "show ssl cert", "show ssl cert", `set ssl cert ${OURS}`]);
});

Deno.test("setCertificate() tries again while HAProxy is busy", async () => {
  const { tools, sent, clock } = scripted(LOCKED, LOCKED, created(OURS));
  await clock.run(setCertificate(tools, { file: OURS, pem: "PEM\n", version: VERSION }, mine, CALL));
  assertEquals(sent.length, 3);
});

for (
  const [why, replies] of [
    ["is busy for ever", [LOCKED]],
    ["refuses", ["Can't load the payload\nCan't update /certs/ours.pem!\n\n"]],
    ["puts it elsewhere for ever", [created(THEIRS), aborted(THEIRS), NONE, created(THEIRS), aborted(THEIRS), NONE]],
  ] as const
) {
  Deno.test(`setCertificate() gives up where HAProxy ${why}`, async () => {
    const { tools, clock } = scripted(...replies, ...replies, ...replies);
    const error = await assertRejects(
      () => clock.run(setCertificate(tools, { file: OURS, pem: "SECRET\n", version: VERSION }, mine, CALL)),
      SidecarError,
      `HAProxy refused "set ssl cert ${OURS}"`,
    );
    assertEquals([error.code, error.message.includes("SECRET")], ["SWAP_REJECTED", false]);
  });
}
