import { createSocket, type Socket } from "node:dgram";

/** A DNS server on a loopback port. */
export interface FakeDnsServer extends AsyncDisposable {
  readonly port: number;
  /** The names that were asked for, in their order, with the final dot. */
  readonly asked: readonly string[];
}

/** What it answers for a name: TXT records of one or more strings, an alias, a response code (RFC 1035 §4.1.1), or nothing. */
export type FakeDnsAnswer =
  | { readonly txt: readonly (readonly string[])[] }
  | { readonly cname: string }
  | { readonly rcode: number }
  | "silence";

const TYPE = { cname: 5, txt: 16 };

/** Starts a DNS server that answers from a table, over UDP; a name that is not there gets NXDOMAIN. */
export async function fakeDnsServer(table: Readonly<Record<string, FakeDnsAnswer>>): Promise<FakeDnsServer> {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, end } = readName(query, 12);
    asked.push(name);
    const answer = table[name] ?? { rcode: 3 };
    if (answer !== "silence") socket.send(response(query.subarray(0, end + 4), answer), from.port, from.address);
  });
  await bound(socket);
  return {
    port: socket.address().port,
    asked,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

async function bound(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
}

/** Header and question of the query, then the records, whose owner is a pointer to the question. */
function response(question: Uint8Array, answer: Exclude<FakeDnsAnswer, "silence">): Uint8Array {
  const records = "txt" in answer
    ? answer.txt.map((strings) => record(TYPE.txt, strings.flatMap(characterString)))
    : "cname" in answer
    ? [record(TYPE.cname, [...answer.cname.split(".").flatMap(characterString)])]
    : [];
  const bytes = Uint8Array.of(...question, ...records.flat());
  const rcode = "rcode" in answer ? answer.rcode : 0;
  bytes.set([0x84, 0x80 | rcode, 0, 1, 0, records.length, 0, 0, 0, 0], 2); // QR AA, RA; no other sections
  return bytes;
}

function record(type: number, data: readonly number[]): readonly number[] {
  return [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 0xff, ...data];
}

/** One octet of length and the text: strings of TXT and labels of names look alike. */
function characterString(text: string): readonly number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

function readName(message: Uint8Array, at: number): { readonly name: string; readonly end: number } {
  let name = "";
  let next = at;
  for (let length = message[next]!; length > 0; length = message[next]!) {
    name += `${new TextDecoder().decode(message.subarray(next + 1, next + 1 + length))}.`;
    next += 1 + length;
  }
  return { name, end: next + 1 };
}
