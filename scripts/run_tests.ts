/**
 * `deno task test`: brings the programs that the tests work on, runs all tests and all examples, and ends with the line
 * `N passed, N failed`. Arguments go on to `deno test`; files or folders among them are run instead of everything.
 *
 * @module
 */
import { openly, ROOT } from "./command.ts";
import { closingLine, joined, NO_TESTS, readReport, type Report } from "./junit.ts";
import { ensureParts, TEST_PARTS } from "./parts.ts";

/** Where examples stand. */
const EXAMPLES = ["mod.ts", "src", "plugin", "scripts", "README.md"];

/** More than the slowest machine needs: a test that hangs must not hang the gate. */
const DEADLINE_MS = 15 * 60_000;

/** The folder of tests that need no other program, and so may share the machine. */
const TOGETHER = "test/unit";

/**
 * The arguments for each run of `deno test`, one run after the other. Tests of real programs want the machine for themselves;
 * the others run side by side.
 *
 * @param folders Those of the tests, told one by one: `--ignore` does not take one of them out (Deno 2.9.6).
 */
export function runs(
  args: readonly string[],
  folders: readonly string[],
  exists: (path: string) => boolean,
): readonly (readonly string[])[] {
  if (args.some(exists)) return [args];
  return [
    ["--parallel", ...args, TOGETHER],
    ["--doc", ...args, ...EXAMPLES.filter(exists), ...folders.filter((it) => it !== TOGETHER)],
  ];
}

/** Tells why the run as a whole did not pass, besides the tests that failed. */
export function complaints(report: Report, ci: boolean, failedChecks: readonly string[]): readonly string[] {
  return [
    ...report.ignored.length > 0 && ci ? [`Nothing may be ignored in CI, but ${report.ignored.length} were.`] : [],
    ...failedChecks.length > 0 ? [`Checks that failed before the tests: ${failedChecks.join(", ")}`] : [],
  ];
}

async function test(args: readonly string[], deadline: AbortSignal): Promise<Report> {
  const path = await Deno.makeTempFile({ prefix: "kontena-junit-", suffix: ".xml" });
  try {
    const command = ["test", "-A", "--quiet", "--permit-no-files", `--junit-path=${path}`, ...args];
    const code = await openly(Deno.execPath(), command, { signal: deadline });
    const report = readReport(await Deno.readTextFile(path));
    if (code === 0 || report.failed.length > 0) return report;
    // A file that does not compile or throws while it loads is no test case in Deno's report.
    const why = deadline.aborted ? `not over within ${DEADLINE_MS / 60_000} minutes` : `exit code ${code}`;
    return joined(report, { ...NO_TESTS, failed: [`deno test itself: ${why}`] });
  } finally {
    await Deno.remove(path);
  }
}

/** The folders of `test`: whatever has tests is in one of them. */
export function testFolders(): readonly string[] {
  return [...Deno.readDirSync(`${ROOT}/test`)].filter((it) => it.isDirectory).map((it) => `test/${it.name}`).sort();
}

function isPath(text: string): boolean {
  try {
    return !text.startsWith("-") && Deno.statSync(`${ROOT}/${text}`) !== undefined;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  await ensureParts(TEST_PARTS);
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let report = NO_TESTS;
  for (const args of runs(Deno.args, testFolders(), isPath)) report = joined(report, await test(args, deadline));
  const failedChecks = (Deno.env.get("KONTENA_FAILED_CHECKS") ?? "").split(" ").filter((name) => name !== "");
  const wrong = complaints(report, Deno.env.get("CI") === "true", failedChecks);
  for (const title of report.ignored) console.log(`ignored: ${title}`);
  for (const title of report.failed) console.log(`failed: ${title}`);
  for (const line of wrong) console.log(line);
  const whole = joined(report, { ...NO_TESTS, failed: failedChecks });
  console.log(closingLine(whole));
  Deno.exit(whole.failed.length + wrong.length === 0 ? 0 : 1);
}
