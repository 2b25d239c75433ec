import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../plugin/cli/client.ts";
import { kontena } from "../../support/fake_kontena.ts";

const SECRETS = "v1/grids/test/secrets";
const PEM = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
const AT = "2026-01-01T00:00:00.000+00:00";
const secret = (name: string, value?: string): unknown => ({ name, created_at: AT, updated_at: null, value });

const EXPORT = {
  [`GET ${SECRETS}`]: { secrets: [secret("KEY"), secret("A")] },
  "GET v1/secrets/test/A": secret("A", "yes"),
  "GET v1/secrets/test/KEY": secret("KEY", PEM),
};

for (
  const [line, out] of [
    ["vault export", `---\nA: "yes"\nKEY: |-\n  ${PEM.replaceAll("\n", "\n  ")}\n`],
    ["vault export --json", `${JSON.stringify({ A: "yes", KEY: PEM }, null, 2)}\n`],
  ] as const
) {
  Deno.test(`"${line}" prints all secrets, sorted by name`, async () => {
    const ran = await kontena(line, EXPORT);
    assertEquals([ran.code, ran.out, ran.err], [0, out, ""]);
  });
}

const WRITES = Object.fromEntries(["A", "B", "C", "KEY"].flatMap((name) => [
  [`PUT v1/secrets/test/${name}`, {}],
  [`DELETE v1/secrets/test/${name}`, {}],
]));
const put = (name: string, value: string): unknown => ["PUT", `v1/secrets/test/${name}`, { name, value, upsert: true }];
const remove = (name: string): unknown => ["DELETE", `v1/secrets/test/${name}`];

for (
  const [line, text, requests] of [
    ["vault import --force f", `---\nA: "yes"\nKEY: |-\n  ${PEM.replaceAll("\n", "\n  ")}\n`, [
      put("A", "yes"),
      put("KEY", PEM),
    ]],
    ["vault import --force f", "A: 007\nB: true\nC: null\n", [put("A", "007"), put("B", "true"), remove("C")]],
    ["vault import --force --skip-null f", "A: x\nB: null\n", [put("A", "x")]],
    ["vault import --force --empty-is-null f", 'A: x\nB: ""\n', [put("A", "x"), remove("B")]],
    ["vault import --force --empty-is-null --skip-null f", 'A: x\nB: ""\nC:\n', [put("A", "x")]],
    ["vault import --force --json f", '{"A": "x", "B": 7, "C": null}', [put("A", "x"), put("B", "7"), remove("C")]],
    ["vault import --force f", '{"A": "x"}', [put("A", "x")]],
    ["vault import --force f", "", []],
  ] as const
) {
  Deno.test(`"${line}" of ${JSON.stringify(text)} sends what it says`, async () => {
    const ran = await kontena(line, WRITES, {}, { f: text });
    assertEquals([ran.code, ran.out], [0, ""]);
    assertEquals(ran.requests as unknown, requests);
  });
}

Deno.test("vault import reads standard input, and says what it did", async () => {
  const ran = await kontena("vault import --force", WRITES, { input: "A: x\nB: z\nC: ~\n" });
  assertEquals([ran.code, ran.err, ran.requests.length], [0, "Imported 2 secrets, deleted 1 secret\n", 3]);
});

for (const [input, code, requests] of [["y", 0, 3], ["n", 1, 0], [undefined, 1, 0]] as const) {
  Deno.test(`vault import asks a person, who answers ${input}`, async () => {
    const terminal = { inIsTerminal: true, ...(input === undefined ? {} : { input }) };
    const ran = await kontena("vault import f", WRITES, terminal, { f: "A: x\nB: z\nC: ~\n" });
    assertEquals([ran.code, ran.requests.length], [code, requests]);
    assertStringIncludes(ran.err, "About to..\n  * IMPORT 2 secrets\n  * DELETE 1 secret\nAre you sure? ");
  });
}

Deno.test("vault import wants --force without a terminal", async () => {
  const ran = await kontena("vault import f", WRITES, {}, { f: "A: x\n" });
  assertEquals([ran.code, ran.requests], [1, []]);
  assertStringIncludes(ran.err, " [error] Command requires --force\n");
});

for (
  const [line, text, error] of [
    ["vault import --force missing", "", "File not found: missing"],
    ["vault import --force f", "A: x\nB: [s3cret]\n", "YAML: line 2: its value has to be in quotes"],
    ["vault import --force f", "A: x\na.b: s3cret\n", 'NAME: Name isn\'t in the right format: "a.b"'],
    ["vault import --force f", 'A: "s3cret"\nB: " "\n', "B: Value can't be blank (see --empty-is-null)"],
    ["vault import --force f", 'A: "s3cret"\nB: ""\n', "B: Value can't be blank (see --empty-is-null)"],
    ["vault import --force --json f", "A: s3cret", "JSON: it is not one object of names and values"],
    ["vault import --force --json f", '["s3cret"]', "JSON: it is not one object of names and values"],
    ["vault import --force --json f", '{"A": "x", "B": ["s3cret"]}', "B: Invalid value type for B"],
  ] as const
) {
  Deno.test(`"${line}" of ${JSON.stringify(text)} is refused before anything is sent, without its values`, async () => {
    const ran = await kontena(line, WRITES, {}, { f: text });
    assertEquals([ran.code, ran.requests], [1, []]);
    assertStringIncludes(ran.err, ` [error] ${error}`);
    assert(!ran.err.includes("s3cret"));
  });
}

Deno.test("vault import says how far it got, and takes a secret that is gone for removed", async () => {
  const full = new ApiError(422, { error: { value: "no" } });
  const failed = await kontena("vault import --force f", { ...WRITES, "PUT v1/secrets/test/B": full }, {}, {
    f: "A: x\nB: z\nC: z\n",
  });
  assertEquals([failed.code, failed.requests.length], [1, 2]);
  assertStringIncludes(failed.err, "\tB: 1 of 3 were done before it, those after it were not begun\n");
  const gone = new ApiError(404, { error: "Not found" });
  assertEquals(
    (await kontena("vault import --force f", { "DELETE v1/secrets/test/A": gone }, {}, { f: "A: ~" })).code,
    0,
  );
});
