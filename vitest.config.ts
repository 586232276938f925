import { defineConfig } from "vitest/config";

const slow = { testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false };

/** A project a suite, so that `vitest run --project unit` runs what needs no component of the machine. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{protos,core,plugin-sdk,plugins,host,lab,examples}/**/*.test.ts",
            "test/{architecture,fleet,soak}/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**"],
          testTimeout: 30_000,
        },
      },
      { test: { name: "conformance", include: ["test/conformance/**/*.test.ts"], ...slow } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...slow } },
      { test: { name: "chaos", include: ["test/chaos/**/*.test.ts"], ...slow } },
    ],
  },
});
