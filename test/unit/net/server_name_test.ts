import { assertEquals, assertThrows } from "@std/assert";
import { readServerName } from "../../../plugin/net/server_name.ts";
import { clientHello, concat, TlsWireError } from "../../../plugin/net/tls_wire.ts";

const RANDOM = new Uint8Array(32);
const NAME = `${"a".repeat(32)}.${"b".repeat(32)}.acme.invalid`;
const HELLO = clientHello({ random: RANDOM, serverName: NAME });

/** The same handshake message in records of `size` bytes. */
function fragmented(hello: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const message = hello.subarray(5);
  const records: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Uint8Array.of(22, 3, 1, part.length >> 8, part.length & 0xff), part);
  }
  return concat(...records);
}

for (
  const [why, hello, name] of [
    ["a name", HELLO, NAME],
    ["a name in capitals", clientHello({ random: RANDOM, serverName: "A.Example.COM" }), "a.example.com"],
    ["a name after it was cut into records", fragmented(HELLO, 7), NAME],
    ["no name", clientHello({ random: RANDOM }), undefined],
    ["no name of a hello without extensions", withoutExtensions(), undefined],
  ] as const
) {
  Deno.test(`readServerName() reads ${why}`, () => {
    assertEquals(readServerName(hello), { serverName: name });
  });
}

Deno.test("readServerName() waits for the whole hello, however little came", () => {
  for (let length = 0; length < HELLO.length; length++) {
    assertEquals(readServerName(HELLO.subarray(0, length)), undefined);
  }
});

for (
  const [why, bytes, message] of [
    ["plain HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), "not TLS"],
    ["another message", Uint8Array.of(22, 3, 1, 0, 4, 2, 0, 0, 0), "handshake message 2 instead of a hello"],
    ["an endless hello", Uint8Array.of(22, 3, 1, 0, 4, 1, 1, 0, 0), "a hello of 65536 bytes"],
    ["a hello that is cut off inside", Uint8Array.of(22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3), "beyond the end"],
    [
      "drops of it for ever",
      fragmented(concat(new Uint8Array(5), Uint8Array.of(1, 0, 64, 0), new Uint8Array(2_900)), 1),
      "no hello within",
    ],
  ] as const
) {
  Deno.test(`readServerName() refuses ${why}`, () => {
    assertThrows(() => readServerName(bytes), TlsWireError, message);
  });
}

function withoutExtensions(): Uint8Array<ArrayBuffer> {
  const body = [3, 3, ...RANDOM, 0, 0, 2, 0xc0, 0x2b, 1, 0];
  return Uint8Array.of(22, 3, 1, 0, body.length + 4, 1, 0, 0, body.length, ...body);
}
