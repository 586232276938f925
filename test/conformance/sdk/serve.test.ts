import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type ServedPlugin, type ServeOptions, serve } from "@outrider/plugin-sdk";
import { HealthCheckRequestSchema, HealthCheckResponseSchema } from "@outrider/protos/health";
import { HandshakeRequestSchema, HandshakeResponseSchema } from "@outrider/protos/scorer";
import { plugins } from "outrider/plugins";
import { afterEach, describe, expect, it } from "vitest";
import { createAuthority } from "../../clients/certificates.ts";

const handshakePath = "/outrider.scorer.v1.ScorerService/Handshake";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("a plugin of the TypeScript SDK, asked by grpc-js", () => {
  it("shakes hands on a socket and on a port", async () => {
    const folder = mkdtempSync(join(tmpdir(), "outrider-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "s");
    await served({ socket: path });
    const { port } = await served({ port: 0 });
    for (const target of [`unix:${path}`, `127.0.0.1:${port}`]) {
      expect((await handshake(connect(target))).scorers.map(({ type }) => type)).toEqual(["queue-scorer"]);
    }
  });

  it("asks for the token", async () => {
    const { port } = await served({ port: 0, environment: { OUTRIDER_PLUGIN_TOKEN: "secret" } });
    const client = connect(`127.0.0.1:${port}`);
    await expect(handshake(client)).rejects.toMatchObject({ code: 16 });
    expect((await handshake(client, "secret")).plugin).toBe("queue-scorer");
  });

  it("refuses a method that is not there, and a message that is none", async () => {
    const { port } = await served({ port: 0 });
    const client = connect(`127.0.0.1:${port}`);
    await expect(unary(client, "/other.Service/Method", Buffer.alloc(0))).rejects.toMatchObject({ code: 12 });
    await expect(unary(client, handshakePath, Buffer.from([255]))).rejects.toMatchObject({ code: 3 });
  });

  it("tells those who watch its health of every change", async () => {
    const plugin = await served({ port: 0 });
    const client = connect(`127.0.0.1:${plugin.port}`);
    const request = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema));
    const stream = client.makeServerStreamRequest("/grpc.health.v1.Health/Watch", same, statusOf, Buffer.from(request));
    stream.on("error", () => {});
    cleanups.push(() => stream.cancel());
    const told: number[] = [];
    stream.on("data", (status: number) => told.push(status));
    await expect.poll(() => told).toEqual([1]);
    plugin.setHealth(false, "the model is loading");
    await expect.poll(() => told).toEqual([1, 2]);
    expect(statusOf(await unary(client, "/grpc.health.v1.Health/Check", Buffer.from(request)))).toBe(2);
    plugin.setHealth(true);
    await expect.poll(() => told).toEqual([1, 2, 1]);
  });

  for (const version of ["v1", "v1alpha"]) {
    it(`describes itself by reflection ${version}`, async () => {
      const { port } = await served({ port: 0 });
      const ask = openReflection(connect(`127.0.0.1:${port}`), version);
      expect(stringsIn(await ask(7, ""), 6)).toEqual(["outrider.scorer.v1.ScorerService", "grpc.health.v1.Health"]);
      for (const [field, text] of [
        [4, "outrider.scorer.v1.ScorerService"],
        [4, "outrider.scorer.v1.ScorerService.Score"],
        [4, "outrider.scorer.v1.ScoreRequest.call_id"],
        [3, "outrider/scorer/v1/scorer.proto"],
      ] as const) {
        const [bytes] = bytesIn(await ask(field, text), 4);
        const file = fromBinary(FileDescriptorProtoSchema, bytes!);
        expect([file.package, file.service[0]?.name]).toEqual(["outrider.scorer.v1", "ScorerService"]);
      }
      expect(fieldsOf(await ask(4, "no.such.Thing")).has(7)).toBe(true);
    });
  }
});

describe("a plugin of the TypeScript SDK that is served over TLS", () => {
  it("speaks HTTP/2 to who asks for it, and HTTP/1.1 to others", async () => {
    const authority = await createAuthority("plugins");
    const pair = await authority.issue("localhost");
    const { port } = await served({ port: 0, tls: pair });
    const secure = credentials.createSsl(Buffer.from(authority.cert));
    expect((await handshake(connect(`localhost:${port}`, secure))).plugin).toBe("queue-scorer");
    expect(await askHttps(port, authority.cert)).toMatchObject({ plugin: "queue-scorer" });
    const inTheClear = http2.connect(`http://127.0.0.1:${port}`);
    inTheClear.on("error", () => {});
    await new Promise((resolve) => inTheClear.once("close", resolve));
  });

  it("takes no host without a certificate where it has an authority for them", async () => {
    const [ours, theirs] = [await createAuthority("plugins"), await createAuthority("hosts")];
    const { port } = await served({ port: 0, tls: { ...(await ours.issue("localhost")), ca: theirs.cert } });
    const root = Buffer.from(ours.cert);
    await expect(handshake(connect(`localhost:${port}`, credentials.createSsl(root)))).rejects.toMatchObject({
      code: 14,
    });
    const own = await theirs.issue("host");
    const mutual = credentials.createSsl(root, Buffer.from(own.key), Buffer.from(own.cert));
    expect((await handshake(connect(`localhost:${port}`, mutual))).plugin).toBe("queue-scorer");
  });
});

async function served(options: ServeOptions): Promise<ServedPlugin> {
  const definition = await plugins["queue-scorer"]!.load();
  const plugin = await serve(definition, { environment: {}, log: () => {}, ...options });
  cleanups.push(() => plugin.close());
  return plugin;
}

function connect(target: string, secure: ChannelCredentials = credentials.createInsecure()): Client {
  const client = new Client(target, secure);
  cleanups.push(() => client.close());
  return client;
}

const same = (bytes: Buffer) => bytes;
const statusOf = (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes).status;

function unary(client: Client, path: string, request: Buffer, token = ""): Promise<Buffer> {
  const metadata = new Metadata();
  if (token !== "") metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, answer?: Buffer) => (error === null ? resolve(answer!) : reject(error));
    client.makeUnaryRequest(path, same, same, request, metadata, { deadline: Date.now() + 10_000 }, done);
  });
}

async function handshake(client: Client, token = "") {
  const request = toBinary(HandshakeRequestSchema, create(HandshakeRequestSchema, { host: "test" }));
  return fromBinary(HandshakeResponseSchema, await unary(client, handshakePath, Buffer.from(request), token));
}

/** One stream of questions: field and text in, response out. */
function openReflection(client: Client, version: string) {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same);
  stream.on("error", () => {});
  cleanups.push(() => stream.cancel());
  return (field: number, text: string): Promise<Buffer> =>
    new Promise((resolve) => {
      stream.once("data", resolve);
      stream.write(Buffer.from(new BinaryWriter().tag(field, WireType.LengthDelimited).string(text).finish()));
    });
}

/** Fields with a length, by number. */
function fieldsOf(message: Uint8Array): ReadonlyMap<number, readonly Uint8Array[]> {
  const fields = new Map<number, Uint8Array[]>();
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.set(field, [...(fields.get(field) ?? []), reader.bytes()]);
    else reader.skip(type, field);
  }
  return fields;
}

function bytesIn(response: Uint8Array, field: number): readonly Uint8Array[] {
  return fieldsOf(fieldsOf(response).get(field)![0]!).get(1)!;
}

function stringsIn(response: Uint8Array, field: number): readonly string[] {
  return bytesIn(response, field).map((entry) => Buffer.from(fieldsOf(entry).get(1)![0]!).toString());
}

async function askHttps(port: number, ca: string): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const options = { host: "localhost", port, ca, method: "POST", path: handshakePath, headers, agent: false };
  const request = https.request(options).end("{}");
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
