import { describe, expect, it } from "vitest";
import { openAdmin } from "./fixtures/open-admin.ts";
import { createAdminServer } from "./server.ts";

const procedure = "/outrider.admin.v1.AdminService/ListPlugins";
const token = "0123456789abcdef";
const json = { "content-type": "application/json" };

describe("the admin interface", () => {
  it("is alive, and ready when nothing speaks against it", async () => {
    const { ask } = await openAdmin();
    expect(await ask("/healthz")).toEqual({ status: 200, text: "ok\n" });
    expect(await ask("/readyz?verbose")).toEqual({ status: 200, text: "ready\n" });
  });

  it("says why it is not ready", async () => {
    const { ask } = await openAdmin({ reasons: ["warming up", "plugin even is not active"], token });
    expect(await ask("/readyz")).toEqual({ status: 503, text: "warming up\nplugin even is not active\n" });
  });

  it("answers a browser that lost its way", async () => {
    const { ask } = await openAdmin();
    expect((await ask("/")).status).toBe(404);
  });

  it("answers a request that has no URL, and lives on", async () => {
    const { ask } = await openAdmin({ token });
    const headers = { ...json, authorization: `Bearer ${token}`, host: "[" };
    expect((await ask(procedure, headers, "{}")).status).toBe(400);
    expect((await ask("/healthz")).status).toBe(200);
  });
});

describe("the admin interface, asked by others,", () => {
  const hosts: readonly [string, number][] = [
    ["127.0.0.1:9004", 200],
    ["localhost", 200],
    ["[::1]:9004", 200],
    ["evil.example:9004", 403],
    ["127.0.0.1.evil.example", 403],
  ];
  for (const [host, want] of hosts) {
    it(`answers ${want} where the host is called "${host}"`, async () => {
      const { ask } = await openAdmin();
      expect((await ask(procedure, { ...json, host }, "{}")).status).toBe(want);
    });
  }

  const credentials: readonly [string, string | undefined, number][] = [
    ["without a token", undefined, 401],
    ["with a wrong token", "Bearer 0123456789abcdeF", 401],
    ["with another scheme", `Basic ${token}`, 401],
    ["with the token", `Bearer ${token}`, 200],
    ["with the token, in other letters", `bearer  ${token}`, 200],
  ];
  for (const [title, authorization, want] of credentials) {
    it(`answers ${want} ${title}`, async () => {
      const { ask } = await openAdmin({ token });
      const headers = { ...json, host: "any.example", ...(authorization === undefined ? {} : { authorization }) };
      expect((await ask(procedure, headers, "{}")).status).toBe(want);
    });
  }

  it("is not opened to other machines without a token", async () => {
    const options = {
      token: undefined,
      address: { host: "0.0.0.0", port: 0 },
    };
    await expect(createAdminServer(options as never)).rejects.toThrow("needs a token to listen on 0.0.0.0");
  });

  const garbage: readonly [string, Record<string, string>, string, number][] = [
    ["text that is no JSON", json, "{", 400],
    ["a field it does not know", json, '{"nmes":[]}', 200],
    ["a value of the wrong kind", json, '{"names":5}', 400],
    ["a request of 1 MB", json, `{"names":["${"x".repeat(1_000_000)}"]}`, 429],
    ["another content type", { "content-type": "text/plain" }, "{}", 415],
    ["bytes that are no message", { "content-type": "application/proto" }, "\xff\xff\xff", 500],
  ];
  for (const [title, headers, body, want] of garbage) {
    it(`answers ${want} to ${title}, and goes on`, async () => {
      const { ask } = await openAdmin();
      expect((await ask(procedure, headers, body)).status).toBe(want);
      expect((await ask(procedure, json, "{}")).status).toBe(200);
    });
  }
});
