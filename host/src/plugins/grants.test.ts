import type { Need, NeedKey } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { grantNeeds, mergeNeeds } from "./grants.ts";

const path = "plugins[2]";
const operator = (...grant: Need[]) => ({ path, grant, trusted: false, blockSizeTokens: undefined });
const hashes = { key: "request.block_hashes", required: true } as const;

describe("grants", () => {
  const refused: { title: string; asked: (NeedKey | Need)[]; grant: Need[]; message: string }[] = [
    {
      title: "refuses the prompt's text without the operator's word",
      asked: ["request.prompt_text"],
      grant: [],
      message:
        'request.prompt_text is only granted by the operator: write "grant: [request.prompt_text]" at plugins[2]',
    },
    {
      title: "refuses headers that the grant does not name",
      asked: [{ key: "request.headers", names: ["authorization"] }],
      grant: [{ key: "request.headers", names: ["x-team"] }],
      message: "names: [authorization]",
    },
    {
      title: "refuses headers granted without names",
      asked: [{ key: "request.headers", names: ["authorization"] }],
      grant: [{ key: "request.headers" }],
      message: "names: [authorization]",
    },
    {
      title: "refuses a key that is nothing",
      asked: ["request.everything" as NeedKey],
      grant: [],
      message: "request.everything is nothing this host knows",
    },
    {
      title: "refuses a family without a name",
      asked: ["metric." as NeedKey],
      grant: [],
      message: "metric. is nothing this host knows",
    },
    {
      title: "refuses a block size other than the granted one",
      asked: [{ key: "request.block_hashes", blockSizeTokens: 16 }],
      grant: [{ key: "request.block_hashes", blockSizeTokens: 64 }],
      message: "blocks of 16 tokens and granted with 64",
    },
    {
      title: "takes a key of Object's prototype for unknown",
      asked: ["constructor" as NeedKey],
      grant: [],
      message: "constructor is nothing",
    },
  ];
  for (const { title, asked, grant, message } of refused) {
    it(title, () => {
      const grants = grantNeeds(asked, operator(...grant));
      expect(grants.granted).toEqual([]);
      expect(grants.denied[0]!.message).toContain(message);
    });
  }

  it("says whether the plugin can work without what it is refused", () => {
    expect(grantNeeds([hashes, "request.id"], operator()).denied.map(({ required }) => required)).toEqual([
      true,
      false,
    ]);
  });

  it("grants columns, data, metrics, facts and events on asking", () => {
    const asked: NeedKey[] = [
      "waiting_requests",
      "data.uncached_tokens",
      "metric.g",
      "request.session_key",
      "events.done",
    ];
    expect(grantNeeds(asked, operator()).granted).toEqual(asked.map((key) => ({ key })));
  });

  const answers = { key: "events.answer_blocks" } as const;
  it("grants hashes of answers beside those of prompts", () => {
    const { granted, denied } = grantNeeds([answers, hashes], operator({ key: hashes.key }));
    expect([granted.map(({ key }) => key), denied]).toEqual([[answers.key, hashes.key], []]);
  });

  it("refuses hashes of answers where those of prompts are not asked for, or not granted", () => {
    for (const asked of [[answers], [answers, hashes]]) {
      const { granted, denied } = grantNeeds(asked, operator());
      expect(granted).toEqual([]);
      expect(denied.at(-1)).toMatchObject({ key: answers.key, required: false });
      expect(denied.at(-1)?.message).toContain(`with request.block_hashes alone`);
    }
  });

  it("never grants more than was asked, nor more than is allowed", () => {
    const asked: Need[] = [
      { key: "request.headers", names: ["x-team", "authorization"] },
      { key: "request.prompt_text", maxBytes: 4096 },
    ];
    const grant: Need[] = [
      { key: "request.headers", names: ["x-team", "x-other"] },
      { key: "request.prompt_text", maxBytes: 1024 },
      { key: "request.token_ids" },
    ];
    expect(grantNeeds(asked, operator(...grant)).granted).toEqual([
      { key: "request.headers", names: ["x-team"] },
      { key: "request.prompt_text", maxBytes: 1024 },
    ]);
  });

  it("grants a trusted type what it asks", () => {
    const trusted = { path, grant: [], trusted: true, blockSizeTokens: undefined };
    expect(grantNeeds([hashes], trusted)).toEqual({ granted: [{ ...hashes, blockSizeTokens: 64 }], denied: [] });
  });

  const sizes: { title: string; asked?: number; grant?: number; inForce?: number; want: number | string }[] = [
    { title: "hashes in blocks of 64 tokens where nobody says otherwise", want: 64 },
    { title: "takes the plugin's block size", asked: 16, want: 16 },
    { title: "takes the operator's block size for a plugin that names none", grant: 32, want: 32 },
    { title: "takes the size in force for a plugin that names none", inForce: 128, want: 128 },
    { title: "refuses a second block size", asked: 16, inForce: 64, want: "hashed by 64: choose one size" },
  ];
  for (const { title, asked, grant, inForce, want } of sizes) {
    it(title, () => {
      const need = (size: number | undefined): Need =>
        size === undefined ? { key: hashes.key } : { key: hashes.key, blockSizeTokens: size };
      const policy = { path, grant: [need(grant)], trusted: false, blockSizeTokens: inForce };
      const grants = grantNeeds([need(asked)], policy);
      if (typeof want === "number") expect(grants.granted[0]!.blockSizeTokens).toBe(want);
      else expect(grants.denied[0]!.message).toContain(want);
    });
  }

  it("merges needs of one key", () => {
    const needs: Need[] = [
      { key: "endpoint.labels", names: ["a"] },
      { key: "request.prompt_text", maxBytes: 10 },
      { key: "endpoint.labels", names: ["b", "a"], required: true },
      { key: "request.prompt_text", maxBytes: 20 },
    ];
    expect(mergeNeeds(needs)).toEqual([
      { key: "endpoint.labels", names: ["a", "b"], required: true },
      { key: "request.prompt_text", maxBytes: 20 },
    ]);
  });
});
