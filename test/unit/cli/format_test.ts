import { assertEquals } from "@std/assert";
import {
  authorizationText,
  certificateTable,
  certificateText,
  duration,
  requestedText,
  revokedText,
  secretTable,
  secretText,
  servedLines,
  storedText,
  twinWarning,
} from "../../../plugin/cli/format.ts";
import type { BalancerAnswer, CertificateAnswer, TwinAnswer } from "../../../plugin/cli/certificate_wire.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const SERVED: BalancerAnswer = {
  name: "infra/lb",
  fingerprint: "ab",
  state: "served",
  names: ["example.com", "www.example.com"],
  shadowed: [],
};

const CERTIFICATE: CertificateAnswer = {
  subject: "example.com",
  validUntil: new Date("2026-04-01T00:00:00.500Z"),
  validUntilText: "2026-04-01T00:00:00.500+00:00",
  altNames: ["www.example.com"],
  autoRenewable: true,
  secrets: ["A_PRIVATE_KEY", "A_CERTIFICATE", "A_BUNDLE"],
  issuer: "CN=Test CA",
  serial: "0badcafe",
  fingerprint: "ab",
  keyType: "ec-256",
  imported: false,
  balancers: [SERVED],
};

Deno.test("authorizationText() prints the record to set", () => {
  const txt = { name: "_acme-challenge.api.example.com", type: "TXT", content: "jEeBHU0" };
  assertEquals(
    authorizationText({ domain: "api.example.com", type: "dns-01", status: "created", txt }, undefined),
    `Authorization successfully created. Use the following details to create necessary validations:
Record name: _acme-challenge.api.example.com
Record type: TXT
Record content: jEeBHU0
`,
  );
});

for (const [balancer, shown] of [["infra/lb", "infra/lb"], [undefined, "load balancer"]]) {
  Deno.test(`authorizationText() says where the domain has to point: ${shown}`, () => {
    assertEquals(
      authorizationText({ domain: "api.example.com", type: "http-01", status: "created" }, balancer),
      `Authorization successfully created. Use the following details to create necessary validations:
Point the public DNS A record of api.example.com to the public IP address(es) of the ${shown}
`,
    );
  });
}

Deno.test("storedText() is the original's, then who serves it", () => {
  assertEquals(
    storedText(CERTIFICATE),
    `Certificate successfully received and stored into vault with keys:
A_PRIVATE_KEY
A_CERTIFICATE
A_BUNDLE

 Certificate is valid until: 2026-04-01T00:00:00.500+00:00
Use the A_BUNDLE with Kontena loadbalancer!
Served by infra/lb: example.com, www.example.com
`,
  );
});

Deno.test("requestedText() names the domains", () => {
  assertEquals(
    requestedText(CERTIFICATE),
    `Certificate for example.com,www.example.com is valid until: 2026-04-01T00:00:00.500+00:00
Served by infra/lb: example.com, www.example.com
`,
  );
});

for (
  const [balancers, lines, why] of [
    [[], ["Kept in the vault only: no load balancer is linked"], "no balancer"],
    [[{ name: "lb", fingerprint: "ab", state: "held", reason: "refused", until: "2026-01-01T01:00:00.000+00:00" }], [
      "Held back from lb: refused (tried again 2026-01-01T01:00:00.000+00:00)",
    ], "one that does not get it"],
    [[{ name: "lb", fingerprint: "ab", state: "held", reason: "no", until: "at one", standInSince: "at noon" }], [
      "Held back from lb: no (tried again at one)",
      "An earlier certificate is served by lb meanwhile, seen at noon",
    ], "one that has an earlier one meanwhile"],
    [[{ ...SERVED, fingerprint: "cd" }], ["An earlier certificate is still served by infra/lb"], "an earlier one"],
    [
      [{ ...SERVED, names: ["example.com"], shadowed: [{ name: "www.example.com", by: "old.pem" }, { name: "x.y" }] }],
      [
        "Served by infra/lb: example.com",
        "Shadowed on infra/lb: www.example.com is answered by old.pem",
        "Shadowed on infra/lb: x.y is answered by another certificate",
      ],
      "shadowed names",
    ],
    [
      [{ ...SERVED, names: [], shadowed: [{ name: "a.b", by: "old.pem" }] }],
      ["Shadowed on infra/lb: a.b is answered by old.pem"],
      "nothing served",
    ],
  ] as readonly (readonly [readonly BalancerAnswer[], readonly string[], string])[]
) {
  Deno.test(`servedLines() tells of ${why}`, () => {
    assertEquals(servedLines({ ...CERTIFICATE, balancers }), lines);
  });
}

Deno.test("certificateText() is the original's, then ours", () => {
  assertEquals(
    certificateText("test", CERTIFICATE),
    `test/example.com:
  subject: example.com
  valid until: 2026-04-01T00:00:00Z
  alt names:
    - www.example.com
  auto renewable: true
  issuer: CN=Test CA
  serial: 0badcafe
  key type: ec-256
  fingerprint: ab
  secrets:
    - A_PRIVATE_KEY
    - A_CERTIFICATE
    - A_BUNDLE
  load balancers:
    - Served by infra/lb: example.com, www.example.com
`,
  );
});

const TWIN = {
  state: "held",
  keyType: "rsa-2048",
  validUntil: new Date("2026-04-02T00:00:00Z"),
  serial: "0badf00d",
  fingerprint: "cd",
  secrets: ["A_RSA_PRIVATE_KEY", "A_RSA_CERTIFICATE", "A_RSA_BUNDLE"],
  balancers: [{ ...SERVED, fingerprint: "cd" }],
} as const satisfies TwinAnswer;
const NO_TWIN = {
  state: "missing",
  keyType: "rsa-2048",
  reason: "no RSA today",
  until: "2026-01-01T00:05:00Z",
} as const;

Deno.test("storedText(), requestedText() and certificateText() end with the second kind", () => {
  const beside = "Beside it one with an rsa-2048 key (serial 0badf00d), valid until 2026-04-02T00:00:00Z, " +
    "kept as A_RSA_BUNDLE";
  const served = "Served by infra/lb: example.com, www.example.com";
  for (const text of [storedText, requestedText]) {
    assertEquals(text({ ...CERTIFICATE, twin: TWIN }), `${text(CERTIFICATE)}${beside}\n${served}\n`);
    assertEquals(text({ ...CERTIFICATE, twin: NO_TWIN }), text(CERTIFICATE));
  }
  const shown = (twin: TwinAnswer): string => certificateText("test", { ...CERTIFICATE, twin });
  const plain = certificateText("test", CERTIFICATE);
  assertEquals(shown(TWIN), `${plain}  second kind:\n    - ${beside}\n    - ${served}\n`);
  const missing =
    "One with an rsa-2048 key beside it is not there yet: no RSA today (tried again 2026-01-01T00:05:00Z)";
  assertEquals(shown(NO_TWIN), `${plain}  second kind:\n    - ${missing}\n`);
  assertEquals(twinWarning({ ...CERTIFICATE, twin: NO_TWIN }), `Warning: ${missing}\n`);
  assertEquals([twinWarning(CERTIFICATE), twinWarning({ ...CERTIFICATE, twin: TWIN })], ["", ""]);
  const failed = { ...TWIN, reason: "no RSA today" };
  const why = "The one with an rsa-2048 key beside it was not renewed: no RSA today";
  assertEquals(twinWarning({ ...CERTIFICATE, twin: failed }), `Warning: ${why}\n`);
  assertEquals(shown(failed), `${shown(TWIN)}    - ${why}\n`);
});

Deno.test("revokedText() names both kinds", () => {
  const first = (twin: TwinAnswer): string | undefined => revokedText({ ...CERTIFICATE, twin }, true).split("\n")[0];
  const start = "Certificate for example.com is revoked (serial 0badcafe)";
  const second = "its rsa-2048 kind (serial 0badf00d)";
  assertEquals(first({ ...TWIN, revoked: "2026-01-01" }), `${start}, and so is ${second}`);
  assertEquals(first(TWIN), `${start}; ${second} is not: it came from another CA`);
  assertEquals(first(NO_TWIN), start);
});

Deno.test("certificateTable() has a column for second kinds where there are any", () => {
  const rows = [{ ...CERTIFICATE, twin: TWIN }, { ...CERTIFICATE, subject: "a.b", twin: NO_TWIN }, {
    ...CERTIFICATE,
    subject: "c.d",
  }];
  assertEquals(
    certificateTable(rows, { now: NOW, colours: false }),
    `SUBJECT        EXPIRATION  AUTO_RENEWABLE?  SECOND_KIND
⊛ example.com  90 days     true             rsa-2048: 91 days
⊛ a.b          90 days     true             rsa-2048: missing
⊛ c.d          90 days     true             -
`,
  );
});

Deno.test("certificateText() leaves out what Kontena does not send", () => {
  const { subject, validUntil, validUntilText } = CERTIFICATE;
  const bare = {
    subject,
    validUntil,
    validUntilText,
    altNames: [],
    autoRenewable: false,
    imported: false,
    secrets: [],
    balancers: [],
  };
  assertEquals(
    certificateText("test", bare),
    `test/example.com:
  subject: example.com
  valid until: 2026-04-01T00:00:00Z
  auto renewable: false
`,
  );
});

Deno.test("certificateTable() has the original's columns", () => {
  const rows = [CERTIFICATE, { ...CERTIFICATE, subject: "a.b", validUntil: new Date(NOW.getTime() - 11 * DAY) }];
  assertEquals(
    certificateTable(rows, { now: NOW, colours: false }),
    `SUBJECT        EXPIRATION   AUTO_RENEWABLE?
⊛ example.com  90 days      true
⊛ a.b          11 days ago  true
`,
  );
});

Deno.test("certificateTable() says after the table what has to be renewed by hand by now, and until when", () => {
  const byHand = {
    from: NOW,
    until: CERTIFICATE.validUntil,
    due: true,
    todo: "run kontena certificate get example.com www.example.com",
  };
  const rows = [{ ...CERTIFICATE, autoRenewable: false, byHand }, {
    ...CERTIFICATE,
    byHand: { ...byHand, due: false },
  }];
  assertEquals(
    certificateTable(rows, { now: NOW, colours: false }).split("\n").slice(3),
    [
      "example.com has to be renewed by hand until 2026-04-01T00:00:00Z: run kontena certificate get example.com " +
      "www.example.com",
      "",
    ],
  );
});

for (
  const [left, subject, expiration] of [
    [-1, 31, 31],
    [0, 31, 31],
    [2.9 * DAY, 32, 93],
    [6.9 * DAY, 32, 33],
    [7 * DAY, 32, 32],
  ] as const
) {
  Deno.test(`certificateTable() colours ${left / DAY} days left with ${subject} and ${expiration}`, () => {
    const validUntil = new Date(NOW.getTime() + left);
    const text = certificateTable([{ ...CERTIFICATE, validUntil }], { now: NOW, colours: true });
    // deno-lint-ignore no-control-regex
    assertEquals([...text.matchAll(/\x1b\[([1-9]\d)m/g)].map(([, colour]) => Number(colour)), [subject, expiration]);
  });
}

Deno.test("certificateTable() is aligned with colours too", () => {
  const rows = [CERTIFICATE, { ...CERTIFICATE, validUntil: NOW }];
  // deno-lint-ignore no-control-regex
  const plain = certificateTable(rows, { now: NOW, colours: true }).replace(/\x1b\[\d+m/g, "");
  assertEquals(plain, certificateTable(rows, { now: NOW, colours: false }));
});

for (
  const [long, rows] of [
    [true, "A     2025-12-31T23:55:00.000+00:00  never\nB     2025-12-31T00:00:00.000+00:00  never\n"],
    [false, "A     5 minutes ago  never\nB     1 day ago      never\n"],
  ] as const
) {
  Deno.test(`secretTable() shows ${long ? "full dates" : "how long ago"}`, () => {
    const secrets = [
      { name: "A", createdAt: "2025-12-31T23:55:00.000+00:00" },
      { name: "B", createdAt: "2025-12-31T00:00:00.000+00:00", updatedAt: "2025-12-31T00:00:00.000+00:00" },
    ];
    const text = secretTable(secrets, long, NOW);
    assertEquals(text.slice(text.indexOf("\n") + 1), rows);
    assertEquals(text.split(/\s+/).slice(0, 3), ["NAME", "CREATED_AT", "UPDATED_AT"]);
  });
}

Deno.test("secretTable() shows the last change", () => {
  const createdAt = "2025-12-31T00:00:00.000+00:00";
  assertEquals(
    secretTable([{ name: "A", createdAt, updatedAt: "2025-12-31T22:00:00.000+00:00" }], false, NOW),
    "NAME  CREATED_AT  UPDATED_AT\nA     1 day ago   2 hours ago\n",
  );
});

Deno.test("secretText() is the original's", () => {
  assertEquals(secretText({ name: "A", createdAt: "T", value: "x" }), "A:\n  created_at: T\n  value: x\n");
});

for (
  const [ms, text] of [
    [0, "0 seconds"],
    [-5, "0 seconds"],
    [1_000, "1 second"],
    [59_999, "59 seconds"],
    [MINUTE, "1 minute"],
    [HOUR - 1, "59 minutes"],
    [DAY - 1, "23 hours"],
    [DAY, "1 day"],
    [400 * DAY, "400 days"],
  ] as const
) {
  Deno.test(`duration() says ${text} for ${ms} ms`, () => assertEquals(duration(ms), text));
}
