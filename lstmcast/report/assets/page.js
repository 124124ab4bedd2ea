"use strict";
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const narrow = () => window.innerWidth < 640;
  const drawn = new Map();

  // Colours are names in the data; the palette of the theme says what they are.
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  // plotly.js reads some markup in what it shows: text from elsewhere stays text.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const settled = (value, key) => {
    if (Array.isArray(value)) return value.map((part) => settled(part, key));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, settled(v, k)]));
    if (typeof value !== "string" || key === "hovertemplate") return value;
    return value.startsWith("--") ? colour(value) : plain(value);
  };

  const band = (trace, x) => {
    const side = { type: "scatter", mode: "lines", x, line: { width: 0 }, connectgaps: false };
    return [
      { ...side, y: trace.low, hoverinfo: "skip" },
      {
        ...side,
        y: trace.high,
        name: trace.band,
        fill: "tonexty",
        fillcolor: colour(trace.color),
        line: { width: 0, color: colour(trace.color) },
        customdata: trace.low,
        hovertemplate: `%{customdata:${trace.form}} to %{y:${trace.form}}`,
      },
    ];
  };

  const traces = (variant) =>
    variant.traces.flatMap((trace) => {
      if (trace.band) return band(trace, variant.x);
      const { table, ...rest } = trace;
      const shown = settled(rest);
      return [{ ...(rest.x ? {} : { x: variant.x }), ...shown }];
    });

  const axis = (own, more) => {
    const { title, ...rest } = own || {};
    return {
      gridcolor: colour("--grid"),
      linecolor: colour("--line"),
      zerolinecolor: colour("--muted"),
      zeroline: false,
      automargin: true,
      fixedrange: true,
      tickfont: { size: 12, color: colour("--muted") },
      title: title ? { text: title, font: { size: 12, color: colour("--muted") }, standoff: 8 } : undefined,
      ...more,
      ...rest,
    };
  };

  const layout = (chart, variant) => {
    const own = settled(variant.layout);
    const made = {
      margin: { l: 8, r: 8, t: 8, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--ink") },
      showlegend: false,
      hovermode: "x unified",
      dragmode: chart.dates && matchMedia("(pointer: coarse)").matches ? false : "zoom",
      hoverlabel: { bgcolor: colour("--surface"), bordercolor: colour("--line"), font: { color: colour("--ink"), size: 12 } },
      bargap: 0.25,
      ...own,
    };
    for (const name of new Set(["xaxis", "yaxis", ...Object.keys(own).filter((k) => /^[xy]axis\d*$/.test(k))])) {
      const x = name[0] === "x";
      made[name] = axis(own[name], x && chart.dates ? { fixedrange: false, hoverformat: "%a %-d %b %Y", nticks: narrow() ? 5 : 10 } : narrow() && !own[name]?.dtick ? { nticks: 6 } : {});
      if (made[name].type === "category" && !x) Object.assign(made[name], { dtick: 1, nticks: undefined });
      if (x && isDated(variant)) made[name] = { ...made[name], type: "date", hoverformat: "%a %-d %b %Y" };
    }
    if (narrow()) for (const name of Object.keys(made)) if (/^yaxis/.test(name) && made[name].type === "category") made[name].tickfont.size = 11;
    return made;
  };

  const isDated = (variant) => typeof variant.x[0] === "string" && /^\d{4}-\d\d-\d\d$/.test(variant.x[0]);

  const config = { displaylogo: false, responsive: true, displayModeBar: false, doubleClick: "reset" };

  const draw = (figure, keep) => {
    const chart = charts[figure.dataset.chart];
    const place = figure.querySelector(".plot");
    const state = drawn.get(figure) || { variant: 0, range: null };
    const variant = chart.variants[state.variant];
    const made = layout(chart, variant);
    if (keep && state.range) made.xaxis.range = state.range;
    Plotly.react(place, traces(variant), made, config);
    if (!drawn.has(figure)) {
      drawn.set(figure, state);
      place.on("plotly_relayout", (change) => follow(figure, change));
    }
    if (keep && state.range) fit(figure);
  };

  // Prices fill the height whatever dates are shown.
  const fit = (figure) => {
    const state = drawn.get(figure);
    const variant = charts[figure.dataset.chart].variants[state.variant];
    if (!isDated(variant)) return;
    const range = state.range;
    const low = range ? String(range[0]).slice(0, 10) : "";
    const high = range ? String(range[1]).slice(0, 10) : "9999";
    const extents = {};
    for (const trace of variant.traces) {
      const name = "yaxis" + (trace.yaxis || "y").slice(1);
      if (variant.layout[name] && variant.layout[name].range) continue;
      for (const values of trace.band ? [trace.low, trace.high] : [trace.y])
        variant.x.forEach((day, k) => {
          if (values[k] === null || day < low || day > high) return;
          const extent = (extents[name] ||= [Infinity, -Infinity]);
          extent[0] = Math.min(extent[0], values[k]);
          extent[1] = Math.max(extent[1], values[k]);
        });
    }
    const change = {};
    for (const [name, [from, to]] of Object.entries(extents)) {
      const room = 0.05 * (to - from) || 1;
      change[`${name}.range`] = [from - room, to + room];
    }
    state.fitting = true;
    Plotly.relayout(figure.querySelector(".plot"), change).then(() => { state.fitting = false; });
  };

  const follow = (figure, change) => {
    const state = drawn.get(figure);
    if (state.fitting) return;
    if (change["xaxis.range[0]"] !== undefined) state.range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    else if (Array.isArray(change["xaxis.range"])) state.range = change["xaxis.range"];
    else if (change["xaxis.autorange"]) state.range = null;
    else return;
    press(figure, state.range ? state.months : 0);
    fit(figure);
  };

  const press = (figure, months) => {
    for (const button of figure.querySelectorAll("[data-months]"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.months) === months));
  };

  const day = 24 * 3600 * 1000;
  const dated = (time) => new Date(time).toISOString().slice(0, 10);
  const zoomTo = (figure, from, to, months) => {
    drawn.get(figure).months = months;
    const place = figure.querySelector(".plot");
    if (from === null) return Plotly.relayout(place, { "xaxis.autorange": true });
    return Plotly.relayout(place, { "xaxis.range": [dated(from), dated(to)] });
  };

  const ends = (figure) => {
    const variant = charts[figure.dataset.chart].variants[drawn.get(figure).variant];
    return [Date.parse(variant.x[0]), Date.parse(variant.x[variant.x.length - 1])];
  };

  const months = (figure, count) => {
    if (!count) return zoomTo(figure, null, null, 0);
    const [first, last] = ends(figure);
    const from = new Date(last);
    from.setUTCMonth(from.getUTCMonth() - count);
    return zoomTo(figure, Math.max(first, from.getTime()), last + day, count);
  };

  // Arrow keys read a chart point by point, and say what they read.
  const read = (figure, step) => {
    const chart = charts[figure.dataset.chart];
    const state = drawn.get(figure);
    const variant = chart.variants[state.variant];
    if (!variant.x.length) return;
    const from = state.range ? String(state.range[0]).slice(0, 10) : null;
    const to = state.range ? String(state.range[1]).slice(0, 10) : null;
    const inside = variant.x.map((_, k) => k).filter((k) => !from || (variant.x[k] >= from && variant.x[k] <= to));
    if (!inside.length) return;
    const now = inside.indexOf(state.at);
    const next = now < 0 ? (step > 0 ? 0 : inside.length - 1) : Math.min(inside.length - 1, Math.max(0, now + step));
    state.at = inside[next];
    const said = columns(variant).map(([name, cell]) => [name, cell(state.at)]).filter(([, value]) => value);
    figure.querySelector(".reading").textContent = `${variant.x[state.at]}: ${said.map(([name, value]) => `${name} ${value}`).join(", ")}`;
    const place = figure.querySelector(".plot");
    Plotly.Fx.hover(place, [{ xval: isDated(variant) ? Date.parse(variant.x[state.at]) : variant.x[state.at] }], ["xy"]);
  };

  const zoomBy = (figure, factor) => {
    const [first, last] = ends(figure);
    const state = drawn.get(figure);
    const [from, to] = state.range ? state.range.map((end) => Date.parse(String(end).slice(0, 10))) : [first, last];
    const middle = (from + to) / 2;
    const half = Math.max(3 * day, ((to - from) / 2) * factor);
    if (half >= (last - first) / 2) return zoomTo(figure, null, null, 0);
    return zoomTo(figure, Math.max(first, middle - half), Math.min(last + day, middle + half), -1);
  };

  // The table of a chart is made of its curves when it is opened first.
  const columns = (variant) =>
    variant.traces
      .filter((trace) => trace.table !== false)
      .map((trace) => {
        const form = (value) =>
          value === null || value === undefined
            ? ""
            : value.toLocaleString("en", { minimumFractionDigits: variant.decimals, maximumFractionDigits: variant.decimals });
        return trace.band
          ? [trace.band, (k) => (trace.high[k] === null ? "" : `${form(trace.low[k])} \u2013 ${form(trace.high[k])}`)]
          : [trace.name, (k) => form(trace.y[k])];
      });

  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  const fill = (figure) => {
    const chart = charts[figure.dataset.chart];
    const state = drawn.get(figure);
    const place = figure.querySelector(".made");
    if (!place || state.filled === state.variant) return;
    state.filled = state.variant;
    const variant = chart.variants[state.variant];
    const cells = columns(variant);
    const caption = chart.variants.length > 1 ? `${variant.name}: ${chart.title}` : chart.title;
    const scroll = element("div", undefined, { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" });
    const table = element("table");
    const head0 = element("caption");
    head0.append(element("span", caption));
    table.append(head0);
    const head = element("tr");
    for (const name of [chart.first, ...cells.map(([name]) => name)]) head.append(element("th", name, { scope: "col" }));
    const top = element("thead");
    top.append(head);
    const body = element("tbody");
    variant.x.forEach((x, k) => {
      const row = element("tr");
      row.append(element("th", x, { scope: "row" }));
      for (const [, cell] of cells) row.append(element("td", cell(k)));
      body.append(row);
    });
    table.append(top, body);
    scroll.append(table);
    place.replaceChildren(scroll);
  };

  const figures = [...document.querySelectorAll("[data-chart]")];
  const redraw = () => figures.forEach((figure) => draw(figure, true));

  // The theme is the system's until a reader asks for the other one.
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let asked = null;
  const dress = (theme) => {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light theme" : "Dark theme";
    button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  const themed = () => asked || (system.matches ? "dark" : "light");
  dress(themed());
  button.addEventListener("click", () => { asked = themed() === "dark" ? "light" : "dark"; dress(asked); redraw(); });
  system.addEventListener("change", () => { dress(themed()); redraw(); });

  for (const figure of figures) {
    draw(figure, false);
    if (Number(figure.dataset.first)) months(figure, Number(figure.dataset.first));
    for (const range of figure.querySelectorAll("[data-months]"))
      range.addEventListener("click", () => months(figure, Number(range.dataset.months)));
    const choice = figure.querySelector("[data-variant]");
    if (choice)
      choice.addEventListener("change", () => {
        const state = drawn.get(figure);
        Object.assign(state, { variant: Number(choice.value), range: null, at: undefined });
        const told = charts[figure.dataset.chart].variants[state.variant].summary;
        if (told) document.getElementById(`summary-${figure.dataset.chart}`).textContent = told;
        press(figure, 0);
        draw(figure, false);
        months(figure, Number(figure.dataset.first));
        if (figure.querySelector("details").open) fill(figure);
      });
    figure.querySelector("details").addEventListener("toggle", () => fill(figure));
    figure.querySelector(".plot").addEventListener("keydown", (event) => {
      const chart = charts[figure.dataset.chart];
      const does = {
        ArrowRight: () => read(figure, 1),
        ArrowLeft: () => read(figure, -1),
        "+": () => chart.dates && zoomBy(figure, 0.5),
        "=": () => chart.dates && zoomBy(figure, 0.5),
        "-": () => chart.dates && zoomBy(figure, 2),
        Escape: () => chart.dates && months(figure, 0),
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      does();
    });
  }

  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if ((width < 640) !== narrow()) redraw();
    width = window.innerWidth;
  });
  window.addEventListener("beforeprint", () => { dress("light"); redraw(); });
  window.addEventListener("afterprint", () => { dress(themed()); redraw(); });
  // plotly's ruler for text, out of sight: nobody needs to be told of an image without a name.
  document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true");
  root.dataset.ready = "true";
})();
