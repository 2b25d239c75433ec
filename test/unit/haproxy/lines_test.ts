import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { haproxyBalancer } from "../../../plugin/haproxy/balancer.ts";
import { type LinesOf, writeLines } from "../../../plugin/haproxy/lines.ts";
import { parseHaproxy } from "../../../plugin/haproxy/url.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { CALL } from "../../support/fakes.ts";
import { partsIn, withoutPart } from "../../support/wired.ts";

const VERSION = { major: 2, minor: 6, text: "2.6.12" };
const ANSWERS = { hostname: "127.0.0.1", port: 54_322 };

function linesOf(query: string, change: Partial<LinesOf> = {}, socket = "unix:///run/haproxy/admin.sock"): string {
  const config = parseHaproxy("infra/lb", `haproxy+${socket}?certs=/c/certs&probe=127.0.0.1:443${query}`);
  const { challenges } = config;
  const more = challenges === undefined ? {} : { challenges };
  return writeLines({ config, version: VERSION, certs: "/c/certs", answers: ANSWERS, ...more, ...change });
}

for (
  const [query, expected] of [
    ["", "bind :443 ssl crt /c/certs/ alpn h2,http/1.1"],
    ["&probe-proxy=v2", "bind :443 accept-proxy ssl crt /c/certs/ alpn"],
    ["&store=/c/store", "bind :443 ssl crt-list /c/certs alpn"],
    ["&challenges=/c/ch.list", "bind abns@infra-lb-https accept-proxy ssl crt /c/certs/ alpn"],
    ["&challenges=/c/ch.list", "ssl crt-list /c/ch.list strict-sni alpn acme-tls/1"],
    ["&challenges=/c/ch.list&probe-proxy=v1", "listen tls\n  mode tcp\n  bind :443 accept-proxy\n"],
    ["", "bind :80\n"],
    ["&http=10.0.0.1:8080", "bind :8080\n"],
    ["", "server sidecar 127.0.0.1:54322\n"],
    ["&answer=172.17.0.5:80", "server sidecar 172.17.0.5:80\n"],
    ["", "stats socket /run/haproxy/admin.sock mode 660 level admin expose-fd listeners"],
  ] as const
) {
  Deno.test(`writeLines() gives ${query || "the least"} ${JSON.stringify(expected)}`, () => {
    assertStringIncludes(linesOf(query), expected);
    assertStringIncludes(linesOf(query), "group G");
  });
}

for (
  const [socket, expected] of [
    ["tcp://127.0.0.1:9999", "stats socket ipv4@127.0.0.1:9999 level admin"],
    ["tcp://localhost:9999", "stats socket ipv4@127.0.0.1:9999 level admin"],
    ["tcp://[::1]:9999", "stats socket ipv6@::1:9999 level admin"],
  ] as const
) {
  Deno.test(`writeLines() writes the socket ${socket} as HAProxy does`, () => {
    const lines = linesOf("", {}, socket);
    assertStringIncludes(lines, expected);
    assertEquals(lines.includes("group G"), false, "TCP has no group");
  });
}

for (const hostname of ["0.0.0.0", "::"]) {
  Deno.test(`writeLines() says that ${hostname} is no address to ask`, () => {
    const anywhere = { answers: { hostname, port: 54_322 } };
    assertMatch(
      linesOf("", anywhere),
      /# the sidecar listens on .*:54322: .*\n.*answer=.*\n {2}server sidecar 127\.0\.0\.1/,
    );
    assertEquals(linesOf("&answer=10.0.0.9:1", anywhere).includes("listens on"), false);
  });
}

Deno.test("writeLines() names the parts as a check does, each once", () => {
  const all = ["runtime socket", "certificates", "challenge frontend", "TLS", "tls-alpn-01 route", "http-01 route"];
  const lines = linesOf("&challenges=/c/ch.list");
  assertEquals(partsIn(lines), all);
  for (const part of all) assertEquals(partsIn(withoutPart(lines, part)), all.filter((it) => it !== part));
  assertEquals(partsIn(linesOf("")), ["runtime socket", "certificates", "TLS", "http-01 route"]);
});

Deno.test("writeLines() gives an HAProxy before 2.2 one comment", () => {
  const lines = linesOf("", { version: { major: 1, minor: 8, text: "1.8.30" } });
  assertMatch(lines, /^# infra\/lb is HAProxy 1\.8\.30: certificates cannot be put into it/);
  assertEquals(lines.split("\n").filter((line) => line !== "" && !line.startsWith("#")), []);
});

Deno.test("lines() are for 2.2, and say so, where no HAProxy answers", async () => {
  const config = parseHaproxy(
    "lb",
    "haproxy+unix:///nowhere/admin.sock?certs=/c/certs&probe=127.0.0.1:443&lb-root=/lb",
  );
  const { wiring } = haproxyBalancer(config, { clock: fakeClock(), events: { emit(): void {} } });
  const lines = await wiring.lines(CALL);
  assertMatch(lines, /^# haproxy\.cfg for lb: no HAProxy answers .* lines for 2\.2, the oldest that will do\n/);
  assertStringIncludes(lines, "ssl crt /lb/certs/");
});
