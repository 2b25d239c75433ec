import { assert, assertEquals, assertRejects } from "@std/assert";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { probe, type Probed } from "../../plugin/net/tls_probe.ts";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import { harness } from "../support/flow_harness.ts";
import { startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { mintAt } from "../support/minting.ts";
import { has } from "../support/process.ts";
import { better, inUse, WORSE } from "../support/worse.ts";

const DOMAINS = parseDnsNames(["www.example.com", "example.com"]);
const TRIED = [
  "a page",
  "a leaf for another key",
  "fewer names",
  "a gap in the chain",
  "an expired leaf",
  "an intermediate that is signed over SHA-1",
  "a certificate for clients alone",
  "a certificate of Pebble",
  "an older certificate",
];
const DAY = 86_400_000;

async function served({ httpsPort }: TestHaproxy): Promise<Probed> {
  return await probe({ hostname: "127.0.0.1", port: httpsPort }, { serverName: DOMAINS[0] }, CALL);
}

Deno.test({
  name:
    "F-80 to F-87: HAProxy serves the former certificate whatever the CA sends, and the next good one [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using haproxy = await startHaproxy({});
    const clock = { ...fakeClock(), sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)) };
    const lb = haproxyBalancer(parseHaproxy("lb", haproxy.url()), { clock, events: { emit: (): void => {} } });
    const it = await harness({ swap: (candidate) => lb.swap(candidate, CALL) });
    const mint = mintAt(it.authority, it.clock.now, inUse);
    await it.service.request({ domains: DOMAINS }, CALL);
    const before = await served(haproxy);
    const [held] = await it.service.certificates(CALL);
    assertEquals(before.fingerprint, held?.record.facts.fingerprint);

    for (const why of TRIED) {
      mint.next = WORSE.find((row) => row.why === why)!.make;
      await assertRejects(() => it.service.request({ domains: DOMAINS }, CALL), SidecarError);
      for (const record of await it.service.interrupted(CALL)) {
        for (let look = 2; look <= 5; look++) await assertRejects(() => it.service.resume(record, CALL), SidecarError);
      }
      assertEquals((await served(haproxy)).fingerprint, before.fingerprint, why);
    }

    const accepted = await it.service.acceptCertificate("www.example.com", CALL); // the older one
    assertEquals((await served(haproxy)).fingerprint, accepted?.record.facts.fingerprint);
    mint.next = better;
    const next = await it.service.request({ domains: DOMAINS }, CALL);
    assertEquals((await served(haproxy)).fingerprint, next.record.facts.fingerprint);
  },
});

Deno.test({
  name: "HAProxy's valid certificate stays where the one in the vault has expired [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using haproxy = await startHaproxy({});
    const clock = { ...fakeClock(), sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)) };
    const lb = haproxyBalancer(parseHaproxy("lb", haproxy.url()), { clock, events: { emit: (): void => {} } });
    const it = await harness({ swap: (candidate) => lb.swap(candidate, CALL) });
    mintAt(it.authority, it.clock.now, inUse);
    await it.service.request({ domains: DOMAINS }, CALL);
    // Somebody puts a newer one in by hand; the sidecar's own has expired by now.
    const other = await harness({ swap: (candidate) => lb.swap(candidate, CALL) });
    mintAt(other.authority, it.clock.now, (asked) => better(asked, { notAfter: new Date("2045-01-01T00:00:00Z") }));
    const by = await other.service.request({ domains: DOMAINS }, CALL);
    it.clock.move(61 * DAY);
    it.parts.balancers.get("infra/lb")!.served = (names, call) => lb.served(names, call);

    const [held] = await it.service.certificates(CALL);
    const { deployments: [deployment] } = await it.service.redeploy(held!.record, CALL);

    assert(deployment?.state === "held");
    assert(deployment.reason.includes("2045-01-01"), deployment.reason);
    assertEquals((await served(haproxy)).fingerprint, by.record.facts.fingerprint);
  },
});
