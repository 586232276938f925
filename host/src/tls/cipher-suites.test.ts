import { createSecureContext } from "node:tls";
import { describe, expect, it } from "vitest";
import { checkCipherSuites, cipherSuiteNames, suitsKey, toCiphers } from "./cipher-suites.ts";

const ecdsa = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
const rsa = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
const suite13 = "TLS_AES_128_GCM_SHA256";

describe("a choice of suites", () => {
  it("that names one nobody knows is told with all that are known", () => {
    const fault = checkCipherSuites([ecdsa, "TLS_RSA_WITH_RC4_128_SHA"], "TLSv1.2");
    expect(fault).toMatch(/^names TLS_RSA_WITH_RC4_128_SHA, which is not among .*TLS_AES_256_GCM_SHA384/);
  });

  const cases = [
    {
      title: "of TLS 1.3 alone leaves no way to speak 1.2",
      names: [suite13],
      minVersion: "TLSv1.2",
      want: /1\.3 alone/,
    },
    {
      title: "of TLS 1.3 alone will do where 1.3 is demanded",
      names: [suite13],
      minVersion: "TLSv1.3",
      want: undefined,
    },
    { title: "of both will do", names: [suite13, rsa], minVersion: "TLSv1.2", want: undefined },
    { title: "of none is Node's", names: [], minVersion: "TLSv1.2", want: undefined },
  ] as const;
  for (const { title, names, minVersion, want } of cases) {
    it(title, () => {
      const fault = checkCipherSuites(names, minVersion);
      if (want === undefined) expect(fault).toBeUndefined();
      else expect(fault).toMatch(want);
    });
  }

  it("keeps its order, and Node's suites of TLS 1.3 where it has none", () => {
    expect(toCiphers([rsa, suite13, ecdsa])).toBe(
      `${suite13}:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256`,
    );
    expect(toCiphers([rsa])).toMatch(/^TLS_AES_256_GCM_SHA384:.*:ECDHE-RSA-AES128-GCM-SHA256$/);
    expect(toCiphers([])).toBeUndefined();
  });
});

for (const name of cipherSuiteNames) {
  it(`${name} is a suite that OpenSSL has`, () => {
    expect(() => createSecureContext({ ciphers: toCiphers([name]) })).not.toThrow();
  });
}

it("tells whether a key can be used with any of them in TLS 1.2", () => {
  const verdicts = [suitsKey([], "ec"), suitsKey([suite13], "rsa"), suitsKey([rsa], "ec"), suitsKey([rsa], "rsa")];
  expect(verdicts).toEqual([true, true, false, true]);
  expect(suitsKey([ecdsa], "rsa")).toBe(false);
});
