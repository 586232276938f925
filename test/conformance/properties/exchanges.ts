import { expectEqual, repliesOf, saved, savedOrDestination, toDoneCause } from "../observation.ts";
import type { Property } from "./property.ts";

/** What holds over a whole exchange, or over several. */
export const exchangeProperties: readonly Property[] = [
  {
    pattern: /^completion hooks run (?:exactly )?once with cause ([\w-]+)$/,
    check: ({ streams }, cause) => expectEqual("ends", streams.at(-1)?.ends.join(", "), toDoneCause(cause)),
  },
  {
    pattern: /^completion hooks run (?:exactly )?once$/,
    check: ({ streams }) => expectEqual("ends", streams.at(-1)?.ends.length, 1),
  },
  {
    pattern: /^completion hooks do not run$/,
    check: ({ streams }) => expectEqual("ends", streams.at(-1)?.ends.length ?? 0, 0),
  },
  {
    pattern: /^(\w+) of stream (\d+) non-empty$/,
    check: ({ streams }, name, number) => (saved(streams, name, number) === "" ? `${name} is empty` : undefined),
  },
  {
    pattern: /^(\w+) of stream (\d+) == (\w+) of stream (\d+)$/,
    check: ({ streams }, one, first, other, second) =>
      expectEqual(one, savedOrDestination(streams, one, first), savedOrDestination(streams, other, second)),
  },
  {
    pattern: /^stream (\d+) gets (\w+) and (\w+) replies$/,
    check: ({ streams }, number, one, other) =>
      [one, other].every((type) => repliesOf(streams[Number(number) - 1], type).length > 0)
        ? undefined
        : `stream ${number} gets ${streams[Number(number) - 1]?.replies.map(({ type }) => type) ?? "nothing"}`,
  },
  {
    pattern: /^reply (\d+) dynamic_metadata\['([^']+)'\]\['([^']+)'\] == (\S+) \(number\)$/,
    check: ({ streams }, index, namespace, key, value) => {
      const struct = streams[0]?.replies[Number(index)]?.dynamicMetadata?.[namespace];
      const found = typeof struct === "object" && struct !== null && !Array.isArray(struct) ? struct[key] : undefined;
      return expectEqual(key, found, Number(value));
    },
  },
];
