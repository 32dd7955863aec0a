package browser

// measureContrast lists texts whose contrast is below WCAG AA. A background is that of
// the nearest element that has one, blended where it is translucent.
const measureContrast = `(() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return c.startsWith("color(srgb") ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (node) => {
    const layers = [];
    for (let e = node; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const bad = new Map(), modal = document.querySelector("dialog[open]");
  const walk = document.createTreeWalker(modal || document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const e = node.parentElement, style = getComputedStyle(e);
    if (!node.data.trim() || ["SCRIPT", "STYLE", "NOSCRIPT", "TITLE", "OPTION"].includes(e.tagName.toUpperCase()) || e.closest(".sr, [hidden], .dim") || !e.checkVisibility({ visibilityProperty: true })) continue;
    const isSVG = e.namespaceURI.endsWith("svg"), back = behind(isSVG ? e.ownerSVGElement.parentElement : e);
    const front = over(parse(isSVG ? style.fill : style.color), back);
    const [a, b] = [light(front.slice(0, 3)), light(back.slice(0, 3))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.set(e.tagName + "." + e.className, ratio.toFixed(2) + " for " + JSON.stringify(node.data.trim().slice(0, 40)) + " in " + e.tagName + " " + (e.getAttribute("class") || ""));
  }
  return [...bad.values()];
})()`
