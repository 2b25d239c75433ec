import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { clientHello, readServerFlight, type ServerFlight, TlsWireError } from "../../../plugin/net/tls_wire.ts";

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
const RANDOM = new Uint8Array(32).map((_, i) => i);
const RANDOM_HEX = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

Deno.test("clientHello() writes the bytes of RFC 5246 with the extensions of RFC 6066 and 7301", () => {
  const hello = clientHello({ random: RANDOM, serverName: "a.example", alpn: ["acme-tls/1"], signatures: "ecdsa" });
  assertEquals(
    hello,
    bytes(`16 0301 0087 01 000083 0303 ${RANDOM_HEX} 00
      000e c02b c02c cca9 c023 c024 c009 c00a
      01 00
      004c
      0000 000e 000c 00 0009 612e6578616d706c65
      000a 000a 0008 001d 0017 0018 0019
      000b 0002 01 00
      000d 0008 0006 0403 0503 0603
      0010 000d 000b 0a 61636d652d746c732f31
      0017 0000
      ff01 0001 00`),
  );
});

Deno.test("clientHello() leaves out the name and the protocols that are not given", () => {
  const hello = clientHello({ random: RANDOM }).toHex();
  assertEquals(hello.includes("0000000e000c"), false);
  assertEquals(hello.includes("0010000d"), false);
});

for (
  const [signatures, ecdsa, rsa] of [["ecdsa", true, false], ["rsa", false, true], ["any", true, true]] as const
) {
  Deno.test(`clientHello() offers suites and schemes of "${signatures}"`, () => {
    const hello = clientHello({ random: RANDOM, signatures }).toHex();
    assertEquals([hello.includes("c02bc02c"), hello.includes("040305030603")], [ecdsa, ecdsa]);
    assertEquals([hello.includes("c02fc030"), hello.includes("080408050806")], [rsa, rsa]);
  });
}

Deno.test("clientHello() refuses a random of the wrong length and a name that does not fit", () => {
  assertThrows(() => clientHello({ random: new Uint8Array(31) }), RangeError);
  assertThrows(() => clientHello({ random: RANDOM, serverName: "a".repeat(70_000) }), RangeError);
});

// ServerHello: TLS 1.2, session id of 2 bytes, ECDHE-ECDSA-AES128-GCM, ALPN "h2", extended master secret.
const HELLO = `02 00003b 0303 ${RANDOM_HEX} 02 abcd c02b 00
  0011 0010 0005 0003 02 6832 0017 0000 ff01 0000`;
const PLAIN_HELLO = `02 000026 0303 ${RANDOM_HEX} 00 c02b 00`;
// Two certificates: "30 01 02" and "30 03".
const CERTIFICATE = "0b 00000e 00000b 000003 300102 000002 3003";
const STATUS = "16 000004 01 000000";
// secp256r1 with a point of 3 bytes, ecdsa_secp256r1_sha256, a signature of 2 bytes.
const KEY_EXCHANGE = "0c 00000d 03 0017 03 04aabb 0403 0002 cafe";
const DONE = "0e 000000";

const record = (hex: string, type = "16"): string => {
  const length = bytes(hex).length;
  return `${type} 0303 ${length.toString(16).padStart(4, "0")} ${hex}`;
};

const EXPECTED: ServerFlight = {
  random: RANDOM,
  alpn: "h2",
  certificates: [bytes("300102"), bytes("3003")],
  keyExchange: { params: bytes("03 0017 03 04aabb"), scheme: 0x0403, signature: bytes("cafe") },
};

for (
  const [why, flight] of [
    ["one record for each message", [HELLO, CERTIFICATE, KEY_EXCHANGE, DONE].map((it) => record(it)).join("")],
    ["all messages in one record", record(HELLO + CERTIFICATE + KEY_EXCHANGE + DONE)],
    ["a certificate status between", record(HELLO + CERTIFICATE + STATUS + KEY_EXCHANGE)],
    ["a warning about the name before", record("01 70", "15") + record(HELLO + CERTIFICATE + KEY_EXCHANGE)],
    ["a hello request before", record("00 000000" + HELLO + CERTIFICATE + KEY_EXCHANGE)],
    ["bytes of something later at its end", record(HELLO + CERTIFICATE + KEY_EXCHANGE) + "16 03"],
  ] as const
) {
  Deno.test(`readServerFlight() reads ${why}`, () => assertEquals(readServerFlight(bytes(flight)), EXPECTED));
}

Deno.test("readServerFlight() reads a hello without extensions", () => {
  const { alpn: _, ...expected } = EXPECTED;
  assertEquals(readServerFlight(bytes(record(PLAIN_HELLO + CERTIFICATE + KEY_EXCHANGE))), expected);
});

Deno.test("readServerFlight() asks for more until the last byte, however the messages are cut into records", () => {
  const all = bytes(HELLO + CERTIFICATE + KEY_EXCHANGE);
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }), (sizes) => {
    let flight = "";
    for (let at = 0, i = 0; at < all.length; i++) {
      const part = all.slice(at, at += sizes[i] ?? all.length);
      flight += record(part.toHex());
    }
    const whole = bytes(flight);
    assertEquals(readServerFlight(whole), EXPECTED);
    assertEquals(readServerFlight(whole.subarray(0, whole.length - 1)), undefined);
  }));
});

Deno.test("readServerFlight() never takes a beginning for the whole", () => {
  const whole = bytes(record(HELLO + CERTIFICATE + KEY_EXCHANGE));
  for (let length = 0; length < whole.length; length++) {
    assertEquals(readServerFlight(whole.subarray(0, length)), undefined);
  }
});

for (
  const [flight, part, alert] of [
    [record("02 70", "15"), "unrecognized_name", 112],
    [record("02 46", "15"), "protocol_version", 70],
    [record("02 28", "15"), "handshake_failure", 40],
    [record("01 00", "15"), "close_notify", 0],
    [record("02 c8", "15"), "alert 200", 200],
    [record(HELLO) + record("02 50", "15"), "internal_error", 80],
    [record("02", "15"), "alert of the wrong length", undefined],
    ["4854 5450 2f312e", "record of type 72", undefined],
    ["16 0200 0001 00", "version 512", undefined],
    ["16 0303 0000", "record of 0 bytes", undefined],
    ["16 0303 4001", "record of 16385 bytes", undefined],
    [record(CERTIFICATE), "message 11 out of its turn", undefined],
    [record(HELLO + KEY_EXCHANGE), "message 12 out of its turn", undefined],
    [record(HELLO + HELLO), "message 2 out of its turn", undefined],
    [record(HELLO + DONE), "message 14 out of its turn", undefined],
    [record("02 020000"), "message of 131072 bytes", undefined],
    [record(`02 000026 0302 ${RANDOM_HEX} 00 c02b 00`), "TLS version 302", undefined],
    [record(`02 000026 0303 ${RANDOM_HEX} 00 009c 00`), "cipher suite 156", undefined],
    [record(`02 000026 0303 ${RANDOM_HEX} 00 c02b 01`), "compression", undefined],
    [record(`02 000026 0303 ${RANDOM_HEX} 09 c02b 00`), "beyond the end", undefined],
    [record(PLAIN_HELLO + "0b 000003 000000"), "empty list", undefined],
    [record(PLAIN_HELLO + "0b 000006 000003 000009"), "beyond the end", undefined],
    [record(PLAIN_HELLO + CERTIFICATE + "0c 000004 01 0017 00"), "without a named curve", undefined],
    [record(PLAIN_HELLO + CERTIFICATE + "0c 000005 03 0017 ff 04"), "beyond the end", undefined],
  ] as const
) {
  Deno.test(`readServerFlight() refuses: ${part}`, () => {
    const error = assertThrows(() => readServerFlight(bytes(flight)), TlsWireError, part);
    assertEquals(error.alert, alert);
  });
}

Deno.test("readServerFlight() gives up on a flight that does not end", () => {
  const fragment = record("00 000000".repeat(4_000));
  const count = Math.ceil(128 * 1024 / bytes(fragment).length) + 1;
  assertThrows(
    () => readServerFlight(bytes(fragment.repeat(count))),
    TlsWireError,
    "no certificate within 131072 bytes",
  );
});

Deno.test("readServerFlight() throws nothing but its own error, whatever comes", () => {
  const whole = bytes(record(HELLO + CERTIFICATE + KEY_EXCHANGE));
  const mutated = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const copy = whole.slice();
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated), (garbage) => {
      try {
        readServerFlight(garbage);
      } catch (error) {
        if (!(error instanceof TlsWireError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});
