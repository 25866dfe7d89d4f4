// Shows the hearings of this report in the player, follows light and dark, and lets the figure be taken away.

const { player, files } = JSON.parse(document.getElementById("hearings").textContent);
mountPlayer(document.getElementById("player"), { resolve: (name) => files[name] }).update(player);

const dark = matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", followTheme);
followTheme();

document.getElementById("take-figure").href = document.getElementById("figure").src;
