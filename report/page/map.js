// The fleet map: a mark for each host in blocks. Marks of one verdict in a block are
// one path, so that ten thousand hosts are a few hundred nodes. The place of a mark
// tells which host it is.
// outline is the glyph of a kind at a place. The glyphs of the page are written in
// relative steps, so that only their size has to be put in, once.
const scaled = new Map();
const outline = (kind, x, y, size) => {
  const key = kind + size;
  if (!scaled.has(key)) {
    const steps = byId("g-" + kind).firstElementChild.getAttribute("d").slice("M0 0".length);
    scaled.set(key, steps.replace(/-?(?:\d*\.\d+|\d+)/g, (n) => " " + Number((n * size / 10).toFixed(2))));
  }
  return "M" + Math.round(x * 10) / 10 + " " + Math.round(y * 10) / 10 + scaled.get(key);
};

let blocks = []; // {name, rows, columns, svg}
let pitch = 12; // of a mark, with its gap
let mapAt = -1; // the place of the keyboard among all marks

const blockKeys = () => {
  const labels = new Set();
  for (const l of index.labels) if (l) for (const key of Object.keys(l)) labels.add(key);
  const keys = [["group", "group"], ["verdict", "verdict"], ["os", "system"], ["kernel", "kernel"]];
  for (const key of [...labels].sort().slice(0, 40)) keys.push(["label:" + key, "label " + clip(key, 40)]);
  return keys;
};
// blockOf names the block of a host: of several groups the first.
const blockOf = (by, i) => {
  if (by === "group") return index.groups[i].length ? index.dictionary[index.groups[i][0]] : "no group";
  if (by === "verdict") return kindOf(i);
  if (by === "os") return index.dictionary[index.os[i]] || "system not known";
  if (by === "kernel") return index.dictionary[index.kernel[i]] || "kernel not known";
  const key = by.slice("label:".length);
  return index.labels[i]?.[key] ?? "no " + key;
};

const drawMap = () => {
  const by = byId("map-by").value, gathered = new Map();
  for (let i = 0; i < index.rows; i++) {
    const name = blockOf(by, i);
    if (!gathered.has(name)) gathered.set(name, []);
    gathered.get(name).push(i);
  }
  const sizes = [[80, 22, 5], [400, 15, 3], [2500, 10, 2], [Infinity, 8, 1]];
  const [, mark, gap] = sizes.find(([most]) => index.rows <= most);
  const room = Math.max(120, byId("map").clientWidth - 10);
  pitch = mark + gap;
  const order = new Intl.Collator("en", { numeric: true });
  // Blocks by their worst host: the order of the rows is that.
  blocks = [...gathered].map(([name, rows]) => ({ name, rows }))
    .sort((a, b) => by === "group" || by === "verdict" ? a.rows[0] - b.rows[0] : order.compare(a.name, b.name));
  for (const b of blocks) b.columns = Math.max(1, Math.min(Math.ceil(Math.sqrt(b.rows.length * 2)), Math.floor(room / pitch)));
  byId("map").replaceChildren(...blocks.map((b, at) => {
    const width = b.columns * pitch, height = Math.ceil(b.rows.length / b.columns) * pitch;
    b.svg = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", "data-block": at });
    return el("div", { class: "block", role: "presentation" }, el("p", { "aria-hidden": "true", title: clip(b.name, 200) }, clip(b.name, 40) + " ", el("small", {}, count(b.rows.length))), b.svg);
  }), el("span", { id: "map-0", class: "sr" }), el("span", { id: "map-1", class: "sr" }));
  mapAt = -1;
  byId("map").removeAttribute("aria-activedescendant");
  markMap();
};

// markMap fades what the filters leave out.
const markMap = () => {
  const passing = filtered() ? new Set(shown) : null, mark = pitch - (pitch > 20 ? 5 : pitch > 12 ? 3 : pitch > 9 ? 2 : 1);
  for (const b of blocks) {
    const paths = new Map();
    b.rows.forEach((i, at) => {
      const key = (passing && !passing.has(i) ? "dim " : "") + "f-" + kindOf(i);
      if (!paths.has(key)) paths.set(key, []);
      paths.get(key).push(outline(kindOf(i), (at % b.columns) * pitch, Math.floor(at / b.columns) * pitch, mark));
    });
    b.svg.replaceChildren(...[...paths].map(([key, d]) => svg("path", { class: key, "fill-rule": "evenodd", d: d.join("") })));
  }
  drawCursor();
};

const markMapSoon = later(markMap, 80); // the table first: it is what a reader types for

const mapHit = (event) => {
  const node = event.target.closest("svg[data-block]");
  if (!node) return null;
  const b = blocks[node.dataset.block], box = node.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left) / pitch), line = Math.floor((event.clientY - box.top) / pitch);
  const i = column < b.columns ? b.rows[line * b.columns + column] : undefined;
  return i === undefined ? null : i;
};

// seek finds the block and the place in it of a place among all marks.
const seek = (at) => {
  for (const b of blocks) {
    if (at < b.rows.length) return { b, at };
    at -= b.rows.length;
  }
  return null;
};

// drawCursor shows where the keyboard is, and names the host to a screen reader. Two
// nodes take turns: the same one with other words would not be read again.
const drawCursor = () => {
  for (const old of byId("map").querySelectorAll(".cursor")) old.remove();
  const found = mapAt < 0 ? null : seek(mapAt);
  if (!found) return;
  const { b, at } = found, x = (at % b.columns) * pitch, y = Math.floor(at / b.columns) * pitch;
  b.svg.append(svg("rect", { class: "cursor", x: x - 0.5, y: y - 0.5, width: pitch - 1, height: pitch - 1 }));
  const option = byId("map-" + mapAt % 2), other = byId("map-" + (mapAt + 1) % 2);
  for (const name of ["role", "aria-selected", "aria-posinset", "aria-setsize"]) other.removeAttribute(name);
  other.textContent = "";
  fill(option, { role: "option", "aria-selected": "true", "aria-posinset": mapAt + 1, "aria-setsize": index.rows }, []);
  option.textContent = brief(b.rows[at]).join(", ") + ", in " + clip(b.name, 80);
  byId("map").setAttribute("aria-activedescendant", option.id);
  const box = b.svg.getBoundingClientRect(), frame = byId("map").getBoundingClientRect();
  if (box.top + y < frame.top || box.top + y + pitch > frame.bottom) byId("map").scrollTop += box.top + y - frame.top - frame.height / 2;
};

const mapKey = (event) => {
  const here = seek(Math.max(mapAt, 0));
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: here?.b.columns, ArrowUp: -(here?.b.columns || 0), Home: -Infinity, End: Infinity }[event.key];
  if (event.key === "Enter" || event.key === " ") {
    if (mapAt >= 0) openHost(here.b.rows[here.at], true);
  } else if (step !== undefined) {
    mapAt = mapAt < 0 ? 0 : Math.min(Math.max(mapAt + step, 0), index.rows - 1);
    drawCursor();
  } else return;
  event.preventDefault();
};

const setUpMap = () => {
  const keys = blockKeys();
  byId("map-by").append(...keys.map(([key, word]) => el("option", { value: key }, word)));
  if (index.groups.every((g) => g.length === 0)) byId("map-by").value = "verdict";
  byId("map-by").addEventListener("change", drawMap);
  const map = byId("map");
  map.addEventListener("mousemove", (e) => { const i = mapHit(e); tip(e, ...(i === null ? [] : brief(i))); });
  map.addEventListener("mouseleave", (e) => tip(e));
  map.addEventListener("click", (e) => { const i = mapHit(e); if (i !== null) openHost(i, true); });
  map.addEventListener("keydown", mapKey);
  map.addEventListener("focus", () => { if (mapAt < 0 && map.matches(":focus-visible")) { mapAt = 0; drawCursor(); } });
};
