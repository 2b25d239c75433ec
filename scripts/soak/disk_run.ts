/**
 * The sidecar renews again and again while its disk, and the one with HAProxy's certificates, are filled and freed. What it
 * leaves on a full disk has to load: in the vault, in HAProxy's folder, and in HAProxy itself.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import { probe } from "../../plugin/net/tls_probe.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { bundleFile, certificateSecrets, defaultSecretName } from "../../src/model/secret_name.ts";
import { startAuthority, type TestAuthority } from "../../test/ca/mod.ts";
import { type Random, seeded } from "../../test/ca/random.ts";
import { CALL } from "../../test/support/fakes.ts";
import { PLACEHOLDER, startHaproxy, type TestHaproxy } from "../../test/support/haproxy.ts";
import { checkSecrets } from "../../test/support/kill_checks.ts";
import { fingerprintOf } from "../../test/support/pki.ts";
import { tempDir, until } from "../../test/support/process.ts";
import { openStores, ROOT, startSidecarProcess, type TestSidecar } from "../../test/support/sidecar.ts";
import type { Table } from "../bench/report.ts";
import { mountSmallDisk, type SmallDisk } from "./small_disk.ts";

/** What must never be. */
export const DISK_DAMAGES = ["pair not loaded", "file not loaded", "not renewed", "issued twice"] as const;

/** One of {@linkcode DISK_DAMAGES}. */
export type DiskDamage = typeof DISK_DAMAGES[number];

/** What came of one renewal. */
export interface DiskRow {
  /** The full disk. */
  readonly full: "vault" | "certificates" | "both";
  /** The sidecar was killed while the disk was full. */
  readonly killed: boolean;
  /** The pair that the full disk left in the vault; where nobody was killed, the one that was served. */
  readonly left: "old" | "new";
  /** What was wrong, and how it was seen. */
  readonly damage: ReadonlyMap<DiskDamage, unknown>;
}

/** Renewals of one seed. */
const ROUNDS = 6;
const NAME = parseDnsName("disk.example.com");
/** A minute passes in a second there. */
const HASTY = `${ROOT}test/support/hasty_sidecar.ts`;
/** The database, its log of at most 4 MiB before it is written back, and its shared memory have room. */
const VAULT_KIB = 8 * 1024;
const CERTIFICATES_KIB = 256;
/** As much may be left free; a renewal with its command takes about so long; so long may a disk be full. */
const [MOST_LEFT, RENEWAL_MS, LONGEST_MS] = [64 * 1024, 600, 1_000];
/** Longer than every backoff that a full disk can bring about, at that speed. */
const PATIENCE_MS = 90_000;

interface Scene {
  readonly authority: TestAuthority;
  readonly haproxy: TestHaproxy;
  readonly random: Random;
  /** What HAProxy serves where it has nothing better. */
  readonly placeholder: string;
  readonly disks: { readonly vault: SmallDisk; readonly certificates: SmallDisk };
}

/** Plays one seed. */
export async function fillDisks(seed: number): Promise<readonly DiskRow[]> {
  await using haproxy = await startHaproxy();
  const placeholder = await Deno.readTextFile(`${haproxy.certs}/${PLACEHOLDER}`);
  using folder = tempDir();
  using vault = mountSmallDisk(folder.path, VAULT_KIB);
  using certificates = mountSmallDisk(haproxy.certs, CERTIFICATES_KIB);
  await Deno.writeTextFile(`${haproxy.certs}/${PLACEHOLDER}`, placeholder);
  await using authority = await startAuthority({
    seed: String(seed),
    tlsPort: haproxy.httpsPort,
    httpPort: haproxy.httpPort,
    renewalInfo: false,
  });
  const scene: Scene = {
    authority,
    haproxy,
    random: seeded(`disk ${seed}`),
    placeholder: fingerprintOf(placeholder),
    disks: { vault, certificates },
  };
  let sidecar = await startOn(scene);
  const rows: DiskRow[] = [];
  try {
    await renewed(scene, scene.placeholder);
    while (rows.length < ROUNDS) {
      const killed = scene.random.chance(0.5);
      rows.push(
        await playRound(scene, sidecar, killed, async () => {
          if (!killed) return sidecar;
          await sidecar[Symbol.asyncDispose]();
          return sidecar = await startOn(scene);
        }),
      );
    }
  } finally {
    await sidecar[Symbol.asyncDispose]();
  }
  return rows;
}

/** A successor is asked for, and there is no room for it; then there is again, for whoever goes on. */
async function playRound(
  scene: Scene,
  sidecar: TestSidecar,
  killed: boolean,
  goOn: () => Promise<TestSidecar>,
): Promise<DiskRow> {
  const { authority, random, disks } = scene;
  const damage = new Map<DiskDamage, unknown>();
  const look = async (kind: DiskDamage, check: () => Promise<void> | void): Promise<void> => {
    try {
      await check();
    } catch (error) {
      damage.set(kind, error);
    }
  };
  const old = await servedBy(scene);
  const before = { certificates: authority.certificates.length, orders: authority.counters.orders };
  const full = random.chance(0.4) ? "vault" : random.chance(0.5) ? "certificates" : "both";
  const filled = full === "both" ? [disks.vault, disks.certificates] : [disks[full]];
  const fill = (): void => filled.forEach((disk) => disk.fill(random.below(MOST_LEFT)));
  const isFullBefore = random.chance(0.5);
  if (isFullBefore) fill();
  const asking = ask(sidecar);
  await pause(random.below(RENEWAL_MS));
  if (!isFullBefore) fill();
  await pause(random.below(LONGEST_MS));
  if (killed) sidecar.process.kill("SIGKILL");
  if (killed) await sidecar.process.exit;
  let left = await servedBy(scene);
  if (killed) await look("pair not loaded", async () => void (left = await heldOn(disks.vault)));
  await look("file not loaded", () => checkFile(scene));
  for (const disk of filled) disk.free();
  const next = await goOn();
  await asking;
  // Where the CA has heard of an order, that is finished without a word; else nothing is under way.
  if (authority.counters.orders === before.orders) await ask(next);
  await look("not renewed", () => renewed(scene, old));
  await look("file not loaded", () => checkFile(scene));
  await look("issued twice", () => {
    assertEquals(authority.certificates.length - before.certificates, 1, "certificates");
    assertEquals(authority.counters.orders - before.orders, 1, "orders");
  });
  return { full, killed, left: left === old ? "old" : "new", damage };
}

function startOn({ authority, haproxy, disks }: Scene): Promise<TestSidecar> {
  return startSidecarProcess({
    folder: disks.vault.path,
    program: HASTY,
    env: {
      ACME_DIRECTORY_URL: authority.directory.href,
      ACME_AGREE_TOS: "true",
      CERTIFICATES: NAME,
      LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
    },
  });
}

/** Asks for another certificate; a full disk or the sidecar's end may be the answer. */
async function ask(sidecar: TestSidecar): Promise<void> {
  await sidecar.kontena("certificate", "request", NAME);
}

/** Another certificate is served than the old one. */
async function renewed(scene: Scene, old: string): Promise<void> {
  await until("another certificate is served", async () => await servedBy(scene) !== old, PATIENCE_MS);
}

async function servedBy({ haproxy }: Pick<Scene, "haproxy">): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port: haproxy.httpsPort }, { serverName: NAME }, CALL)).fingerprint;
}

/** The certificate in the vault that a killed sidecar left, if the pair is whole; the disk is full, so a copy is opened. */
async function heldOn({ path }: SmallDisk): Promise<string> {
  using copy = tempDir();
  await Deno.mkdir(`${copy.path}/data`);
  for (const file of ["vault.db", "vault.db-wal", "vault.key"]) {
    await Deno.copyFile(`${path}/data/${file}`, `${copy.path}/data/${file}`);
  }
  await using left = await openStores(copy.path);
  await checkSecrets(left, NAME);
  const { bundle } = certificateSecrets(defaultSecretName(NAME));
  const pem = (await left.vault.read(bundle, CALL))?.value ?? "";
  return fingerprintOf(pem);
}

/** HAProxy would start on its folder, and the file there is a whole pair. */
async function checkFile({ haproxy }: Scene): Promise<void> {
  const { code, output } = await haproxy.check();
  assertEquals(code, 0, output);
  const pem = await Deno.readTextFile(`${haproxy.certs}/${bundleFile(defaultSecretName(NAME))}`);
  const key = createPrivateKey(pem.slice(pem.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/)));
  assert(new X509Certificate(pem).checkPrivateKey(key), "key and certificate do not match");
}

/** What is played lasts by chance. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What came of all renewals, by what was full and whether the sidecar was killed then. */
export function diskTable(rows: readonly DiskRow[]): Table {
  const line = (name: string, all: readonly DiskRow[]): readonly string[] => [
    name,
    ...[
      all.length,
      all.filter(({ left }) => left === "old").length,
      all.filter(({ left }) => left === "new").length,
      ...DISK_DAMAGES.map((kind) => all.filter(({ damage }) => damage.has(kind)).length),
    ].map(String),
  ];
  const groups = [...Map.groupBy(rows, ({ full, killed }) => `${full}${killed ? ", killed" : ""}`)].sort();
  return {
    note: "A disk without room while the sidecar renews: what it left there, and what was wrong with it.",
    columns: ["full", "renewals", "old pair left", "new pair left", ...DISK_DAMAGES],
    rows: [...groups.map(([name, all]) => line(name, all)), line("all", rows)],
  };
}
