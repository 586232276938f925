import { ProcessingMode_BodySendModeSchema as bodySendModes } from "@outrider/protos/envoy-processing-mode";
import type { HeaderMutation, ProcessingResponse } from "@outrider/protos/ext-proc";

/** An answer as a test compares it: only what is set. */
export interface ReadAnswer {
  readonly part: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
  readonly clearRouteCache?: true;
  readonly metadata?: unknown;
  readonly body?: string;
  readonly endOfStream?: boolean;
  /** What takes the place of a body, where it is not streamed. */
  readonly replacedBody?: string;
  /** Body modes that are asked for, by their names. */
  readonly override?: { readonly request: string; readonly response: string };
  readonly status?: number;
}

/** Reads an answer; headers by what stands in `raw_value`. */
export function readAnswer({ response, dynamicMetadata, modeOverride }: ProcessingResponse): ReadAnswer {
  const metadata = dynamicMetadata === undefined ? {} : { metadata: dynamicMetadata };
  const override = modeOverride && {
    request: nameOf(modeOverride.requestBodyMode),
    response: nameOf(modeOverride.responseBodyMode),
  };
  switch (response.case) {
    case "requestHeaders":
    case "responseHeaders":
    case "requestBody":
    case "responseBody": {
      const common = response.value.response;
      const streamed = common?.bodyMutation?.mutation;
      return {
        part: response.case,
        ...readMutation(common?.headerMutation),
        ...(common?.clearRouteCache ? { clearRouteCache: true } : {}),
        ...(streamed?.case === "streamedResponse"
          ? { body: Buffer.from(streamed.value.body).toString(), endOfStream: streamed.value.endOfStream }
          : {}),
        ...(streamed?.case === "body" ? { replacedBody: Buffer.from(streamed.value).toString() } : {}),
        ...metadata,
        ...(override === undefined ? {} : { override }),
      };
    }
    case "requestTrailers":
    case "responseTrailers":
      return { part: response.case, ...readMutation(response.value.headerMutation), ...metadata };
    case "immediateResponse": {
      const { status, body, headers } = response.value;
      const text = Buffer.from(body).toString();
      return { part: response.case, status: Number(status?.code ?? 0), body: text, ...readMutation(headers) };
    }
    case undefined:
      return { part: "none" };
  }
}

function nameOf(mode: number): string {
  return bodySendModes.values.find(({ number }) => number === mode)?.name ?? String(mode);
}

function readMutation(mutation: HeaderMutation | undefined): Pick<ReadAnswer, "set" | "remove"> {
  const set = mutation?.setHeaders.map(({ header }) => [
    header?.key ?? "",
    Buffer.from(header?.rawValue ?? []).toString(),
  ]);
  return {
    ...(set === undefined || set.length === 0 ? {} : { set: Object.fromEntries(set) }),
    ...(mutation === undefined || mutation.removeHeaders.length === 0 ? {} : { remove: mutation.removeHeaders }),
  };
}
