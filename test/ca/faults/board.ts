import type { Parts } from "../parts.ts";
import { ENDPOINT_NAMES, endpointAt } from "../routes.ts";
import type { IssueRequest } from "../x509/issuer.ts";
import { CATALOGUE } from "./catalogue.ts";
import { type FaultHooks, joined, type Met } from "./hooks.ts";
import type { FaultKind, Place, Scene, Strike } from "./kind.ts";
import { optionReader } from "./options.ts";
import { COMMON, type FaultSpec, parseSpec } from "./spec.ts";

/** A fault that was set. */
export interface FaultSet {
  readonly id: string;
  readonly spec: FaultSpec;
  /** How many requests it met, and how many of them it struck. */
  readonly met: number;
  readonly struck: number;
}

/** The faults that are set; may be changed at any time. */
export interface FaultBoard {
  list(): readonly FaultSet[];
  /**
   * Sets one; the short form is read as by the command line.
   *
   * @throws {RangeError} If there is no such fault, place or option.
   */
  set(spec: FaultSpec | string): FaultSet;
  /** Clears one, or all; tells how many. */
  clear(id?: string): number;
}

/** What the authority itself needs of the board. */
export interface Striking {
  /** Decides which faults strike the request. */
  meet(parts: Parts, request: Pick<Met, "method" | "path">): Struck;
  /** Lets faults change what is to be issued. */
  issue(parts: Parts, request: IssueRequest): Promise<IssueRequest>;
}

/** The faults that strike one request. */
export interface Struck {
  readonly names: readonly string[];
  readonly transport: FaultHooks;
  readonly endpoint: FaultHooks;
}

interface Entry {
  readonly id: string;
  readonly spec: FaultSpec;
  readonly places: readonly Place[];
  readonly strike: Strike;
  met: number;
  struck: number;
}

/** An empty board. */
export function faultBoard(): FaultBoard & Striking {
  const entries = new Map<string, Entry>();
  let ids = 0;
  const striking = (parts: Parts, place: Place, path: string): readonly Entry[] =>
    [...entries.values()].filter((entry) => strikes(entry, place, path, parts));
  return {
    list: () => [...entries.values()].map(shown),
    set(given): FaultSet {
      const spec = typeof given === "string" ? parseSpec(given) : given;
      const entry = newEntry(`f${++ids}`, spec);
      entries.set(entry.id, entry);
      return shown(entry);
    },
    clear(id): number {
      const ids = id === undefined ? [...entries.keys()] : [id];
      return ids.filter((it) => entries.delete(it)).length;
    },
    meet(parts, { path }): Struck {
      const all = striking(parts, endpointAt(path) ?? "any", path);
      const scene = (met: Met): Scene => ({ ...met, parts });
      return {
        names: all.map(({ spec }) => spec.fault),
        transport: joined(...all.map(({ strike }) => hooks(strike.arrive, strike.leave, scene))),
        endpoint: joined(...all.map(({ strike }) => hooks(strike.before, strike.after, scene))),
      };
    },
    async issue(parts, request): Promise<IssueRequest> {
      let changed = request;
      for (const { strike } of striking(parts, "issuance", "")) {
        changed = await strike.issue?.(changed, parts) ?? changed;
      }
      return changed;
    },
  };
}

function hooks(before: Strike["arrive"], after: Strike["after"], scene: (met: Met) => Scene): FaultHooks {
  return {
    ...(before === undefined ? {} : { before: (met: Met) => before(scene(met)) }),
    ...(after === undefined ? {} : { after: (response: Response, met: Met) => after(response, scene(met)) }),
  };
}

/** Counts, and decides: the same seed and the same requests give the same. */
function strikes(entry: Entry, place: Place, path: string, { chance }: Parts): boolean {
  const { places, spec: { path: part = "", from, every, times, chance: share } } = entry;
  if (!places.includes(place) && !(places.includes("any") && place !== "issuance")) return false;
  if (!path.includes(part)) return false;
  const late = ++entry.met - Number(from ?? 1);
  const hit = late >= 0 && late % Number(every ?? 1) === 0 && entry.struck < Number(times ?? Infinity) &&
    (share === undefined || chance.faults.chance(Number(share)));
  if (hit) entry.struck++;
  return hit;
}

function newEntry(id: string, spec: FaultSpec): Entry {
  const kind = Object.hasOwn(CATALOGUE, spec.fault) ? CATALOGUE[spec.fault] : undefined;
  if (kind === undefined) throw new RangeError(`There is no fault "${spec.fault}"`);
  const { fault: _fault, at = kind.at, ...given } = spec;
  const places = placesOf(at);
  checkOptions(spec, kind);
  const own = Object.entries(given).flatMap(([name, value]) =>
    typeof value === "object" || value === undefined || Object.hasOwn(COMMON, name) ? [] : [[name, value] as const]
  );
  return { id, spec, places, strike: kind.make(optionReader(Object.fromEntries(own))), met: 0, struck: 0 };
}

function placesOf(at: Place | readonly Place[]): readonly Place[] {
  const places = typeof at === "string" ? at.split(",") as Place[] : at;
  const unknown = places.find((it) => it !== "any" && it !== "issuance" && !ENDPOINT_NAMES.includes(it));
  if (unknown !== undefined) throw new RangeError(`There is no place "${unknown}"`);
  return places;
}

function checkOptions(spec: FaultSpec, { options }: FaultKind): void {
  const known = ["fault", ...Object.keys(COMMON), ...Object.keys(options)];
  const unknown = Object.keys(spec).find((it) => !known.includes(it));
  if (unknown !== undefined) throw new RangeError(`"${spec.fault}" has no option "${unknown}"`);
}

function shown({ id, spec, met, struck }: Entry): FaultSet {
  return { id, spec, met, struck };
}
