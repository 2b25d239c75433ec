import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { CATALOGUE, type FaultSpec, startAuthority } from "../../ca/mod.ts";
import { parseSpec } from "../../ca/faults/spec.ts";
import { csrPayload } from "../../support/csr_by_hand.ts";
import { authorize, BELIEVING, certified, order, registered } from "../../support/order_by_hand.ts";
import { until } from "../../support/process.ts";

for (
  const [text, spec] of [
    ["reset-after", { fault: "reset-after" }],
    ["rate-limited@newOrder?times=1&retry-after=3600", {
      fault: "rate-limited",
      at: ["newOrder"],
      times: "1",
      "retry-after": "3600",
    }],
    ["server-error@order,finalize?status=502", { fault: "server-error", at: ["order", "finalize"], status: "502" }],
  ] as const
) {
  Deno.test(`the short form of a fault is read: ${text}`, () => assertEquals(parseSpec(text) as unknown, spec));
}

for (
  const [spec, found] of [
    [{ fault: "moon-phase" }, /no fault "moon-phase"/],
    [{ fault: "reset-after", at: "kitchen" }, /no place "kitchen"/],
    ["reset-after?depth=1", /no option "depth"/],
    ["chain?form=sideways", /"form" is "sideways"/],
    ["processing?seconds=soon", /"seconds" is "soon"/],
  ] as const
) {
  Deno.test(`a fault cannot be set that makes no sense: ${JSON.stringify(spec)}`, async () => {
    await using authority = await startAuthority();
    const error = assertThrows(() => authority.faults.set(spec as FaultSpec | string), RangeError);
    assertMatch(error.message, found);
  });
}

Deno.test("every fault of the catalogue can be set as it is, and says what it does", async () => {
  await using authority = await startAuthority({ faults: Object.keys(CATALOGUE) });
  assertEquals(authority.faults.list().map(({ spec }) => spec.fault), Object.keys(CATALOGUE));
  for (const [name, { about }] of Object.entries(CATALOGUE)) {
    assertMatch(name, /^[a-z]+(-[a-z0-9]+)*$/);
    assertMatch(about, /^[A-Z0-9].*[^.]$/);
  }
});

Deno.test("a fault strikes where, when and as often as it is told, and the log says so", async () => {
  await using authority = await startAuthority({ faults: ["rate-limited@newOrder?from=2&every=2&times=2"] });
  const client = await registered(authority.directory);
  const statuses = [];
  for (let i = 0; i < 8; i++) statuses.push((await order(client, ["a.example.com"])).status);
  assertEquals(statuses, [201, 429, 201, 429, 201, 201, 201, 201]);
  assertEquals(authority.faults.list().map(({ met, struck }) => [met, struck]), [[8, 2]]);
  assertEquals(authority.log.filter(({ faults }) => faults?.includes("rate-limited")).map(({ status }) => status), [
    429,
    429,
  ]);
  assertMatch(authority.log.at(-1)!.payload ?? "", /a\.example\.com/);
});

Deno.test("a fault strikes by the chance of the seed", async () => {
  const course = async (seed: string): Promise<string> => {
    await using authority = await startAuthority({ seed, faults: ["rate-limited?chance=0.5"] });
    const client = await registered(authority.directory);
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push((await order(client, ["a.example.com"])).status);
    return statuses.join();
  };
  assertEquals(await course("one"), await course("one"));
  assert(await course("one") !== await course("two"));
});

Deno.test("faults are listed, set and cleared over the control port while the authority runs", async () => {
  await using authority = await startAuthority({ controlPort: 0 });
  const client = await registered(authority.directory);
  const ask = async (method: string, path: string, body?: string): Promise<[number, unknown]> => {
    const response = await fetch(new URL(path, authority.control), { method, ...(body === undefined ? {} : { body }) });
    return [response.status, await response.json()];
  };
  const [created, set] = await ask("POST", "/faults", JSON.stringify({ fault: "rate-limited", "retry-after": "7" }));
  assertEquals([created, set], [201, {
    id: "f1",
    spec: { fault: "rate-limited", "retry-after": "7" },
    met: 0,
    struck: 0,
  }]);
  assertEquals((await ask("POST", "/faults", "server-error@order"))[0], 201);
  assertEquals((await order(client, ["a.example.com"])).headers.get("retry-after"), "7");
  assertEquals((await ask("GET", "/faults"))[1], authority.faults.list());
  assertEquals(await ask("DELETE", "/faults/f1"), [200, { cleared: 1 }]);
  assertEquals(await ask("DELETE", "/faults/f1"), [404, { cleared: 0 }]);
  assertEquals((await order(client, ["a.example.com"])).status, 201);
  assertEquals(await ask("DELETE", "/faults"), [200, { cleared: 1 }]);
  const [, log] = await ask("GET", `/log?from=${authority.log.length - 1}`) as [number, { path: string }[]];
  assertEquals(log.map(({ path }) => path), ["/new-order"]);
  const [, catalogue] = await ask("GET", "/catalogue") as [number, { faults: object }];
  assertEquals(Object.keys(catalogue.faults), Object.keys(CATALOGUE));
  assertEquals(await ask("POST", "/faults", "moon"), [400, { error: `There is no fault "moon"` }]);
});

Deno.test("a network fault ends, cuts or stretches the answer", async () => {
  await using authority = await startAuthority();
  const seen = async (fault: string): Promise<string> => {
    const { id } = authority.faults.set(fault);
    const signal = AbortSignal.timeout(200);
    try {
      const response = await fetch(authority.directory, { signal });
      return `${(await response.text()).length < 200 ? "short" : "whole"}`;
    } catch {
      return signal.aborted ? "late" : "broken";
    } finally {
      authority.faults.clear(id);
    }
  };
  assertEquals(await seen("reset-before"), "broken");
  assertEquals(await seen("reset-after"), "broken");
  assertEquals(await seen("truncated"), "broken");
  assertEquals(await seen("truncated?how=chunked"), "broken");
  assertEquals(await seen("hang"), "late");
  assertEquals(await seen("slow-body"), "late");
  assertEquals(await seen("endless-body"), "late");
  assertEquals(await seen("directory-noise".replace("noise", "relative")), "whole");
});

for (
  const [fault, check] of [
    ["other-key", ({ key }) => !key],
    ["other-names", ({ names }) => names === "DNS:other.example.net"],
    ["missing-name", ({ names }) => names === "DNS:a.example.com"],
    ["more-names", ({ names }) => names === "DNS:a.example.com, DNS:b.example.com, DNS:more.example.net"],
    ["expired", ({ leaf }) => new Date(leaf.validTo) < new Date()],
    ["not-yet-valid", ({ leaf }) => new Date(leaf.validFrom) > new Date()],
    ["lifetime?hours=24", ({ leaf }) => +new Date(leaf.validTo) - +new Date(leaf.validFrom) < 86_400_000],
    ["other-issuer", ({ leaf }) => leaf.issuer === "CN=(STAGING) Wrong Intermediate"],
    ["usages?for=client", ({ leaf }) => leaf.raw.toString("hex").includes("06082b06010505070302")],
    ["serial?form=small", ({ leaf }) => leaf.serialNumber.length === 2],
    ["serial?form=top-bit", ({ leaf }) => leaf.serialNumber.length === 32],
  ] as readonly (readonly [string, (seen: { leaf: X509Certificate; names: string; key: boolean }) => boolean])[]
) {
  Deno.test(`the authority issues a certificate that is wrong: ${fault}`, async () => {
    await using authority = await startAuthority({ ...BELIEVING, faults: [fault] });
    const client = await registered(authority.directory);
    const done = await certified(client, ["a.example.com", "b.example.com"]);
    const { text } = await client.post(done.json.certificate);
    const leaf = new X509Certificate(text);
    const key =
      authority.certificates[0]!.spki === leaf.publicKey.export({ type: "spki", format: "der" }).toString("hex");
    assert(
      check({ leaf, names: leaf.subjectAltName!, key: key && fault !== "other-key" }),
      leaf.toString(),
    );
  });
}

Deno.test("processing goes on for as long as the authority's clock says", async () => {
  let now = Date.parse("2026-11-23T12:00:00Z");
  await using authority = await startAuthority({
    ...BELIEVING,
    now: () => new Date(now),
    faults: ["processing?seconds=86400&retry-after=86400"],
  });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  await authorize(client, made);
  await client.post(made.json.finalize, await csrPayload(["a.example.com"]));
  const read = async (): Promise<string> => (await client.post(made.headers.get("location")!)).json.status;
  assertEquals(await read(), "processing");
  now += 2 * 86_400_000;
  // The certificate itself may still be in the making.
  await until("it is over", async () => await read() === "valid");
});
