import { assertEquals } from "@std/assert";
import { byHand as byHandOf } from "../../../src/model/by_hand.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { explain, type Known } from "../../../src/model/explain.ts";
import { FAILURE_CLASSES } from "../../../src/model/failure_classes.ts";
import type {
  AuthorizationRecord,
  CertificateRecord,
  DeploymentRecord,
  OrderRecord,
} from "../../../src/model/records.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const SUBJECT = parseDnsName("www.example.com");
const SECRET = parseSecretName("LE_CERTIFICATE_www_example_com");
const URL_ = new URL("https://ca.test/1");

const record = (more: Partial<CertificateRecord> = {}): CertificateRecord => ({
  intent: { names: [SUBJECT], keyType: "ec-256", secretName: SECRET, certType: "fullchain", balancers: ["infra/lb"] },
  facts: {
    names: [SUBJECT],
    subject: "www.example.com",
    issuer: "R13",
    serial: "01",
    fingerprint: "aa",
    notBefore: new Date("2026-05-01T00:00:00Z"),
    notAfter: new Date("2026-07-30T00:00:00Z"),
  },
  storedAt: NOW,
  origin: "ca",
  directory: URL_,
  account: URL_,
  order: URL_,
  ...more,
} as CertificateRecord);
const TWIN = record({
  intent: {
    names: [SUBJECT],
    keyType: "rsa-2048",
    secretName: parseSecretName(`${SECRET}_RSA`),
    certType: "fullchain",
    balancers: ["infra/lb"],
    twinOf: SECRET,
  },
});
const about = { balancer: "infra/lb", secretName: SECRET, fingerprint: "aa", at: NOW } as const;
const served: DeploymentRecord = { ...about, state: "served", shadowed: [] };
const renewal = { at: new Date("2026-06-29T10:00:00Z"), why: "window" } as const;
const byHand = byHandOf(record(), renewal, {
  known: new Map([[SUBJECT, {
    name: SUBJECT,
    type: "dns-01",
    state: "created",
    createdAt: new Date("2026-06-29T11:00:00Z"),
  } as AuthorizationRecord]]),
  keyType: "ec-256",
  now: NOW,
});
const held = (more: Partial<NonNullable<Known["held"]>> = {}): Partial<Known> => ({
  held: { record: record(), deployments: [served], renewal, ...more },
});
const order: OrderRecord = {
  id: "1",
  directory: URL_,
  account: URL_,
  names: [SUBJECT],
  createdAt: NOW,
  step: "finalizing",
  url: URL_,
};
const lines = (situation: Partial<Known>): readonly string[] => {
  const { held, served, next, failed } = explain({ subject: SUBJECT, now: NOW, ...situation });
  return [held, ...served, next, ...failed === undefined ? [] : [failed.text]];
};

const HELD = "The certificate for www.example.com was issued by R13, valid until 2026-07-30T00:00:00Z (in 59 days), " +
  "kept as LE_CERTIFICATE_www_example_com_BUNDLE.";

for (
  const [why, situation, expected] of [
    ["one with a second kind beside it", held({ twin: { state: "held", certificate: { record: TWIN } } }), [
      `${HELD} Beside it there is one with an rsa-2048 key, valid until 2026-07-30T00:00:00Z (in 59 days), ` +
      "kept as LE_CERTIFICATE_www_example_com_RSA_BUNDLE.",
      "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
      "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
    ]],
    [
      "one whose second kind is missing",
      held({ twin: { state: "missing", keyType: "rsa-2048", reason: "no", until: new Date("2026-06-01T00:05:00Z") } }),
      [
        `${HELD} One with an rsa-2048 key is wanted beside it and not there yet: no. ` +
        "It is tried again at 2026-06-01T00:05:00Z.",
        "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
        "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
      ],
    ],
    ["one that is held, served and fresh", held(), [
      HELD,
      "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
      "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
    ]],
    ["one that nobody has brought about yet", {}, [
      "No certificate for www.example.com is held.",
      "It is brought about.",
    ]],
    [
      "one that a balancer refused",
      held({
        deployments: [{ ...about, state: "held", reason: "no socket", until: new Date("2026-06-01T00:01:00Z") }],
      }),
      [
        HELD,
        "infra/lb does not serve it: no socket. It is tried again at 2026-06-01T00:01:00Z.",
        "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
      ],
    ],
    [
      "one that a balancer refused, while it serves the one before",
      held({
        deployments: [{
          ...about,
          state: "held",
          reason: "no",
          until: new Date("2026-06-01T00:01:00Z"),
          standIn: { fingerprint: "bb", at: new Date("2026-06-01T00:00:30Z"), shadowed: [] },
        }],
      }),
      [
        HELD,
        "infra/lb does not serve it: no. It is tried again at 2026-06-01T00:01:00Z. Until then an earlier version is " +
        "served there, seen at 2026-06-01T00:00:30Z.",
        "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
      ],
    ],
    [
      "one that was linked with another balancer before",
      held({ deployments: [served, { ...served, balancer: "old" }] }),
      [
        HELD,
        "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
        "old still has what it was given while the certificate was linked with it. It gives that up once the others serve it, unless " +
        "that is its default.",
        "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
      ],
    ],
    ["one whose balancer has an older version", held({ deployments: [{ ...served, fingerprint: "bb" }] }), [
      HELD,
      "infra/lb serves an earlier version of it.",
      "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
    ]],
    [
      "one that another file shadows",
      held({
        deployments: [{ ...about, state: "served", shadowed: [{ name: SUBJECT, by: "/certs/10-site.pem" }] }],
      }),
      [
        HELD,
        "infra/lb serves it, but www.example.com is answered by /certs/10-site.pem.",
        "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
      ],
    ],
    ["one that only a person can renew", held({ byHand }), [
      HELD,
      "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
      "It is not renewed by itself: from 2026-06-29T10:00:00Z on, and at the latest 2026-07-30T00:00:00Z, " +
      "run kontena certificate get www.example.com (it is run by itself once the records are seen in DNS).",
    ]],
    ["one that waits for a person's records, beside a certificate that ends", {
      ...held({ byHand }),
      waits: "kontena certificate get www.example.com",
    }, [
      HELD,
      "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
      "It is got once DNS shows the records that a person has to set: kontena certificate get www.example.com shows them. " +
      "The one that is held ends at 2026-07-30T00:00:00Z.",
    ]],
    [
      "one that is due and held back by a name: the attempt's own backoff says nothing then",
      {
        ...held({ renewal: { at: new Date("2026-05-31T10:00:00Z"), why: "window" } }),
        attempt: { failures: 3, lastAt: NOW, nextAt: new Date("2026-06-01T00:10:00Z") },
        hold: "bad.example.com was refused",
      },
      [
        HELD,
        "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
        "It is due since 2026-05-31T10:00:00Z (window of the CA). It is held back: bad.example.com was refused.",
      ],
    ],
    ["an order that is with the CA, after failures", {
      order,
      attempt: {
        failures: 3,
        lastError: "no answer",
        lastCode: "CA_TRANSPORT",
        nextAt: new Date("2026-06-01T00:10:00Z"),
        lastAt: new Date("2026-05-31T23:50:00Z"),
      },
    }, [
      "No certificate for www.example.com is held.",
      "An order is with the CA, which makes the certificate. The next attempt is at 2026-06-01T00:10:00Z.",
      "The last attempt, at 2026-05-31T23:50:00Z, failed, 3 times in a row, because the CA could not be reached: no answer.",
    ]],
    [
      "one whose successor was kept aside",
      held({
        aside: {
          intent: record().intent,
          reasons: [{ name: "ends-earlier", found: "it ends earlier" }],
          warnings: [],
          directory: URL_,
          account: URL_,
          order: URL_,
          at: new Date("2026-05-31T23:00:00Z"),
          count: 1,
          until: NOW,
        },
      }),
      [
        `${HELD} A newer one is kept aside since 2026-05-31T23:00:00Z: it ends earlier. No other is ordered by itself ` +
        "before 2026-06-01T00:00:00Z.",
        "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
        "It is renewed at 2026-06-29T10:00:00Z (window of the CA).",
      ],
    ],
    ["one whose account was ended", { ...held(), closed: "The account at ca.test was deactivated" }, [
      HELD,
      "infra/lb serves it, proven at 2026-06-01T00:00:00Z.",
      "Nothing until there is another account. The account at ca.test was deactivated.",
    ]],
    ["a fault without a class", {
      attempt: { failures: 1, lastError: "boom", lastAt: NOW },
    }, [
      "No certificate for www.example.com is held.",
      "It is brought about.",
      "The last attempt, at 2026-06-01T00:00:00Z, failed, because of a fault in the sidecar: boom.",
    ]],
  ] as const
) {
  Deno.test(`explain() says how it stands with ${why}`, () => assertEquals(lines(situation), expected));
}

Deno.test("every class of failures has a cause and something that helps, without a period", () => {
  for (const [code, { cause, todo }] of Object.entries(FAILURE_CLASSES)) {
    assertEquals([cause, todo].filter((it) => it === "" || it.endsWith(".")), [], code);
  }
});
