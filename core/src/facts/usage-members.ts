/** Tokens that a usage object tells; `undefined` where it does not. */
export interface ToldUsage {
  readonly promptTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** Reads a usage object of any of the APIs, written as JSON. What is broken or of a wrong type tells nothing. */
export function readUsage(json: string): ToldUsage {
  const usage = parseRecord(json);
  const prompt = toTokens(usage.prompt_tokens) ?? toTokens(usage.input_tokens);
  const output = toTokens(usage.completion_tokens) ?? toTokens(usage.output_tokens);
  const total = toTokens(usage.total_tokens);
  const details = toRecord(usage.prompt_tokens_details ?? usage.input_tokens_details);
  return {
    promptTokens: prompt ?? rest(total, output),
    cachedTokens:
      toTokens(details.cached_tokens) ?? toTokens(usage.cache_read_input_tokens) ?? toTokens(usage.cached_tokens),
    outputTokens: output ?? rest(total, prompt),
  };
}

/** What a total leaves for the other part. */
function rest(total: number | undefined, part: number | undefined): number | undefined {
  return total === undefined || part === undefined || total < part ? undefined : total - part;
}

function parseRecord(json: string): Readonly<Record<string, unknown>> {
  try {
    return toRecord(JSON.parse(json));
  } catch {
    return {};
  }
}

function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function toTokens(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
}
