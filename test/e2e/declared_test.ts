import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { gateTo } from "../support/gate.ts";
import { until } from "../support/process.ts";
import { ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, madeBy, startStage } from "../support/stage.ts";

/** A minute passes in a second there. */
const HASTY = `${ROOT}test/support/hasty_sidecar.ts`;

const BUNDLE = "LE_CERTIFICATE_good_example_com_BUNDLE";

/** When it is tried again. */
const AGAIN = /; again at (\d{4}-\d\d-\d\dT[\d:.]+Z)$/;

e2e("declared certificates come when the CA does; one that fails holds up none, a lost one is made again", async () => {
  await using stage = await startStage();
  const { pebble, haproxy, challengePort } = stage;
  await pebble.setA("bad.example.com", ["127.0.0.99"]); // nobody answers there
  await using gate = gateTo(Number(pebble.directory.port));
  await using sidecar = await startSidecarProcess({
    challengePort,
    env: {
      ...stage.env,
      ACME_DIRECTORY_URL: `https://127.0.0.1:${gate.port}/dir`,
      ACME_AGREE_TOS: "true",
      CERTIFICATES: "bad.example.com; good.example.com www.good.example.com",
    },
    program: HASTY,
  });

  const absent = await sidecar.ask("/ready");
  assertEquals([absent.status, (await sidecar.ask("/health")).status], [503, 200]);
  assertStringIncludes(absent.text, `"CA 127.0.0.1:${gate.port}: `);
  const early = await until("an attempt without a CA", () => failureOf(sidecar, "good.example.com", "CA_TRANSPORT"));
  assertMatch(early, AGAIN);

  gate.open();
  await until("the CA is there", () => eventOf(sidecar, "certificate.served"));
  const served = await haproxy.ask(`show ssl cert ${haproxy.certs}/LE_CERTIFICATE_good_example_com.pem`);
  assertMatch(served, /Subject Alternative Name: DNS:good\.example\.com, DNS:www\.good\.example\.com\n/);

  const failure = await until(
    "bad.example.com fails",
    () => failureOf(sidecar, "bad.example.com", "CHALLENGE_FAILED"),
  );
  assertMatch(
    failure,
    /^No certificate for bad\.example\.com \(missing\): bad\.example\.com: .* \(mend what the CA found/,
  );
  assertMatch(failure, AGAIN);
  assertEquals(JSON.parse((await sidecar.ask("/ready")).text), {
    ready: false,
    missing: ["certificate: bad.example.com is not there yet"],
  });
  assertEquals((await madeBy(pebble)).certificates, 1);

  const before = await sidecar.ok("vault", "read", "--value", BUNDLE);
  await sidecar.ok("vault", "rm", "--force", BUNDLE);
  await until(
    "the certificate is there again",
    async () => (await sidecar.kontena("vault", "read", BUNDLE)).code === 0,
  );
  assertNotEquals(await sidecar.ok("vault", "read", "--value", BUNDLE), before);
  assertEquals((await madeBy(pebble)).certificates, 2);

  const [first = NaN, second = NaN] = nextAttempts(sidecar, "bad.example.com");
  assert(second - first >= 4.5 * 60_000, "five minutes after the second failure, give or take a tenth");
});

/** The text of the newest event of that name. */
function eventOf(sidecar: TestSidecar, name: string): string | undefined {
  return sidecar.events().filter((it) => it["event"] === name).map((it) => String(it["message"])).at(-1);
}

function failureOf(sidecar: TestSidecar, subject: string, code: string): string | undefined {
  return failuresOf(sidecar, subject).find((it) => it.code === code)?.message;
}

/** When each failure said that it is tried again, in milliseconds. */
function nextAttempts(sidecar: TestSidecar, subject: string): readonly number[] {
  return failuresOf(sidecar, subject).map(({ message }) => Date.parse(AGAIN.exec(message)?.[1] ?? ""));
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

function failuresOf(sidecar: TestSidecar, subject: string): readonly Failure[] {
  return sidecar.events()
    .filter((it) => it["event"] === "certificate.failed" && it["subject"] === subject)
    .map((it) => ({ code: String(it["code"]), message: String(it["message"]) }));
}
