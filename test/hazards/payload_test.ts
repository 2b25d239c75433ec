import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../support/fakes.ts";
import {
  FILE,
  fingerprintOf,
  issue,
  NAME,
  OLD,
  PKI,
  rejection,
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";

/** A bundle that is at most that long with its command, as near as base64 comes. */
function bundleOf(size: number, file: string): Bundle {
  const lengthOf = (padding: number): number =>
    `set ssl cert ${file} <<\n${bundlePem(PKI.issue([NAME], { padding }))}\n`.length;
  let padding = 9_000 + Math.ceil((size - lengthOf(9_000)) / ((lengthOf(10_000) - lengthOf(9_000)) / 1_000));
  while (lengthOf(padding) > size) padding -= 3;
  return PKI.issue([NAME], { padding });
}

test("large payload, F-102: HAProxy takes nothing that is longer than its buffer", WITH_OLD, async (kit) => {
  const start = `set ssl cert ${kit.haproxy.certs}/${FILE} <<\n`;
  const comments = `${"#".repeat(59)}\n`.repeat(300);
  // Exactly 16,384 bytes are not tried: those are never answered at all, and end some versions.
  const answer = await kit.haproxy.ask(`${start}${comments}${bundlePem(OLD)}`).catch(() => ""); // 2.6 gives none
  assertEquals(answer.includes("Transaction"), false, answer);
  await untouched(kit);
});

test("large payload, F-102: nothing is sent that would fill the buffer", WITH_OLD, async (kit) => {
  for (const size of [16_000, 16_383, 16_384, 17_000]) {
    const bundle = bundleOf(size + 60, `${kit.haproxy.certs}/${FILE}`);
    const commands = await tapped(kit, () => undefined, async (lb) => {
      await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "too large for the runtime socket");
    });
    assertEquals(commands.filter((it) => !it.startsWith("show ")), [], `${size} bytes`);
  }
  assertEquals(await fingerprintOf(kit.haproxy), OLD.facts.fingerprint);
  assertStringIncludes(await kit.haproxy.ask("show info"), `\nPid: ${kit.haproxy.pid}\n`);
});

test("large payload, F-102: swap() takes a bundle just below the limit", WITH_OLD, async ({ haproxy, lb }) => {
  const bundle = bundleOf(15_980, `${haproxy.certs}/${FILE}`);
  assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
});

test(
  "command text in a PEM, F-134: HAProxy cuts a payload at a blank line, and 2.6 runs what follows",
  WITH_OLD,
  async ({ haproxy }) => {
    const [leaf] = OLD.certificates;
    const reply = await haproxy.ask(`set ssl cert ${haproxy.certs}/${FILE} <<\n${leaf}\nshow version\n`);
    assertStringIncludes(reply, "Transaction created");
    const info = await haproxy.ask("show info");
    assertEquals(/^\d+\.\d+\.\d+/m.test(reply), /^Version: 2\.[0-8]\./m.test(info), reply);
  },
);

test("command text in a PEM, F-134: no line that is not PEM reaches HAProxy", WITH_OLD, async (kit) => {
  for (const line of ["", "\r", "<<%EOF%", "%EOF%", "show version"]) {
    const bundle = issue(NAME);
    const [leaf] = bundle.certificates;
    const bad: Bundle = { ...bundle, certificates: [`${leaf}${line}\n`, "shutdown frontend https\n"] };
    const commands = await tapped(kit, () => undefined, async (lb) => {
      await rejection(() => lb.swap({ file: FILE, bundle: bad }, CALL), "CERTIFICATE_REJECTED", "not a line of PEM");
    });
    assertEquals(commands, [], JSON.stringify(line));
  }
  await untouched(kit);
});

test("commit refused, F-102: swap() writes no file that HAProxy cannot parse", WITH_OLD, async (kit) => {
  const bundle = issue(NAME);
  const garbage = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
  const bad: Bundle = { ...bundle, certificates: [bundle.certificates[0], garbage] };
  const commands = await tapped(kit, () => undefined, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: bad }, CALL), "SWAP_REJECTED", "unable to load");
  });
  assertEquals(commands.some((it) => it.startsWith("commit")), false);
  await untouched(kit);
});
