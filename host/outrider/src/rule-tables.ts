export { ruleTables } from "@outrider/plugin-conformance/tables";
