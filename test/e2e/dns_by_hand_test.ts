import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Pebble } from "../support/pebble.ts";
import { startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, madeBy, startStage } from "../support/stage.ts";

const TWO = ["a.example.com", "b.example.com"] as const;
const RECORD = /^Record name: (\S+)\nRecord type: TXT\nRecord content: ([A-Za-z0-9_-]{43})$/gm;

e2e("dns-01 where the CA uses authorizations again: two names authorized apart, then one get in one pass", async () => {
  await using stage = await startStage({ pebble: { authzReuse: 100 } });
  await using sidecar = await startSidecarProcess({ ...stage, env: { ...stage.env, ACME_AGREE_TOS: "true" } });
  for (const name of TWO) await setRecords(stage.pebble, await authorize(sidecar, name));

  const got = await sidecar.ok("certificate", "get", ...TWO);

  assertMatch(
    got,
    /^Certificate successfully received and stored into vault with keys:\nLE_CERTIFICATE_a_example_com_/,
  );
  assertMatch(got, /\nKept in the vault only: no load balancer is linked\n$/);
  assertEquals(await madeBy(stage.pebble), { orders: 3, certificates: 1 }, "one order carried each name");
});

e2e("dns-01 where it does not: one name is one order, two names park once and then finish the same order", async () => {
  await using stage = await startStage({ pebble: { authzReuse: 0 } });
  const { pebble } = stage;
  await using sidecar = await startSidecarProcess({ ...stage, env: { ...stage.env, ACME_AGREE_TOS: "true" } });

  await setRecords(pebble, await authorize(sidecar, "one.example.com"));
  await sidecar.ok("certificate", "get", "one.example.com");
  assertEquals(await madeBy(pebble), { orders: 1, certificates: 1 });

  for (const name of TWO) await setRecords(pebble, await authorize(sidecar, name));
  const parked = await sidecar.kontena("certificate", "get", ...TWO);
  assertEquals(parked.code, 1);
  assertEquals(recordsIn(parked.stdout).map(({ name }) => name), TWO.map((name) => `_acme-challenge.${name}`));
  assertMatch(
    parked.stderr,
    /\[error\] 422 : Unprocessable Entity:\n\tdns_record: Expected DNS record not present for domain a\.example\.com, b\.example\.com/,
  );
  assertEquals(await madeBy(pebble), { orders: 4, certificates: 1 });

  const again = await sidecar.kontena("certificate", "get", ...TWO);
  assertEquals([again.code, again.stdout], [1, parked.stdout], "the same records until they are set");
  await setRecords(pebble, parked.stdout);
  await sidecar.ok("certificate", "get", ...TWO);
  assertEquals(await madeBy(pebble), { orders: 4, certificates: 2 });
});

async function authorize(sidecar: TestSidecar, name: string): Promise<string> {
  const shown = await sidecar.ok("certificate", "authorize", "--auth-type", "dns-01", name);
  assert(shown.startsWith("Authorization successfully created. Use the following details to create necessary "));
  return shown;
}

function recordsIn(text: string): readonly { readonly name: string; readonly content: string }[] {
  return [...text.matchAll(RECORD)].map(([, name = "", content = ""]) => ({ name, content }));
}

/** Sets what was printed, and nothing else. */
async function setRecords(pebble: Pebble, text: string): Promise<void> {
  for (const { name, content } of recordsIn(text)) await pebble.setTxt(name, content);
}
