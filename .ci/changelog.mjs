// Prints the section of a changelog for a version: node .ci/changelog.mjs 1.2.3 CHANGELOG.md
// Without such a section it fails: write it before the tag.
import { readFileSync } from "node:fs";

const [version, file] = process.argv.slice(2);
const section = readFileSync(file, "utf8").split(/^## /m).find(s => s.split(/\s/, 1)[0] === version);
const text = section?.slice(section.indexOf("\n")).trim();
if (!text) {
  console.error(`${file} has no section '## ${version}'.`);
  process.exit(1);
}
console.log(text);
