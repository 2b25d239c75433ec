/**
 * `docker compose up` without Docker: volumes, order and health as the compose file says.
 *
 * @module
 */
import { tempDir, until } from "../support/process.ts";
import { type Image, makeBase } from "./build.ts";
import type { Mount, Service } from "./compose.ts";
import { type Container, GATEWAY, type HostMount, startContainer } from "./container.ts";
import { copyContent } from "./files.ts";

/** A compose project. Disposing ends its containers and removes its volumes. */
export interface Project extends AsyncDisposable {
  /** Where each service will be reached. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Starts a service and what it comes after; `changes` replace or add variables of its environment. */
  up(service: string, changes?: Readonly<Record<string, string>>): Promise<Container>;
  /** The container of a service that was started. */
  running(service: string): Container;
  /** The folder behind a named volume. */
  volume(name: string): string;
  /** Runs the image's health check in a container of the service. */
  isHealthy(container: Container, service: string): Promise<boolean>;
}

/** Prepares a project. `images` are by the name that the compose file gives them; `folder` is where that file is. */
export function makeProject(
  services: readonly Service[],
  images: Readonly<Record<string, Image>>,
  folder: string,
): Project {
  const owned = new AsyncDisposableStack();
  const { path } = owned.use(tempDir());
  Deno.chmodSync(path, 0o755);
  const addresses = Object.fromEntries(services.map(({ name }, index) => [name, `172.30.0.${index + 2}`]));
  const running = new Map<string, Container>();
  const serviceOf = (name: string): Service => services.find((it) => it.name === name)!;
  const volume = (name: string): string => `${path}/volumes/${name}`;
  const isHealthy = async (container: Container, name: string): Promise<boolean> =>
    (await container.exec(images[serviceOf(name).image]!.healthcheck)).code === 0;

  const up = async (name: string, changes: Readonly<Record<string, string>> = {}): Promise<Container> => {
    const service = serviceOf(name);
    for (const [before, condition] of Object.entries(service.after)) {
      const other = running.get(before) ?? await up(before);
      if (condition === "service_started") continue;
      await until(`${before} is healthy`, () => isHealthy(other, before), 20_000).catch((error) => {
        throw new Error(`${error}\n${other.output()}`);
      });
    }
    const image = images[service.image];
    if (image === undefined || !service.readOnly) throw new Error(`Cannot run ${name} here`);
    await Deno.writeTextFile(`${path}/resolv.conf`, `nameserver ${GATEWAY}\noptions ndots:0\n`);
    const mounts = await Promise.all(service.mounts.map((mount) => hostMount(mount, image.root)));
    const container = owned.use(
      await startContainer({
        name,
        address: addresses[name]!,
        root: image.root,
        readOnly: true,
        mounts: [{ source: `${path}/resolv.conf`, target: "/etc/resolv.conf", readOnly: true }, ...mounts],
        process: {
          args: [...image.entrypoint, ...service.command ?? []],
          env: { ...image.env, ...service.environment, ...changes },
          workdir: image.workdir,
          user: service.user ?? image.user,
          groups: service.groups,
          dropsAllCapabilities: service.dropsAllCapabilities,
          gainsNoPrivileges: service.gainsNoPrivileges,
        },
      }),
    );
    running.set(name, container);
    return container;
  };

  /** A fresh volume gets what the first image has in its place, owner and mode of the folder itself included. */
  const hostMount = async ({ source, kind, target, readOnly }: Mount, root: string): Promise<HostMount> => {
    if (kind === "path") return { source: source.startsWith("/") ? source : `${folder}/${source}`, target, readOnly };
    const made = volume(source);
    if (!await exists(made)) {
      await Deno.mkdir(made, { recursive: true });
      if (await exists(root + target)) await asItIs(root + target, made);
    }
    return { source: made, target, readOnly };
  };
  return {
    addresses,
    up,
    running: (name) => running.get(name)!,
    volume,
    isHealthy,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** HAProxy's official image, from this machine's HAProxy: the same user, folder and command line. */
export async function haproxyImage(root: string): Promise<Image> {
  await makeBase(root);
  await Deno.mkdir(`${root}/usr/local/etc/haproxy`, { recursive: true });
  return {
    root,
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    user: { uid: 99, gid: 99 },
    workdir: "/",
    // What its docker-entrypoint.sh makes of the command.
    entrypoint: ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
    healthcheck: [],
  };
}

async function asItIs(source: string, target: string): Promise<void> {
  const { uid, gid, mode } = await Deno.stat(source);
  await copyContent(source, target);
  await Deno.chown(target, uid, gid);
  await Deno.chmod(target, mode! & 0o7777);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
