import { assertEquals } from "@std/assert";
import { displacedBy } from "../../../plugin/certs/default_certificate.ts";

for (
  const [file, files, displaced] of [
    ["LE_a.pem", ["00-site.pem"], undefined],
    ["LE_a.pem", ["site.pem", "zz.pem"], "site.pem"], // capital letters sort first
    ["LE_a.pem", ["zz.pem", "site.pem"], "site.pem"],
    ["LE_a.pem", ["LE_a.pem", "site.pem"], "site.pem"],
    ["LE_b.pem", ["LE_a.pem", "site.pem"], undefined],
    ["LE_a.pem", [], undefined],
  ] as const
) {
  Deno.test(`displacedBy() says that ${file} among ${files.join(" ")} displaces ${displaced ?? "nothing"}`, () => {
    assertEquals(displacedBy(file, files), displaced);
  });
}
