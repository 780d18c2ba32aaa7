# For each item three workers and a judge that reads all three, with a connection of Net::HTTP for each call.
require "json"
require "net/http"

uri = URI(ARGV[0] + "/chat/completions")
ask = lambda do |prompt|
  call = JSON.dump({ model: "test-model", messages: [{ role: "user", content: prompt }] })
  JSON.parse(Net::HTTP.post(uri, call, { "Content-Type" => "application/json" }).body)["choices"][0]["message"]["content"]
end
3.times do |i|
  views = %w[lawyer doctor farmer].map { |role| ask.("as a #{role}, assess item #{i}") }
  puts "#{i} #{ask.("judge:\n" + views.join("\n"))}"
  $stdout.flush
end
