import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHeldBytes } from "../doors/held-bytes.ts";
import { eventually } from "../doors/testing/eventually.ts";
import { refuse } from "../scheduling/refusals.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { announce, getHeaders, postHeaders, requestBody, responseHeaders, trailers } from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

const held = createHeldBytes(1000);
const destination = "x-gateway-destination-endpoint";
const body = '{"model":"m"}';

let door: OpenDoor;
let isWanted = true;
beforeEach(async () => {
  isWanted = true;
  door = await openDoor({ wantsBody: () => isWanted, held });
  door.scheduler.answer(
    {
      destinations: ["10.0.0.1:8000"],
      setHeaders: [
        ["x-first", "1"],
        ["x-both", "1"],
      ],
    },
    { destinations: ["10.0.0.2:8000"], setHeaders: [["x-both", "2"]] },
  );
});
afterEach(async () => {
  await door.close();
  expect(held.bytes).toBe(0);
});

/** A request in mode NONE that was decided on its headers. */
async function openHidden() {
  const call = door.open();
  call.send(postHeaders(), announce("NONE", "NONE"));
  const [answer] = (await call.receive(1)).map(readAnswer);
  expect(answer?.set).toMatchObject({ [destination]: "10.0.0.1:8000" });
  return { call, answer };
}

const causes = () => door.scheduler.seen.map((exchange) => exchange.causes);

describe("where bodies are wanted and the gateway sends none", () => {
  it("it is asked for them with the answer to the headers, which tells a route already", async () => {
    const { answer } = await openHidden();
    expect(answer?.override).toEqual({ request: "BUFFERED_PARTIAL", response: "NONE" });
  });

  it("the request is decided again where it obeys; the first decision is void, and its headers go", async () => {
    const { call } = await openHidden();
    call.send(requestBody(body, true));
    const answer = (await call.receive(2)).map(readAnswer)[1];
    expect(answer).toEqual({
      part: "requestBody",
      set: { [destination]: "10.0.0.2:8000", "x-both": "2" },
      remove: ["x-first"],
      clearRouteCache: true,
      metadata: { "envoy.lb": { [destination]: "10.0.0.2:8000" } },
    });
    expect(door.scheduler.seen.map((exchange) => exchange.body)).toEqual([undefined, body]);
    call.reset();
    await eventually(() => expect(causes()).toEqual([["never_sent"], ["client_cancelled"]]));
  });

  it("a whole body with trailers behind it counts too", async () => {
    const { call } = await openHidden();
    for (const part of [requestBody(body), trailers("requestTrailers")]) call.send(part);
    const parts = (await call.receive(3)).map(({ response }) => response.case);
    expect(parts).toEqual(["requestHeaders", "requestBody", "requestTrailers"]);
    expect(door.scheduler.seen[1]?.body).toBe(body);
  });

  it("the first decision stays where only the body's beginning comes", async () => {
    const { call } = await openHidden();
    call.send(requestBody('{"model":"m","prompt":"a'));
    expect((await call.receive(2)).map(readAnswer)[1]).toEqual({ part: "requestBody" });
    call.send(responseHeaders(200, {}, true));
    await call.receive(3);
    expect(causes()).toEqual([["ok"]]);
  });

  it("the first decision stays where it does not obey", async () => {
    const { call } = await openHidden();
    call.send(responseHeaders(200, {}, true));
    await call.receive(2);
    expect(causes()).toEqual([["ok"]]);
  });

  it("a second decision may be a refusal", async () => {
    door.scheduler.answer({ destinations: ["10.0.0.1:8000"] }, refuse("BadRequest", "no"));
    const { call } = await openHidden();
    call.send(requestBody("{}", true));
    expect((await call.receive(2)).map(readAnswer)[1]).toMatchObject({ part: "immediateResponse", status: 400 });
    expect(causes()).toEqual([["never_sent"], []]);
  });

  it("a body that cannot be held is refused", async () => {
    const { call } = await openHidden();
    call.send(requestBody(JSON.stringify({ model: "m", prompt: "x".repeat(1000) }), true));
    expect((await call.receive(2)).map(readAnswer)[1]).toMatchObject({ part: "immediateResponse", status: 429 });
    expect(causes()).toEqual([["never_sent"]]);
  });
});

describe("it is not asked", () => {
  const cases = [
    { title: "where there is no body", part: getHeaders(), modes: ["NONE", "NONE"], wanted: true },
    { title: "where none is wanted", part: postHeaders(), modes: ["NONE", "NONE"], wanted: false },
    { title: "in full duplex", part: postHeaders(), modes: ["NONE", "FULL_DUPLEX_STREAMED"], wanted: true },
    { title: "where bodies are STREAMED", part: postHeaders(), modes: ["STREAMED", "NONE"], wanted: true },
  ] as const;
  for (const { title, part, modes, wanted } of cases) {
    it(title, async () => {
      isWanted = wanted;
      const call = door.open();
      call.send(part, announce(modes[0], modes[1]));
      expect((await call.receive(1)).map(readAnswer)[0]?.override).toBeUndefined();
    });
  }
});
