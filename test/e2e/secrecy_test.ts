import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { watchArguments } from "../support/process_arguments.ts";
import { leaks, secretKey, secretText } from "../support/secret_marks.ts";
import { type Outcome, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, type Stage, startStage } from "../support/stage.ts";

const TOKEN = "7c1QkX0fJtB2mZ9wLr5vHs8yUe3aNd6g";
const VAULT_KEY = "pW4 xG7 tR1 bM8 kD5 sV2 hC9 fY6 nL3 qJ0 zA";
const NAMES = ["api.example.com", "www.example.com"] as const;
const LINKED = ["--lb-link", "infra/lb"] as const;

e2e("no secret is seen in log, output, errors, metrics, /ready, the database or any process's arguments", async () => {
  await using stage = await startStage({ pebble: { nonceReject: 20 } });
  const env = { ...stage.env, API_TOKEN: TOKEN, VAULT_KEY, LOG_LEVEL: "debug" };
  await using sidecar = await startSidecarProcess({ ...stage, env });
  const shown: string[] = [];
  const seen = (outcome: Outcome): Outcome => (shown.push(outcome.stdout, outcome.stderr), outcome);

  {
    await using processes = watchArguments();
    await wholeRun(stage, sidecar, seen);
    for (const program of ["plugin/launch.ts", "plugin/main.ts", "plugin/cli/main.ts"]) {
      assert([...processes.seen].some((it) => it.includes(program)), `${program} was looked at`);
    }
    shown.push(...processes.seen);
  }
  const answers = await Promise.all(["/metrics", "/ready", "/health"].map((path) => sidecar.ask(path)));
  shown.push(...answers.map((it) => it.text));
  assertStringIncludes(shown.join(), "kontena_certificate_not_after_seconds");

  const keys = await Promise.all(
    ["LE_PRIVATE_KEY", "SSL_PRIVATE_KEY", "LE_CERTIFICATE_one_example_com_PRIVATE_KEY"]
      .map((name) => sidecar.ok("vault", "read", "--value", name)),
  );
  for (const outcome of await misplaced(sidecar, keys[1] ?? "")) assertEquals(seen(outcome).code, 1, outcome.stderr);
  assertEquals(await sidecar.stop(), 0);
  shown.push(sidecar.process.output(), await databaseOf(sidecar.folder));

  const secrets = [
    secretText("token", TOKEN),
    secretText("vault key", VAULT_KEY),
    ...keys.flatMap((it) => secretKey("key", it)),
  ];
  assertEquals(leaks(secrets, new Map([["what was shown", shown.join("\n")]])), []);
});

/** Everything that is usually done, and something that fails. */
async function wholeRun({ pebble }: Stage, sidecar: TestSidecar, seen: (outcome: Outcome) => Outcome): Promise<void> {
  const ok = async (...args: readonly string[]): Promise<void> => {
    const outcome = seen(await sidecar.kontena(...args));
    assertEquals(outcome.code, 0, outcome.stderr);
  };
  await pebble.setA("bad.example.com", ["127.0.0.99"]); // nobody answers there
  await ok("certificate", "register", "-D", "--agree-tos", "you@example.com");
  await ok("certificate", "authorize", "--auth-type", "tls-alpn-01", ...LINKED, NAMES[0]);
  await ok("certificate", "authorize", "--auth-type", "http-01", ...LINKED, NAMES[1]);
  await ok("certificate", "get", "-D", "--secret-name", "SSL", ...NAMES);
  await ok("certificate", "request", "one.example.com");
  const failed = seen(await sidecar.kontena("certificate", "request", "-D", "bad.example.com"));
  assertMatch(failed.stderr, /challenge: bad\.example\.com: /);
  for (const what of [["list"], ["show", NAMES[0]], ["export", "--certificate", NAMES[0]]]) {
    await ok("certificate", ...what);
  }
  await ok("vault", "list");
}

/** A key where no key belongs, and a token that is not the right one. */
async function misplaced(sidecar: TestSidecar, key: string): Promise<readonly Outcome[]> {
  return await Promise.all([
    sidecar.kontena("vault", "write", key),
    sidecar.kontena("vault", "write", key, "value"),
    sidecar.kontena("vault", "write", "SSL_PRIVATE_KEY", key),
    sidecar.kontena("vault", "read", "-D", key),
    sidecar.kontena("certificate", "authorize", "-D", key),
    sidecar.kontena("certificate", "get", "--secret-name", key, NAMES[0]),
    sidecar.kontena(key, "list"),
  ]);
}

/** The bytes of the database and of what stands beside it, each as one character. */
async function databaseOf(folder: string): Promise<string> {
  const files = await Array.fromAsync(Deno.readDir(`${folder}/data`), ({ name }) => `${folder}/data/${name}`);
  const texts = await Promise.all(
    files.map(async (path) => new TextDecoder("latin1").decode(await Deno.readFile(path))),
  );
  return texts.join("\n");
}
