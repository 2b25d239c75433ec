import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc, { type Arbitrary } from "fast-check";
import type { CertificateFacts } from "../../../src/model/certificate.ts";
import { CHALLENGE_TYPES } from "../../../src/model/challenge_type.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { KEY_TYPE_NAMES } from "../../../src/model/key_type.ts";
import type {
  AccountChange,
  AccountClosure,
  AccountRecord,
  AsideRecord,
  AttemptRecord,
  AuthorizationRecord,
  CertificateRecord,
  DeploymentRecord,
  Intent,
  NameRecord,
  OrderRecord,
  RateRecord,
  ServedVersion,
  ShadowedName,
  WishRecord,
} from "../../../src/model/records.ts";
import type { RenewalDraw } from "../../../src/model/renewal.ts";
import type { RenewalRecord } from "../../../src/model/renewal_record.ts";
import type { Revocation } from "../../../src/model/revocation.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { type Finding, FINDING_NAMES, type Reason, type RefusalName, REFUSALS } from "../../../src/model/verdict.ts";
import * as readers from "../../../src/ledger/record_readers.ts";

const date = fc.date({ noInvalidDate: true, min: new Date("1990-01-01"), max: new Date("2200-01-01") });
const href = fc.constantFrom("https://ca.test/dir", "https://ca.test:14000/a%2Fb?c=d#e", "http://127.0.0.1/ü").map(
  (text) => new URL(text),
);
const text = fc.string({ unit: "grapheme" });
const name = fc.constantFrom("example.com", "*.example.com", "xn--bcher-kva.example").map((it) => parseDnsName(it));
const secretName = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,40}$/).map((it) => parseSecretName(it));
const names = fc.tuple(name, fc.array(name)).map(([first, rest]) => [first, ...rest] as const);

/** A record with each optional field there or not; a field that the type has and this lacks does not compile. */
function record<T>(
  required: { readonly [K in RequiredKeys<T>]: Arbitrary<T[K]> },
  optional: { readonly [K in Exclude<keyof T, RequiredKeys<T>>]-?: Arbitrary<Exclude<T[K], undefined>> },
): Arbitrary<T> {
  return fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) as never }) as Arbitrary<T>;
}
type RequiredKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? never : K }[keyof T];

const intent: Arbitrary<Intent> = record<Intent>({
  names,
  keyType: fc.constantFrom(...KEY_TYPE_NAMES),
  secretName,
  certType: fc.constantFrom("fullchain", "chain", "cert"),
  balancers: fc.array(text),
}, { awaited: fc.boolean(), twinOf: secretName });

const facts = record<CertificateFacts>({
  subject: text,
  issuer: text,
  names: fc.array(name),
  serial: text,
  notBefore: date,
  notAfter: date,
  fingerprint: text,
}, { certId: text });

const account = record<AccountRecord>({ directory: href, url: href, thumbprint: text, createdAt: date }, {
  email: text,
});

type Change<C> = Extract<AccountChange, { readonly change: C }>;
const changed = { account: href, at: date };
const changes: Arbitrary<AccountChange> = fc.oneof(
  record<Change<"rollover">>({ ...changed, change: fc.constant("rollover"), from: text, to: text }, {}),
  record<Change<"deactivation">>({ ...changed, change: fc.constant("deactivation"), thumbprint: text }, {}),
);

const closure = record<AccountClosure>(
  { directory: href, thumbprint: text, by: fc.constantFrom("command", "ca"), at: date },
  { account: href },
);

const authorization = record<AuthorizationRecord>({
  directory: href,
  account: href,
  name,
  type: fc.constantFrom(...CHALLENGE_TYPES),
  order: href,
  authorization: href,
  challenge: href,
  token: text,
  keyAuthorization: text,
  state: fc.constantFrom("created", "requested", "validated", "error"),
  presented: fc.boolean(),
  createdAt: date,
}, { profile: text, balancer: text, expires: date, error: text });

type Step<S> = Extract<OrderRecord, { readonly step: S }>;
const order = { id: text, directory: href, account: href, names, createdAt: date };
const optionalOfOrder = { profile: text, replaces: text, intent };
const orders: Arbitrary<OrderRecord> = fc.oneof(
  record<Step<"intended">>({ ...order, step: fc.constant("intended") }, optionalOfOrder),
  record<Step<"ordered">>({ ...order, step: fc.constant("ordered"), url: href }, { ...optionalOfOrder, expires: date }),
  record<Step<"parked">>({ ...order, step: fc.constant("parked"), url: href }, { ...optionalOfOrder, expires: date }),
  record<Step<"finalizing">>({ ...order, step: fc.constant("finalizing"), url: href }, {
    ...optionalOfOrder,
    refusals: fc.nat(),
  }),
  record<Step<"issued">>({ ...order, step: fc.constant("issued"), url: href, certificate: href }, {
    ...optionalOfOrder,
    looks: fc.nat(),
  }),
);

type Origin<O> = Extract<CertificateRecord, { readonly origin: O }>;
const held = { intent, facts, storedAt: date };
const revoked = record<Revocation>({ at: date, reason: fc.constantFrom("unspecified", "keyCompromise") }, {});
const finding = record<Finding>({ name: fc.constantFrom(...FINDING_NAMES), found: text }, {});
const reason = record<Reason>({
  name: fc.constantFrom(...Object.keys(REFUSALS) as readonly RefusalName[]),
  found: text,
}, {});
const warnings = fc.array(finding);
const certificate: Arbitrary<CertificateRecord> = fc.oneof(
  record<Origin<"ca">>({ ...held, origin: fc.constant("ca"), directory: href, account: href, order: href }, {
    revoked,
    warnings,
  }),
  record<Origin<"imported">>({ ...held, origin: fc.constant("imported") }, { revoked, warnings }),
);

type State<S> = Extract<DeploymentRecord, { readonly state: S }>;
const deployment = { balancer: text, secretName, fingerprint: text, at: date };
const shadowed = fc.array(record<ShadowedName>({ name }, { by: text }));
const deployments: Arbitrary<DeploymentRecord> = fc.oneof(
  record<State<"served">>({ ...deployment, state: fc.constant("served"), shadowed }, {}),
  record<State<"held">>({ ...deployment, state: fc.constant("held"), reason: text, until: date }, {
    sign: text,
    hop: fc.constantFrom("vault", "balancer", "disk", "memory", "served"),
    refused: fc.array(text),
    standIn: record<ServedVersion>({ fingerprint: text, at: date, shadowed }, {}),
  }),
);

const attempt = record<AttemptRecord>({ failures: fc.nat(), lastAt: date }, {
  lastError: text,
  lastCode: text,
  nextAt: date,
  retryAt: date,
});

type Name<S> = Extract<NameRecord, { readonly state: S }>;
const failure = { directory: href, name, failures: fc.nat(), problem: text, detail: text, lastAt: date };
const failingNames: Arbitrary<NameRecord> = fc.oneof(
  record<Name<"failing">>({ ...failure, state: fc.constant("failing") }, { page: href }),
  record<Name<"resting">>({ ...failure, state: fc.constant("resting"), until: date }, { page: href }),
  record<Name<"paused">>({ ...failure, state: fc.constant("paused"), until: date }, { page: href }),
  record<Name<"refused">>({ ...failure, state: fc.constant("refused") }, { page: href }),
);

type Rate<K> = Extract<RateRecord, { readonly kind: K }>;
const rates: Arbitrary<RateRecord> = fc.oneof(
  record<Rate<"bucket">>({ kind: fc.constant("bucket"), fullAt: date, pending: fc.nat() }, {}),
  record<Rate<"wait">>({
    kind: fc.constant("wait"),
    until: date,
    why: text,
    stated: fc.boolean(),
    refusals: fc.nat(),
  }, { paceMs: fc.nat() }),
  record<Rate<"issued">>({ kind: fc.constant("issued"), until: date }, {}),
  record<Rate<"order">>({ kind: fc.constant("order"), counted: fc.boolean(), until: date }, {
    renewal: fc.constantFrom("replaces", "same names"),
  }),
);

const draw = record<RenewalDraw>({
  window: fc.tuple(date, fc.integer({ min: 1, max: 1e9 })).map(([start, ms]) => ({
    start,
    end: new Date(start.getTime() + ms),
  })),
  at: date,
}, { explanationUrl: href });
const renewal = record<RenewalRecord>(
  { certId: text, askedAt: date, askAt: date, failures: fc.nat(), recalls: fc.nat() },
  { draw },
);
const aside = record<AsideRecord>({
  intent,
  reasons: fc.tuple(reason, fc.array(reason)).map(([first, rest]) => [first, ...rest] as const),
  warnings,
  directory: href,
  account: href,
  order: href,
  at: date,
  count: fc.nat(),
  until: date,
}, { facts });
const wish = record<WishRecord>({ intent, at: date }, {});

/** One row a kind: its reader, what it can be, and the fields without which it is damaged. */
const KINDS: Readonly<Record<string, { read(json: unknown): unknown; any: Arbitrary<unknown>; fields: string }>> = {
  account: { read: readers.readAccount, any: account, fields: "directory url thumbprint createdAt" },
  change: { read: readers.readChange, any: changes, fields: "account at change" },
  closure: { read: readers.readClosure, any: closure, fields: "directory thumbprint by at" },
  authorization: {
    read: readers.readAuthorization,
    any: authorization,
    fields:
      "directory account name type order authorization challenge token keyAuthorization state presented createdAt",
  },
  order: { read: readers.readOrder, any: orders, fields: "id directory account names createdAt step" },
  certificate: {
    read: readers.readCertificate,
    any: certificate,
    fields: "intent facts storedAt",
  },
  deployment: { read: readers.readDeployment, any: deployments, fields: "balancer secretName fingerprint at state" },
  renewal: { read: readers.readRenewal, any: renewal, fields: "certId askedAt askAt failures recalls" },
  aside: {
    read: readers.readAside,
    any: aside,
    fields: "intent reasons warnings directory account order at count until",
  },
  wish: { read: readers.readWish, any: wish, fields: "intent at" },
  attempt: { read: readers.readAttempt, any: attempt, fields: "failures lastAt" },
  name: {
    read: readers.readName,
    any: failingNames,
    fields: "directory name failures problem detail lastAt state",
  },
  rate: { read: readers.readRate, any: rates, fields: "kind" },
};

for (const [kind, { read, any, fields }] of Object.entries(KINDS)) {
  Deno.test(`the reader of ${kind} records reads back what was written`, () => {
    fc.assert(fc.property(any, (written) => {
      const json = JSON.stringify(written);
      const back = read(JSON.parse(json));
      assertEquals(back, clone(written));
      assertEquals(JSON.parse(JSON.stringify(back)), JSON.parse(json));
    }));
  });

  Deno.test(`the reader of ${kind} records names the field that is missing or of another type`, () => {
    fc.assert(
      fc.property(
        any,
        fc.constantFrom(...fields.split(" ")),
        fc.constantFrom(undefined, null, {}),
        (whole, field, bad) => {
          const json = { ...JSON.parse(JSON.stringify(whole)), [field]: bad };
          // An object where an object belongs lacks its first field.
          const nested = bad !== undefined && bad !== null && (field === "intent" || field === "facts");
          assertThrows(() => read(json), SyntaxError, nested ? '"' : `"${field}"`);
        },
      ),
    );
  });

  Deno.test(`the reader of ${kind} records refuses what is no object`, () => {
    for (const json of [null, undefined, 1, "text", []]) assertThrows(() => read(json), SyntaxError, `"${kind}"`);
  });
}

const URL_TEXT = "https://ca.test/1";
const AT = "2026-01-01T00:00:00.000Z";
const ORDER = { id: "1", directory: URL_TEXT, account: URL_TEXT, names: ["a.test"], createdAt: AT };
const FACTS = { subject: "", issuer: "", names: [], serial: "", notBefore: AT, notAfter: AT, fingerprint: "" };
const INTENT = { names: ["a.test"], keyType: "ec-256", secretName: "A", certType: "cert", balancers: [] };

for (
  const [read, json, field] of [
    [readers.readOrder, { ...ORDER, step: "ordered" }, "url"],
    [readers.readOrder, { ...ORDER, step: "finalizing" }, "url"],
    [readers.readOrder, { ...ORDER, step: "issued", url: URL_TEXT }, "certificate"],
    [readers.readOrder, { ...ORDER, step: "unheard-of" }, "step"],
    [readers.readOrder, { ...ORDER, step: "intended", names: [] }, "names"],
    [readers.readOrder, { ...ORDER, step: "intended", names: ["../x"] }, "names"],
    [readers.readOrder, { ...ORDER, step: "intended", createdAt: "yesterday" }, "createdAt"],
    [readers.readOrder, { ...ORDER, step: "intended", account: "/relative" }, "account"],
    [readers.readOrder, { ...ORDER, step: "intended", intent: { ...INTENT, certType: "all" } }, "certType"],
    [readers.readOrder, { ...ORDER, step: "intended", intent: { ...INTENT, keyType: "dsa" } }, "keyType"],
    [readers.readOrder, { ...ORDER, step: "intended", intent: { ...INTENT, secretName: "a/b" } }, "secretName"],
    [readers.readOrder, { ...ORDER, step: "intended", intent: { ...INTENT, balancers: [1] } }, "balancers"],
    [readers.readOrder, { ...ORDER, step: "intended", intent: { ...INTENT, twinOf: "a/b" } }, "twinOf"],
    [readers.readWish, { intent: { ...INTENT, awaited: "yes" }, at: AT }, "awaited"],
    [readers.readCertificate, { intent: INTENT, facts: FACTS, storedAt: AT, origin: "ca" }, "directory"],
    [readers.readCertificate, { intent: INTENT, facts: FACTS, storedAt: AT, origin: "found" }, "origin"],
    [
      readers.readCertificate,
      { intent: INTENT, facts: FACTS, storedAt: AT, origin: "imported", revoked: { at: AT, reason: "x" } },
      "reason",
    ],
    [readers.readDeployment, { balancer: "lb", secretName: "A", fingerprint: "", at: AT, state: "held" }, "reason"],
    [readers.readDeployment, { balancer: "lb", secretName: "A", fingerprint: "", at: AT, state: "served" }, "shadowed"],
    [readers.readChange, { account: URL_TEXT, at: AT, change: "rollover", from: "a" }, "to"],
    [readers.readChange, { account: URL_TEXT, at: AT, change: "deactivation" }, "thumbprint"],
    [readers.readAttempt, { failures: "3", lastAt: AT }, "failures"],
    [
      readers.readRenewal,
      {
        certId: "a.b",
        askedAt: AT,
        askAt: AT,
        failures: 0,
        recalls: 0,
        draw: { at: AT, window: { start: AT, end: AT } },
      },
      "window",
    ],
    [readers.readAnswer, { token: "x" }, "keyAuthorization"],
  ] as const
) {
  Deno.test(`${read.name}() refuses a record for its ${field}: ${JSON.stringify(json).slice(-60)}`, () => {
    assertThrows(() => read(json), SyntaxError, `"${field}"`);
  });
}

Deno.test("readCertificate() reads a record from before there were imports as the CA's", () => {
  const old = { intent: INTENT, facts: FACTS, directory: URL_TEXT, account: URL_TEXT, order: URL_TEXT, storedAt: AT };
  const read = readers.readCertificate(old);
  assertEquals([read.origin, read.origin === "ca" ? read.order.href : ""], ["ca", URL_TEXT]);
});

Deno.test("readAccount() gives dates and URLs, not texts", () => {
  const read = readers.readAccount({ directory: URL_TEXT, url: URL_TEXT, thumbprint: "t", createdAt: AT });
  assertInstanceOf(read.directory, URL);
  assertEquals(read.createdAt, new Date(AT));
});

/** A copy of plain prototype: fast-check makes records without one. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof URL) return value;
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, clone(it)]));
}
