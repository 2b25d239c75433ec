import { assertEquals } from "@std/assert";
import { byHand, getCommand, handedOver, type HandSituation } from "../../../src/model/by_hand.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import type { Planned } from "../../../src/model/plan.ts";
import type { AttemptRecord, AuthorizationRecord, CertificateRecord, Intent } from "../../../src/model/records.ts";
import { defaultSecretName, parseSecretName } from "../../../src/model/secret_name.ts";

const DAY = 86_400_000;
const NOW = new Date("2026-06-01T00:00:00Z");
const days = (count: number): Date => new Date(NOW.getTime() + count * DAY);

function intent(names: readonly string[], more: Partial<Intent> = {}): Intent {
  const parsed = parseDnsNames(names);
  const secretName = defaultSecretName(parsed[0]);
  return { names: parsed, keyType: "ec-256", secretName, certType: "fullchain", balancers: [], ...more };
}

const A = intent(["a.example.com", "b.example.com"]);

/** What matters of a record. */
function authorization(name: string, more: Partial<AuthorizationRecord> = {}): AuthorizationRecord {
  return { name: parseDnsName(name), type: "dns-01", state: "created", createdAt: NOW, ...more } as AuthorizationRecord;
}

function known(...records: readonly AuthorizationRecord[]): HandSituation["known"] {
  return new Map(records.map((it) => [it.name, it]));
}

function held(of: Intent, more: Partial<CertificateRecord> = {}): CertificateRecord {
  const facts = { names: of.names, notAfter: days(29) };
  return { intent: of, facts, storedAt: days(-61), origin: "ca", ...more } as CertificateRecord;
}

const resting = (lastCode: string): AttemptRecord => ({ failures: 1, lastCode, nextAt: days(1), lastAt: NOW });
const ASK: Planned = { intent: A, do: "ask", why: "by hand" };
const BOTH = known(authorization("a.example.com"), authorization("b.example.com"));

for (
  const [what, situation, expected] of [
    ["one whose names are all authorized again", {}, 1],
    ["not one with a name that nobody has authorized", { known: known(authorization("a.example.com")) }, 0],
    ["not one whose authorization has expired", {
      known: known(authorization("a.example.com"), authorization("b.example.com", { expires: NOW })),
    }, 0],
    ["not one whose authorization the CA has refused", {
      known: known(authorization("a.example.com"), authorization("b.example.com", { state: "error" })),
    }, 0],
    ["one whose names are proven already, by authorizations that are new", {
      known: known(
        authorization("a.example.com", { state: "validated" }),
        authorization("b.example.com", { expires: days(1) }),
      ),
    }, 1],
    ["not one of the authorizations that the held certificate came from", {
      known: known(authorization("a.example.com"), authorization("b.example.com", { createdAt: days(-62) })),
    }, 0],
    ["one where a machine proves the other name, whenever that was", {
      known: known(
        authorization("a.example.com"),
        authorization("b.example.com", { type: "http-01", createdAt: days(-90), expires: days(-60) }),
      ),
    }, 1],
    ["not one that machines alone prove", {
      planned: [{ intent: A, do: "issue", why: "lifetime" }],
      known: known(
        authorization("a.example.com", { type: "http-01" }),
        authorization("b.example.com", { type: "http-01" }),
      ),
    }, 0],
    ["not one that is fresh", { planned: [{ intent: A, do: "wait", why: "fresh", until: days(1) }] }, 0],
    ["not one that was revoked for good", { planned: [{ intent: A, do: "ask", why: "ceased" }] }, 0],
    ["a declared one that is missing", { planned: [{ intent: A, do: "issue", why: "missing" }], held: [] }, 1],
    ["a declared one that rests because it lacked a person's part", {
      planned: [{ intent: A, do: "wait", why: "backoff", until: days(1) }],
      attempts: new Map([[A.secretName, resting("INPUT")]]),
    }, 1],
    ["not one that rests after a failure of the CA", {
      attempts: new Map([[A.secretName, resting("CHALLENGE_FAILED")]]),
    }, 0],
    ["an order that a person left, of whatever age its other authorizations are", {
      planned: [],
      asked: [A],
      known: known(authorization("a.example.com"), authorization("b.example.com", { createdAt: days(-62) })),
    }, 1],
    ["one and not two where an order was left for a certificate that is due", { asked: [A] }, 1],
  ] as const satisfies readonly (readonly [string, Partial<HandSituation>, number])[]
) {
  Deno.test(`handedOver() has ${what}`, () => {
    const usual = { planned: [ASK], held: [held(A)], asked: [], known: BOTH, attempts: new Map(), now: NOW };
    assertEquals(handedOver({ ...usual, ...situation }).map((it) => it.secretName), Array(expected).fill(A.secretName));
  });
}

for (
  const [of, command] of [
    [intent(["a.example.com", "b.example.com"]), "a.example.com b.example.com"],
    [intent(["*.example.com"]), "'*.example.com'"],
    [intent(["a.example.com"], { secretName: parseSecretName("SSL_X") }), "--secret-name SSL_X a.example.com"],
    [intent(["a.example.com"], { certType: "chain" }), "--cert-type chain a.example.com"],
    [intent(["a.example.com"], { keyType: "rsa-2048" }), "--key-type rsa-2048 a.example.com"],
  ] as const
) {
  Deno.test(`getCommand() is one that gets the same again: ${command}`, () => {
    assertEquals(getCommand(of, "ec-256"), `kontena certificate get ${command}`);
  });
}

const END = " (it is run by itself once the records are seen in DNS)";
for (
  const [what, record, records, todo] of [
    ["nothing but the record is missing", held(A), BOTH, "run kontena certificate get a.example.com b.example.com"],
    [
      "one name is not authorized",
      held(A),
      known(authorization("a.example.com")),
      "run kontena certificate authorize b.example.com, set the record that it shows, then run kontena certificate get " +
      "a.example.com b.example.com",
    ],
    [
      "a balancer serves it",
      held(intent(["*.example.com", "example.com"], { balancers: ["infra/lb"] })),
      known(),
      "run kontena certificate authorize --lb-link infra/lb for each of *.example.com, example.com, set the records " +
      "that it shows, then run kontena certificate get '*.example.com' example.com",
    ],
    [
      "it was imported",
      held(intent(["a.example.com"]), { origin: "imported" }),
      known(authorization("a.example.com")),
      "import a newer one, or run kontena certificate get a.example.com",
    ],
  ] as const
) {
  Deno.test(`byHand() names the commands and the last day where ${what}`, () => {
    const found = byHand(record, { at: NOW, why: "lifetime" }, { known: records, keyType: "ec-256", now: NOW });
    assertEquals([found.from, found.until, found.due, found.todo], [NOW, days(29), true, todo + END]);
    const before = byHand(record, { at: days(1), why: "lifetime" }, { known: records, keyType: "ec-256", now: NOW });
    assertEquals(before.due, false);
  });
}
