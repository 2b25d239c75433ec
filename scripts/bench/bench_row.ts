import type { Table } from "./report.ts";

/** How a row is measured. */
export interface BenchOptions {
  /** Fewer repetitions: shows that it works, and figures of low worth. */
  readonly quick: boolean;
  /** Tells a person what is going on. */
  readonly say: (line: string) => void;
}

/** Something to measure; its name is what `--only` takes. */
export interface BenchRow {
  readonly title: string;
  measure(options: BenchOptions): Promise<readonly Table[]>;
}
