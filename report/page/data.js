// The run inside the page. The index has a row for every host and is unpacked at
// once; a host's whole record is in one of the parts, which are unpacked on demand.
const unpacked = (node) => {
  const text = node.textContent;
  let raw;
  if (Uint8Array.fromBase64) raw = Uint8Array.fromBase64(text, { alphabet: "base64url" });
  else {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    raw = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) raw[i] = binary.charCodeAt(i);
  }
  return new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip")));
};
const unpack = (node) => unpacked(node).text();

let index = null; // columns by name, and rows: how many there are
const partNodes = document.getElementsByClassName("data-part");
const partLines = new Map(); // a few parts, the newest last

const loadIndex = async () => {
  index = JSON.parse(await unpack(byId("data-index")));
  for (const name of Object.keys(index)) if (index[name] === null) index[name] = [];
  index.rows = index.name.length;
  index.audited = index.kind.map((k) => index.kinds[k] !== "failed" && index.kinds[k] !== "skipped");
  index.hay = new Array(index.rows);
  index.at = new Map();
  for (let i = 0; i < index.rows; i++) if (!index.at.has(index.name[i])) index.at.set(index.name[i], i);
};

const words = (list) => list.map((w) => index.dictionary[w]);
const kindOf = (i) => index.kinds[index.kind[i]];

// haystack is what the search looks through, made when it is first needed.
const haystack = (i) => index.hay[i] ||= [
  index.name[i], index.word[i], ...words(index.groups[i]), ...words(index.flags[i]), index.dictionary[index.os[i]],
  index.dictionary[index.kernel[i]], ...Object.entries(index.labels[i] || {}).map(([k, v]) => k + "=" + v),
  index.sentences[i], index.cells[i][6],
].join("\n").toLowerCase();

// prepareSearch makes the haystacks, and the order by name, while nobody waits for them.
const prepareSearch = (from) => {
  const to = Math.min(from + 500, index.rows);
  for (let i = from; i < to; i++) haystack(i);
  if (to < index.rows) setTimeout(prepareSearch, 4, to);
  else setTimeout(orderByName, 4);
};

const lines = async (part) => {
  if (!partLines.has(part)) {
    const text = await unpack(partNodes[part]);
    partLines.set(part, text.split("\n").slice(0, -1));
    if (partLines.size > 6) partLines.delete(partLines.keys().next().value);
  }
  return partLines.get(part);
};
const host = async (i) => JSON.parse((await lines(Math.floor(i / index.per_part)))[i % index.per_part]);

// indented writes compact JSON with the blanks of the JSON form. It works on the
// text: numbers beyond 2^53 would not survive being parsed.
const indented = (text, prefix) => {
  const out = [];
  let depth = 0, from = 0, i = 0;
  const newline = () => out.push("\n", prefix, "  ".repeat(depth));
  const flush = () => { if (from < i) out.push(text.slice(from, i)); from = i + 1; };
  for (; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      while (text[++i] !== '"') if (text[i] === "\\") i++;
    } else if (c === "{" || c === "[") {
      flush();
      const close = text[i + 1] === "}" || text[i + 1] === "]";
      out.push(c);
      if (close) { out.push(text[++i]); from = i + 1; } else { depth++; newline(); }
    } else if (c === "}" || c === "]") {
      flush(); depth--; newline(); out.push(c);
    } else if (c === ",") {
      flush(); out.push(","); newline();
    } else if (c === ":") {
      flush(); out.push(": ");
    }
  }
  flush();
  return out.join("");
};

// wholeJSON is the JSON form of the run, in pieces.
const wholeJSON = async () => {
  const head = indented((await unpack(byId("data-head"))).trimEnd(), "");
  const pieces = [head.slice(0, -"[]\n}".length)];
  let before = "[\n    ";
  for (let part = 0; part < partNodes.length; part++) {
    for (const line of await lines(part)) {
      pieces.push(before + indented(line, "    "));
      before = ",\n    ";
    }
  }
  pieces.push((index.rows ? "\n  ]" : "[]") + "\n}\n");
  return pieces;
};

const save = (pieces, type, suffix) => {
  const url = URL.createObjectURL(new Blob(pieces, { type }));
  const name = "twaudit-" + (index.id.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 60) || "run") + suffix;
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
};
const saveCSV = async () => save([await unpacked(byId("data-csv")).blob()], "text/csv;charset=utf-8", ".csv");
const saveJSON = async () => save(await wholeJSON(), "application/json", ".json");
