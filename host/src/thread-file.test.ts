import { expect, it } from "vitest";
import { threadFile } from "./thread-file.ts";

const cases = [
  { from: "file:///app/src/config/load.ts", want: "/app/src/config/thread.ts" },
  { from: "file:///app/dist/config/load.js", want: "/app/dist/config/thread.js" },
  { from: "file:///app/my%20dist/config/load.js", want: "/app/my dist/config/thread.js" },
];
for (const { from, want } of cases) {
  it(`is ${want} beside ${from}`, () => expect(threadFile("./thread.ts", from)).toBe(want));
}
