export { type Envoy, type EnvoyOptions, startEnvoy } from "./envoy.ts";
export { findEnvoy, installEnvoy } from "./install.ts";
