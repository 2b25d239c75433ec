import { assertEquals } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { CALL } from "../support/fakes.ts";
import { FILE, issue, NAME, PKI, rejection, tapped, test, untouched, WITH_OLD } from "../support/haproxy_kit.ts";

test(
  "large payload, F-102: swap() refuses a bundle of 17 KB, which HAProxy would not survive",
  WITH_OLD,
  async (kit) => {
    const bundle = PKI.issue([NAME], { padding: 11_600 });
    assertEquals(bundlePem(bundle).length > 16_384, true);
    const commands = await tapped(kit, () => undefined, async (lb) => {
      await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "too large for the runtime socket");
    });
    assertEquals(commands.filter((it) => !it.startsWith("show ")), []);
    await untouched(kit);
  },
);

test("large payload, F-102: swap() takes a bundle just below the limit", WITH_OLD, async ({ haproxy, lb }) => {
  const size = (padding: number): number => bundlePem(PKI.issue([NAME], { padding })).length;
  const perByte = (size(10_000) - size(9_000)) / 1_000;
  const padding = 9_000 +
    Math.floor((15_999 - 30 - `set ssl cert ${haproxy.certs}/${FILE} <<\n\n`.length - size(9_000)) / perByte);
  const bundle = PKI.issue([NAME], { padding });
  assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
});

test(
  "command text in a PEM, F-134: swap() refuses a bundle with a blank line, whose rest would be run as commands",
  WITH_OLD,
  async (kit) => {
    const bundle = issue(NAME);
    const [leaf] = bundle.certificates;
    const bad: Bundle = { ...bundle, certificates: [`${leaf}\n`, "shutdown frontend https\n"] };
    const commands = await tapped(kit, () => undefined, async (lb) => {
      await rejection(() => lb.swap({ file: FILE, bundle: bad }, CALL), "CERTIFICATE_REJECTED", "not a line of PEM");
    });
    assertEquals(commands, []);
    await untouched(kit);
  },
);

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
