import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as v from "valibot";
import { ACCOUNT, REGISTRATION, ROLLOVER } from "../../../plugin/http/answers.ts";
import { closedError } from "../../../src/flow/closure.ts";
import type { AccountStatus, RegisterRequest } from "../../../src/flow/service.ts";
import { authorizationRecord, testApi } from "../../support/fake_service.ts";

const DIRECTORY = new URL("https://ca.example/directory");
const URL_OF = new URL("https://ca.example/account/1");
const AT = new Date("2026-01-01T00:00:00Z");
const known = {
  directory: DIRECTORY,
  record: { directory: DIRECTORY, url: URL_OF, thumbprint: "t456", email: "you@example.com", createdAt: AT },
  keyType: "ec-256",
};
const VALID: AccountStatus = { ...known, state: "valid", contact: [] };
const CLOSURE = { directory: DIRECTORY, account: URL_OF, thumbprint: "t456", by: "command", at: AT } as const;
const SHAPE = {
  directory: DIRECTORY.href,
  url: URL_OF.href,
  email: "you@example.com",
  key_type: "ec-256",
  thumbprint: "t456",
  created_at: "2026-01-01T00:00:00.000+00:00",
};

for (
  const [status, expected] of [
    [VALID, { ...SHAPE, state: "valid" }],
    [{ ...known, pending: "rollover", state: "unknown", reason: "the connection was reset" }, {
      ...SHAPE,
      state: "unknown",
      reason: "the connection was reset",
      pending: "rollover",
    }],
    [{ ...known, state: "deactivated", closure: CLOSURE }, {
      ...SHAPE,
      state: "deactivated",
      deactivated_at: "2026-01-01T00:00:00.000+00:00",
      deactivated_by: "command",
    }],
    [{ directory: DIRECTORY, state: "deactivated", closure: { ...CLOSURE, by: "ca" } }, {
      ...SHAPE,
      email: null,
      key_type: null,
      created_at: null,
      state: "deactivated",
      deactivated_at: "2026-01-01T00:00:00.000+00:00",
      deactivated_by: "ca",
    }],
  ] as const satisfies readonly (readonly [AccountStatus, unknown])[]
) {
  Deno.test(`GET account shows ${"record" in status ? "an" : "a forgotten"} account that is ${status.state}`, async () => {
    const { ask, events } = testApi({ account: () => Promise.resolve(status) });
    const { status: code, json } = await ask("GET", "/v1/certificates/test/account");
    assertEquals([code, json], [200, expected]);
    assert(v.is(ACCOUNT, json));
    assert(events.some(({ name }) => name === "account.shown"));
  });
}

Deno.test("PUT account takes an e-mail address, and refuses what is none", async () => {
  const emails: string[] = [];
  const { ask } = testApi({
    updateAccount: (email) => {
      emails.push(email);
      return Promise.resolve(VALID);
    },
  });
  const { status, json } = await ask("PUT", "/v1/certificates/test/account", { email: " me@example.com " });
  assertEquals([status, json, emails], [200, { ...SHAPE, state: "valid" }, ["me@example.com"]]);
  for (const [body, text] of [[{ email: "nobody" }, "isn't in the right format"], [{}, "is required"]] as const) {
    const refused = await ask("PUT", "/v1/certificates/test/account", body);
    assertEquals([refused.status, refused.json], [422, { error: { email: `Email ${text}` }, code: "INPUT" }]);
  }
  assertEquals(emails.length, 1);
});

Deno.test("POST account/rollover tells which TXT records are other ones now", async () => {
  const waiting = authorizationRecord("*.example.com", { keyAuthorization: "token123.new" });
  const { ask } = testApi({
    rollOverAccount: () => Promise.resolve(VALID),
    authorizations: () =>
      Promise.resolve([
        waiting,
        authorizationRecord("done.example.com", { state: "validated" }),
        authorizationRecord("auto.example.com", { type: "http-01" }),
        authorizationRecord("former.example.com", { account: new URL("https://ca.example/account/0") }),
        authorizationRecord("late.example.com", { expires: new Date("2025-12-31T00:00:00Z") }),
      ]),
  });
  const { status, json } = await ask("POST", "/v1/certificates/test/account/rollover");
  assertEquals([status, v.is(ROLLOVER, json)], [200, true]);
  const { records } = json as v.InferOutput<typeof ROLLOVER>;
  assertEquals(records.map((it) => [it.domain, it.record_name]), [["*.example.com", "_acme-challenge.example.com"]]);
});

Deno.test("POST account/deactivate tells when and by whom", async () => {
  const { ask } = testApi({
    deactivateAccount: () => Promise.resolve({ ...known, state: "deactivated", closure: CLOSURE }),
  });
  const { status, json } = await ask("POST", "/v1/certificates/test/account/deactivate");
  assertEquals([status, (json as v.InferOutput<typeof ACCOUNT>).deactivated_by], [200, "command"]);
});

Deno.test("what needs a closed account is refused with its code, its date and what to do", async () => {
  const { ask } = testApi({ request: () => Promise.reject(closedError(CLOSURE)) });
  const { status, text, json } = await ask("POST", "/v1/grids/test/certificates", { domains: ["example.com"] });
  assertEquals([status, (json as { code: string }).code], [422, "ACCOUNT_DEACTIVATED"]);
  assertStringIncludes(text, "was deactivated on 2026-01-01T00:00:00Z by command");
  assertStringIncludes(text, "kontena certificate register --new-account");
});

Deno.test("POST register passes on that another account is wanted, and GET register that the former is closed", async () => {
  const requests: RegisterRequest[] = [];
  const info = { caaIdentities: [], externalAccountRequired: false, profiles: {} };
  const { ask } = testApi({
    register: (request) => {
      requests.push(request);
      return Promise.resolve(known.record);
    },
    registration: () => Promise.resolve({ directory: DIRECTORY, info, account: known.record, closure: CLOSURE }),
  });
  const body = { email: "you@example.com", new_account: true };
  assertEquals((await ask("POST", "/v1/certificates/test/register", body)).status, 201);
  assertEquals(requests, [{ email: "you@example.com", agreeTos: true, newAccount: true }]);
  const { json } = await ask("GET", "/v1/certificates/test/register");
  assert(v.is(REGISTRATION, json));
  assertEquals([json.registered, json.deactivated], [
    false,
    "The account https://ca.example/account/1 at ca.example was deactivated on 2026-01-01T00:00:00Z by command",
  ]);
});
