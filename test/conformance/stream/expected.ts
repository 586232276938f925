import { Fields } from "../fields.ts";

/** Body that an entry of `expect[]` names; `undefined` = none. */
export function expectedBody(want: Fields): Buffer | undefined {
  if (want.has("body_hex")) return Buffer.from(want.string("body_hex"), "hex");
  return want.has("body_text") ? Buffer.from(want.string("body_text")) : undefined;
}

/** Joins entries of one body that follow one another, as the replies are joined that they are compared with. */
export function joinExpected(expected: readonly Fields[]): readonly Fields[] {
  const joined: Fields[] = [];
  for (const want of expected) {
    const last = joined.at(-1);
    const body = last && joinBody(last, want);
    if (last === undefined || body === undefined) joined.push(want);
    else {
      const { body_text: _, ...rest } = { ...last.values, ...want.values };
      joined[joined.length - 1] = new Fields({ ...rest, body_hex: body.toString("hex") }, "expect");
    }
  }
  return joined;
}

/** Both bodies in one; `undefined` where the entries are not pieces of one. */
function joinBody(last: Fields, next: Fields): Buffer | undefined {
  const [one, other] = [expectedBody(last), expectedBody(next)];
  const isSame = last.values.type === next.values.type && last.values.mutation === next.values.mutation;
  if (!isSame || !String(next.values.type).endsWith("_body") || last.values.end_of_stream === true) return undefined;
  return one === undefined || other === undefined ? undefined : Buffer.concat([one, other]);
}
