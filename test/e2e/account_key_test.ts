import { createHash, createPublicKey } from "node:crypto";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { acmeAuthority, importAccountKey } from "../../mod.ts";
import { systemClock } from "../../plugin/clock.ts";
import { CALL } from "../support/fakes.ts";
import { startPebble } from "../support/pebble.ts";
import { start } from "../support/process.ts";
import { dumpOf, openStores, type Outcome, ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, openssl } from "../support/stage.ts";

e2e(
  "an account key of one's own, imported by the documented line, is the account's; a malformed one changes nothing",
  async () => {
    await using pebble = await startPebble();
    const env = { ACME_DIRECTORY_URL: pebble.directory.href, ACME_CA_FILE: pebble.caFile, LOG_LEVEL: "debug" };
    await using sidecar = await startSidecarProcess({ env });
    const key = await rsaKey(sidecar.folder, 2048);
    await sidecar.ok("vault", "list"); // it listens before it has opened its vault

    for (const [what, text, reason] of await malformedKeys(sidecar.folder, key)) {
      const before = dumpOf(sidecar.folder);
      const outcome = await writeDocumented(sidecar, text);
      assertEquals([outcome.code, outcome.stdout], [1, ""], what);
      assertMatch(
        outcome.stderr,
        /^ \[error\] 422 : Unprocessable Entity:\n\tLE_PRIVATE_KEY: [^\n]+ \([^\n]+\)\n$/,
        what,
      );
      assertMatch(outcome.stderr, reason, what);
      assertHidden(text, outcome.stderr + sidecar.process.output(), what);
      assertEquals(dumpOf(sidecar.folder), before, what);
    }

    assertEquals(await writeDocumented(sidecar, key), { code: 0, stdout: "", stderr: "" });
    const registered = await sidecar.kontena("certificate", "register", "--agree-tos", "you@example.com");
    assertEquals(registered.code, 0, registered.stderr);
    assertHidden(key, registered.stdout + registered.stderr + sidecar.process.output(), "a good key");

    await sidecar.stop();
    await using left = await openStores(sidecar.folder);
    const [account] = (await left.records.accounts.list(CALL)).map((it) => it.value);
    assertEquals(account?.thumbprint, thumbprintOf(key));
    const { directory, fetch } = pebble;
    const ca = acmeAuthority({ directory, fetch, clock: systemClock, userAgent: "kontena-certificates-test/1" });
    assertEquals(
      account?.url,
      await ca.find(await importAccountKey(key), CALL),
      "the CA knows the account by this key",
    );
  },
);

/** What a person has in priv_key.pem by mistake, and what the error says of it. */
async function malformedKeys(folder: string, good: string): Promise<readonly (readonly [string, string, RegExp])[]> {
  const lines = good.trim().split("\n");
  const noise = crypto.getRandomValues(new Uint8Array(600)).toBase64().replace(/.{64}/g, "$&\n");
  return [
    ["RSA of 1024 bits", await rsaKey(folder, 1024), /it is RSA with 1024 bits/],
    ["noise between the right marks", [lines[0], noise, lines.at(-1)].join("\n"), /its PEM block is not a key/],
    ["the end is missing", lines.slice(0, -1).join("\n"), /cut off: it has no END line/],
    ["lines are missing", [...lines.slice(0, 8), lines.at(-1)].join("\n"), /its PEM block is not a key/],
    ["no key at all", "correct horse battery staple correct horse", /something other than PEM/],
  ];
}

/** Types what the documentation prints. */
async function writeDocumented(sidecar: TestSidecar, key: string): Promise<Outcome> {
  await Deno.writeTextFile(`${sidecar.folder}/priv_key.pem`, key);
  const line = `kontena vault write LE_PRIVATE_KEY "$(cat priv_key.pem)" 2>stderr >stdout`;
  await using shell = start("/bin/sh", {
    args: ["-c", line],
    cwd: sidecar.folder,
    env: {
      PATH: `${ROOT}bin:${Deno.env.get("PATH")}`,
      DENO: Deno.execPath(),
      KONTENA_URL: `http://127.0.0.1:${sidecar.apiPort}`,
    },
  });
  const code = await shell.exit;
  const read = (name: string): Promise<string> => Deno.readTextFile(`${sidecar.folder}/${name}`);
  return { code, stdout: await read("stdout"), stderr: await read("stderr") };
}

async function rsaKey(folder: string, bits: number): Promise<string> {
  await openssl("genrsa", "-traditional", "-out", `${folder}/generated.pem`, String(bits));
  return await Deno.readTextFile(`${folder}/generated.pem`);
}

/** Not even a quarter of a line of the key. */
function assertHidden(key: string, shown: string, what: string): void {
  const parts = key.split("\n").filter((line) => !line.startsWith("-----")).flatMap((line) =>
    line.match(/.{16}/g) ?? []
  );
  assert(parts.length > 1);
  for (const part of parts) assert(!shown.includes(part), `${what}: a part of the key is shown`);
}

/** RFC 7638 §3, written out. */
function thumbprintOf(pem: string): string {
  const { e, n } = createPublicKey(pem).export({ format: "jwk" });
  return createHash("sha256").update(`{"e":"${e}","kty":"RSA","n":"${n}"}`).digest("base64url");
}
