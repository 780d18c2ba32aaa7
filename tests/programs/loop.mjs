// Calls awaited one after the other in Node: with fetch, or with http.request on a kept connection ("http").
import http from "node:http";
import https from "node:https";

const [url, client] = process.argv.slice(2);
const where = url + "/chat/completions";
const headers = { "Content-Type": "application/json", Authorization: "Bearer test-key" };
const module = where.startsWith("https") ? https : http;
const agent = new module.Agent({ keepAlive: true });

const ways = {
  fetch: async (body) => {
    const answer = await fetch(where, { method: "POST", headers, body });
    return [answer.status, await answer.text()];
  },
  http: (body) => new Promise((resolve, reject) => {
    const request = module.request(where, { method: "POST", headers, agent }, (answer) => {
      let text = "";
      answer.on("data", (piece) => { text += piece; });
      answer.on("end", () => resolve([answer.statusCode, text]));
    });
    request.on("error", reject);
    request.end(body);
  }),
};

for (let i = 0; i < 8; i++) {
  const content = `question ${i}` + (i === 4 ? "[[status=400]]" : "");
  const [status, text] = await ways[client](JSON.stringify({ model: "test-model", messages: [{ role: "user", content }] }));
  console.log(i, status, text);
}
agent.destroy();
