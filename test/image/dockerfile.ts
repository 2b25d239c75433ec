/**
 * Reads a Dockerfile: the instructions that ours uses, and no other, so that none is passed over silently.
 *
 * @module
 */

/** User and group, by number. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** One instruction. */
export type Step =
  | { readonly do: "run"; readonly command: string }
  | { readonly do: "copy"; readonly copy: Copy }
  | { readonly do: "env"; readonly values: Readonly<Record<string, string>> }
  | { readonly do: "user"; readonly owner: Owner }
  | { readonly do: "workdir"; readonly path: string }
  | { readonly do: "entrypoint" | "healthcheck"; readonly args: readonly string[] }
  | { readonly do: "expose" | "volume"; readonly value: string };

/** What `COPY` was told. */
export interface Copy {
  /** A stage; absent: the context. */
  readonly from?: string;
  readonly owner?: Owner;
  readonly mode?: number;
  readonly sources: readonly string[];
  readonly target: string;
}

/** What stands between one `FROM` and the next. */
export interface Stage {
  readonly base: string;
  readonly name?: string;
  readonly steps: readonly Step[];
}

/**
 * Reads the text of a Dockerfile.
 *
 * @throws {SyntaxError} At an instruction or an option that is not known here.
 */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: (Stage & { steps: Step[] })[] = [];
  for (const line of instructions(text)) {
    const [, word = "", rest = ""] = /^(\w+)\s+(.*)$/s.exec(line) ?? [];
    if (word === "FROM") {
      const [, base, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest) ?? refuse(line);
      stages.push({ base: base!, ...(name === undefined ? {} : { name }), steps: [] });
    } else {
      const stage = stages.at(-1) ?? refuse(line);
      stage.steps.push(READERS[word]?.(rest) ?? refuse(line));
    }
  }
  return stages;
}

/** Reads `10001:99`. */
export function parseOwner(text: string): Owner {
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(text) ?? refuse(text);
  return { uid: Number(uid), gid: Number(gid) };
}

const READERS: Readonly<Record<string, (rest: string) => Step>> = {
  RUN: (rest) => ({ do: "run", command: rest }),
  COPY: (rest) => ({ do: "copy", copy: readCopy(rest) }),
  ENV: (rest) => ({ do: "env", values: Object.fromEntries(words(rest).map(readPair)) }),
  USER: (rest) => ({ do: "user", owner: parseOwner(rest) }),
  WORKDIR: (rest) => ({ do: "workdir", path: rest }),
  EXPOSE: (rest) => ({ do: "expose", value: rest }),
  VOLUME: (rest) => ({ do: "volume", value: rest }),
  ENTRYPOINT: (rest) => ({ do: "entrypoint", args: readArguments(rest) }),
  HEALTHCHECK: (rest) => ({ do: "healthcheck", args: readArguments(rest.replace(/^(?:--\S+\s+)*CMD\s+/, "")) }),
};

/** Lines that are continued are one; comments are none, also between those (reference, "Format"). */
function instructions(text: string): readonly string[] {
  const code = text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n");
  return code.replace(/\\\n/g, " ").split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function readCopy(rest: string): Copy {
  const all = words(rest);
  const options = new Map(all.filter((word) => word.startsWith("--")).map((word) => readPair(word.slice(2))));
  const paths = all.filter((word) => !word.startsWith("--"));
  const unknown = [...options.keys()].find((name) => !["from", "chown", "chmod"].includes(name));
  if (unknown !== undefined || paths.length < 2) refuse(`COPY ${rest}`);
  const [from, chown, chmod] = [options.get("from"), options.get("chown"), options.get("chmod")];
  return {
    ...(from === undefined ? {} : { from }),
    ...(chown === undefined ? {} : { owner: parseOwner(chown) }),
    ...(chmod === undefined ? {} : { mode: parseInt(chmod, 8) }),
    sources: paths.slice(0, -1),
    target: paths.at(-1)!,
  };
}

function readPair(word: string): [string, string] {
  const [, name, value] = /^([\w-]+)=([^"'\\$]*)$/.exec(word) ?? refuse(word);
  return [name!, value!];
}

function readArguments(text: string): readonly string[] {
  const found: unknown = JSON.parse(text);
  if (!Array.isArray(found) || !found.every((it) => typeof it === "string")) return refuse(text);
  return found;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function refuse(line: string): never {
  throw new SyntaxError(`Cannot follow the Dockerfile at ${JSON.stringify(line)}`);
}
