import type { Route } from "./route.ts";
import { READY } from "./answers.ts";

/** What the routes for probes and collectors need. */
export interface HealthOptions {
  readonly token: string;
  /** `missing`: one sentence for each part that is not there, without secrets. */
  readonly ready: () => Promise<{ readonly ready: boolean; readonly missing: readonly string[] }>;
  /** All metrics in Prometheus' text format 0.0.4. */
  readonly metrics: () => Promise<string>;
}

/** Routes for probes, which have no token, and for a collector, which has. */
export function health({ ready, metrics }: Omit<HealthOptions, "token">): readonly Route[] {
  return [
    {
      method: "get",
      path: "/health",
      summary: "Answers as soon as the sidecar listens",
      tag: "About",
      open: true,
      answers: { 200: { description: "It listens", mediaType: "text/plain" } },
      handle: (c) => c.text("ok"),
    },
    {
      method: "get",
      path: "/ready",
      summary: "Says what is missing for the main job",
      tag: "About",
      open: true,
      answers: {
        200: { description: "Nothing is missing", schema: READY },
        503: { description: "Something is", schema: READY },
      },
      async handle(c): Promise<Response> {
        const state = await ready();
        return c.json({ ready: state.ready, missing: state.missing }, state.ready ? 200 : 503);
      },
    },
    {
      method: "get",
      path: "/metrics",
      summary: "Metrics for Prometheus",
      tag: "About",
      answers: { 200: { description: "Text format 0.0.4", mediaType: "text/plain" } },
      async handle(c): Promise<Response> {
        return c.body(await metrics(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      },
    },
  ];
}
