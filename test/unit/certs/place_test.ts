import { assertEquals } from "@std/assert";
import { lbPath } from "../../../plugin/certs/place.ts";
import { parseHaproxy } from "../../../plugin/haproxy/url.ts";

for (
  const [root, path, seen] of [
    ["", "/shared/certs/a.pem", "/shared/certs/a.pem"],
    ["&lb-root=/etc/haproxy", "/shared/certs", "/etc/haproxy/certs"],
    ["&lb-root=/etc/haproxy", "/shared/challenges.list", "/etc/haproxy/challenges.list"],
    ["&lb-root=/etc/haproxy", "/sharedelse/c.list", "/sharedelse/c.list"],
  ] as const
) {
  Deno.test(`lbPath() sees ${path} as ${seen}`, () => {
    const url = `haproxy+unix:///run/a.sock?certs=/shared/certs&probe=lb:443${root}`;
    assertEquals(lbPath(parseHaproxy("lb", url), path), seen);
  });
}
