/**
 * `deno task test`: brings the programs that the tests work on, runs all tests and all examples, and ends with the line
 * `N passed, N failed`. Arguments go on to `deno test`; files or folders among them are run instead of everything.
 *
 * @module
 */
import { openly, ROOT } from "./command.ts";
import { closingLine, joined, NO_TESTS, readReport, type Report } from "./junit.ts";
import { ensureParts, TEST_PARTS } from "./parts.ts";

/** These start programs and measure time, so they run one after the other and have the machine for themselves. */
const ALONE = ["test/integration", "test/e2e"];

/** Where tests and examples stand. */
const TESTED = ["mod.ts", "src", "plugin", "scripts", "README.md", "test"];

/** The arguments of each run of `deno test`. */
export function runs(args: readonly string[], exists: (path: string) => boolean): readonly (readonly string[])[] {
  if (args.some(exists)) return [args];
  const alone = ALONE.filter(exists);
  return [
    ["--parallel", "--doc", `--ignore=${ALONE.join()}`, ...args, ...TESTED.filter(exists)],
    ...alone.length === 0 ? [] : [[...args, ...alone]],
  ];
}

/** Tells why the run as a whole did not pass, besides the tests that failed. */
export function complaints(report: Report, ci: boolean, failedChecks: readonly string[]): readonly string[] {
  return [
    ...report.ignored.length > 0 && ci ? [`Nothing may be ignored in CI, but ${report.ignored.length} were.`] : [],
    ...failedChecks.length > 0 ? [`Checks that failed before the tests: ${failedChecks.join(", ")}`] : [],
  ];
}

async function test(args: readonly string[]): Promise<Report> {
  const path = await Deno.makeTempFile({ prefix: "kontena-junit-", suffix: ".xml" });
  try {
    const code = await openly(Deno.execPath(), [
      "test",
      "-A",
      "--quiet",
      "--permit-no-files",
      `--junit-path=${path}`,
      ...args,
    ]);
    const report = readReport(await Deno.readTextFile(path));
    if (code === 0 || report.failed.length > 0) return report;
    // A file that does not compile or throws while it loads is no test case in Deno's report.
    return joined(report, { ...NO_TESTS, failed: [`deno test itself, with exit code ${code}`] });
  } finally {
    await Deno.remove(path);
  }
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
  let report = NO_TESTS;
  for (const args of runs(Deno.args, isPath)) report = joined(report, await test(args));
  const failedChecks = (Deno.env.get("KONTENA_FAILED_CHECKS") ?? "").split(" ").filter((name) => name !== "");
  const wrong = complaints(report, Deno.env.get("CI") === "true", failedChecks);
  for (const title of report.ignored) console.log(`ignored: ${title}`);
  for (const title of report.failed) console.log(`failed: ${title}`);
  for (const line of wrong) console.log(line);
  const whole = joined(report, { ...NO_TESTS, failed: failedChecks });
  console.log(closingLine(whole));
  Deno.exit(whole.failed.length + wrong.length === 0 ? 0 : 1);
}
