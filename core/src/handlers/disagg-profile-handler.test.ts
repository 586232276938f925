import { describe, expect, it } from "vitest";
import type { Decider } from "../cycle/types.ts";
import { createDisaggProfileHandler, type DisaggOptions } from "./disagg-profile-handler.ts";
import { decide, profileAt, ranIn } from "./fixtures/decide.ts";

const decode = profileAt("decode", 0, 1);
const prefill = profileAt("prefill", 2, 3);
const encode = profileAt("encode", 4, 5);

describe("disagg-profile-handler", () => {
  const decider = (decides: boolean): Decider => ({ name: "d", type: "test", decide: () => decides });
  const never: Decider = { name: "d", type: "test", decide: () => expect.unreachable() };
  const [yes, no] = [decider(true), decider(false)];
  const handler = (more: Partial<DisaggOptions>) =>
    createDisaggProfileHandler("h", {
      type: "disagg-profile-handler",
      stageOrder: "decode-first",
      decode,
      prefill,
      encode,
      prefillDecider: undefined,
      encodeDecider: undefined,
      primaryPort: 0,
      ...more,
    });
  const prefiller = ["x-prefiller-host-port", "10.0.0.1:2"];
  const encoders = ["x-encoder-hosts-ports", "10.0.0.1:4,10.0.0.1:5"];

  const cases: readonly { title: string; options: Partial<DisaggOptions>; want: string[]; headers?: string[][] }[] = [
    { title: "decode alone without deciders", options: {}, want: ["decode 0,1"] },
    {
      title: "decode alone where no decider wants more",
      options: { prefillDecider: no, encodeDecider: no },
      want: ["decode 0,1"],
    },
    {
      title: "decode, then prefill",
      options: { prefillDecider: yes, encodeDecider: no },
      want: ["decode 0,1", "prefill 2,3"],
      headers: [prefiller],
    },
    {
      title: "decode, then encode",
      options: { prefillDecider: no, encodeDecider: yes },
      want: ["decode 0,1", "encode 4,5"],
      headers: [encoders],
    },
    {
      title: "decode, encode, then prefill",
      options: { prefillDecider: yes, encodeDecider: yes },
      want: ["decode 0,1", "encode 4,5", "prefill 2,3"],
      headers: [prefiller, encoders],
    },
    {
      title: "decode alone where the other stages have no profile, without asking",
      options: { prefill: undefined, encode: undefined, prefillDecider: never, encodeDecider: never },
      want: ["decode 0,1"],
    },
    {
      title: "nothing behind a decode that found no endpoint",
      options: { decode: profileAt("decode"), prefillDecider: never, encodeDecider: never },
      want: ["decode"],
    },
    {
      title: "decode alone in the end where prefill and encode find no endpoint",
      options: {
        prefill: profileAt("prefill"),
        encode: profileAt("encode"),
        prefillDecider: yes,
        encodeDecider: yes,
      },
      want: ["decode 0,1", "encode", "prefill"],
    },
    {
      title: "prefill, then decode",
      options: { stageOrder: "prefill-first" },
      want: ["prefill 2,3", "decode 0,1"],
      headers: [prefiller],
    },
    {
      title: "prefill, encode, then decode",
      options: { stageOrder: "prefill-first", encodeDecider: yes },
      want: ["prefill 2,3", "encode 4,5", "decode 0,1"],
      headers: [prefiller, encoders],
    },
    {
      title: "prefill first, and no encode that nobody wants",
      options: { stageOrder: "prefill-first", encodeDecider: no },
      want: ["prefill 2,3", "decode 0,1"],
      headers: [prefiller],
    },
    {
      title: "decode alone where prefill is to be first and has no profile",
      options: { stageOrder: "prefill-first", prefill: undefined, encode: undefined, encodeDecider: never },
      want: ["decode 0,1"],
    },
    {
      title: "decode behind a first prefill that found no endpoint",
      options: { stageOrder: "prefill-first", prefill: profileAt("prefill") },
      want: ["prefill", "decode 0,1"],
    },
  ];
  for (const { title, options, want, headers = [] } of cases) {
    it(`runs ${title}`, () => {
      const record = decide(handler(options));
      expect(ranIn(record)).toEqual(want);
      expect(record.routing).toEqual({ setHeaders: headers, port: 0 });
      expect(record.destination).toEqual(want.includes("decode") ? [] : [0, 1]);
      expect(record).toMatchObject({ primary: "decode", refusal: undefined });
    });
  }

  it("shows deciders the decode pick, and later profiles all earlier picks", () => {
    const shown: unknown[] = [];
    const spy: Decider = { name: "d", type: "test", decide: (view, picked) => shown.push([view.picks, picked]) > 0 };
    const peers: unknown[] = [];
    const look = {
      name: "look",
      type: "test",
      filter: (call: { peers: unknown; candidates: Uint32Array }) => {
        peers.push(call.peers);
        return call.candidates;
      },
    };
    const filters = [...prefill.filters, { filter: look, onEmpty: "fail" as const }];
    decide(handler({ encode: undefined, prefill: { ...prefill, filters }, prefillDecider: spy }));
    expect(shown[0]).toEqual([[{ profile: "decode", slot: 0 }], 0]);
    expect(peers).toEqual([[{ profile: "decode", slot: 0 }]]);
  });

  it("tells deciders of an encode before decode that there is no pick yet", () => {
    const picks: number[] = [];
    const spy: Decider = { name: "d", type: "test", decide: (_, picked) => picks.push(picked) > 9 };
    decide(handler({ stageOrder: "prefill-first", encodeDecider: spy }));
    expect([...new Set(picks)]).toEqual([-1]);
  });

  it("owns all headers that name peers, so that no client's go on", () => {
    const all = ["x-prefiller-host-port", "x-encoder-hosts-ports", "x-data-parallel-host-port"];
    expect(handler({}).ownHeaders).toEqual(all);
  });

  it("sends to the port that ranks share, and names the rank, where there is one", () => {
    const shared = handler({ primaryPort: 8_000, prefillDecider: yes });
    expect(decide(shared).routing).toEqual({
      setHeaders: [prefiller, ["x-data-parallel-host-port", "10.0.0.1:0"]],
      port: 8_000,
    });
  });
});
