import { assertEquals } from "@std/assert";
import { listsFile, withFile, withoutFile } from "../../../plugin/certs/crt_list.ts";

const TEXT = "# certificates\n/etc/h/a.pem\n/etc/h/b.pem [alpn h2] b.example.com\nsub/r.pem\n  /etc/h/c.pem";

for (
  const [file, listed] of [
    ["/etc/h/a.pem", true],
    ["/etc/h/b.pem", true],
    ["/etc/h/c.pem", true],
    ["/etc/h/r.pem", true], // relative to crt-base
    ["/etc/h/d.pem", false],
    ["/etc/other/a.pem", false],
    ["/etc/h/a.pe", false],
    ["#", false],
  ] as const
) {
  Deno.test(`listsFile() ${listed ? "finds" : "does not find"} ${file}`, () =>
    assertEquals(listsFile(TEXT, file), listed));
}

Deno.test("withFile() adds one line at the end and leaves the others as they are", () => {
  assertEquals(withFile(TEXT, "/etc/h/d.pem"), `${TEXT}\n/etc/h/d.pem\n`);
  assertEquals(withFile("", "/etc/h/d.pem"), "/etc/h/d.pem\n");
  assertEquals(withFile(TEXT, "/etc/h/b.pem"), TEXT);
});

Deno.test("withoutFile() takes out the lines of one file only", () => {
  assertEquals(withoutFile(TEXT, "/etc/h/b.pem"), "# certificates\n/etc/h/a.pem\nsub/r.pem\n  /etc/h/c.pem");
  assertEquals(withoutFile(withFile(TEXT, "/etc/h/d.pem"), "/etc/h/d.pem"), `${TEXT}\n`);
  assertEquals(withoutFile(TEXT, "/etc/h/d.pem"), TEXT);
});
