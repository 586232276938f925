import { describe, expect, it } from "vitest";
import { createStaticSource } from "./static-source.ts";

const listener = { onEndpoints: () => undefined, onFault: () => undefined };
const names: Readonly<Record<string, { address: string; family: number }[]>> = {
  both: [
    { address: "2001:db8::5", family: 6 },
    { address: "10.0.0.5", family: 4 },
  ],
  six: [{ address: "2001:DB8::6", family: 6 }],
};
const start = (...endpoints: string[]) =>
  createStaticSource(endpoints, async (name) => {
    if (names[name] === undefined) throw new Error("ENOTFOUND");
    return names[name];
  }).start(listener);

describe("endpoints on the command line", () => {
  it("are refused with all faults at once", async () => {
    const fault = start("10.0.0.1", "gone:80", "10.0.0.5:80", "both:80");
    await expect(fault).rejects.toMatchObject({
      code: "ENDPOINTS_INVALID",
      message: [
        '--endpoints "10.0.0.1": has no port (write 10.0.0.1:8000)',
        '--endpoints "gone:80": no address is known of the name gone',
        '--endpoints "both:80": is the endpoint "10.0.0.5:80" again',
      ].join("\n"),
    });
  });

  it("are known by their address, names by their first IPv4 address, else by the first", async () => {
    const entries = await start("10.0.0.1:8000", "[::1]:8001", "both:80", "six:80");
    const addresses = ["10.0.0.1:8000", "[::1]:8001", "10.0.0.5:80", "[2001:db8::6]:80"];
    expect(entries).toEqual(addresses.map((address) => ({ id: address, address, labels: {} })));
  });
});
