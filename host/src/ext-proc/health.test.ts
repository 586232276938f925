import { once } from "node:events";
import { connect } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@outrider/protos/health";
import { encodeFrame } from "@outrider/transport";
import { afterEach, describe, expect, it } from "vitest";
import { createHealthServer } from "./health-server.ts";
import { type HealthState, healthStatus } from "./health-status.ts";
import { openDoor } from "./testing/open-door.ts";

const extProc = "envoy.service.ext_proc.v3.ExternalProcessor";
const ready: HealthState = { ready: true, leader: undefined, draining: false };

describe("the health of a service", () => {
  const anyName = ["", "readiness", extProc, "inference-extension", "whatever"];
  const cases = [
    { title: "serves under any name where no leader is elected", state: ready, services: anyName, want: "SERVING" },
    {
      title: "is not serving before the host is ready",
      state: { ...ready, ready: false },
      services: anyName,
      want: "NOT_SERVING",
    },
    {
      title: "is not serving while draining",
      state: { ...ready, draining: true },
      services: anyName,
      want: "NOT_SERVING",
    },
    {
      title: "serves where it leads",
      state: { ...ready, leader: true },
      services: ["", "readiness", extProc],
      want: "SERVING",
    },
    {
      title: "is not serving where another leads",
      state: { ...ready, leader: false },
      services: [""],
      want: "NOT_SERVING",
    },
    {
      title: "is not known under other names then",
      state: { ...ready, leader: true },
      services: ["x"],
      want: "SERVICE_UNKNOWN",
    },
    {
      title: "is alive whatever else",
      state: { ready: false, leader: false, draining: true },
      services: ["liveness"],
      want: "SERVING",
    },
  ];
  for (const { title, state, services, want } of cases) {
    it(title, () => expect(services.map((service) => healthStatus(service, state))).toEqual(services.map(() => want)));
  }
});

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

/** One unary call: the HTTP status, the gRPC status and the message. */
async function ask(url: string, path: string, body: Buffer) {
  const session = connect(url);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const chunks: Buffer[] = [];
  let status: unknown;
  stream.on("response", (headers) => (status = headers["grpc-status"] ?? status));
  stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.end(body);
  await once(stream, "close");
  session.close();
  return { grpcStatus: Number(status), body: Buffer.concat(chunks) };
}

const check = (service: string) =>
  encodeFrame(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })));

async function openHealthServer(state: () => HealthState): Promise<string> {
  const server = createHealthServer(state);
  closing.push(server.close);
  return `http://127.0.0.1:${(await server.listen("127.0.0.1", 0)).port}`;
}

describe("a health check", () => {
  it("is answered with the state of now", async () => {
    let state = ready;
    const url = await openHealthServer(() => state);
    const path = "/grpc.health.v1.Health/Check";
    expect((await ask(url, path, check(extProc))).body.toString("hex")).toBe("00000000020801");
    state = { ...ready, draining: true };
    const { grpcStatus, body } = await ask(url, path, check(extProc));
    expect(grpcStatus).toBe(0);
    expect(fromBinary(HealthCheckResponseSchema, body.subarray(5)).status).toBe(ServingStatus.NOT_SERVING);
  });

  it("is answered while the doors drain: its server is not one of them", () => {
    expect(Object.keys(createHealthServer(() => ready)).sort()).toEqual(["close", "listen"]);
  });

  const others = [
    { title: "Watch", path: "/grpc.health.v1.Health/Watch", body: check(""), want: 12 },
    { title: "List", path: "/grpc.health.v1.Health/List", body: check(""), want: 12 },
    { title: "a call without a message", path: "/grpc.health.v1.Health/Check", body: Buffer.alloc(0), want: 13 },
    {
      title: "a message that is none",
      path: "/grpc.health.v1.Health/Check",
      body: Buffer.from("0000000001ff", "hex"),
      want: 13,
    },
    { title: "a message cut short", path: "/grpc.health.v1.Health/Check", body: Buffer.from("0000", "hex"), want: 13 },
    {
      title: "a message too large",
      path: "/grpc.health.v1.Health/Check",
      body: Buffer.from("007fffffff", "hex"),
      want: 13,
    },
  ];
  for (const { title, path, body, want } of others) {
    it(`is not ${title}: status ${want}`, async () => {
      const url = await openHealthServer(() => ready);
      expect((await ask(url, path, body)).grpcStatus).toBe(want);
    });
  }

  it("is answered on the ext_proc port too, where that is wanted", async () => {
    const door = await openDoor({ health: () => ready });
    closing.push(door.close);
    const { body } = await ask(door.url, "/grpc.health.v1.Health/Check", check("liveness"));
    expect(body.toString("hex")).toBe("00000000020801");
  });
});
