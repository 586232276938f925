import { choose } from "../host/candidates.ts";
import { oneProfile } from "../host/config-text.ts";
import { byShape } from "../shapes.ts";
import { idleEndpoint } from "../stream/pool.ts";
import { fail, pass } from "../verdict.ts";

/** HTTP status of a request whose filters leave nothing. */
const emptiedStatus = 429;

/** The filter by which a request of a test names its endpoints. */
export const testfilter = byShape([
  {
    given: ["headers", "endpoints"],
    want: ["endpoints_in_order"],
    async run(given, want) {
      const pool = given.texts("endpoints").map((address, i) => idleEndpoint(address, i));
      const configText = oneProfile([{ type: "header-based-testing-filter" }, { type: "random-picker" }]);
      const { kept, refusedStatus } = await choose(pool, { headers: given.strings("headers") }, { configText });
      const wanted = want.texts("endpoints_in_order");
      if ((refusedStatus === emptiedStatus) !== (wanted.length === 0)) return fail(`refused with ${refusedStatus}`);
      if (String(kept) === String(wanted)) return pass();
      const isSame = String(kept.toSorted()) === String(wanted.toSorted());
      return isSame ? pass("as a set: endpoints have no order among filters") : fail(`keeps ${kept.join(", ")}`);
    },
  },
]);
