import { Fields } from "../../fields.ts";
import { openHost } from "../../host/host-under-test.ts";
import type { Shape } from "../../shapes.ts";
import { openExchange } from "../../stream/exchange.ts";
import { toMessage } from "../../stream/message.ts";
import { idleEndpoint } from "../../stream/pool.ts";
import { headerOf } from "../../stream/reply.ts";
import { fromFault, NotApplicable } from "../../verdict.ts";

/** Rows about the token that a response carries: the endpoint of a pool of one gets the request. */
export const sessionTokenShapes: readonly Shape[] = [
  {
    given: ["pod"],
    want: ["response_header", "value"],
    async run(given, want) {
      const name = want.string("response_header");
      const token = await readToken(given.string("pod"), name);
      const wanted = toToken(want.string("value"));
      return fromFault(token === wanted ? undefined : `${name} is ${token ?? "not set"}, expected ${wanted}`);
    },
  },
];

/** `base64(TEXT)`. */
function toToken(words: string): string {
  const [, text] = /^base64\((.*)\)$/.exec(words) ?? [];
  if (text === undefined) throw new NotApplicable("in words", words);
  return Buffer.from(text).toString("base64");
}

async function readToken(id: string, header: string): Promise<string | undefined> {
  const type = "session-affinity-filter";
  const configText = JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [{ type, parameters: { encodedEndpointHeaderConfig: { header } } }],
    schedulingProfiles: [{ name: "default", plugins: [{ pluginRef: type }] }],
  });
  const host = await openHost({ pool: [{ ...idleEndpoint("192.168.1.1:8000", 0), id }], configText });
  try {
    const exchange = openExchange(host.client);
    const entries = [
      { type: "request_headers", headers: { ":method": "GET", ":path": "/v1/models" }, end_of_stream: true },
      { type: "response_headers", headers: { ":status": "200" }, end_of_stream: true },
    ];
    await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
    await exchange.close();
    const reply = exchange.replies.find(({ type: kind }) => kind === "response_headers");
    return headerOf(reply, header);
  } finally {
    await host.close();
  }
}
