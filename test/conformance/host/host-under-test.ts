import type { DoneCause } from "@outrider/core";
import type { Refusal, Routed } from "@outrider/host";
import type { ExtProcClient } from "../../clients/ext-proc.ts";
import type { PoolEndpoint } from "../stream/pool.ts";

/** What a host is opened with. */
export interface HostSetup {
  readonly pool: readonly PoolEndpoint[];
  /** Default: the configuration of a host that is given none. */
  readonly configText?: string;
  /** Whether the gateway's subset counts; default true. */
  readonly usesSubset?: boolean;
}

/** A metric's sample, as it is scraped. */
export interface MetricSample {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The whole host but its data layer: the real door, scheduler, cycle and plugins over a table that a case filled. */
export interface HostUnderTest {
  readonly client: ExtProcClient;
  /** What became of each request, in order. */
  readonly decisions: readonly (Routed | Refusal)[];
  /** Causes each request that was routed was ended with, by its place in {@link decisions}. */
  readonly ends: readonly (readonly DoneCause[])[];
  /** Samples of a metric; `undefined` where the host has none of that name. */
  metric(name: string): Promise<readonly MetricSample[] | undefined>;
  /** Resolves when every exchange has ended. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export function openHost(_setup: HostSetup): Promise<HostUnderTest> {
  return Promise.reject(new Error("not assembled"));
}
