import { assertEquals, assertMatch } from "@std/assert";
import { CALL } from "../support/fakes.ts";
import { tempDir, until } from "../support/process.ts";
import { openStores, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, startStage } from "../support/stage.ts";

const NAMES = Array.from({ length: 8 }, (_, i) => `n${i}.example.com`);

/** A container's runtime gives ten seconds; this is what we promise. */
const DRAINED_MS = 3_000;

e2e("SIGTERM drains while an order waits: exit 0, no answer is left, and the next start goes on", async () => {
  // Each validation sleeps for up to that long: that all eight are over before the test is, is one chance in a million.
  await using stage = await startStage({ pebble: { vaSleep: 60 } });
  const { pebble, haproxy, challengePort } = stage;
  const env = { ...stage.env, ACME_AGREE_TOS: "true", CHALLENGE: "tls-alpn-01" };
  const presented = async (): Promise<number> =>
    (await haproxy.ask(`show ssl crt-list ${haproxy.challenges}`)).match(/\.example\.com/g)?.length ?? 0;
  using folder = tempDir();

  {
    await using sidecar = await startSidecarProcess({ env, challengePort, folder: folder.path });
    const request = sidecar.kontena("certificate", "request", ...NAMES);
    await until("the CA looks", () => pebble.output().match(/Pulled a task/g)?.length === NAMES.length);
    assertEquals(await presented(), NAMES.length);

    await endsInTime(sidecar);

    const { code, stderr } = await request;
    assertEquals(code, 1);
    assertMatch(stderr, /The sidecar is stopping \(repeat the command\)/);
    assertEquals(await presented(), 0);
  }
  {
    await using left = await openStores(folder.path);
    assertEquals((await left.records.orders.list(CALL)).map((it) => it.value.step), ["ordered"]);
  }
  {
    await using sidecar = await startSidecarProcess({ env, challengePort, folder: folder.path });
    await until("the answers are up again", async () => await presented() > 0);
    await endsInTime(sidecar);
    assertEquals(await presented(), 0);
  }
});

async function endsInTime(sidecar: TestSidecar): Promise<void> {
  let code: number | undefined;
  const ended = sidecar.stop().then((it) => code = it);
  await until("the sidecar ends", () => code !== undefined, DRAINED_MS);
  await ended;
  assertEquals(code, 0, sidecar.process.output());
}
