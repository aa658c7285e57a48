// Makes the files beside this one from the npm packages that `packages.json`
// names: each bundle compressed, and the licences of all in one file. Called by
// `cargo xtask docs-assets`; with `--check` (a step of `cargo xtask check`) it
// changes nothing, and fails when a file is not what its package holds.
//
// To take a newer version: change `version` in packages.json, run the command,
// and put the integrity that it names into packages.json.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const [scratch, mode] = process.argv.slice(2);
const here = fileURLToPath(new URL(".", import.meta.url));
const isWindows = process.platform === "win32";

/** The unpacked folder of exactly the package that is meant. */
function unpack({ name, version, integrity }) {
  const folder = join(scratch, `${name}-${version}`);
  const archive = join(scratch, `${name}-${version}.tgz`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(archive)) {
    const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", ".", `${name}@${version}`];
    execFileSync("npm", pack, { cwd: scratch, shell: isWindows, stdio: ["ignore", "ignore", "inherit"] });
  }
  const hash = createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (`sha512-${hash}` !== integrity) {
    throw new Error(`${name}@${version} is not the package that is meant: sha512-${hash}`);
  }
  execFileSync("tar", ["-xzf", basename(archive), "-C", basename(folder)], { cwd: scratch });
  return join(folder, "package");
}

/** What each file of ours holds, before compression. */
function contents() {
  const contents = new Map();
  const licences = [];
  for (const wanted of JSON.parse(readFileSync(join(here, "packages.json"), "utf8"))) {
    const folder = unpack(wanted);
    for (const file of wanted.files) {
      // The map that the last line names is not served.
      const text = readFileSync(join(folder, file), "utf8");
      const withoutMap = text.replace(/\n?(\/\/# |\/\*# )sourceMappingURL=\S+( \*\/)?\s*$/, "\n");
      contents.set(`${basename(file)}.gz`, withoutMap);
    }
    for (const file of wanted.licences) {
      const text = readFileSync(join(folder, file), "utf8").trim();
      licences.push(`${wanted.name} ${wanted.version}: ${basename(file)}\n\n${text}\n`);
    }
  }
  contents.set("licences.txt.gz", licences.join(`\n${"=".repeat(72)}\n\n`));
  return contents;
}

mkdirSync(scratch, { recursive: true });
for (const [name, text] of contents()) {
  const path = join(here, name);
  if (mode === "--check") {
    if (!existsSync(path) || gunzipSync(readFileSync(path)).toString("utf8") !== text) {
      throw new Error(`${name} is not what packages.json says: run \`cargo xtask docs-assets\``);
    }
  } else {
    writeFileSync(path, gzipSync(Buffer.from(text, "utf8"), { level: 9 }));
  }
}
