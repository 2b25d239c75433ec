import { assertEquals, assertStringIncludes } from "@std/assert";
import { launcher, mirrorOf } from "../../../scripts/next_haproxy.ts";

Deno.test("mirrorOf() reads the mirror in both forms of sources, and no other archive", () => {
  const line = "# comment\ndeb [arch=amd64] http://mirror.test/debian/ bookworm main\n";
  const fields = "Types: deb\nURIs: https://mirror.test/debian\nSuites: bookworm\n";
  assertEquals([mirrorOf(["", line]), mirrorOf([fields])], ["http://mirror.test/debian", "https://mirror.test/debian"]);
  assertEquals(mirrorOf(["deb http://mirror.test/debian-security bookworm-security main\n", ""]), undefined);
});

Deno.test("launcher() starts HAProxy with its own loader, under the name that its master starts again", () => {
  const script = launcher("/opt/next");
  assertStringIncludes(script, '--argv0 "$0"');
  assertStringIncludes(script, "'/opt/next/usr/sbin/haproxy' \"$@\"");
});
