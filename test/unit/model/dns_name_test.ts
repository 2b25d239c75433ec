import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { covers, type DnsName, nameSet, parseDnsName, parseDnsNames, sameNames } from "../../../src/model/dns_name.ts";
import { InputError } from "../../../src/model/errors.ts";

for (
  const [input, expected, why] of [
    ["www.example.com", "www.example.com", "a plain name"],
    ["WWW.Example.COM", "www.example.com", "capitals"],
    ["example.com.", "example.com", "a final dot"],
    ["*.example.com", "*.example.com", "a wildcard"],
    ["bücher.example", "xn--bcher-kva.example", "a Unicode name"],
    ["*.bücher.example", "*.xn--bcher-kva.example", "a Unicode wildcard"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example", "an A-label"],
    ["1-2.example.com", "1-2.example.com", "digits and hyphens"],
  ] as const
) {
  Deno.test(`parseDnsName() takes ${why}`, () => assertEquals(parseDnsName(input) as string, expected));
}

for (
  const [input, found] of [
    ["", "it is empty"],
    ["../x", "only letters, digits, hyphens and dots"],
    ["a b.example.com", "only letters, digits, hyphens and dots"],
    ["a.example.com\nset ssl cert x", "only letters, digits, hyphens and dots"],
    ["a\0.example.com", "only letters, digits, hyphens and dots"],
    ["under_score.example.com", "only letters, digits, hyphens and dots"],
    ["a..b", "a label is empty"],
    [".example.com", "a label is empty"],
    ["localhost", "only one label"],
    ["a.*.example.com", "the whole first label"],
    ["**.example.com", "the whole first label"],
    ["w*.example.com", "the whole first label"],
    ["*.", "it has only one label"],
    ["-a.example.com", 'the label "-a" is not possible'],
    ["a-.example.com", 'the label "a-" is not possible'],
    [`${"a".repeat(64)}.example.com`, "is not possible"],
    [`${"a.".repeat(150)}com`, "characters long"],
    [`${"a.".repeat(126)}com`, "it is 255 characters long"],
    ["192.168.1.1", "it is an address"],
    ["http://example.com", "only letters, digits, hyphens and dots"],
  ] as const
) {
  Deno.test(`parseDnsName() refuses ${JSON.stringify(input.slice(0, 30))}`, () => {
    const error = assertThrows(() => parseDnsName(input, "domain"), InputError, found);
    assertEquals(error.field, "domain");
    assert(error.todo !== undefined);
  });
}

Deno.test("parseDnsName() shows at most 80 characters of what it refuses", () => {
  const error = assertThrows(() => parseDnsName("x".repeat(5_000)), InputError);
  assert(error.message.length < 200, error.message);
});

Deno.test("parseDnsName() never lets anything but letters, digits, hyphens and dots through", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (input) => {
    try {
      assert(/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(parseDnsName(input)));
    } catch (error) {
      assert(error instanceof InputError, String(error));
    }
  }));
});

Deno.test("parseDnsNames() keeps the first name first and drops repetitions", () => {
  assertEquals([...parseDnsNames(["b.example", "a.example", "B.example"])] as string[], ["b.example", "a.example"]);
});

Deno.test("parseDnsNames() refuses none at all", () => {
  assertEquals(assertThrows(() => parseDnsNames([]), InputError).field, "domains");
});

Deno.test("parseDnsNames() refuses a name that a wildcard beside it covers", () => {
  const error = assertThrows(() => parseDnsNames(["*.example.com", "www.example.com", "example.com"]), InputError);
  assertStringIncludes(error.message, "www.example.com is already covered by *.example.com");
});

for (
  const [pattern, name, expected] of [
    ["example.com", "example.com", true],
    ["*.example.com", "www.example.com", true],
    ["*.example.com", "example.com", false],
    ["*.example.com", "a.b.example.com", false],
    ["*.example.com", "*.example.com", true],
    ["*.example.com", "www.example.org", false],
    ["www.example.com", "example.com", false],
  ] as const
) {
  Deno.test(`covers(${pattern}, ${name}) is ${expected}`, () => {
    assertEquals(covers(pattern as DnsName, name as DnsName), expected);
  });
}

Deno.test("sameNames() does not look at the order", () => {
  const [a, b] = [parseDnsNames(["a.example", "b.example"]), parseDnsNames(["b.example", "a.example"])];
  assert(sameNames(a, b));
  assert(!sameNames(a, parseDnsNames(["a.example"])));
  assertEquals(nameSet(a), "a.example,b.example");
});
