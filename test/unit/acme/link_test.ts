import { assertEquals } from "@std/assert";
import { linkTargets } from "../../../src/acme/link.ts";

for (
  const [header, relation, expected, why] of [
    [['<https://ca.example/1>;rel="alternate"'], "alternate", ["https://ca.example/1"], "one link"],
    [["<a>;rel=alternate", "<b>; rel=alternate"], "alternate", ["a", "b"], "several headers"],
    [['<dir>;rel="index", <a>;rel="alternate", <b>;rel="alternate"'], "alternate", ["a", "b"], "one list"],
    [['<a,b;c>; title="x, <y>; rel=next"; rel="alternate"'], "alternate", ["a,b;c"], "commas and quotes"],
    [['<a>; rel="up alternate"'], "alternate", ["a"], "two relations"],
    [["<a>; REL=Alternate"], "alternate", ["a"], "other letters"],
    [["<a>; rel=next; rel=alternate"], "alternate", [], "the first rel alone"],
    [["<a>; rel=alternates"], "alternate", [], "no longer name"],
    [['<a>; rel="alternate'], "alternate", [], "no open quote"],
    [["a; rel=alternate"], "alternate", [], "no bare target"],
    [[], "alternate", [], "nothing where there is none"],
  ] as const
) {
  Deno.test(`linkTargets() reads ${why}`, () => {
    const headers = new Headers(header.map((value) => ["link", value]));
    assertEquals(linkTargets(headers, relation), expected);
  });
}

Deno.test("linkTargets() is not slow on 16 KB of nonsense", () => {
  const headers = new Headers({ link: '<a>;"'.repeat(3_200) });
  const start = performance.now();
  linkTargets(headers, "alternate");
  assertEquals(performance.now() - start < 1_000, true);
});
