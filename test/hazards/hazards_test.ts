import { assertEquals } from "@std/assert";

/** What endangers a swap into a running HAProxy. The title of each test in this folder begins with one of them. */
const HAZARDS = [
  // the certificate transaction, of which HAProxy has one
  "dangling transaction",
  "foreign transaction",
  "wrong-file reply",
  "busy reply",
  // what is sent
  "large payload",
  "command text in a PEM",
  "names from the API",
  // what HAProxy does with it
  "commit refused",
  "new name refused",
  "reply that breaks off",
  "swap during a reload",
  "another hop answers",
  "live connections",
  // the socket
  "socket missing",
  "socket dead",
  "socket hanging",
  "socket of a wrong type",
  "socket without permission",
  "master that does not close",
  "bundle too large for the socket",
  // the disk, and other people's files
  "full disk",
  "overlapping names",
  "file that sorts first",
];

/** Failure cases of the load balancer that are played here, with a real HAProxy. */
const CASES = ["F-99", "F-100", "F-101", "F-102", "F-103", "F-104", "F-105", "F-107", "F-109", "F-133", "F-134"];

const FOLDER = new URL("./", import.meta.url);

Deno.test("every hazard has a test that provokes it, and every failure case one with its number", async () => {
  const hazards = new Set<string>();
  const cases = new Set<string>();
  for await (const { name } of Deno.readDir(FOLDER)) {
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    for (const [, title = ""] of text.matchAll(/\btest\(\s*["`]([^"`:]+):/g)) {
      const [hazard = "", number] = title.split(", ");
      hazards.add(hazard);
      if (number !== undefined) cases.add(number);
    }
  }
  assertEquals([...hazards].sort(), HAZARDS.toSorted());
  assertEquals([...cases].sort(), CASES.toSorted());
});
