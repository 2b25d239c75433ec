import { assertEquals, assertThrows } from "@std/assert";
import { readGrid, readSettings, type Sources } from "../../../plugin/cli/settings.ts";
import { InputError } from "../../../src/model/errors.ts";

function sources(env: Record<string, string>, files: Record<string, string> = {}): Sources {
  return {
    env: (name) => env[name],
    file: (path) => files[String(path)],
    tokenFiles: ["data/token", "/there/data/token"],
  };
}

for (
  const [env, files, token, why] of [
    [{ KONTENA_TOKEN: "one", KONTENA_TOKEN_FILE: "/t" }, { "/t": "two" }, "one", "the variable first"],
    [{ KONTENA_TOKEN_FILE: "/t" }, { "/t": "two\n", "data/token": "three" }, "two", "the file that is named"],
    [{}, { "data/token": "three\n", "/there/data/token": "four" }, "three", "data/token here"],
    [{ KONTENA_TOKEN: "" }, { "/there/data/token": "four" }, "four", "data/token of the project"],
  ] as const
) {
  Deno.test(`readSettings() takes ${why}`, () => assertEquals(readSettings(sources(env, files)).token, token));
}

for (
  const [url, href] of [
    [undefined, "http://127.0.0.1:9292/"],
    ["", "http://127.0.0.1:9292/"],
    ["https://kontena.example/api", "https://kontena.example/api/"],
  ] as const
) {
  Deno.test(`readSettings() reads the URL ${url}`, () => {
    const env = { KONTENA_TOKEN: "t", ...(url === undefined ? {} : { KONTENA_URL: url }) };
    assertEquals(readSettings(sources(env)).url.href, href);
  });
}

for (
  const [env, field] of [
    [{}, "KONTENA_TOKEN"],
    [{ KONTENA_TOKEN: "s3cret s3cret" }, "KONTENA_TOKEN"],
    [{ KONTENA_TOKEN: "s3cret\n-" }, "KONTENA_TOKEN"],
    [{ KONTENA_TOKEN_FILE: "/none" }, "KONTENA_TOKEN_FILE"],
    [{ KONTENA_TOKEN: "t", KONTENA_URL: "ftp://user:s3cret@x" }, "KONTENA_URL"],
    [{ KONTENA_TOKEN: "t", KONTENA_URL: "user:s3cret@127.0.0.1" }, "KONTENA_URL"],
  ] as const
) {
  Deno.test(`readSettings() refuses ${JSON.stringify(env)} and quotes no secret`, () => {
    const error = assertThrows(() => readSettings(sources(env)), InputError);
    assertEquals([error.field, /s3cret/.test(error.message + error.todo)], [field, false]);
  });
}

for (
  const [option, env, grid] of [
    ["a", { KONTENA_GRID: "b" }, "a"],
    [undefined, { KONTENA_GRID: "b" }, "b"],
    [undefined, {}, "default"],
  ] as const
) {
  Deno.test(`readGrid() takes ${grid}`, () => assertEquals(readGrid(option, sources(env)), grid));
}
