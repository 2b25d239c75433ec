/**
 * The report that `deno test --junit-path` writes, as numbers and titles.
 *
 * @module
 */

/** What became of the tests. Steps count with their test, but a step that is ignored is named. */
export interface Report {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly ignored: readonly string[];
}

/** No test at all. */
export const NO_TESTS: Report = { passed: 0, failed: [], ignored: [] };

interface Case {
  readonly title: string;
  readonly state: "passed" | "failed" | "ignored";
}

/** Reads a report. */
export function readReport(xml: string): Report {
  const suites = [...xml.matchAll(/<testsuite [\s\S]*?<\/testsuite>/g)].map(([suite]) => readSuite(suite));
  return suites.reduce(joined, NO_TESTS);
}

/** Two reports as one. */
export function joined(a: Report, b: Report): Report {
  return {
    passed: a.passed + b.passed,
    failed: [...a.failed, ...b.failed],
    ignored: [...a.ignored, ...b.ignored],
  };
}

/** The line that a runner reads: `12 passed, 0 failed`. */
export function closingLine(report: Report): string {
  return `${report.passed} passed, ${report.failed.length} failed`;
}

function readSuite(xml: string): Report {
  const cases = [...xml.matchAll(/<testcase name="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g)]
    .map(([, name = "", body = ""]): Case => ({ title: unescaped(name), state: stateOf(body) }));
  const isStep = ({ title }: Case): boolean => cases.some((parent) => title.startsWith(`${parent.title} > `));
  const titles = (all: readonly Case[], state: Case["state"]): readonly string[] =>
    all.filter((it) => it.state === state).map(({ title }) => title);
  const tests = cases.filter((it) => !isStep(it));
  return {
    passed: titles(tests, "passed").length,
    failed: titles(tests, "failed"),
    ignored: titles(cases, "ignored"),
  };
}

function stateOf(body: string): Case["state"] {
  if (body.includes("<skipped")) return "ignored";
  return /<(failure|error)[ >]/.test(body) ? "failed" : "passed";
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
