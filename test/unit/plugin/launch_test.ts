import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT } from "../../support/sidecar.ts";

/** Runs the launcher with the rights that the container gives it. */
async function launch(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", "--allow-read", `${ROOT}plugin/launch.ts`, ...args],
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

Deno.test("launch() with --flags prints what the configuration needs, a flag a line, and runs nothing", async () => {
  const { code, out, err } = await launch(
    { VAULT_URL: "sqlite:/data/vault.db", DNS_RESOLVERS: "192.0.2.53" },
    "--flags",
  );
  const flags = out.trimEnd().split("\n");
  assertEquals(code, 0);
  assert(flags.every((flag) => /^--[^\s,]+(?:,[^\s,]+)*$/.test(flag)), out);
  assert(flags.includes("--allow-read=/data") && flags.includes("--allow-write=/data"), out);
  assertEquals(err, `Permissions: ${flags.join(" ")}\n`);
});

Deno.test("launch() with --flags prints no flag where the configuration has a fault", async () => {
  const { code, out, err } = await launch({ KEY_TYPE: "rsa-1", LOG_LEVEL: "loud" }, "--flags");
  assertEquals([code, out], [1, ""]);
  for (const name of ["KEY_TYPE", "LOG_LEVEL"]) assertStringIncludes(err, `  ${name}: `);
});

for (const path of ["/data/a,/etc/vault.db", "/data/a\n--allow-run/vault.db"]) {
  Deno.test(`launch() refuses ${JSON.stringify(path)}, which would grant something else`, async () => {
    const { code, out, err } = await launch({ VAULT_URL: `sqlite:${encodeURIComponent(path)}` }, "--flags");
    assertEquals([code, out], [1, ""]);
    assertStringIncludes(err, "has a comma or a line break");
  });
}
