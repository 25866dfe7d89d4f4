// Shows the hearings of this report in the player, follows light and dark, and lets the figure be taken away.

/** An element that the report has. @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {{ player: ViewData, files: Record<string, string> }} */
const { player, files } = JSON.parse(byId("hearings").textContent);
mountPlayer(byId("player"), { resolve: (name) => files[name] }).update(player);

const dark = matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", followTheme);
followTheme();

const link = /** @type {HTMLAnchorElement} */ (byId("take-figure"));
link.href = /** @type {HTMLImageElement} */ (byId("figure")).src;
