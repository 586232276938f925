import { probeDoor } from "../host/probe.ts";
import { byShape } from "../shapes.ts";
import { fail, pass } from "../verdict.ts";

/** Longest piece of a body that some gateways take, in bytes. */
const maxChunkBytes = 62_000;

/** Bodies sent back in pieces: a response body goes through the door. */
export const chunking = byShape([
  {
    given: ["bytes", "set_eos"],
    want: ["messages", "end_of_stream_only_on_last?"],
    async run(given, want) {
      const body = "x".repeat(given.number("bytes"));
      const endOfStream = given.boolean("set_eos");
      const { replies } = await probeDoor([
        { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
        { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false },
        { type: "response_body", body_text: body, end_of_stream: endOfStream },
        ...(endOfStream ? [] : [{ type: "response_trailers" }]),
      ]);
      const pieces = replies.filter(({ type }) => type === "response_body");
      const sizes = pieces.map((piece) => piece.body.length);
      if (pieces.length !== want.number("messages")) return fail(`${pieces.length} messages of ${sizes} bytes`);
      if (Math.max(...sizes) > maxChunkBytes) return fail(`a piece has ${Math.max(...sizes)} bytes`);
      if (Buffer.concat(pieces.map((piece) => piece.body)).toString() !== body) return fail("the body is not the same");
      const ends = pieces.map((piece) => piece.endOfStream);
      const wanted = pieces.map((_, i) => endOfStream && i === pieces.length - 1);
      return String(ends) === String(wanted) ? pass() : fail(`end_of_stream is ${ends}`);
    },
  },
]);
