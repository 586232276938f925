import { randomUUID } from "node:crypto";
import { type Fleet, type FleetOptions, spawnFleet } from "@outrider/fleet";
import { Agent, request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { type Host, startHost } from "../clients/host.ts";

const config = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins: [{ name: prefix, type: prefix-cache }, { type: active-request-scorer }, { type: max-score-picker }]
schedulingProfiles:
- name: default
  plugins: [{ pluginRef: prefix, weight: 2 }, { pluginRef: active-request-scorer, weight: 1 }, { pluginRef: max-score-picker }]
`;

/** Conversations that share the beginnings of their groups. */
interface Talk {
  readonly groups: number;
  readonly conversations: number;
  readonly turns: number;
  /** Tokens of four letters: of a group's beginning, and of each turn. */
  readonly sharedTokens: number;
  readonly turnTokens: number;
  readonly answerTokens: number;
}

let fleet: Fleet | undefined;
let host: Host | undefined;
afterEach(async () => {
  await host?.stop();
  await fleet?.stop();
});

/** Prompt tokens by the model servers' own count, of these cached, and as many as were believed to be. */
async function converse(talk: Talk, options: FleetOptions) {
  fleet = await spawnFleet({ timeScale: 0.01, models: ["*"], ...options });
  host = await startHost({ endpoints: fleet.endpoints, config, args: ["--no-warmup", "--gateway-port=0"] });
  const { gateway, admin } = host.addresses;
  const dispatcher = new Agent({ connections: 16 });
  const post = async (url: string, body: object, headers: Readonly<Record<string, string>> = {}) => {
    const sent = { method: "POST" as const, body: JSON.stringify(body), dispatcher };
    const answer = await request(url, { ...sent, headers: { "content-type": "application/json", ...headers } });
    expect(answer.statusCode).toBe(200);
    return answer.body.json();
  };
  const sums = { prompt: 0, cached: 0, believed: 0 };
  const speak = async (conversation: number) => {
    const messages = [{ role: "system", content: wordsOf(`g${conversation % talk.groups}`, talk.sharedTokens) }];
    for (let turn = 0; turn < talk.turns; turn++) {
      messages.push({ role: "user", content: wordsOf(`c${conversation}t${turn}`, talk.turnTokens) });
      const requestId = randomUUID();
      const body = { model: "m", messages, max_tokens: talk.answerTokens };
      const answer = (await post(`http://${gateway}/v1/chat/completions`, body, {
        "x-request-id": requestId,
      })) as Answer;
      const url = `http://${admin}/outrider.admin.v1.AdminService/GetDecision`;
      const { decisions } = (await post(url, { requestId })) as Decisions;
      const { prompt_tokens: promptTokens, prompt_tokens_details: details } = answer.usage;
      sums.prompt += promptTokens;
      sums.cached += details.cached_tokens;
      const blocks = Math.floor(promptTokens / blockTokens);
      sums.believed += believedShare(decisions[0]!.decision) * blocks * blockTokens;
      messages.push(answer.choices[0]!.message);
    }
  };
  // Sixteen at a time.
  let next = 0;
  const speakOn = async () => {
    while (next < talk.conversations) await speak(next++);
  };
  await Promise.all(Array.from({ length: 16 }, speakOn));
  await dispatcher.close();
  return sums;
}

interface Answer {
  readonly usage: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
  readonly choices: readonly { readonly message: { readonly role: string; readonly content: string } }[];
}

interface Decisions {
  readonly decisions: readonly { readonly decision: Decision }[];
}

interface Decision {
  readonly destination: readonly number[];
  readonly profiles: readonly {
    readonly candidates: readonly number[];
    readonly scorers: readonly { readonly name: string; readonly scores?: readonly (number | string)[] }[];
  }[];
}

/** Tokens in a prefix block; of a prompt, whole ones count. */
const blockTokens = 64;

/** Share of the prompt's blocks that the endpoint picked was believed to hold. */
function believedShare({ destination, profiles: [profile] }: Decision): number {
  const scores = profile!.scorers.find(({ name }) => name === "prefix")?.scores ?? [];
  return Number(scores[profile!.candidates.indexOf(destination[0]!)]);
}

function wordsOf(seed: string, tokens: number): string {
  let text = "";
  for (let i = 0; text.length < 4 * tokens; i++) text += `${seed}w${i} `;
  return text.slice(0, 4 * tokens);
}

describe("the share of prompts that is believed to be cached", () => {
  const cases: readonly { title: string; talk: Talk; options: FleetOptions }[] = [
    {
      title: "at high sharing",
      talk: { groups: 8, conversations: 100, turns: 4, sharedTokens: 2_000, turnTokens: 100, answerTokens: 20 },
      options: { servers: 4 },
    },
    {
      title: "at high sharing, where caches are too small for it all",
      talk: { groups: 24, conversations: 150, turns: 4, sharedTokens: 2_000, turnTokens: 100, answerTokens: 20 },
      options: { servers: 4, kvTokens: 24_000 },
    },
    {
      title: "where nothing is shared but a conversation's own turns",
      talk: { groups: 100, conversations: 100, turns: 4, sharedTokens: 40, turnTokens: 400, answerTokens: 20 },
      options: { servers: 4 },
    },
    {
      title: "where answers are longer than what is asked",
      talk: { groups: 100, conversations: 100, turns: 4, sharedTokens: 40, turnTokens: 100, answerTokens: 500 },
      options: { servers: 4 },
    },
  ];
  for (const { title, talk, options } of cases) {
    it(`is within 5 points of the true one ${title}`, async () => {
      const { prompt, cached, believed } = await converse(talk, options);
      const [truth, belief] = [cached / prompt, believed / prompt];
      expect(truth).toBeGreaterThan(0.4);
      expect(Math.abs(truth - belief)).toBeLessThan(0.05);
    });
  }
});
