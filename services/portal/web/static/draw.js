// 在浏览器中重做抽取：与 shared/casework/draws.py 的 draw 完全相同；名单是对象，或是假名。
// Repeats a draw: sort the list, SHA-256 of "<seed>:<object>" in UTF-8, take the smallest. Nothing leaves this browser.
"use strict";
(() => {
  const box = document.getElementById("draw");
  if (!box) return;
  const said = document.getElementById("draw-said");
  const button = document.getElementById("draw-again");
  button.hidden = false;
  const bytes = new TextEncoder();
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");
  const sha256 = async (text) => hex(await crypto.subtle.digest("SHA-256", bytes.encode(text)));
  // Python sorts texts by code points, which is the order of their UTF-8 bytes; JavaScript's own order is another.
  const inOrder = (one, other) => {
    const a = bytes.encode(one), b = bytes.encode(other);
    for (let n = 0; n < Math.min(a.length, b.length); n += 1) if (a[n] !== b[n]) return a[n] - b[n];
    return a.length - b.length;
  };
  const draw = async (objects, count, seed) => {
    const listed = [...new Set(objects)].sort(inOrder);
    const keys = await Promise.all(listed.map((object) => sha256(`${seed}:${object}`)));
    const ranked = listed.map((object, n) => [keys[n], object]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    return ranked.slice(0, count).map((pair) => pair[1]).sort(inOrder);
  };
  const tell = (text, good) => { said.textContent = text; said.className = good ? "note good" : "note bad"; };
  button.addEventListener("click", async () => {
    try {
      if (!(globalThis.crypto && crypto.subtle)) throw new Error("此浏览器在未加密的连接上不能计算 SHA-256，请用 https 打开，或按下面的一行 Python 重做");
      const answer = await fetch(box.dataset.objects);
      if (!answer.ok) throw new Error("名单未能取得");
      const objects = (await answer.text()).split("\n");
      if (await sha256(objects.join("\n")) !== box.dataset.hash) return tell("名单的哈希与公布的不同：名单被改动过。", false);
      const found = await draw(objects, Number(box.dataset.count), box.dataset.seed);
      const decided = Array.from(document.querySelectorAll("#drawn li code"), (code) => code.textContent);
      const same = found.length === decided.length && found.every((object, n) => object === decided[n]);
      said.dataset.found = found.join("\n");
      tell(same ? `相同：从 ${objects.length} 个对象中抽出的 ${found.length} 个，与公布的逐个相同。` : "不同：重做的结果与公布的名单不一致。", same);
    } catch (fault) { tell(`未能重做：${fault.message}。`, false); }
  });
})();
