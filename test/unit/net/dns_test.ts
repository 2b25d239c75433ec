import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InputError, SidecarError } from "../../../src/model/errors.ts";
import { dnsLookup } from "../../../plugin/net/dns.ts";
import { parseDnsServer } from "../../../plugin/net/dns_server.ts";
import { CALL } from "../../support/fakes.ts";
import { fakeDnsServer } from "../../support/fake_dns_server.ts";

const NAME = "_acme-challenge.example.com";

for (
  const [why, name, table, expected] of [
    ["no record", NAME, {}, []],
    ["one record", NAME, { [`${NAME}.`]: { txt: [["a"]] } }, ["a"]],
    ["a name with its final dot", `${NAME}.`, { [`${NAME}.`]: { txt: [["a"]] } }, ["a"]],
    ["several records", NAME, { [`${NAME}.`]: { txt: [["a"], ["b"]] } }, ["a", "b"]],
    ["several strings of one record", NAME, { [`${NAME}.`]: { txt: [["ab", "", "cd"]] } }, ["abcd"]],
    ["a name without TXT records", NAME, { [`${NAME}.`]: { txt: [] } }, []],
    ["a server that refuses", NAME, { [`${NAME}.`]: { rcode: 5 } }, []],
    ["an alias", NAME, { [`${NAME}.`]: { cname: "x.other.example." }, "x.other.example.": { txt: [["a"]] } }, ["a"]],
  ] as const
) {
  Deno.test(`dnsLookup() finds ${JSON.stringify(expected)} for ${why}`, async () => {
    await using server = await fakeDnsServer(table);
    const dns = dnsLookup({ servers: [`127.0.0.1:${server.port}`] });
    assertEquals([...await dns.txt(name, CALL)].sort(), [...expected]);
    assert(!server.asked.some((asked) => asked.startsWith(NAME) && asked !== `${NAME}.`));
  });
}

Deno.test("dnsLookup() asks the servers in turn until one has records", async () => {
  await using silent = await fakeDnsServer({ [`${NAME}.`]: "silence" });
  await using empty = await fakeDnsServer({});
  await using good = await fakeDnsServer({ [`${NAME}.`]: { txt: [["a"]] } });
  await using unasked = await fakeDnsServer({});
  const servers = [silent, empty, good, unasked].map(({ port }) => `127.0.0.1:${port}`);
  assertEquals(await dnsLookup({ servers, timeoutMs: 50 }).txt(NAME, CALL), ["a"]);
  assertEquals([silent, empty, good, unasked].map(({ asked }) => asked.length > 0), [true, true, true, false]);
});

Deno.test("dnsLookup() takes one server's word that there is no record", async () => {
  await using silent = await fakeDnsServer({ [`${NAME}.`]: "silence" });
  await using empty = await fakeDnsServer({});
  const servers = [silent, empty].map(({ port }) => `127.0.0.1:${port}`);
  assertEquals(await dnsLookup({ servers, timeoutMs: 50 }).txt(NAME, CALL), []);
});

Deno.test("dnsLookup() rejects where no server answers in time, and says which", async () => {
  await using silent = await fakeDnsServer({ [`${NAME}.`]: "silence" });
  const dns = dnsLookup({ servers: [`127.0.0.1:${silent.port}`], timeoutMs: 50 });
  const error = await assertRejects(() => dns.txt(NAME, CALL), SidecarError);
  assertEquals(
    error.message,
    `Cannot look up TXT records of ${NAME}: DNS server 127.0.0.1 port ${silent.port} did not answer within 0.05 s`,
  );
  assertEquals([error.code, error.field], ["CHALLENGE_NOT_READY", "dns_resolvers"]);
});

Deno.test("dnsLookup() ends at once on abort, with its reason, and asks no other server", async () => {
  await using silent = await fakeDnsServer({ [`${NAME}.`]: "silence" });
  await using other = await fakeDnsServer({ [`${NAME}.`]: { txt: [["a"]] } });
  const dns = dnsLookup({ servers: [silent, other].map(({ port }) => `127.0.0.1:${port}`) });
  const [controller, reason] = [new AbortController(), new Error("gone")];
  const looking = dns.txt(NAME, { signal: controller.signal });
  controller.abort(reason);
  assertEquals(await assertRejects(() => looking, Error), reason);
  assertEquals(await assertRejects(() => dns.txt(NAME, { signal: AbortSignal.abort(reason) }), Error), reason);
  assertEquals(other.asked, []);
});

for (
  const [text, ipAddr, port] of [
    ["192.0.2.1", "192.0.2.1", 53],
    ["192.0.2.1:5353", "192.0.2.1", 5353],
    ["2001:db8::1", "2001:db8::1", 53],
    ["::1", "::1", 53],
    ["[2001:db8::1]", "2001:db8::1", 53],
    ["[2001:db8::1]:5353", "2001:db8::1", 5353],
    ["192.0.2.1:65535", "192.0.2.1", 65535],
  ] as const
) {
  Deno.test(`parseDnsServer() reads ${text}`, () => assertEquals(parseDnsServer(text), { ipAddr, port }));
}

for (
  const text of [
    "",
    "dns.example.com",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.1:",
    "192.0.2.1:0",
    "192.0.2.1:65536",
    "192.0.2.1:53x",
    "[192.0.2.1]:53",
    "[::1",
    "[]:53",
    "fe80::g",
    " 192.0.2.1",
    "x".repeat(500),
  ]
) {
  Deno.test(`parseDnsServer() refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    const error = assertThrows(() => parseDnsServer(text), InputError, "is not the address of a DNS server");
    assertEquals(error.field, "dns_resolvers");
    assert(error.message.length < 120);
  });
}

Deno.test("dnsLookup() reads its servers before it asks", () => {
  assertThrows(() => dnsLookup({ servers: ["192.0.2.1", "nope"] }), InputError, '"nope"');
});
