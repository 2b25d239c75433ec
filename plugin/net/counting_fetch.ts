/** Makes a `fetch` that goes through the client, and tells the status of each answer. */
export function countingFetch(client: Deno.HttpClient, count: (status: number) => void): typeof globalThis.fetch {
  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, { ...init, client });
    count(response.status);
    return response;
  };
}
