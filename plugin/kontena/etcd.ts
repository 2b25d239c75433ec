/**
 * The v2 keys API of etcd, as far as the Kontena Load Balancer has it: keys with texts, in directories.
 *
 * @module
 */
import { describe, SidecarError } from "../../src/model/errors.ts";
import { list, object, optional, text } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import { withDeadline } from "../net/deadline.ts";

/** A key with its value; a directory has none. */
export interface Node {
  /** Absolute, for example `/kontena/haproxy/lb/services`. */
  readonly key: string;
  readonly value?: string;
}

/** One etcd. Every call rejects with `BALANCER_UNREACHABLE` if no answer came, `BALANCER_CONFIG` if it is not the v2 API. */
export interface Etcd {
  /** All that is at and below the key; undefined where there is nothing. */
  tree(key: string, call: Call): Promise<readonly Node[] | undefined>;
  /** The value of the key; undefined where there is none. */
  get(key: string, call: Call): Promise<string | undefined>;
  /** Writes the key, and the directories above it. */
  put(key: string, value: string, call: Call): Promise<void>;
  /** Removes the key, or the directory with all below it; nothing happens where there is none. */
  remove(key: string, call: Call): Promise<void>;
}

/** An answer of etcd is small, and it is near. */
const PATIENCE_MS = 5_000;
/** EcodeKeyNotFound (etcd v2 API, "errors"). */
const KEY_NOT_FOUND = 100;

/**
 * Talks to an etcd.
 *
 * @param balancer Name of the balancer that polls it, for errors.
 * @param address For example `127.0.0.1:2379`.
 */
export function etcdV2(balancer: string, address: string): Etcd {
  const etcd: Etcd = {
    async tree(key, call): Promise<readonly Node[] | undefined> {
      const answer = await ask("GET", key, call, { query: { recursive: "true" } });
      return answer === undefined ? undefined : nodesOf(answer);
    },
    async get(key, call): Promise<string | undefined> {
      return (await etcd.tree(key, call))?.find((node) => node.key === key)?.value;
    },
    async put(key, value, call): Promise<void> {
      await ask("PUT", key, call, { body: new URLSearchParams({ value }) });
    },
    async remove(key, call): Promise<void> {
      await ask("DELETE", key, call, { query: { recursive: "true" } });
    },
  };
  return etcd;

  /** The node that the answer is about; undefined where there is no such key. */
  async function ask(
    method: string,
    key: string,
    call: Call,
    { query = {}, body = null }: { readonly query?: Record<string, string>; readonly body?: URLSearchParams | null },
  ): Promise<unknown> {
    const url = `http://${address}/v2/keys${key}?${new URLSearchParams(query)}`;
    const late = (): Error => unreachable(`etcd at ${address} gave no answer within ${PATIENCE_MS} ms`);
    return await withDeadline(PATIENCE_MS, call, late, async ({ signal }) => {
      let response: Response;
      let said: string;
      try {
        response = await fetch(url, { method, body, signal, redirect: "manual" });
        said = await response.text();
      } catch (cause) {
        throw unreachable(`etcd at ${address} does not answer: ${describe(cause)}`, cause);
      }
      return readAnswer(response.status, said);
    });
  }

  function readAnswer(status: number, said: string): unknown {
    const answer = parse(said);
    if (answer === undefined) {
      throw new SidecarError(
        "BALANCER_CONFIG",
        `Load balancer ${balancer}: etcd at ${address} does not offer the v2 API (status ${status})`,
        {
          field: "load_balancers",
          todo:
            "start it with --enable-v2 (etcd 3.5 and older have it), as the Kontena Load Balancer reads nothing else",
        },
      );
    }
    if (answer["errorCode"] === KEY_NOT_FOUND) return undefined;
    if (status === 200 || status === 201) return answer["node"];
    const message = typeof answer["message"] === "string" ? answer["message"].slice(0, 200) : "no reason";
    throw unreachable(`etcd at ${address} refused (status ${status}): ${message}`);
  }

  function unreachable(message: string, cause?: unknown): SidecarError {
    return new SidecarError("BALANCER_UNREACHABLE", `Load balancer ${balancer}: ${message}`, {
      field: "load_balancer",
      todo: "check that etcd runs and is reachable from here; what is served goes on being served",
      cause,
    });
  }
}

/** Reads a node and what is below it. */
function nodesOf(json: unknown): readonly Node[] {
  const from = object(json, "node");
  const value = optional(from, "value", text);
  const own: Node = { key: text(from, "key"), ...value === undefined ? {} : { value } };
  return [own, ...(optional(from, "nodes", list) ?? []).flatMap(nodesOf)];
}

function parse(said: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return object(JSON.parse(said), "answer");
  } catch {
    return undefined; // "404 page not found" where the v2 API is switched off
  }
}
