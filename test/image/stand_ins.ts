/**
 * Other people's images, from this machine's programs: the same user, folders and command line.
 *
 * @module
 */
import { find } from "../support/process.ts";
import { EMPTY, type Image, makeBase } from "./build.ts";

/** By the names that our compose files give them; `folder` is where their roots are made. */
export async function standIns(folder: string): Promise<Readonly<Record<string, Image>>> {
  const [haproxy, etcd] = [`${folder}/haproxy`, `${folder}/etcd`];
  await makeBase(haproxy);
  await Deno.mkdir(`${haproxy}/usr/local/etc/haproxy`, { recursive: true });
  await makeBase(etcd);
  await Deno.mkdir(`${etcd}/usr/local/bin`, { recursive: true });
  await Deno.symlink(find("etcd") ?? "/usr/bin/etcd", `${etcd}/usr/local/bin/etcd`);
  return {
    "haproxy:3.2": {
      ...EMPTY,
      root: haproxy,
      user: { uid: 99, gid: 99 },
      // What its docker-entrypoint.sh makes of its command.
      entrypoint: ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
    },
    "rancher/mirrored-coreos-etcd:v3.5.12": { ...EMPTY, root: etcd },
  };
}
