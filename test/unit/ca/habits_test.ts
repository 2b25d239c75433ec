import { assertEquals, assertStringIncludes } from "@std/assert";
import { EXTERNAL_ACCOUNT, type Like, startAuthority } from "../../ca/mod.ts";
import { help, readCommand } from "../../ca/main.ts";
import { byHand } from "../../support/by_hand.ts";
import { authorize, BELIEVING, order, registered } from "../../support/order_by_hand.ts";

interface Offer {
  readonly renewalInfo: boolean;
  readonly profiles: boolean;
  readonly external: boolean;
  readonly challenges: string;
}

for (
  const [like, offer] of [
    ["letsencrypt", { renewalInfo: true, profiles: true, external: false, challenges: "dns-01 http-01 tls-alpn-01" }],
    ["zerossl", { renewalInfo: false, profiles: false, external: true, challenges: "dns-01 http-01" }],
    ["gts", { renewalInfo: true, profiles: false, external: true, challenges: "dns-01 http-01 tls-alpn-01" }],
    ["step-ca", { renewalInfo: false, profiles: false, external: false, challenges: "dns-01 http-01 tls-alpn-01" }],
  ] as readonly (readonly [Like, Offer])[]
) {
  Deno.test(`an authority like ${like} offers what ${like} does`, async () => {
    await using open = await startAuthority({ ...BELIEVING, like, externalAccounts: {} });
    await using authority = await startAuthority({ like });
    const read = async (url: URL): Promise<Record<string, never>> => await (await fetch(url)).json();
    const { renewalInfo, meta } = await read(authority.directory) as Record<string, Record<string, unknown>>;
    const client = await registered(open.directory);
    const made = await order(client, ["a.example.com"]);
    const { json } = await client.post(made.json.authorizations[0]);
    assertEquals({
      renewalInfo: renewalInfo !== undefined,
      profiles: meta!.profiles !== undefined,
      external: meta!.externalAccountRequired as boolean,
      challenges: json.challenges.map((it: { type: string }) => it.type).sort().join(" "),
    }, offer);
    assertEquals(made.json.profile, like === "letsencrypt" ? "classic" : undefined);
    const again = await order(client, ["a.example.com"]);
    assertEquals(again.headers.get("location") === made.headers.get("location"), like === "letsencrypt");
    const account = await client.post(client.account);
    assertEquals(account.json.orders !== undefined, like === "step-ca");
  });
}

Deno.test("an authority like ZeroSSL says 15 s on orders and a day on authorizations, and refuses a crowd with a page", async () => {
  let now = Date.parse("2026-11-23T12:00:00Z");
  await using authority = await startAuthority({
    ...BELIEVING,
    like: "zerossl",
    externalAccounts: {},
    now: () => new Date(now),
    validationDelayMs: 60_000,
  });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  const { json } = await client.post(made.json.authorizations[0]);
  await client.post(json.challenges[0].url, {});
  assertEquals((await client.post(made.headers.get("location")!)).headers.get("retry-after"), "15");
  assertEquals((await client.post(made.json.authorizations[0])).headers.get("retry-after"), "86400");
  const crowd = [];
  for (let i = 0; i < 20; i++) {
    crowd.push(await fetch(authority.directory).then((it) => it.body?.cancel().then(() => it)));
  }
  assertEquals(crowd.at(-1)?.status, 429);
  assertEquals(crowd.at(-1)?.headers.get("content-type"), "text/html");
  now += 1_000;
  assertEquals(await fetch(authority.directory).then((it) => it.body?.cancel().then(() => it.status)), 200);
});

Deno.test("an authority like step-ca leaves a challenge open where nobody could be reached, and looks again when asked", async () => {
  await using authority = await startAuthority({ like: "step-ca", httpPort: 1 });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  const { json } = await client.post(made.json.authorizations[0]);
  const { url } = json.challenges.find((it: { type: string }) => it.type === "http-01");
  for (const validations of [1, 2]) {
    await client.post(url, {});
    let seen = await client.post(url);
    while (seen.json.status === "processing") seen = await client.post(url);
    assertEquals([seen.json.status, seen.json.error.type.split(":").at(-1)], ["pending", "connection"]);
    assertEquals(authority.counters.validations, validations);
  }
});

Deno.test("an authority like step-ca gives 24 hours, at once", async () => {
  await using authority = await startAuthority({ ...BELIEVING, like: "step-ca" });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  await authorize(client, made);
  const { csrPayload } = await import("../../support/csr_by_hand.ts");
  assertEquals((await client.post(made.json.finalize, await csrPayload(["a.example.com"]))).json.status, "valid");
  const [{ notBefore, notAfter } = { notBefore: 0, notAfter: 0 }] = authority.certificates;
  assertEquals(Number(notAfter) + 1000 - Number(notBefore), 86_400_000);
});

Deno.test("readCommand() reads a profile, faults and the control port, and the help names every one", () => {
  const { options } = readCommand(
    ["--profile", "gts", "--fault", "reset-after@newOrder hang", "--control", "14001"],
    {},
  );
  assertEquals([options.like, options.faults, options.controlPort], ["gts", ["reset-after@newOrder", "hang"], 14001]);
  for (const word of ["--profile", "zerossl", "rate-limited", "retry-after", "POST /faults", "chance"]) {
    assertStringIncludes(help(), word);
  }
});

Deno.test("an external account like Google's is good for one account", async () => {
  await using authority = await startAuthority({ like: "gts" });
  const client = await byHand(authority.directory);
  assertEquals((await client.register()).problem, "externalAccountRequired");
  assertEquals(EXTERNAL_ACCOUNT.hmacKey.length > 40, true);
});
