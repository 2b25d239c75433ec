/**
 * `docker compose up` without Docker: volumes, order and health as the compose file says.
 *
 * @module
 */
import { tempDir, until } from "../support/process.ts";
import type { Image } from "./build.ts";
import type { Mount, Service } from "./compose.ts";
import { type Container, GATEWAY, type HostMount, type ProcessOptions, startContainer } from "./container.ts";
import { copyContent } from "./files.ts";

/** Variables that replace or add to those of the compose file. */
type Changes = Readonly<Record<string, string>>;

/** A compose project. Disposing ends its containers and removes its volumes. */
export interface Project extends AsyncDisposable {
  /** Where each service will be reached. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Starts a service and what it comes after, or starts it again after it ended. */
  up(service: string, changes?: Changes): Promise<Container>;
  /** Starts one more container of a service, as `docker compose run` does. */
  run(service: string, changes?: Changes): Promise<Container>;
  /** The container of a service that was started. */
  running(service: string): Container;
  /** The folder behind a named volume. */
  volume(name: string): string;
  /** Runs the image's health check in a container of the service. */
  isHealthy(container: Container, service: string, env?: Changes): Promise<boolean>;
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
  // Docker's own name server answers on the container's loopback; ours is the one that the CA asks.
  Deno.writeTextFileSync(`${path}/resolv.conf`, `nameserver ${GATEWAY}\noptions ndots:0\n`);
  Deno.writeTextFileSync(`${path}/hosts`, "127.0.0.1 localhost\n::1 localhost\n");
  const names = ["resolv.conf", "hosts"].map((name) => ({
    source: `${path}/${name}`,
    target: `/etc/${name}`,
    readOnly: true,
  }));
  const addresses = Object.fromEntries(services.map(({ name }, index) => [name, `172.30.0.${index + 2}`]));
  const running = new Map<string, Container>();
  const serviceOf = (name: string): Service => services.find((it) => it.name === name)!;
  const volume = (name: string): string => `${path}/volumes/${name}`;
  const isHealthy = async (container: Container, name: string, env: Changes = {}): Promise<boolean> =>
    (await container.exec(images[serviceOf(name).image]!.healthcheck, { env })).code === 0;

  const start = async (service: Service, name: string, address: string, changes: Changes): Promise<Container> => {
    const image = images[service.image];
    if (image === undefined || !service.readOnly) throw new Error(`Cannot run ${name} here`);
    const mounts = await Promise.all(service.mounts.map((mount) => hostMount(mount, image.root)));
    const env = { ...image.env, ...service.environment, ...changes };
    return owned.use(
      await startContainer({
        name,
        address,
        root: image.root,
        readOnly: true,
        mounts: [...names, ...mounts],
        process: processOf(service, image, env),
      }),
    );
  };
  const up = async (name: string, changes: Changes = {}): Promise<Container> => {
    const service = serviceOf(name);
    for (const [before, condition] of Object.entries(service.after)) {
      const other = running.get(before) ?? await up(before);
      if (condition === "service_healthy") await healthy(other, before);
    }
    const container = await start(service, name, addresses[name]!, changes);
    running.set(name, container);
    return container;
  };
  const healthy = async (container: Container, name: string): Promise<void> => {
    await until(`${name} is healthy`, () => isHealthy(container, name), 20_000).catch((error) => {
      throw new Error(`${error}\n${container.output()}`);
    });
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
  const run = (name: string, changes: Changes = {}): Promise<Container> =>
    start(serviceOf(name), `${name}-run`, "172.30.0.99", changes);
  return {
    addresses,
    up,
    run,
    running: (name) => running.get(name)!,
    volume,
    isHealthy,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function processOf(service: Service, image: Image, env: Readonly<Record<string, string>>): ProcessOptions {
  return {
    args: [...image.entrypoint, ...service.command ?? []],
    env,
    workdir: image.workdir,
    user: service.user ?? image.user,
    groups: service.groups,
    dropsAllCapabilities: service.dropsAllCapabilities,
    gainsNoPrivileges: service.gainsNoPrivileges,
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
