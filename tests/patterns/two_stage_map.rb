# All items through a first stage, then all through a second, with Ruby's Net::HTTP.
require "json"
require "net/http"

uri = URI(ARGV[0] + "/chat/completions")
Net::HTTP.start(uri.host, uri.port) do |http|
  ask = lambda do |prompt|
    call = JSON.dump({ model: "test-model", messages: [{ role: "user", content: prompt }] })
    JSON.parse(http.post(uri.path, call, { "Content-Type" => "application/json" }).body)["choices"][0]["message"]["content"]
  end
  summaries = (0...6).map { |i| ask.("summarise chapter #{i}") }
  puts(summaries.map { |summary| ask.("translate: #{summary}") })
end
