// Buckets against the limit, on logarithmic axes: hosts on one diagonal are equally
// full. Points that would cover each other are drawn once.
let points = []; // {x, y, i, more}

const drawScatter = () => {
  const box = byId("scatter"), width = Math.max(280, box.clientWidth), height = Math.round(Math.min(340, Math.max(260, width * 0.6)));
  const pad = { left: 56, right: 56, top: 12, bottom: 40 }, rows = [];
  let low = Infinity, high = 0, least = Infinity, left = 0;
  for (let i = 0; i < index.rows; i++) {
    const limit = index.limit[i], buckets = index.buckets[i];
    if (limit === null || buckets === null || limit <= 0 || buckets < 0) { left += index.audited[i] ? 1 : 0; continue; }
    rows.push(i);
    low = Math.min(low, limit);
    high = Math.max(high, limit, buckets);
    least = Math.min(least, Math.max(buckets, 1));
  }
  const note = el("p", { class: "hint" }, left ? "Not drawn: " + plural(left, "audited host") + " without a positive limit or without a number of buckets." : null);
  if (rows.length === 0) return box.replaceChildren(el("p", { class: "empty" }, "No host told both numbers."));
  const from = Math.log10(low / 2), to = Math.max(from + 1, Math.log10(high * 1.6)), floor = Math.min(Math.floor(Math.log10(least)), Math.floor(from));
  const x = (n) => pad.left + (Math.log10(n) - from) / (to - from) * (width - pad.left - pad.right);
  // One bucket and none share the lowest step: a logarithm has no zero.
  const y = (n) => height - pad.bottom - (Math.log10(Math.max(n, 1)) - floor) / (to - floor) * (height - pad.top - pad.bottom);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": scatterWords(rows) });
  const every = to - from > 4 ? [1] : to - from > 2 ? [1, 3] : [1, 2, 5];
  for (let e = floor; e <= to; e++) {
    const n = 10 ** e;
    picture.append(svg("line", { class: "grid", x1: pad.left, x2: width - pad.right, y1: y(n), y2: y(n) }),
      svg("text", { x: pad.left - 8, y: y(n) + 4, "text-anchor": "end" }, e === 0 ? "≤ 1" : short(n)));
    for (const at of every.map((m) => m * n).filter((at) => Math.log10(at) >= from && Math.log10(at) <= to)) {
      picture.append(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: pad.top, y2: height - pad.bottom }),
        svg("text", { x: x(at), y: height - pad.bottom + 16, "text-anchor": "middle" }, short(at)));
    }
  }
  picture.append(svg("text", { x: width - pad.right, y: height - 6, "text-anchor": "end" }, "limit"));
  const end = 10 ** to, begin = 10 ** from;
  const corners = [[begin, begin], [end, end], [end, end * index.near], [begin, begin * index.near]];
  picture.append(svg("polygon", { class: "band", points: corners.map(([a, b]) => x(a) + "," + y(b)).join(" ") }));
  for (const [share, name] of [[1, ""], [index.critical, " critical"], [index.near, " near"]]) {
    picture.append(svg("line", { class: "limit" + name, x1: x(begin), y1: y(begin * share), x2: x(end), y2: y(end * share) }));
  }
  picture.append(svg("text", { x: x(end) + 6, y: y(end) + 2 }, "full"), svg("text", { x: x(end) + 6, y: y(end * index.near) + 13 }, percent(index.near)));
  picture.append(...drawPoints(rows, x, y));
  picture.addEventListener("mousemove", (e) => {
    const p = nearest(e, picture);
    tip(e, ...(p ? [...brief(p.i), ...(p.more ? ["and " + plural(p.more, "more host") + " here"] : [])] : []));
  });
  picture.addEventListener("mouseleave", (e) => tip(e));
  picture.addEventListener("click", (e) => { const p = nearest(e, picture); if (p) openHost(p.i, true); });
  box.replaceChildren(el("p", { class: "hint axis-name" }, "buckets in use"), picture, note);
};

const short = (n) => n >= 1e6 ? n / 1e6 + "M" : n >= 1e3 ? n / 1e3 + "k" : String(n);

const scatterWords = (rows) => {
  const at = (share) => rows.filter((i) => index.ratio[i] !== null && index.ratio[i] >= share).length;
  const steps = [[1, "full"], [index.critical, "at or above " + percent(index.critical)], [index.near, "at or above " + percent(index.near)]];
  return plural(rows.length, "host") + ": " + steps.map(([share, word]) => count(at(share)) + " " + word).join(", ") + ". The table of hosts has every number.";
};

// drawPoints has the worst on top.
const drawPoints = (rows, x, y) => {
  const size = rows.length > 2000 ? 6 : 8, taken = new Map(), dots = [];
  for (const i of rows) {
    const px = x(index.limit[i]), py = y(index.buckets[i]), kind = kindOf(i), key = kind + Math.round(px / 3) + ":" + Math.round(py / 3);
    if (taken.has(key)) { taken.get(key).more++; continue; }
    taken.set(key, { x: px, y: py, i, more: 0 });
    dots.push(svg("path", { class: "dot f-" + kind, "fill-rule": "evenodd", d: outline(kind, px - size / 2, py - size / 2, size) }));
  }
  points = [...taken.values()];
  return dots.reverse();
};

const nearest = (event, picture) => {
  const box = picture.getBoundingClientRect(), scale = picture.viewBox.baseVal.width / box.width;
  const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
  let best = null, distance = 14;
  for (const p of points) {
    const d = Math.hypot(p.x - px, p.y - py);
    if (d < distance) [best, distance] = [p, d];
  }
  return best;
};
