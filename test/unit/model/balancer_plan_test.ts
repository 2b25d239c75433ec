import { assertEquals } from "@std/assert";
import {
  type BalancerSituation,
  type BalancerStep,
  planBalancer,
  type Proof,
  type Target,
} from "../../../src/model/balancer_plan.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import type { FileHops, PendingAnswer } from "../../../src/model/inventory.ts";
import type { DeploymentRecord } from "../../../src/model/records.ts";
import { bundleFile, parseSecretName, type SecretName } from "../../../src/model/secret_name.ts";

const NOW = new Date("2026-06-01T12:00:00Z");
const later = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000);

function target(name: string, days = 60): Target {
  return {
    secretName: parseSecretName(name),
    fingerprint: `${name} new`,
    family: "EC",
    sha1: `${name} sha1`,
    digest: `${name} digest`,
    names: [parseDnsName(`${name.toLowerCase()}.example.com`)],
    notAfter: new Date(NOW.getTime() + days * 86_400_000),
  };
}

const A = target("A");
const about = { balancer: "lb", secretName: A.secretName, at: later(-90) };
const SERVED: DeploymentRecord = { ...about, fingerprint: A.fingerprint, state: "served", shadowed: [] };
const HELD: DeploymentRecord & { state: "held" } = {
  ...about,
  fingerprint: A.fingerprint,
  state: "held",
  reason: "it refused",
  until: later(30),
  hop: "memory",
  sign: "1",
};
const PROOF: Proof = { fingerprint: A.fingerprint, sign: "1", at: later(-1) };
const RIGHT: FileHops = { disk: A.digest, memory: { loaded: true, sha1: A.sha1 } };

/** The versions before, newest first. */
const [B, C] = ["B", "C"].map((version): Target => ({
  ...A,
  fingerprint: version,
  sha1: `${version} sha1`,
  digest: `${version} digest`,
  standsIn: true,
})) as [Target, Target];
const STANDS_IN: DeploymentRecord & { state: "held" } = {
  ...HELD,
  refused: [A.fingerprint],
  standIn: { fingerprint: B.fingerprint, at: later(-100), shadowed: [] },
};
const B_RIGHT: FileHops = { disk: B.digest, memory: { loaded: true, sha1: B.sha1 } };
const B_PROOF: Proof = { ...PROOF, fingerprint: B.fingerprint };
const WAIT = ["alarm memory", "wait 12:30"];

interface Case {
  readonly earlier?: readonly Target[];
  readonly deployment?: DeploymentRecord;
  readonly hops?: FileHops;
  readonly proof?: Proof;
  readonly releases?: number;
  readonly sign?: string;
}

function situation(it: Case = {}): BalancerSituation {
  const by = <T>(value: T | undefined): ReadonlyMap<SecretName, T> =>
    new Map(value === undefined ? [] : [[A.secretName, value]]);
  return {
    targets: [A],
    earlier: by(it.earlier),
    gone: [],
    deployments: by(it.deployment),
    inventory: { sign: it.sign ?? "1", files: new Map([[bundleFile(A.secretName), it.hops ?? RIGHT]]), missing: [] },
    proofs: by(it.proof),
    releases: by(it.releases),
    probes: 1,
    now: NOW,
  };
}

const versionOf = ({ secretName, fingerprint, standsIn }: Target): string => standsIn ? fingerprint : secretName;

/** `swap A: newer` and the like. */
function shown(step: BalancerStep): string {
  switch (step.do) {
    case "answer":
      return `answer ${step.answer.name}`;
    case "swap":
      return `swap ${versionOf(step.target)}: ${step.why}`;
    case "probe":
      return `probe ${versionOf(step.target)}`;
    case "remove":
      return `remove ${step.secretName}`;
    case "wait":
      return `wait ${step.until.toISOString().slice(11, 16)}`;
    case "alarm":
      return `alarm ${step.hop}`;
  }
}

const CASES: readonly (readonly [string, Case, readonly string[]])[] = [
  ["all is right and proven", { deployment: SERVED, proof: PROOF }, []],
  ["it was never given", {}, ["swap A: never given"]],
  ["an older version is served", { deployment: { ...SERVED, fingerprint: "old" } }, ["swap A: newer"]],
  ["an older version is held", { deployment: { ...HELD, fingerprint: "old" } }, ["swap A: newer"]],
  ["the file is gone", { deployment: SERVED, hops: { memory: RIGHT.memory! } }, ["swap A: not on disk"]],
  ["another file is there", { deployment: SERVED, hops: { ...RIGHT, disk: "other" } }, ["swap A: not on disk"]],
  ["it is not loaded", { deployment: SERVED, hops: { ...RIGHT, memory: { loaded: false } } }, ["swap A: not loaded"]],
  ["it is loaded and in no list", {
    deployment: SERVED,
    hops: { ...RIGHT, memory: { loaded: false, sha1: A.sha1 } },
  }, ["swap A: not loaded"]],
  ["another is loaded", {
    deployment: SERVED,
    proof: PROOF,
    hops: { ...RIGHT, memory: { loaded: true, sha1: "other" } },
  }, ["swap A: another is loaded"]],
  ["file and memory are others", {
    deployment: SERVED,
    hops: { disk: "other", memory: { loaded: true, sha1: "other" } },
  }, ["swap A: another is loaded"]],
  ["a balancer does not tell what it has loaded", { deployment: SERVED, hops: { disk: A.digest } }, ["probe A"]],
  ["nobody has seen it served", { deployment: SERVED }, ["probe A"]],
  ["another version was seen", { deployment: SERVED, proof: { ...PROOF, fingerprint: "old" } }, ["probe A"]],
  ["it was seen before the balancer was started anew", { deployment: SERVED, proof: PROOF, sign: "2" }, ["probe A"]],
  ["it was seen long ago", { deployment: SERVED, proof: { ...PROOF, at: later(-11) } }, ["probe A"]],
  ["it was refused", { deployment: HELD }, ["alarm memory", "wait 12:30"]],
  ["it was refused, and the file is another", { deployment: HELD, hops: {} }, ["alarm memory", "wait 12:30"]],
  ["it was refused long ago", { deployment: { ...HELD, until: NOW } }, ["swap A: the hold is over"]],
  ["it was refused by another worker", { deployment: HELD, sign: "2" }, ["swap A: the balancer changed"]],
  ["it was refused by each of three workers", { deployment: HELD, sign: "2", releases: 3 }, [
    "alarm memory",
    "wait 12:30",
  ]],
  ["the balancer was away", {
    deployment: { ...about, fingerprint: A.fingerprint, state: "held", reason: "away", until: later(1) },
  }, ["swap A: the balancer changed"]],
  ["another stands in, right and proven", {
    deployment: STANDS_IN,
    earlier: [B, C],
    hops: B_RIGHT,
    proof: B_PROOF,
  }, WAIT],
  ["another stands in, and nobody has seen it", { deployment: STANDS_IN, earlier: [B, C], hops: B_RIGHT }, [
    "probe B",
    ...WAIT,
  ]],
  ["another stands in, and one still older is loaded", {
    deployment: STANDS_IN,
    earlier: [B, C],
    hops: { disk: C.digest, memory: { loaded: true, sha1: C.sha1 } },
  }, ["swap B: another is loaded", ...WAIT]],
  ["another stands in, and its file is gone", { deployment: STANDS_IN, earlier: [B], hops: {} }, [
    "swap B: not on disk",
    ...WAIT,
  ]],
  ["another stands in, and the newest waits on disk for a reload", {
    deployment: STANDS_IN,
    earlier: [B],
    hops: { ...B_RIGHT, disk: A.digest },
    proof: B_PROOF,
  }, WAIT],
  ["another stands in, and the newest is on disk and loaded", { deployment: STANDS_IN, earlier: [B] }, [
    "swap B: another is loaded",
    ...WAIT,
  ]],
  ["another stands in, and the balancer was started anew", {
    deployment: STANDS_IN,
    earlier: [B],
    hops: {},
    sign: "2",
  }, ["swap A: the balancer changed"]],
  ["another stands in, and the balancer was started anew too often", {
    deployment: STANDS_IN,
    earlier: [B],
    hops: {},
    sign: "2",
    releases: 3,
  }, ["swap B: not on disk", ...WAIT]],
  ["it was refused, and nothing was seen to stand in", {
    deployment: { ...HELD, refused: [A.fingerprint] },
    earlier: [B, C],
  }, ["swap B: the newest is held", ...WAIT]],
  ["it was refused, and the one before as well", {
    deployment: { ...HELD, refused: [A.fingerprint, B.fingerprint] },
    earlier: [B, C],
  }, ["swap C: the newest is held", ...WAIT]],
  ["it was refused, and the one before has expired", {
    deployment: { ...HELD, refused: [A.fingerprint] },
    earlier: [{ ...B, notAfter: NOW }, C],
  }, ["swap C: the newest is held", ...WAIT]],
  ["it was refused, and there is no other", { deployment: { ...HELD, refused: [A.fingerprint] }, earlier: [] }, WAIT],
  ["it was refused, and the vault is away", { deployment: STANDS_IN, hops: {} }, WAIT],
  ["nothing was begun", { deployment: HELD, earlier: [B], hops: {} }, WAIT],
];
for (const [why, it, expected] of CASES) {
  Deno.test(`planBalancer() where ${why}: ${expected.join(", ") || "nothing"}`, () => {
    assertEquals(planBalancer(situation(it)).map(shown), expected);
  });
}

for (
  const [earlier, alone] of [[undefined, false], [[], true], [[B], false], [[{ ...B, notAfter: NOW }], true]] as const
) {
  Deno.test(`planBalancer() says ${alone ? "" : "nothing "}of a vault with ${earlier?.length ?? "no answer about"} earlier`, () => {
    const deployment = { ...HELD, refused: [A.fingerprint] };
    const alarm = planBalancer(situation({ deployment, ...earlier && { earlier } })).find((it) => it.do === "alarm");
    assertEquals(alarm?.found.includes("no earlier version that the balancer could serve"), alone);
  });
}

Deno.test("planBalancer() puts answers first, then what clients get wrong, what expires first, removals, probes", () => {
  const [soon, wrong, late, seen] = [target("SOON", 1), target("WRONG", 80), target("LATE", 70), target("SEEN")];
  const answer: PendingAnswer = { type: "tls-alpn-01", name: parseDnsName("new.example.com") };
  const record = (it: Target): readonly [SecretName, DeploymentRecord] => [
    it.secretName,
    { ...SERVED, secretName: it.secretName, fingerprint: it.fingerprint },
  ];
  const hops = (it: Target, loaded: boolean): readonly [string, FileHops] => [
    bundleFile(it.secretName),
    { disk: it.digest, memory: { loaded, sha1: it.sha1 } },
  ];
  const steps = planBalancer({
    ...situation(),
    targets: [late, seen, wrong, soon],
    gone: [parseSecretName("GONE")],
    deployments: new Map([record(wrong), record(seen)]),
    inventory: { sign: "1", files: new Map([hops(wrong, false), hops(seen, true)]), missing: [answer] },
  });
  assertEquals(steps.map(shown), [
    "answer new.example.com",
    "swap WRONG: not loaded",
    "swap SOON: never given",
    "swap LATE: never given",
    "remove GONE",
    "probe SEEN",
  ]);
});

Deno.test("planBalancer() probes all that nobody has seen under this sign, and of the rest those seen longest ago", () => {
  const all = Array.from({ length: 6 }, (_, i) => target(`N${i}`));
  const deployments = new Map(all.map((it): readonly [SecretName, DeploymentRecord] => [
    it.secretName,
    { ...SERVED, secretName: it.secretName, fingerprint: it.fingerprint },
  ]));
  const files = new Map(all.map((it) => [bundleFile(it.secretName), { disk: it.digest }]));
  const proofs = new Map(all.map((it, i): readonly [SecretName, Proof] => [
    it.secretName,
    { fingerprint: it.fingerprint, sign: "1", at: later(i - 60) },
  ]));
  const probed = (sign: string): readonly string[] =>
    planBalancer({
      ...situation(),
      targets: all,
      deployments,
      proofs,
      probes: 2,
      inventory: { sign, files, missing: [] },
    }).map(shown);
  assertEquals(probed("1"), ["probe N0", "probe N1"]);
  assertEquals(probed("2").length, 6);
});
