import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { getHeaders, headersPart, metadata, responseHeaders, subsetHint } from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

const selection = (value: string) =>
  headersPart("requestHeaders", { ":method": "GET", "test-epp-endpoint-selection": value }, true);
const pool = { "x-conformance-test-epp-pool": "blue" };
const pick = { "x-conformance-test-selected-endpoint": "10.0.0.1:8000" };

let door: OpenDoor;
beforeEach(async () => {
  door = await openDoor({ conformance: true, poolName: "blue" });
  door.scheduler.answer({ destinations: ["10.0.0.1:8000", "10.0.0.2:8000"], setHeaders: [["x-more", "1"]] });
});
afterEach(() => door.close());

describe("with the switches of conformance suites, a request's header selects endpoints", () => {
  const cases = [
    { title: "some", part: selection("10.0.0.1, 10.0.0.2:8000"), want: ["10.0.0.1", "10.0.0.2:8000"] },
    { title: "none where it is empty", part: selection(""), want: [] },
    { title: "none where it is blank", part: selection(" , "), want: [] },
    { title: "whatever the gateway allows, where it is not there", part: getHeaders(), want: ["10.0.0.9"] },
  ];
  for (const { title, part, want } of cases) {
    it(title, async () => {
      const call = door.open();
      call.send(part, subsetHint(["10.0.0.9"]));
      await call.receive(1);
      expect(door.scheduler.seen[0]?.request.subset).toEqual(want);
    });
  }
});

it("with the switches, a request carries its endpoint behind the destination, for the model server to echo", async () => {
  const call = door.open();
  call.send(getHeaders());
  const [answer] = (await call.receive(1)).map(readAnswer);
  expect(Object.entries(answer?.set ?? {})).toEqual([
    ["x-gateway-destination-endpoint", "10.0.0.1:8000,10.0.0.2:8000"],
    ["X-Echo-Set-Header", "x-conformance-test-served-endpoint:10.0.0.1:8000"],
    ["x-more", "1"],
  ]);
});

describe("with the switches, a response tells which endpoint served it, which was picked, and the pool", () => {
  const served = metadata("envoy.lb", { "x-gateway-destination-endpoint-served": "10.0.0.2:3000" });
  const cases = [
    { title: "where the gateway tells", beside: served, want: "10.0.0.2:3000" },
    {
      title: "or that it is not told",
      beside: metadata("envoy.lb", { other: "a" }),
      want: "fail: missing destination endpoint served metadata",
    },
    { title: "or that nothing is told", beside: {}, want: "fail: missing envoy lb metadata" },
  ];
  for (const { title, beside, want } of cases) {
    it(title, async () => {
      const call = door.open();
      call.send(getHeaders());
      call.send(responseHeaders(200), beside);
      const answer = (await call.receive(2)).map(readAnswer)[1];
      expect(Object.entries(answer?.set ?? {})).toEqual(
        Object.entries({
          "x-conformance-test-served-endpoint": want,
          "x-went-into-resp-headers": "true",
          ...pick,
          ...pool,
        }),
      );
    });
  }
});

it("without the switches nothing of this happens", async () => {
  await door.close();
  door = await openDoor({ poolName: "blue" });
  const call = door.open();
  call.send(selection("10.0.0.1"));
  call.send(responseHeaders(200));
  const answers = (await call.receive(2)).map(readAnswer);
  expect(answers[0]?.set).toEqual({ "x-gateway-destination-endpoint": "10.0.0.1:8000" });
  expect(answers[1]?.set).toEqual({ "x-went-into-resp-headers": "true" });
  expect(door.scheduler.seen[0]?.request.subset).toBeUndefined();
});
