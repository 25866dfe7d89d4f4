// Takes a folder or files, by buttons or by dropping, and sends the sound files among them, a few at a time.
// mountUploads(element, { words, suffixes, send, done }): send(file) returns { path, url }; done(files) gets
// gradio's file data, with the place in the folder as orig_name. data-state: "empty", "sending", "ready",
// "failed".

const SENT_AT_ONCE = 4;

/** @typedef {[file: File, place: string]} Placed */

/** @param {HTMLElement} element @param {UploadOptions} options */
function mountUploads(element, { words, suffixes, send, done }) {
  let choice = 0; // counts the choices: an earlier one that is still being sent is given up

  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag @param {string} className @param {string} [text]
   */
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    node.className = className;
    if (text) node.textContent = text;
    return node;
  };
  /** @param {string} sentence @param {Record<string, string | number>} parts */
  const filled = (sentence, parts) => sentence.replace(/\{(\w+)\}/g, (_, name) => String(parts[name]));

  /** A button and the hidden input that it opens. @param {boolean} folder */
  const picker = (folder) => {
    const input = make("input", "picker");
    Object.assign(input, { type: "file", multiple: true, hidden: true, webkitdirectory: folder });
    if (!folder) input.accept = suffixes.join(",");
    input.addEventListener("change", () => {
      take([...(input.files || [])].map((file) => [file, file.webkitRelativePath || file.name]));
      input.value = ""; // the same folder may be chosen again
    });
    const button = make("button", "choose", folder ? words.folder : words.files);
    button.type = "button";
    button.addEventListener("click", () => input.click());
    return [button, input];
  };
  const title = make("p", "title", words.label);
  const drop = make("span", "drop-hint", words.drop);
  const choices = make("div", "choices");
  choices.append(...picker(true), ...picker(false), drop);
  const state = make("p", "state");
  state.setAttribute("role", "status");
  const bar = make("progress", "sent");
  bar.hidden = true;
  bar.setAttribute("aria-label", words.label);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", words.label);
  element.replaceChildren(title, choices, bar, state);

  /** @param {"empty" | "sending" | "ready" | "failed"} name @param {string} sentence */
  function show(name, sentence) {
    element.dataset.state = name;
    state.textContent = sentence;
    bar.hidden = name !== "sending";
  }

  /** @param {string} place */
  const hidden = (place) => place.split("/").some((part) => part.startsWith("."));
  /** @param {string} place */
  const sounds = (place) => suffixes.some((suffix) => place.toLowerCase().endsWith(suffix));

  /** Sends files, each with its place. @param {Placed[]} pairs */
  async function take(pairs) {
    const mine = (choice += 1);
    const wanted = pairs.filter(([, place]) => sounds(place) && !hidden(place));
    if (!wanted.length) {
      done(null);
      return void show("empty", words.none);
    }
    const total = wanted.length;
    const files = new Array(total);
    let [next, sent] = [0, 0];
    bar.max = total;
    bar.value = 0;
    show("sending", filled(words.sending, { done: 0, total }));
    const work = async () => {
      while (next < total && mine === choice) {
        const number = next++;
        const [file, place] = wanted[number];
        const { path, url } = await send(file).catch(() => Promise.reject(place));
        files[number] = { path, url, orig_name: place, size: file.size, meta: { _type: "gradio.FileData" } };
        sent += 1;
        if (mine !== choice) return;
        bar.value = sent;
        state.textContent = filled(words.sending, { done: sent, total });
      }
    };
    try {
      await Promise.all(Array.from({ length: SENT_AT_ONCE }, work));
    } catch (place) {
      if (mine !== choice) return;
      choice += 1; // the others stop
      done(null);
      return void show("failed", filled(words.failed, { name: String(place) }));
    }
    if (mine !== choice) return;
    const folders = new Set(wanted.map(([, place]) => place.slice(0, place.lastIndexOf("/") + 1))).size;
    show("ready", filled(total === 1 ? words.one : folders === 1 ? words.some : words.many, { total, folders }));
    done(files);
  }

  // ---- dropping

  /** All files below a dropped entry. @param {FileSystemEntry} entry @returns {Promise<Placed[]>} */
  async function filesOf(entry) {
    if (entry.isFile) {
      const found = /** @type {FileSystemFileEntry} */ (entry);
      const file = await new Promise((resolve, reject) => found.file(resolve, reject));
      return [[file, entry.fullPath.replace(/^\//, "")]];
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    /** @type {FileSystemEntry[]} */
    const inside = [];
    for (;;) {
      /** @type {FileSystemEntry[]} */
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) break; // a reader gives a folder in portions
      inside.push(...some);
    }
    return (await Promise.all(inside.map(filesOf))).flat();
  }

  /** @param {DragEvent} event @param {boolean} is */
  const over = (event, is) => {
    event.preventDefault();
    element.classList.toggle("over", is);
  };
  element.addEventListener("dragover", (event) => over(event, true));
  element.addEventListener("dragleave", (event) => over(event, false));
  element.addEventListener("drop", async (event) => {
    over(event, false);
    const dropped = event.dataTransfer ? [...event.dataTransfer.items] : [];
    const entries = dropped.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
    const pairs = (await Promise.all(entries.map(filesOf))).flat();
    take(pairs.sort(([, a], [, b]) => (a < b ? -1 : 1)));
  });
}
