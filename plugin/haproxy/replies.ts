/**
 * Readers of the runtime API's replies: text in, value out. A success is a line that names exactly what was asked for;
 * everything else, an empty reply too, is not.
 *
 * @module
 */
import type { Version } from "./payload.ts";

/** What `show info` says of the process that answers. */
export interface Info {
  readonly pid: number;
  readonly version: Version;
  /** When it was started, in seconds; a container may give each of its workers the same pid. Not told by the oldest. */
  readonly startedAt?: number;
}

/** Reads the reply to `show info`; undefined if it is none. */
export function readInfo(reply: string): Info | undefined {
  const pid = /^Pid: (\d{1,10})$/m.exec(reply)?.[1];
  const text = /^Version: (\S+)$/m.exec(reply)?.[1];
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})/.exec(text ?? "") ?? [];
  if (pid === undefined || text === undefined) return undefined;
  const startedAt = /^Start_time_sec: (\d{1,12})$/m.exec(reply)?.[1];
  return {
    pid: Number(pid),
    version: { major: Number(major ?? 0), minor: Number(minor ?? 0), text },
    ...startedAt === undefined ? {} : { startedAt: Number(startedAt) },
  };
}

/** The file of the open transaction in the reply to `show ssl cert`. */
export function readTransaction(reply: string): string | undefined {
  return /^# transaction\n\*(.+)$/m.exec(reply)?.[1];
}

/** Tells whether the part of `show ssl cert` that can name a transaction has come. */
export function hasTransactionPart(reply: string): boolean {
  return /^# filename$/m.test(reply);
}

/** All loaded files in the reply to `show ssl cert`; undefined if it is not a list. */
export function readFiles(reply: string): readonly string[] | undefined {
  const [, list] = /^# filename\n([^]*)$/m.exec(reply) ?? [];
  return list === undefined ? undefined : lines(list);
}

/** What `show ssl cert FILE` says. */
export interface LoadedCertificate {
  /** `empty`: a store that nothing was committed to; `unused`: in no crt-list. */
  readonly status: "used" | "unused" | "empty";
  /** SHA-1 over the DER, lower-case hexadecimal. */
  readonly sha1?: string;
  readonly serial?: string;
}

/** Reads the reply to `show ssl cert FILE`; undefined where it is not loaded under that very name. */
export function readCertificate(reply: string, file: string): LoadedCertificate | undefined {
  if (!lines(reply).includes(`Filename: ${file}`)) return undefined;
  const status = STATUS[/^Status: (.+)$/m.exec(reply)?.[1] ?? ""] ?? "unused";
  const sha1 = /^SHA1 FingerPrint: ([0-9A-F]{40})$/m.exec(reply)?.[1]?.toLowerCase();
  const serial = /^Serial: ([0-9A-F]+)$/m.exec(reply)?.[1]?.toLowerCase();
  return { status, ...(sha1 === undefined ? {} : { sha1 }), ...(serial === undefined ? {} : { serial }) };
}

/** Reads the replies to several `show ssl cert FILE` on one line: by file, each that is loaded. */
export function readCertificates(reply: string): ReadonlyMap<string, LoadedCertificate> {
  const parts = reply.split(/^(?=Filename: )/m);
  return new Map(parts.flatMap((part) => {
    const file = /^Filename: (.+)$/m.exec(part)?.[1];
    const read = file === undefined ? undefined : readCertificate(part, file);
    return file === undefined || read === undefined ? [] : [[file, read] as const];
  }));
}

const STATUS: Readonly<Record<string, LoadedCertificate["status"]>> = {
  Used: "used",
  Unused: "unused",
  Empty: "empty",
};

/** Reads the reply to `show ssl crt-list`: the names of all lists, directories among them. */
export function readLists(reply: string): readonly string[] {
  return lines(reply);
}

/** Reads the reply to `show ssl crt-list -n LIST`: the line numbers of the file's entries. */
export function readEntries(reply: string, file: string): readonly number[] {
  return lines(reply).flatMap((line) => {
    const [, name, number] = /^(\S+):(\d+)(?:\s|$)/.exec(line) ?? [];
    return name === file ? [Number(number)] : [];
  });
}

/** Reads the reply to `show ssl crt-list -n LIST`: the files of all entries. */
export function readEntryFiles(reply: string): readonly string[] {
  return lines(reply).flatMap((line) => /^([^#\s]\S*):\d+(?:\s|$)/.exec(line)?.[1] ?? []);
}

/** What became of `set ssl cert FILE`. */
export type SetOutcome =
  | "done"
  | "busy" // another certificate command is being carried out
  | "foreign" // refused: a transaction is open for another file
  | { readonly overwrote: string } // HAProxy before 3.1 put it into the open transaction for that file
  | "refused";

/** Reads the reply to `set ssl cert FILE <<`. */
export function readSet(reply: string, file: string): SetOutcome {
  const named = lines(reply).flatMap((line) =>
    /^Transaction (?:created|updated) for certificate (.+)!$/.exec(line)?.[1] ?? []
  );
  const other = named.find((name) => name !== file);
  if (other !== undefined) return { overwrote: other };
  if (named.length > 0) return "done";
  if (isBusy(reply)) return "busy";
  return reply.includes("The ongoing transaction is about '") ? "foreign" : "refused";
}

/** Reads the reply to `commit ssl cert FILE`. */
export function readCommit(reply: string, file: string): "done" | "busy" | "no transaction" | "refused" {
  const all = lines(reply);
  if (all.includes("Success!") && all.some((line) => isCommitting(line, file))) return "done";
  if (reply.startsWith("No ongoing transaction!")) return "no transaction";
  return isBusy(reply) ? "busy" : "refused";
}

/** Reads the reply to `abort ssl cert FILE`. */
export function readAbort(reply: string, file: string): "done" | "busy" | "no transaction" | "refused" {
  if (lines(reply).includes(`Transaction aborted for certificate '${file}'!`)) return "done";
  if (isBusy(reply)) return "busy";
  return reply.startsWith("No ongoing transaction!") ? "no transaction" : "refused";
}

/** Reads the reply to `new ssl cert FILE`. */
export function readNew(reply: string, file: string): "done" | "exists" | "busy" | "refused" {
  const all = lines(reply);
  if (all.includes(`New empty certificate store '${file}'!`)) return "done";
  if (all.includes(`Certificate '${file}' already exists!`)) return "exists";
  return isBusy(reply) ? "busy" : "refused";
}

/** Reads the reply to `add ssl crt-list LIST`. */
export function readAdd(reply: string, list: string, file: string): "done" | "exists" | "busy" | "refused" {
  const all = lines(reply);
  const inserting = `Inserting certificate '${file}' in crt-list '${list}'`;
  if (all.includes("Success!") && all.some((line) => line.startsWith(inserting))) return "done";
  if (reply.includes("file already exists in this directory!")) return "exists";
  return isBusy(reply) ? "busy" : "refused";
}

/** Reads the reply to `del ssl crt-list LIST FILE[:LINE]`. */
export function readDeleteEntry(reply: string, list: string, file: string): "done" | "absent" | "busy" | "refused" {
  if (lines(reply).includes(`Entry '${file}' deleted in crtlist '${list}'!`)) return "done";
  if (reply.includes(`certificate '${file}' does not exist!`)) return "absent";
  if (reply.includes(`certificate '${file}' can't be found in crt-list '${list}'!`)) return "absent";
  return isBusy(reply) ? "busy" : "refused";
}

/** Reads the reply to `del ssl cert FILE`. */
export function readDelete(reply: string, file: string): "done" | "absent" | "busy" | "refused" {
  if (lines(reply).includes(`Certificate '${file}' deleted!`)) return "done";
  if (reply.includes(`certificate '${file}' doesn't exist!`)) return "absent";
  return isBusy(reply) ? "busy" : "refused";
}

/**
 * The process ids of the workers that a master has now (`show proc`, management guide 9.4); undefined where it is no master
 * that answers.
 */
export function readWorkers(reply: string): readonly number[] | undefined {
  if (!/^#<PID>\s+<type>/.test(reply)) return undefined;
  const [, workers = ""] = /^# workers\n((?:\d.*\n)*)/m.exec(reply) ?? [];
  return [...workers.matchAll(/^(\d+)\s+worker\s/gm)].map(([, pid]) => Number(pid));
}

/** A master knows no `show info`, and lists what it knows: its processes. */
export function isMaster(reply: string): boolean {
  return reply.startsWith("Unknown command") && /^\s*show proc\s/m.test(reply);
}

/** The socket's level is below `admin`. */
export function isDenied(reply: string): boolean {
  return reply.startsWith("Permission denied");
}

/** Another certificate command is being carried out: a list is one too, until whoever asked for it has read it all. */
export function isBusy(reply: string): boolean {
  return reply.includes("are currently locked!");
}

/** `Committing FILE`, with a dot for each part of a long commit. */
function isCommitting(line: string, file: string): boolean {
  const start = `Committing ${file}`;
  return line.startsWith(start) && /^\.*$/.test(line.slice(start.length));
}

function lines(reply: string): readonly string[] {
  return reply.split("\n").map((line) => line.replaceAll("\0", "")).filter((line) => line !== "");
}
