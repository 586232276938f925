import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { file_outrider_scorer_v1_scorer as scorer } from "@outrider/protos/scorer";
import { describe, expect, it } from "vitest";

/** A message in both its forms. */
interface Vector {
  readonly title: string;
  readonly message: string;
  readonly json: JsonValue;
  readonly hex: string;
}

/** What a reader must accept, in one form, and what it means. */
interface Tolerated {
  readonly title: string;
  readonly message: string;
  readonly hex?: string;
  readonly given?: JsonValue;
  readonly json: JsonValue;
}

interface Golden {
  readonly vectors: readonly Vector[];
  readonly tolerated: readonly Tolerated[];
}

const path = join(import.meta.dirname, "scorer.golden.json");

/** The vectors, with `hex` written anew from `json` where the environment says UPDATE_GOLDEN=1. */
function loadGolden(): Golden {
  const golden: Golden = JSON.parse(readFileSync(path, "utf8"));
  if (process.env.UPDATE_GOLDEN !== "1") return golden;
  const vectors = golden.vectors.map(({ title, message, json }) => ({ title, message, ...encode(message, json) }));
  const updated = { ...golden, vectors };
  writeFileSync(path, `${JSON.stringify(updated, null, 2)}\n`);
  return updated;
}

function encode(name: string, json: JsonValue): Pick<Vector, "json" | "hex"> {
  const schema = schemaOf(name);
  const message = fromJson(schema, json);
  return { json: toJson(schema, message), hex: toHex(toBinary(schema, message)) };
}

function schemaOf(name: string): DescMessage {
  const schema = scorer.messages.find((message) => message.name === name);
  if (schema === undefined) throw new Error(`scorer.v1 has no message ${name}`);
  return schema;
}

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

/** Full names of the message and of each field that is set in it, messages inside included. */
function namesIn(message: ReflectMessage): readonly string[] {
  const set = message.fields.filter((field) => message.isSet(field));
  return [
    message.desc.typeName,
    ...set.flatMap((field) => {
      const name = `${message.desc.typeName}.${field.name}`;
      if (field.fieldKind === "message") return [name, ...namesIn(message.get(field))];
      return [name];
    }),
  ];
}

const golden = loadGolden();

describe("golden vectors of scorer.v1", () => {
  for (const { title, message: name, json, hex } of golden.vectors) {
    const schema = schemaOf(name);

    it(`${name}, ${title}: bytes are read as the JSON and written alike`, () => {
      const message = fromBinary(schema, fromHex(hex));
      expect(toJson(schema, message)).toEqual(json);
      expect(toHex(toBinary(schema, message))).toBe(hex);
    });

    it(`${name}, ${title}: JSON is read as the bytes and written alike`, () => {
      const message: Message = fromJson(schema, json);
      expect(toHex(toBinary(schema, message))).toBe(hex);
      expect(toJson(schema, message)).toEqual(json);
    });
  }

  for (const { title, message: name, hex, given, json } of golden.tolerated) {
    it(`${name}: ${title} does no harm`, () => {
      const schema = schemaOf(name);
      const message =
        hex === undefined
          ? fromJson(schema, given ?? null, { ignoreUnknownFields: true })
          : fromBinary(schema, fromHex(hex));
      expect(toJson(schema, message)).toEqual(json);
    });
  }

  it("set every field of every message", () => {
    const shown = new Set(
      golden.vectors.flatMap(({ message, hex }) => {
        const schema = schemaOf(message);
        return namesIn(reflect(schema, fromBinary(schema, fromHex(hex))));
      }),
    );
    const all = scorer.messages.flatMap(({ typeName, fields }) => [
      typeName,
      ...fields.map((field) => `${typeName}.${field.name}`),
    ]);
    expect(all.filter((name) => !shown.has(name))).toEqual([]);
  });
});
