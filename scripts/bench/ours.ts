/**
 * Our own bundle as it runs: resident, asked by its API, certificates in the embedded vault.
 *
 * @module
 */
import * as esbuild from "esbuild";
import { startSidecarProcess, type TestSidecar } from "../../test/support/sidecar.ts";
import { build, BUNDLES } from "../build.ts";
import type { Client, ClientKind, Cost, Place } from "./client.ts";
import { cpuMs, rssMb } from "./measure.ts";

/** Builds the bundle into `folder` and tells how to open it. */
export async function ours(folder: string): Promise<ClientKind> {
  const [sidecar] = BUNDLES;
  if (sidecar === undefined) throw new Error("there is no bundle of the sidecar");
  const program = `${folder}/kontena-certificates.js`;
  await build({ ...sidecar, output: program });
  await esbuild.stop();
  return { name: "ours, resident", open: (place) => open(program, place) };
}

async function open(program: string, { directory, caFile, dns, httpPort }: Place): Promise<Client> {
  const env = { ACME_DIRECTORY_URL: directory.href, ACME_CA_FILE: caFile, DNS_RESOLVERS: dns, CHALLENGE: "http-01" };
  const sidecar = await startSidecarProcess({ env, program, challengePort: httpPort });
  const { pid } = sidecar.process;
  await post(sidecar, "/v1/certificates/default/register", { email: "bench@example.com", agree_tos: true });
  return {
    async issue(names): Promise<Cost> {
      const [begin, used] = [performance.now(), cpuMs(pid)];
      await post(sidecar, "/v1/grids/default/certificates", { domains: names });
      return { wallMs: performance.now() - begin, cpuMs: cpuMs(pid) - used };
    },
    rssMb: () => rssMb(pid),
    [Symbol.asyncDispose]: () => sidecar[Symbol.asyncDispose](),
  };
}

async function post(sidecar: TestSidecar, path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  const { status, text } = await sidecar.ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (status !== 201) throw new Error(`POST ${path} was answered ${status}: ${text}`);
}
