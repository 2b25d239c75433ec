import { assertEquals, assertThrows } from "@std/assert";
import { interpolate, parseCompose } from "../../image/compose.ts";

for (
  const [text, env, expected] of [
    ["${A:-x}", {}, "x"],
    ["${A:-x}", { A: "" }, "x"],
    ["${A:-x}", { A: "y" }, "y"],
    ["${A:-}", {}, ""],
    ["<${A:?it is needed}>", { A: "y" }, "<y>"],
    ["${A}", {}, ""],
  ] as const
) {
  Deno.test(`interpolate() reads ${text} as ${JSON.stringify(expected)} where the environment is ${JSON.stringify(env)}`, () =>
    assertEquals(interpolate([{ text }], env), [{ text: expected }]));
}

Deno.test("interpolate() says which variable is missing, and why it is needed", () => {
  assertThrows(() => interpolate("${A:?the names}", {}), Error, "variable A is missing a value: the names");
});

const FILE = `
services:
  one:
    image: a
    environment: { A: 1 }
    secrets: [key]
    volumes: ["data:/data", "./conf:/etc/conf:ro"]
    group_add: ["99"]
secrets: { key: { file: ./key } }
`;

Deno.test("parseCompose() puts the second file on top of the first", () => {
  const above = `
services: { one: { environment: { B: 2 }, secrets: [more], read_only: true } }
secrets: { more: { file: ./more } }
`;
  const [service] = parseCompose([FILE, above], {});
  assertEquals(service?.environment, { A: "1", B: "2" });
  assertEquals(service?.groups, [99]);
  assertEquals([service?.readOnly, service?.dropsAllCapabilities], [true, false]);
  assertEquals(service?.mounts, [
    { source: "data", kind: "volume", target: "/data", readOnly: false },
    { source: "./conf", kind: "path", target: "/etc/conf", readOnly: true },
    { source: "./key", kind: "path", target: "/run/secrets/key", readOnly: true },
    { source: "./more", kind: "path", target: "/run/secrets/more", readOnly: true },
  ]);
});

Deno.test("parseCompose() passes over nothing", () => {
  assertThrows(() => parseCompose([`services: { one: { image: a, privileged: true } }`], {}), Error, "privileged");
  assertThrows(() => parseCompose([`services: {}\nconfigs: {}`], {}), Error, "configs");
});
