import { assertEquals, assertStringIncludes } from "@std/assert";
import { kontenaLines } from "../../../plugin/kontena/lines.ts";
import { parseKontena } from "../../../plugin/kontena/url.ts";
import { startKontenaKit } from "../../support/kontena_kit.ts";
import { has } from "../../support/process.ts";

const BASE = "kontena+etcd://10.81.0.1:2379/infra/lb?certs=/srv/certs&probe=10.81.1.9:443&answer=10.81.1.7:8402";

/** YAML as far as the lines have it: blocks of keys by indentation, lists of texts in double quotes, comments. */
function readYaml(text: string): unknown {
  const lines = text.split("\n").filter((line) => !/^ *(?:#|$)/.test(line));
  const block = (indent: number): unknown => {
    if (lines[0]?.trim().startsWith("- ") === true) {
      const items: unknown[] = [];
      while (lines[0]?.startsWith(`${" ".repeat(indent)}- `) === true) {
        items.push(JSON.parse(lines.shift()!.trim().slice(2)));
      }
      return items;
    }
    const entries: [string, unknown][] = [];
    while (lines[0] !== undefined && lines[0].search(/\S/) === indent) {
      const [, key] = /^ *("[^"]*"|[A-Za-z_]+):$/.exec(lines[0]) ?? [];
      if (key === undefined) throw new SyntaxError(`this is not YAML of that kind: ${lines[0]}`);
      lines.shift();
      entries.push([key.replaceAll('"', ""), block((lines[0] ?? "").search(/\S/))]);
    }
    return Object.fromEntries(entries);
  };
  const read = block(0);
  if (lines.length > 0) throw new SyntaxError(`this is left: ${lines[0]}`);
  return read;
}

interface Service {
  readonly environment: readonly string[];
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
}

function servicesOf(url: string, answers?: Parameters<typeof kontenaLines>[1]): Readonly<Record<string, Service>> {
  const read = readYaml(kontenaLines(parseKontena("infra/lb", url), answers));
  return (read as { services: Readonly<Record<string, Service>> }).services;
}

Deno.test("kontenaLines() are YAML with what the balancer and the sidecar need", () => {
  assertEquals(servicesOf(BASE), {
    lb: { volumes: ["/srv/certs:/etc/haproxy/certs"], environment: ["SSL_CERT_SIDECAR=see the shared folder"] },
    certificates: {
      environment: [`LOAD_BALANCERS=infra/lb=${BASE}`, "CHALLENGE_HTTP_LISTEN=0.0.0.0:54322"],
      volumes: ["/srv/certs:/srv/certs"],
      ports: ["8402:54322"],
    },
  });
});

Deno.test("kontenaLines() share the socket's folder, not the socket", () => {
  const { lb, certificates } = servicesOf(`${BASE}&socket=/srv/run/haproxy-admin.sock`);
  assertEquals(lb?.volumes, ["/srv/certs:/etc/haproxy/certs", "/srv/run:/var/run"]);
  assertEquals(certificates?.volumes, ["/srv/certs:/srv/certs", "/srv/run:/srv/run"]);
});

Deno.test("kontenaLines() give the URL as it was configured", () => {
  const url = `${BASE}&socket=/srv/run/a.sock&probe-proxy=v2&lb-root=/etc/haproxy&default=00-a.pem`;
  const [variable = ""] = servicesOf(url)["certificates"]?.environment ?? [];
  const written = variable.slice("LOAD_BALANCERS=infra/lb=".length);
  assertEquals(parseKontena("infra/lb", written), parseKontena("infra/lb", url));
  const other = `${BASE}&http=[::1]:8080`;
  const [again = ""] = servicesOf(other)["certificates"]?.environment ?? [];
  assertEquals(parseKontena("x", again.slice("LOAD_BALANCERS=infra/lb=".length)), parseKontena("x", other));
});

Deno.test("kontenaLines() listen where others reach it, on the port that is configured", () => {
  const environment = (hostname: string): readonly string[] =>
    servicesOf(BASE, { hostname, port: 9000 })["certificates"]?.environment ?? [];
  assertEquals(environment("127.0.0.1")[1], "CHALLENGE_HTTP_LISTEN=0.0.0.0:9000");
  assertEquals(environment("10.81.1.7")[1], "CHALLENGE_HTTP_LISTEN=10.81.1.7:9000");
});

Deno.test("kontenaLines() name the parts that a check reports", () => {
  const lines = kontenaLines(parseKontena("infra/lb", `${BASE}&socket=/srv/run/a.sock`));
  for (const part of ["etcd", "certificates", "TLS", "reload", "http-01 route", "runtime socket"]) {
    assertStringIncludes(lines, part);
  }
});

Deno.test({
  name: "kontenaLines() switch TLS on in a Kontena Load Balancer, and write no file [needs haproxy, etcd]",
  ignore: !has("haproxy", "etcd"),
  async fn(): Promise<void> {
    const [[key = "", value = ""] = []] = servicesOf(BASE)["lb"]?.environment.map((it) => it.split("=")) ?? [];
    await using kit = await startKontenaKit({ env: { [key]: value } });
    const parts = await kit.balancer.wiring.check({ signal: AbortSignal.timeout(20_000) });
    assertEquals(parts.map((it) => [it.part, it.state]), [
      ["etcd", "ok"],
      ["certificates", "ok"],
      ["TLS", "ok"],
      ["reload", "ok"],
    ]);
    assertEquals([...Deno.readDirSync(kit.certs)].filter((it) => it.isFile).map((it) => it.name), [
      "00-placeholder.pem",
    ]);
  },
});
