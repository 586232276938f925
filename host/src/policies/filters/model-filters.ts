import { createHasAdapterFilter, createServesModelFilter, type Need } from "@outrider/core";
import { z } from "zod";
import { definePolicy, type PolicyType } from "../policy-type.ts";

const loaded = ["adapters_running", "adapters_waiting"];

function setsNamed(names: readonly string[]): Need {
  return { key: "endpoint.sets", names };
}

/** Filters by the model or adapter that a request asks for. */
export const modelFilters: readonly PolicyType[] = [
  definePolicy({
    type: "serves-model",
    about: "Keeps the endpoints that serve the request's model, as a model or an adapter, and those of unknown models.",
    parameters: z.strictObject({}),
    explain: () => "keeps the endpoints that serve the request's model, and those that name no models",
    needs: () => ["request.model", setsNamed(["models", "adapters", ...loaded])],
    filter: createServesModelFilter,
  }),
  definePolicy({
    type: "has-adapter",
    about: "Keeps the endpoints that have the request's adapter loaded or about to be; all where none has.",
    parameters: z.strictObject({}),
    explain: () => "keeps the endpoints that have the request's adapter loaded or about to be; all where none has",
    needs: () => ["request.lora", setsNamed(loaded)],
    filter: createHasAdapterFilter,
  }),
];
