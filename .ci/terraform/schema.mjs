// Prints the part of the schema of Terraform's AWS provider that a module uses, from the bindings of @cdktf/provider-aws:
// node schema.mjs node_modules/@cdktf/provider-aws main.tf
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, module] = process.argv.slice(2);
const schema = { provider: "", resources: {}, data: {} };
const used = [...readFileSync(module, "utf8").matchAll(/^(resource|data) "(\w+)"/gm)].map(([, where, type]) => `${where} ${type}`);
for (const [where, type] of [...new Set(used)].map((u) => u.split(" "))) {
  const name = where === "data" ? "data_" + type : type.replace(/^aws_/, "");
  const read = (ext) => readFileSync(join(folder, "lib", name.replaceAll("_", "-"), "index." + ext), "utf8");
  const js = read("js"), ts = read("d.ts");
  schema.provider = ts.match(/providers\/hashicorp\/aws\/([0-9.]+)\//)[1];
  // What must be set: properties of interfaces without a question mark.
  const required = {};
  for (const [, struct, body] of ts.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)) {
    required[struct.toLowerCase()] = new Set([...body.matchAll(/readonly (\w+)(\??):/g)].filter((m) => !m[2]).map((m) => m[1].toLowerCase()));
  }
  const block = (text, struct) => {
    const out = { attributes: {}, blocks: {} };
    const must = required[struct.toLowerCase()] ?? new Set();
    for (const [, attribute, value, isBlock, kind, storage] of text.matchAll(
      /\n\s+(\w+): \{\s+value: (.*),\s+isBlock: (\w+),\s+type: "(\w+)",\s+storageClassType: "(\w+)",/g)) {
      const needed = must.has(attribute.replaceAll("_", ""));
      const inner = value.match(/(\w+)ToHclTerraform/)?.[1];
      if (isBlock === "true" && inner && !["string", "number", "boolean"].includes(inner)) {
        if (attribute === "timeouts") continue;
        const fn = js.match(new RegExp(`function ${inner}ToHclTerraform\\(struct\\) \\{([\\s\\S]*?)\\n\\}`))[1];
        out.blocks[attribute] = { ...block(fn, inner), set: kind === "set", many: /listMapperHcl/.test(value), required: needed };
        continue;
      }
      const element = storage.replace(/(List|Map)$/, "");
      const wrapped = storage.endsWith("Map") ? "map" : storage.endsWith("List") ? (kind === "set" ? "set" : "list") : "";
      out.attributes[attribute] = { type: wrapped ? [wrapped, element] : element, ...(needed && { required: true }) };
    }
    return out;
  };
  const main = js.match(/synthesizeHclAttributes\(\) \{([\s\S]*?)\n    \}/)[1];
  const config = ts.match(/export interface (\w+Config) extends cdktf\.TerraformMetaArguments/)[1];
  const whole = block(main, config);
  // What the provider alone sets.
  const cls = ts.slice(ts.lastIndexOf("export declare class "));
  for (const [, name, kind] of cls.matchAll(/get (\w+)\(\): (string|number|cdktf\.IResolvable);/g)) {
    const attribute = name.replace(/[A-Z]/g, (c) => "_" + c.toLowerCase());
    if (name.endsWith("Input") || whole.attributes[attribute] || whole.blocks[attribute]) continue;
    whole.attributes[attribute] = { type: kind === "number" ? "number" : kind === "string" ? "string" : "boolean", computed: true };
  }
  (where === "data" ? schema.data : schema.resources)[type] = whole;
}
console.log(JSON.stringify(schema));
