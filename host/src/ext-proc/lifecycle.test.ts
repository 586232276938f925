import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { defaultDoorLimits } from "../doors/limits.ts";
import { eventually } from "../doors/testing/eventually.ts";
import { connectGateway, type FakeGateway } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { getHeaders, responseBody, responseHeaders } from "./testing/parts.ts";

let door: OpenDoor;
afterEach(() => door.close());

/** Waits for the gateway to be asked to go elsewhere; what it may finish. */
async function goaway(): Promise<number> {
  const [, lastStream] = await once(door.gateway.session, "goaway");
  return lastStream;
}

it("closes connections above the most there may be at once, and counts them", async () => {
  door = await openDoor({ limits: { ...defaultDoorLimits, maxConnections: 1 } });
  const one = await connectGateway(door.url).catch((error: unknown) => error);
  if (!(one instanceof Error)) await once((one as FakeGateway).session, "close");
  await eventually(async () =>
    expect(await door.metric('outrider_connections_refused_total{door="ext_proc"}')).toBe(1),
  );
  const call = door.open();
  call.send(getHeaders());
  await call.receive(1);
});

describe("draining", () => {
  it("asks gateways to go elsewhere, finishes what is open, and closes", async () => {
    door = await openDoor();
    const call = door.open();
    call.send(getHeaders());
    await call.receive(1);
    const drained = door.server.drain(10_000, 0);
    expect(await goaway()).toBe(2 ** 31 - 1);
    call.send(responseHeaders(200));
    call.send(responseBody("late", true));
    await call.receive(3);
    call.reset();
    await drained;
    expect(door.scheduler.seen[0]?.causes).toEqual(["ok"]);
  });

  it("goes on serving gateways that come anew, until nothing comes any more", async () => {
    door = await openDoor();
    const drained = door.server.drain(10_000, 200);
    await goaway();
    const anew = await connectGateway(door.url);
    const call = anew.open();
    call.send(getHeaders());
    await call.receive(1);
    call.reset();
    await drained;
    anew.close();
    expect(door.scheduler.seen).toHaveLength(1);
  });

  it("drops what is open when its time is over, and says so to the scheduler", async () => {
    door = await openDoor();
    const call = door.open();
    call.send(getHeaders());
    await call.receive(1);
    await door.server.drain(100, 0);
    await call.ended;
    expect(door.scheduler.seen[0]?.causes).toEqual(["client_cancelled"]);
  });

  it("is done at once where no gateway is connected", async () => {
    door = await openDoor();
    door.gateway.close();
    await once(door.gateway.session, "close");
    await door.server.drain(60_000);
  });

  it("refuses connections afterwards", async () => {
    door = await openDoor();
    await door.server.drain(1000, 0);
    const again = await connectGateway(door.url).catch((error: unknown) => error);
    expect(again).toMatchObject({ code: "ECONNREFUSED" });
  });
});
