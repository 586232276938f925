import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { KeyPair } from "../tls/pem-files.ts";
import { type Authority, createAuthority } from "../tls/testing/authority.ts";
import { createTestHost, freePort, plugin, type TestHost, until } from "./fixtures/harness.ts";
import type { RemoteTls } from "./types.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let ours: Authority;
let other: Authority;
let served: KeyPair;
const noFiles = { caFile: undefined, certFile: undefined, keyFile: undefined, serverName: undefined };

beforeAll(async () => {
  ours = await createAuthority("ours");
  other = await createAuthority("other");
  served = await ours.issue("plugin");
});

/** Processes take their time on a busy machine. */
const slow = { timeout: 40_000 };

describe("a plugin behind TLS", slow, () => {
  type Case = {
    readonly title: string;
    readonly server?: () => Promise<tls.TlsOptions>;
    readonly files?: () => Promise<Partial<RemoteTls>>;
    readonly message: RegExp;
  };
  const ca = () => file("ca.pem", ours.cert);
  const wantsCertificate = async () => ({ ...served, requestCert: true, rejectUnauthorized: true, ca: ours.cert });
  const refused: Case[] = [
    { title: "of an authority that nobody named", message: /not trusted: name its authority as tls\.ca/ },
    {
      title: "of another authority than was named",
      files: async () => ({ caFile: file("other.pem", other.cert) }),
      message: /not trusted: .*other\.pem in tls\.ca is not it/,
    },
    {
      title: "whose certificate has expired",
      server: () => ours.issue("plugin", { untilMs: Date.now() - 1000 }),
      files: async () => ({ caFile: ca() }),
      message: /its certificate has expired/,
    },
    {
      title: "whose certificate is for another name",
      server: () => ours.issue("plugin", { dnsName: "plugin.internal" }),
      files: async () => ({ caFile: ca() }),
      message: /for another name: .*tls\.serverName .*plugin\.internal/,
    },
    {
      title: "that wants a certificate, and there is none",
      server: wantsCertificate,
      files: async () => ({ caFile: ca() }),
      message: /wants a certificate of the host's: name one as tls\.cert/,
    },
    {
      title: "that does not trust the host's certificate",
      server: wantsCertificate,
      files: async () => ({ caFile: ca(), ...pair("alien", await other.issue("host")) }),
      message: /not accept the host's certificate, .*alien\.pem in tls\.cert/,
    },
  ];
  for (const { title, server = async () => served, files = async () => ({}), message } of refused) {
    it(`${title} is not spoken to, and the operator told why`, async () => {
      const port = await front(await server(), "h2", await sessionPlugin());
      const { status } = await run({ url: `https://localhost:${port}`, tls: { ...noFiles, ...(await files()) } });
      await until(
        () => message.test(status("mine").message),
        () => status("mine").message,
      );
      expect(status("mine").message).toMatch(/^process team at https:\/\/localhost:\d+: /);
    });
  }

  it("that speaks none is not spoken to", async () => {
    const server = net.createServer((socket) => socket.end("hello, this is no TLS\r\n")).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => server.close());
    const { port } = server.address() as net.AddressInfo;
    const { status } = await run({ url: `https://localhost:${port}` });
    await until(
      () => /speaks no TLS: write url: http:\/\//.test(status("mine").message),
      () => status("mine").message,
    );
  });

  it("is spoken to with the host's certificate, under the name that was written", async () => {
    const certificate = await ours.issue("plugin", { dnsName: "plugin.internal" });
    const options = { ...certificate, requestCert: true, rejectUnauthorized: true, ca: ours.cert };
    const port = await front(options, "h2", await sessionPlugin());
    const files = { caFile: ca(), ...pair("host", await ours.issue("host")), serverName: "plugin.internal" };
    const { reach, outcome, status } = await run({ url: `https://127.0.0.1:${port}`, tls: files });
    await reach("mine", "active");
    expect(status("mine").profile).toBe("session");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
  });

  it("that does not offer HTTP/2 is called unary", async () => {
    const port = await front(served, "http/1.1", { host: "127.0.0.1", port: await basicPlugin() });
    const { reach, outcome, status } = await run({
      url: `https://localhost:${port}`,
      tls: { ...noFiles, caFile: ca() },
    });
    await reach("mine", "active");
    expect(status("mine").profile).toBe("basic");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
  });

  it("is spoken to as soon as the files are right", async () => {
    const port = await front(served, "h2", await sessionPlugin());
    const caFile = file("changing.pem", other.cert);
    const { reach, status } = await run({ url: `https://localhost:${port}`, tls: { ...noFiles, caFile } });
    await until(
      () => status("mine").message !== "",
      () => "it is spoken to",
    );
    file("changing.pem", "no certificate");
    file("changing.pem", ours.cert);
    await reach("mine", "active");
  });
});

describe("a plugin that wants a token", slow, () => {
  it("fails without, and with another one, and the operator is told where to write it", async () => {
    const { path } = await sessionPlugin({ OUTRIDER_PLUGIN_TOKEN: "open sesame".replace(" ", "-") });
    const without = await run({ url: `unix:${path}` });
    expect(await without.reach("mine", "failed")).toMatchObject({
      message: expect.stringMatching(/it wants a token: write the file that holds it as tokenFile/),
    });
    const tokenFile = file("wrong-token", "friend\n");
    const wrong = await run({ url: `unix:${path}`, tokenFile });
    expect(await wrong.reach("mine", "failed")).toMatchObject({
      message: expect.stringMatching(/it does not accept the token in .*wrong-token, its tokenFile/),
    });
  });

  it("is asked with the token that its file holds when it is connected", async () => {
    const tokenFile = file("token", "first\n");
    const child = await sessionPlugin({ OUTRIDER_PLUGIN_TOKEN: "first" });
    const { reach, status } = await run({ url: `unix:${child.path}`, tokenFile });
    await reach("mine", "active");
    file("token", "second\n");
    child.process.kill("SIGKILL");
    await once(child.process, "exit");
    rmSync(child.path, { force: true });
    await sessionPlugin({ OUTRIDER_PLUGIN_TOKEN: "second" }, child.path);
    await until(
      () => status("mine").restarts > 0 && status("mine").state === "active",
      () => `${status("mine").state}: ${status("mine").message}`,
    );
  });

  const useless = [
    { title: "is not there", text: undefined, message: /tokenFile: ENOENT/ },
    { title: "holds no token", text: "two words\n", message: /tokenFile: .* holds no token: one line/ },
  ];
  for (const { title, text, message } of useless) {
    it(`is not spoken to while its file ${title}`, async () => {
      const { path } = await sessionPlugin();
      const tokenFile = join(folder, `useless-${text === undefined ? "gone" : "wrong"}`);
      if (text !== undefined) writeFileSync(tokenFile, text);
      const { status, reach } = await run({ url: `unix:${path}`, tokenFile });
      await until(
        () => message.test(status("mine").message),
        () => status("mine").message,
      );
      writeFileSync(tokenFile, "a-token\n");
      await reach("mine", "active");
    });
  }
});

async function run(spec: { url: string; tls?: RemoteTls; tokenFile?: string }): Promise<TestHost> {
  const timing = { backoffMinMs: 50, backoffMaxMs: 100 };
  const processes = [{ name: "team", kind: "url", env: {}, ...spec }] as const;
  const host = await createTestHost({ specs: [plugin("mine", { placement: "remote" })], processes, timing });
  cleanups.push(() => host.close());
  void host.runtime.start(20_000);
  return host;
}

/** A server that ends TLS in front of a plugin. */
async function front(options: tls.TlsOptions, protocol: string, behind: net.NetConnectOpts): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = tls.createServer({ ...options, ALPNProtocols: [protocol] }, (socket) => {
    const inner = net.connect(behind);
    for (const end of [socket, inner]) {
      sockets.add(end);
      end.on("error", () => {
        socket.destroy();
        inner.destroy();
      });
    }
    socket.pipe(inner).pipe(socket);
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

async function sessionPlugin(env: Record<string, string> = {}, path = join(mkdtempSync(join(folder, "s-")), "s")) {
  const child = start("session-plugin.ts", { OUTRIDER_PLUGIN_SOCKET: path, ...env });
  await until(
    () => existsSync(path),
    () => "the plugin does not listen",
  );
  return { path, process: child };
}

async function basicPlugin(): Promise<number> {
  const port = await freePort();
  start("basic-plugin.ts", { PORT: String(port) });
  return port;
}

function start(name: string, env: Record<string, string>): ChildProcess {
  const script = fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
  const child = spawn(process.execPath, [script], { env: { PATH: process.env.PATH, ...env }, stdio: "ignore" });
  cleanups.push(() => child.kill("SIGKILL"));
  return child;
}

function pair(name: string, { cert, key }: KeyPair) {
  return { certFile: file(`${name}.pem`, cert), keyFile: file(`${name}.key`, key) };
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}
