import type { Adapter } from "../adapter.ts";
import { Fields } from "../fields.ts";
import { choose, compareCandidates, withoutPort } from "../host/candidates.ts";
import { probeDoor } from "../host/probe.ts";
import { byShape } from "../shapes.ts";
import { compareReplies } from "../stream/compare.ts";
import { toUnitPool } from "../stream/pool.ts";
import { runProtocol } from "../stream/run-protocol.ts";
import { fail, notApplicable, pass } from "../verdict.ts";

/** Header that names endpoints for conformance suites. */
const selectionHeader = "test-epp-endpoint-selection";

const units = byShape([
  {
    given: ["endpoints", "requests"],
    want: ["picks"],
    run: () => notApplicable("plugin types", "a picker that goes round"),
  },
  {
    given: ["endpoints"],
    want: ["error"],
    async run(given, want) {
      const { refusedStatus } = await choose(toUnitPool(given.texts("endpoints"), undefined));
      return (refusedStatus !== 0) === want.boolean("error") ? pass() : fail(`refused with ${refusedStatus}`);
    },
  },
  {
    given: ["endpoints", "filter_metadata?"],
    want: ["candidates"],
    async run(given, want) {
      const filterMetadata = given.values.filter_metadata;
      const { candidates } = await choose(toUnitPool(given.texts("endpoints"), filterMetadata), { filterMetadata });
      return compareCandidates(candidates, want.texts("candidates"));
    },
  },
  {
    given: ["endpoints", "headers", "filter_metadata?"],
    want: ["pick_ip"],
    async run(given, want) {
      const { filter_metadata: filterMetadata } = given.values;
      const headers = given.strings("headers");
      if (headers[selectionHeader] !== undefined) return notApplicable("conformance switches", selectionHeader);
      const { pick = "" } = await choose(toUnitPool(given.texts("endpoints"), filterMetadata), {
        headers,
        filterMetadata,
      });
      return withoutPort(pick) === want.string("pick_ip") ? pass() : fail(`picks ${pick || "none"}`);
    },
  },
  {
    given: ["filter_metadata"],
    want: ["set_headers_in_order"],
    async run(given, want) {
      const { replies } = await probeDoor([
        { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
        { type: "response_headers", headers: { ":status": "200" }, end_of_stream: true, ...given.values },
      ]);
      const expected = new Fields({ type: "response_headers", ...want.values }, "want");
      const answer = replies.filter(({ type }) => type === "response_headers");
      return compareReplies([expected], answer, { sent: [], notes: "", isOlder: false }) ?? pass();
    },
  },
  {
    given: ["args"],
    want: ["ports"],
    run: () => notApplicable("kubernetes", "ports of pods, --endpoint-target-ports"),
  },
  {
    given: ["conditions", "deletion_timestamp?"],
    want: ["ready"],
    run: () => notApplicable("kubernetes", "conditions of pods"),
  },
]);

/** The light-weight reference EPP: choosing candidates, and one stream. */
export const lwepp: Adapter = (testCase, context) =>
  (testCase.level === "unit" ? units : runProtocol)(testCase, context);
