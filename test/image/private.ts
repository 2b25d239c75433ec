/**
 * Runs a test file once more in a place of its own: a network, mounts and process numbers that go when it ends.
 *
 * @module
 */
import { has, start } from "../support/process.ts";

const PROGRAMS = ["unshare", "nsenter", "setpriv", "chroot", "ip"] as const;

/** The place: with its first process everything in it ends. */
const PLACE = ["--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"] as const;

/** Far more than it needs: what hangs there shall not hang everything. */
const DEADLINE_MS = 120_000;

/** What the machine has to let root do. */
const TRIAL = `ip link add here type veth peer name there && ip link add middle type bridge && d=$(mktemp -d) &&
  mount -t overlay overlay -o lowerdir=$d:/usr $d; code=$?; umount $d; rmdir $d; exit $code`;

/** Says what keeps this machine from making such a place, if anything does. */
export function obstacle(): string | undefined {
  if (!has(...PROGRAMS)) return "iproute2, util-linux";
  if (Deno.uid() !== 0) return "root";
  const { success } = new Deno.Command("unshare", { args: [...PLACE, "sh", "-c", TRIAL], stderr: "null" }).outputSync();
  return success ? undefined : "the right to make namespaces";
}

/** Runs the test file there, with variables by which it knows, and fails with its output unless it passes. */
export async function runInPrivate(file: string, env: Readonly<Record<string, string>>): Promise<void> {
  const command = [Deno.execPath(), "test", "--allow-all", "--no-check", "--quiet", new URL(file).pathname];
  await using place = start("unshare", { args: [...PLACE, ...command], env: { ...env, NO_COLOR: "1" } });
  const late = setTimeout(() => place.kill("SIGKILL"), DEADLINE_MS);
  const code = await place.exit;
  clearTimeout(late);
  if (code !== 0) throw new Error(`In its own place it ended with ${code}:\n${place.output()}`);
}
