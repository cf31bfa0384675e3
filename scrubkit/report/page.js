"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  // Tables: sort by a column, search in the rows, keep rows by a value.
  const sortKey = (row, column) => {
    const cell = row.cells[column], raw = cell.dataset.v;
    if (raw === undefined) return cell.textContent.trim().toLowerCase();
    return raw === "" ? NaN : Number(raw);
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") {
      return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : a - b;
    }
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sort = (table, head) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const column = head.cellIndex, body = table.tBodies[0], sign = down ? -1 : 1;
    const keyed = [...body.rows].map((row) => [sortKey(row, column), row]);
    keyed.sort(([a], [b]) => {
      const missing = Number.isNaN(a) || Number.isNaN(b);
      return missing ? compare(a, b) : sign * compare(a, b);
    });
    all("th", table).forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...keyed.map(([, row]) => row));
  };
  all("table.sort").forEach((table) => {
    all("thead th", table).forEach((head) => {
      const button = head.querySelector("button");
      if (button) button.addEventListener("click", () => sort(table, head));
    });
  });
  all(".tools[data-for]").forEach((tools) => {
    const rows = [...byId(tools.dataset.for).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const search = tools.querySelector("input"), count = tools.querySelector("output");
    const picks = all("button.pick", tools);
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const off = new Map();
      picks.filter((b) => b.getAttribute("aria-pressed") === "false").forEach((b) => {
        off.set(b.dataset.key, [...(off.get(b.dataset.key) || []), b.dataset.value]);
      });
      let shown = 0;
      rows.forEach((row, i) => {
        const hidden = [...off].some(([key, values]) => values.includes(row.dataset[key]));
        row.hidden = hidden || !words.every((word) => texts[i].includes(word));
        shown += !row.hidden;
      });
      count.textContent = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
    };
    search.addEventListener("input", filter);
    picks.forEach((button) => button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      filter();
    }));
    filter();
  });

  // Links open what they lead to; print shows everything.
  const openTarget = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details");
    if (fold) { fold.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", openTarget);
  all("a[href^='#']").forEach((link) => link.addEventListener("click", () => setTimeout(openTarget)));
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((one) => { one.open = true; });
    drawn.forEach((draw) => draw());
  });
  addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));

  // Maps: the mean over the inputs of each cell, for any two columns.
  const source = byId("data"), drawn = new Map();
  const data = source ? JSON.parse(source.textContent) : { columns: [], maps: {}, scales: {} };
  const decode = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Uint16Array(bytes.buffer);
  };
  const cache = new Map();
  const codes = (holder, key) => {
    const name = `${holder}/${key}`;
    if (!cache.has(name)) {
      cache.set(name, decode(holder === "columns" ? data.columns[key].codes : data.maps[holder][key]));
    }
    return cache.get(name);
  };
  const scales = {
    log: (s) => ({
      value: (code) => (code ? 10 ** (s.low + (code / 65535) * (s.high - s.low)) : 0),
      place: (v) => (v > 0 ? Math.min(1, Math.max(0, (Math.log10(v) - s.low) / (s.high - s.low))) : 0),
    }),
    both: (s) => ({
      value: (code) => {
        const t = (code - 32767) / 32767;
        return Math.sign(t) * s.unit * Math.expm1(Math.abs(t) * Math.log1p(s.high / s.unit));
      },
      place: (v) => Math.max(-1, Math.min(1, Math.sign(v) * Math.log1p(Math.abs(v) / s.unit) / Math.log1p(s.high / s.unit))),
    }),
  };
  const ramp = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).split(",")
    .map((text) => text.trim().slice(1)).map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const mix = (stops, t) => {
    const at = t * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(at)), f = at - i;
    return stops[i].map((c, k) => Math.round(c + f * (stops[i + 1][k] - c)));
  };
  const brief = (v) => (v === 0 ? "0" : Math.abs(v) >= 0.01 && Math.abs(v) < 1000 ? v.toPrecision(3) : v.toExponential(1));
  const axisSelects = (box) => all("select", box);

  const drawMap = (box, figure) => {
    const [xs, ys] = axisSelects(box).map((select) => Number(select.value));
    const X = data.columns[xs], Y = data.columns[ys], width = X.values.length, height = Y.values.length;
    const canvas = figure.querySelector("canvas"), output = figure.querySelector("output");
    const scale = data.scales[figure.dataset.kind], to = scales[scale.kind](scale);
    const x = codes("columns", xs), y = codes("columns", ys), v = codes(box.dataset.map, figure.dataset.kind);
    const sums = new Float64Array(width * height), counts = new Uint32Array(width * height);
    for (let i = 0; i < v.length; i += 1) {
      const cell = y[i] * width + x[i];
      sums[cell] += to.value(v[i]); counts[cell] += 1;
    }
    const hot = ramp("--hot"), cold = ramp("--cold");
    canvas.width = width; canvas.height = height;
    canvas.style.aspectRatio = String(Math.min(3, Math.max(0.6, width / height)));
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let cell = 0; cell < sums.length; cell += 1) {
      if (!counts[cell]) continue;
      const t = to.place(sums[cell] / counts[cell]);
      const colour = t < 0 ? mix(cold, -t) : mix(hot, t);
      const row = height - 1 - Math.floor(cell / width), at = 4 * (row * width + (cell % width));
      image.data.set([...colour, 255], at);
    }
    context.putImageData(image, 0, 0);
    const bar = figure.querySelector(".scale i"), steps = [0, 0.25, 0.5, 0.75, 1].map((t) => `rgb(${mix(hot, t)})`);
    const left = scale.kind === "both" ? [1, 0.75, 0.5, 0.25].map((t) => `rgb(${mix(cold, t)})`) : [];
    bar.style.background = `linear-gradient(to right, ${[...left, ...steps].join(",")})`;
    figure.querySelector(".x-low").textContent = `${X.name} = ${X.values[0]}`;
    figure.querySelector(".x-high").textContent = X.values[width - 1];
    figure.querySelector(".y-high").textContent = `${Y.name} = ${Y.values[height - 1]}`;
    let at = null;
    const least = (v) => (scale.kind === "log" && v < 10 ** scale.low ? `under ${10 ** scale.low}` : brief(v));
    const say = () => {
      const cell = at[1] * width + at[0], n = counts[cell];
      const mean = sums[cell] / n;
      const more = n && Math.abs(to.place(mean)) === 1 ? "at least " : "";
      output.textContent = `${X.name} = ${X.values[at[0]]}, ${Y.name} = ${Y.values[at[1]]}: ` +
        (n ? `${more}${least(mean)}${n > 1 ? `, mean of ${n} inputs` : ""}` : "no input");
    };
    canvas.onmousemove = (event) => {
      const area = canvas.getBoundingClientRect();
      const i = Math.floor((event.clientX - area.left) / area.width * width);
      const j = height - 1 - Math.floor((event.clientY - area.top) / area.height * height);
      at = [Math.min(width - 1, Math.max(0, i)), Math.min(height - 1, Math.max(0, j))];
      say();
    };
    canvas.onkeydown = (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      at = at ? [Math.min(width - 1, Math.max(0, at[0] + step[0])), Math.min(height - 1, Math.max(0, at[1] + step[1]))] : [0, 0];
      say();
    };
  };
  all(".mapbox").forEach((box) => {
    const draw = () => all("figure", box).forEach((figure) => drawMap(box, figure));
    drawn.set(box, draw);
    const fold = box.closest("details"), visible = () => !fold || fold.open;
    if (visible()) draw();
    if (fold) fold.addEventListener("toggle", () => { if (fold.open) draw(); });
    axisSelects(box).forEach((select) => select.addEventListener("change", draw));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (visible()) draw(); });
  });
  // A graph that is wider than its place shows its middle, where the root is.
  const centre = (graph) => { graph.scrollLeft = (graph.scrollWidth - graph.clientWidth) / 2; };
  all(".graph").forEach((graph) => {
    const fold = graph.closest("details");
    if (fold) fold.addEventListener("toggle", () => centre(graph));
    centre(graph);
  });
  openTarget();
})();
