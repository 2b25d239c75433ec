import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../plugin/clock.ts";
import { acmeAuthority } from "../../src/acme/authority.ts";
import { AcmeProblemError, KeyTakenError, SidecarError } from "../../src/model/errors.ts";
import type { CertificateAuthority } from "../../src/ports.ts";
import { type AuthorityOptions, startAuthority, type TestAuthority } from "../ca/mod.ts";
import { makeAccountKey } from "../support/account_key.ts";
import { CALL } from "../support/fakes.ts";

const AGREED = { contact: ["mailto:a@example.com"], termsOfServiceAgreed: true };

async function withAuthority(
  options: AuthorityOptions,
  play: (ca: CertificateAuthority, authority: TestAuthority) => Promise<void>,
): Promise<void> {
  await using authority = await startAuthority(options);
  const { directory } = authority;
  await play(acmeAuthority({ directory, clock: systemClock, userAgent: "kontena-certificates-test/1" }), authority);
}

for (const like of ["boulder", "pebble"] as const) {
  Deno.test(`an account at a CA like ${like} is read, gets a contact and a key, and ends`, () =>
    withAuthority({ like }, async (ca) => {
      const [old, next] = [await makeAccountKey("RS256"), await makeAccountKey()];
      const account = ca.as(await ca.register(old, AGREED, CALL), old);
      assertEquals(await account.read(CALL), { status: "valid", contact: AGREED.contact });
      await account.update({ contact: ["mailto:b@example.com"] }, CALL);

      await account.changeKey(next, CALL);
      assertEquals([await ca.find(next, CALL), await ca.find(old, CALL)], [account.url, undefined]);
      await assertRejects(() => account.read(CALL), AcmeProblemError);

      const changed = ca.as(account.url, next);
      assertEquals(await changed.read(CALL), { status: "valid", contact: ["mailto:b@example.com"] });
      await changed.deactivate(CALL);
      assertEquals((await changed.read(CALL)).status, "deactivated");
      assertEquals((await assertRejects(() => ca.find(next, CALL), SidecarError)).code, "ACCOUNT_DEACTIVATED");
    }));
}

Deno.test("a key that has an account does not become another one's", () =>
  withAuthority({}, async (ca) => {
    const [one, other] = [await makeAccountKey(), await makeAccountKey()];
    const [url, taken] = [await ca.register(one, AGREED, CALL), await ca.register(other, AGREED, CALL)];
    const error = await assertRejects(() => ca.as(url, one).changeKey(other, CALL), KeyTakenError);
    assertEquals(error.account, taken);
  }));

Deno.test("a change of the key whose answer is lost has taken effect", () =>
  withAuthority({}, async (ca, { directory, log }) => {
    const [old, next] = [await makeAccountKey(), await makeAccountKey()];
    const url = await ca.register(old, AGREED, CALL);
    const losing = (async (input: string | URL, init?: RequestInit) => {
      const response = await fetch(input, init);
      const [entry] = log.slice(-1);
      if (entry?.endpoint !== "keyChange") return response;
      await response.body?.cancel();
      throw new TypeError("connection reset");
    }) as typeof fetch;
    const hasty = acmeAuthority({
      directory,
      clock: systemClock,
      userAgent: "kontena-certificates-test/1",
      fetch: losing,
    });
    const error = await assertRejects(() => hasty.as(url, old).changeKey(next, CALL), SidecarError);
    assertEquals(error.code, "CA_TRANSPORT");
    assertEquals(log.filter(({ endpoint }) => endpoint === "keyChange").length, 1);
    assertEquals([await ca.find(next, CALL), await ca.find(old, CALL)], [url, undefined]);
  }));
