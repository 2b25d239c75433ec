import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../plugin/clock.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import { CALL } from "../support/fakes.ts";
import { gateTo } from "../support/gate.ts";
import { openLibrary } from "../support/library.ts";
import { startPebble } from "../support/pebble.ts";
import { e2e, madeBy, startStage } from "../support/stage.ts";

/** The longest sleep of a validation; Pebble draws each anew. */
const VA_SLEEP_S = 5;

/** Validated one after the other they would take minutes. */
const DEADLINE_MS = 60_000;

e2e("a certificate for one name is seven requests, and one for each look that came too early", async () => {
  await using pebble = await startPebble();
  await using library = await openLibrary(pebble);
  await library.service.request({ domains: [parseDnsName("warm.example.com")] }, CALL);
  library.requests.length = 0;

  await library.service.request({ domains: [parseDnsName("one.example.com")] }, CALL);

  assertEquals(library.requests.filter((it) => !tooEarly(it)), [
    "POST order-plz 201 pending",
    "POST authZ 200 pending",
    "POST chalZ 200 pending",
    "POST my-order 200 ready",
    "POST finalize-order 200 processing",
    "POST my-order 200 valid",
    "POST certZ 200",
  ]);
});

e2e(
  "a hundred names that sleep before they are validated overlap, on one connection and at most 210 requests",
  async () => {
    await using stage = await startStage({ pebble: { vaSleep: VA_SLEEP_S } });
    await using gate = gateTo(Number(stage.pebble.directory.port));
    gate.open();
    const lb = haproxyBalancer(parseHaproxy("lb", stage.haproxy.url()), {
      clock: systemClock,
      events: { emit: (): void => {} },
    });
    await using library = await openLibrary(stage.pebble, {
      directory: new URL(`https://127.0.0.1:${gate.port}/dir`),
      answerPort: stage.challengePort,
      balancers: new Map([["lb", lb]]),
    });
    const rest = Array.from({ length: 99 }, (_, i): DnsName => parseDnsName(`n${i + 1}.example.com`));
    library.requests.length = 0;

    const held = await library.service.request(
      { domains: [parseDnsName("n0.example.com"), ...rest] },
      { signal: AbortSignal.timeout(DEADLINE_MS) },
    );

    assertEquals(held.record.facts.names.length, 100);
    assertEquals(held.deployments.map((it) => it.state), ["served"]);
    assertEquals(await madeBy(stage.pebble), { orders: 1, certificates: 1 });
    const asked = library.requests.filter((it) => !tooEarly(it));
    assert(asked.length <= 210, `${asked.length} requests`);
    assertEquals(gate.connections, 1);
    const validated = stage.pebble.output().match(/Pulled a task from the Tasks queue/g)?.length ?? 0;
    assertEquals(validated, 100);
  },
);

/** A look at the order that finds it as it was: those are the CA's to number. */
function tooEarly(request: string): boolean {
  return /^POST my-order 200 (pending|processing)$/.test(request);
}
