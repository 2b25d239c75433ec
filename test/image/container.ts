/**
 * A container without Docker: a process with its own root, mounts, network and process ids, as Linux makes them.
 *
 * @module
 */
import { type Running, start, until } from "../support/process.ts";
import type { Owner } from "./dockerfile.ts";

/** What a container is made of. */
export interface ContainerOptions {
  readonly name: string;
  readonly address: string;
  readonly root: string;
  readonly readOnly: boolean;
  readonly mounts: readonly HostMount[];
  readonly process: ProcessOptions;
}

/** A folder or file of this machine, and where the container sees it. */
export interface HostMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** As what a program runs in a container. */
export interface ProcessOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: Owner;
  readonly groups: readonly number[];
  readonly dropsAllCapabilities: boolean;
  readonly gainsNoPrivileges: boolean;
}

/** A container that runs. Disposing ends it. */
export interface Container extends AsyncDisposable {
  readonly address: string;
  /** The container's first process, as this side numbers it. */
  readonly pid: number;
  readonly exit: Promise<number>;
  /** All that it wrote, as `docker logs` shows it. */
  output(): string;
  /** Signals the container's first process. */
  kill(signal: Deno.Signal): void;
  /** Runs a program in it as the same user, as `docker exec` does. */
  exec(args: readonly string[], options?: ExecOptions): Promise<Executed>;
}

/** What {@linkcode Container.exec} can be told. */
export interface ExecOptions {
  readonly stdin?: string;
  /** On top of the container's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What became of a program in a container. */
export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The bridge that all containers are on, as this side sees it. */
export const GATEWAY = "172.30.0.1";

/** A name of its own for each: the kernel takes its time to remove the one of a container that has ended. */
let links = 0;

/** Makes the bridge; this process is in a network namespace of its own. */
export async function makeBridge(): Promise<void> {
  const script = `ip link set lo up && ip link add containers type bridge && ip link set containers up &&
    ip address add ${GATEWAY}/24 dev containers`;
  await using shell = start("sh", { args: ["-c", script] });
  if (await shell.exit !== 0) throw new Error(shell.output());
}

/** Starts a container; its program has been started when this resolves, or has ended. */
export async function startContainer(options: ContainerOptions): Promise<Container> {
  const { name, address, root, readOnly, mounts, process } = options;
  await Promise.all(mounts.map((mount) => makeTarget(mount, root)));
  const running = start("unshare", {
    args: [
      ...["--net", "sh", script("network.sh"), `veth${++links}`, address, GATEWAY, String(Deno.pid)],
      ...["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "sh", script("enter.sh")],
      ...[root, readOnly ? "ro" : "rw"],
      ...mounts.flatMap((it) => [it.source, it.target, it.readOnly ? "ro" : "rw"]),
      ...["--", ...asUser(process)],
    ],
  });
  let ended = false;
  running.exit.then(() => ended = true);
  const pid = await until(`${name} starts`, async () => ended ? -1 : await firstProcess(running, process.user));
  const kill = (signal: Deno.Signal): void => {
    if (!ended) Deno.kill(pid, signal);
  };
  return { ...containerOf(running, kill, pid, process), address, pid };
}

function containerOf(
  running: Running,
  kill: Container["kill"],
  pid: number,
  process: ProcessOptions,
): Omit<Container, "address" | "pid"> {
  return {
    exit: running.exit,
    output: () => running.output(),
    kill,
    async exec(args, { stdin = "", env = {} } = {}): Promise<Executed> {
      const inside = asUser({ ...process, args, env: { ...process.env, ...env } });
      const child = new Deno.Command("nsenter", {
        args: [`--target=${pid}`, "--mount", "--pid", "--net", "--root", "--wd", ...inside],
        clearEnv: true,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(stdin)).catch(() => {}); // it may not want to read
      await writer.close().catch(() => {});
      const { code, stdout, stderr } = await child.output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      // The kernel ends all others with the first; `unshare` itself forgets its child once that has another user.
      kill("SIGKILL");
      await running[Symbol.asyncDispose]();
    },
  };
}

/** Becomes the user, without rights that a set-uid program could give back, and with nothing of this environment. */
function asUser(process: ProcessOptions): readonly string[] {
  const { args, env, workdir, user, groups, dropsAllCapabilities, gainsNoPrivileges } = process;
  return [
    ...["/usr/bin/setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`],
    groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`,
    ...(dropsAllCapabilities ? ["--bounding-set=-all", "--inh-caps=-all"] : []),
    ...(gainsNoPrivileges ? ["--no-new-privs"] : []),
    ...["/usr/bin/env", "-i", `--chdir=${workdir}`],
    ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
    ...args,
  ];
}

/** The process that `unshare --fork` made, once it is what the container was made for: in its own root, as its own user. */
async function firstProcess({ pid }: Running, { uid }: Owner): Promise<number | undefined> {
  const [child] = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).split(" ");
  if (!child || await Deno.readLink(`/proc/${child}/root`) === "/") return undefined;
  const [status, command] = await Promise.all([
    Deno.readTextFile(`/proc/${child}/status`),
    Deno.readTextFile(`/proc/${child}/cmdline`),
  ]);
  const isReady = status.includes(`\nUid:\t${uid}\t`) && !/^(?:chroot|\/usr\/bin\/(?:setpriv|env))\0/.test(command);
  return isReady ? Number(child) : undefined;
}

/** Docker, too, makes what a mount needs to stand on. */
async function makeTarget({ source, target }: HostMount, root: string): Promise<void> {
  const path = root + target;
  if ((await Deno.stat(source)).isDirectory) return await Deno.mkdir(path, { recursive: true });
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, "");
}

function script(name: string): string {
  return new URL(name, import.meta.url).pathname;
}
