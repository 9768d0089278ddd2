// Subjects of commits have at most 72 characters: git log --no-merges --format=%s origin/main.. | node .ci/subjects.mjs
// Prints those that are longer and fails.
import { readFileSync } from "node:fs";

const long = readFileSync(0, "utf8").split("\n").filter(subject => [...subject].length > 72);
for (const subject of long) console.error(`${[...subject].length} characters: ${subject}`);
process.exit(long.length > 0 ? 1 : 0);
