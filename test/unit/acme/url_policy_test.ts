import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { urlPolicy } from "../../../src/acme/url_policy.ts";
import { InputError, SidecarError } from "../../../src/model/errors.ts";

const directory = new URL("https://ca.example/directory");

for (
  const [text, expected, why] of [
    ["https://ca.example/order/1", "https://ca.example/order/1", "the directory's host"],
    ["/order/1?a=b", "https://ca.example/order/1?a=b", "a relative URL"],
    ["https://api.ca.example/1", "https://api.ca.example/1", "a host of ACME_HOSTS"],
    ["https://other.example:8443/1", "https://other.example:8443/1", "a host and port of ACME_HOSTS"],
  ] as const
) {
  Deno.test(`urlPolicy() takes ${why}`, () => {
    const urls = urlPolicy(directory, ["API.ca.example:443", "other.example:8443"]);
    assertEquals(urls(text, directory, "finalize").href, expected);
  });
}

for (
  const [text, part, why] of [
    ["https://evil.example/1", "evil.example", "another host"],
    ["https://ca.example:8443/1", "ca.example:8443", "another port"],
    ["https://ca.example.evil.example/", "evil.example", "a host that only begins like it"],
    ["http://ca.example/1", "https", "plain http"],
    ["file:///etc/passwd", "https", "a file"],
    ["https://user:pw@ca.example/1", "user", "a password"],
    ["https://ca.example/1#x", "fragment", "a fragment"],
    ["https://[", "not a URL", "nonsense"],
  ] as const
) {
  Deno.test(`urlPolicy() refuses ${why}`, () => {
    const error = assertThrows(() => urlPolicy(directory)(text, directory, "finalize"), SidecarError, part);
    assertEquals(error.code, "CA_ANSWER");
    assertStringIncludes(error.message, '"finalize"');
  });
}

Deno.test("urlPolicy() names ACME_HOSTS where another host is used", () => {
  const error = assertThrows(() => urlPolicy(directory)("https://b.example/", directory, "finalize"), SidecarError);
  assertStringIncludes(error.todo ?? "", "add b.example to ACME_HOSTS");
});

for (const host of ["127.0.0.1:4001", "localhost:4001", "[::1]:4001"]) {
  Deno.test(`urlPolicy() allows plain http on ${host}`, () => {
    const plain = new URL(`http://${host}/directory`);
    assertEquals(urlPolicy(plain)("/order", plain, "finalize").href, `http://${host}/order`);
  });
}

for (const address of ["http://ca.example/directory", "http://127.0.0.1.evil.example/", "file:///directory"]) {
  Deno.test(`urlPolicy() refuses ${address} as a directory`, () => {
    const error = assertThrows(() => urlPolicy(new URL(address)), InputError, "not secure");
    assertEquals(error.field, "acme_directory_url");
  });
}
