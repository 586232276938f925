import { expect, it } from "vitest";
import { threadFile } from "./thread-file.ts";

const cases = [
  { own: "file:///app/src/config/load.ts", want: "/app/src/config/thread.ts" },
  { own: "file:///app/dist/config/load.js", want: "/app/dist/config/thread.js" },
  { own: "file:///app/my%20dist/config/load.js", want: "/app/my dist/config/thread.js" },
];
for (const { own, want } of cases) {
  it(`is ${want} beside ${own}`, () => expect(threadFile(new URL("./thread.ts", own), own)).toBe(want));
}
