import { assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../plugin/cli/client.ts";
import { kontena } from "../../support/fake_kontena.ts";

const ROUTE = "v1/certificates/test/account";
const ANSWER = {
  directory: "https://ca.example/directory",
  url: "https://ca.example/account/1",
  email: "you@example.com",
  key_type: "ec-256",
  thumbprint: "t456",
  created_at: "2026-01-01T00:00:00.000+00:00",
  state: "valid",
};
const CLOSED = {
  ...ANSWER,
  state: "deactivated",
  deactivated_at: "2026-02-01T10:00:00.000+00:00",
  deactivated_by: "command",
};
const HEAD = "test/account:\n  directory: https://ca.example/directory\n  url: https://ca.example/account/1\n" +
  "  email: you@example.com\n  key type: ec-256\n  thumbprint: t456\n  created: 2026-01-01T00:00:00Z\n";

for (
  const [what, answer, out] of [
    ["that works", ANSWER, `${HEAD}  state: valid\n`],
    [
      "that was deactivated",
      CLOSED,
      `${HEAD}  state: deactivated by command, 2026-02-01T10:00:00Z\n` +
      "  to do: kontena certificate register --new-account EMAIL\n",
    ],
    [
      "that the CA does not tell of",
      { ...ANSWER, state: "unknown", reason: "the connection was reset", pending: "rollover" },
      `${HEAD}  state: unknown (the connection was reset)\n  pending: rollover\n`,
    ],
    [
      "of which little is known",
      { ...CLOSED, url: null, email: null, key_type: null, created_at: null, deactivated_by: "ca" },
      "test/account:\n  directory: https://ca.example/directory\n  thumbprint: t456\n" +
      "  state: deactivated at the CA, found 2026-02-01T10:00:00Z\n" +
      "  to do: kontena certificate register --new-account EMAIL\n",
    ],
  ] as const
) {
  Deno.test(`"certificate account show" shows an account ${what}`, async () => {
    const ran = await kontena("certificate account show", { [`GET ${ROUTE}`]: answer });
    assertEquals([ran.code, ran.out, ran.err], [0, out, ""]);
  });
}

Deno.test('"certificate account update" sends the address, as people write it', async () => {
  const ran = await kontena("certificate account update <me@example.com>", { [`PUT ${ROUTE}`]: ANSWER });
  assertEquals(ran.requests, [["PUT", ROUTE, { email: "me@example.com" }]]);
  assertEquals(ran.out, "The contact of the account https://ca.example/account/1 is me@example.com\n");
});

Deno.test('"certificate account rollover" shows the new thumbprint, and the TXT records that are other ones now', async () => {
  const record = { domain: "a.example", record_name: "_acme-challenge.a.example", record_type: "TXT" };
  const plain = await kontena("certificate account rollover", {
    [`POST ${ROUTE}/rollover`]: { ...ANSWER, records: [] },
  });
  const said = "The account https://ca.example/account/1 has another key: t456 (ec-256)\n" +
    "The key before is kept as an earlier version of LE_PRIVATE_KEY\n";
  assertEquals([plain.code, plain.out], [0, said]);
  const waiting = await kontena("certificate account rollover", {
    [`POST ${ROUTE}/rollover`]: { ...ANSWER, records: [{ ...record, record_content: "abc" }] },
  });
  assertEquals(
    waiting.out,
    `${said}These TXT records are other ones with the new key, set them anew:\n` +
      "Record name: _acme-challenge.a.example\nRecord type: TXT\nRecord content: abc\n",
  );
});

for (
  const [what, answer, typed] of [
    ["its e-mail address", ANSWER, "you@example.com"],
    ["its CA's host name, where it has no address", { ...ANSWER, email: null }, "ca.example"],
  ] as const
) {
  Deno.test(`"certificate account deactivate" asks to type ${what}`, async () => {
    const answers = { [`GET ${ROUTE}`]: answer, [`POST ${ROUTE}/deactivate`]: CLOSED };
    const wrong = await kontena("certificate account deactivate", answers, { inIsTerminal: true, input: "yes\n" });
    assertEquals([wrong.code, wrong.requests.length], [1, 1]);
    assertStringIncludes(wrong.err, `type "${typed}"`);
    const right = await kontena("certificate account deactivate", answers, { inIsTerminal: true, input: `${typed}\n` });
    assertEquals([right.code, right.requests.at(-1)?.[1]], [0, `${ROUTE}/deactivate`]);
    assertStringIncludes(right.out, "kontena certificate register --new-account EMAIL\n");
  });
}

Deno.test('"certificate account deactivate" wants --force where nobody can be asked', async () => {
  const answers = { [`GET ${ROUTE}`]: ANSWER, [`POST ${ROUTE}/deactivate`]: CLOSED };
  const refused = await kontena("certificate account deactivate", answers, { inIsTerminal: false });
  assertEquals([refused.code, refused.err], [1, " [error] Command requires --force\n"]);
  const forced = await kontena("certificate account deactivate --force", answers, { inIsTerminal: false });
  assertEquals(forced.code, 0);
});

const TERMS = { directory: "https://ca.example/directory", terms_of_service: "https://ca.example/terms" };
const REGISTER = "v1/certificates/test/register";

Deno.test('"certificate register --new-account" asks to agree to the terms again, and says that another is wanted', async () => {
  const ran = await kontena("certificate register --new-account you@example.com", {
    [`GET ${REGISTER}`]: { ...TERMS, registered: false, deactivated: "The account was deactivated" },
    [`POST ${REGISTER}`]: {},
  }, { input: "y\n" });
  assertEquals(ran.code, 0, ran.err);
  assertStringIncludes(ran.out, "Terms of Service: https://ca.example/terms");
  assertEquals(ran.requests.at(-1)?.[2], { email: "you@example.com", agree_tos: true, new_account: true });
});

Deno.test('"certificate register" for a closed account asks for nothing before it is refused', async () => {
  const error = { error: { account: "The account was deactivated (run …)" }, code: "ACCOUNT_DEACTIVATED" };
  const ran = await kontena("certificate register you@example.com", {
    [`GET ${REGISTER}`]: { ...TERMS, registered: false, deactivated: "The account was deactivated" },
    [`POST ${REGISTER}`]: new ApiError(422, error),
  });
  assertEquals([ran.code, ran.out.includes("Continue?")], [1, false]);
  assertStringIncludes(ran.err, "account: The account was deactivated");
});
