/**
 * Tests that run in a place of their own: a network, mounts and process numbers that go when they end.
 *
 * @module
 */
import { packagesOf, type PartName } from "../../scripts/parts.ts";
import { has, start } from "../support/process.ts";
import { ROOT } from "../support/sidecar.ts";
import { buildImage, type Image } from "./build.ts";

const PROGRAMS = ["unshare", "nsenter", "setpriv", "chroot", "ip"] as const;

/** The place: with its first process everything in it ends. */
const PLACE = ["--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"] as const;

/** Far more than it needs: what hangs there shall not hang everything. */
const DEADLINE_MS = 120_000;

/** What the machine has to let root do. */
const TRIAL = `ip link add here type veth peer name there && ip link add middle type bridge && d=$(mktemp -d) &&
  mount -t overlay overlay -o lowerdir=$d:/usr $d; code=$?; umount $d; rmdir $d; exit $code`;

/** In the place: the image that was built outside of it, where there is a network to build with. */
const BUILT = Deno.env.get("KONTENA_TEST_IMAGE");

/** What a test is, and what it needs besides the place. */
export interface PrivateTest {
  readonly name: string;
  /** Its `import.meta.url`: one file, one test. */
  readonly file: string;
  readonly programs: readonly PartName[];
  readonly fn: (image: Image, t: Deno.TestContext) => Promise<void>;
}

/** Builds the image and runs the test with it: the file is started once more, in the place. */
export function privateTest({ name, file, programs, fn }: PrivateTest): void {
  if (BUILT !== undefined) return Deno.test(name, (t) => fn(JSON.parse(BUILT) as Image, t));
  const missing = obstacle();
  Deno.test({
    name: `${name} [needs ${missing ?? packagesOf(programs).join(", ")}]`,
    ignore: missing !== undefined || !has(...programs),
    async fn(): Promise<void> {
      await using image = await buildImage(ROOT);
      await runInPrivate(file, { KONTENA_TEST_IMAGE: JSON.stringify(image) });
    },
  });
}

/** Says what keeps this machine from making such a place, if anything does. */
export function obstacle(): string | undefined {
  if (!has(...PROGRAMS)) return "iproute2, util-linux";
  if (Deno.uid() !== 0) return "root";
  const { success } = new Deno.Command("unshare", { args: [...PLACE, "sh", "-c", TRIAL], stderr: "null" }).outputSync();
  return success ? undefined : "the right to make namespaces";
}

/** Fails with all that was written there, unless the file passes. */
export async function runInPrivate(file: string, env: Readonly<Record<string, string>>): Promise<void> {
  const command = [Deno.execPath(), "test", "--allow-all", "--no-check", "--quiet", new URL(file).pathname];
  await using place = start("unshare", { args: [...PLACE, ...command], env: { ...env, NO_COLOR: "1" } });
  const late = setTimeout(() => place.kill("SIGKILL"), DEADLINE_MS);
  const code = await place.exit;
  clearTimeout(late);
  if (code !== 0) throw new Error(`In its own place it ended with ${code}:\n${place.output()}`);
}
