# Independent calls with Ruby's Net::HTTP, at an address with or without TLS: on one connection that is kept ("keep"), or one for each call
# ("each").
require "json"
require "net/http"

uri = URI(ARGV[0] + "/chat/completions")
headers = { "Content-Type" => "application/json", "Authorization" => "Bearer secret-key-7351" }
call = ->(i) { JSON.dump({ model: "test-model", messages: [{ role: "user", content: "question #{i} é" }] }) }
show = lambda do |answer|
  puts JSON.parse(answer.body)["choices"][0]["message"]["content"]
  $stdout.flush
end

if ARGV[1] == "keep"
  Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https") do |http|
    8.times { |i| show.(http.post(uri.path, call.(i), headers)) }
  end
else
  8.times { |i| show.(Net::HTTP.post(uri, call.(i), headers)) }
end
