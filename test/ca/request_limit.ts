/** How many requests may come before what stands in front of the CA refuses them. */
export interface RequestLimit {
  /** How fast the bucket fills again. */
  readonly perSecond: number;
  /** How many at once. */
  readonly burst: number;
  /** A web page with 429, or a problem document with 503 as Boulder's. */
  readonly refusal: "html" | "problem";
}

/** A bucket of requests by the authority's clock; tells whether one may pass. */
export function requestLimit({ perSecond, burst }: RequestLimit, now: () => Date): () => boolean {
  let left = burst;
  let last = now().getTime();
  return () => {
    const time = now().getTime();
    left = Math.min(burst, left + Math.max(0, time - last) / 1000 * perSecond);
    last = time;
    if (left < 1) return false;
    left--;
    return true;
  };
}
