import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createSelfSigned } from "./self-signed.ts";
import { readTlsFiles } from "./tls-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrider-tls-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (files: Readonly<Record<string, string>>) =>
  Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
const ours = await createSelfSigned(Date.now());
const others = await createSelfSigned(Date.now());

const faults = [
  { title: "no files", files: {}, want: /tls\.(crt|key) cannot be read/ },
  { title: "no key", files: { "tls.crt": ours.cert }, want: /tls\.key cannot be read/ },
  { title: "a certificate that is none", files: { "tls.crt": "hello", "tls.key": ours.key }, want: /no pair/ },
  { title: "a key of another certificate", files: { "tls.crt": ours.cert, "tls.key": others.key }, want: /no pair/ },
];
for (const { title, files, want } of faults) {
  it(`refuses ${title}`, async () => {
    await write(files);
    await expect(readTlsFiles(folder)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(want),
    });
  });
}

it("reads a pair", async () => {
  await write({ "tls.crt": ours.cert, "tls.key": ours.key });
  await expect(readTlsFiles(folder)).resolves.toEqual(ours);
});
