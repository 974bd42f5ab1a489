"use strict";
// The layout of the page while any boxes are closed: coordinates.py, frames.py and placing.py again, with the same numbers.
// Ranks and orders (data.plans) were computed in Python and stay.
const ARROW = 7;
const range = (count) => Array.from({ length: count }, (_, i) => i);
const isPort = (item) => item[0] === "i" || item[0] === "o";
const isBox = (item) => item[0] === "b";

// coordinates.py

function coordinates(layers, above, below, items, main, distance, port) {
  const count = layers.reduce((sum, layer) => sum + layer.length, 0);
  if (!count) return [];
  const conflicts = conflictsOf(layers, above, items), results = [];
  for (const downwards of [true, false]) {
    for (const leftwards of [true, false]) {
      const sign = leftwards ? 1 : -1, along = downwards ? layers : [...layers].reverse();
      const ordered = along.map((layer) => (leftwards ? layer : [...layer].reverse()));
      const place = new Map();
      for (const layer of ordered) layer.forEach((v, i) => place.set(v, i));
      const fixed = range(count).map((v) => {
        const near = downwards ? above[v] : below[v], best = near.filter((u) => main.has(`${v},${u}`));
        return [...(best.length ? best : near)].sort((a, b) => place.get(a) - place.get(b));
      });
      const [root, shift] = blocksOf(ordered, fixed, place, conflicts, (v, u) => sign * port(v, u));
      const x = packed(ordered, root, shift, leftwards ? distance : (u, v) => distance(v, u));
      results.push(x.map((value) => sign * value));
    }
  }
  return balanced(results);
}

function conflictsOf(layers, above, items) {
  const found = new Set();
  for (let r = 1; r < layers.length; r++) {
    const place = new Map(layers[r - 1].map((v, i) => [v, i])), lower = layers[r];
    let left = 0, scanned = 0;
    lower.forEach((v, i) => {
      const bend = v >= items ? above[v].find((u) => u >= items) : undefined;
      if (bend === undefined && i < lower.length - 1) return;
      const right = bend === undefined ? layers[r - 1].length - 1 : place.get(bend);
      for (const w of lower.slice(scanned, i + 1)) {
        for (const u of above[w]) {
          const at = place.get(u);
          if (!(left <= at && at <= right) && !(u >= items && w >= items)) found.add(`${u},${w}`);
        }
      }
      scanned = i + 1;
      left = right;
    });
  }
  return found;
}

function blocksOf(layers, fixed, place, conflicts, port) {
  const root = range(fixed.length), shift = root.map(() => 0), taken = root.map(() => false);
  for (const layer of layers.slice(1)) {
    let reached = -1;
    for (const v of layer) {
      const near = fixed[v];
      for (const middle of near.length ? new Set([(near.length - 1) >> 1, near.length >> 1]) : []) {
        const u = near[middle];
        if (root[v] !== v || taken[u] || place.get(u) <= reached) continue;
        if (conflicts.has(`${u},${v}`) || conflicts.has(`${v},${u}`)) continue;
        taken[u] = true;
        root[v] = root[u];
        shift[v] = shift[u] + port(u, v) - port(v, u);
        reached = place.get(u);
      }
    }
  }
  return [root, shift];
}

function packed(layers, root, shift, distance) {
  const after = root.map(() => []), before = root.map(() => []), waiting = root.map(() => 0), x = root.map(() => 0);
  for (const layer of layers) {
    for (let i = 1; i < layer.length; i++) {
      const [u, v] = [layer[i - 1], layer[i]], need = shift[u] + distance(u, v) - shift[v];
      after[root[u]].push([root[v], need]);
      before[root[v]].push([root[u], need]);
      waiting[root[v]] += 1;
    }
  }
  const ready = range(root.length).filter((v) => root[v] === v && !waiting[v]), sorted = [];
  for (const block of ready) { // grows while it is walked
    sorted.push(block);
    x[block] = before[block].length ? Math.max(...before[block].map(([other, need]) => x[other] + need)) : 0;
    for (const [other] of after[block]) if (!(waiting[other] -= 1)) ready.push(other);
  }
  for (const block of sorted.reverse()) {
    if (after[block].length) x[block] = Math.max(x[block], Math.min(...after[block].map(([other, need]) => x[other] - need)));
  }
  return root.map((first, v) => x[first] + shift[v]);
}

const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);

function balanced(results) {
  const widths = results.map((x) => most(x) - least(x)), narrow = results[widths.indexOf(least(widths))];
  const [low, high] = [least(narrow), most(narrow)];
  const moved = results.map((x, i) => {
    const by = i % 2 === 0 ? low - least(x) : high - most(x);
    return x.map((value) => value + by);
  });
  const middle = moved[0].map((_, v) => {
    const values = moved.map((x) => x[v]).sort((a, b) => a - b);
    return (values[1] + values[2]) / 2;
  });
  const left = least(middle);
  return middle.map((value) => value - left);
}

// frames.py

function frameOf(plan, frames, closed) {
  const names = plan.names.map((name) => (isBox(name) && closed.has(name.slice(1)) ? "g" + name.slice(1) : name));
  const renamed = new Map(plan.names.map((name, v) => [name, names[v]])), count = names.length;
  const links = plan.links.map(([source, target, value]) => [renamed.get(source), renamed.get(target), value]);
  const index = new Map(names.map((name, v) => [name, v])), widths = plan.ranks.map(() => 0);
  names.forEach((name, v) => {
    if (!isPort(name)) widths[v] = isBox(name) ? frames[name.slice(1)].width : data.sizes[name][0];
  });
  const boxPort = (box, port) => frames[box.slice(1)].ports[port] - frames[box.slice(1)].width / 2;
  const ports = new Map();
  links.forEach(([source, target, value], i) => {
    const path = plan.paths[i], ends = [[source, path[1], `o${value}`], [target, path[path.length - 2], `i${value}`]];
    for (const [name, near, port] of ends) {
      const box = index.get(name), key = `${box},${near}`;
      const meets = near !== box && (box === path[0] || box === path[path.length - 1]);
      if (isBox(name) && meets && !ports.has(key)) ports.set(key, boxPort(name, port));
    }
  });
  const above = plan.ranks.map(() => new Set()), below = plan.ranks.map(() => new Set());
  for (const path of plan.paths) {
    for (let i = 1; i < path.length; i++) {
      const [u, v] = [path[i - 1], path[i]];
      if (plan.ranks[v] === plan.ranks[u] + 1) { below[u].add(v); above[v].add(u); }
    }
  }
  const [up, down] = [above.map((a) => [...a]), below.map((b) => [...b])];
  const main = new Set(plan.main.map(([v, u]) => `${v},${u}`));
  const ends = spread(plan, names, links, index, widths, ports, main);
  const between = (u, v) => {
    const cards = u < count && v < count && !isPort(names[u]);
    return widths[u] / 2 + (cards ? data.spacing.between : data.spacing.bends) + widths[v] / 2;
  };
  let x = coordinates(plan.layers, up, down, count, main, between, (v, u) => ports.get(`${v},${u}`) || 0);
  const left = x.length ? least(x.map((center, v) => center - widths[v] / 2)) : 0;
  const right = x.length ? most(x.map((center, v) => center + widths[v] / 2)) : 0;
  const entries = names.filter((name) => name[0] === "i"), exits = names.filter((name) => name[0] === "o");
  const [before, after] = margins(plan.header, right - left, entries.map((entry) => x[index.get(entry)] - left));
  x = x.map((value) => value - left + before);
  const frame = { width: right - left + before + after, entries: entries.length > 0, exits: exits.length > 0 };
  frame.layers = plan.layers.map((layer) => layer.filter((v) => v < count).map((v) => names[v]));
  frame.x = Object.fromEntries(names.map((name, v) => [name, x[v]]));
  frame.ports = frame.x;
  frame.low = new Set(names.filter((_, v) => !up[v].length && down[v].length));
  frame.pieces = links.map(([source, target, value], i) => {
    const path = plan.paths[i], branch = path[0] !== index.get(source);
    const start = branch || !isBox(source) ? 0 : boxPort(source, `o${value}`);
    const stop = isBox(target) ? boxPort(target, `i${value}`) : ends[i];
    const last = path.length - 1;
    const places = path.map((v, k) => [plan.ranks[v], x[v] + (k === last ? stop : k === 0 ? start : 0)]);
    return [source, target, places, branch];
  });
  frame.gaps = gapsOf(frame, plan.layers.length);
  return frame;
}

function spread(plan, names, links, index, widths, ports, main) {
  const place = new Map(), ends = new Map(), arriving = links.map(() => 0);
  for (const layer of plan.layers) layer.forEach((v, i) => place.set(v, i));
  const fraction = (v, u) => (ports.has(`${v},${u}`) && widths[v] ? ports.get(`${v},${u}`) / (2 * widths[v]) : 0);
  links.forEach(([, name], i) => {
    const path = plan.paths[i], target = index.get(name), near = path[path.length - 2];
    if (isBox(name) || isPort(name)) return;
    if (!ends.has(target)) ends.set(target, []);
    ends.get(target).push([place.get(near) + fraction(near, target), i, near]);
  });
  for (const [target, found] of ends) {
    found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const width = widths[target], step = Math.min(data.spacing.ports, (width - 20) / Math.max(1, found.length - 1));
    const straight = range(found.length).filter((k) => main.has(`${target},${found[k][2]}`));
    const middle = straight.length === 1 ? straight[0] : (found.length - 1) / 2;
    found.forEach(([, i], k) => { arriving[i] = Math.max(-width / 2 + 8, Math.min(width / 2 - 8, (k - middle) * step)); });
    for (const near of new Set(found.map((end) => end[2]))) {
      const offsets = found.filter((end) => end[2] === near).map((end) => arriving[end[1]]);
      ports.set(`${target},${near}`, offsets.reduce((a, b) => a + b, 0) / offsets.length);
    }
  }
  return arriving;
}

function margins(header, width, entries) {
  const { padding, header: tall } = data.spacing;
  if (header === null) return [0, 0];
  if (data.sideways) return [tall + padding / 2, padding];
  let before = padding;
  if (entries.length) before = Math.max(before, header + 20 - least(entries));
  let after = Math.max(padding, header + 16 - width - before);
  if (before > padding && entries.length === 1) after = Math.max(after, Math.min(before, before + 2 * entries[0] - width));
  return [before, after];
}

function gapsOf(frame, ranks) {
  const across = range(ranks).map(() => 0);
  for (const [, , places] of frame.pieces) {
    for (let i = 1; i < places.length; i++) {
      const [r, x] = places[i - 1];
      across[r] = Math.max(across[r], Math.abs(places[i][1] - x));
    }
  }
  const gaps = across.map((wide) => data.spacing.ranks + Math.min(60, wide * 0.1));
  if (frame.entries && across[0] < 1) gaps[0] = 8;
  if (frame.exits && ranks > 1 && across[ranks - 2] < 1) gaps[ranks - 2] = data.spacing.padding;
  return gaps;
}

// placing.py

function place(closed) {
  const frames = {}, extents = {}, tops = {}, heights = {}, page = { cards: {}, boxes: {}, lines: {} };
  const extent = (item) => (isBox(item) ? extents[item.slice(1)] : isPort(item) ? 0 : data.sizes[item][1]);
  const { padding } = data.spacing, header = data.sideways ? padding : data.spacing.header;
  const open = data.plans.filter(([key]) => !within(key, closed));
  for (const [key, plan] of open) { // innermost first
    const frame = (frames[key] = frameOf(plan, frames, closed));
    heights[key] = frame.layers.map((layer) => Math.max(0, ...layer.map(extent)));
    if (frame.entries) heights[key][0] = header;
    let y = key === "-1" || frame.entries ? 0 : header + 8;
    tops[key] = [];
    heights[key].forEach((height, r) => {
      tops[key].push(y);
      y += height + (r < heights[key].length - 1 ? frame.gaps[r] : 0);
    });
    extents[key] = y + (key === "-1" || frame.exits ? 0 : padding);
  }
  const corners = { "-1": [0, 0] };
  for (const [key] of [...open].reverse()) {
    const frame = frames[key], [left, top] = corners[key], bounds = {};
    frame.layers.forEach((layer, r) => layer.forEach((item) => {
      const spare = heights[key][r] - extent(item);
      const y = top + tops[key][r] + (item[0] === "i" ? 0 : frame.low.has(item) ? spare : spare / 2);
      bounds[item] = [y, y + extent(item)];
      if (isBox(item)) {
        const inner = item.slice(1), { width } = frames[inner];
        corners[inner] = [left + frame.x[item] - width / 2, y];
        page.boxes[inner] = [...corners[inner], width, extents[inner]];
      } else if (!isPort(item)) {
        page.cards[item] = [left + frame.x[item] - data.sizes[item][0] / 2, y];
      }
    }));
    frame.pieces.forEach((piece, i) => {
      page.lines[`${key}:${i}`] = lineOf(piece, left, top, tops[key], heights[key], bounds);
    });
  }
  page.width = frames["-1"].width;
  page.height = extents["-1"];
  return page;
}

/** Whether a box is closed, or is in a closed one. */
function within(key, closed) {
  for (let box = key; box !== undefined && box !== "-1"; box = data.parents[box]) if (closed.has(box)) return true;
  return false;
}

function lineOf([source, target, places, branch], left, top, tops, heights, bounds) {
  const points = [];
  const add = (x, y) => {
    const last = points[points.length - 1];
    if (!last || last[0] !== x || last[1] !== y) points.push([x, y]);
  };
  const [first, x] = places[0], [last, end] = places[places.length - 1];
  if (!branch) add(left + x, bounds[source][1]);
  add(left + x, top + tops[first] + heights[first]);
  for (const [r, bend] of places.slice(1, -1)) {
    add(left + bend, top + tops[r]);
    add(left + bend, top + tops[r] + heights[r]);
  }
  add(left + end, top + tops[last]);
  const through = target[0] === "o" || isBox(target);
  const tip = bounds[target][0] - (through ? 0 : ARROW);
  if (tip < points[points.length - 1][1]) points[points.length - 1] = [left + end, tip];
  else add(left + end, tip);
  return { points, starts: !branch && !isPort(source) && !isBox(source), ends: !through };
}
