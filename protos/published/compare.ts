import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  MethodDescriptorProto,
  ServiceDescriptorProto,
} from "@bufbuild/protobuf/wkt";

/**
 * What of a subset is not as in the published file: package, messages, fields with number, type, label and oneof, enum
 * values, and methods. What the subset leaves out is no difference.
 * @returns one line per difference, beginning with the full name of what differs.
 */
export function findDifferences(subset: FileDescriptorProto, published: FileDescriptorProto): readonly string[] {
  if (subset.package !== published.package) return [`${subset.package}: the published package is ${published.package}`];
  return [
    ...compareMessages(subset.package, subset.messageType, published.messageType),
    ...compareEnums(subset.package, subset.enumType, published.enumType),
    ...compareServices(subset.package, subset.service, published.service),
  ];
}

interface Named {
  readonly name: string;
}

/** Pairs each of `ours` with the published one of its name, and says which has none. */
function compareEach<T extends Named>(
  scope: string,
  ours: readonly T[],
  theirs: readonly T[],
  compare: (name: string, one: T, other: T) => readonly string[],
): readonly string[] {
  return ours.flatMap((one) => {
    const name = `${scope}.${one.name}`;
    const other = theirs.find((candidate) => candidate.name === one.name);
    return other === undefined ? [`${name}: not published`] : compare(name, one, other);
  });
}

function compareMessages(scope: string, ours: readonly DescriptorProto[], theirs: readonly DescriptorProto[]) {
  return compareEach(scope, ours, theirs, (name, one, other): readonly string[] => [
    ...compareEach(name, one.field, other.field, (path, ourField, theirField) =>
      compareText(path, describeField(ourField, one), describeField(theirField, other)),
    ),
    ...compareMessages(name, one.nestedType, other.nestedType),
    ...compareEnums(name, one.enumType, other.enumType),
  ]);
}

function compareEnums(scope: string, ours: readonly EnumDescriptorProto[], theirs: readonly EnumDescriptorProto[]) {
  return compareEach(scope, ours, theirs, (name, one, other) =>
    compareEach(name, one.value, other.value, (path, ourValue, theirValue) =>
      compareText(path, `= ${ourValue.number}`, `= ${theirValue.number}`),
    ),
  );
}

function compareServices(
  scope: string,
  ours: readonly ServiceDescriptorProto[],
  theirs: readonly ServiceDescriptorProto[],
) {
  return compareEach(scope, ours, theirs, (name, one, other) =>
    compareEach(name, one.method, other.method, (path, ourMethod, theirMethod) =>
      compareText(path, describeMethod(ourMethod), describeMethod(theirMethod)),
    ),
  );
}

function compareText(path: string, one: string, other: string): readonly string[] {
  return one === other ? [] : [`${path}: ${one}, published ${other}`];
}

function describeField(field: FieldDescriptorProto, message: DescriptorProto): string {
  const oneof = Object.hasOwn(field, "oneofIndex") ? `in ${message.oneofDecl[field.oneofIndex]?.name}` : "";
  const parts = [`label ${field.label} type ${field.type}`, field.typeName, `= ${field.number}`, oneof];
  return parts.filter((part) => part !== "").join(" ");
}

function describeMethod({ inputType, outputType, clientStreaming, serverStreaming }: MethodDescriptorProto): string {
  const stream = (on: boolean) => (on ? "stream " : "");
  return `(${stream(clientStreaming)}${inputType}) returns (${stream(serverStreaming)}${outputType})`;
}
