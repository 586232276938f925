import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHeldBytes, type HeldBytes } from "../doors/held-bytes.ts";
import { defaultDoorLimits } from "../doors/limits.ts";
import { eventually } from "../doors/testing/eventually.ts";
import type { GatewayCall } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { announce, getHeaders, headersPart, postHeaders, requestBody, responseHeaders } from "./testing/parts.ts";
import { readAnswer } from "./testing/read-answer.ts";

const limits = {
  ...defaultDoorLimits,
  maxBodyBytes: 1000,
  maxHeldBytes: 2000,
  maxHeaderBytes: 200,
  maxOpenRequests: 3,
};

let held: HeldBytes;
let door: OpenDoor;
beforeEach(async () => {
  held = createHeldBytes(limits.maxHeldBytes);
  door = await openDoor({ limits, held });
});
afterEach(() => door.close());

/** A request of which a part is held. */
function holdSome(bytes: number): GatewayCall {
  const call = door.open();
  call.send(postHeaders());
  call.send(requestBody(Buffer.alloc(bytes)));
  return call;
}

async function expectRefusal(call: GatewayCall, status: number, body: string, headers: object = {}): Promise<void> {
  call.halfClose();
  expect(await call.ended).toMatchObject({ grpcStatus: 0 });
  const answer = readAnswer(call.answers.at(-1) as never);
  expect(answer).toEqual({ part: "immediateResponse", status, body: `inference error: ${body}`, ...headers });
}

const soonAgain = { set: { "retry-after": "1" } };

describe("a request is refused", () => {
  it("whose headers are too large, names and values together, before its body is held", async () => {
    const large = headersPart("requestHeaders", { "x-a": "v".repeat(100), ["x".repeat(50)]: "v".repeat(48) });
    const call = door.open();
    call.send(large);
    await expectRefusal(call, 431, "HeadersTooLarge - request headers are larger than 200 bytes");
    const fits = door.open();
    fits.send(headersPart("requestHeaders", { "x-a": "v".repeat(100), ["x".repeat(50)]: "v".repeat(47) }, true));
    await fits.receive(1);
  });

  for (const mode of ["FULL_DUPLEX_STREAMED", "BUFFERED", "BUFFERED_PARTIAL"] as const) {
    it(`whose body is too large: ${mode}`, async () => {
      const call = door.open();
      call.send(postHeaders(), announce(mode, "NONE"));
      call.send(requestBody(Buffer.alloc(1001), true));
      await expectRefusal(call, 413, "PayloadTooLarge - request body is larger than 1000 bytes");
      expect(held.bytes).toBe(0);
    });
  }

  it("when the bodies of all requests together would hold too much; it is taken when there is room again", async () => {
    const calls = [holdSome(900), holdSome(900)];
    await eventually(() => expect(held.bytes).toBe(1800));
    const message = "the bodies of all requests together would hold more than 2000 bytes";
    await expectRefusal(holdSome(201), 429, `ResourceExhausted - ${message}`, soonAgain);
    calls[0]?.reset();
    await eventually(() => expect(held.bytes).toBe(900));
    const again = holdSome(201);
    again.send(requestBody("", true));
    await again.receive(2);
    calls[1]?.reset();
    await eventually(() => expect(held.bytes).toBe(0));
  });

  it("when too many are open; it is taken when one has ended", async () => {
    const calls = [holdSome(1), holdSome(1), holdSome(1)];
    await eventually(() => expect(held.bytes).toBe(3));
    const one = door.open();
    one.send(getHeaders());
    await expectRefusal(one, 429, "ResourceExhausted - more than 3 requests are open", soonAgain);
    calls[0]?.reset();
    await calls[0]?.ended;
    await eventually(async () => expect(await door.metric("outrider_ext_proc_streams_open")).toBe(2));
    const again = door.open();
    again.send(getHeaders());
    await again.receive(1);
  });
});

describe("a body that only passes is held by nobody", () => {
  it("so that no limit of bodies concerns it", async () => {
    const call = door.open();
    call.send(postHeaders(), announce("STREAMED", "STREAMED"));
    for (let i = 0; i < 5; i++) call.send(requestBody(Buffer.alloc(900)));
    await call.receive(6);
    expect(held.bytes).toBe(0);
  });

  it("and a response is not refused for it", async () => {
    const call = door.open();
    call.send(getHeaders());
    call.send(responseHeaders(200));
    call.send({ case: "responseBody", value: { body: Buffer.alloc(5000), endOfStream: true } });
    expect((await call.receive(3)).map(({ response }) => response.case).at(-1)).toBe("responseBody");
  });
});

it("what is held is given back as soon as the request is answered, however long its response takes", async () => {
  for (const mode of ["FULL_DUPLEX_STREAMED", "BUFFERED"] as const) {
    const call = door.open();
    call.send(postHeaders(), announce(mode, mode));
    call.send(requestBody(Buffer.alloc(500), true));
    await call.receive(2);
    expect(held.bytes).toBe(0);
  }
});
