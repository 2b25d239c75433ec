/**
 * `deno task ok`: the whole gate. The quick checks first, all of them even if one fails; `deno task test` at last.
 * `deno task check` (`--quick`) leaves out the tests.
 *
 * @module
 */
import { openly, quietly } from "./command.ts";

/** One check: a name without spaces, and the arguments for `deno`. */
interface Check {
  readonly name: string;
  readonly args: readonly string[];
}

/** The lock comes first, and alone: it brings the packages that the others read. */
const LOCK: Check = { name: "lock", args: ["run", "-A", "scripts/check_lock.ts"] };

/** These do not disturb each other. */
const CHECKS: readonly Check[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "--quiet", "--doc"] },
  { name: "documentation", args: ["doc", "--lint", "mod.ts"] },
  { name: "layers", args: ["run", "-A", "scripts/check_layers.ts"] },
];

async function passes({ name, args }: Check): Promise<boolean> {
  const begin = performance.now();
  const { code, output } = await quietly(Deno.execPath(), args);
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (code !== 0) console.log(output);
  return code === 0;
}

async function failing(checks: readonly Check[]): Promise<readonly string[]> {
  const passed = await Promise.all(checks.map(passes));
  return checks.filter((_, index) => !passed[index]).map(({ name }) => name);
}

if (import.meta.main) {
  const failed = [...await failing([LOCK]), ...await failing(CHECKS)];
  if (Deno.args.includes("--quick")) Deno.exit(failed.length === 0 ? 0 : 1);
  // The tests add them to what failed, so that the last line of the gate tells the truth.
  const env = { KONTENA_FAILED_CHECKS: failed.join(" ") };
  const code = await openly(Deno.execPath(), ["task", "--quiet", "test"], { env });
  Deno.exit(failed.length === 0 ? code : 1);
}
