/**
 * Builds an image without Docker: does what a Dockerfile says, into a folder. `RUN` really runs, in the stage's own root.
 *
 * What stands in for the base images: this machine's /usr (Debian or Ubuntu), and the Deno that runs this.
 *
 * @module
 */
import { start, tempDir } from "../support/process.ts";
import { copyContext } from "./context.ts";
import { type Copy, type Owner, parseDockerfile, type Stage } from "./dockerfile.ts";
import { copyContent, copyTree } from "./files.ts";

/** What an image is: files, and how its program is started. */
export interface Image {
  /** A root without the base image's /usr, which `enter.sh` puts below. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: Owner;
  readonly workdir: string;
  readonly entrypoint: readonly string[];
  readonly healthcheck: readonly string[];
}

/** What a process gets where the Dockerfile says nothing. */
export const EMPTY: Omit<Image, "root"> = {
  env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  user: { uid: 0, gid: 0 },
  workdir: "/",
  entrypoint: [],
  healthcheck: [],
};

/** Makes a root in which this machine's programs run; `usr` is empty. */
export async function makeBase(root: string): Promise<void> {
  for (const name of ["usr", "proc", "dev", "run", "tmp", "var", "root", "etc"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
  }
  await Deno.chmod(`${root}/tmp`, 0o1777);
  for (const name of ["bin", "lib", "lib64", "sbin"]) await Deno.symlink(`usr/${name}`, `${root}/${name}`);
  for (const name of ["passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"]) {
    await copyTree(`/etc/${name}`, `${root}/etc/${name}`);
  }
}

/** Builds the image of a folder that has a Dockerfile and a `.dockerignore`. Disposing removes it. */
export async function buildImage(folder: string): Promise<Image & AsyncDisposable> {
  await using made = new AsyncDisposableStack();
  const { path } = made.use(tempDir());
  await Deno.chmod(path, 0o755);
  await copyContext(folder, `${path}/context`);
  const stages = new Map<string, string>();
  let image: Image | undefined;
  for (const [index, stage] of parseDockerfile(await Deno.readTextFile(`${folder}/Dockerfile`)).entries()) {
    image = await buildStage(
      stage,
      `${path}/${index}`,
      (name) => name === undefined ? `${path}/context` : stages.get(name)!,
    );
    if (stage.name !== undefined) stages.set(stage.name, image.root);
  }
  if (image === undefined) throw new Error(`${folder}/Dockerfile has no stage`);
  const owned = made.move();
  return { ...image, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function buildStage(stage: Stage, root: string, folderOf: (from?: string) => string): Promise<Image> {
  await makeBase(root);
  await addBase(stage.base, root);
  let image: Image = { root, ...EMPTY };
  for (const step of stage.steps) {
    switch (step.do) {
      case "run":
        await run(step.command, image);
        break;
      case "copy":
        await copy(step.copy, folderOf(step.copy.from), image);
        break;
      case "env":
        image = { ...image, env: { ...image.env, ...step.values } };
        break;
      case "user":
        image = { ...image, user: step.owner };
        break;
      case "workdir":
        image = { ...image, workdir: step.path };
        await Deno.mkdir(root + step.path, { recursive: true });
        break;
      case "entrypoint":
      case "healthcheck":
        image = { ...image, [step.do]: step.args };
        break;
      case "expose":
      case "volume": // says where a volume belongs; the compose file mounts one there
        break;
    }
  }
  return image;
}

/** Deno's image is Debian with `/usr/bin/deno`. */
async function addBase(base: string, root: string): Promise<void> {
  if (/^debian:\d+-slim$/.test(base)) return;
  if (base !== `denoland/deno:${Deno.version.deno}`) throw new Error(`This machine has nothing like ${base}`);
  await Deno.mkdir(`${root}/usr/bin`);
  await Deno.copyFile(await Deno.realPath(Deno.execPath()), `${root}/usr/bin/deno`);
}

/** A folder's content is copied; a folder that is missing is made with the owner, not the mode, of the copy. */
async function copy(
  { sources, target, owner = { uid: 0, gid: 0 }, mode }: Copy,
  from: string,
  image: Image,
): Promise<void> {
  const to = target.startsWith("/") ? image.root + target : `${image.root}${image.workdir}/${target}`;
  const changes = { owner, ...(mode === undefined ? {} : { mode }) };
  for (const source of sources.map((it) => `${from}/${it}`)) {
    const isFolder = (await Deno.stat(source)).isDirectory;
    const folder = isFolder || target.endsWith("/") ? to : to.slice(0, to.lastIndexOf("/"));
    await Deno.mkdir(folder, { recursive: true });
    if (isFolder) await copyContent(source, to, changes);
    else await copyTree(source, folder === to ? `${to}/${source.slice(source.lastIndexOf("/") + 1)}` : to, changes);
  }
}

/** Runs a command of the build, with this machine's network and Deno's cache, so that what is there is not fetched again. */
async function run(command: string, { root, workdir, env }: Image): Promise<void> {
  const cache = await cacheOfDeno();
  await Deno.mkdir(`${root}/deno-dir`, { recursive: true });
  for (const name of ["resolv.conf", "hosts"]) await Deno.copyFile(`/etc/${name}`, `${root}/etc/${name}`);
  const variables = Object.entries({ ...env, DENO_DIR: "/deno-dir" }).map(([name, value]) => `${name}=${value}`);
  await using shell = start("unshare", {
    args: [
      ...["--mount", "sh", new URL("enter.sh", import.meta.url).pathname, root, "rw", cache, "/deno-dir", "rw", "--"],
      ...["env", `--chdir=${workdir}`, ...variables, "sh", "-c", command],
    ],
  });
  if (await shell.exit !== 0) throw new Error(`RUN ${command}\n${shell.output()}`);
}

async function cacheOfDeno(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return (JSON.parse(new TextDecoder().decode(stdout)) as { readonly denoDir: string }).denoDir;
}
