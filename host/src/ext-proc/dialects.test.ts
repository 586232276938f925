import { readdirSync } from "node:fs";
import type { ProcessingResponse } from "@outrider/protos/ext-proc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refuse } from "../scheduling/refusals.ts";
import { type DialectStream, readDialect } from "./testing/dialect.ts";
import { brokenRule } from "./testing/dialect-rules.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { playStream } from "./testing/play-dialect.ts";

const folder = new URL("fixtures/dialects/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const pages = readdirSync(new URL("../../../docs/gateways/", import.meta.url));

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

describe("the dialects", () => {
  it("are those of the gateways that have a page", () => {
    const gateways = pages.filter((page) => !["README.md", "kubernetes.md"].includes(page));
    expect(files.map((file) => file.replace(/yaml$/, "md")).sort()).toEqual(gateways.sort());
  });
});

for (const file of files) {
  const { gateway, destination, streams } = readDialect(new URL(file, folder));

  describe(`${gateway} gets what it needs`, () => {
    it("in an exchange of each kind", () => {
      expect(file).toBe(`${gateway}.yaml`);
      expect([...new Set(streams.map(({ kind }) => kind))].sort()).toEqual(["GET", "POST", "SSE", "abort", "refusal"]);
    });

    for (const stream of streams) {
      it(`in ${stream.title}`, async () => {
        door.scheduler.answer(toDecision(stream));
        const { faults, answers } = await playStream(door.open(), stream);
        expect(faults).toEqual([]);
        expect(brokenRule(answers, destination)).toBeUndefined();
        await expect.poll(() => toSeen(door)).toEqual(wantedSeen(stream));
      });
    }
  });
}

function toDecision({ decides }: DialectStream) {
  return "code" in decides ? refuse(decides.code, decides.message, "rejected-no-endpoints") : decides;
}

/** What the scheduler saw of the one exchange there was. */
function toSeen({ scheduler }: OpenDoor) {
  const [seen] = scheduler.seen;
  return {
    subset: seen?.request.subset,
    served: seen?.responses[0]?.served,
    status: seen?.responses[0]?.status,
    causes: seen?.causes ?? [],
  };
}

function wantedSeen({ seen: { subset, served, status, cause } }: DialectStream) {
  return { subset, served, status, causes: cause === undefined ? [] : [cause] };
}

describe("brokenRule", () => {
  const destination = "x-gateway-destination-endpoint";
  const route = (endpoint: string, inMetadata = endpoint): ProcessingResponse =>
    answer(
      {
        case: "requestHeaders",
        value: { response: { headerMutation: { setHeaders: [header(destination, endpoint)], removeHeaders: [] } } },
      },
      { "envoy.lb": { [destination]: inMetadata } },
    );
  const piece = (bytes: number, endOfStream: boolean): ProcessingResponse =>
    answer({
      case: "requestBody",
      value: {
        response: {
          bodyMutation: { mutation: { case: "streamedResponse", value: { body: Buffer.alloc(bytes), endOfStream } } },
        },
      },
    });
  const refusal = answer({ case: "immediateResponse", value: { status: { code: 503 }, body: Buffer.alloc(0) } });

  const broken = [
    { title: "a body before its headers", answers: [piece(1, true), route("10.0.0.1:80")] },
    { title: "a piece behind the last one", answers: [route("10.0.0.1:80"), piece(1, true), piece(0, true)] },
    { title: "headers that are answered twice", answers: [route("10.0.0.1:80"), route("10.0.0.1:80")] },
    { title: "a piece of 62,001 bytes", answers: [route("10.0.0.1:80"), piece(62_001, true)] },
    { title: "another endpoint in the metadata", answers: [route("10.0.0.1:80", "10.0.0.2:80")] },
    { title: "a list for a gateway that takes one", answers: [route("10.0.0.1:80,10.0.0.2:80")] },
    { title: "a name in place of an address", answers: [route("vllm-0:80")] },
    { title: "an IPv6 address without brackets", answers: [route("fd00::1:80")] },
    { title: "an answer behind a refusal", answers: [refusal, route("10.0.0.1:80")] },
  ];
  for (const { title, answers } of broken) {
    it(`finds ${title}`, () => expect(brokenRule(answers, "single")).toBeTypeOf("string"));
  }

  it("finds a value that is not in raw_value", () => {
    const value = { header: { key: "x-a", value: "1", rawValue: Buffer.alloc(0) }, append: undefined, appendAction: 0 };
    const odd = answer({
      case: "responseHeaders",
      value: { response: { headerMutation: { setHeaders: [value], removeHeaders: [] } } },
    });
    expect(brokenRule([odd], "single")).toMatch(/x-a/);
  });

  it("finds nothing wrong with a list for a gateway that takes lists", () => {
    const answers = [route("10.0.0.1:80,[fd00::1]:80"), piece(62_000, false), piece(0, true)];
    expect(brokenRule(answers, "list")).toBeUndefined();
  });

  function header(key: string, value: string) {
    return { header: { key, value: "", rawValue: Buffer.from(value) }, append: undefined, appendAction: 0 };
  }

  function answer(response: object, dynamicMetadata?: object): ProcessingResponse {
    return { response, dynamicMetadata } as unknown as ProcessingResponse;
  }
});
