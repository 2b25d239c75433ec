import { assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../plugin/cli/client.ts";
import { kontena } from "../../support/fake_kontena.ts";

const LB = {
  id: "test/infra/lb",
  name: "infra/lb",
  kind: "haproxy",
  state: "ok",
  version: "2.6.12",
  pid: 42,
  challenges: ["http-01", "tls-alpn-01"],
  certificates: [
    { subject: "example.com", secret_name: "LE_A", state: "served", fingerprint: "ab", shadowed: [] },
    {
      secret_name: "LE_B",
      state: "held",
      fingerprint: "cd",
      reason: "it was refused",
      until: "2026-01-01T01:00:00.000+00:00",
    },
    {
      subject: "example.org",
      secret_name: "LE_C",
      state: "held",
      fingerprint: "ef",
      reason: "no",
      until: "2026-01-01T01:00:00.000+00:00",
      stand_in: { fingerprint: "cd", at: "2026-01-01T00:30:00.000+00:00", shadowed: [] },
    },
  ],
};
const EDGE = {
  id: "test/null/edge",
  name: "edge",
  kind: "kontena",
  state: "away",
  reason: "etcd does not answer\u001b[1m",
  todo: "check that etcd runs",
  challenges: [],
  certificates: [],
};
const ALL = "GET v1/grids/test/load_balancers";
const ONE = "v1/load_balancers/test/infra%2Flb";
const BOTH = { [ALL]: { load_balancers: [LB, EDGE] } };
const ONLY = { [ALL]: { load_balancers: [LB] } };

const PARTS = [
  { part: "runtime socket", state: "ok", found: "HAProxy answers" },
  { part: "TLS", state: "missing", found: "no answer\u001b[1m", todo: "mend it" },
  { part: "http-01 route", state: "untried", found: "it stands on TLS" },
];
const GREEN = { [`POST ${ONE}/check`]: { ok: true, parts: PARTS.filter((it) => it.state !== "missing") } };

const TABLE = `NAME      KIND     STATE  VERSION  CHALLENGES
infra/lb  haproxy  ok     2.6.12   http-01,tls-alpn-01
edge      kontena  away   -
`;
const SHOWN = `infra/lb:
  kind: haproxy
  state: ok
  version: 2.6.12
  process: 42
  challenges: http-01, tls-alpn-01
  certificates:
    - example.com (served)
    - LE_B (held: it was refused (tried again 2026-01-01T01:00:00.000+00:00))
    - example.org (held: no (tried again 2026-01-01T01:00:00.000+00:00); an earlier one is served meanwhile, seen \
2026-01-01T00:30:00.000+00:00)
`;
const AWAY = `edge:
  kind: kontena
  state: away
  reason: etcd does not answer?[1m (check that etcd runs)
  challenges: none
  certificates: none
`;
const CHECKED = `ok       runtime socket  HAProxy answers
untried  http-01 route   it stands on TLS
`;

for (
  const [line, answers, out] of [
    ["lb list", BOTH, TABLE],
    ["lb ls", BOTH, TABLE],
    ["lb list -q", BOTH, "infra/lb\nedge\n"],
    ["lb list", { [ALL]: { load_balancers: [] } }, "NAME  KIND  STATE  VERSION  CHALLENGES\n"],
    ["lb show infra/lb", { [`GET ${ONE}`]: LB }, SHOWN],
    ["lb show edge", { "GET v1/load_balancers/test/edge": EDGE }, AWAY],
    ["lb show", { ...ONLY, [`GET ${ONE}`]: LB }, SHOWN],
    ["lb config infra/lb", { [`GET ${ONE}/config`]: { config: "# a\nglobal\n" } }, "# a\nglobal\n"],
    ["lb config", { ...ONLY, [`GET ${ONE}/config`]: { config: "global\n" } }, "global\n"],
    ["lb check infra/lb", GREEN, CHECKED],
    ["lb check", { ...ONLY, ...GREEN }, CHECKED],
  ] as const
) {
  Deno.test(`"${line}" prints what it was asked for: ${JSON.stringify(out.slice(0, 30))}`, async () => {
    const ran = await kontena(line, answers);
    assertEquals([ran.out, ran.err, ran.code], [out, "", 0]);
  });
}

Deno.test("lb check prints every part, and ends with 1 if one is missing", async () => {
  const ran = await kontena("lb check infra/lb", { [`POST ${ONE}/check`]: { ok: false, parts: PARTS } });
  assertEquals(ran.code, 1);
  assertEquals(
    ran.out,
    "ok       runtime socket  HAProxy answers\n" +
      "missing  TLS             no answer?[1m (mend it)\n" +
      "untried  http-01 route   it stands on TLS\n",
  );
  assertEquals(ran.err, " [error] load_balancer: infra/lb lacks TLS\n");
});

Deno.test("lb check colours what it found on a terminal", async () => {
  const ran = await kontena("lb check infra/lb", GREEN, { outIsTerminal: true, colours: true });
  assertStringIncludes(ran.out, "\x1b[32mok     \x1b[0m  runtime socket");
});

for (
  const [line, answers, err] of [
    [
      "lb show none",
      { "GET v1/load_balancers/test/none": new ApiError(404, { error: "Not found" }) },
      "none named none",
    ],
    ["lb check none", { "POST v1/load_balancers/test/none/check": new ApiError(404, {}) }, "see: kontena lb list"],
    ["lb show", BOTH, "there are several load balancers (name one of infra/lb, edge)"],
    ["lb check", { [ALL]: { load_balancers: [] } }, "no load balancer is configured (set LOAD_BALANCERS"],
    ["lb show .. ", {}, '".." is not a name'],
    ["lb list all", {}, "1 are given, none is expected"],
    ["lb shine", {}, "there is no lb shine (see: kontena lb --help)"],
  ] as const
) {
  Deno.test(`"${line}" is refused: ${err}`, async () => {
    const ran = await kontena(line.trim(), answers);
    assertEquals([ran.code, ran.out], [1, ""]);
    assertStringIncludes(ran.err, err);
  });
}
