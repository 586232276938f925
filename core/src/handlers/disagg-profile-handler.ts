import type { Decider, HandlerView, Profile, ProfileHandler, Routing } from "../cycle/types.ts";
import { addressesOf, dataParallelHeader, encodeHeader, peerHeaders, prefillHeader, runOf } from "./routed-picks.ts";

/** Stages of a request that are served by endpoints of their own. */
export interface DisaggOptions {
  /** `type:` in the configuration. */
  readonly type: string;
  /** Which of prefill and decode is picked first: the other one sees the pick. */
  readonly stageOrder: "decode-first" | "prefill-first";
  /** Its pick is the request's destination. */
  readonly decode: Profile;
  /** `undefined`: prompts are computed where the answer is. */
  readonly prefill: Profile | undefined;
  /** `undefined`: nothing is encoded apart. */
  readonly encode: Profile | undefined;
  /** Whether `prefill` runs behind `decode`; `undefined` = never. `prefill-first` asks nobody. */
  readonly prefillDecider: Decider | undefined;
  /** Whether `encode` runs; `undefined` = never. */
  readonly encodeDecider: Decider | undefined;
  /** Port that the ranks of a data-parallel server share; 0 = requests go to the endpoints' own. */
  readonly primaryPort: number;
}

/**
 * Picks an endpoint for each stage of a request: decode always, prefill and encode where deciders want them. The request
 * goes to the decode endpoint, with the others in its headers; a stage that finds no endpoint is left to that one.
 */
export function createDisaggProfileHandler(name: string, options: DisaggOptions): ProfileHandler {
  const { type, stageOrder, decode } = options;
  return {
    name,
    type,
    ownHeaders: peerHeaders,
    primaryOf: () => decode.name,
    next:
      stageOrder === "decode-first" ? (view) => nextOfDecode(view, options) : (view) => nextOfPrefill(view, options),
    route: (view) => toRouting(view, options),
  };
}

function nextOfDecode(view: HandlerView, options: DisaggOptions): Profile | undefined {
  const { decode, prefill, encode, prefillDecider, encodeDecider } = options;
  const run = runOf(view.profiles, decode);
  if (run === undefined) return decode;
  if (run.picked.length === 0 || runOf(view.profiles, prefill) !== undefined) return undefined;
  const [pick] = run.picked;
  if (isDue(view, encode) && encodeDecider?.decide(view, pick)) return encode;
  return isDue(view, prefill) && prefillDecider?.decide(view, pick) ? prefill : undefined;
}

function nextOfPrefill(view: HandlerView, options: DisaggOptions): Profile | undefined {
  const { decode, prefill, encode, encodeDecider } = options;
  if (!isDue(view, decode)) return undefined;
  if (isDue(view, prefill)) return prefill;
  return isDue(view, encode) && encodeDecider?.decide(view, -1) ? encode : decode;
}

/** Whether there is such a profile and it has not run. */
function isDue({ profiles }: HandlerView, profile: Profile | undefined): boolean {
  return profile !== undefined && runOf(profiles, profile) === undefined;
}

function toRouting(view: HandlerView, { decode, prefill, encode, primaryPort }: DisaggOptions): Routing {
  const [prefiller] = addressesOf(view, prefill);
  const encoders = addressesOf(view, encode);
  const setHeaders: (readonly [string, string])[] = [];
  if (prefiller !== undefined) setHeaders.push([prefillHeader, prefiller]);
  if (encoders.length > 0) setHeaders.push([encodeHeader, encoders.join(",")]);
  const [rank] = primaryPort === 0 ? [] : addressesOf(view, decode);
  if (rank !== undefined) setHeaders.push([dataParallelHeader, rank]);
  return { setHeaders, port: primaryPort };
}
