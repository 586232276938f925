import type { EndpointEntry } from "@outrider/core";
import type { ChooseEngine } from "./choose-engine.ts";
import { createEndpointSets, type EndpointSets } from "./endpoint-sets.ts";
import type { EngineSpec } from "./engine-spec.ts";
import { createListedEndpoint } from "./listed-endpoint.ts";
import { createScrapedEndpoint, type ScrapedEndpoint, type ScrapedEndpointContext } from "./scraped-endpoint.ts";
import type { ScrapeTarget } from "./scraper.ts";

/** An endpoint that is in the table, with what is fetched from it. */
export interface KnownEndpoint {
  readonly entry: EndpointEntry;
  readonly slot: number;
  readonly sets: EndpointSets;
  readonly spec: EngineSpec;
  readonly scraped: ScrapedEndpoint;
  readonly listed: ScrapeTarget;
}

/** An endpoint that was just put into a slot. */
export function createKnownEndpoint(
  entry: EndpointEntry,
  slot: number,
  choose: ChooseEngine,
  context: ScrapedEndpointContext,
): KnownEndpoint {
  const sets = createEndpointSets(context.table, slot);
  const listed = createListedEndpoint(entry, sets, context.metrics, context.logger);
  const spec = chooseEngine(entry, choose, context);
  const scraped = createScrapedEndpoint(entry, { slot, sets, spec, wasDown: false }, context);
  return { entry, slot, sets, spec, scraped, listed };
}

/** The same endpoint as its source describes it now. Where its metrics are read in another way, they are unknown. */
export function describeAnew(
  known: KnownEndpoint,
  entry: EndpointEntry,
  isOtherPage: boolean,
  choose: ChooseEngine,
  context: ScrapedEndpointContext,
): KnownEndpoint {
  const { slot, sets, scraped } = known;
  const spec = chooseEngine(entry, choose, context);
  if (!isOtherPage && isSame(spec, known.spec)) return { ...known, entry, spec };
  const wasDown = scraped.state === "not_ready";
  context.table.forget(slot);
  return { ...known, entry, spec, scraped: createScrapedEndpoint(entry, { slot, sets, spec, wasDown }, context) };
}

function chooseEngine(entry: EndpointEntry, choose: ChooseEngine, { logger }: ScrapedEndpointContext): EngineSpec {
  const { spec, unknown } = choose(entry.labels);
  if (unknown !== "") {
    const told = { endpoint: entry.id, engine: unknown };
    logger.warn(told, `there is no engine of the name in the label; its page is read as that of ${spec.engine}`);
  }
  return spec;
}

function isSame(one: EngineSpec, other: EngineSpec): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
