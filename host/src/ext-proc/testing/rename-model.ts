import type { ModelRewrite } from "../../scheduling/types.ts";

/** A rewrite that makes `real` of the request's model and `alias` of each `real` in responses, wherever it is cut. */
export function renameModel(requestBody = '{"model":"real"}'): ModelRewrite & { readonly released: () => boolean } {
  let released = false;
  return {
    model: "real",
    body: [Buffer.from(requestBody.slice(0, 5)), Buffer.from(requestBody.slice(5))],
    respond() {
      let heldBack = "";
      return {
        push(chunk) {
          const text = (heldBack + Buffer.from(chunk).toString()).replaceAll("real", "alias");
          const cut = /r(ea?)?$/.exec(text)?.index ?? text.length;
          heldBack = text.slice(cut);
          return [Buffer.from(text.slice(0, cut))];
        },
        end: () => [Buffer.from(heldBack)],
      };
    },
    releaseBody() {
      released = true;
    },
    released: () => released,
  };
}
