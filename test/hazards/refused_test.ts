import { assertEquals, assertRejects } from "@std/assert";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import {
  atRest,
  FILE,
  issue,
  NAME,
  once,
  PKI,
  read,
  rejection,
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import { withKeyOf } from "../support/pki.ts";

for (const mode of ["directory", "crt-list"] as const) {
  test(
    `commit refused, F-107: swap() takes a new certificate away again if it is not served (${mode})`,
    { mode },
    async (kit) => {
      await using elsewhere = await startHaproxy();
      const { haproxy } = kit;
      const list = read(haproxy.list);
      const lb = kit.other({ probe: `127.0.0.1:${elsewhere.httpsPort}` });
      await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "put back");
      assertEquals((await haproxy.ask("show ssl cert")).includes(FILE), false);
      assertEquals([read(`${haproxy.certs}/${FILE}`), read(haproxy.list)], [undefined, list]);
      await atRest(haproxy);
    },
  );
}

test(
  "commit refused, F-102: swap() puts back a bundle that is not for the names it is said to be for",
  WITH_OLD,
  async (kit) => {
    const bundle = { ...issue("other.example.com"), facts: { ...issue("other.example.com").facts, names: [NAME] } };
    await rejection(() => kit.lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "placeholder.invalid");
    await untouched(kit);
  },
);

test("commit refused, F-102: swap() puts back what HAProxy does not commit", WITH_OLD, async (kit) => {
  const bundle = withKeyOf(issue(NAME), issue(NAME));
  await rejection(
    () => kit.lb.swap({ file: FILE, bundle }, CALL),
    "SWAP_REJECTED",
    "inconsistencies between private key",
  );
  await untouched(kit);
});

test(
  "commit refused, F-107: swap() takes a new name away again that HAProxy does not commit",
  {},
  async ({ haproxy, lb }) => {
    const bundle = withKeyOf(issue(NAME), issue(NAME));
    await rejection(
      () => lb.swap({ file: FILE, bundle }, CALL),
      "SWAP_REJECTED",
      "inconsistencies between private key",
    );
    assertEquals([(await haproxy.ask("show ssl cert")).includes(FILE), read(`${haproxy.certs}/${FILE}`)], [
      false,
      undefined,
    ]);
    await atRest(haproxy);
  },
);

test(
  "reply that breaks off, F-103: swap() puts back when the caller gives up, and rejects with the reason",
  WITH_OLD,
  async (kit) => {
    const control = new AbortController();
    const stop = once("commit ssl cert", () => {
      control.abort(new SyntaxError("stop"));
      return { do: "hang" };
    });
    await tapped(kit, stop, async (lb) => {
      await assertRejects(() => lb.swap({ file: FILE, bundle: issue(NAME) }, control), SyntaxError, "stop");
      await untouched(kit);
    });
  },
);

for (
  const [key, code, part] of [
    ["rsa-1024", "SWAP_REJECTED", "unable to load"], // below OpenSSL's security level
    ["secp256k1", "CERTIFICATE_REJECTED", "has a key of an unknown kind"], // a curve that is not in TLS
  ] as const
) {
  test(
    `commit refused, F-102: swap() does not go on with a key of ${key}, and keeps the reason`,
    WITH_OLD,
    async (kit) => {
      const bundle = PKI.issue([NAME], { key });
      await rejection(() => kit.lb.swap({ file: FILE, bundle }, CALL), code, part);
      await untouched(kit);
    },
  );
}

for (const mode of ["directory", "crt-list"] as const) {
  test(`new name refused, F-107: "add ssl crt-list" fails, and no orphan stays (${mode})`, { mode }, async (kit) => {
    const { haproxy } = kit;
    const list = read(haproxy.list);
    const gone = once("add ssl crt-list", async () => void await haproxy.ask(`del ssl cert ${haproxy.certs}/${FILE}`));
    await tapped(kit, gone, async (lb) => {
      await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "does not exist!");
    });
    assertEquals((await haproxy.ask("show ssl cert")).includes(FILE), false);
    assertEquals([read(`${haproxy.certs}/${FILE}`), read(haproxy.list)], [undefined, list]);
    await atRest(haproxy);
    assertEquals((await kit.lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "added");
  });
}
