/** How gateways that do not announce it exchange bodies with ext_proc; `auto` = told by what they do. */
export type UnannouncedBodyMode = "auto" | "full-duplex" | "buffered" | "streamed" | "none";
