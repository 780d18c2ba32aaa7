# Net::HTTP with a verification callback that prints, a connection for each call: URL HOW. With "late" the prompt says so when 350 ms have
# passed, which they have in no run-ahead: the second call is then not the one that was foreseen.
require "json"
require "net/http"

uri = URI(ARGV[0] + "/chat/completions")
headers = { "Content-Type" => "application/json", "Authorization" => "Bearer secret-key-7351" }
clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
began = clock.()
8.times do |i|
  late = ARGV[1] == "late" && clock.() - began > 0.35
  http = Net::HTTP.new(uri.host, uri.port)
  http.use_ssl = true
  http.verify_callback = lambda do |ok, store|
    puts "call #{i} verifies #{store.current_cert.subject} at #{store.error_depth}: #{ok}, #{store.error}"
    ok
  end
  call = { model: "test-model", messages: [{ role: "user", content: "#{"late " if late}question #{i}" }] }
  answer = http.post(uri.path, JSON.dump(call), headers)
  puts JSON.parse(answer.body)["choices"][0]["message"]["content"]
  $stdout.flush
end
