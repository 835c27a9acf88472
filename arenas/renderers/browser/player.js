// Watching films in a browser: unpacks the blobs of arenas/renderers/html.py and shows them.
// Data is written into the page as text only, never as markup.
"use strict";

const ArenasPlayer = (() => {
  const FORMAT = 2;
  // As in the window; Verdana is as wide.
  const FONT = '"DejaVu Sans", Verdana, sans-serif';
  const SPEEDS = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16];
  const SEATS = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442"]; // as in scene.py
  // Okabe and Ito's colours, which colour-blind people tell apart.
  const MARKS = ["#d55e00", "#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#e69f00", "#0072b2"];

  // Unpacking ----------------------------------------------------------------------------------

  /** The film in a blob. Rejects with an Error that says what is wrong with it. */
  async function unpack(blob) {
    if (typeof DecompressionStream === "undefined")
      throw new Error("this browser cannot unpack replays; one of 2023 or later can");
    let data;
    try {
      const bytes = Uint8Array.from(atob(blob.trim()), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      data = JSON.parse(await new Response(stream).text());
    } catch (error) {
      throw new Error(`the replay in this page is damaged (${error.message || error})`);
    }
    if (data.format !== FORMAT)
      throw new Error(`the replay in this page has format ${data.format}, not ${FORMAT}`);
    return new Film(data);
  }

  /** How many numbers an item has, besides those in its style. */
  const NUMBERS = {
    ground: () => 0,
    rect: () => 4,
    ellipse: () => 4,
    line: (style) => 2 * style[1],
    polygon: (style) => 2 * style[1],
    arc: () => 5,
    text: () => 2,
    image: () => 4,
  };

  class Film {
    constructor(data) {
      Object.assign(this, data); // fps, stage, counts, events, seats, agents, title, badge, ...
      this.first = []; // the number of the first picture of each step
      let pictures = 0;
      for (const count of data.counts) {
        this.first.push(pictures);
        pictures += count;
      }
      this.pictures = pictures;
      this.begins = []; // where the numbers of each item begin
      let at = 0;
      for (const style of data.items) {
        this.begins.push(at);
        at += NUMBERS[data.styles[style][0]](data.styles[style]);
      }
      this.addUp();
      // By steps, of a step by views: in the order in which new items were numbered.
      const scripts = this.views.map((view) => view.pictures);
      let told = 0;
      for (const view of this.views) view.pictures = [];
      for (let t = 0; t < data.counts.length; t++) {
        for (let v = 0; v < scripts.length; v++) {
          if (v && !scripts[v].length) continue; // the seat sees all
          for (let p = this.first[t]; p < this.first[t] + data.counts[t]; p++) {
            const script = scripts[v][p];
            const whole = script[0] === -1;
            const before = whole ? this.views[0].pictures[p] : p ? this.views[v].pictures[p - 1] : [];
            if (script.length === (whole ? 1 : 0)) {
              this.views[v].pictures.push(before);
              continue;
            }
            const next = [];
            let i = 0;
            for (let k = whole ? 1 : 0; k < script.length; k += 3) {
              for (const kept = i + script[k]; i < kept; i++) next.push(before[i]);
              i += script[k + 1];
              for (const back of script[k + 2]) {
                next.push(told - back);
                if (back === 0) told++;
              }
            }
            while (i < before.length) next.push(before[i++]);
            this.views[v].pictures.push(next);
          }
        }
      }
      for (const view of this.views) {
        if (!view.pictures.length) view.pictures = this.views[0].pictures;
        let panel = null;
        view.panels = view.panels.map((change) => (panel = changed(panel, change)));
      }
      this.images = new Map();
    }

    /** Numbers are told by differences: see `told_apart` of html.py. */
    addUp() {
      const { styles, items, begins, numbers } = this;
      const last = new Map(); // by kind and count, where the numbers of the last such item begin
      items.forEach((style, item) => {
        const kind = styles[style][0], count = NUMBERS[kind](styles[style]);
        const begin = begins[item], before = last.get(kind + count);
        if (before !== undefined)
          for (let k = 0; k < count; k++) numbers[begin + k] += numbers[before + k];
        last.set(kind + count, begin);
      });
      items.forEach((style, item) => {
        const kind = styles[style][0];
        if (kind !== "line" && kind !== "polygon") return;
        const end = begins[item] + NUMBERS[kind](styles[style]);
        for (let k = begins[item] + 2; k < end; k++) numbers[k] += numbers[k - 2];
      });
    }

    /** The last step. */
    get last() {
      return this.counts.length - 1;
    }

    /** The picture that stands after step t. */
    picture(t) {
      return this.first[t] + this.counts[t] - 1;
    }

    /** The items of a picture, as lists: kind, what is in the style, numbers. */
    scene(view, picture) {
      return this.views[view].pictures[picture].map((item) => {
        const style = this.styles[this.items[item]];
        const begin = this.begins[item];
        return [style, this.numbers.slice(begin, begin + NUMBERS[style[0]](style))];
      });
    }
  }

  /** A JSON value, changed as `difference` of html.py tells. */
  function changed(before, change) {
    if (change === 0) return before;
    if (Array.isArray(change)) return change[0];
    const now = Array.isArray(before) ? before.slice() : { ...before };
    for (const key of Object.keys(change)) now[key] = changed(before[key], change[key]);
    return now;
  }

  // Painting -----------------------------------------------------------------------------------

  /** Draw a picture of a film on a canvas's context, whose whole area is the stage. */
  function paint(context, film, view, picture) {
    const { styles, items, numbers, begins, stage } = film;
    const scale = context.canvas.width / stage[0];
    context.setTransform(scale / 10, 0, 0, context.canvas.height / stage[1] / 10, 0, 0);
    context.lineCap = context.lineJoin = "round";
    context.textBaseline = "alphabetic";
    context.direction = "ltr";
    for (const item of film.views[view].pictures[picture]) {
      const style = styles[items[item]];
      PAINT[style[0]](context, style, numbers, begins[item], film);
    }
  }

  function fillAndStroke(context, fill, stroke, thickness) {
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke) {
      context.strokeStyle = stroke;
      context.lineWidth = 10 * thickness;
      context.stroke();
    }
  }

  function path(context, count, n, at) {
    context.beginPath();
    context.moveTo(n[at], n[at + 1]);
    for (let i = 1; i < count; i++) context.lineTo(n[at + 2 * i], n[at + 2 * i + 1]);
  }

  // Numbers are tenths of a logical pixel, and the context is scaled so.
  const PAINT = {
    ground(context, style, n, at, film) {
      context.fillStyle = style[1];
      context.fillRect(0, 0, 10 * film.stage[0], 10 * film.stage[1]);
    },
    rect(context, [, fill, stroke, thickness, radius], n, at) {
      const x = n[at], y = n[at + 1], width = n[at + 2], height = n[at + 3];
      context.beginPath();
      if (radius) context.roundRect(x, y, width, height, 10 * radius);
      else context.rect(x, y, width, height);
      fillAndStroke(context, fill, stroke, thickness);
    },
    ellipse(context, [, fill, stroke, thickness], n, at) {
      context.beginPath();
      context.ellipse(n[at], n[at + 1], n[at + 2], n[at + 3], 0, 0, 2 * Math.PI);
      fillAndStroke(context, fill, stroke, thickness);
    },
    line(context, [, count, stroke, thickness], n, at) {
      path(context, count, n, at);
      fillAndStroke(context, "", stroke, thickness);
    },
    polygon(context, [, count, fill, stroke, thickness], n, at) {
      path(context, count, n, at);
      context.closePath();
      fillAndStroke(context, fill, stroke, thickness);
    },
    arc(context, [, stroke, thickness], n, at) {
      context.beginPath();
      context.arc(n[at], n[at + 1], n[at + 2], n[at + 3] / 1000, n[at + 4] / 1000);
      fillAndStroke(context, "", stroke, thickness);
    },
    text(context, [, text, size, fill, anchor, bold], n, at) {
      context.font = `${bold ? "bold " : ""}${10 * size}px ${FONT}`;
      context.textAlign = anchor === "middle" ? "center" : anchor === "end" ? "right" : "left";
      context.fillStyle = fill;
      // The middle between DejaVu's ascender and descender, where the window puts it.
      context.fillText(text, n[at], n[at + 1] + 3.46 * size);
    },
    image(context, style, n, at, film) {
      let canvas = film.images.get(style);
      if (!canvas) {
        const [, columns, rows, coded] = style;
        canvas = document.createElement("canvas");
        canvas.width = columns;
        canvas.height = rows;
        const pixels = Uint8ClampedArray.from(atob(coded), (c) => c.charCodeAt(0));
        canvas.getContext("2d").putImageData(new ImageData(pixels, columns, rows), 0, 0);
        film.images.set(style, canvas);
      }
      context.imageSmoothingEnabled = false;
      context.drawImage(canvas, n[at], n[at + 1], n[at + 2], n[at + 3]);
    },
  };

  // The page ------------------------------------------------------------------------------------

  /** An element with attributes and children; strings become text. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  /** An icon of 24 × 24 by the path of its outline. */
  function icon(outline) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("d", outline);
    svg.append(shape);
    return svg;
  }

  const ICONS = {
    play: "M7 4v16l13-8z",
    pause: "M6 4h4v16H6zM14 4h4v16h-4z",
    back: "M17 5v14L8 12zM5 5h2v14H5z",
    forward: "M7 5v14l9-7zM17 5h2v14h-2z",
    earlier: "M20 5v14l-8-7zM11 5v14l-8-7z",
    later: "M4 5v14l8-7zM13 5v14l8-7z",
    together: "M3 5h8v14H3zM13 5h8v14h-8z",
    whole: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  };

  const KEYS = [
    ["Space", "play or pause"],
    ["← →", "a step back or forward; with Shift, ten"],
    [", .", "a picture back or forward"],
    ["Home End", "the start, the end"],
    ["[ ]", "the event before or after"],
    ["↓ ↑", "slower, faster"],
    ["S", "the next seat's view; with Shift, the one before"],
    ["0 … 9", "everything, or the view of the 1st to 9th seat in the list"],
    ["N P", "the next or previous replay"],
    ["B", "several replays side by side, or one after another"],
    ["C", "copy the command that plays it again"],
    ["F", "full screen"],
    ["?", "this help"],
  ];

  class Player {
    constructor(root, blobs, options) {
      this.blobs = blobs;
      this.films = blobs.map(() => null); // unpacked when first shown
      this.active = 0; // the film that panel, badge and scrub bar are about
      this.clock = 0; // in steps; between t - 1 and t the pictures that lead to t
      this.view = 0; // an index into the film's views
      this.speed = 1;
      this.playing = false;
      this.together = false;
      this.stages = [];
      this.build(options || {});
      root.replaceChildren(this.root);
      root.arenasPlayer = this;
      this.resized = new ResizeObserver(() => this.paint());
      this.ready = this.open(0);
    }

    build({ whole = false, keys = null }) {
      const button = (name, label, act) =>
        make("button", { type: "button", "aria-label": label, title: label, onclick: act },
          icon(ICONS[name]));
      this.stagesBox = make("div", { class: "arenas-stages" });
      this.panel = make("aside", { class: "arenas-panel", "aria-label": "This step", tabindex: "0" });
      this.marks = make("canvas", { class: "arenas-marks", "aria-hidden": "true" });
      this.marks.addEventListener("click", (e) => this.seekMark(e));
      this.marks.addEventListener("mousemove", (e) => {
        const event = this.markAt(e);
        this.marks.title = event ? `step ${event[0]}: ${event[2]}` : "";
      });
      this.scrub = make("input", {
        class: "arenas-scrub", type: "range", min: "0", max: "0", value: "0", step: "1",
        "aria-label": "Step", oninput: () => this.seek(Number(this.scrub.value)),
      });
      this.playButton = button("play", "Play", () => this.toggle());
      this.time = make("output", { class: "arenas-time" });
      this.happened = make("span", { class: "arenas-happened" });
      this.legend = make("p", { class: "arenas-legend", "aria-label": "Marks of events" });
      this.speedSelect = make("select", {
        "aria-label": "Speed", title: "Speed",
        onchange: () => this.setSpeed(Number(this.speedSelect.value)),
      }, ...SPEEDS.map((s) => make("option", { value: s }, `${s}×`)));
      this.seatSelect = make("select", {
        "aria-label": "What is shown", title: "What is shown",
        onchange: () => this.setView(Number(this.seatSelect.value)),
      });
      this.filmSelect = make("select", {
        class: "arenas-film", "aria-label": "Replay", title: "Replay",
        onchange: () => this.open(Number(this.filmSelect.value)),
      });
      this.togetherButton = button("together", "Side by side", () => this.setTogether(!this.together));
      this.togetherButton.setAttribute("aria-pressed", "false");
      const several = this.blobs.length > 1;
      this.badge = make("button", { type: "button", class: "arenas-badge", onclick: () => this.copy() });
      this.said = make("span", { class: "arenas-said", role: "status" });
      const helpButton = make("button", {
        type: "button", "aria-label": "Keyboard help", title: "Keyboard help (?)",
        onclick: () => this.help(),
      }, "?");
      this.helpBox = make("dialog", { class: "arenas-help", "aria-label": "Keyboard help" },
        make("h2", {}, "Keys"),
        make("table", {}, ...KEYS.map(([key, what]) =>
          make("tr", {}, make("th", { scope: "row" }, key), make("td", {}, what)))),
        make("button", { type: "button", onclick: () => this.helpBox.close() }, "Close"));
      this.root = make("div", {
        class: `arenas${whole ? " arenas-whole" : ""}`, role: "group", "aria-label": "Replay",
        tabindex: "-1",
      },
        make("div", { class: "arenas-parts" },
          make("div", { class: "arenas-main" }, this.stagesBox, this.panel),
          make("div", { class: "arenas-bar" },
          make("div", { class: "arenas-track" }, this.marks, this.scrub),
          this.legend,
          make("div", { class: "arenas-buttons" },
            button("earlier", "Event before", () => this.event(-1)),
            button("back", "Step back", () => this.step(-1)),
            this.playButton,
            button("forward", "Step forward", () => this.step(1)),
            button("later", "Next event", () => this.event(1)),
            this.time, this.speedSelect, this.seatSelect,
            ...(several ? [this.filmSelect, this.togetherButton] : []),
            this.happened, this.said, this.badge,
            button("whole", "Full screen", () => this.fullScreen()), helpButton))),
        this.helpBox);
      this.keyTarget = whole ? document : this.root;
      this.onKey = (e) => this.key(e);
      this.keyTarget.addEventListener("keydown", this.onKey);
      this.onClick = () => {
        if (!this.root.contains(document.activeElement)) this.root.focus({ preventScroll: true });
      };
      this.stagesBox.addEventListener("click", this.onClick);
    }

    /** Take the player out of the page. */
    remove() {
      this.pause();
      this.resized.disconnect();
      this.keyTarget.removeEventListener("keydown", this.onKey);
      this.root.remove();
    }

    get film() {
      return this.films[this.active];
    }

    /** The films that are on stage, by index. */
    get shown() {
      return this.together ? this.films.map((_, i) => i) : [this.active];
    }

    /** The last step of the longest film on stage. */
    get last() {
      return Math.max(0, ...this.shown.map((i) => (this.films[i] ? this.films[i].last : 0)));
    }

    /** Step and picture of a film at the clock's time. */
    moment(film) {
      const clock = Math.min(this.clock, film.last);
      const t = Math.ceil(clock);
      const passed = Math.floor((clock - t + 1) * film.counts[t] + 1e-6);
      if (passed === 0) return { t: t - 1, picture: film.picture(t - 1) };
      return { t, picture: film.first[t] + passed - 1 };
    }

    /** The step that is shown. */
    get t() {
      return this.film ? this.moment(this.film).t : 0;
    }

    // What the controls do ------------------------------------------------------------------------

    /** Show another film from its start. */
    async open(index, playing = false) {
      this.pause();
      this.active = index;
      this.clock = 0;
      return this.arrange(playing);
    }

    /** Unpack what is to be shown, and set the stage. */
    async arrange(playing = false) {
      const turn = (this.turn = (this.turn || 0) + 1);
      this.root.setAttribute("aria-busy", "true");
      try {
        for (const i of this.shown) this.films[i] = this.films[i] || (await unpack(this.blobs[i]));
      } catch (error) {
        this.fail(error.message);
        return;
      }
      if (turn !== this.turn) return; // something else was asked for meanwhile
      this.root.removeAttribute("aria-busy");
      this.view = Math.min(this.view, this.film.views.length - 1);
      this.setStages();
      this.fillControls();
      this.update();
      if (playing) this.play();
    }

    fail(message) {
      this.root.removeAttribute("aria-busy");
      this.root.replaceChildren(make("p", { class: "arenas-error", role: "alert" }, message));
    }

    setStages() {
      this.resized.disconnect();
      this.stages = this.shown.map((i) => {
        const canvas = make("canvas", { role: "img" });
        const caption = make("figcaption", {}, this.films[i].title);
        const figure = make("figure", {}, canvas, caption);
        caption.hidden = this.blobs.length < 2;
        if (this.together) {
          figure.addEventListener("click", () => this.focusFilm(i));
          figure.classList.toggle("arenas-focused", i === this.active);
        }
        return { film: i, canvas, figure, context: canvas.getContext("2d") };
      });
      this.stagesBox.replaceChildren(...this.stages.map((s) => s.figure));
      this.stagesBox.style.setProperty("--columns", Math.ceil(Math.sqrt(this.stages.length)));
      this.root.classList.toggle("arenas-together", this.together);
      for (const { canvas } of this.stages) this.resized.observe(canvas);
      this.resized.observe(this.marks);
    }

    /** Of films side by side, the one that panel, badge and scrub bar are about. */
    focusFilm(index) {
      this.active = index;
      for (const s of this.stages) s.figure.classList.toggle("arenas-focused", s.film === index);
      this.view = Math.min(this.view, this.film.views.length - 1);
      this.fillControls();
      this.update();
    }

    fillControls() {
      const film = this.film;
      this.scrub.max = this.last;
      this.seatSelect.replaceChildren(...film.views.map((view, i) =>
        make("option", { value: i }, this.viewName(film, view))));
      this.seatSelect.hidden = film.views.length < 2;
      this.filmSelect.replaceChildren(...this.blobs.map((_, i) => make("option", { value: i },
        `${i + 1}. ${this.films[i] ? this.films[i].title : "replay"}`)));
      this.badge.replaceChildren(film.badge);
      this.badge.title = film.command ? `Copy the command: ${film.command}` : "";
      this.badge.setAttribute("aria-label",
        film.command ? `${film.badge}: copy the command that plays it again` : film.badge);
      this.kinds = [...new Set(film.events.map((e) => e[1]))];
      this.legend.replaceChildren(...this.kinds.map((kind, i) => {
        const mark = make("span", { class: "arenas-mark", "aria-hidden": "true" });
        mark.style.background = MARKS[i % MARKS.length];
        return make("span", {}, mark, kind);
      }));
    }

    viewName(film, view) {
      if (view.seat === null) return "everything";
      const seat = film.seats[view.seat], agent = film.agents[view.seat];
      return seat === agent ? `${seat} sees` : `${seat} (${agent}) sees`;
    }

    play() {
      if (this.playing || !this.film) return;
      if (this.clock >= this.last) this.clock = 0;
      this.playing = true;
      this.since = null;
      this.showPlaying();
      this.frame = requestAnimationFrame((now) => this.tick(now));
    }

    pause() {
      this.playing = false;
      cancelAnimationFrame(this.frame);
      clearTimeout(this.waiting);
      this.showPlaying();
    }

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    showPlaying() {
      const label = this.playing ? "Pause" : "Play";
      this.playButton.replaceChildren(icon(ICONS[label.toLowerCase()]));
      this.playButton.setAttribute("aria-label", label);
      this.playButton.title = label;
    }

    tick(now) {
      if (!this.playing) return;
      // A tab that slept does not leap.
      const seconds = this.since === null ? 0 : Math.min(0.25, (now - this.since) / 1000);
      this.since = now;
      this.clock = Math.min(this.last, this.clock + seconds * this.film.fps * this.speed);
      this.update();
      if (this.clock < this.last) {
        this.frame = requestAnimationFrame((later) => this.tick(later));
      } else if (!this.together && this.active + 1 < this.blobs.length) {
        this.waiting = setTimeout(() => this.open(this.active + 1, true), 1000);
      } else {
        this.pause();
      }
    }

    /** Show the situation after t steps. */
    seek(t) {
      this.clock = Math.min(this.last, Math.max(0, t));
      this.update();
    }

    /** Go by whole steps. */
    step(count) {
      this.pause();
      this.seek(count > 0 ? Math.floor(this.clock + 1e-6) + count : Math.ceil(this.clock - 1e-6) + count);
    }

    /** Go to the next picture, or the one before, of those between steps. */
    stepPicture(count) {
      this.pause();
      const { film } = this;
      if (!film) return;
      const picture = this.moment(film).picture + count;
      if (picture < 0 || picture >= film.pictures) return;
      const t = film.first.findLastIndex((first) => first <= picture);
      this.seek(t - 1 + (picture - film.first[t] + 1) / film.counts[t]);
    }

    /** The events that this view shows: not those that tell what its seat does not know. */
    events() {
      const { seat } = this.film.views[this.view];
      return this.film.events.filter((e) => !e[4].includes(seat));
    }

    /** Go to the next event, or the one before. */
    event(direction) {
      this.pause();
      if (!this.film) return;
      const steps = this.events().map((e) => e[0]);
      const found = direction > 0
        ? steps.find((t) => t > this.clock)
        : steps.findLast((t) => t < this.clock);
      if (found !== undefined) this.seek(found);
    }

    setSpeed(speed) {
      this.speed = speed;
      this.speedSelect.value = String(speed);
    }

    faster(by) {
      const i = SPEEDS.indexOf(this.speed) + by;
      if (SPEEDS[i]) this.setSpeed(SPEEDS[i]);
    }

    /** Show everything, or what a seat sees. */
    setView(view) {
      if (!this.film || !this.film.views[view]) return;
      this.view = view;
      this.update();
    }

    setTogether(together) {
      if (this.blobs.length < 2) return;
      this.pause();
      this.together = together;
      this.togetherButton.setAttribute("aria-pressed", String(together));
      this.ready = this.arrange();
    }

    async copy() {
      const command = this.film && this.film.command;
      if (!command) return;
      try {
        await navigator.clipboard.writeText(command);
      } catch {
        // Not allowed here, as in a sandboxed frame: the old way, which a click or key permits.
        const box = make("textarea", { readonly: "", class: "arenas-hidden" });
        box.value = command;
        this.root.append(box);
        const focused = document.activeElement;
        box.select();
        const copied = document.execCommand("copy");
        box.remove();
        if (focused) focused.focus();
        if (!copied) {
          this.say(command);
          return;
        }
      }
      this.say("copied");
    }

    say(text) {
      this.said.textContent = text;
      clearTimeout(this.saying);
      this.saying = setTimeout(() => (this.said.textContent = ""), 4000);
    }

    help() {
      if (this.helpBox.open) this.helpBox.close();
      else this.helpBox.showModal();
    }

    fullScreen() {
      if (document.fullscreenElement) document.exitFullscreen();
      else if (this.root.requestFullscreen)
        this.root.requestFullscreen().catch(() => this.say("full screen is not allowed here"));
    }

    key(e) {
      if (!this.film || e.ctrlKey || e.altKey || e.metaKey) return;
      if (this.helpBox.open && e.key !== "?") return;
      const tag = e.target.tagName;
      if (tag === "SELECT" && e.key !== "?") return; // its own keys choose from it
      if ((tag === "BUTTON" || tag === "A") && (e.key === " " || e.key === "Enter")) return;
      const act = {
        " ": () => this.toggle(),
        ArrowLeft: () => this.step(e.shiftKey ? -10 : -1),
        ArrowRight: () => this.step(e.shiftKey ? 10 : 1),
        ",": () => this.stepPicture(-1),
        ".": () => this.stepPicture(1),
        Home: () => this.seek(0),
        End: () => this.seek(this.last),
        "[": () => this.event(-1),
        "]": () => this.event(1),
        ArrowUp: () => this.faster(1),
        ArrowDown: () => this.faster(-1),
        "+": () => this.faster(1),
        "-": () => this.faster(-1),
        s: () => this.setView((this.view + 1) % this.film.views.length),
        S: () => this.setView((this.view || this.film.views.length) - 1),
        n: () => this.active + 1 < this.blobs.length && this.turnTo(this.active + 1),
        p: () => this.active > 0 && this.turnTo(this.active - 1),
        b: () => this.setTogether(!this.together),
        c: () => this.copy(),
        f: () => this.fullScreen(),
        "?": () => this.help(),
      }[e.key] || (/^[0-9]$/.test(e.key) && (() => this.setView(Number(e.key))));
      if (!act) return;
      e.preventDefault();
      act();
    }

    turnTo(index) {
      if (this.together) this.focusFilm(index);
      else this.ready = this.open(index);
    }

    // Showing it ----------------------------------------------------------------------------------

    /** Bring everything on the page to the clock's time. */
    update() {
      if (!this.film) return;
      const { t } = this.moment(this.film);
      this.scrub.value = Math.floor(this.clock + 1e-6);
      this.scrub.setAttribute("aria-valuetext", `step ${t} of ${this.film.last}`);
      this.time.textContent = `step ${t} / ${this.film.last}`;
      this.seatSelect.value = String(this.view);
      this.filmSelect.value = String(this.active);
      this.speedSelect.value = String(this.speed);
      const events = this.events().filter((e) => e[0] === t);
      this.happened.textContent = events.map((e) => e[2]).join(" · ");
      this.paint();
      this.paintPanel(t);
    }

    paint() {
      for (const { film: i, canvas, context } of this.stages) {
        const film = this.films[i];
        const width = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1));
        if (!width) continue; // not laid out
        const height = Math.round((width * film.stage[1]) / film.stage[0]);
        if (canvas.width !== width || canvas.height !== height) {
          canvas.width = width;
          canvas.height = height;
        }
        const { t, picture } = this.moment(film);
        paint(context, film, Math.min(this.view, film.views.length - 1), picture);
        canvas.setAttribute("aria-label", `${film.title}, step ${t} of ${film.last}`);
      }
      this.paintMarks();
    }

    /** Events above the scrub bar: each kind in a colour and a row of its own. */
    paintMarks() {
      const { marks, film } = this;
      const ratio = window.devicePixelRatio || 1;
      const width = Math.round(marks.clientWidth * ratio), height = Math.round(marks.clientHeight * ratio);
      const key = `${this.active} ${this.view} ${this.last} ${width} ${height}`;
      if (this.marked === key || !width || !film) return; // without a film: it is being unpacked
      this.marked = key;
      marks.width = width;
      marks.height = height;
      const context = marks.getContext("2d");
      const rows = Math.min(3, Math.max(1, this.kinds.length));
      for (const [step, kind] of this.events()) {
        const i = this.kinds.indexOf(kind);
        context.fillStyle = MARKS[i % MARKS.length];
        context.fillRect(this.markX(step) * ratio - ratio, ((i % rows) * height) / rows,
          2 * ratio, height / rows - ratio);
      }
    }

    /** Where a step lies on the strip of marks; the thumb of the scrub bar is 16 pixels wide. */
    markX(step) {
      return 8 + ((this.marks.clientWidth - 16) * step) / Math.max(1, this.last);
    }

    /** The event that is marked near the pointer. */
    markAt(e) {
      let best = null, least = 6;
      for (const event of this.film ? this.events() : []) {
        const distance = Math.abs(this.markX(event[0]) - e.offsetX);
        if (distance < least) [best, least] = [event, distance];
      }
      return best;
    }

    seekMark(e) {
      if (!this.film) return;
      const event = this.markAt(e);
      this.pause();
      this.seek(event ? event[0]
        : Math.round(((e.offsetX - 8) / (this.marks.clientWidth - 16)) * this.last));
    }

    /** The facts of the step, as `panel` of arenas/renderers/panel.py gives them. */
    paintPanel(t) {
      const facts = this.film.views[this.view].panels[t];
      if (facts === this.facts) return;
      this.facts = facts;
      const top = this.panel.scrollTop;
      const limit = facts.limit ? `, at most ${facts.limit}` : "";
      const head = make("p", { class: "arenas-when" },
        make("strong", {}, `step ${facts.step}`), ` of ${facts.steps}${limit}`);
      if (facts.end) head.append(" · ", make("strong", {}, facts.end));
      this.panel.replaceChildren(head);
      if (facts.events.length)
        this.panel.append(make("p", { class: "arenas-events" }, facts.events.join(" · ")));
      // Where many have much to tell, a list of short lines; else a card each.
      const brief = facts.seats.length > 6;
      // Long lists of legal actions are opened by hand, and stay open.
      const words = facts.seats.reduce((sum, seat) => sum + (seat.legal || []).length, 0);
      const open = this.legalOpen === undefined ? words <= 40 : this.legalOpen;
      const opened = (value) => (this.legalOpen = value);
      this.panel.append(...facts.seats.map((seat) =>
        brief ? briefly(seat) : card(seat, open, opened)));
      this.panel.scrollTop = top;
    }
  }

  /** A number with its sign, a minus as long as the plus. */
  function signed(x) {
    if (x === null) return "–";
    return x < 0 ? `−${-x}` : x > 0 ? `+${x}` : "0";
  }

  function plain(x) {
    return x === null ? "–" : x < 0 ? `−${-x}` : String(x);
  }

  function dot(seat) {
    const element = make("span", { class: "arenas-dot", "aria-hidden": "true" });
    element.style.background = SEATS[seat % SEATS.length];
    return element;
  }

  /** A seat's facts as a card; its legal actions are open or not, and `opened` is told of it. */
  function card(seat, open, opened) {
    const box = make("section", { class: seat.acts ? "arenas-card arenas-acts" : "arenas-card" });
    const name = make("h3", {}, dot(seat.seat), seat.name);
    if (seat.agent !== seat.name) name.append(make("span", { class: "arenas-agent" }, seat.agent));
    const facts = make("dl", {});
    const fact = (what, value) => facts.append(make("dt", {}, what), make("dd", {}, value));
    fact("return", plain(seat.return));
    fact("reward", signed(seat.reward));
    if (seat.value !== null) fact("value", plain(seat.value));
    if (seat.did !== null) fact("did", seat.did);
    if (seat.chose !== null) fact("chooses", seat.chose);
    else if (seat.acts) fact("chooses", "not yet known");
    box.append(name, facts);
    if (seat.probabilities) {
      box.append(make("h4", {}, "probabilities"), ...seat.probabilities.map(([word, share]) => {
        const row = make("div", { class: word === seat.chose ? "arenas-share arenas-chosen" : "arenas-share" },
          make("span", {}, word), make("span", {}, `${(100 * share).toFixed(1)} %`));
        row.style.setProperty("--share", `${100 * share}%`);
        return row;
      }));
    } else if (seat.legal) {
      const summary = make("summary", {}, `${seat.legal.length} legal`);
      const details = make("details", open ? { open: "" } : {}, summary,
        make("ul", { class: "arenas-legal" }, ...seat.legal.map((word) =>
          make("li", word === seat.chose ? { class: "arenas-chosen" } : {}, word))));
      summary.addEventListener("click", () => opened(!details.open));
      box.append(details);
    }
    return box;
  }

  /** A seat's facts in two lines. */
  function briefly(seat) {
    return make("div", { class: seat.acts ? "arenas-brief arenas-acts" : "arenas-brief" },
      make("div", {}, make("span", {}, dot(seat.seat), seat.name),
        make("span", { class: "arenas-number" }, plain(seat.return))),
      make("div", { class: "arenas-agent" },
        make("span", {}, seat.chose !== null ? seat.chose : seat.did || "–"),
        make("span", { class: "arenas-number" }, signed(seat.reward))));
  }

  return {
    /**
     * Show films in an element.
     * @param {Element} root is emptied first.
     * @param {string[]} blobs of `arenas.renderers.html.blob`.
     * @param {object} options whole: the page is for this player alone; it takes all keys and
     *   fits the window.
     * @returns {Player} has `ready`, a promise; `seek(t)`, `play()`, `pause()` and `remove()`.
     */
    mount: (root, blobs, options) => new Player(root, blobs, options),
    unpack,
    paint,
  };
})();
