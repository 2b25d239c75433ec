import { assert, assertEquals, assertRejects } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { InputError } from "../../../src/model/errors.ts";
import type { RevocationReason } from "../../../src/model/revocation.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness } from "../../support/flow_harness.ts";

const DOMAINS = parseDnsNames(["www.example.com"]);

async function held(): Promise<Harness & { look(): Promise<void> }> {
  const it = await harness();
  await it.service.request({ domains: DOMAINS }, CALL);
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), []);
  return { ...it, look: () => keep.look(CALL) };
}

for (
  const [reason, code, replaced] of [
    ["unspecified", 0, true],
    ["keyCompromise", 1, true],
    ["superseded", 4, true],
    ["cessationOfOperation", 5, false],
  ] as const satisfies readonly (readonly [RevocationReason, number, boolean])[]
) {
  Deno.test(`revokeCertificate() tells the CA ${reason}, and the certificate is ${replaced ? "" : "not "}replaced`, async () => {
    const { service, authority, records, look, clock, events } = await held();

    const { record } = await service.revokeCertificate("www.example.com", reason, CALL) ?? {};

    assert(authority.asked.includes(`revoke ${code}`));
    assertEquals(record?.revoked, { at: clock.now(), reason });
    assertEquals((await records.certificates.list(CALL)).map(({ value }) => value.revoked?.reason), [reason]);
    assert(events.some((event) => event.name === "certificate.revoked"));

    await look();
    assertEquals(authority.issued(), replaced ? 2 : 1);
    assertEquals((await records.certificates.list(CALL)).map(({ value }) => value.revoked === undefined), [replaced]);
    assertEquals(events.some((event) => event.text.includes("run kontena certificate remove")), !replaced);
  });
}

Deno.test("revokeCertificate() of what there is not says so", async () => {
  const { service } = await harness();
  assertEquals(await service.revokeCertificate("www.example.com", "unspecified", CALL), undefined);
});

for (
  const [why, change, message] of [
    ["was imported", { origin: "imported" }, "was imported"],
    ["came from another CA", { directory: new URL("https://old.test/dir") }, "was issued by old.test, not by ca.test"],
  ] as const
) {
  Deno.test(`revokeCertificate() refuses one that ${why}`, async () => {
    const { service, records, authority } = await held();
    const [row] = await records.certificates.list(CALL);
    await records.certificates.put(row!.id, { ...row!.value, ...change } as never, CALL);

    const error = await assertRejects(
      () => service.revokeCertificate("www.example.com", "superseded", CALL),
      InputError,
      message,
    );

    assertEquals(error.field, "certificate");
    assert(!authority.asked.some((it) => it.startsWith("revoke")));
  });
}
