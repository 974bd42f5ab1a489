"use strict";
// The page of one graph. Positions across the ranks were computed in Python (layout/frames.py); closing a box changes only
// heights, and they are added up here as in layout/placing.py.
const data = JSON.parse(document.getElementById("data").textContent);
const svg = document.getElementById("graph");
const closed = new Set(data.closed);
const byKey = new Map([...svg.querySelectorAll(".card")].map((e) => [e.dataset.key, e]));
const ARROW = 7;
let zoom = 1;

const fmt = (v) => String(Math.round(v * 10) / 10 || 0);
const at = (x, y) => (data.sideways ? `${fmt(y)},${fmt(x)}` : `${fmt(x)},${fmt(y)}`);
const isBox = (item) => item[0] === "b";
const isClosed = (item) => isBox(item) && closed.has(item.slice(1));
const isPort = (item) => item[0] === "i" || item[0] === "o";
const sizeOf = (card) => data.sizes[card]; // across and along the ranks

function place() {
  const extents = {}, tops = {}, heights = {}, page = { cards: {}, boxes: {}, lines: {} };
  const extent = (item) => (isBox(item) ? extents[item.slice(1)] : isPort(item) ? 0 : sizeOf(item)[1]);
  for (const [key, frame] of data.frames) { // innermost first
    heights[key] = frame.layers.map((layer) => Math.max(0, ...layer.map(extent)));
    const header = data.sideways ? data.padding : data.header;
    if (frame.entries) heights[key][0] = header;
    let y = key === "-1" || frame.entries ? 0 : header + 8;
    tops[key] = [];
    heights[key].forEach((height, r) => {
      tops[key].push(y);
      y += height + (r < heights[key].length - 1 ? frame.gaps[r] : 0);
    });
    extents[key] = closed.has(key) ? sizeOf("g" + key)[1] : y + (key === "-1" || frame.exits ? 0 : data.padding);
  }
  const corners = { "-1": [0, 0] };
  for (const [key, frame] of [...data.frames].reverse()) {
    if (!(key in corners)) continue;
    const [left, top] = corners[key], bounds = {}, low = new Set(frame.low);
    frame.layers.forEach((layer, r) => layer.forEach((item) => {
      const spare = heights[key][r] - extent(item);
      const y = top + tops[key][r] + (item[0] === "i" ? 0 : low.has(item) ? spare : spare / 2);
      bounds[item] = [y, y + extent(item)];
      if (isBox(item) && !isClosed(item)) {
        const inner = item.slice(1), width = widthOf(inner);
        corners[inner] = [left + frame.x[item] - width / 2, y];
        page.boxes[inner] = [...corners[inner], width, extents[inner]];
      } else if (!isPort(item)) {
        const card = isBox(item) ? "g" + item.slice(1) : item;
        page.cards[card] = [left + center(frame, item) - sizeOf(card)[0] / 2, y];
      }
    }));
    frame.pieces.forEach((piece, i) => {
      page.lines[`${key}:${i}`] = lineOf(piece, frame, left, top, tops[key], heights[key], bounds);
    });
  }
  page.width = widthOf("-1");
  page.height = extents["-1"];
  return page;
}

const frameOf = new Map(data.frames);
function widthOf(key) { return frameOf.get(key).width; }
const clamp = (x, least, most) => Math.max(least, Math.min(most, x));

function center(frame, item) {
  if (!isClosed(item)) return frame.x[item];
  const inner = frameOf.get(item.slice(1)), spare = Math.max(0, (inner.width - sizeOf("g" + item.slice(1))[0]) / 2);
  return frame.x[item] + clamp(inner.axis - inner.width / 2, -spare, spare);
}

function within(item, x, frame) {
  if (!isClosed(item)) return x;
  const middle = center(frame, item), half = sizeOf("g" + item.slice(1))[0] / 2 - 10;
  return clamp(x, middle - half, middle + half);
}

function lineOf([source, target, places, branch], frame, left, top, tops, heights, bounds) {
  const points = [];
  const add = (x, y) => {
    const last = points[points.length - 1];
    if (!last || last[0] !== x || last[1] !== y) points.push([x, y]);
  };
  const [first, x] = places[0], [last, end] = places[places.length - 1];
  const from = left + (branch ? x : within(source, x, frame)), to = left + within(target, end, frame);
  if (!branch) add(from, bounds[source][1]);
  add(from, top + tops[first] + heights[first]);
  for (const [r, bend] of places.slice(1, -1)) {
    add(left + bend, top + tops[r]);
    add(left + bend, top + tops[r] + heights[r]);
  }
  add(to, top + tops[last]);
  const through = target[0] === "o" || (isBox(target) && !isClosed(target));
  const tip = bounds[target][0] - (through ? 0 : ARROW);
  if (tip < points[points.length - 1][1]) points[points.length - 1] = [to, tip];
  else add(to, tip);
  return { points, starts: !branch && !isPort(source) && (!isBox(source) || isClosed(source)), ends: !through };
}

function pathOf(points, beside = 0) {
  let d = "M" + at(...points[0]);
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i - 1], [u, v] = points[i];
    if (Math.abs(x - u) < 0.05) d += "L" + at(u, v);
    else {
      const middle = (y + v) / 2 + (u < x ? beside : -beside);
      d += `C${at(x, middle)} ${at(u, middle)} ${at(u, v)}`;
    }
  }
  return d;
}

function head([x, y], length, half = 3.4) {
  const [base, tip] = length > 0 ? [0, length] : [-length, 0];
  return `M${at(x - half, y + base)}L${at(x + half, y + base)}L${at(x, y + tip)}Z`;
}

function backPaths({ points, starts, ends }, thick) {
  const shift = 5 + thick / 2, size = 4 + thick;
  const line = points.map(([x, y]) => [x + shift, y]);
  if (ends) line[line.length - 1] = [line[line.length - 1][0], line[line.length - 1][1] + ARROW - 1];
  const tip = starts ? head(line[0], -size, size * 0.62) : "";
  if (starts) line[0] = [line[0][0], line[0][1] + size];
  return [pathOf(line, shift), tip];
}

const elements = {
  boxes: [...svg.querySelectorAll("rect.box")],
  titles: [...svg.querySelectorAll(".box-title")],
  pieces: [...svg.querySelectorAll("[data-piece]")],
};

function draw() {
  const page = place();
  const turn = ([x, y]) => (data.sideways ? [y, x] : [x, y]);
  const show = (element, shown) => { element.style.display = shown ? "" : "none"; };
  for (const [key, card] of byKey) {
    show(card, key in page.cards);
    if (key in page.cards) card.setAttribute("transform", `translate(${turn(page.cards[key]).map(fmt).join(" ")})`);
  }
  for (const rect of elements.boxes) {
    const box = page.boxes[rect.dataset.box];
    show(rect, box);
    if (!box) continue;
    const [x, y] = turn([box[0], box[1]]), [w, h] = turn([box[2], box[3]]);
    for (const [name, value] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(name, fmt(value));
  }
  for (const title of elements.titles) {
    const box = page.boxes[title.dataset.box];
    show(title, box);
    if (!box) continue;
    const [x, y] = turn([box[0], box[1]]);
    title.setAttribute("x", fmt(x + 12));
    title.setAttribute("y", fmt(y + 18));
  }
  for (const element of elements.pieces) {
    const line = page.lines[element.dataset.piece], kind = element.classList[0];
    show(element, line);
    if (!line) continue;
    let d;
    if (kind === "line") d = pathOf(line.points);
    else if (kind === "head") d = line.ends ? head(line.points[line.points.length - 1], ARROW) : "";
    else d = backPaths(line, Number(element.dataset.thick))[kind === "back" ? 0 : 1];
    element.setAttribute("d", d);
  }
  const [w, h] = turn([page.width, page.height]);
  svg.setAttribute("viewBox", `-12 -14 ${fmt(w + 24)} ${fmt(h + 28)}`);
  svg.setAttribute("width", fmt((w + 24) * zoom));
  svg.setAttribute("height", fmt((h + 28) * zoom));
}

// Boxes

function toggle(box) {
  if (!closed.delete(box)) closed.add(box);
  draw();
}

/** Return the visible card for a card: itself, or the outermost closed box around it. */
function seen(key) {
  let found = key;
  for (let box = data.boxOf[key]; box !== undefined && box !== "-1"; box = data.parents[box]) {
    if (closed.has(box)) found = "g" + box;
  }
  return found;
}

function reveal(key) {
  for (let box = data.boxOf[key]; box !== undefined && box !== "-1"; box = data.parents[box]) closed.delete(box);
  draw();
}

// The way to the output

const onward = new Map();
for (const [source, target, pieces] of data.links) {
  if (!onward.has(source)) onward.set(source, []);
  onward.get(source).push([target, pieces]);
}

function light(key) {
  const lit = new Set(), pieces = new Set();
  const stack = [...byKey.keys()].filter((card) => card[0] !== "g" && seen(card) === key);
  while (stack.length) {
    const card = stack.pop();
    if (lit.has(card)) continue;
    lit.add(card);
    for (const [target, way] of onward.get(card) || []) {
      way.forEach((piece) => pieces.add(piece));
      stack.push(target);
    }
  }
  const visible = new Set([...lit].map(seen));
  svg.classList.add("dim");
  for (const [card, element] of byKey) element.classList.toggle("lit", visible.has(card));
  for (const element of elements.pieces) element.classList.toggle("lit", pieces.has(element.dataset.piece));
}

function unlight() { svg.classList.remove("dim"); }

// Details

const panel = document.getElementById("details");
function element(tag, text, parent, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  if (parent) parent.append(made);
  return made;
}

function tell(key) {
  const about = data.details[key];
  panel.replaceChildren();
  element("h2", about.title, panel);
  element("p", about.kind, panel, "kind");
  const list = element("dl", undefined, panel);
  for (const [name, value] of about.facts) {
    element("dt", name, list);
    element("dd", value, list);
  }
  for (const [name, rule] of about.rules) {
    element("div", `gradient of ${name}`, panel, "kind").style.margin = "0";
    element("pre", rule, panel);
  }
  for (const image of byKey.get(key).querySelectorAll("image")) {
    const figure = element("figure", undefined, panel);
    element("img", undefined, figure).src = image.getAttribute("href");
    element("figcaption", image.nextElementSibling.textContent, figure);
  }
}

function choose(key) {
  for (const [card, e] of byKey) e.classList.toggle("chosen", card === key);
  tell(key);
}

// Search

function search(words) {
  const wanted = words.trim().toLowerCase();
  let first = null;
  for (const [key, card] of byKey) {
    const found = wanted !== "" && key[0] !== "g" && data.details[key].search.includes(wanted);
    card.classList.toggle("found", found);
    if (found) {
      const visible = byKey.get(seen(key));
      visible.classList.add("found");
      first = first || key;
    }
  }
  return first;
}

// Backward, newest first

let step = -1, timer = null;
function go(to) {
  step = Math.max(-1, Math.min(data.tape.length - 1, to));
  data.tape.forEach((entry, i) => {
    const card = byKey.get(seen(entry.card));
    if (i === 0) for (const other of byKey.values()) other.classList.remove("now", "done");
    if (i < step) card.classList.add("done");
  });
  const label = document.getElementById("step");
  if (step < 0) {
    for (const other of byKey.values()) other.classList.remove("now", "done");
    label.textContent = `${data.tape.length} steps, newest operation first`;
    return;
  }
  const entry = data.tape[step], card = byKey.get(seen(entry.card));
  card.classList.remove("done");
  card.classList.add("now");
  card.scrollIntoView({ block: "center", inline: "center" });
  label.textContent = `step ${step + 1} of ${data.tape.length}`;
  panel.replaceChildren();
  element("h2", `${entry.name} (${entry.id})`, panel);
  element("p", `step ${step + 1}: its gradient g is complete`, panel, "kind");
  const list = element("dl", undefined, panel);
  for (const [name, value] of entry.facts) {
    element("dt", name, list);
    element("dd", value, list);
  }
  for (const [name, rule, into, strength] of entry.rules) {
    element("div", `gradient of ${name}, to ${into}` + (strength ? `: ${strength}` : ""), panel, "kind").style.margin = "0";
    element("pre", rule || "(no source)", panel);
  }
}

function play() {
  const button = document.getElementById("play");
  if (timer) {
    clearInterval(timer);
    timer = null;
  } else {
    if (step >= data.tape.length - 1) go(-1);
    timer = setInterval(() => (step >= data.tape.length - 1 ? play() : go(step + 1)), 900);
  }
  button.textContent = timer ? "Pause" : "Play";
}

// Wiring

svg.addEventListener("click", (event) => {
  const card = event.target.closest(".card"), box = event.target.closest("[data-box]");
  if (card && card.dataset.key[0] === "g") toggle(card.dataset.key.slice(1));
  else if (card) choose(card.dataset.key);
  else if (box) toggle(box.dataset.box);
});
svg.addEventListener("mouseover", (event) => {
  const card = event.target.closest(".card");
  if (card) { light(card.dataset.key); if (step < 0) tell(card.dataset.key); } else unlight();
});
svg.addEventListener("mouseleave", unlight);
svg.addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  }
});
const on = (id, action) => document.getElementById(id).addEventListener("click", action);
on("close", () => { for (const key of data.closable) closed.add(key); draw(); });
on("open", () => { closed.clear(); draw(); });
on("larger", () => { zoom *= 1.2; draw(); });
on("smaller", () => { zoom /= 1.2; draw(); });
on("fit", () => {
  zoom = 1;
  draw();
  const main = document.querySelector("main");
  zoom = Math.min((main.clientWidth - 40) / svg.width.baseVal.value, (main.clientHeight - 40) / svg.height.baseVal.value);
  draw();
});
on("theme", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});
on("back", () => go(step - 1));
on("next", () => go(step + 1));
on("reset", () => go(-1));
on("play", play);
const box = document.getElementById("search");
box.addEventListener("input", () => search(box.value));
box.addEventListener("keydown", (event) => {
  const first = event.key === "Enter" && search(box.value);
  if (first) { reveal(first); search(box.value); byKey.get(first).scrollIntoView({ block: "center", inline: "center" }); tell(first); }
});
go(-1);
draw();
