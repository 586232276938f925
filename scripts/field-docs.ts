import { globSync } from "node:fs";
import { join } from "node:path";
import type { FieldDocs } from "@outrider/host/config/json-schema";
import type { TypeDocs } from "@outrider/host/config/shown-types";
import {
  isCallExpression,
  isIdentifier,
  isObjectLiteralExpression,
  isPropertyAssignment,
  isShorthandPropertyAssignment,
  isStringLiteral,
  isVariableDeclaration,
  type Node,
} from "typescript/unstable/ast";
import {
  API,
  type Checker,
  type Symbol as Named,
  type Project,
  SymbolFlags,
  type Type,
} from "typescript/unstable/sync";

/** Docstrings of configurations, as the compiler finds them in the sources. */
export interface SourceDocs {
  /** Of the fields outside of `parameters:`. */
  readonly config: FieldDocs;
  /** By type. */
  readonly types: ReadonlyMap<string, TypeDocs>;
}

/** Functions that declare a type, and the field of their argument that holds the schema of its parameters. */
const declarers: ReadonlyMap<string, string> = new Map([
  ["definePolicy", "parameters"],
  ["defineScorer", "config"],
  ["defineProducer", "config"],
]);

/** Reads the docstrings of all schemas. @param root folder of the repository. */
export function readFieldDocs(root: string): SourceDocs {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] }).getProjects();
    if (project === undefined) throw new Error("tsconfig.json is no project");
    const { checker, program } = project;
    const open = (path: string) => program.getSourceFile(join(root, path))!;
    const declared = globSync("{host/src/policies,plugins/*/src}/**/*.ts", { cwd: root }).flatMap((path) =>
      declarationsIn(open(path)),
    );
    const types = declared.map(({ type, declaration, field, variable }) => {
      const parameters = docsOf(memberOf(checker.getTypeAtLocation(declaration), field, checker), project);
      return [type, { about: textOf(variable && checker.getSymbolAtLocation(variable), checker), parameters }] as const;
    });
    const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(open("host/src/config/schema.ts"))!);
    const whole = exports.find(({ name }) => name === "endpointPickerConfig")!;
    return { config: docsOf(checker.getTypeOfSymbol(whole), project), types: new Map(types) };
  } finally {
    api.close();
  }
}

interface Declaration {
  readonly type: string;
  /** The object that declares it. */
  readonly declaration: Node;
  /** Field of it that holds the schema of the type's parameters. */
  readonly field: string;
  /** Name of the variable that holds it. */
  readonly variable: Node | undefined;
}

/** Types that are declared below a node. */
function declarationsIn(node: Node): readonly Declaration[] {
  const found: Declaration[] = [];
  const visit = (inner: Node): void => {
    if (isCallExpression(inner) && isIdentifier(inner.expression)) {
      const field = declarers.get(inner.expression.text);
      const [declaration] = inner.arguments;
      const type = declaration && typeIn(declaration);
      const variable = isVariableDeclaration(inner.parent) ? inner.parent.name : undefined;
      if (field !== undefined && declaration && type !== undefined) found.push({ type, declaration, field, variable });
    }
    inner.forEachChild(visit);
  };
  visit(node);
  return found;
}

/** `type:` of an object, where it is written as text. */
function typeIn(declaration: Node): string | undefined {
  if (!isObjectLiteralExpression(declaration)) return undefined;
  for (const property of declaration.properties) {
    if (!isPropertyAssignment(property) || !isIdentifier(property.name) || property.name.text !== "type") continue;
    return isStringLiteral(property.initializer) ? property.initializer.text : undefined;
  }
  return undefined;
}

/** Docstrings of what a zod schema takes; of what it makes of it where it takes anything. */
function docsOf(schema: Type | undefined, project: Project): FieldDocs {
  const docs = new Map<string, string>();
  const inside = memberOf(schema, "_zod", project.checker);
  for (const side of ["output", "input"]) collect(memberOf(inside, side, project.checker), "", project, docs);
  return docs;
}

function memberOf(type: Type | undefined, name: string, checker: Checker): Type | undefined {
  const symbol = type && checker.getPropertyOfType(type, name);
  return symbol && checker.getTypeOfSymbol(symbol);
}

function collect(type: Type | undefined, path: string, project: Project, docs: Map<string, string>): void {
  const { checker } = project;
  if (type === undefined) return;
  if (type.isUnionType()) for (const option of type.getTypes() ?? []) collect(option, path, project, docs);
  else if (checker.isArrayType(type) && type.isTypeReference())
    collect(checker.getTypeArguments(type)[0], `${path}[]`, project, docs);
  else if (type.isObjectType() && !checker.isArrayLikeType(type)) {
    for (const symbol of checker.getPropertiesOfType(type)) {
      const at = path === "" ? symbol.name : `${path}.${symbol.name}`;
      const text = textOf(symbol, checker) || textOf(sharedBy(symbol, project), checker);
      if (text !== "") docs.set(at, text);
      collect(checker.getTypeOfSymbol(symbol), at, project, docs);
    }
  }
}

/** What a field in short form stands for: `{ maxNumOfEndpoints }` has its docstring where that is declared. */
function sharedBy({ declarations }: Named, project: Project): Named | undefined {
  const node = declarations[0]?.resolve(project);
  if (node === undefined || !isShorthandPropertyAssignment(node)) return undefined;
  const shared = project.checker.getShorthandAssignmentValueSymbol(node);
  const isImported = shared !== undefined && (shared.flags & SymbolFlags.Alias) !== 0;
  return isImported ? project.checker.getAliasedSymbol(shared) : shared;
}

function textOf(symbol: Named | undefined, checker: Checker): string {
  return symbol === undefined ? "" : symbol.getDocumentationComment(checker).replaceAll(/\s+/g, " ").trim();
}
