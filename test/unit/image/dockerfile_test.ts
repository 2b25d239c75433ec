import { assertEquals, assertThrows } from "@std/assert";
import { parseDockerfile } from "../../image/dockerfile.ts";

Deno.test("parseDockerfile() reads stages with what is copied, run and set", () => {
  const stages = parseDockerfile(`# a comment
FROM denoland/deno:2.9.6 AS build
RUN one \\
  # in between
  && two
FROM debian:13-slim
COPY --from=build --chown=10001:99 --chmod=0750 /a/ /b/
ENV A=1 B=sqlite:/data/vault.db
USER 10001:10001
HEALTHCHECK --interval=15s --retries=3 CMD ["deno", "run"]
ENTRYPOINT ["/entry.sh"]
`);
  assertEquals(stages, [
    { base: "denoland/deno:2.9.6", name: "build", steps: [{ do: "run", command: "one    && two" }] },
    {
      base: "debian:13-slim",
      steps: [
        {
          do: "copy",
          copy: { from: "build", owner: { uid: 10001, gid: 99 }, mode: 0o750, sources: ["/a/"], target: "/b/" },
        },
        { do: "env", values: { A: "1", B: "sqlite:/data/vault.db" } },
        { do: "user", owner: { uid: 10001, gid: 10001 } },
        { do: "healthcheck", args: ["deno", "run"] },
        { do: "entrypoint", args: ["/entry.sh"] },
      ],
    },
  ]);
});

for (
  const line of [
    "ADD a b",
    "COPY --link a b",
    "COPY a",
    "USER somebody",
    "ENV A $B",
    "ENTRYPOINT sh -c x",
    "FROM a b c",
  ]
) {
  Deno.test(`parseDockerfile() passes over nothing: ${line}`, () => {
    assertThrows(() => parseDockerfile(`FROM debian:13-slim\n${line}\n`), SyntaxError);
  });
}

Deno.test("the image runs nothing while it is made: whatever runs does so in the stage before", async () => {
  const stages = parseDockerfile(await Deno.readTextFile(new URL("../../../Dockerfile", import.meta.url)));
  assertEquals(stages.at(-1)?.steps.filter((step) => step.do === "run"), []);
});
