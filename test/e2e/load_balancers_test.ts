import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort, has, listening, start, tempDir, until } from "../support/process.ts";
import { startSidecarProcess } from "../support/sidecar.ts";
import { filesIn, partsIn, tested } from "../support/wired.ts";

/** Nobody is asked for a certificate. */
const NO_CA = "http://127.0.0.1:9/directory";

for (
  const [mode, places] of [
    ["directory", (root: string) => `certs=${root}/certs`],
    ["crt-list", (root: string) => `certs=${root}/certs.list&store=${root}/certs`],
  ] as const
) {
  Deno.test({
    name: `From a URL to a HAProxy that is wired, by kontena lb alone: ${mode} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      using dir = tempDir();
      const root = dir.path;
      const [tls, http, gone] = [freePort(), freePort(), freePort()];
      const name = `test/${tls}`;
      Deno.mkdirSync(`${root}/certs`);
      Deno.mkdirSync(`${root}/other`);
      const url = `haproxy+unix://${root}/admin.sock?${places(root)}&challenges=${root}/challenges.list` +
        `&probe=127.0.0.1:${tls}&http=127.0.0.1:${http}`;
      const other =
        `kontena+etcd://127.0.0.1:${gone}/edge?certs=${root}/other&probe=127.0.0.1:${gone}&answer=127.0.0.1:1`;
      const env = { ACME_DIRECTORY_URL: NO_CA, LOAD_BALANCERS: `${name}=${url} edge=${other}` };
      await using sidecar = await startSidecarProcess({ env });

      const before = await sidecar.ok("lb", "ls");
      assertMatch(before, new RegExp(`^${name} +haproxy +away +- +http-01,tls-alpn-01,tls-sni-01$`, "m"));
      assertMatch(before, /^edge +kontena +away +- +http-01,tls-sni-01$/m);
      const dead = await sidecar.kontena("lb", "check", name);
      assertEquals([dead.code, dead.stderr], [
        1,
        ` [error] load_balancer: ${name} lacks runtime socket, http-01 route\n`,
      ]);

      const lines = await sidecar.ok("lb", "config", name);
      assertStringIncludes(lines, "lines for 2.2, the oldest that will do");
      assertStringIncludes(lines, `server sidecar 127.0.0.1:${sidecar.challengePort}`);
      await Deno.writeTextFile(`${root}/haproxy.cfg`, lines);
      await tested(`${root}/haproxy.cfg`);
      await using _haproxy = start("haproxy", { args: ["-db", "-f", `${root}/haproxy.cfg`] });
      await until("HAProxy", () => listening(tls));

      const files = filesIn(`${root}/certs`);
      const green = await sidecar.kontena("lb", "check", name);
      assertEquals([green.code, green.stderr], [0, ""], green.stdout);
      const parts = green.stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/)[1] ?? "");
      assertEquals(parts.toSorted(), partsIn(lines).toSorted());
      assertEquals(green.stdout.split("\n").filter((line) => line !== "" && !line.startsWith("ok ")), []);
      assertEquals(filesIn(`${root}/certs`), files);
      assertMatch(await sidecar.ok("lb", "show", name), /\n {2}state: ok\n {2}version: \d.*\n {2}process: \d+\n/);
      assertMatch(await sidecar.ok("lb", "config", name), /^# haproxy\.cfg for \S+: HAProxy \d/);

      const away = await sidecar.kontena("lb", "check", "null/edge");
      assertEquals(away.code, 1);
      assertMatch(away.stdout, /^missing +etcd +etcd at \S+ does not answer: .*\(check that etcd runs/m);
      assertMatch(away.stdout, /^untried +reload +it stands on "etcd", which is missing$/m);
      const several = await sidecar.kontena("lb", "config");
      assertEquals([several.code, several.stdout], [1, ""]);
      assertStringIncludes(several.stderr, `name one of ${name}, edge`);
      assertEquals(await sidecar.stop(), 0);
    },
  });
}
