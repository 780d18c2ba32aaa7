# Eight calls through a proxy's tunnel with Ruby's Net::HTTP: URL PROXY, "keep" (one connection) or "each" (one for each call).
require "json"
require "net/http"

uri, proxy = URI(ARGV[0] + "/chat/completions"), URI(ARGV[1])
headers = { "Content-Type" => "application/json", "Authorization" => "Bearer secret-key-7351" }
start = ->(&calls) { Net::HTTP.start(uri.host, uri.port, proxy.host, proxy.port, use_ssl: true, &calls) }
ask = lambda do |http, i|
  call = JSON.dump({ model: "test-model", messages: [{ role: "user", content: "question #{i}" }] })
  puts JSON.parse(http.post(uri.path, call, headers).body)["choices"][0]["message"]["content"]
  $stdout.flush
end

if ARGV[2] == "keep"
  start.call { |http| 8.times { |i| ask.(http, i) } }
else
  8.times { |i| start.call { |http| ask.(http, i) } }
end
