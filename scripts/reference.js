// `npm run reference`: writes docs/reference.md from the doc comments and schemas of provider/kinds and the doc
// comments of sdk. `--check` only compares, for the tests. Needs the build.

const fs = require("node:fs");
const path = require("node:path");
const ts = require("typescript");
const { z } = require("zod");
const { root } = require("./root");

const target = path.join(root, "docs/reference.md");

/** @typedef {{ text: string, default: string | undefined, examples: string[] }} Doc */

/** @param {string} file */
const source = (file) =>
  ts.createSourceFile(file, fs.readFileSync(path.join(root, file), "utf8"), ts.ScriptTarget.Latest, true);

/** @param {ts.Node} node @returns {Doc} */
function docOf(node) {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
  const tags = (/** @type {string} */ name) =>
    (comment?.tags ?? [])
      .filter((tag) => tag.tagName.text === name)
      .map((tag) => ts.getTextOfJSDocComment(tag.comment) ?? "");
  return {
    text: ts.getTextOfJSDocComment(comment?.comment) ?? "",
    default: tags("default")[0],
    examples: tags("example"),
  };
}

/**
 * The doc comments of all shapes (`export const bridgeShape = { … }`) and interfaces in a file, by name.
 *
 * @param {string} file
 * @returns {Map<string, Map<string, Doc>>}
 */
function docsIn(file) {
  const found = new Map();
  ts.forEachChild(source(file), (node) => {
    if (ts.isVariableStatement(node)) {
      for (const { name, initializer } of node.declarationList.declarations) {
        if (initializer && ts.isObjectLiteralExpression(initializer)) {
          const members = initializer.properties.filter(ts.isPropertyAssignment);
          found.set(name.getText(), new Map(members.map((member) => [nameText(member), docOf(member)])));
        }
      }
    } else if (ts.isInterfaceDeclaration(node)) {
      found.set(
        node.name.text,
        new Map(node.members.map((member) => [member.name?.getText() ?? "", docOf(member)])),
      );
    }
  });
  return found;
}

/** @param {ts.PropertyAssignment} member */
const nameText = ({ name }) => (ts.isStringLiteral(name) ? name.text : name.getText());

/** @param {any} schema @returns {string} */
function typeOf(schema) {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return typeOf(schema.unwrap());
  const reference = schema.meta()?.reference;
  if (reference) return `\`${reference}\``;
  if (schema instanceof z.ZodArray) return `list of ${typeOf(schema.element)}`;
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => `\`"${option}"\``).join(" or ");
  if (schema instanceof z.ZodUnion) return [...new Set(schema.options.map(typeOf))].join(" or ");
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodBoolean) return "boolean";
  if (schema instanceof z.ZodString) return "text";
  if (schema instanceof z.ZodRecord) return `map of ${typeOf(schema.valueType)}`;
  if (schema instanceof z.ZodObject)
    return `{ ${Object.keys(schema.shape)
      .map((key) => `\`${key}\``)
      .join(", ")} }`;
  throw new Error(`no name for the type ${schema.def.type}`);
}

const costs = {
  replace: "it is made anew",
  restart: "the jail restarts",
  live: "nothing: it changes live",
  none: "nothing",
};

/** @param {string} text */
const cell = (text) => text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").trim();

/** @param {any} shape @param {Map<string, Doc>} docs @param {boolean} withCost */
function properties(shape, docs, withCost) {
  const rows = Object.entries(shape)
    .filter(([, schema]) => !schema.meta()?.internal)
    .map(([name, schema]) => {
      const doc = docs.get(name);
      if (!doc?.text) throw new Error(`the property ${name} has no doc comment`);
      const optional = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
      if (optional && !doc.default) throw new Error(`the property ${name} is optional and has no @default`);
      const columns = [`\`${name}\``, typeOf(schema), optional ? cell(doc.default ?? "") : "required"];
      if (withCost) columns.push(costs[/** @type {keyof typeof costs} */ (schema.meta()?.cost ?? "replace")]);
      return `| ${[...columns, cell(doc.text)].join(" | ")} |`;
    });
  const heads = ["property", "type", "default", ...(withCost ? ["a change costs"] : []), "meaning"];
  return [`| ${heads.join(" | ")} |`, `|${" --- |".repeat(heads.length)}`, ...rows].join("\n");
}

function page() {
  const common = docsIn("provider/common.ts");
  const { commonShape, internalShape } = require("../dist/provider/common");
  const sections = fs
    .readdirSync(path.join(root, "provider/kinds"))
    .map((file) => path.basename(file, ".ts"))
    .map((file) => ({ file, module: require(`../dist/provider/kinds/${file}`) }))
    .map(({ file, module }) => {
      const kind = Object.values(module).find(
        (value) => value && typeof value === "object" && "noun" in value,
      );
      const docs = docsIn(`provider/kinds/${file}.ts`);
      const shape = `${kind.name[0].toLowerCase()}${kind.name.slice(1)}Shape`;
      const shared = ["commonShape", "adoptShape"].flatMap((name) => [...(common.get(name) ?? [])]);
      const own = new Map([...shared, ...(docs.get(shape) ?? [])]);
      const [declared] = source(`sdk/${file}.ts`).statements.filter(ts.isClassDeclaration).map(docOf);
      const outputs = [...(docs.get(`${kind.name}Outputs`) ?? [])];
      const nested = [...docs].filter(
        ([name, members]) =>
          name.endsWith("Shape") && name !== shape && !name.endsWith("ReferenceShape") && members.size > 0,
      );
      const inputs = Object.fromEntries(
        Object.entries(kind.inputs).filter(([key]) => !(key in internalShape) || key in commonShape),
      );
      return {
        name: kind.name,
        text: [
          `## ${kind.name}`,
          declared?.text.trim(),
          ...(declared?.examples ?? []).map((example) => `\`\`\`ts\n${example.trim()}\n\`\`\``),
          properties(inputs, own, true),
          ...nested.map(
            ([name, members]) =>
              `Each of \`${nameOfNested(name, kind)}\`:\n\n${properties(module[name], members, false)}`,
          ),
          ...(outputs.length > 0
            ? [
                `Outputs, beside its properties:\n\n| output | meaning |\n| --- | --- |\n${outputs.map(([name, doc]) => `| \`${name}\` | ${cell(doc.text)} |`).join("\n")}`,
              ]
            : []),
        ].join("\n\n"),
      };
    });
  // As a program declares them; kinds that are not named here come last, by name.
  const order = ["Host", "Bridge", "EpairLink", "JailRoot", "VnetJail", "NatGateway", "NatRedirect"];
  const rank = (/** @type {{ name: string }} */ { name }) =>
    order.includes(name) ? order.indexOf(name) : order.length;
  sections.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  return `${[
    "<!-- Written by `npm run reference` from the doc comments in provider/kinds and sdk. -->",
    "# Reference",
    'A wrong value is refused by `pulumi preview`, before any host is asked, with the property\'s name and what is right. Every resource has the output `drift`: in which ways the host differs from what was declared, in words; empty when it does not. "A change costs" says what `pulumi up` does to the host when the property changes.',
    ...sections.map((section) => section.text),
  ].join("\n\n")}\n`;
}

/** The property of `kind` whose items have the shape called `name`. @param {string} name @param {any} kind */
function nameOfNested(name, kind) {
  const stem = name.replace(/Shape$/, "").toLowerCase();
  return Object.keys(kind.inputs).find((key) => stem.endsWith(key.toLowerCase().replace(/s$/, ""))) ?? name;
}

const text = page();
if (process.argv.includes("--check")) {
  if (!fs.existsSync(target) || fs.readFileSync(target, "utf8") !== text) {
    console.error("docs/reference.md is not what the sources say: run `npm run build && npm run reference`");
    process.exitCode = 1;
  }
} else fs.writeFileSync(target, text);
